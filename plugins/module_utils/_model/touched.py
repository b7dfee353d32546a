# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was made or changed, as it was found, and how it is made to be that again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Optional

from . import changes, marks
from .document import Claim, claims, read_entry
from .kind import Kind
from .marks import Mark
from .netns_sysctl_keys import device_of, key
from .registry import KINDS
from .state import HOST, Address, End, State

# What comes and goes with something else: a sysctl with its device, a link that is no cable or bridge by moving.
INSEPARABLE = ("netns_sysctl", "link")
ON_DEVICES = ("netns_sysctl", "netns_neighbor")
# What is made and deleted with its name.
DEVICES = frozenset({"veth", "bridge"})
# Whose entries speak of a device.
LINKS = ("link", *sorted(DEVICES))
# Of which only what was changed is put back.
IN_PLACE = ("netns", *LINKS)
# Of a link; "found" are its addresses in full.
LOST_BY_MOVING = ("up", "addresses", "found")


def places_in(entry: Mapping[str, Any]) -> frozenset[str]:
    """The namespaces that an entry's thing, or both ends of its cable, stand in."""
    return frozenset(part.get("netns") or HOST for part in (entry, entry.get("peer") or entry))


@dataclass(frozen=True)
class Touched:
    """An object that a plan changes: what it was (None: not there), and an entry that removes it.

    `owner` says which entry of a document declares it, perhaps at another place; None where it only follows.
    `former` are entries that declared it before: a run that moved it may have been killed on the way.
    `since` orders what several topologies found. `changed` are the options of what was found that were changed; None
    is all of them. Without any it only passes: it is what it was when the plan has come to its end.
    `given` are the addresses that documents have declared of a device, ever since. `passing` are those of the changed
    options that are only lost and given back on the way. `made` tells a route or a neighbour that was made from what
    others put in its place; several, where a run may have been killed between them, and None where it is not known.
    """

    kind: str
    found: Optional[Mapping[str, Any]]
    absent: Mapping[str, Any]
    owner: Optional[Mapping[str, Any]] = None
    former: Sequence[Mapping[str, Any]] = field(default_factory=list)
    since: float = 0.0
    changed: Optional[Sequence[str]] = None
    given: Sequence[str] = field(default_factory=list)
    passing: Sequence[str] = field(default_factory=list)
    made: Optional[Sequence[Mark]] = None

    @cached_property
    def written(self) -> str:
        """Which object it is, as a ledger writes that."""
        return json.dumps([self.kind, self.absent], sort_keys=True)

    @cached_property
    def devices(self) -> frozenset[End]:
        """The devices it is, or is on."""
        netns = self.absent.get("netns") or HOST
        if self.kind == "netns_sysctl":
            name = device_of(key(self.absent["name"]))
            return frozenset([End(netns, name)] if name else ())
        names = [(netns, self.absent.get("device") or self.absent.get("name"))]
        for hop in (self.found or {}).get("nexthops") or [self.found or {}]:
            names.append((netns, hop.get("device")))
        if "peer" in self.absent:
            names.append((self.absent["peer"].get("netns") or HOST, self.absent["peer"]["name"]))
        return frozenset(End(place, name) for place, name in names if name)

    @cached_property
    def places(self) -> frozenset[str]:
        """The namespaces it stands in."""
        return places_in(self.absent)

    @cached_property
    def specs(self) -> Sequence[Any]:
        """Its entries as specifications: what it is, where it was found and where it was declared."""
        others = [entry for entry in (self.owner, *self.former) if entry]
        entries = [entry for entry in others if {**entry, "state": "absent"} != self.absent]
        return [read_entry(self.kind, entry) for entry in (self.absent, *entries)]

    @cached_property
    def claims(self) -> frozenset[Claim]:
        """What identifies it, in any of its entries."""
        named = frozenset((self.kind, claim) for spec in self.specs for claim in claims(spec))
        return named if named.isdisjoint(self.by_one_end) else named | self.by_one_end

    @property
    def by_one_end(self) -> frozenset[Claim]:
        """Of a cable: what an entry that wants it gone, and names no more than one of its ends, identifies it by."""
        ends = self.devices if self.kind == "veth" else ()
        return frozenset((self.kind, (end, frozenset([end.name]))) for end in ends)

    @property
    def hints(self) -> dict[str, Any]:
        """Of a link that was found: the namespaces that it was moved to."""
        moved = self.moved_to if self.kind == "link" and self.found else ()
        return {"places": sorted(moved)} if moved else {}

    @property
    def moved_to(self) -> frozenset[str]:
        """The namespaces that entries have declared it in, other than where it was found."""
        entries = [entry for entry in (self.owner, *self.former) if entry]
        return frozenset(netns for entry in entries for netns in places_in(entry)) - self.places

    @property
    def last(self) -> dict[str, Any]:
        """Of a link that was found: what a move takes away, as it was last before the entry that declares it now."""
        was = dict(self.found or {})
        for entry in self.former:
            if "addresses" in entry:
                was.pop("found", None)
            was.update(entry)
        return {name: was[name] for name in LOST_BY_MOVING if name in was}

    @property
    def narrowed(self) -> Touched:
        """With no more of what was found than was changed."""
        if self.found is None or self.changed is None or self.passes:
            return self
        return replace(self, found=changes.only(self.found, self.changed))

    @property
    def sparing(self) -> Touched:
        """With what says which addresses of a device are the topology's: the others that were not found are others'."""
        if self.found is None or self.kind not in LINKS or self.is_elsewhere:
            return self
        found = _sparing(self.found, self.given)
        if "peer" in found:
            found["peer"] = _sparing(found["peer"], self.given)
        return replace(self, found=found)

    def owned_by(self, owner: Mapping[str, Any], addresses: Iterable[str]) -> Touched:
        """As an entry declares it, with these addresses."""
        former = [*self.former, self.owner] if self.owner and self.owner != owner else self.former
        return replace(self, owner=owner, former=former, given=sorted({*self.given, *addresses}))

    def is_gone(self, state: State) -> bool:
        """Whether somebody has deleted what was found, and only changed: it is not to be made again."""
        if self.found is None or self.changed is None:
            return False
        if self.kind == "netns":
            return self.absent["name"] not in state.namespaces
        seen = {netns for netns, namespace in state.namespaces.items() if not namespace.sealed}
        return self.kind in LINKS and self.places <= seen and not any(state.link(end) for end in self.devices)

    def with_more(self, later: Touched) -> Touched:
        """With what a later run changes of it as well, as that is found then."""
        both = replace(self, given=sorted({*self.given, *later.given}), made=marks.union(self.made, later.made))
        if self.found is None or later.found is None or self.changed is None:
            return both
        found = changes.over(self.found, self.changed, later.found)
        passing = {*self.passing, *later.passing} - ({*self.changed} - {*self.passing})
        changed = changes.union(self.changed, later.changed)
        return replace(both, found=found, changed=changed, passing=sorted(passing))

    @property
    def passes(self) -> bool:
        """Whether it is only lost and given back on the way."""
        return self.changed is not None and not self.changed

    def arrived(self, state: State) -> Touched:
        """At the end of a run: what only passed and is not there after all, as a run before it was killed, was lost."""
        if self.passing:
            kind = KINDS[self.kind]
            back = any(self._is_back(recorded(kind, state, kind.locate(state, spec))) for spec in self.specs)
            changed = {*(self.changed or ())} - {*(self.passing if back else ())}
            return replace(self, changed=sorted(changed), passing=())
        return replace(self, changed=None) if self.passes and not self.is_there(state) else self

    def is_there(self, state: State) -> bool:
        """Whether there is such a thing, whatever it is like."""
        kind = KINDS[self.kind]
        return any(kind.view(state, kind.locate(state, spec)) for spec in self.specs)

    def _is_back(self, now: Optional[Mapping[str, Any]]) -> bool:
        """Whether a device has the addresses and the MTU for IPv6 that were found, and no address declared beside."""
        pairs = zip(_addresses(self.found), _addresses(now))
        known = [(was, {each for each in there if each in was or each.text in self.given}) for was, there in pairs]
        mtus = [
            [end.get("ipv6_mtu") for end in (shown, shown.get("peer") or {})] for shown in (self.found or {}, now or {})
        ]
        return now is not None and mtus[0] == mtus[1] and all(was == there for was, there in known)

    @property
    def is_elsewhere(self) -> bool:
        """Whether the entry that declares it says another namespace than the one it was found in."""
        return bool(self.owner) and places_in(self.owner or {}) != self.places

    @property
    def record(self) -> dict[str, Any]:
        """Its fields."""
        return {name: getattr(self, name) for name in FIELDS}


