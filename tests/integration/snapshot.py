# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host as other programs show it, to be compared with itself."""

from __future__ import annotations

import re

from host import Host

# The tests take thousands of these: few processes for each namespace, and none that only filters.
SHOW = r"""
printf '%s\n' 'link show' 'address show' 'route show table all' 'neighbor show nud permanent' | ip -o -batch -
bridge -o -d link
echo @settings
cd /proc/sys/net
grep -rs . ipv4/conf ipv6/conf ipv4/ip_forward
echo @rules
nft -s list ruleset
tc qdisc show | while read -r dummy kind handle dummy name dummy; do
    case $kind in clsact | ingress) echo "@filters $name $kind $handle"; tc filter show dev "$name" ingress ;; esac
done
"""
EVERYWHERE = """
printf '@@\n'
sh -c "$show"
for ns in $(ip netns list | cut -d' ' -f1 | sort); do
    printf '@@%s\n' "$ns"
    nsenter --net="/run/netns/$ns" sh -c "$show" || :
done
printf '@@files\n'
find /run -type f | grep -v nsfabric/lock | sort
"""
# What changes by itself in what `ip` says of a link or a route, and what stands there instead.
CHANGING = (
    (r"^\d+: ", ""),
    (r"@if\d+:", ":"),
    ("NO-CARRIER,", ""),
    (",LOWER_UP", ""),
    (",M-DOWN", ""),
    (" state [A-Z]+", ""),
    (" link-netnsid [0-9a-z]+", ""),
    (" qdisc noop ", " qdisc noqueue "),
    (" linkdown", ""),
    (" dead", ""),
)


def snapshot(host: Host) -> str:
    """All that a topology could leave behind, without what the kernel does by itself and in its own time.

    That is its counters and timers, carriers, link-local addresses, and the routes that it adds to the table
    `local` when an IPv6 address has been tried for duplicates.
    """
    shown = host.sh(f"show=$(cat <<'END'\n{SHOW}END\n)\n{EVERYWHERE}")
    return "".join(_still(*part.split("\n", 1)) for part in shown.split("@@")[1:])


def _still(name: str, shown: str) -> str:
    """What is shown of one namespace."""
    network, *rest = shown.split("\n@")
    lines = sorted(filter(None, map(_of_network, network.splitlines())))
    for section in sorted(rest):
        title, *told = section.splitlines()
        if title == "settings":
            told = sorted(line for line in told if "stable_secret" not in line)
        lines += [title, *(re.sub("( nsfabric:.*) id [0-9]+", r"\1", line) for line in told)]
    return "\n".join([f"== {name}", *lines, ""])


def _of_network(line: str) -> str:
    """A line of `ip -o`, or of `bridge`, without what changes; or nothing."""
    address = re.match(r"\d+: (\S+) +inet6? (\S+)", line)
    if address:
        return "" if address[2].startswith("fe80") else f"{address[1]} {address[2]}"
    port = re.match(r"\d+: ([^:@]+).* state \w+ (priority .*)", line)
    if port:
        return f"{port[1]} {port[2]}"
    # Of the routes, IPv6's alone have a preference.
    if " pref " in line and ("fe80" in line or "local proto kernel" in line):
        return ""
    for changing, instead in CHANGING:
        line = re.sub(changing, instead, line, count=1)
    return line
