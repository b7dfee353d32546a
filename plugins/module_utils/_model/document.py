# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A document: every kind's entries, read, checked against each other, planned and described."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Optional

from .addresses import AddAddress, DeleteAddress
from .attributes import SetLink
from .bridge import CreateBridge
from .link import MoveLink
from .netns_sysctl_keys import device_of, key
from .planner import Planner
from .problems import Problems, Reader
from .registry import KINDS, PLANS
from .scope import Scope
from .state import HOST, End, State
from .step import Step
from .veth_actions import CreateVeth

Config = Mapping[str, Sequence[Mapping[str, Any]]]
# A kind, and what identifies a thing of that kind.
Claim = tuple[str, Any]
# What comes and goes with something else: a sysctl with its device, a link that is no cable or bridge by moving.
INSEPARABLE = ("netns_sysctl", "link")
ON_DEVICES = ("netns_sysctl", "netns_neighbor")
# What is made and deleted with its name.
DEVICES = frozenset({"veth", "bridge"})


@dataclass(frozen=True)
class Document:
    """The specifications of every kind, in the order in which they are to be planned."""

    specs: Mapping[str, Sequence[Any]]

    def __iter__(self) -> Any:
        """Every (kind's name, specification)."""
        return ((kind, spec) for kind, specs in self.specs.items() for spec in specs)

    def scope(self) -> Scope:
        """What has to be read of the host to plan this document."""
        scope = Scope()
        for dummy, spec in self:
            spec.add_to(scope)
        return scope


@dataclass(frozen=True)
class Plan:
    """The steps from a state to a document, and the state they lead to.

    `after` is what was planned; `held` is what the kernel was read back to hold, once it was carried out.
    """

    steps: Sequence[Step] = ()
    warnings: Sequence[str] = ()
    before: State = field(default_factory=State)
    after: State = field(default_factory=State)
    held: Optional[State] = None

    @property
    def result(self) -> State:
        """What the kernel holds, or would hold."""
        return self.held or self.after


def read(config: Config, problems: Problems, root: str = "config") -> Document:
    """Reads a configuration whose types the argument specs have checked already.

    `root` is put before every path; "" for a single entry, whose paths are the options' names.
    """
    specs: dict[str, list[Any]] = {}
    for name, kind in KINDS.items():
        entries = config.get(name) or ()
        found = [kind.read(Reader(options, entry_path(root, name, i), problems)) for i, options in enumerate(entries)]
        if not problems:
            _check_unique(name, found, problems)
        specs[name] = _ordered(kind, found)
    if not problems:
        _check_names(specs, problems)
    return Document(specs)


def entry_path(root: str, kind: str, number: int) -> str:
    """Where an entry stands: config.veth[3]."""
    return f"{root}.{kind}[{number}]" if root else ""


def _check_unique(name: str, specs: Iterable[Any], problems: Problems) -> None:
    """Two entries for one thing: the same is harmless, a contradiction is an error."""
    seen: dict[Any, Any] = {}
    for spec in specs:
        first = seen.setdefault(getattr(spec, "identity", spec.subject), spec)
        if first is not spec and _content(first) != _content(spec):
            problems.add(spec.path, f"contradicts {first.path}, which declares the same {name} differently")


def _content(spec: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(spec).items() if name != "path"}


def _check_names(specs: Mapping[str, Sequence[Any]], problems: Problems) -> None:
    """One device name in one namespace belongs to one bridge or one end of one cable."""
    owners: dict[Any, str] = {}
    for kind in ("bridge", "veth"):
        for spec in specs[kind]:
            if spec.absent:
                continue
            ends = [(spec.near, ".name"), (spec.far, ".peer.name")] if kind == "veth" else [(spec.end, ".name")]
            for end, option in ends:
                path = spec.path + option
                first = owners.setdefault(end, path)
                if first != path and end is not None and not _repeated(specs[kind], spec):
                    problems.add(path, f"{end} is declared already at {first}")


def _repeated(specs: Sequence[Any], spec: Any) -> bool:
    return any(other is not spec and _content(other) == _content(spec) for other in specs)


