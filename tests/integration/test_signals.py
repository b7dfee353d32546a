# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signals at any moment of a run: the host is as before, or as wanted, and the next run finds its way."""

from __future__ import annotations

import importlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from host import Host
from snapshot import snapshot
from test_topology import apply, star

MODULE_UTILS = "ansible_collections.nsfabric.linux.plugins.module_utils"
LEAVES = 12
TIMES = 5


def later(seconds: float, number: int) -> Callable[[], None]:
    """Lets a module send a signal to itself. Where it is not held it ends the process at once, SIGINT too."""

    def inside() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        threading.Timer(seconds, os.kill, (os.getpid(), number)).start()

    return inside


def tried(host: Host, before: str, wanted: dict[str, Any], inside: Callable[[], None]) -> None:
    """Runs a topology that is interrupted; it tells that all is as before, or has reached what was wanted.

    Before a transaction a signal ends the process as it does any other, SIGKILL does at any time; after it the result
    is told.
    """
    done = host.module("topology", name="lab", inside=inside, **wanted)
    left = snapshot(host) if done else ""
    if done.get("failed"):
        assert done["msg"].startswith("interrupted by SIG"), done["msg"]
        assert left == before, done["msg"]
    finished = host.module("topology", name="lab", **wanted)
    assert not finished.get("failed"), finished["msg"]
    if done and not done.get("failed"):
        assert not finished["changed"]
        assert snapshot(host) == left


def asked_at(place: str, number: int) -> Callable[[], None]:
    """Lets a module get a signal as it calls a function of the topology's; SIGINT raises as in any program."""

    def inside() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        module = importlib.import_module(f"{MODULE_UTILS}.{place.rpartition('.')[0]}")
        name = place.rpartition(".")[2]
        function = getattr(module, name)

        def asked(*arguments: Any, **more: Any) -> Any:
            if getattr(arguments[0] if arguments else None, "complete", True):
                os.kill(os.getpid(), number)
            return function(*arguments, **more)

        setattr(module, name, asked)

    return inside


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_after_its_transaction_a_run_tells_its_result(host: Host, number: signal.Signals) -> None:
    done = host.module("topology", name="lab", config=star(1), inside=asked_at("_ledger.save", number))
    assert done["changed"], done
    assert not host.module("topology", name="lab", config=star(1))["changed"]
    gone = host.module("topology", name="lab", state="absent", inside=asked_at("_ledger.forget", number))
    assert gone["changed"], gone
    done = host.module("netns", name="ns1", inside=asked_at("_glue.warn", number))
    assert done["changed"], done


def test_before_its_transaction_a_run_tells_that_nothing_was_changed(host: Host) -> None:
    before = snapshot(host)
    inside = asked_at("_run.observe", signal.SIGINT)
    done = host.module("topology", name="lab", config=star(1), inside=inside)
    assert done["msg"] == "interrupted by SIGINT before anything was changed"
    assert snapshot(host) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("wanted", [{"state": "absent"}, {"config": star(LEAVES // 2)}], ids=["down", "to another"])
def test_a_topology_stays_or_makes_way(host: Host, wanted: dict[str, Any], number: signal.Signals) -> None:
    bare = snapshot(host)
    began = time.monotonic()
    apply(host, star(LEAVES))
    longest = time.monotonic() - began
    before = snapshot(host)
    moments = random.Random(number)
    for dummy in range(TIMES):
        tried(host, before, wanted, later(moments.uniform(0, longest), number))
        apply(host, star(LEAVES))
        assert snapshot(host) == before
    assert not host.module("topology", name="lab", state="absent").get("failed")
    assert snapshot(host) == bare


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_bare_host_stays_bare_or_has_it_all(host: Host, number: signal.Signals) -> None:
    bare = snapshot(host)
    began = time.monotonic()
    apply(host, star(LEAVES))
    longest = time.monotonic() - began
    moments = random.Random(number)
    for dummy in range(TIMES):
        assert not host.module("topology", name="lab", state="absent").get("failed")
        assert snapshot(host) == bare
        tried(host, bare, {"config": star(LEAVES)}, later(moments.uniform(0, longest), number))
