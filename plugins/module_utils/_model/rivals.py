# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several topologies on one host: what the plan of one would undo of what another one declares."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from . import document as documents
from .attributes import SetLink
from .document import Config, Document, Plan
from .firewall_actions import DropChain, DropTable, MakeChain
from .problems import Problem, Problems
from .scope import Scope
from .state import State
from .step import Action
from .touched import LINKS, places_in

# What nobody declares: it comes and goes with a rule.
AROUND_RULES = (MakeChain, DropChain, DropTable)


def add_to(scope: Scope, config: Config) -> None:
    """What else has to be read, of the namespaces that are looked into anyway, to tell what would be undone."""
    ends = set(scope.ends)
    for dummy, spec in _within(config, set(scope.namespaces), frozenset()):
        spec.add_to(scope)
    # Entries of neighbours stand elsewhere, and go by the MAC address of a device that the plan may change.
    neighbors = [entry for entry in config.get("netns_neighbor", ()) if entry.get("mac_of")]
    for spec in documents.read({"netns_neighbor": neighbors}, Problems()).specs["netns_neighbor"]:
        if spec.mac_of in ends:
            spec.add_to(scope)


def undone(config: Config, planned: Plan, scope: Scope) -> list[Problem]:
    """What would be left to do of another topology's configuration after a plan, and was not before it.

    Each with the entry that the plan has it from.
    """
    seen = {name for name, found in planned.before.namespaces.items() if not found.sealed}
    document = _within(config, seen & scope.namespaces.keys(), seen)
    before, after = (_left(document, state) for state in (planned.before, planned.after))
    return [
        Problem(_cause(subject, planned), said)
        for (subject, what), said in after.items()
        if (subject, what) not in before
    ]


def _within(config: Config, names: AbstractSet[str], seen: AbstractSet[str]) -> Document:
    """The entries that stand in namespaces; of those that were only seen, not read, the devices."""
    kept = {
        kind: [
            entry
            for entry in entries
            if (frozenset([entry["name"]]) if kind == "netns" else places_in(entry))
            <= (names | seen if kind in LINKS else names)
        ]
        for kind, entries in config.items()
    }
    return documents.read(kept, Problems())


def _left(document: Document, state: State) -> Mapping[Any, str]:
    """What is to do, or cannot be had, in words; by what it acts on and what it does, or by the entry."""
    scope, problems = document.scope(), Problems()
    able = State(state.namespaces, state.stale, state.fresh, state.features | scope.kinds, salt=state.salt)
    left: dict[Any, str] = {}
    for step in documents.plan(document, able, problems).steps:
        for action in _parts(step.action):
            what = action.what()
            left[_subject(step.kind, action), what] = f"it would have to {what} again ({step.why})"
    for problem in problems.found:
        left[None, problem.path] = f"it could not be had any more ({problem.message})"
    return left


def _parts(action: Action) -> list[Action]:
    """An action for each thing that it changes."""
    if isinstance(action, SetLink):
        return [replace(action, changes=(change,)) for change in action.changes]
    return [] if isinstance(action, AROUND_RULES) else [action]


def _subject(kind: str, action: Action) -> Any:
    return kind, action.netns, getattr(action, "name", None) or getattr(action, "key", None)


def _cause(subject: Any, planned: Plan) -> str:
    """The entry of the plan's own document that acts on the same thing."""
    paths = [step.path for step in planned.steps if _subject(step.kind, step.action) == subject]
    return next((path for path in paths if path.startswith("config.")), "config")
