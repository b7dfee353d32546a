# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices that were found and that somebody has renamed since: still the same, by their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Callable

from .grounds import grounds, written
from .netns_sysctl_keys import device_of, key, key_name
from .state import HOST, End, Hop
from .touched import LINKS, Touched

Names = Mapping[End, str]


def names_now(
    objects: Iterable[Touched],
    numbers: Mapping[str, int],
    number: Callable[[End], int],
    name: Callable[[str, int], str],
) -> dict[End, str]:
    """The grounds that have another name now, as `number` and `name` tell; 0 and "" are nothing.

    A number says nothing in another namespace: it was noted where the device is declared.
    """
    found = {}
    for ground, places in grounds(objects if numbers else ()).items():
        known = numbers.get(written(ground), 0) if ground.name else 0
        if known and known not in map(number, {ground, *places}):
            there = places - {ground} or {ground}
            now = name(min(there).netns, known) if len(there) == 1 else ""
            found.update({ground: now} if now else {})
    return found


def renamed(item: Touched, names: Names) -> Touched:
    """An object as it was found, with the names that its devices have now; what a document says of it stays."""
    if not names:
        return item
    found = item.found and _entry(item.kind, item.found, names)
    return replace(item, found=found, absent=_entry(item.kind, item.absent, names))


def _entry(kind: str, entry: Mapping[str, Any], names: Names) -> dict[str, Any]:
    def now(name: Any) -> Any:
        return names.get(End(entry.get("netns") or HOST, name), name)

    result = {**entry, **{option: now(entry[option]) for option in ("device", "master") if entry.get(option)}}
    if kind in LINKS:
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
