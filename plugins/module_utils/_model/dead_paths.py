# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths of a route through devices that are down: it may keep them, but is not made with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from . import addresses
from .attributes import SetLink
from .netns_neighbor_actions import SetNeighbor, is_given, settable
from .planner import Planner
from .state import End, Namespace, Route

UP = "the kernel takes no path through a device that is down"
DOWN = "it was up for a route alone"
LOST = "it went with the way down"


@contextmanager
def alive(planner: Planner, netns: str, routes: Iterable[Route]) -> Iterator[None]:
    """Plans devices to be up as long as routes are made, and then to be what they were."""
    namespace = planner.state.namespaces[netns]
    ends = [End(netns, name) for name in sorted({name for route in routes for name in _dead(route, namespace)})]
    for end in ends:
        planner.do(SetLink(netns, end.name, (("up", True),)), UP)
    yield
    for end in ends:
        _go_down(planner, end)


def _dead(route: Route, namespace: Namespace) -> set[str]:
    """The devices of a route that are down, where it keeps them: another one is up, or it leads no farther."""
    down = {name for name in route.devices if namespace.links[name].up is False}
    return down if down < route.devices or route.outlasts_down else set()


def _go_down(planner: Planner, end: End) -> None:
    namespace = planner.state.namespaces[end.netns]
    held = namespace.links[end.name].lost
    entries = (found for found in namespace.neighbors.values() if found.key.device == end.name)
    neighbors = {found.key: settable(found) for found in entries if is_given(found, namespace)}
    planner.do(SetLink(end.netns, end.name, (("up", False),)), DOWN)
    addresses.as_found(planner, end, held, "addresses")
    for key, found in neighbors.items():
        if key not in namespace.neighbors:
            planner.do(SetNeighbor(end.netns, found), LOST)
