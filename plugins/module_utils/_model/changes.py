# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which options of a thing that was found were changed: the others are nobody's to put back.

The options of a cable's far end are written `peer.mtu`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Optional

Values = Mapping[str, Any]

# Each is nothing without the other.
TOGETHER = ({"addresses", "found"}, {"master", "port"}, {"mac", "ports_mac"}, {"lo_up", "untouched"})
# What a bridge may take from its ports.
FROM_PORTS = {"mac", "ports_mac", "mtu"}
PLACE = ("netns", "name")


def differing(before: Values, after: Values) -> list[str]:
    """The options in which two views of a thing differ, and those that may have followed."""
    return sorted(_differing(before, after, "") | _differing(_peer(before), _peer(after), "peer."))


def _differing(before: Values, after: Values, front: str) -> set[str]:
    names = {name for name in (before.keys() | after.keys()) - {"peer"} if before.get(name) != after.get(name)}
    for group in TOGETHER:
        names |= group if names & group else set()
    names |= FROM_PORTS if "ports" in names else set()
    return {front + name for name in names}


def _peer(values: Values) -> Values:
    return values.get("peer") or {}


def only(found: Values, changed: Iterable[str]) -> dict[str, Any]:
    """What was found, as far as it was changed, with what says which thing it is."""
    return _picked(found, {*PLACE, *changed}, {f"peer.{name}" for name in PLACE} | set(changed))


def _picked(found: Values, names: Iterable[str], of_peer: Iterable[str]) -> dict[str, Any]:
    kept = {name: value for name, value in found.items() if name in names}
    if "peer" in found:
        kept["peer"] = {name: value for name, value in found["peer"].items() if f"peer.{name}" in of_peer}
    return kept


def over(found: Values, changed: Iterable[str], now: Values) -> dict[str, Any]:
    """What is found now, but where something was changed earlier what was found then."""
    mine, far = set(changed), _peer(found)
    result = {name: value for name, value in now.items() if name not in mine}
    result.update({name: found[name] for name in mine & found.keys()})
    if far:
        result["peer"] = {name: value for name, value in _peer(now).items() if f"peer.{name}" not in mine}
        result["peer"].update({name: value for name, value in far.items() if f"peer.{name}" in mine or name in PLACE})
    return result


def union(one: Optional[Iterable[str]], other: Optional[Iterable[str]]) -> Optional[list[str]]:
    """Both; None is all."""
    return None if one is None or other is None else sorted({*one, *other})
