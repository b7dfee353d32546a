# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan touches: all that is not after it what it was before, and what would follow when that is put back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, Optional

from . import changes, netns_sysctl
from .addresses import AddAddress, DeleteAddress
from .attributes import SetLink
from .bridge import CreateBridge
from .document import Plan, declared
from .kind import Kind
from .link import MoveLink
from .netns_route_actions import KERNEL, DeleteRoute
from .netns_sysctl_actions import KeepIpv6Mtu, WriteSysctl
from .registry import KINDS
from .state import HOST, End, RouteKey, State
from .touched import DEVICES, IN_PLACE, INSEPARABLE, LINKS, Touched, recorded
from .veth_actions import CreateVeth


def touched(planned: Plan, unsteady: AbstractSet[Any] = frozenset()) -> list[Touched]:
    """Every object that is not after the plan what it was before, namespaces first.

    And what would follow when one of them is put back: a device's forwarding follows ip_forward. What is `unsteady` was
    changed earlier, and others may start otherwise when they appear again.
    """
    if not planned.steps:
        return []
    done = _Done(planned, unsteady)
    return [item for kind in KINDS.values() for item in _OfKind(kind, done).items()]


class _Done:
    """What the steps of a plan do to things that more than one kind of entry speaks of."""

    def __init__(self, planned: Plan, unsteady: AbstractSet[Any]) -> None:
        self.planned = planned
        self.acted_on, self.targets = _acted_on(planned), _targets(planned)
        self.remade, self.given_back = _remade(planned), given_back(planned)
        actions = (step.action for step in planned.steps)
        self.written = {(action.netns, action.key) for action in actions if isinstance(action, WriteSysctl)}
        self.unsteady = self.written | unsteady


class _OfKind:
    """The things of one kind, before and after a plan."""

    def __init__(self, kind: Kind, done: _Done) -> None:
        self.kind, self.done, self.planned = kind, done, done.planned
        places = _places(kind, self.planned)
        if kind.name == "link":
            places.update(dict.fromkeys(sorted(done.acted_on["link"])))
        elif kind.name == "netns_route":
            places.update(dict.fromkeys(_deleted(self.planned)))
        states = (self.planned.before, self.planned.after)
        self.both = {subject: [recorded(kind, state, subject) for state in states] for subject in places}
        self.changed = {subject for subject, (before, after) in self.both.items() if before != after}
        if done.remade and kind.name not in LINKS:
            self.changed |= {each for each in places if _stood_on(kind, self.planned.before, each, done.remade)}
        # The far ends of cables that were there before, and of those that are there after: told with the near ones.
        self.were: set[Any] = set()
        self.are: set[Any] = set()

    def items(self) -> Iterator[Touched]:
        # By namespace: in a thousand of them, each looks only at its own.
        nearby: dict[Any, list[Any]] = defaultdict(list)
        for subject in filter(self.kind.leads, self.changed):
            nearby[subject[0]].append(subject)
        for subject in self.both:
            follows = bool(nearby) and self.kind.follows(subject, nearby[subject[0]])
            if subject in self.changed or follows:
                yield from self._item(subject, follows)

    def _item(self, subject: Any, follows: bool) -> Iterator[Touched]:
        name, (before, after) = self.kind.name, self._views(subject)
        # What a device has by itself when it comes back; unless it followed another before it left.
        if after is None and not follows and self.kind.inherited(self.planned.before, subject, self.done.unsteady):
            return
        is_another = _is_another(self.planned, subject)
        if before or (after and not (name in INSEPARABLE or _moved(self.planned, subject))):
            found = as_touched(name, before, before or after, self.were if before else self.are)
            if before and after and name in IN_PLACE and not is_another:
                passing = _passing(found, self.done.given_back)
                changed = {*changes.differing(before, after), *passing}
                found = replace(found, changed=sorted(changed), passing=passing)
            yield replace(found, former=self.done.targets[subject]) if name == "link" else found
        if before and after and name in DEVICES and is_another:
            yield as_touched(name, None, after, self.are)

    def _views(self, subject: Any) -> tuple[Any, Any]:
        """A thing before and after; None where there is none, or where another entry tells of it."""
        before, after = self.both[subject]
        before, after = None if subject in self.were else before, None if subject in self.are else after
        if before is None and subject in self.done.written:
            before = netns_sysctl.started(self.planned.before, self.planned.after, subject)
        if self.kind.name in DEVICES and _is_linked(self.planned, self.kind.name, subject, self.done.acted_on):
            before = None
        return before, after


