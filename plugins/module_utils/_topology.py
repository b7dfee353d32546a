# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The topology module: its options, and its result."""

from __future__ import annotations

import re
from typing import Any

from . import _archive, _signals, _validate
from ._glue import guarded, refuse, warn
from ._model import document as documents
from ._model import link_local
from ._module import Module
from ._run import Run

# The first import, for its effect on those after it.
__all__ = ["_archive"]

NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}"
OPTIONS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "config": {"type": "dict"},
    "purge": {"type": "bool", "default": True},
}


@_signals.told()
def run_topology() -> None:
    """The whole of the topology module."""
    module = Module(OPTIONS, required_if=[("state", "present", ("config",))])
    problems, name, absent = module.problems, module.given.get("name"), module.given.get("state") == "absent"
    if name is not None and not re.fullmatch(NAME, name):
        problems.add("name", f"{name!r} is not a topology's name: letters, digits, '_', '-' and '.', at most 63")
    given = {} if absent else module.given.get("config")
    if given is None and not problems:
        problems.add("config", "is required with state: present; {} is a topology without anything")
    config = _validate.config(given or {}, problems)
    document = documents.read(config, problems)
    if problems:
        refuse(module, problems)
    run = Run(module, config, document)
    planned = guarded(module, f"topology {name}", run.converge)
    warn(module, planned)
    module.exit_json(
        changed=bool(planned.steps),
        diff=documents.difference(run.whole, planned),
        steps=[step.report() for step in planned.steps],
        topology=None if absent else {"name": name, "config": link_local.held(planned.result, document)},
    )
