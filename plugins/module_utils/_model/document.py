# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A document: every kind's entries, read, checked against each other, planned and described."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields
from typing import Any, Optional

from .planner import AsFound, Planner
from .problems import Problems, Reader
from .registry import KINDS, PLANS
from .scope import Scope
from .state import End, State
from .step import Step

Config = Mapping[str, Sequence[Mapping[str, Any]]]
# A kind, and what identifies a thing of that kind.
Claim = tuple[str, Any]


@dataclass(frozen=True)
class Document:
    """The specifications of every kind, in the order in which they are to be planned."""

    specs: Mapping[str, Sequence[Any]]

    def __iter__(self) -> Any:
        """Every (kind's name, specification)."""
        return ((kind, spec) for kind, specs in self.specs.items() for spec in specs)

    def only_removes(self, kinds: AbstractSet[str]) -> bool:
        """Whether it speaks of nothing but things of some kinds that are to go."""
        return all(spec.absent and kind in kinds for kind, spec in self)

    def scope(self, losses: bool = True) -> Scope:
        """What has to be read of the host to plan this document; without `losses`, to tell whether all of it holds."""
        scope = Scope(losses=losses)
        for kind, spec in self:
            spec.add_to(scope)
            for end in _things(kind, spec) if spec.absent and losses else ():
                scope.leaving.add(end)
                scope.traffic_control(end.netns)
        return scope


def _things(kind: str, spec: Any) -> list[End]:
    """The devices, or the namespace, that an entry speaks of as a whole."""
    if kind == "netns":
        return [End(spec.name, "")]
    return [end for end, *dummy in getattr(spec, "ends", ())]


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
            _check_unique(name, found, entries, problems)
        specs[name] = sorted(found, key=kind.order)
    if not problems:
        _check_names(specs, problems)
    return Document(specs)


_READ: dict[tuple[str, str], Any] = {}


def read_entry(kind: str, entry: Mapping[str, Any]) -> Any:
    """An entry that was accepted before, as a specification; each is read once."""
    key = kind, repr(entry)
    if key not in _READ:
        _READ[key] = KINDS[kind].read(Reader(entry, "", Problems()))
    return _READ[key]


# Options that say which thing is meant, however they are spelt.
NAMING = ("netns", "name", "destination", "table", "address")


def entry_path(root: str, kind: str, number: int) -> str:
    """Where an entry stands: config.veth[3]."""
    return f"{root}.{kind}[{number}]" if root else ""


def _check_unique(name: str, specs: Iterable[Any], entries: Sequence[Any], problems: Problems) -> None:
    """Two entries for one thing: the same is harmless, a contradiction is an error."""
    seen: dict[Any, Any] = {}
    for spec, options in zip(specs, entries):
        first, before = seen.setdefault(getattr(spec, "identity", spec.subject), (spec, options))
        if first is not spec and _content(first) != _content(spec):
            differ = ", ".join(_differing(before, options))
            problems.add(spec.path, f"contradicts {first.path}, which declares the same {name} differently: {differ}")


def _differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """The options in which two entries differ as they are written."""
    differ = [key for key in {**first, **second} if first.get(key) != second.get(key)]
    return [key for key in differ if key not in NAMING] or differ


def _content(spec: Any) -> dict[str, Any]:
    return {each.name: getattr(spec, each.name) for each in fields(spec) if each.name != "path"}


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


def plan(
    document: Document,
    before: State,
    problems: Problems,
    assume: bool = False,
    as_found: Optional[AsFound] = None,
    kept: Optional[Mapping[End, Any]] = None,
    chosen: Optional[Mapping[End, AbstractSet[str]]] = None,
) -> Plan:
    """The steps that lead from `before` to the document; `problems` says why there are none.

    `kept` are addresses that devices are to have again where the document does not say which, `chosen` the link-local
    ones that may go.
    """
    chosen = as_found.chosen if as_found else chosen or {}
    planner = Planner(before.copy(), problems, assume, as_found, kept=dict(kept or {}), chosen=chosen, before=before)
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
    both = {name: [*first.specs[name], *second.specs[name]] for name in KINDS}
    return Document({name: sorted(specs, key=KINDS[name].order) for name, specs in both.items()})


def claims(spec: Any) -> frozenset[Any]:
    """What identifies the thing an entry declares; two entries that share one mean the same thing."""
    return spec.marks if hasattr(spec, "marks") else frozenset([spec.subject])


def origins(kind: str, spec: Any, state: State) -> frozenset[Any]:
    """The same, with the place where a device that can be moved stands in a state."""
    where = KINDS[kind].locate(state, spec) if hasattr(spec, "at") else spec.subject
    return claims(spec) if where == spec.subject else claims(spec) | claims(spec.at(where))


def difference(document: Document, planned: Plan) -> dict[str, Any]:
    """Before and after, of what the document speaks of, in the user's vocabulary."""
    before: dict[str, list[Any]] = {}
    after: dict[str, list[Any]] = {}
    for name, spec in document if planned.steps else ():
        kind = KINDS[name]
        view = kind.compared or kind.view
        now = view(planned.before, kind.locate(planned.before, spec))
        then = view(planned.after, kind.locate(planned.after, spec))
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


def held(state: State, document: Document) -> dict[str, list[dict[str, Any]]]:
    """What the kernel holds of a document."""
    config: dict[str, list[dict[str, Any]]] = {}
    for name, spec in document:
        if not spec.absent:
            shown = KINDS[name].view(state, KINDS[name].locate(state, spec))
            config.setdefault(name, []).extend([declared(shown)] if shown else [])
    return config


def declared(shown: Mapping[str, Any]) -> dict[str, Any]:
    """A view as an entry of a document: without what is None."""
    return {
        key: declared(value) if isinstance(value, Mapping) else value
        for key, value in shown.items()
        if value is not None
    }
