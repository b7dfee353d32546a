# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a topology's objects stand on that was found: devices and namespaces that others may replace.

A new device of an old name has settings and addresses of its own; what was found of the old one is not for it. A
ground is written as the `End` of a device; with no device's name it is the namespace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Callable

from .document import Plan
from .link import MoveLink
from .netns import DeleteNetns
from .state import HOST, End, State
from .touched import DEVICES, LINKS, Touched, devices_made, namespaces_made, places_in

Numbers = dict[str, int]


def written(ground: End) -> str:
    """As a ledger writes it."""
    return f"{ground.netns}/{ground.name}"


def told(ground: End) -> str:
    """As a sentence names it."""
    return f"device {ground}" if ground.name else f"namespace {ground.netns}"


def grounds(objects: Iterable[Touched]) -> dict[End, set[End]]:
    """The grounds of objects, and where each device may be by now."""
    objects = list(objects)
    made = namespaces_made(objects)
    devices = {end for item in objects if item.found is None and item.kind in DEVICES for end in item.devices}
    found: dict[End, set[End]] = {}
    for item in objects:
        for netns in _places(item) - made - {HOST}:
            found.setdefault(End(netns, ""), set())
        for end in item.devices - devices if item.kind != "netns" else ():
            if end.netns not in made:
                moved = _declared(item, end) if item.kind in LINKS and item.owner else ()
                found.setdefault(end, set()).update(End(netns, end.name) for netns in moved)
    return found


def noted(objects: Iterable[Touched], state: State, earlier: Mapping[str, int]) -> Numbers:
    """The numbers by which the kernel tells grounds from what replaces them; the earlier one of what was not read."""

    def number(ground: End) -> int:
        link, namespace = state.link(ground), state.namespaces.get(ground.netns)
        return (link.index if link else 0) if ground.name else (namespace.number if namespace else 0)

    numbers = {}
    for ground, places in grounds(objects).items():
        # A device that was moved is where it is declared.
        known = next(filter(None, map(number, (*sorted(places - {ground}), ground))), 0)
        numbers[written(ground)] = known or earlier.get(written(ground), 0)
    return {name: known for name, known in numbers.items() if known}


def replaced(objects: Iterable[Touched], numbers: Mapping[str, int], number: Callable[[End], int]) -> set[End]:
    """The grounds in whose places is something else now, as `number` tells; 0 is nothing."""
    found = set()
    for ground, places in grounds(objects if numbers else ()).items():
        if written(ground) in numbers:
            now = {number(each) for each in {ground, *places}} - {0}
            if now and numbers[written(ground)] not in now:
                found.add(ground)
    return found


def perishing(objects: Iterable[Touched], numbers: Mapping[str, int], planned: Plan) -> list[End]:
    """The devices that were found, were moved, and would go with a namespace that a plan deletes.

    Where the number of one is not known, as after a run that was killed, it is whatever has its name and was not made.
    """
    objects = list(objects)
    actions = [step.action for step in planned.steps]
    going = {action.name for action in actions if isinstance(action, DeleteNetns)}
    safe = {End(action.netns, action.name) for action in actions if isinstance(action, MoveLink)}
    safe |= devices_made(objects)
    found = set()
    for item in objects if going else ():
        for home in item.devices if item.found and item.kind in LINKS else ():
            known = numbers.get(written(home), 0)
            for end in {End(netns, home.name) for netns in item.moved_to & going} - safe:
                link = planned.before.link(end)
                if link and known in (0, link.index):
                    found.add(end)
    return sorted(found)


def stands_on(item: Touched, them: AbstractSet[End]) -> bool:
    """Whether an object is one of some grounds, or is in or on it."""
    away = item.kind in LINKS and item.found and item.is_elsewhere
    return not them.isdisjoint(item.devices) or any(End(netns, "") in them for netns in _places(item) if not away)


def itself(item: Touched) -> frozenset[End]:
    """The grounds that an object is."""
    if item.kind == "netns":
        return frozenset(End(netns, "") for netns in _places(item))
    return item.devices if item.kind in LINKS else frozenset()


def doubtful(items: Iterable[Touched]) -> AbstractSet[str]:
    """The grounds that a run which changes items may make anew or move."""
    return {written(ground) for item in items for ground in itself(item)}


def _declared(item: Touched, end: End) -> AbstractSet[str]:
    """The namespaces that a device is declared in; of a cable each end has its own."""
    parts = [part for part in (item.owner, (item.owner or {}).get("peer")) if part]
    return {part.get("netns") or HOST for part in parts if part["name"] == end.name} or places_in(item.owner or {})


def _places(item: Touched) -> frozenset[str]:
    return frozenset({item.absent["name"]}) if item.kind == "netns" else item.places
