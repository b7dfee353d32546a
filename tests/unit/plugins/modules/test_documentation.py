# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules say of themselves is what they are."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.nsfabric.linux.plugins.module_utils._model.netns import CreateNetns
from ansible_collections.nsfabric.linux.plugins.module_utils._model.registry import KINDS
from ansible_collections.nsfabric.linux.plugins.module_utils._model.step import Step
from ansible_collections.nsfabric.linux.tests.tools.schema import documentation
from ansible_collections.nsfabric.linux.tests.unit import declared
from ansible_collections.nsfabric.linux.tests.unit.declared import COLLECTION, MODULES, ROOT, load


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
def test_the_options_documented_are_those_taken(name: str) -> None:
    taken = declared.of_module(name)["argument_spec"]
    assert outline(documentation(name)["options"], "suboptions") == outline(taken, "options")


@pytest.mark.parametrize("name", MODULES)
def test_check_mode_is_as_documented(name: str) -> None:
    assert documentation(name)["attributes"]["check_mode"]["support"] == "full"
    assert declared.of_module(name).get("supports_check_mode") is True


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
    report = Step("namespaces", "netns", "", CreateNetns("ns1"), "").report()
    assert set(steps["contains"]) == set(report)
    assert all(set(step) == set(report) for step in steps["sample"])


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_are_valid(name: str) -> None:
    tasks = yaml.safe_load(load("modules", name).EXAMPLES)
    assert all(task.get("name") for task in tasks), "a task without a name"
    assert any(f"{COLLECTION}.{name}" in task for task in tasks)
    assert list(declared.errors_of_tasks(tasks)) == []


def test_the_action_group_is_the_modules_on_disk() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert runtime["action_groups"]["all"] == MODULES


def test_every_module_runs_by_the_one_action_plugin() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    plugin = {"action_plugin": f"{COLLECTION}.topology"}
    assert runtime["plugin_routing"] == {"modules": dict.fromkeys(MODULES, plugin)}
