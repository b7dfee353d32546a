# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between AnsibleModule and the probes. It changes nothing, so it takes no lock; it needs no pyroute2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _archive
from ._errors import KernelError
from ._kernel import privilege
from ._kernel.reachability import absent, probe
from ._kernel.session import Session
from ._model import reachability
from ._model.planner import stale_file
from ._model.problems import Problems
from ._model.reachability import Check
from ._model.reachability_table import failure, matrix, table
from ._model.trial import skipped
from ._module import Module

# The first import, for its effect on those after it.
__all__ = ["_archive"]


def run_reachability() -> None:
    """The whole of the reachability module."""
    module = Module(reachability.OPTIONS)
    checks = reachability.read(module.given.get("checks") or (), module.problems)
    if module.problems:
        refuse(module, module.problems)
    if not checks:
        module.warn("checks: there is none, so nothing is proved")
    lacking = privilege.missing()
    if lacking:
        module.fail_json(msg=f"this needs {' and '.join(lacking)}, which the process does not have; run it as root")
    try:
        with Session() as session:
            rows = _rows(module, session, checks)
    except (KernelError, OSError) as error:
        module.fail_json(msg=str(error))
    _report(module, rows)


def _rows(module: Module, session: Session, checks: Sequence[Check]) -> list[dict[str, Any]]:
    """One row for each check, in their order."""
    missing = _missing(module, session, checks)
    trials, full = probe(session, [check for check in checks if check.netns not in missing])
    if full:
        module.warn(
            f"the machine's neighbour table was full ({full} entries, net.ipv4.neigh.default.gc_thresh3 and its IPv6 "
            "twin): a check may have found no answer for that reason alone"
        )
    made = iter(trials)
    return [
        skipped(check, f"there is no namespace {check.netns} yet") if check.netns in missing else next(made).row()
        for check in checks
    ]


def _missing(module: Module, session: Session, checks: Sequence[Check]) -> set[str]:
    """The namespaces to do without: in check mode, an earlier task of the play may be the one that makes them."""
    missing, stale = absent(session, (check.netns for check in checks))
    problems = Problems()
    for check in checks:
        if check.netns in stale:
            problems.add(f"{check.path}.from", stale_file(check.netns))
        elif check.netns in missing and not module.check_mode:
            problems.add(f"{check.path}.from", f"there is no namespace {check.netns}")
    if problems:
        refuse(module, problems)
    for name in missing:
        module.warn(f"namespace {name} does not exist yet; checks from it are skipped in check mode")
    return set(missing)


def _report(module: Module, rows: Sequence[dict[str, Any]]) -> None:
    failed = [row for row in rows if row["ok"] is False]
    result = {"ok": not failed, "results": list(rows), "table": table(rows), "matrix": matrix(rows)}
    if failed and module.params["fail"]:
        if not module.check_mode:
            module.fail_json(msg=failure(rows), changed=False, **result)
        module.warn(f"in check mode, this does not fail the task: {failure(rows)}")
    module.exit_json(changed=False, **result)


def refuse(module: Module, problems: Problems) -> None:
    found = [{"path": problem.path, "message": problem.message} for problem in problems.found]
    lines = [str(problem) for problem in problems.found]
    text = lines[0] if len(lines) == 1 else f"{len(lines)} problems, nothing was probed:\n- " + "\n- ".join(lines)
    module.fail_json(msg=text, problems=found)
