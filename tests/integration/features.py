# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the running kernel has of what a kernel may lack, found by trying it on a throw-away host."""

from __future__ import annotations

from host import Host

# How a link of a kind is made that not every kernel has. Loading the module dummy makes a dummy0, unless told not to.
MAKE = {
    "dummy": "modprobe -q dummy numdummies=0 || :; ip link add {name} type dummy",
    "vlan": "ip link add under up type bridge; ip link add link under name {name} type vlan id 5",
    "vrf": "ip link add {name} type vrf table 5",
    "vxlan": "ip link add under up type bridge; ip link add {name} type vxlan id 5 dstport 4789 dev under",
}
TRIALS = {
    **{kind: make.format(name="tried") for kind, make in MAKE.items()},
    # A kernel without it ignores the wish.
    "vlan_filtering": "ip link add tried type bridge vlan_filtering 1 && ip -d link show tried | grep -q 'filtering 1'",
    # Not loaded here: it is the machine's bridges that would change.
    "br_netfilter": "test -e /proc/sys/net/bridge/bridge-nf-call-iptables",
    "netem": "tc qdisc add dev lo root netem delay 1ms",
}


def has(feature: str) -> bool:
    """Whether this kernel has it."""
    host = Host()
    try:
        return "had" in host.sh(f"if {{ {TRIALS[feature]}; }} >/dev/null 2>&1; then echo had; fi")
    finally:
        host.close()


def told() -> str:
    """What this kernel has and what it lacks, in a line for people."""
    having = [feature for feature in TRIALS if has(feature)]
    lacking = [feature for feature in TRIALS if feature not in having]
    return f"has {', '.join(having) or 'none'}; lacks {', '.join(lacking) or 'none'} of them"
