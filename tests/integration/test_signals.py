# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signals at any moment of a run: the host is as before, or as wanted, and the next run finds its way."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from host import Host
from test_topology import apply, snapshot, star

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

    Before a transaction and after it, a signal ends the process as it does any other. The next run knows what to do.
    """
    done = host.module("topology", name="lab", inside=inside, **wanted)
    left = snapshot(host)
    if done.get("failed"):
        assert done["msg"].startswith("interrupted by SIG"), done["msg"]
        assert left == before, done["msg"]
    finished = host.module("topology", name="lab", **wanted)
    assert not finished.get("failed"), finished["msg"]
    if done and not done.get("failed"):
        assert not finished["changed"]
        assert snapshot(host) == left


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
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
