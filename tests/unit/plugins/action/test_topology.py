# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gc
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from ansible.plugins.action.normal import ActionModule as Normal

from ansible_collections.nsfabric.linux.plugins.action import topology

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=[True, False], ids=["with a collector", "without"])
def collected(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether the garbage collector is there before the task."""
    was = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    yield request.param
    (gc.enable if was else gc.disable)()


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modules whose packed form is looked after."""
    names: list[str] = []

    def looked_after(name: str) -> nullcontext[None]:
        names.append(name)
        return nullcontext()

    monkeypatch.setattr(topology, "kept", looked_after)
    return names


def run() -> dict[str, object]:
    """What the plugin returns, of which only that is needed which `run` looks at."""
    plugin = topology.ActionModule.__new__(topology.ActionModule)
    plugin._task = SimpleNamespace(action="nsfabric.linux.veth")
    return plugin.run(task_vars={"a": 1})


def test_a_module_runs_as_any_other_without_the_collector(
    monkeypatch: pytest.MonkeyPatch, collected: bool, kept: list[str]
) -> None:
    def normal(self: Normal, tmp: object, task_vars: object) -> dict[str, object]:
        return {"collected": gc.isenabled(), "task_vars": task_vars}

    monkeypatch.setattr(Normal, "run", normal)
    assert run() == {"collected": False, "task_vars": {"a": 1}}
    assert (gc.isenabled(), kept) == (collected, ["veth"])


def test_the_collector_is_as_it_was_after_an_error(monkeypatch: pytest.MonkeyPatch, collected: bool) -> None:
    def normal(self: Normal, tmp: object, task_vars: object) -> dict[str, object]:
        raise RuntimeError

    monkeypatch.setattr(Normal, "run", normal)
    with pytest.raises(RuntimeError):
        run()
    assert gc.isenabled() == collected


def test_what_a_task_may_ask_for_is_what_any_module_offers() -> None:
    assert (topology.ActionModule._supports_async, topology.ActionModule._supports_check_mode) == (True, True)
