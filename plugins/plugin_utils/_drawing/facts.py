# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How routes, neighbours, sysctls and rules read in a drawing."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Optional

from .document import Entry, is_true, listed, optional, shown

_KERNEL_MADE = ("local", "broadcast", "multicast", "anycast")


def is_default(route: Entry) -> bool:
    return optional(route.get("destination")) in ("default", "0.0.0.0/0", "::/0")


def is_kernel_made(route: Entry) -> bool:
    """Follows from the addresses, so that drawing it would say everything twice."""
    return route.get("protocol") == "kernel" or route.get("type") in _KERNEL_MADE


def hops(route: Entry) -> list[tuple[Optional[str], Optional[str]]]:
    """Gateway and device of every next hop."""
    several = listed(route.get("nexthops")) or [route]
    return [(optional(hop.get("gateway")), optional(hop.get("device"))) for hop in several]


def route_text(route: Entry) -> str:
    words = ["→"]
    if route.get("type") not in (None, "unicast"):
        words.append(shown(route["type"]))
    words.append("default" if is_default(route) else shown(route.get("destination", "?")))
    several = len(hops(route)) > 1
    for gateway, device in hops(route):
        words += ["via", gateway] if gateway else []
        words += ["dev", device] if several and device else []
    for option, word, usual in (("source", "src", ""), ("metric", "metric", "0 1024"), ("table", "table", "main 254")):
        value = optional(route.get(option))
        if value and value not in usual.split():
            words += [word, value]
    if is_true(route.get("onlink")):
        words.append("onlink")
    return " ".join(words)


def covers(address: str, target: Optional[str]) -> bool:
    """Whether the target is in the subnet of an interface with this address."""
    try:
        return ipaddress.ip_address(target or "") in ipaddress.ip_interface(address).network
    except ValueError:
        return False


def neighbor_text(entry: Entry) -> str:
    address = shown(entry.get("address", "?"))
    if is_true(entry.get("proxy")):
        return f"proxy for {address}"
    owner = entry.get("mac_of")
    if isinstance(owner, Mapping):
        place = optional(owner.get("netns"))
        name = shown(owner.get("name", "?"))
        return f"neighbour {address} at {place}/{name}" if place else f"neighbour {address} at {name}"
    return f"neighbour {address} at {shown(entry.get('mac', '?'))}"


def sysctl_text(entry: Entry) -> tuple[Optional[str], str]:
    """The device that a key belongs to, if it belongs to one, and the text."""
    name = shown(entry["name"])
    value = entry.get("value")
    value = int(value) if isinstance(value, bool) else shown("?" if value is None else value)
    # Slashes divide where an interface's name has dots in it.
    divider = "/" if "/" in name else "."
    head, _unused, key = name.rpartition(divider)
    for prefix, word in (("ipv4.conf", ""), ("ipv6.conf", "ipv6 "), ("ipv4.neigh", "neigh "), ("ipv6.neigh", "ndp ")):
        start = f"net.{prefix}.".replace(".", divider)
        device = head[len(start) :]
        if head.startswith(start) and device not in ("", "all", "default"):
            return device, f"{word}{key} = {value}"
    return None, f"{name} = {value}"


def way(entry: Entry, option: str) -> str:
    name = optional(entry.get(option))
    if not name:
        return "any"
    return f"any but {name[1:].strip()}" if name.startswith("!") else name


def accept_text(entry: Entry) -> str:
    words = [f"{way(entry, 'in_interface')} → {way(entry, 'out_interface')}"]
    for option, word in (("source", "from"), ("destination", "to")):
        if optional(entry.get(option)):
            words.append(f"{word} {shown(entry[option])}")
    return " ".join(words) + (", and the replies" if is_true(entry.get("replies")) else "")


def masquerade_text(entry: Entry) -> str:
    words = [optional(entry.get("source")) or "anything"]
    if optional(entry.get("destination")):
        words.append(f"to {shown(entry['destination'])}")
    if optional(entry.get("out_interface")):
        words.append(f"out of {way(entry, 'out_interface')}")
    return " ".join(words)


def fastpath_text(entry: Entry) -> str:
    ends = []
    for end in listed(entry.get("ends")):
        if isinstance(end, Mapping):
            behind = ", ".join(shown(address) for address in listed(end.get("addresses")))
            ends.append(shown(end.get("device", "?")) + (f" ({behind})" if behind else ""))
    return f"{' ⇄ '.join(ends) or shown(entry.get('name', '?'))}, past the IP stack"
