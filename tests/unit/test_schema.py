# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON Schema of a topology's document: current, and of one mind with the argument specs."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from ansible_collections.nsfabric.linux.tests.tools import schema
from ansible_collections.nsfabric.linux.tests.unit.declared import load
from ansible_collections.nsfabric.linux.tests.unit.pages import blocks
from ansible_collections.nsfabric.linux.tests.unit.plugins.module_utils._model import strategies

VALIDATOR = Draft7Validator(schema.schema())
TOPOLOGY = "nsfabric.linux.topology"


def configs(content: Any) -> list[dict[str, Any]]:
    """The topologies' documents anywhere in a YAML text."""
    if isinstance(content, list):
        return [found for part in content for found in configs(part)]
    if not isinstance(content, dict):
        return []
    own = content.get(TOPOLOGY, {}).get("config", {}) if isinstance(content.get(TOPOLOGY), dict) else {}
    return [own] * isinstance(own, dict) + [found for part in content.values() for found in configs(part)]


def errors(config: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(config)]


def test_it_is_current() -> None:
    assert schema.PATH.read_text(encoding="utf-8") == schema.text(), (
        "write it anew: PYTHONPATH=.venv/collections .venv/bin/python3 tests/tools/schema.py"
    )


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(schema.schema())


def test_documents_on_the_pages_are_valid() -> None:
    texts = [block.text for block in blocks("yaml")] + [load("modules", "topology").EXAMPLES]
    found = [config for text in texts for config in configs(yaml.safe_load(text))]
    assert len(found) >= 3
    assert [error for config in found for error in errors(config)] == []


@given(st.data())
def test_documents_that_the_model_takes_are_valid(data: st.DataObject) -> None:
    host = data.draw(strategies.hosts())
    assert errors(data.draw(strategies.documents(host))) == []


@pytest.mark.parametrize(
    "text",
    [
        "netns: [{name: '{{ name }}'}]",
        "veth: [{name: a, state: absent}]",
        "veth: [{name: a, up: '{{ up }}', addresses: '{{ list }}', mtu: '{{ mtu }}', peer: {name: b, master: ''}}]",
        "netns_route: [{dest: default, via: 10.0.0.1, dev: a, table: 7}]",
        "netns_sysctl: [{name: net.ipv4.ip_forward, value: true}, {name: net.core.somaxconn, value: 128}]",
        "masquerade:",
    ],
)
def test_what_is_right_passes(text: str) -> None:
    assert errors(yaml.safe_load(text)) == []


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[]", "$"),
        ("nets: []", "$"),
        ("netns: [{nme: ns1}]", "$.netns[0]"),
        ("netns: [ns1]", "$.netns[0]"),
        ("netns: {name: ns1}", "$.netns"),
        ("veth: [{name: a}]", "$.veth[0]"),
        ("veth: [{name: a, peer: {nam: b}}]", "$.veth[0].peer"),
        ("veth: [{name: a, mtu: big, peer: {name: b}}]", "$.veth[0].mtu"),
        ("veth: [{name: a, up: 'yes', peer: {name: b}}]", "$.veth[0].up"),
        ("bridge: [{name: br0, addresses: 10.0.0.1/24}]", "$.bridge[0].addresses"),
        ("bridge: [{name: br0, state: gone}]", "$.bridge[0].state"),
        ("netns_neighbor: [{device: a, address: 10.0.0.1, mac: x, mac_of: {name: b}}]", "$.netns_neighbor[0]"),
        ("netns_neighbor: [{address: 10.0.0.1, mac: x}]", "$.netns_neighbor[0]"),
        ("netns_sysctl: [{name: net.ipv4.ip_forward}]", "$.netns_sysctl[0]"),
    ],
)
def test_what_is_wrong_fails_where_it_is_wrong(text: str, where: str) -> None:
    assert any(error.startswith(f"{where}: ") for error in errors(yaml.safe_load(text)))
