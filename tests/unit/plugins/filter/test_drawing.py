# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.nsfabric.linux.plugins.filter import drawing
from ansible_collections.nsfabric.linux.plugins.filter.drawing import FilterModule

FILTERS = FilterModule().filters()
PAIR = {"veth": [{"name": "v1", "netns": "a", "peer": {"name": "v2", "netns": "b"}}]}


@pytest.mark.parametrize(
    ("name", "start"), [("text_drawing", "┌─ a ─"), ("mermaid", "flowchart"), ("dot", "graph "), ("svg", "<svg ")]
)
def test_draws(name: str, start: str) -> None:
    assert FILTERS[name](PAIR).startswith(start)


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_wrong_input_fails_with_what_would_be_right(name: str) -> None:
    with pytest.raises(AnsibleFilterError, match=r"netns: a list is expected, such as \[\{name: ns1\}\], not the"):
        FILTERS[name]({"netns": "ns1"})


@pytest.mark.parametrize("columns", ["wide", 39, -80, True, None, 80.5])
def test_columns_must_be_a_number(columns: object) -> None:
    with pytest.raises(AnsibleFilterError, match="columns must be a whole number from 40 up, such as 80, not"):
        FILTERS["text_drawing"](PAIR, columns=columns)


def test_columns_may_come_from_a_template_as_text() -> None:
    assert FILTERS["text_drawing"](PAIR, columns="80") == FILTERS["text_drawing"](PAIR)


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_is_documented(name: str) -> None:
    page = yaml.safe_load(Path(drawing.__file__).with_name(f"{name}.yml").read_text(encoding="utf-8"))
    assert page["DOCUMENTATION"]["name"] == name
    assert yaml.safe_load(page["EXAMPLES"])
