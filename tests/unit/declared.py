# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that modules and roles declare, and tasks held against them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.playbook.block import Block
from ansible.playbook.play import Play
from ansible.playbook.playbook_include import PlaybookInclude
from ansible.playbook.task import Task

from ansible_collections.nsfabric.linux.plugins.module_utils import _validate
from ansible_collections.nsfabric.linux.plugins.module_utils._model import document
from ansible_collections.nsfabric.linux.plugins.module_utils._model.kind import RULES
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.registry import KINDS

COLLECTION = "nsfabric.linux"
ROOT = Path(__file__).parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
ROLES = sorted(path.parents[1].name for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"))
# What stands for a templated value of each type.
PLACEHOLDERS: dict[str, Any] = {"str": "x", "bool": True, "int": 1, "float": 1.0, "list": [], "dict": {}}
BLOCKS = ("block", "rescue", "always")
TASK_LISTS = ("pre_tasks", "tasks", "post_tasks", "handlers")
INCLUDES = ("include_role", "import_role")


def load(folder: str, name: str) -> Any:
    return import_module(f"ansible_collections.{COLLECTION}.plugins.{folder}.{name}")


class Started(Exception):
    """Raised in place of starting an AnsibleModule."""


@functools.cache
def of_module(name: str) -> dict[str, Any]:
    """What a module gives to AnsibleModule."""

    def start(self: AnsibleModule, *values: Any, **given: Any) -> None:
        raise Started({**dict(zip(("argument_spec",), values)), **given})

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(AnsibleModule, "__init__", start)
        with pytest.raises(Started) as caught:
            load("modules", name).main()
    given: dict[str, Any] = caught.value.args[0]
    return given


@functools.cache
def of_role(name: str) -> dict[str, Any]:
    """The argument spec of a role's entry point."""
    text = (ROOT / "roles" / name / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    options: dict[str, Any] = yaml.safe_load(text)["argument_specs"]["main"]["options"]
    return options


def errors_of_module(name: str, given: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong with a module's options, the topology's document included."""
    if name not in MODULES:
        return [f"there is no module {name}"]
    declared = of_module(name)
    rules = {rule: declared.get(rule) for rule in RULES}
    filled = _filled(given, declared["argument_spec"])
    result = ArgumentSpecValidator(declared["argument_spec"], **rules).validate(filled)
    if result.error_messages:
        return [f"{name}: {message}" for message in result.error_messages]
    accepted = result.validated_parameters
    problems = Problems()
    if name in KINDS:
        document.read({name: [accepted]}, problems)
    if name == "topology":
        document.read(_validate.config(accepted["config"] or {}, problems), problems)
    return [f"{name}: {problem}" for problem in problems.found]


def errors_of_role(name: str, given: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong with the variables that a role is given."""
    if name not in ROLES:
        return [f"there is no role {name}"]
    options = of_role(name)
    result = ArgumentSpecValidator(options).validate(_filled(given, options))
    return [f"{name}: {message}" for message in result.error_messages]


def _errors_of_keys(entry: Mapping[str, Any], keywords: Iterable[str], actions: int) -> Iterator[str]:
    """An entry has keywords of Ansible's own, and so many modules beside them, each by its full name."""
    others = [key for key in entry if key not in keywords]
    if len(others) != actions:
        yield f"beside Ansible's own keywords there have to be {actions} modules, not {others}"
    for key in others:
        if len(key.split(".")) < 3:
            yield f"not a full name: {key}"


def errors_of_tasks(tasks: list[dict[str, Any]]) -> Iterator[str]:
    for task in tasks:
        block = any(part in task for part in BLOCKS)
        yield from _errors_of_keys(task, (Block if block else Task).fattributes, 0 if block else 1)
        for part in BLOCKS:
            yield from errors_of_tasks(task.get(part, []))
        for key, given in task.items():
            if key.startswith(f"{COLLECTION}."):
                yield from errors_of_module(_short(key), given or {})
            if key.rpartition(".")[2] in INCLUDES and given["name"].startswith(f"{COLLECTION}."):
                yield from errors_of_role(_short(given["name"]), task.get("vars", {}))


def errors_of_plays(plays: list[dict[str, Any]]) -> Iterator[str]:
    for play in plays:
        imported = "hosts" not in play
        yield from _errors_of_keys(play, PlaybookInclude.fattributes if imported else Play.fattributes, int(imported))
        for part in TASK_LISTS:
            yield from errors_of_tasks(play.get(part, []))
        for entry in play.get("roles", []):
            role = entry if isinstance(entry, str) else entry["role"]
            variables = {} if isinstance(entry, str) else entry.get("vars", {})
            if role.startswith(f"{COLLECTION}."):
                name = _short(role)
                shared = {key: value for key, value in play.get("vars", {}).items() if key.startswith(f"{name}_")}
                yield from errors_of_role(name, {**shared, **variables})


def _short(name: str) -> str:
    return name[len(COLLECTION) + 1 :]


def _filled(given: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    """The options with something of the right type in place of each template."""
    names = {alias: name for name, option in spec.items() for alias in [name, *option.get("aliases", ())]}
    return {key: _fill(value, spec.get(names.get(key, ""), {})) for key, value in given.items()}


def _fill(value: Any, option: Mapping[str, Any]) -> Any:
    if isinstance(value, str) and "{{" in value:
        return option.get("choices", [None])[0] or PLACEHOLDERS.get(option.get("type", "str"), value)
    if isinstance(value, dict) and option.get("options"):
        return _filled(value, option["options"])
    if isinstance(value, list):
        inner = {"type": option.get("elements", "str"), "options": option.get("options")}
        return [_fill(part, inner) for part in value]
    return value


def errors_of_inventory(group: Any) -> Iterator[str]:
    """Variables that look like the connection's and are not, wherever in an inventory."""
    options = yaml.safe_load(load("connection", "enter").DOCUMENTATION)["options"].values()
    known = {variable["name"] for option in options for variable in option["vars"]}
    for key, value in group.items() if isinstance(group, dict) else ():
        if key.startswith("ansible_enter_") and key not in known:
            yield f"no variable {key}"
        yield from errors_of_inventory(value)
