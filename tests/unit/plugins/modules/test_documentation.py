# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules say of themselves is what they are."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.nsfabric.linux.plugins.module_utils import _validate
from ansible_collections.nsfabric.linux.plugins.module_utils._model import document
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.registry import KINDS
from ansible_collections.nsfabric.linux.plugins.module_utils._model.step import Step

COLLECTION = "nsfabric.linux"
ROOT = Path(__file__).parents[4]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
# What stands for a templated value of each type.
PLACEHOLDERS: dict[str, Any] = {"str": "x", "bool": True, "int": 1, "list": [], "dict": {}}


def load(folder: str, name: str) -> Any:
    return import_module(f"ansible_collections.{COLLECTION}.plugins.{folder}.{name}")


def documentation(name: str) -> dict[str, Any]:
    """A module's documentation with its fragments; where both have an option, the module's words win."""
    doc: dict[str, Any] = yaml.safe_load(load("modules", name).DOCUMENTATION)
    for reference in doc.pop("extends_documentation_fragment", []):
        fragment, *part = reference[len(COLLECTION) + 1 :].split(".")
        text = getattr(load("doc_fragments", fragment).ModuleDocFragment, part[0].upper() if part else "DOCUMENTATION")
        for section in ("options", "attributes"):
            own = doc.setdefault(section, {})
            for key, value in yaml.safe_load(text).get(section, {}).items():
                own[key] = {**value, **own.get(key, {})}
    return doc


class Started(Exception):
    """Raised in place of starting an AnsibleModule."""


@pytest.fixture
def arguments(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that returns what a module gives to AnsibleModule."""

    def start(self: AnsibleModule, *values: Any, **given: Any) -> None:
        raise Started({**dict(zip(("argument_spec",), values)), **given})

    def of(name: str) -> dict[str, Any]:
        monkeypatch.setattr(AnsibleModule, "__init__", start)
        with pytest.raises(Started) as caught:
            load("modules", name).main()
        given: dict[str, Any] = caught.value.args[0]
        return given

    return of


def outline(options: dict[str, Any], inner: str) -> dict[str, Any]:
    """What documentation (`inner` is "suboptions") and argument spec ("options") have in common."""
    return {
        name: {
            "type": option.get("type", "str"),
            "elements": option.get("elements"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "choices": option.get("choices"),
            "aliases": option.get("aliases", []),
            "inside": outline(option[inner], inner) if option.get(inner) else None,
        }
        for name, option in options.items()
    }


@pytest.mark.parametrize("name", MODULES)
def test_the_options_documented_are_those_taken(name: str, arguments: Any) -> None:
    assert outline(documentation(name)["options"], "suboptions") == outline(arguments(name)["argument_spec"], "options")


@pytest.mark.parametrize("name", MODULES)
def test_check_mode_is_as_documented(name: str, arguments: Any) -> None:
    assert documentation(name)["attributes"]["check_mode"]["support"] == "full"
    assert arguments(name).get("supports_check_mode") is True


@pytest.mark.parametrize("name", MODULES)
def test_every_attribute_is_documented(name: str) -> None:
    attributes = documentation(name)["attributes"]
    assert set(attributes) >= {"check_mode", "diff_mode", "idempotent", "platform", "action_group"}
    assert all(attribute["support"] and attribute["description"] for attribute in attributes.values())
    assert attributes["action_group"]["membership"] == [f"{COLLECTION}.all"]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_kind_has_its_module(name: str) -> None:
    returned = yaml.safe_load(load("modules", name).RETURN)
    assert set(returned) == {name, "steps", "problems"}
    assert set(returned[name]["sample"]) <= set(returned[name]["contains"])


@pytest.mark.parametrize("name", [*sorted(KINDS), "topology"])
def test_a_step_is_documented_as_it_is_reported(name: str) -> None:
    steps = yaml.safe_load(load("modules", name).RETURN)["steps"]
    report = Step("namespaces", "netns", "", KINDS["netns"].CreateNetns("ns1"), "").report()
    assert set(steps["contains"]) == set(report)
    assert all(set(step) == set(report) for step in steps["sample"])


def examples(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for task in yaml.safe_load(load("modules", name).EXAMPLES):
        assert task.get("name"), "a task without a name"
        for key, given in task.items():
            if key.startswith(f"{COLLECTION}."):
                yield key[len(COLLECTION) + 1 :], given or {}


def accept(where: str, given: dict[str, Any], declared: dict[str, Any]) -> dict[str, Any]:
    """The options as the module would get them."""
    spec = declared["argument_spec"]
    filled = {
        key: PLACEHOLDERS[spec[key]["type"]] if isinstance(value, str) and "{{" in value else value
        for key, value in given.items()
    }
    rules = {rule: declared.get(rule) for rule in _validate.CONSTRAINTS}
    result = ArgumentSpecValidator(spec, **rules).validate(filled)
    assert result.error_messages == [], where
    parameters: dict[str, Any] = result.validated_parameters
    return parameters


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_are_valid(name: str, arguments: Any) -> None:
    found = list(examples(name))
    assert name in dict(found)
    for module, given in found:
        accepted = accept(module, given, arguments(module))
        problems = Problems()
        if module in KINDS:
            document.read({module: [accepted]}, problems)
        if module == "topology":
            document.read(_validate.config(accepted["config"] or {}, problems), problems)
        assert problems.found == [], module


def test_the_action_group_is_the_modules_on_disk() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert runtime["action_groups"]["all"] == MODULES
