# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's engine, kept running: what a role's task gives to its module, without a playbook for each question.

A question is a line of JSON on standard input, `[role, task file, variables]`; so is its answer. The roles' folder
is the argument. It is a process of its own because Ansible finds collections by an importer of its own.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar
from ansible.vars.manager import VariableManager


def asked(roles: Path, name: str, file: str, variables: dict[str, Any]) -> dict[str, Any]:
    """A role's one task as `include_role` prepares it: arguments validated, templates made."""
    role, loader = roles / name, DataLoader()

    def load(path: str) -> Any:
        return loader.load_from_file(str(role / path), trusted_as_template=True)

    known = {
        **VariableManager(loader=loader).get_vars(),
        **(load("defaults/main.yml") or {}),
        **(load("vars/main.yml") or {}),
        **variables,
        "ansible_search_path": [str(role)],
    }
    templar = Templar(loader, variables=known)
    spec = load("meta/argument_specs.yml")["argument_specs"].get(file)
    if spec:
        given = {option: templar.template(known[option]) for option in spec["options"] if option in known}
        wrong = ArgumentSpecValidator(spec["options"]).validate(given).error_messages
        if wrong:
            return {"refused": "; ".join(wrong)}
    (task,) = load(f"tasks/{file}.yml")
    (module,) = (key for key in task if key.startswith("nsfabric.linux."))
    return {"module": module.rpartition(".")[2], "options": templar.template(task[module])}


def main() -> None:
    roles = Path(sys.argv[1])
    # What Ansible prints is no answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    init_plugin_loader([str(roles.parents[3])])
    for line in sys.stdin:
        try:
            answer = asked(roles, *json.loads(line))
        except AnsibleError as error:
            answer = {"refused": str(error)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
