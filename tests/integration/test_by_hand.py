# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody adds by hand beside a topology, at any time, is all that is left after it."""

from __future__ import annotations

import re
from typing import Any

from host import Host
from hypothesis import given, settings
from hypothesis import strategies as st
from snapshot import snapshot
from test_properties import BOUNDED, draw, habits, held
from test_properties_faults import assert_same, steps_of, throw_away
from test_transaction import after, kill, refuse

COMMANDS = (
    "ip link add h0 type bridge && ip link set h0 up && ip address add 10.251.0.1/24 dev h0",
    "ip link add h1 type veth peer name h2 && ip link set h1 up && ip address add fd00:fe::1/64 dev h1 nodad",
    "ip netns add hand && ip link add h3 type veth peer name in netns hand && ip link set h3 up",
    "nft add table inet hand && nft add chain inet hand c '{ type filter hook forward priority 5; }'",
    "ip route add 10.252.0.0/16 via 192.0.2.1 dev eth0",
    "ip route add 10.253.0.0/16 dev eth1 metric 50",
    "ip route add blackhole 10.254.0.0/16",
    "ip -6 route add 2001:db8:fe::/64 via 2001:db8:2::1 dev eth0",
    "ip neighbor add 192.0.2.77 lladdr 02:00:00:00:77:77 dev eth0 nud permanent",
    "ip -n far-eth0 route add blackhole 10.254.0.0/16",
    "ip link set theirs up txqueuelen 55 && ip address add 10.249.0.1/24 dev theirs",
    "ip link add h4 type veth peer name h5 && ip link set h4 master theirs",
    "bridge link show dev eth1 | grep -q 'master theirs ' && bridge link set dev eth1 flood off",
    "echo 4 > /proc/sys/net/ipv4/conf/eth0/tag",
    "echo 2 > /proc/sys/net/ipv6/conf/theirs/accept_ra",
)
# A run after it takes these away, where a document says which addresses a link has, or which MAC.
LATE = (
    "ip address add 10.246.0.1/24 dev eth1",
    # After the one that was found: if that comes back later, it comes after this one.
    "ip address show dev eth1 | grep -q 'inet 198.51.100.7/' && ip address add 198.51.100.99/24 dev eth1",
    "ip address add 2001:db8:246::1/64 dev eth1 nodad",
    "ip neighbor add 198.51.100.77 lladdr 02:00:00:00:77:78 dev eth1 nud permanent",
    "ip link add link eth0 name h6 mtu 1280 type macvlan mode bridge && ip link set h6 up",
)
KEPT = re.compile("(?!ipv[46]/conf)|.*/(eth0/tag|theirs/accept_ra):")


def shown(host: Host) -> str:
    """Without what differs between hosts, and settings that new devices have from a topology's `default`."""
    lines = (line for line in snapshot(host).splitlines() if KEPT.match(line) and not line.endswith("/lab.json"))
    return re.sub("link/ether [0-9a-f:]*", "", "\n".join(lines))


def both(commands: list[str], host: Host, other: Host) -> None:
    """What can be had beside the topology is done on the other host, too."""
    for command in commands:
        if host.sh(f"({command}) 2>/dev/null && echo done || true"):
            other.sh(command)


@given(st.data())
@settings(BOUNDED, max_examples=6)
def test_it_is_all_that_is_left(data: Any) -> None:
    first, second = draw(data), draw(data)
    early, how, purge = data.draw(st.booleans()), data.draw(st.sampled_from([refuse, kill])), data.draw(st.booleans())
    possible = COMMANDS if early else COMMANDS + LATE
    commands = data.draw(st.lists(st.sampled_from(possible), min_size=2, max_size=6, unique=True))
    settled = data.draw(habits())
    with throw_away(settled) as host, throw_away(settled) as other:
        held(host, first)
        both(commands if early else [], host, other)
        stop = data.draw(st.integers(0, steps_of(host, second)))
        host.module("topology", name="lab", config=second, inside=after(stop, how))
        host.module("topology", name="lab", config=second, purge=purge)
        both([] if early else commands, host, other)
        host.do("topology", name="lab", state="absent")
        assert_same(shown(host), shown(other))
