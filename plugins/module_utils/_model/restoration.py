# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back: what was touched as a configuration that makes it again what it was found to be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import vanishing
from .document import Document, Plan
from .link import MoveLink, locate
from .state import LO, End, State
from .touched import DEVICES, LINKS, ON_DEVICES, Touched, namespaces_made
from .veth_actions import CreateVeth


def restoration(objects: Iterable[Touched], home: Iterable[Touched] = ()) -> dict[str, list[Mapping[str, Any]]]:
    """A configuration that makes objects what they were found to be; `home` are links that come back by themselves."""
    config: dict[str, list[Mapping[str, Any]]] = {}
    objects = _outside(list(objects), home)
    for item in objects:
        if item.found is not None:
            config.setdefault(item.kind, []).append({**item.found, **item.hints})
    for item in objects:
        if item.found is None:
            config.setdefault(item.kind, []).append(item.absent)
    return config


def _outside(objects: Sequence[Touched], home: Iterable[Touched]) -> list[Touched]:
    """Without what vanishes by itself, with a namespace or a device that is to go."""
    made = [item for item in objects if item.found is None]
    # Out of the way of a device of that name, which leaves a namespace.
    names = {end.name for item in objects if item.hints for end in item.devices}
    doomed = namespaces_made(made)
    devices = {end for item in made for end in item.devices if item.kind in DEVICES}
    devices -= {end for item in (*objects, *home) if item.found for end in item.devices if item.kind in LINKS}
    return [
        item
        for item in objects
        if item.kind == "netns"
        or (item.kind in DEVICES and any(end.name in names for end in item.devices))
        or not (item.places & doomed or (item.kind in ON_DEVICES and item.devices & devices))
    ]


def made_or_moved(planned: Plan) -> set[End]:
    """The places of the cables' ends and the links that a plan makes or moves, the former ones too."""
    acted: set[End] = set()
    for action in (step.action for step in planned.steps):
        if isinstance(action, CreateVeth):
            acted.update((action.near, action.far))
        elif isinstance(action, MoveLink):
            acted.update(End(netns, action.name) for netns in (action.netns, action.target))
    return acted


def felt_above(planned: Plan) -> set[End]:
    """The devices of which a plan changes what those feel that stand on them: the place, the MTU or the up flag."""
    moved = (step.action for step in planned.steps if isinstance(step.action, MoveLink))
    felt = {end for end in (End(action.netns, action.name) for action in moved) if planned.before.link(end)}
    for netns, namespace in planned.before.namespaces.items() if planned.steps else ():
        for before in namespace.links.values():
            after = planned.after.link(End(netns, before.name))
            if before.name != LO and after and (after.mtu, after.up) != (before.mtu, before.up):
                felt.add(End(netns, before.name))
    return felt


def misplaced(undo: Document, planned: Plan, now: State) -> list[Mapping[str, Any]]:
    """Entries that remove the cables which a plan has made or moved, and that do not stand where they were.

    Not the device of somebody else, which is only moved back.
    """
    links = {locate(now, spec) for spec in undo.specs["link"] if not spec.absent}
    places = {spec.claims for spec in undo.specs["veth"] if not spec.absent}
    cables = {
        frozenset((end, link.peer)): {**end.entry, "peer": link.peer.entry, "state": "absent"}
        for end in sorted(made_or_moved(planned))
        if (link := now.link(end)) and link.peer
    }
    return [entry for ends, entry in cables.items() if ends not in places and not ends & links]


def without(objects: Iterable[Touched], state: State) -> State:
    """A state without the devices that were made and are to go."""
    made = (item for item in objects if item.kind in DEVICES and item.found is None)
    going: dict[str, set[str]] = defaultdict(set)
    for end in {end for item in made for end in item.devices}:
        if state.link(end):
            going[end.netns].add(end.name)
    left = state.copy() if going else state
    for netns, names in going.items():
        vanishing.links(left.namespaces[netns], names)
    return left