def plan(document: Document, before: State, problems: Problems, assume: bool = False) -> Plan:
    """The steps that lead from `before` to the document; `problems` says why there are none."""
    planner = Planner(before.copy(), problems, assume=assume)
    planner.run(document.specs, PLANS)
    if planner.steps and not problems and not _is_guessed(planner.state):
        _check_consistent(document, planner.state, problems)
    return Plan(tuple(planner.steps), tuple(planner.warnings), before, planner.state)


def _is_guessed(state: State) -> bool:
    """Whether a namespace or a link was taken to be there, empty: nobody knows what it will hold."""
    return any(
        namespace.assumed or any(link.assumed for link in namespace.links.values())
        for namespace in state.namespaces.values()
    )


def _check_consistent(document: Document, after: State, problems: Problems) -> None:
    """Two entries that undo each other's work leave something to do, however often they are applied."""
    again = Planner(after.copy(), Problems())
    again.run(document.specs, PLANS)
    for step in again.steps:
        problems.add(step.path, f"contradicts another entry, which would undo this: {step.action.what()} ({step.why})")


def merged(first: Document, second: Document) -> Document:
    """Both documents as one."""
    return Document({name: _ordered(kind, [*first.specs[name], *second.specs[name]]) for name, kind in KINDS.items()})


def claims(spec: Any) -> frozenset[Any]:
    """What identifies the thing an entry declares; two entries that share one mean the same thing."""
    return spec.marks if hasattr(spec, "marks") else frozenset([spec.subject])


def origins(kind: str, spec: Any, state: State) -> frozenset[Any]:
    """The same, with the place where a device that can be moved stands in a state."""
    return claims(spec) | claims(spec.at(KINDS[kind].locate(state, spec))) if hasattr(spec, "at") else claims(spec)


def _ordered(kind: Any, specs: list[Any]) -> list[Any]:
    return sorted(specs, key=kind.order) if hasattr(kind, "order") else specs


@dataclass(frozen=True)
class Touched:
    """An object that a plan changes: what it was (None: not there), and an entry that removes it.

    `owner` says which entry of a document declares it, perhaps at another place; None where it only follows.
    `former` are entries that declared it before: a run that moved it may have been killed on the way.
    `since` orders what several topologies found.
    """

    kind: str
    found: Optional[Mapping[str, Any]]
    absent: Mapping[str, Any]
    owner: Optional[Mapping[str, Any]] = None
    former: Sequence[Mapping[str, Any]] = field(default_factory=list)
    since: float = 0.0

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
        return frozenset(entry.get("netns") or HOST for entry in (self.absent, self.absent.get("peer", self.absent)))

    @cached_property
    def specs(self) -> Sequence[Any]:
        """Its entries as specifications: what it is, where it was found and where it was declared."""
        entries = [entry for entry in (self.absent, self.owner, *self.former) if entry]
        return [KINDS[self.kind].read(Reader(entry, "", Problems())) for entry in entries]

    @cached_property
    def claims(self) -> frozenset[Claim]:
        """What identifies it, in any of its entries."""
        return frozenset((self.kind, claim) for spec in self.specs for claim in claims(spec))

    @property
    def hints(self) -> dict[str, Any]:
        """Of a link that was found: the namespaces that it was moved to."""
        entries = [entry for entry in (self.owner, *self.former) if entry]
        moved = {entry.get("netns") or HOST for entry in entries} - {self.absent.get("netns") or HOST}
        return {"places": sorted(moved)} if moved and self.kind == "link" and self.found else {}

    @property
    def record(self) -> dict[str, Any]:
        """Its fields."""
        return {name: getattr(self, name) for name in FIELDS}


FIELDS = [each.name for each in fields(Touched)]


