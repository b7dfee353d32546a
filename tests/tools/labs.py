# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles give to their modules, made of their variables by Ansible's own engine; and the labs' drawings."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.nsfabric.linux.plugins.plugin_utils import _drawing

ENGINE = Path(__file__).with_name("engine.py")
# Not resolved: Ansible finds the collection where this was imported from.
ROLES = Path(__file__).absolute().parents[2] / "roles"
LABS = sorted(path.parents[1].name for path in ROLES.glob("*/templates/config.yml.j2"))


class Refused(Exception):
    """A role has nothing to give for the variables that were set."""


def task(role: str, file: str = "main", /, **variables: Any) -> tuple[str, dict[str, Any]]:
    """The module that one of a role's task files runs, and the options it gives to it."""
    engine = _engine()
    assert engine.stdin
    assert engine.stdout
    engine.stdin.write(f"{json.dumps([role, file, variables])}\n")
    engine.stdin.flush()
    answer = json.loads(engine.stdout.readline())
    if "refused" in answer:
        raise Refused(answer["refused"])
    return answer["module"], answer["options"]


def document(lab: str, /, **variables: Any) -> dict[str, Any]:
    """What a lab's role declares."""
    options = task(lab, **variables)[1]
    return dict(options["config"])


def checks(lab: str, /, **variables: Any) -> list[dict[str, Any]]:
    """What a lab's role says must hold."""
    return list(task(lab, "verify", **variables)[1]["checks"])


def mermaid(lab: str) -> str:
    return _drawing.mermaid(_drawing.build(document(lab)))


@functools.cache
def _engine() -> subprocess.Popen[str]:
    """It ends when its standard input does, that is, with this process."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "ANSIBLE_HOME") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, str(ENGINE), str(ROLES)],
        env={**kept, "LC_ALL": "C.UTF-8"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
