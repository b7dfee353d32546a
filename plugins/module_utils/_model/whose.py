# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose a route or a neighbour is that stands where a topology made, changed or found one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, Optional, Union

from . import marks
from .addresses import made_by_kernel
from .document import Plan, read_entry
from .marks import Mark
from .netns_neighbor_actions import is_given
from .netns_route_actions import text
from .state import HOST, End, Namespace, Neighbor, Route, RouteKey, State, place
from .touched import Touched, devices_made, namespaces_made

ROUTE, NEIGHBOR = "netns_route", "netns_neighbor"
Thing = Union[Route, Neighbor]


class Standing:
    """The routes and neighbours of a state, by what they are for the kernel; each namespace is gone through once."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._routes: dict[str, dict[RouteKey, list[Route]]] = {}

    def things(self, item: Touched) -> Sequence[Thing]:
        """What stands where an object stood, but for what the kernel makes and learns by itself."""
        netns, key = read_entry(item.kind, item.found or item.absent).subject
        namespace = self._state.namespaces.get(netns)
        if namespace is None:
            return ()
        if item.kind == NEIGHBOR:
            found = namespace.neighbors.get(key)
            return [found] if found and is_given(found, namespace) else []
        if netns not in self._routes:
            self._routes[netns] = defaultdict(list)
            for route in namespace.routes:
                self._routes[netns][route.key].append(route)
        return [route for route in self._routes[netns].get(key, ()) if not made_by_kernel(route, namespace)]

    def marks(self, item: Touched) -> list[Mark]:
        namespace = self._state.namespaces.get(item.absent.get("netns") or HOST, Namespace())
        return [_mark(thing, namespace) for thing in self.things(item)]

    def settled(self, item: Touched) -> Touched:
        """An object after a run, with what stands now of what was made; what others have put there stays theirs."""
        made = [mark for mark in self.marks(item) if marks.is_any(item.made or (), mark)] if item.made else []
        return replace(item, made=made) if made and made != item.made else item

    def remade(self, item: Touched) -> Touched:
        """An object that was put back after a run that failed, perhaps on devices that were made anew."""
        return self.settled(replace(item, made=marks.union(item.made, ()))) if item.made else item

    def others(self, item: Touched) -> Sequence[Thing]:
        """What stands in the place of an object, if all of it is others'."""
        ours = known(item) if item.kind in (ROUTE, NEIGHBOR) else None
        if ours is None or any(marks.is_any(ours, mark) for mark in self.marks(item)):
            return ()
        return self.things(item)


class Making:
    """What a plan makes of routes and neighbours."""

    def __init__(self, planned: Plan) -> None:
        self._before, self._after = Standing(planned.before), Standing(planned.after)

    def of(self, item: Touched) -> Optional[list[Mark]]:
        """What an object is after the plan, and was not before it."""
        if item.kind not in (ROUTE, NEIGHBOR):
            return None
        before, after = (list(map(marks.unnumbered, each.marks(item))) for each in (self._before, self._after))
        return [mark for mark in after if mark not in before]


def known(item: Touched) -> Optional[list[Mark]]:
    """The marks of what was made of an object, and of what was found; None is not known."""
    if item.made is None:
        return None
    found: Any = read_entry(item.kind, item.found) if item.found else None
    if item.kind == NEIGHBOR:
        were: Sequence[Thing] = [Neighbor(found.key, found.mac)] if found else []
    else:
        were = found.found if found else ()
    return [*item.made, *(_mark(thing, Namespace()) for thing in were)]


def with_known(item: Touched) -> Touched:
    """A route as it is put back: of several that are one for the kernel, the others are others'."""
    ours = known(item) if item.kind == ROUTE else None
    if ours is None:
        return item
    found = {**item.found, "known": ours} if item.found else item.found
    return replace(item, found=found, absent={**item.absent, "known": ours})


def spared(
    leaving: Sequence[Touched], state: State, covered: AbstractSet[End]
) -> tuple[list[Touched], list[Touched], list[str]]:
    """Of what goes: what really does, what is left alone because others have replaced it, and warnings about that.

    What goes with a namespace or a device makes way by itself. `covered` are devices of others, of which
    is told already that they are left alone, with what is on them.
    """
    standing, places, going = Standing(state), namespaces_made(leaving), devices_made(leaving)
    going |= {End(netns, item.absent["name"]) for item in leaving for netns in item.hints.get("places", ())}
    staying, left, warnings = [], [], []
    for item in leaving:
        others = () if item.places & places else standing.others(item)
        netns = item.absent.get("netns") or HOST
        on = [{End(netns, name) for name in _devices(thing)} for thing in others]
        if all(each and each <= going for each in on):
            staying.append(item)
            continue
        left.append(item)
        if not all(each & covered for each in on):
            which = "this topology made any more" if item.made else "that was found"
            warnings.append(f"{_told(others[0])} in {place(netns)} is not the one {which}; it is left alone")
    return staying, left, warnings


def _mark(thing: Thing, namespace: Namespace) -> Mark:
    return marks.of_route(thing, namespace) if isinstance(thing, Route) else marks.of_neighbor(thing)


def _devices(thing: Thing) -> AbstractSet[str]:
    return thing.devices if isinstance(thing, Route) else {thing.key.device}


def _told(thing: Thing) -> str:
    if isinstance(thing, Route):
        return f"route {text(thing)}"
    return f"neighbour {thing.key.address} at {thing.mac} on {thing.key.device}"
