# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody has renamed or moved since it was found or made: still the same, by its number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Callable

from .grounds import grounds, written
from .netns_sysctl_keys import device_of, key, key_name
from .state import HOST, End, Hop, State
from .touched import LINKS, Touched
from .veth import locate

# Of devices, and of namespaces: ends without a device's name.
Names = Mapping[End, str]


def names_now(
    objects: Iterable[Touched],
    numbers: Mapping[str, int],
    number: Callable[[End], int],
    name: Callable[[str, int], str],
) -> dict[End, str]:
    """The grounds that have another name now, as `number` and `name` tell; 0 and "" are nothing.

    A number says nothing in another namespace: it was noted where the device is declared. That place is told as well.
    """
    found = {}
    for ground, places in grounds(objects if numbers else ()).items():
        known = numbers.get(written(ground), 0) if ground.name else 0
        if known and known not in map(number, {ground, *places}):
            there = places - {ground} or {ground}
            now = name(min(there).netns, known) if len(there) == 1 else ""
            found.update(dict.fromkeys({ground, *there}, now) if now else {})
    return found


def renamed(item: Touched, names: Names) -> Touched:
    """An object with the names that its devices and namespaces have now.

    What is declared by the former name is another one then, if there is any.
    """
    if not names:
        return item
    found, owner = (entry and _entry(item.kind, entry, names) for entry in (item.found, item.owner))
    former = [_entry(item.kind, entry, names) for entry in item.former]
    return replace(item, found=found, absent=_entry(item.kind, item.absent, names), owner=owner, former=former)


def numbers_of(numbers: Mapping[str, int], names: Names) -> dict[str, int]:
    """The numbers of grounds, with the names that these have now."""
    now = {written(old): written(End(old.netns, new)) for old, new in names.items() if written(old) in numbers}
    kept = {ground: known for ground, known in numbers.items() if ground not in now}
    return {**kept, **{new: numbers[old] for old, new in now.items()}}


def cable_now(item: Touched, state: State) -> Touched:
    """A cable that was made, with its ends where somebody has put them meanwhile."""
    if item.kind != "veth" or item.found or not item.absent.get("peer"):
        return item
    spec = item.specs[0]
    near = locate(state, spec)
    link = state.link(near)
    if link is None or link.peer is None or {near, link.peer} == spec.claims or link.peer.name != spec.far.name:
        return item
    return replace(item, absent={**near.entry, "peer": link.peer.entry, "state": "absent"})


def _entry(kind: str, entry: Mapping[str, Any], names: Names) -> dict[str, Any]:
    def now(name: Any) -> Any:
        return names.get(End(entry.get("netns") or HOST, name), name)

    def place(netns: str) -> str:
        return names.get(End(netns, ""), netns)

    result = {**entry, **{option: now(entry[option]) for option in ("device", "master") if entry.get(option)}}
    if entry.get("netns"):
        result["netns"] = place(entry["netns"])
    if kind == "netns":
        result["name"] = place(entry["name"])
    elif kind in LINKS:
        result["name"] = now(entry["name"])
    elif kind == "netns_sysctl" and (device := device_of(parts := key(entry["name"]))):
        result["name"] = key_name((*parts[:3], now(device), parts[4]))
    elif kind == "netns_route":
        if entry.get("nexthops"):
            result["nexthops"] = [{**hop, "device": now(hop.get("device"))} for hop in entry["nexthops"]]
        routes = entry.get("found") or ()
        result.update({"found": [_route(route, now) for route in routes]} if routes else {})
    if entry.get("peer"):
        result["peer"] = _entry(kind, entry["peer"], names)
    return result


def _route(record: Mapping[str, Any], now: Callable[[Any], Any]) -> dict[str, Any]:
    hops = [Hop(*hop) for hop in record["hops"]]
    return {**record, "hops": [hop._replace(device=now(hop.device)) for hop in hops]}
