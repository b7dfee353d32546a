# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between AnsibleModule and the rest: check mode, diff mode, missing libraries, locking, the result's shape."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from . import _archive, _lock, _signals
from ._errors import KernelError
from ._kernel import netlink, privilege
from ._kernel.observe import observe
from ._kernel.session import Session
from ._model import document as documents
from ._model import link_local
from ._model.document import Config, Document, Plan
from ._model.problems import Problems
from ._model.registry import KINDS
from ._module import Module
from ._signals import Interrupted
from ._transaction import Failed, Refused, carry_out, plan

# The first import, for its effect on those after it.
__all__ = ["_archive"]

# The oldest that is tested.
PYROUTE2 = (0, 7)


@_signals.told()
def run_resource(name: str) -> None:
    """The whole of a resource module: one entry of one kind."""
    kind = KINDS[name]
    module = Module(kind.options, **kind.rules)
    document = documents.read({name: [module.given]}, module.problems, root="")
    if module.problems:
        refuse(module, module.problems)
    spec = document.specs[name][0]
    planned = guarded(module, f"module {name}", lambda session: _converge(module, session, document))
    warn(module, planned)
    shown = documents.difference(document, planned)
    before, after = (shown[side].get(name, [{}]) or [{}] for side in ("before", "after"))
    module.exit_json(
        changed=bool(planned.steps),
        diff={"before": before[0], "after": after[0]},
        steps=[step.report() for step in planned.steps],
        **{name: kind.view(link_local.counted(planned.result, document), kind.locate(planned.result, spec))},
    )


def warn(module: AnsibleModule, planned: Plan) -> None:
    """Hands a plan's warnings on."""
    for warning in planned.warnings:
        module.warn(warning)


def _converge(module: AnsibleModule, session: Session, document: Document) -> Plan:
    planned = plan(document, observe(session, document.scope()), assume=module.check_mode)
    if module.check_mode or not planned.steps:
        return planned
    return carry_out(session, document, planned)


def read(module: AnsibleModule, config: Config, root: str = "config") -> Document:
    """A document, or a failed task that tells everything that is wrong with it."""
    problems = Problems()
    document = documents.read(config, problems, root)
    if problems:
        refuse(module, problems)
    return document


def guarded(module: AnsibleModule, purpose: str, work: Any, writes: bool = True) -> Any:
    """Runs the work on a session, under the lock where it may write; every error becomes a failed task."""
    _require(module)
    changes = writes and not module.check_mode
    try:
        with _lock.lock(purpose) if changes else nullcontext(), Session() as session:
            return work(session)
    except Refused as error:
        refuse(module, error.problems)
    except _lock.Busy as error:
        module.fail_json(msg=str(error))
    except (KernelError, Failed, Interrupted, OSError) as error:
        module.fail_json(msg=str(error))
    except KeyboardInterrupt:
        module.fail_json(msg="interrupted by SIGINT before anything was changed")


def _require(module: AnsibleModule) -> None:
    """Fails the task where the library or a capability is missing."""
    needed = ".".join(map(str, PYROUTE2))
    if netlink.IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib(f"pyroute2 >= {needed}"), exception=netlink.IMPORT_ERROR)
    if _older(netlink.PYROUTE2, PYROUTE2):
        module.fail_json(
            msg=f"pyroute2 {netlink.PYROUTE2} on {platform.node()}'s Python {sys.executable} is too old;"
            f" {needed} or newer is right"
        )
    lacking = privilege.missing()
    if lacking:
        module.fail_json(msg=f"this needs {' and '.join(lacking)}, which the process does not have; run it as root")


def _older(version: str, least: tuple[int, ...]) -> bool:
    """Whether a version such as 0.5.14 comes before another; one that does not tell is not."""
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return numbers is not None and tuple(map(int, numbers.groups())) < least


def refuse(module: AnsibleModule, problems: Problems) -> NoReturn:
    """Fails the task with every problem."""
    found: list[Mapping[str, str]] = [{"path": problem.path, "message": problem.message} for problem in problems.found]
    lines = [str(problem) for problem in problems.found]
    text = lines[0] if len(lines) == 1 else f"{len(lines)} problems, nothing was changed:\n- " + "\n- ".join(lines)
    module.fail_json(msg=text, problems=found)
    raise SystemExit(1)
