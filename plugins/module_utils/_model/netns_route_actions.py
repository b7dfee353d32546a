# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The changes to a namespace's routes, and the commands a person would type for them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import values
from .state import Hop, Route, State
from .step import CHANGE, CREATE, DELETE, Action, ip

TABLES = {"main": 254, "local": 255, "default": 253}
PROTOCOLS = {
    "redirect": 1,
    "kernel": 2,
    "boot": 3,
    "static": 4,
    "gated": 8,
    "ra": 9,
    "mrt": 10,
    "zebra": 11,
    "bird": 12,
    "dnrouted": 13,
    "xorp": 14,
    "ntk": 15,
    "dhcp": 16,
    "keepalived": 18,
    "babel": 42,
    "openr": 99,
    "bgp": 186,
    "isis": 187,
    "ospf": 188,
    "rip": 189,
    "eigrp": 192,
}
TABLE_NAMES = {number: name for name, number in TABLES.items()}
PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}
# What leads nowhere, and what there are no words for: somebody else's.
TO_NOWHERE = ("blackhole", "unreachable", "prohibit", "throw")
TO_SEVERAL = ("broadcast", "anycast", "multicast")
# What the kernel gives an IPv6 route without a metric (IP6_RT_PRIO_USER).
IPV6_METRIC = 1024


# What the kernel makes by itself: with an address, or on a router's word.
KERNEL = PROTOCOLS["kernel"]
LEARNED = (PROTOCOLS["ra"], PROTOCOLS["redirect"])
KERNEL_MADE = (KERNEL, *LEARNED)


def table_number(value: str) -> int:
    """A routing table's number."""
    if value in TABLES:
        return TABLES[value]
    if not re.fullmatch("[0-9]{1,10}", value) or not 0 < int(value) < 2**32:
        raise ValueError(f"{value!r} is not a routing table: main, local, default or a number from 1 to {2**32 - 1}")
    return int(value)


def protocol_number(value: str) -> int:
    """The number of a route's origin."""
    if value in PROTOCOLS:
        return PROTOCOLS[value]
    if not re.fullmatch("[0-9]{1,3}", value) or int(value) > 255:
        raise ValueError(f"{value!r} is not a route protocol: {', '.join(PROTOCOLS)}, or a number from 0 to 255")
    return int(value)


def table_name(number: int) -> str:
    """A routing table's name, or its number."""
    return TABLE_NAMES.get(number) or str(number)


def protocol_name(number: int) -> str:
    """The name of a route's origin, or its number."""
    return PROTOCOL_NAMES.get(number) or str(number)


def hop_words(hop: Hop, family: int) -> list[object]:
    """A next hop of a route to an address of a family, as iproute2 writes it."""
    words: list[object] = []
    if hop.gateway:
        words += ["via", *(["inet6"] if family < values.family(hop.gateway) else []), hop.gateway]
    if hop.device:
        words += ["dev", hop.device]
    return words + (["onlink"] if hop.onlink else [])


def _key_words(route: Route, deletes: bool = False) -> list[object]:
    words: list[object] = ["default" if route.destination in values.DEFAULT.values() else route.destination]
    if route.selector[:2] not in ("", "00"):
        words += ["tos", f"0x{route.selector[:2]}"]
    # iproute2 takes the table of some types to be `local`.
    if route.table != TABLES["main"] or route.type in ("local", "broadcast", "anycast"):
        words += ["table", table_name(route.table)]
    # Without one a route is added with this, and the one with the smallest is deleted.
    if route.metric and (deletes or (values.family(route.destination), route.metric) != (6, IPV6_METRIC)):
        words += ["metric", route.metric]
    return words


def route_words(route: Route, deletes: bool = False) -> list[object]:
    """A route as iproute2 writes it."""
    family = values.family(route.destination)
    words: list[object] = [] if route.type == "unicast" else [route.type]
    destination, *rest = _key_words(route, deletes)
    words.append(destination)
    if len(route.hops) == 1:
        words += hop_words(route.hops[0], family)
    words += [*rest, "proto", protocol_name(route.protocol)]
    if family == 4 and (route.type in ("unicast", *TO_SEVERAL) or route.scope != "global"):
        words += ["scope", route.scope]
    words += ["src", route.source] if route.source else []
    words += ["mtu", route.mtu] if route.mtu else []
    if len(route.hops) > 1:
        for hop in route.hops:
            words += ["nexthop", *hop_words(hop, family), "weight", hop.weight]
    return words


def text(route: Route) -> str:
    """A route in a sentence."""
    return " ".join(str(word) for word in route_words(route))


def _command(netns: str, verb: str, route: Route, words: list[object]) -> str:
    family = ["-6"] if values.family(route.destination) == 6 else []
    return ip(netns, *family, "route", verb, *words)


@dataclass(frozen=True)
class AddRoute(Action):
    """Adds a route; an equal key would be an error, unless it is appended behind those that have it."""

    netns: str
    route: Route
    append: bool = False
    change = CREATE

    def what(self) -> str:
        return f"add route {text(self.route)}"

    def command(self) -> str:
        return _command(self.netns, "append" if self.append else "add", self.route, route_words(self.route))

    def effect(self, state: State) -> None:
        state.namespaces[self.netns].routes.append(self.route)


@dataclass(frozen=True)
class ReplaceRoute(Action):
    """Replaces a route with the same key, in place: there is no moment without it."""

    netns: str
    route: Route
    before: Route
    change = CHANGE

    def what(self) -> str:
        return f"replace route {text(self.route)}"

    def command(self) -> str:
        return _command(self.netns, "replace", self.route, route_words(self.route))

    def effect(self, state: State) -> None:
        routes = state.namespaces[self.netns].routes
        if self.before in routes:
            routes[routes.index(self.before)] = self.route
        else:
            routes.append(self.route)


@dataclass(frozen=True)
class DeleteRoute(Action):
    """Deletes one route.

    By its key alone, because the kernel does not find one that goes by a nexthop object by its gateway;
    by all that was seen of it where others have the same key.
    """

    netns: str
    route: Route
    among_others: bool = False
    change = DELETE

    def what(self) -> str:
        return f"delete route {text(self.route)}"

    def command(self) -> str:
        if self.among_others:
            return _command(self.netns, "delete", self.route, route_words(self.route, deletes=True))
        words = [*_key_words(self.route, deletes=True), "proto", protocol_name(self.route.protocol)]
        return _command(self.netns, "delete", self.route, words)

    def effect(self, state: State) -> None:
        state.namespaces[self.netns].routes.remove(self.route)
