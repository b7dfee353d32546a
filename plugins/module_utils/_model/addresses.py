# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of a link: exactly those wanted, with what the kernel made itself left alone."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Any, Optional

from . import values
from .planner import Planner
from .state import Address, End, Link, Namespace, Route, State, place
from .step import CREATE, DELETE, Action, ip

IPV6_MINIMUM_MTU = 1280


def exactly(planner: Planner, end: End, wanted: Optional[tuple[str, ...]], option: str) -> None:
    """Plans the addresses of a device; None leaves them as they are."""
    link = planner.state.link(end)
    if wanted is None or link is None:
        return
    # Secondaries first: with its primary the kernel deletes an IPv4 secondary, or (promote_secondaries) keeps it.
    stale = [found for found in link.addresses if not found.kernel_made and found.text not in wanted]
    for found in sorted(stale, key=lambda found: not found.secondary):
        planner.do(DeleteAddress(end.netns, end.name, found.text), "it is not among the addresses wanted")
    for number, text in enumerate(wanted):
        link = planner.state.namespaces[end.netns].links[end.name]
        if any(text == found.text for found in link.addresses):
            continue
        if values.family(text) == 6 and link.mtu is not None and link.mtu < IPV6_MINIMUM_MTU:
            where = f"{option}[{number}]"
            planner.refuse(f"IPv6 needs an MTU of {IPV6_MINIMUM_MTU} bytes; {end} has {link.mtu}", where)
            return
        _warn_of_overlap(planner, end, text)
        planner.do(AddAddress(end.netns, end.name, text), "the address is missing")


def _warn_of_overlap(planner: Planner, end: End, text: str) -> None:
    network = _network(text)
    if network.prefixlen == network.max_prefixlen or network.is_link_local:
        return
    namespace = planner.state.namespaces[end.netns]
    uplinks = {name for route in namespace.routes if is_default(route) for name in route.devices} - {end.name}
    for name in sorted(uplinks & set(namespace.links)):
        for other in namespace.links[name].networks:
            if other.version == network.version and other.overlaps(network):
                planner.warn(
                    f"{text} on {end} overlaps {other} of {name}, which carries the default route of "
                    f"{place(end.netns)}: when {name} flaps, {end.name} takes its traffic; choose another subnet"
                )


def is_default(route: Route) -> bool:
    return route.destination in values.DEFAULT.values()


def own_ipv6(link: Link) -> tuple[str, ...]:
    """The IPv6 addresses that the kernel would drop for good."""
    return tuple(text for text in link.own_addresses if values.family(text) == 6)


def drop_ipv6(namespace: Namespace, device: str) -> None:
    """What the kernel takes away when a device goes down or its MTU becomes too small for IPv6."""
    link = namespace.links[device]
    left = tuple(found for found in link.addresses if values.family(found.text) == 4)
    namespace.links[device] = replace(link, addresses=left)
    namespace.routes = [
        route for route in namespace.routes if device not in route.devices or values.family(route.destination) == 4
    ]
    gone = [key for key in namespace.neighbors if key.device == device and values.family(key.address) == 6]
    for key in gone:
        del namespace.neighbors[key]


@dataclass(frozen=True)
class AddAddress(Action):
    """Gives a device an address."""

    netns: str
    name: str
    address: str
    change = CREATE

    def what(self) -> str:
        return f"add {self.address} to {self.name}"

    def command(self) -> str:
        return ip(self.netns, "address", "add", self.address, "dev", self.name)

    def effect(self, state: State) -> None:
        link = state.namespaces[self.netns].links[self.name]
        network = _network(self.address)
        secondary = any(_network(found.text) == network for found in link.addresses if not found.secondary)
        new = Address(self.address, secondary=secondary and network.version == 4)
        state.change_link(End(self.netns, self.name), addresses=(*link.addresses, new))


@dataclass(frozen=True)
class DeleteAddress(Action):
    """Takes an address from a device; with an IPv4 primary its secondaries go as well."""

    netns: str
    name: str
    address: str
    change = DELETE

    def what(self) -> str:
        return f"delete {self.address} from {self.name}"

    def command(self) -> str:
        return ip(self.netns, "address", "delete", self.address, "dev", self.name)

    def effect(self, state: State) -> None:
        namespace = state.namespaces[self.netns]
        link = namespace.links[self.name]
        gone = next(found for found in link.addresses if found.text == self.address)
        network = _network(self.address)
        left = tuple(
            found
            for found in link.addresses
            if found is not gone and (gone.secondary or not found.secondary or _network(found.text) != network)
        )
        namespace.links[self.name] = replace(link, addresses=left)
        for found in link.addresses:
            if found not in left:
                _forget_source(namespace, self.name, found.text)
        # With its last IPv4 address a device loses its IPv4 routes.
        if values.family(self.address) == 4 and not any(values.family(found.text) == 4 for found in left):
            namespace.routes = [
                route
                for route in namespace.routes
                if self.name not in route.devices or values.family(route.destination) == 6
            ]


def _forget_source(namespace: Namespace, device: str, text: str) -> None:
    """An IPv4 route goes with the address that it preferred as its source; an IPv6 route only loses the preference."""
    host = text.split("/")[0]
    if values.family(text) == 6:
        namespace.routes = [
            replace(route, source=None) if route.source == host and device in route.devices else route
            for route in namespace.routes
        ]
    else:
        namespace.forget_sources({host})


def _network(text: str) -> Any:
    return ipaddress.ip_interface(text).network
