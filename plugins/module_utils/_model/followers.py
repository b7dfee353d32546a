# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nobody declared, and that comes back with things that are put back."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Optional

from .claims import claims
from .document import Claim, Config
from .netns_sysctl import NAME as SYSCTL
from .netns_sysctl import follows, leads
from .state import HOST, End, State
from .touched import LINKS, Touched


def followers(
    objects: Sequence[Touched],
    config: Config,
    gone: Sequence[Touched],
    declared: AbstractSet[Claim],
    state: Optional[State] = None,
) -> list[Touched]:
    """What nobody declared, and that comes back when these objects are put back; not these themselves.

    Sysctls that follow, and what a device that was found had on it. With a state, only where the device is there
    or comes back.
    """
    written = [subject for item in gone if item.kind == SYSCTL for dummy, subject in item.claims if leads(subject)]
    still = [subject for kind, subject in declared if kind == SYSCTL and leads(subject)]
    back = {end for item in gone if _comes_back(item) for end in item.devices}
    spaces = {item.absent["name"] for item in gone if item.kind == "netns" and item.found and item.changed is None}
    found = {end for item in gone if item.found for end in item.devices if item.kind in LINKS}
    claimed = {claim for item in gone for claim in item.claims}
    known = declared | claimed
    found |= _on_top(objects, found | {end for kind, end in claimed if kind == "link"}, state)
    found |= _left_alone(config, claimed)
    chosen = []
    for item in objects:
        if item.owner is None and item.claims.isdisjoint(known):
            lost = bool(item.devices & found or item.places & spaces)
            if _follows(item, written, still, lost, back, state) if item.kind == SYSCTL else item.found and lost:
                chosen.append(item)
    return chosen


def _left_alone(config: Config, gone: AbstractSet[Claim]) -> set[End]:
    """The bridges that lose the last of this topology's ports: their MAC address and their MTU had followed."""
    going: set[End] = set()
    staying: set[End] = set()
    for kind, entries in config.items():
        for entry in entries if kind in LINKS else ():
            masters = {
                End(part.get("netns") or HOST, part["master"])
                for part in (entry, entry.get("peer") or {})
                if part.get("master")
            }
            if masters:
                (going if claims({kind: [entry]}) & gone else staying).update(masters)
    return going - staying


def _on_top(objects: Sequence[Touched], lowers: AbstractSet[End], state: Optional[State]) -> set[End]:
    """What stands on devices; without a state, what may."""
    if state is None:
        return {end for item in objects if item.kind == "link" and not item.owner for end in item.devices}
    uppers: set[End] = set()
    while more := {up for up, down in state.lowers.items() if down in lowers | uppers} - uppers:
        uppers |= more
    return uppers


def _comes_back(item: Touched) -> bool:
    """Whether what is put back is a device that was moved away, or deleted."""
    if item.kind == "link" and len(item.claims) > 1:
        return True
    return item.kind in LINKS and item.found is not None and item.changed is None


def _follows(
    item: Touched, written: Any, still: Any, lost: bool, back: AbstractSet[End], state: Optional[State]
) -> bool:
    """Whether a sysctl changes when others are written, or comes back with what it was lost with."""
    there = state is None or all(state.link(end) or end in back for end in item.devices)
    wanted = any(follows(key, still) for dummy, key in item.claims)
    source = any(follows(key, written) for dummy, key in item.claims)
    return there and not wanted and (source or lost)
