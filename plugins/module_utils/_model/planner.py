# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a state and a document to the steps between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Optional, Protocol

from .problems import Problems
from .state import HOST, LO, End, Link, Namespace, State, loopback, place
from .step import PHASES, Action, Step, ip

# Where the entries of a document that puts things back stand.
UNDO = "undo"


class Spec(Protocol):
    """What every kind's specification has: where it stands in the document, and whether it is wanted."""

    @property
    def path(self) -> str: ...
    @property
    def absent(self) -> bool: ...


PlanFunction = Callable[["Planner", Any], None]


@dataclass(frozen=True)
class Together:
    """A plan function that is given all entries of its kind at once: a thousand things that go, go in one look."""

    function: Callable[[Planner, Sequence[Any]], None]


@dataclass(frozen=True)
class AsFound:
    """What a run was that failed and is put back: the devices that it made or moved, and the state before it.

    `chosen` are the link-local addresses that it may have added.
    """

    moved: AbstractSet[End]
    state: State
    chosen: Mapping[End, AbstractSet[str]] = field(default_factory=dict)


@dataclass
class Planner:
    """Walks through the phases; each kind's functions look at `state` and call `do`.

    With `assume`, a namespace or link that is missing is taken for granted, with a warning:
    in check mode an earlier task of the same play would have made it. With `as_found`, a failed run is put back:
    what stood together before may do so again. `before` is what `state` was. `chosen` are the link-local addresses that
    are a topology's: those of nobody stay. `led` are the networks and devices of the routes before, of the namespaces
    where somebody asked.
    """

    state: State
    problems: Problems
    assume: bool = False
    as_found: Optional[AsFound] = None
    steps: list[Step] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    phase: str = PHASES[0]
    kind: str = ""
    path: str = ""
    specs: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    kept: dict[End, Any] = field(default_factory=dict)
    chosen: Mapping[End, AbstractSet[str]] = field(default_factory=dict)
    before: State = field(default_factory=State)
    leaving: AbstractSet[str] = frozenset()
    led: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    def run(self, specs: Mapping[str, Sequence[Spec]], plans: Mapping[str, Mapping[str, Any]]) -> None:
        """Plans every entry, phase by phase, kind by kind in the registry's order."""
        self.specs = specs
        leaving: Sequence[Any] = [spec for spec in specs.get("netns", ()) if spec.absent]
        self.leaving = {spec.name for spec in leaving}
        for self.phase in PHASES:
            for self.kind, functions in plans.items():
                function = functions.get(self.phase)
                if isinstance(function, Together):
                    function.function(self, specs.get(self.kind, ()))
                elif function is not None:
                    self._each(function, specs.get(self.kind, ()))

    def _each(self, function: PlanFunction, specs: Sequence[Spec]) -> None:
        for spec in specs:
            self.path = spec.path
            function(self, spec)

    def do(self, action: Action, why: str) -> None:
        """Adds a step and lets the planned state follow."""
        self.note(action, why)
        action.effect(self.state)

    def note(self, action: Action, why: str) -> None:
        """Adds a step whose effect is yet to come."""
        self.steps.append(Step(self.phase, self.kind, self.path, action, why))

    def refuse(self, message: str, option: str = "") -> None:
        """Notes why the document cannot be reached from this state."""
        self.problems.add(".".join(part for part in (self.path, option) if part), message)

    @property
    def puts_back(self) -> bool:
        """Whether the entry is one that puts something back."""
        return self.as_found is not None or self.path.startswith(UNDO)

    def forgo(self, message: str, option: str = "") -> None:
        """Notes what cannot be had: the document is refused, but of what only is put back the rest comes back."""
        if self.path.startswith(UNDO):
            self.warn(f"what was found before cannot be put back: {message}")
        else:
            self.refuse(message, option)

    def doomed(self, name: str) -> bool:
        """Whether the document deletes a namespace that is still there."""
        return name in self.leaving and name in self.state.namespaces

    def claims_place(self, end: End) -> bool:
        """Whether a cable or a bridge of the document is to stand there."""
        cables = any(end in spec.claims for spec in self.specs.get("veth", ()) if not spec.absent)
        return cables or any(spec.end == end for spec in self.specs.get("bridge", ()) if not spec.absent)

    def declares(self, end: End) -> bool:
        """Whether the document speaks of a device that is to stand there, whatever it is."""
        return self.claims_place(end) or any(spec.end == end for spec in self.specs.get("link", ()) if not spec.absent)

    @cached_property
    def _altnames(self) -> AbstractSet[str]:
        """All that there are: few devices have any."""
        links = (link for namespace in self.state.namespaces.values() for link in namespace.links.values())
        return {name for link in links for name in link.altnames}

    def is_altname(self, end: End, option: str = "name") -> bool:
        """Whether another device has a name already beside its own, after having said which."""
        namespace = self.state.namespaces.get(end.netns) if end.name in self._altnames else None
        for link in namespace.links.values() if namespace else ():
            if end.name in link.altnames:
                by_hand = ip(end.netns, "link", "property", "del", "dev", link.name, "altname", end.name)
                self.refuse(
                    f"{end} is an altname of {link.name}; say {link.name} where that is meant, or take the altname "
                    f"from it ({by_hand})",
                    option,
                )
                return True
        return False

    def has_feature(self, name: str) -> bool:
        """Whether this kernel has a kind of link; it was probed by making one."""
        return name in self.state.features

    def warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)

    def _may_assume(self) -> bool:
        """Whether an earlier task may be about to make what is missing; what is put back was found, not made."""
        return self.assume and not self.path.startswith(UNDO)

    def namespace(self, name: str, option: str = "netns") -> Optional[Namespace]:
        """The namespace an entry lives in, or None after having said why there is none."""
        found = self.state.namespaces.get(name)
        if found is not None:
            if name != HOST and found.inode and found.inode == self.state.namespaces[HOST].inode:
                self.refuse(f"/run/netns/{name} is the host's own network namespace: netns is left out for it", option)
                return None
            return found
        if name in self.state.stale:
            self.refuse(stale_file(name), option)
            return None
        if name in self.before.namespaces and not self.puts_back:
            self.refuse(f"namespace {name} goes with this run; declare a netns {name} to keep it", option)
            return None
        if not self._may_assume():
            self.refuse(f"namespace {name} does not exist; make it first (ip netns add {name})", option)
            return None
        self.warn(f"namespace {name} does not exist yet; planned as if it were there, with nothing in it")
        self.state.namespaces[name] = Namespace(assumed=True, links={LO: loopback()})
        return self.state.namespaces[name]

    def link(self, end: End, option: str = "name") -> Optional[Link]:
        """A link an entry needs, or None after having said why there is none."""
        namespace = self.namespace(end.netns)
        if namespace is None:
            return None
        if end.name not in namespace.links:
            if self.is_altname(end, option):
                return None
            if self.before.link(end) and not self.puts_back:
                self.refuse(f"{end} goes with this run; declare it as what it is to keep it", option)
                return None
            if not self._may_assume():
                self.refuse(f"there is no link {end.name} in {place(end.netns)}; it has {_names(namespace)}", option)
                return None
            self.warn(f"link {end} does not exist yet; planned as if it were there")
            namespace.links[end.name] = Link(end.name, up=True, assumed=True)
        return namespace.links[end.name]


def stale_file(name: str) -> str:
    """The message about a file in /run/netns that no namespace is mounted on."""
    return (
        f"/run/netns/{name} is a stale file: no namespace is mounted on it (what made it was interrupted); "
        f"remove it with: rm /run/netns/{name}"
    )


def _names(namespace: Namespace) -> str:
    names = sorted(namespace.links)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