def touched(planned: Plan) -> list[Touched]:
    """Every object that is not after the plan what it was before, namespaces first.

    And what would follow when one of them is put back: a device's forwarding follows ip_forward.
    """
    result: list[Touched] = []
    acted, targets = _acted_on(planned), _targets(planned)
    for name, kind in KINDS.items() if planned.steps else ():
        places = _places(kind, planned)
        if name == "link":
            places.update(dict.fromkeys(sorted(acted["link"])))
        seen: set[Any] = set()
        changed = {subject for subject in places if _differs(kind, planned, subject)}
        # By namespace: in a thousand of them, each looks only at its own.
        nearby: dict[Any, list[Any]] = defaultdict(list)
        for subject in changed if hasattr(kind, "follows") else ():
            nearby[subject[0]].append(subject)
        for subject in places:
            follows = subject not in changed and hasattr(kind, "follows") and kind.follows(subject, nearby[subject[0]])
            if subject in seen or not (subject in changed or follows):
                continue
            before, after = recorded(kind, planned.before, subject), recorded(kind, planned.after, subject)
            if name in DEVICES and _is_linked(planned, name, subject, acted):
                before = None
            if after is None and hasattr(kind, "inherited") and kind.inherited(planned.before, subject):
                continue
            if before or (after and not (name in INSEPARABLE or _moved(planned, subject))):
                found = _touched(name, before, before or after, seen)
                result.append(replace(found, former=targets[subject]) if name == "link" else found)
            if before and after and name in DEVICES and _is_another(planned, subject):
                result.append(_touched(name, None, after, seen))
    return result


def _places(kind: Any, planned: Plan) -> dict[Any, None]:
    """Every subject of a kind before or after a plan."""
    states = (planned.before, planned.after)
    if hasattr(kind, "everything"):
        names = sorted(planned.before.namespaces.keys() | planned.after.namespaces.keys())
        return {subject: None for netns in names for subject in kind.everything(*states, netns)}
    return {
        subject: None
        for state in states
        for netns in sorted(state.namespaces)
        for subject in kind.subjects(state, netns)
    }


def _acted_on(planned: Plan) -> dict[str, set[End]]:
    """The devices that entries of each kind change or move, and that stay: where they were found."""
    found: dict[str, set[End]] = defaultdict(set)
    origins: dict[End, Optional[End]] = {}
    for step in planned.steps:
        action = step.action
        if isinstance(action, CreateVeth):
            origins.update(dict.fromkeys((action.near, action.far)))
        elif isinstance(action, CreateBridge):
            origins[End(action.netns, action.name)] = None
        elif isinstance(action, (MoveLink, SetLink, AddAddress, DeleteAddress)):
            end = End(action.netns, action.name)
            origin = origins.pop(end, end)
            origins[End(action.target, action.name) if isinstance(action, MoveLink) else end] = origin
            if origin is not None:
                found[step.kind].add(origin)
    return found


def _is_linked(planned: Plan, kind: str, subject: End, acted: Mapping[str, AbstractSet[End]]) -> bool:
    """Whether a cable or a bridge that was found is changed as a link alone."""
    link = planned.before.link(subject)
    ends = {subject, link.peer} if link and link.peer else {subject}
    return bool(ends & acted["link"]) and not ends & acted[kind]


def _touched(name: str, found: Optional[Mapping[str, Any]], shown: Any, seen: set[Any]) -> Touched:
    kind = KINDS[name]
    identity = _identity(kind, shown)
    if "peer" in identity:
        # The same cable from its other side.
        seen.add(End(identity["peer"].get("netns", HOST), identity["peer"]["name"]))
    if found is not None:
        found = declared(found)
    return Touched(name, found, {**identity, "state": "absent"})


def _targets(planned: Plan) -> dict[End, list[Mapping[str, Any]]]:
    """Where a plan moves each link."""
    found: dict[End, list[Mapping[str, Any]]] = defaultdict(list)
    for step in planned.steps:
        if isinstance(step.action, MoveLink):
            found[End(step.action.netns, step.action.name)].append(End(step.action.target, step.action.name).entry)
    return found


def _is_another(planned: Plan, subject: Any) -> bool:
    """Whether a device was found at a place and another one is made there."""
    now, then = (state.link(subject) if isinstance(subject, End) else None for state in (planned.before, planned.after))
    return bool(now and then and now.index and not then.index)


def _moved(planned: Plan, subject: Any) -> bool:
    """Whether a device at a new place was made earlier: what a plan makes has no number yet."""
    link = planned.after.link(subject) if isinstance(subject, End) else None
    return bool(link and link.index)


def _differs(kind: Any, planned: Plan, subject: Any) -> bool:
    return recorded(kind, planned.before, subject) != recorded(kind, planned.after, subject)


