# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pages and the examples of plugins show is what modules and roles take."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from ansible.cli.doc import DocCLI

from ansible_collections.nsfabric.linux.plugins.module_utils import _validate
from ansible_collections.nsfabric.linux.plugins.module_utils._model import document
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.registry import KINDS
from ansible_collections.nsfabric.linux.tests.unit import declared
from ansible_collections.nsfabric.linux.tests.unit.declared import ROLES, ROOT, load
from ansible_collections.nsfabric.linux.tests.unit.pages import CHINESE, PAGES, Block, blocks, links, original

# Mappings of Ansible's own, which say nothing that a spec could know.
OTHERS = {"collections", "plugin"}
SIDECARS = sorted((ROOT / "plugins" / "filter").glob("*.yml"))
CONNECTIONS = sorted((ROOT / "plugins" / "connection").glob("*.py"))


def errors(content: Any) -> list[str]:
    """What is wrong with the content of a YAML block: tasks, plays, a topology's document, inventory variables."""
    if isinstance(content, list) and all("hosts" in entry or _imports(entry) for entry in content):
        return list(declared.errors_of_plays(content))
    if isinstance(content, list):
        return list(declared.errors_of_tasks(content))
    if set(content) & set(KINDS):
        problems = Problems()
        document.read(_validate.config(content, problems), problems)
        return [str(problem) for problem in problems.found]
    variables = {role: {key: content[key] for key in content if key.startswith(f"{role}_")} for role in ROLES}
    if "nsfabric_roles" in content or any(variables.values()):
        unknown = [f"no role {role}" for role in content.get("nsfabric_roles", []) if role not in ROLES]
        return unknown + [error for role in ROLES for error in declared.errors_of_role(role, variables[role])]
    if set(content) == {"all"}:
        return list(declared.errors_of_inventory(content))
    return [] if set(content) <= OTHERS else [f"neither tasks nor plays nor a topology's document: {set(content)}"]


def _imports(entry: dict[str, Any]) -> bool:
    return "ansible.builtin.import_playbook" in entry


def name(block: Block) -> str:
    return block.name


@pytest.mark.parametrize("block", blocks("yaml", "yml"), ids=name)
def test_a_yaml_block_is_valid(block: Block) -> None:
    assert errors(yaml.safe_load(block.text)) == []


@pytest.mark.parametrize("path", SIDECARS, ids=lambda path: path.stem)
def test_the_examples_of_a_filter_are_valid(path: Any) -> None:
    examples = yaml.safe_load(path.read_text(encoding="utf-8"))["EXAMPLES"]
    assert errors(yaml.safe_load(examples)) == []


@pytest.mark.parametrize("path", CONNECTIONS, ids=lambda path: path.stem)
def test_the_examples_of_a_connection_are_valid(path: Any) -> None:
    examples = [content for content in yaml.safe_load_all(load("connection", path.stem).EXAMPLES) if content]
    assert examples
    assert [error for content in examples for error in errors(content)] == []


@pytest.mark.parametrize("role", ROLES)
def test_the_defaults_of_a_role_are_those_declared(role: str) -> None:
    defaults = yaml.safe_load((ROOT / "roles" / role / "defaults" / "main.yml").read_text(encoding="utf-8"))
    options = declared.of_role(role)
    assert set(defaults) == set(options)
    assert declared.errors_of_role(role, defaults) == []
    for option, value in defaults.items():
        if "default" in options[option]:
            assert value == options[option]["default"], option


@pytest.mark.parametrize("role", ROLES)
def test_the_defaults_of_a_role_are_shown(role: str) -> None:
    for option, declared_as in declared.of_role(role).items():
        shown = f"default: {declared_as.get('default')}"
        assert DocCLI.tty_ify(shown) == shown, option


@pytest.mark.parametrize("role", ROLES)
def test_a_role_explains_itself_by_what_its_reader_has(role: str) -> None:
    told = (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"(?i)\bexperiment \d|\bway \d|\bthe (?:other )?documents?\b", told) == []
    assert f"](../../docs/labs/{role}.md)" in told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere(page: Any) -> None:
    assert [(target, lines) for target, lines in links(page) if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", sorted(CHINESE.glob("**/*.md")), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_translation_is_found(page: Any) -> None:
    for one, other in ((page, original(page)), (original(page), page)):
        assert other.resolve() in [(one.parent / target).resolve() for target, _lines in links(one)], one
    assert str(page.relative_to(ROOT).with_suffix("")) in (ROOT / "tests/site/index.md").read_text("utf-8").split()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- nsfabric.linux.veth: {nam: a, peer: {name: b}}", "nam"),
        ("- nsfabric.linux.topology: {name: lab, config: {veth: [{name: a, peer: {nme: b}}]}}", "peer.nme"),
        ("- block: [{nsfabric.linux.nets: {}}]", "no module nets"),
        ("- {hosts: all, roles: [{role: nsfabric.linux.bridged, vars: {bridged_size: 1}}]}", "bridged_size"),
        ("- {hosts: all, vars: {bridged_mtu: big}, roles: [nsfabric.linux.bridged]}", "int"),
        ("- ansible.builtin.include_role: {name: nsfabric.linux.brigded}", "no role brigded"),
        ("netns: [{nme: ns1}]", "config.netns[0].nme"),
        ("nsfabric_roles: [brigded]", "no role brigded"),
        ("{site: here, bridged_mtu: big}", "int"),
        ("all: {hosts: {rack1: {ansible_enter_sandobx: rack1}}}", "ansible_enter_sandobx"),
        ("anything: else", "neither tasks nor plays"),
        ("- topology: {name: lab}", "not a full name: topology"),
        ("- {nsfabric.linux.netns: {name: ns1}, whne: true}", "whne"),
        ("- name: Nothing", "1 modules, not []"),
        ("- {hosts: all, task: []}", "not ['task']"),
        ("- import_playbook: nsfabric.linux.lab", "not a full name: import_playbook"),
    ],
)
def test_what_is_wrong_is_found(text: str, message: str) -> None:
    (error, *_rest) = errors(yaml.safe_load(text))
    assert message in error
