# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between the module sandbox and the rest: the work planned, carried out and put back when it fails."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Optional

from . import _archive, _signals
from ._errors import KernelError
from ._glue import guarded, refuse
from ._kernel import sandbox as pins
from ._kernel.apply import apply
from ._kernel.observe import observe
from ._kernel.session import Session
from ._model import document as documents
from ._model import sandbox
from ._model.document import Plan
from ._model.problems import Problems, Reader
from ._model.sandbox import Found, Wanted, Work
from ._model.sandbox_actions import LAN, CreateHost, RemoveAll, RemoveHost, mnt_path, net_path, report
from ._model.sandbox_lan import Lan
from ._model.step import Step
from ._module import Module
from ._signals import Interrupted
from ._transaction import Failed, Refused

# The first import, for its effect on those after it.
__all__ = ["_archive"]

PINS: dict[type, Any] = {CreateHost: pins.create, RemoveHost: pins.remove, RemoveAll: pins.remove_all}


@_signals.told()
def run_sandbox() -> None:
    """The whole of the sandbox module."""
    module = Module(sandbox.OPTIONS)
    wanted = sandbox.read(Reader(module.given, "", module.problems))
    if module.problems:
        refuse(module, module.problems)
    result = guarded(module, f"sandbox {' '.join(wanted.names)}", lambda dummy: _converge(wanted, module.check_mode))
    module.exit_json(**result)


def _converge(wanted: Wanted, check: bool) -> dict[str, Any]:
    with Session(path_of=net_path) as session:
        found = pins.find()
        state = observe(session, sandbox.first_scope())
        problems = Problems()
        work = sandbox.work(wanted, found, state, problems)
        if problems:
            raise Refused(problems)
        planned = sandbox.plan(work, observe(session, sandbox.scope(work)), problems)
        if problems:
            raise Refused(problems)
        pins.check_empty(_removed(planned))
        if planned.steps and not check:
            _carry_out(session, found, work, planned)
        before = found.lan.only(found.live) if found.lan else None
        return {
            "changed": bool(planned.steps),
            "diff": {
                "before": _shown(before, sandbox.unplugged(before, state)),
                "after": _shown(work.lan),
            },
            "steps": [report(step) for step in planned.steps],
            **_result(wanted, work.lan),
        }


def _shown(lan: Optional[Lan], unplugged: frozenset[str] = frozenset()) -> dict[str, Any]:
    return sandbox.shown(lan, sorted(lan.numbers, key=lan.numbers.__getitem__) if lan else (), unplugged)


def _result(wanted: Wanted, lan: Optional[Lan]) -> dict[str, Any]:
    shown = sandbox.shown(lan, () if wanted.absent else wanted.names)
    for host in shown["sandboxes"]:
        host.update(net=net_path(host["name"]), mnt=mnt_path(host["name"]))
    return shown


def _removed(planned: Plan) -> list[str]:
    return [step.action.name for step in planned.steps if isinstance(step.action, RemoveHost)]


def _carry_out(session: Session, found: Found, work: Work, planned: Plan) -> None:
    """Applies the plan and reads the kernel back; on any failure takes away what was made."""
    with _signals.held():
        try:
            if work.kept:
                pins.save(work.kept)
            _apply(session, planned.steps)
            left = documents.plan(work.document, observe(session, work.document.scope()), Problems())
            if left.steps:
                raise KernelError("make the kernel hold what was written", "", _left(left.steps))
            if work.lan:
                pins.save(work.lan)
            _signals.check()
        except (KernelError, OSError, Interrupted) as error:
            raise _put_back(session, found, work, planned, error) from error


def _apply(session: Session, steps: Sequence[Step]) -> None:
    """Carries out steps, in a plan's order: what goes, the namespaces that come, what is in them."""
    for kind, group in groupby(steps, key=lambda step: PINS.get(type(step.action))):
        batch = list(group)
        _signals.check()
        if kind:
            kind(session, [step.action for step in batch])
        else:
            apply(session, batch)


def _left(steps: Sequence[Any]) -> str:
    return "; ".join(f"{step.action.what()} is still to do ({step.why})" for step in steps)


def _put_back(session: Session, found: Found, work: Work, planned: Plan, error: Exception) -> Failed:
    """What was made goes again; what was removed was not whole, or was to go."""
    created = [step.action.name for step in planned.steps if isinstance(step.action, CreateHost)]
    try:
        with _signals.ignored():
            there = pins.find()
            if LAN in there.live:
                cuts = sandbox.cuts(planned, created)
                apply(session, [step for step in cuts if session.socket(LAN).index(step.action.name)])
            made = [sandbox.removal(work, name) for name in reversed(created) if name in there.folders]
            pins.remove(session, made)
            if there.exists and not found.exists:
                pins.remove_all(session, [RemoveAll()])
    except (KernelError, OSError) as second:
        return Failed(f"{error}. What had been made could NOT be removed: {second}", restored=False)
    told = "What had been made was removed again." if created else "Run it again to finish."
    return Failed(f"{error}. {told}", restored=bool(created))
