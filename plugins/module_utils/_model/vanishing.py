# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel takes from a namespace together with a device, a protocol, an address or a MAC address."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Optional

from . import values
from .state import LO, MAIN_TABLE, Namespace, Route


def devices(namespace: Namespace, names: AbstractSet[str], gone: bool = True) -> None:
    """What goes when devices leave a namespace, or only go down (not `gone`): their routes and neighbours."""

    def left(route: Route) -> Optional[Route]:
        return route if route.outlasts_down and not gone else _left(namespace, route, names, gone)

    namespace.routes = [route for route in map(left, namespace.routes) if route]
    namespace.neighbors = {key: value for key, value in namespace.neighbors.items() if key.device not in names}


def protocol(namespace: Namespace, name: str, version: int, gone: bool) -> None:
    """What goes when IPv4 or IPv6 is taken from a device, or only silenced: nexthop objects keep their routes."""

    def left(route: Route) -> Optional[Route]:
        concerned = values.family(route.destination) == version and not route.nexthop
        return _left(namespace, route, {name}, gone) if concerned else route

    namespace.routes = [route for route in map(left, namespace.routes) if route]
    namespace.neighbors = {
        key: value
        for key, value in namespace.neighbors.items()
        if key.device != name or values.family(key.address) != version
    }


def _left(namespace: Namespace, route: Route, names: AbstractSet[str], gone: bool) -> Optional[Route]:
    if LO in names and not route.hops and values.family(route.destination) == 6:
        # IPv6 keeps blackholes and the like on the loopback device.
        return None
    if names.isdisjoint(route.devices):
        return route
    hops = tuple(hop for hop in route.hops if hop.device not in names)
    if route.nexthop or (gone and values.family(route.destination) == 6):
        return replace(route, hops=hops) if hops else None
    # A hop through a device that is down is dead until it is up again; with its last hop a route goes.
    lives = not gone and any(link.up is not False for hop in hops if (link := namespace.links.get(hop.device or "")))
    return route if lives else None


def neighbors(namespace: Namespace, name: str) -> None:
    """What goes when a device gets another MAC: the entries of its neighbours, but not its proxy entries."""
    namespace.neighbors = {key: value for key, value in namespace.neighbors.items() if key.device != name or key.proxy}


def sources(namespace: Namespace, gone: set[str]) -> None:
    """What goes with IPv4 addresses: routes of the main table that prefer them as their source, on any device."""
    if gone and any(route.source in gone for route in namespace.routes):
        gone = gone - {found.text.split("/")[0] for link in namespace.links.values() for found in link.addresses}
        namespace.routes = [
            route for route in namespace.routes if route.table != MAIN_TABLE or route.source not in gone
        ]


def route_mtus(namespace: Namespace, name: str, before: int, after: int) -> None:
    """What goes when a device gets another MTU: those of IPv6 routes that are larger, or were the device's."""

    def follows(route: Route) -> bool:
        larger = route.mtu is not None and (route.mtu >= after or route.mtu == before)
        return larger and route.family == 6 and name in route.devices

    namespace.routes = [replace(route, mtu=after) if follows(route) else route for route in namespace.routes]


def hooks(namespace: Namespace, names: AbstractSet[str]) -> None:
    """What goes with devices: their filters, and the ways to them from those of other devices."""
    for name in names:
        namespace.hooks.pop(name, None)
    for device, hook in namespace.hooks.items():
        if hook.shortcut and any(each.device in names for each in hook.shortcut.table):
            left = tuple(each._replace(device="") if each.device in names else each for each in hook.shortcut.table)
            namespace.hooks[device] = replace(hook, shortcut=replace(hook.shortcut, table=left))


def links(namespace: Namespace, names: AbstractSet[str]) -> None:
    """Devices go, with all that is on them."""
    gone = [namespace.links.pop(name) for name in names if name in namespace.links]
    devices(namespace, names)
    hooks(namespace, names)
    addresses = (found.text.split("/")[0] for link in gone for found in link.addresses)
    sources(namespace, {host for host in addresses if "." in host})
    masters = {link.name for link in gone if link.kind != "veth"}
    for port in [port for port in namespace.links.values() if port.master in masters]:
        namespace.links[port.name] = port.but(master=None, port=())