def given_back(planned: Plan) -> dict[End, list[str]]:
    """What devices lose on the way and are given again: addresses when they go down, an MTU for IPv6 with another."""
    down, again = set(), set()
    found: dict[End, list[str]] = defaultdict(list)
    for action in (step.action for step in planned.steps):
        if isinstance(action, SetLink) and ("up", False) in action.changes:
            down.add(End(action.netns, action.name))
        elif isinstance(action, AddAddress):
            again.add(End(action.netns, action.name))
        elif isinstance(action, KeepIpv6Mtu):
            found[End(action.netns, action.key[3])].append("ipv6_mtu")
    for end in down & again:
        found[end] += ["addresses", "found"]
    return found


def _passing(item: Touched, options: Mapping[End, Sequence[str]]) -> list[str]:
    """These options of a device; a cable's far end has its own."""
    near = End(item.absent.get("netns") or HOST, item.absent["name"])
    ends = item.devices & options.keys() if item.kind in LINKS else ()
    return [("" if end == near else "peer.") + name for end in ends for name in options[end]]


def _places(kind: Kind, planned: Plan) -> dict[Any, None]:
    """Every subject of a kind before or after a plan."""
    states = (planned.before, planned.after)
    if kind.everything:
        names = sorted(planned.before.namespaces.keys() | planned.after.namespaces.keys())
        return {subject: None for netns in names for subject in kind.everything(*states, netns)}
    return {
        subject: None
        for state in states
        for netns in sorted(state.namespaces)
        for subject in kind.subjects(state, netns)
    }


def _deleted(planned: Plan) -> list[tuple[str, RouteKey]]:
    """The routes that the kernel made and that entries delete: the address that they came with does not bring them."""
    actions = [step.action for step in planned.steps if isinstance(step.action, DeleteRoute)]
    return [(action.netns, action.route.key) for action in actions if action.route.protocol == KERNEL]


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


def as_touched(name: str, found: Optional[Mapping[str, Any]], shown: Any, seen: set[Any]) -> Touched:
    kind = KINDS[name]
    identity = _identity(kind, shown)
    if "peer" in identity:
        # The same cable from its other side.
        seen.add(End(identity["peer"].get("netns", HOST), identity["peer"]["name"]))
    if found is not None:
        # Each port has its own; others may have been added to a bridge by the time it is put back.
        found = declared({option: value for option, value in found.items() if option != "ports"})
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


def _remade(planned: Plan) -> set[End]:
    """The devices that go and are made anew: what stood on them is made anew as well, even if it is the same."""
    made = [step.action for step in planned.steps if isinstance(step.action, CreateVeth)]
    return {end for action in made for end in (action.near, action.far) if planned.before.link(end)}


def _stood_on(kind: Kind, before: State, subject: Any, devices: AbstractSet[End]) -> bool:
    shown = recorded(kind, before, subject)
    return shown is not None and bool(as_touched(kind.name, shown, shown, set()).devices & devices)


def _moved(planned: Plan, subject: Any) -> bool:
    """Whether a device at a new place was made earlier: what a plan makes has no number yet."""
    link = planned.after.link(subject) if isinstance(subject, End) else None
    return bool(link and link.index)


def _identity(kind: Kind, shown: Mapping[str, Any]) -> dict[str, Any]:
    """The options that say which object is meant; of a cable's far end only its place."""
    identity = {key: shown[key] for key in kind.identity if shown.get(key) is not None}
    if "peer" in identity:
        identity["peer"] = {key: value for key, value in identity["peer"].items() if key in ("netns", "name") and value}
    return identity


def standing_on(devices: AbstractSet[End], planned: Plan) -> list[Touched]:
    """What stood on devices, or on the other ends of their cables, before a plan."""
    peers = {link.peer for end in devices if (link := planned.before.link(end)) and link.peer}
    return [
        as_touched(name, shown, shown, set())
        for name, kind in KINDS.items()
        if name not in ("netns", *LINKS)
        for subject in _places(kind, planned)
        if _stood_on(kind, planned.before, subject, devices | peers)
        and (shown := recorded(kind, planned.before, subject))
    ]
