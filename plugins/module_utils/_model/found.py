# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was found of a device, when entries of several kinds speak of it: a link, a cable's end, a bridge's port."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from . import attributes
from .attributes import Attributes
from .problems import Problems, Reader
from .state import HOST, End
from .touched import LINKS, Touched

Values = Mapping[str, Any]


def by_device(objects: Iterable[Touched]) -> dict[End, Values]:
    """What was found of each device."""
    return {end: values for item in objects for end, values in ends(item)}


def lost(objects: Iterable[Touched]) -> dict[End, Attributes]:
    """The addresses and MTUs for IPv6 that a run which was killed may have left lost, by device."""
    kept = {}
    for item in objects:
        for end, values in ends(replace(item, changed=item.passing)) if item.passing else ():
            was = attributes.read(Reader(values, "", Problems()))
            own = tuple(found for found in was.found if not found.kernel_made) if was.found else None
            given = tuple(item.given)
            kept[end] = Attributes(addresses=was.addresses, found=own, declared=given, ipv6_mtu=was.ipv6_mtu)
    return kept


def agreeing(item: Touched, earlier: Mapping[End, Values]) -> Touched:
    """An object, with what was found of its devices before it; what is found now may be a topology's own work."""
    if item.found is None or item.kind not in LINKS:
        return item
    found = {**item.found, **_shared(item.found, earlier.get(_end(item.found), {}))}
    if "peer" in found:
        found["peer"] = {**found["peer"], **_shared(found["peer"], earlier.get(_end(found["peer"]), {}))}
    return replace(item, found=found)


def ends(item: Touched) -> Iterable[tuple[End, Values]]:
    """The devices that a link, a cable or a bridge was found to be, and as what."""
    if item.found is None or item.kind not in LINKS:
        return
    found = item.narrowed.found or {}
    for values in (found, found.get("peer")):
        if values:
            yield _end(values), values


def _end(values: Values) -> End:
    return End(values.get("netns") or HOST, values["name"])


def _shared(values: Values, earlier: Values) -> Values:
    return {name: earlier[name] for name in values.keys() & earlier.keys() - {"netns", "name", "peer"}}
