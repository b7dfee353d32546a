# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel drops as a side effect of a plan comes back at its end, where it can be had again.

With its last IPv4 address a device loses its IPv4 routes and neighbours, with an address the routes that prefer it as
their source, with its MAC address its neighbours: those that others have made, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from . import values
from .addresses import made_by_kernel
from .netns_neighbor_actions import DeleteNeighbor, SetNeighbor, is_given, settable
from .netns_route_actions import AddRoute, DeleteRoute, ReplaceRoute
from .netns_route_direct import is_local, may_reach
from .planner import Planner
from .state import Namespace, Route, place

WHY = "it went with something else that is changed"


def routes(planner: Planner, specs: Sequence[Any]) -> None:
    """Plans the routes that were lost; those that cannot be had any more are told."""
    meant: set[Any] = {(spec.netns, spec.key) for spec in specs if not spec.absent}
    for action in (step.action for step in planner.steps):
        if isinstance(action, (DeleteRoute, ReplaceRoute)):
            meant.add((action.netns, action.before if isinstance(action, ReplaceRoute) else action.route))
    for netns, before, after in _changed(planner):
        there, lost = set(after.routes), []
        # A gateway may be reached by one of the others.
        for route in sorted((each for each in before.routes if each not in there), key=_has_gateway):
            if {(netns, route), (netns, route.key)} & meant or not _stay(before, after, route.devices):
                continue
            if made_by_kernel(route, before) or _awaits_mtu(route, after):
                continue
            if _may_stand(after, route):
                changed = next((now for now in after.routes if _as_before(now, route, source=True)), None)
                planner.do(ReplaceRoute(netns, route, changed) if changed else AddRoute(netns, route, append=True), WHY)
            else:
                lost.append(route.destination)
        if lost:
            planner.warn(f"routes of {place(netns)} go with the addresses that they need: {', '.join(lost)}")


def neighbors(planner: Planner, dummy: Sequence[Any]) -> None:
    """Plans the entries that were lost, but not what the kernel had learned."""
    actions = (step.action for step in planner.steps)
    meant = {(action.netns, action.key) for action in actions if isinstance(action, DeleteNeighbor)}
    for netns, before, after in _changed(planner):
        for key, found in before.neighbors.items():
            if not is_given(found, before) or key in after.neighbors or (netns, key) in meant:
                continue
            if _stay(before, after, {key.device}) and _speaks(after, key.device, values.family(key.address)):
                planner.do(SetNeighbor(netns, settable(found)), WHY)


def _changed(planner: Planner) -> Iterator[tuple[str, Namespace, Namespace]]:
    """The namespaces that were there before, and are still there."""
    planner.path = ""
    for netns, before in planner.before.namespaces.items() if planner.steps else ():
        after = planner.state.namespaces.get(netns)
        if after and after.number == before.number:
            yield netns, before, after


def _stay(before: Namespace, after: Namespace, devices: Any) -> bool:
    """Whether devices are the same as before, and up."""
    pairs = ((before.links.get(name), after.links.get(name)) for name in devices)
    return all(was and now and was.index == now.index and now.up is not False for was, now in pairs)


def _as_before(now: Route, route: Route, source: bool = False) -> bool:
    """Whether a route is what it was, but for its MTU, and for its source."""
    return replace(now, mtu=route.mtu, source=route.source if source else now.source) == route


def _awaits_mtu(route: Route, after: Namespace) -> bool:
    """Whether a route only has the MTU of a device that is too small for its own."""
    too_large = any((route.mtu or 0) > (after.links[name].ipv6_mtu or 0) for name in route.devices)
    return too_large and route.family == 6 and any(_as_before(now, route) for now in after.routes)


def _speaks(namespace: Namespace, device: str, version: int) -> bool:
    """Whether a device has the protocol: IPv6 goes with a small MTU, and comes with an address."""
    return version == 4 or any(values.family(found.text) == 6 for found in namespace.links[device].addresses)


def _may_stand(namespace: Namespace, route: Route) -> bool:
    speaking = all(_speaks(namespace, name, route.family) for name in route.devices)
    here = not route.source or is_local(route.source, namespace)
    return speaking and here and all(may_reach(hop, route, namespace) for hop in route.hops)


def _has_gateway(route: Route) -> bool:
    return any(hop.gateway for hop in route.hops)