def _sparing(found: Mapping[str, Any], given: Sequence[str]) -> dict[str, Any]:
    return {**found, "declared": given} if "addresses" in found else dict(found)


def _addresses(shown: Optional[Mapping[str, Any]]) -> list[set[Address]]:
    """The addresses of a device, and of its cable's far end."""
    ends = [shown or {}, (shown or {}).get("peer") or {}]
    plain = [[{"text": text} for text in end.get("addresses") or ()] for end in ends]
    return [{Address(**each) for each in end.get("found") or texts} for end, texts in zip(ends, plain)]


FIELDS = [each.name for each in fields(Touched)]


def recorded(kind: Kind, state: State, subject: Any) -> Optional[dict[str, Any]]:
    """A thing in the user's words, with what there are no words for but is to come back."""
    shown = kind.view(state, subject)
    more = kind.record(state, subject) if shown else {}
    if shown is None or not more:
        return shown
    if "peer" in more:
        more = {**more, "peer": {**shown["peer"], **more["peer"]}}
    return {**shown, **more}


def devices_made(objects: Iterable[Touched]) -> set[End]:
    """The devices among objects that were not there before."""
    return {end for item in objects if item.found is None for end in item.devices if item.kind in DEVICES}


def namespaces_made(objects: Iterable[Touched]) -> frozenset[str]:
    """The namespaces among objects that were not there before."""
    return frozenset(item.absent["name"] for item in objects if item.kind == "netns" and item.found is None)


def latest(objects: Iterable[Touched]) -> list[Touched]:
    """Without the former places of a cable that was made and then moved."""
    kept: dict[int, Touched] = {}
    cables: dict[frozenset[str], list[int]] = {}
    for number, item in enumerate(objects):
        if item.kind == "veth" and item.found is None:
            names = frozenset(end.name for end in item.devices)
            others = cables.get(names, ())
            for other in others:
                if kept[other].owner == item.owner or kept[other].devices & item.devices:
                    del kept[other]
            cables[names] = [*(other for other in others if other in kept), number]
        kept[number] = item
    return list(kept.values())
