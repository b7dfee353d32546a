# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a namespace reaches directly: the networks of its devices, and the gateways that are in them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any, Optional, Union

from . import values
from .netns_route_actions import PROTOCOLS, TABLES, AddRoute
from .netns_route_spec import HopSpec, RouteSpec
from .planner import Planner
from .scope import Scope
from .state import LO, Address, End, Hop, Link, Namespace, Route

# What the kernel gives the routes it makes for IPv6 addresses.
CONNECTED_IPV6_METRIC = 256


def may_reach(hop: Hop, spec: Union[Route, RouteSpec], namespace: Namespace) -> bool:
    """Whether a gateway may be on link, as far as is known: it may be the other end of a point-to-point address."""
    if hop.gateway is None or hop.onlink or values.family(hop.gateway) != spec.family:
        return True
    if ipaddress.ip_address(hop.gateway).is_link_local:
        return True
    links = [link for link in namespace.links.values() if hop.device in (None, link.name)]
    addresses = [address for link in links for address in link.addresses if values.family(address.text) == spec.family]
    return any(address.peer for address in addresses) or device_to(hop, spec, namespace) is not None


def device_to(hop: Union[Hop, HopSpec], spec: Union[Route, RouteSpec], namespace: Namespace) -> Optional[str]:
    """The device whose subnet or device route covers a gateway; the longest prefix counts."""
    if hop.gateway is None:
        return None
    gateway = ipaddress.ip_address(hop.gateway)
    found: list[tuple[int, str]] = []
    for name, network in _direct(hop, spec, namespace):
        if network.version == gateway.version and gateway in network:
            found.append((network.prefixlen, name))
    return max(found)[1] if found else None


def _direct(hop: Union[Hop, HopSpec], spec: Union[Route, RouteSpec], namespace: Namespace) -> Iterator[tuple[str, Any]]:
    """The networks that are reached without a gateway: by a subnet or by a device route."""
    links = [link for link in namespace.links.values() if link.up and hop.device in (None, link.name)]
    for link in links:
        if link.name != LO:
            yield from ((link.name, network) for network in link.networks if network.num_addresses > 1)
    key, tables = spec.key, (spec.table, TABLES["main"])
    for route in namespace.routes:
        if any(each.gateway for each in route.hops) or route.type != "unicast" or route.table not in tables:
            continue
        far = values.family(route.destination) == 4 and route.scope not in ("link", "host")
        # An IPv4 gateway has to be nearer than what is reached through it.
        if not far and route.key != key:
            names = sorted(name for name in route.devices if hop.device in (None, name))
            yield from ((name, ipaddress.ip_network(route.destination)) for name in names)


def is_local(source: str, namespace: Namespace) -> bool:
    """Whether packets may have a source address: a device has it, or a local route covers it."""
    addresses = [address.text for link in namespace.links.values() for address in link.addresses]
    if source in {text.split("/")[0] for text in addresses}:
        return True
    address = ipaddress.ip_address(source)
    prefixes = [route.destination for route in namespace.routes if route.type == "local"] + ["127.0.0.0/8"]
    return address.version == 4 and any(address in ipaddress.ip_network(prefix) for prefix in prefixes)


def coming(planner: Planner, spec: RouteSpec, namespace: Namespace) -> list[Route]:
    """The route with this key that the kernel will make itself, for an address that this run adds or brings up."""
    length = spec.destination.partition("/")[2]
    for link in namespace.links.values():
        for address in link.addresses if link.up and link.name != LO else ():
            if address.text.endswith(f"/{length}") and not address.secondary:
                route = _connected(link.name, address.text)
                if route.key == spec.key and _touched(planner, End(spec.netns, link.name)):
                    return [route]
    return []


def _connected(device: str, address: str) -> Route:
    """The route that an address brings along."""
    network = str(values.on_link(address))
    hops = (Hop(device=device),)
    if values.family(network) == 6:
        return Route(network, metric=CONNECTED_IPV6_METRIC, protocol=PROTOCOLS["kernel"], hops=hops)
    source = address.split("/")[0]
    return Route(network, protocol=PROTOCOLS["kernel"], scope="link", source=source, hops=hops)


def reconnect(planner: Planner, spec: RouteSpec, wanted: Route, namespace: Namespace) -> None:
    """Plans the routes that came with addresses and that somebody deleted: in them the kernel looks gateways up."""
    for hop in wanted.hops:
        end = End(spec.netns, hop.device or "")
        link = _stays_up(planner, end)
        if not hop.gateway or hop.onlink or link is None:
            continue
        gateway = ipaddress.ip_address(hop.gateway)
        if any(
            end.name in route.devices and gateway in ipaddress.ip_network(route.destination)
            for route in namespace.routes
            if not any(each.gateway for each in route.hops)
        ):
            continue
        for address in link.addresses:
            if address.seen and not address.bare and not address.peer and gateway in address.network:
                why = "the kernel had made it with the address, and the gateway is behind it"
                planner.do(AddRoute(spec.netns, _connected(end.name, address.text)), why)
                break


def _stays_up(planner: Planner, end: End) -> Optional[Link]:
    """A device that is up and was before: the kernel makes no routes for its addresses again."""
    was, now = planner.before.link(end), planner.state.link(end)
    return now if was and now and was.up and now.up else None


def add_networks(scope: Scope, end: End, texts: Optional[Iterable[str]]) -> None:
    """What has to be read to tell whether a device leads to the networks of its addresses."""
    scope.namespace(end.netns).routes.update(values.family(text) for text in texts or ())


def reconnect_networks(planner: Planner, end: End) -> None:
    """Plans the routes that came with a device's addresses, and that somebody deleted.

    Not where others lead to a network by this device, nor where the document speaks of routes to it.
    """
    link = _stays_up(planner, end)
    if planner.puts_back or link is None:
        return
    namespace = planner.before.namespaces[end.netns]
    for address in link.addresses:
        network = address.network
        if network.version not in namespace.routed or not _has_route(address) or _leads(planner, end, str(network)):
            continue
        declared = (spec for spec in planner.specs.get("netns_route", ()) if spec.netns == end.netns)
        if not any(spec.destination == str(network) for spec in declared):
            why = "the kernel had made it with the address, and somebody has deleted it"
            planner.do(AddRoute(end.netns, _connected(end.name, address.text)), why)


def _has_route(address: Address) -> bool:
    """Whether the kernel made a route to its network with an address."""
    without = address.bare or address.peer or address.secondary or address.kernel_made
    return address.seen and not without and address.network.num_addresses > 1


def _leads(planner: Planner, end: End, network: str) -> bool:
    """Whether any route to a network led through a device before the run."""
    if end.netns not in planner.led:
        routes = planner.before.namespaces[end.netns].routes
        planner.led[end.netns] = {(route.destination, name) for route in routes for name in route.devices}
    return (network, end.name) in planner.led[end.netns]


def _touched(planner: Planner, end: End) -> bool:
    """Whether this run changes a device."""
    for step in planner.steps:
        action = step.action
        names = (getattr(action, "target", action.netns), getattr(action, "name", None))
        if end in (names, getattr(action, "near", None), getattr(action, "far", None)):
            return True
    return False
