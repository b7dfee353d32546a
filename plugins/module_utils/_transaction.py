# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a document to a host that holds it: all of it, or nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Optional

from . import _signals
from ._errors import KernelError
from ._kernel.apply import apply
from ._kernel.observe import is_any_left, observe
from ._kernel.session import Session
from ._model import document as documents
from ._model import link_local, losses, sealed
from ._model.attributes import are_unforeseen
from ._model.document import Config, Document, Plan
from ._model.passing import passing
from ._model.planner import UNDO, AsFound
from ._model.problems import Problems
from ._model.restoration import made_or_moved, misplaced, restoration
from ._model.state import State
from ._model.step import LOST
from ._model.touched import LINKS
from ._model.touching import standing_on, touched
from ._signals import Interrupted

# Of namespaces that went unseen.
REBUILT = "Namespaces that had gone already were built again as they are declared. "


class Refused(Exception):
    """The document cannot be reached from the host's state; nothing was changed."""

    def __init__(self, problems: Problems) -> None:
        super().__init__("; ".join(str(problem) for problem in problems.found))
        self.problems = problems


class Failed(Exception):
    """A step failed, or the kernel does not hold what was written; the message says whether all was put back."""

    def __init__(self, message: str, restored: bool) -> None:
        super().__init__(message)
        self.restored = restored


def plan(document: Document, state: State, assume: bool) -> Plan:
    """The way from a state to a document; raises `Refused`."""
    problems = Problems()
    planned = documents.plan(document, state, problems, assume)
    if problems:
        raise Refused(problems)
    return planned


def carry_out(
    session: Session,
    document: Document,
    planned: Plan,
    begin: Optional[Callable[[], None]] = None,
    former: Optional[Config] = None,
) -> Plan:
    """Applies a plan and reads the kernel back; on any failure puts the host back and raises `Failed`.

    Returns the plan with the state the kernel now really has. `begin` is called before the first change. `former` is
    what was declared of namespaces that were not looked into.
    """
    with _signals.held():
        try:
            if begin:
                begin()
            apply(session, planned.steps)
            after, left = _read_back(session, document, planned)
            if are_unforeseen(left.steps, after):
                apply(session, left.steps)
                planned = replace(planned, steps=(*planned.steps, *left.steps))
                after, left = _read_back(session, document, planned)
            if left.steps:
                raise KernelError("make the kernel hold what was written", "", _left(left))
            _signals.check()
        except (KernelError, OSError, Interrupted) as error:
            raise _put_back(session, document, planned, former or {}, error) from error
    return replace(planned, held=after)


def _read_back(session: Session, document: Document, done: Plan) -> tuple[State, Plan]:
    """What the kernel holds now, and what is left to do; nothing, where only names were to go and none is left."""
    # What was given back is looked for, though no entry speaks of it.
    scope = document.scope(losses=any(step.phase == LOST for step in done.steps))
    gone = document.only_removes({"netns", *LINKS}) and not is_any_left(session, scope)
    state = State() if gone else observe(session, scope)
    left = documents.plan(document, state, Problems())
    if left.steps and not scope.losses:
        state = observe(session, document.scope())
        left = documents.plan(document, state, Problems())
    return state, left


def _left(left: Plan) -> str:
    return "read back afterwards, " + "; ".join(
        f"{step.action.what()} is still to do ({step.why})" for step in left.steps
    )


def _put_back(session: Session, document: Document, planned: Plan, former: Config, error: Exception) -> Failed:
    """Plans from what is there now to what was there before; what this run did not touch is left alone."""
    problems, told, lost = Problems(), "", ""
    was = AsFound(made_or_moved(planned), planned.before, link_local.added(planned))
    try:
        with _signals.ignored():
            config: Config = restoration([*touched(planned), *passing(planned)])
            if former and sealed.is_gone(planned.before, observe(session, sealed.scope(planned.before))):
                config, told = sealed.rebuilt(config, former, planned.before), REBUILT
            undo = documents.read(config, problems)
            scope = undo.scope()
            for name, needs in document.scope().namespaces.items():
                scope.namespace(name).sysctls |= needs.sysctls
            losses.add_to(scope, planned.before)
            undo, back, obstacles = _way_back(undo, planned, was, observe(session, scope))
            problems.found.extend(obstacles.found)
            apply(session, back.steps)
            left = documents.plan(undo, observe(session, scope), problems, as_found=was)
            if are_unforeseen(left.steps, left.before):
                apply(session, left.steps)
                left = documents.plan(undo, observe(session, scope), problems, as_found=was)
        wrong = "; ".join([*map(str, problems.found), *(step.action.what() for step in left.steps)])
        lost = ", ".join(losses.for_good(planned.before, left.before))
    except (KernelError, OSError) as second:
        wrong = str(second)
    but = f", but for what nothing brings back: {lost}" if lost else ""
    told += (
        f"The host could NOT be put back as it was: {wrong}"
        if wrong
        else f"The host was put back as it was found{but}."
    )
    return Failed(f"{error}. {told}", restored=not wrong)


def _way_back(undo: Document, planned: Plan, was: AsFound, now: State) -> tuple[Document, Plan, Problems]:
    """What puts a host back; where cables stand in each other's way, they are made anew, with what stood on them."""
    problems = Problems()
    back = documents.plan(undo, now, problems, as_found=was)
    in_the_way = misplaced(undo, planned, now) if problems else []
    if in_the_way:
        fewer = Problems()
        config = {**restoration(standing_on(was.moved, planned)), "veth": in_the_way}
        anew = documents.merged(undo, documents.read(config, fewer, UNDO))
        planned_anew = documents.plan(anew, now, fewer, as_found=was)
        if len(fewer.found) < len(problems.found):
            return anew, planned_anew, fewer
    return undo, back, problems