def recorded(kind: Any, state: State, subject: Any) -> Optional[dict[str, Any]]:
    """A thing in the user's words, with what there are no words for but is to come back."""
    shown: Optional[dict[str, Any]] = kind.view(state, subject)
    if shown is None or not hasattr(kind, "record"):
        return shown
    more = kind.record(state, subject)
    if "peer" in more:
        more = {**more, "peer": {**shown["peer"], **more["peer"]}}
    return {**shown, **more}


def _identity(kind: Any, shown: Mapping[str, Any]) -> dict[str, Any]:
    """The options that say which object is meant; of a cable's far end only its place."""
    identity = {key: shown[key] for key in kind.IDENTITY if shown.get(key) is not None}
    if "peer" in identity:
        identity["peer"] = {key: value for key, value in identity["peer"].items() if key in ("netns", "name") and value}
    return identity


def restoration(objects: Iterable[Touched]) -> dict[str, list[Mapping[str, Any]]]:
    """A configuration that makes objects what they were found to be."""
    config: dict[str, list[Mapping[str, Any]]] = {}
    objects = _outside(list(objects))
    for item in objects:
        if item.found is not None:
            config.setdefault(item.kind, []).append({**item.found, **item.hints})
    for item in objects:
        if item.found is None:
            config.setdefault(item.kind, []).append(item.absent)
    return config


def without(objects: Iterable[Touched], state: State) -> State:
    """A state without the devices that were made and are to go."""
    made = (item for item in objects if item.kind in DEVICES and item.found is None)
    going: dict[str, set[str]] = defaultdict(set)
    for end in {end for item in made for end in item.devices}:
        if state.link(end):
            going[end.netns].add(end.name)
    left = state.copy() if going else state
    for netns, names in going.items():
        left.namespaces[netns].drop_links(names)
    return left


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


def _outside(objects: Sequence[Touched]) -> list[Touched]:
    """Without what vanishes by itself, with a namespace or a device that is to go."""
    made = [item for item in objects if item.found is None]
    # Out of the way of a device of that name, which leaves a namespace.
    names = {end.name for item in objects if item.hints for end in item.devices}
    doomed = {item.absent["name"] for item in made if item.kind == "netns"}
    devices = {end for item in made for end in item.devices if item.kind in DEVICES}
    devices -= {end for item in objects if item.found for end in item.devices if item.kind in (*DEVICES, "link")}
    return [
        item
        for item in objects
        if item.kind == "netns"
        or (item.kind in DEVICES and any(end.name in names for end in item.devices))
        or not (item.places & doomed or (item.kind in ON_DEVICES and item.devices & devices))
    ]


def difference(document: Document, planned: Plan) -> dict[str, Any]:
    """Before and after, of what the document speaks of, in the user's vocabulary."""
    before: dict[str, list[Any]] = {}
    after: dict[str, list[Any]] = {}
    for name, spec in document:
        kind = KINDS[name]
        now = kind.view(planned.before, kind.locate(planned.before, spec))
        then = kind.view(planned.after, kind.locate(planned.after, spec))
        if now is not None and then is not None:
            changed = {key for key in now.keys() | then.keys() if now.get(key) != then.get(key)}
            now, then = _only(now, changed), _only(then, changed)
            if not changed:
                continue
        before.setdefault(name, []).extend([now] if now else [])
        after.setdefault(name, []).extend([then] if then else [])
    return {"before": before, "after": after}


def _only(shown: Mapping[str, Any], keys: set[str]) -> dict[str, Any]:
    """What changed, and the words that say of what."""
    identity = ("netns", "name", "destination", "table", "device", "address")
    return {key: value for key, value in shown.items() if key in keys or key in identity}


def describe(state: State, netns: Optional[Iterable[str]] = None) -> dict[str, list[dict[str, Any]]]:
    """A host in the user's vocabulary; what is not known or does not apply is left out."""
    config: dict[str, list[dict[str, Any]]] = {}
    for name, kind in KINDS.items():
        for namespace in sorted(state.namespaces if netns is None else netns):
            for subject in kind.subjects(state, namespace):
                shown = kind.view(state, subject)
                if shown is not None:
                    config.setdefault(name, []).append(declared(shown))
    return config


def declared(shown: Mapping[str, Any]) -> dict[str, Any]:
    """A view as an entry of a document: without what is None."""
    return {
        key: declared(value) if isinstance(value, Mapping) else value
        for key, value in shown.items()
        if value is not None
    }
