# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a topology has made on its host, and what it found there before."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Callable, Optional

from . import changes, defaults
from . import document as documents
from .claims import claims, owned, owners_of
from .document import Claim, Config, Document, Plan
from .found import agreeing, by_device
from .grounds import Numbers, doubtful, itself, noted, replaced, stands_on, written
from .identity import NUMBERED, device, differ, identity, namespace, namespaces_now
from .link import locate
from .netns import far_ends
from .passing import passing
from .renamed import names_now, numbers_of, renamed
from .state import HOST, End, State
from .touched import DEVICES, LINKS, Touched, devices_made, latest, namespaces_made
from .touching import given_back, touched
from .whose import Making, Standing, with_known

VERSION = 1
SYSCTL = "netns_sysctl"


@dataclass
class Ledger:
    """`objects` in the order they were first touched; `identities` says which exactly were made.

    `grounds` says which exactly the devices and namespaces are that were found.
    """

    name: str
    host: str
    config: Config = field(default_factory=dict)
    objects: list[Touched] = field(default_factory=list)
    identities: dict[str, int] = field(default_factory=dict)
    grounds: Numbers = field(default_factory=dict)
    complete: bool = False
    version: int = VERSION

    def own(self, document: Document, state: State) -> None:
        """Notes which entry declares each object now, perhaps at another place than before."""
        if self.objects:
            owners = owners_of(document, state)
            self.objects = [owned(item, owners, state) for item in self.objects]

    def hinted(self, document: Document, purge: bool) -> Document:
        """A document whose links are looked for where this topology has moved them.

        With `purge`, a link that comes home, or that a killed run may have moved, is what it was found to be where the
        document says nothing else.
        """
        places: dict[str, list[str]] = {}
        numbers: dict[str, list[tuple[str, int]]] = {}
        for item in (item for item in self.objects if item.hints):
            places.setdefault(item.absent["name"], []).extend(item.hints["places"])
            numbers.setdefault(item.absent["name"], []).extend(self._numbers(item))
        links = [
            replace(spec, places=tuple(places.get(spec.end.name, ())), numbers=tuple(numbers.get(spec.end.name, ())))
            for spec in document.specs["link"]
        ]
        found = {end: item for item in self._astray() for end in item.devices} if purge else {}
        for number, spec in enumerate(links):
            home = spec.end if spec.end in found else next((end for end in found if end.name == spec.end.name), None)
            if home and not spec.absent and (spec.end == home or not self.complete):
                links[number] = spec.completed(found[home].found or {} if spec.end == home else found[home].last)
        return Document({**document.specs, "link": links})

    def _numbers(self, item: Touched) -> list[tuple[str, int]]:
        """The number of a link that was found, as far as it is known, where it was moved to."""
        places = item.hints.get("places", ())
        known = sum(self.grounds.get(written(end), 0) for end in item.devices) if places else 0
        return [(netns, known) for netns in places if known]

    def put_back(self, item: Touched) -> Touched:
        """What was found as it is put back: no more of it than was changed, and no other thing of its name."""
        item = with_known(item.narrowed.sparing)
        numbers = self._numbers(item)
        return replace(item, found={**(item.found or {}), "numbers": numbers}) if numbers else item

    def _astray(self) -> list[Touched]:
        """The links that were found, and that were last declared elsewhere, or before a run that was killed."""
        return [item for item in self.objects if item.hints and (item.is_elsewhere or not self.complete)]

    def coming_home(self, document: Document) -> list[Touched]:
        """The links that are declared where they were found, after they were moved from there."""
        ends = {spec.end for spec in document.specs["link"] if not spec.absent}
        return [item for item in self._astray() if item.devices & ends]

    def add(self, planned: Plan, document: Document, undone: Plan, state: State) -> None:
        """Notes what is about to be touched for the first time; what was found earlier stays.

        Not what only the undoing touches, and not what goes with its namespace: neither is to come back.
        `state` is what was found, without the devices that go.
        """
        owners = owners_of(document, state)
        known = {claim: number for number, item in enumerate(self.objects) for claim in item.claims}
        undoing = {claim for item in touched(undone) if not item.claims & owners.keys() for claim in item.claims}
        devices, earlier = devices_made(self.objects), by_device(self.objects)
        going, making = namespaces_made(self.objects) - planned.after.namespaces.keys(), Making(planned)
        for item in touched(planned, defaults.changed(self.objects).keys()):
            if (undoing and item.claims & undoing) or (item.kind != "netns" and item.places & going):
                continue
            numbers = {known[claim] for claim in item.claims & known.keys()} if known else set()
            made = making.of(item)
            for number in numbers:
                self.objects[number] = self.objects[number].with_more(replace(item, made=made))
            if numbers:
                continue
            item = owned(agreeing(item, earlier), owners, state)
            if item.owner is None and item.kind not in LINKS and item.devices & devices:
                # It only stands on a device that goes with this topology.
                continue
            self.objects.append(replace(item, since=time.monotonic(), made=made))
            earlier.update(by_device([item]))
        self._follow(document, state)

    def pass_by(self, planned: Plan) -> None:
        """Notes what is about to be lost and given back: a run that is killed may leave it lost."""
        lost = [item for item in touched(planned) if item.passing] if given_back(planned) else []
        items = passing(planned)
        if not lost and not items:
            return
        known = {claim: number for number, item in enumerate(self.objects) for claim in item.claims}
        for item in lost:
            for number in {known[claim] for claim in item.claims & known.keys()}:
                self.objects[number] = self.objects[number].with_more(replace(item, changed=item.passing))
        items = [item for item in items if not item.claims & known.keys()]
        self.objects += [replace(item, since=time.monotonic()) for item in items]

    def _follow(self, document: Document, state: State) -> None:
        """A cable of ours that moves is ours at its new place as well."""
        made = [item for item in self.objects if item.kind == "veth" and item.found is None]
        places = {item.devices for item in made}
        moved = [spec for spec in document.specs["veth"] if not spec.absent and spec.claims not in places]
        marks = {claim for item in made for claim in item.claims} if moved else set()
        for spec in moved:
            if {("veth", claim) for claim in documents.origins("veth", spec, state)} & marks:
                self.objects.append(Touched("veth", None, {**spec.entry, "state": "absent"}, spec.entry))

    def left_by(self, declared: AbstractSet[Claim]) -> list[Touched]:
        """The objects that were declared and are not any more, as far as a document alone tells."""
        return [item for item in self.objects if item.owner and not item.claims & declared]

    def displaced(self, document: Document) -> list[Touched]:
        """The cables that were made, but are not declared where they were made."""
        places = {spec.claims for spec in document.specs["veth"] if not spec.absent}
        made = (item for item in self.objects if item.kind == "veth" and item.found is None)
        return [item for item in made if item.specs[0].claims not in places]

    def waiting(self, leaving: Sequence[Touched], document: Document, state: State) -> list[Touched]:
        """What was found on devices that a document has elsewhere: it comes back with these, not on others."""
        links = [spec for spec in document.specs["link"] if not spec.absent]
        here = {spec.end for spec in links}
        moved = (item for item in self.objects if item.kind == "link" and item.is_elsewhere)
        away = {end for item in moved if item.claims & {("link", end) for end in here} for end in item.devices}
        away |= {locate(state, spec) for spec in links}
        return [item for item in leaving if item.found and item.kind not in LINKS and item.devices & (away - here)]

    def missing(self, leaving: Sequence[Touched], returned: AbstractSet[Claim], after: State) -> list[Touched]:
        """What was to come back and is not there: a setting whose device, or its IPv6, is gone. Not of devices made."""
        made = devices_made(self.objects)
        found = (item for item in leaving if item.found and item.claims & returned and not item.devices & made)
        return [item for item in found if not item.is_there(after)]

    def holds(self, item: Touched) -> bool:
        """Whether another topology's object is on a device that was found and that this topology has changed."""
        return any(mine.found and mine.devices & item.devices for mine in self.objects if mine.kind in LINKS)

    def union(self, config: Config) -> Config:
        """A configuration with what was declared before it and not purged."""
        declared = claims(config)
        merged = {kind: list(entries) for kind, entries in config.items()}
        for kind, entries in self.config.items():
            merged.setdefault(kind, []).extend(entry for entry in entries if not claims({kind: [entry]}) & declared)
        return merged

    def with_mtu(self) -> list[End]:
        """The devices that it declares an MTU of, bridges among them."""
        entries = [*self.config.get("bridge", ()), *self.config.get("link", ())]
        return [End(entry.get("netns") or HOST, entry["name"]) for entry in entries if entry.get("mtu")]

    def inherit(self, objects: Sequence[Touched], grounds: Numbers) -> None:
        """Takes over what another topology had found, unless this one found it earlier."""
        numbers = {claim: number for number, item in enumerate(self.objects) for claim in item.claims}
        declared = claims(self.config)
        self.grounds = {**grounds, **self.grounds}
        for item in objects:
            known = {numbers[claim] for claim in item.claims if claim in numbers}
            for number in known:
                mine = self.objects[number]
                if item.since < mine.since:
                    self.objects[number] = replace(item.with_more(mine), owner=mine.owner, former=mine.former)
                else:
                    self.objects[number] = mine.with_more(item)
            if not known:
                # What it only stands in goes when all of it goes.
                self.objects.append(item if item.claims & declared else replace(item, owner=None))

    def learn(self, given_back: Sequence[Touched]) -> bool:
        """Takes over what another topology had found of things that followed both, and gives back now; whether any.

        This one came later, and found what the other had made of them.
        """
        followers = {
            claim: number
            for number, item in enumerate(self.objects)
            if item.owner is None and item.found and item.changed
            for claim in item.claims
        }
        known = False
        for item in (each for each in given_back if each.found and each.changed):
            for number in {followers[claim] for claim in item.claims & followers.keys()}:
                mine = self.objects[number]
                both = {*(item.changed or ())} & {*(mine.changed or ())}
                if both and item.since < mine.since:
                    found = changes.over(item.found or {}, both, mine.found or {})
                    self.objects[number] = replace(mine, found=found)
                    known = True
        return known

    def settle(
        self,
        config: Config,
        kept: Optional[AbstractSet[Claim]],
        state: State,
        returned: AbstractSet[Claim],
        removed: AbstractSet[Claim] = frozenset(),
    ) -> None:
        """After a run: forgets what is not to be kept, or has returned, and notes which objects stand now.

        Kept is what is declared, and what is still owed; with None nothing was to be purged, and nothing is forgotten
        but what was made and is declared to be `removed`: who makes such a thing again owns it.
        """
        standing = Standing(state)
        owned = [
            item
            for item in (standing.settled(item.arrived(state)) for item in latest(self.objects))
            if not item.passes
            if kept is None or item.claims & kept or (item.owner is None and not item.claims & returned)
            if item.found is not None or item.claims.isdisjoint(removed) or item.is_there(state)
        ]
        gone = namespaces_made(self.objects) - namespaces_made(owned)
        arrived = [_arrived(item) for item in owned]
        self.objects = [item for item in arrived if item.kind == "netns" or not item.places & gone]
        self.config, self.complete = config, True
        made = {item.written: item for item in self.objects if item.found is None and item.kind in NUMBERED}
        # With `purge: false` not all that was made has been read.
        found = {key: identity(item, state) or self.identities.get(key) for key, item in made.items()}
        self.identities = {key: value for key, value in found.items() if value}
        self.grounds = noted(self.objects, state, self.grounds)

    def doubt(self, items: Iterable[Touched]) -> None:
        """Before a run: of what it makes or removes, it is not known which exactly will stand if it is killed."""
        items = list(items)
        for item in items:
            if item.kind in NUMBERED:
                self.identities.pop(item.written, None)
        for name in doubtful(items):
            self.grounds.pop(name, None)

    def recognise(self, objects: Sequence[Touched], state: State) -> None:
        """After a run that was undone: what it removed has been made again."""
        numbered = (item for item in objects if item.kind in NUMBERED)
        found = {item.written: identity(item, state) for item in numbered if item.written in self.identities}
        self.identities.update({key: value for key, value in found.items() if value})
        self.grounds = noted(self.objects, state, self.grounds)
        standing, again = Standing(state), {id(item) for item in objects}
        self.objects = [standing.remade(item) if id(item) in again else item for item in self.objects]

    def without_strangers(
        self, number: Callable[[End], int], name: Callable[[str, int], str]
    ) -> tuple[Ledger, list[tuple[Touched, End]]]:
        """The same without what stands on grounds that were replaced, and these things, each with such a ground.

        What was found and only has another name now is known by that.
        """
        names = names_now(self.objects, self.grounds, number, name)
        strangers = sorted(replaced(self.objects, self.grounds, number) - names.keys())
        lost = [(item, ground) for item in self.objects for ground in strangers if stands_on(item, {ground})]
        gone = {id(item) for item, dummy in lost}
        objects = [renamed(item, names) for item in self.objects if id(item) not in gone]
        return replace(self, objects=objects, grounds=numbers_of(self.grounds, names)), lost

    def in_namespaces_now(
        self, declared: AbstractSet[Claim], number: Callable[[str], int], others: Callable[[], Iterable[str]]
    ) -> tuple[Ledger, list[tuple[str, str]]]:
        """The same with the names that the namespaces which it made, and which are not declared, have now.

        And those that are declared, each with its name now. `number` tells of a name, 0 is nothing.
        """
        now = namespaces_now(self.objects, self.identities, number, others)
        if not now:
            return self, []
        names = {End(old, ""): new for old, new in now.items() if ("netns", old) not in declared}
        objects = [renamed(item, names) for item in self.objects]
        keys = {item.written: again.written for item, again in zip(self.objects, objects)}
        identities = {keys.get(key, key): known for key, known in self.identities.items()}
        wanted = [(old, new) for old, new in now.items() if End(old, "") not in names]
        return replace(self, objects=objects, identities=identities), wanted

    def touched(self, planned: Plan) -> list[Touched]:
        """The objects that a plan makes, changes or removes."""
        acted_on = {claim for item in touched(planned) for claim in item.claims}
        return [item for item in self.objects if item.claims & acted_on]

    def replaced(self, item: Touched, state: State) -> bool:
        """Whether something else stands now where this topology made an object."""
        made = self.identities.get(item.written, 0) if item.kind in NUMBERED else 0
        return bool(made) and differ(item, made, identity(item, state))

    def strangers(self, state: State) -> set[End]:
        """The devices and namespaces that stand now where this topology made some, and the cables into these."""
        found = {ground for item in self.objects if self.replaced(item, state) for ground in itself(item)}
        inside = (item for item in self.objects if item.kind in DEVICES and item.found is None)
        return found.union(*(item.devices for item in inside if stands_on(item, found)))

    def as_named_now(self, item: Touched, state: State) -> Touched:
        """A device that was made, under the name that somebody has given it meanwhile: its number stays the same."""
        netns = item.absent.get("netns") or HOST
        if item.kind not in DEVICES or item.found or netns not in state.namespaces:
            return item
        made = device(self.identities.get(item.written, 0))
        if not made or device(identity(item, state)):
            return item
        links = state.namespaces[netns].links.values()
        names = [link.name for link in links if link.index == made and link.kind == item.kind]
        return Touched(item.kind, None, {**item.absent, "name": names[0]}) if names else item

    def renamed(self, declared: AbstractSet[Claim], state: State) -> list[Touched]:
        """The devices that were made and are declared, but have another name now."""
        items = ((item, self.as_named_now(item, state)) for item in self.objects)
        return [now for item, now in items if now is not item and item.claims & declared]

    def dragged_along(self, leaving: Sequence[Touched], state: State) -> list[tuple[End, str]]:
        """The ends of others' cables that go with namespaces which this topology made, each with its namespace."""
        specs = (spec for item in self.objects if item.kind in LINKS for spec in item.specs)
        ours = {end for spec in specs for end, *dummy in spec.ends}
        found = (item for item in self.objects if item.found and item.kind in LINKS)
        ours |= {End(netns, end.name) for item in found for end in item.devices for netns in item.moved_to}
        going = namespaces_made(leaving) & state.namespaces.keys()
        pairs = ((end, netns) for netns in sorted(going) for end in far_ends(state, netns) if end.netns not in going)
        return [(end, netns) for end, netns in pairs if not ours & {end, getattr(state.link(end), "peer", None)}]

    def carried(self, leaving: Sequence[Touched], state: State) -> list[tuple[End, End]]:
        """What others have put on devices that this topology made and that go, each with what it stands on."""
        going, places = devices_made(leaving), namespaces_made(leaving)
        ours = {end for item in self.objects if item.kind in LINKS for end in item.devices}
        pairs = sorted(state.lowers.items())
        return [(up, low) for up, low in pairs if low in going and up not in ours and up.netns not in places]

    def has_made(self, name: str, number: int) -> bool:
        """Whether a namespace that has a number, or 0 where there is none, can only be the one that was made."""
        made = self.identities.get(namespace(name).written)
        return bool(made) and number in (0, made)


def back_in_bridges(home: Sequence[Touched], document: Document) -> list[Touched]:
    """Of links that come home, the ports: a bridge that is gone by now is nothing to refuse the document for."""
    specs = {spec.end: spec for spec in document.specs["link"] if spec.wanted.master is None}
    ports = []
    for item in home:
        spec, found = next((specs[end] for end in item.devices if end in specs), None), item.found or {}
        if spec and found.get("master"):
            more = {"port": found["port"]} if "port" in found else {}
            more.update({"found": found["found"]} if spec.wanted.found is not None else {})
            ports.append(replace(item, found={**spec.entry, **more, "master": found["master"]}))
    return ports


def _arrived(item: Touched) -> Touched:
    """A cable that was made stands where it is declared, wherever it was made; so does a link that was found."""
    if item.owner and item.kind == "link":
        return replace(item, former=())
    if item.owner and item.kind == "veth" and item.found is None:
        return replace(item, absent={**item.owner, "state": "absent"}, former=())
    return item
