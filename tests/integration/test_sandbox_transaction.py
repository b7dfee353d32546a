# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sandbox hosts: runs that are killed, interrupted or fail half-way, and runs at the same time."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from typing import Any

import pytest
from host import Host
from test_sandbox import ROOT, at, pings, run, trace

from ansible_collections.nsfabric.linux.plugins.module_utils import _sandbox
from ansible_collections.nsfabric.linux.plugins.module_utils._errors import KernelError

real_apply = _sandbox._apply


def after(steps: int, what: Callable[[], object]) -> Callable[[], object]:
    """Makes a run do something after so many steps."""

    def step_by_step(session: Any, plan: Any) -> None:
        for number, step in enumerate(plan):
            if number == steps:
                what()
            real_apply(session, [step])
        if len(plan) == steps:
            what()

    def inside() -> None:
        _sandbox._apply = step_by_step

    return inside


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    raise KernelError("go on", "h1", "no")


def steps_of(host: Host, *names: str, **options: Any) -> int:
    return len(run(host, *names, check=True, **options)["steps"])


def test_killed_after_any_step_of_the_way_up(host: Host) -> None:
    before = trace(host)
    for steps in range(steps_of(host, "h1") + 1):
        assert run(host, "h1", inside=after(steps, kill)) == {}
        run(host, "h1")
        assert run(host, "h1")["changed"] is False
        assert pings(host, "h1", "8.8.8.8"), f"killed after {steps} steps"
        run(host, "h1", state="absent")
        assert trace(host) == before, f"killed after {steps} steps"


def test_killed_after_any_step_and_then_removed(host: Host) -> None:
    before = trace(host)
    for steps in range(steps_of(host, "h1") + 1):
        run(host, "h1", inside=after(steps, kill))
        run(host, "h1", state="absent")
        assert trace(host) == before, f"killed after {steps} steps"


def test_killed_while_a_second_host_is_made(host: Host) -> None:
    run(host, "h1")
    for steps in range(steps_of(host, "h1", "h2") + 1):
        run(host, "h1", "h2", inside=after(steps, kill))
        run(host, "h3")
        assert run(host, "h1", "h3")["changed"] is False
        assert pings(host, "h3", "10.211.55.10"), f"killed after {steps} steps"
        run(host, "h2", "h3", state="absent")


def test_killed_after_any_step_of_the_way_down(host: Host) -> None:
    before = trace(host)
    for steps in range(5):
        run(host, "h1")
        assert run(host, "h1", state="absent", inside=after(steps, kill)) == {}
        run(host, "h1", state="absent")
        assert trace(host) == before, f"killed after {steps} steps"


@pytest.mark.parametrize("what", [fail, lambda: os.kill(os.getpid(), signal.SIGTERM)])
def test_a_failure_after_any_step_leaves_nothing(host: Host, what: Callable[[], object]) -> None:
    before = trace(host)
    for steps in range(steps_of(host, "h1") + 1):
        failed = host.module("sandbox", names=["h1"], inside=after(steps, what))
        assert failed["msg"].endswith("What had been made was removed again.")
        assert trace(host) == before, f"failed after {steps} steps"


def test_a_failure_leaves_the_hosts_that_were_there(host: Host) -> None:
    run(host, "h1", "h2")
    at(host, "h1", "ip link delete eth0")
    for steps in range(1, steps_of(host, "h1", "h3") + 1):
        failed = host.module("sandbox", names=["h1", "h3"], inside=after(steps, fail))
        assert failed["msg"].endswith("What had been made was removed again.")
        assert host.sh(f"ls {ROOT}").split() == ["h1", "h2", "outside"]
        assert at(host, "h1", "ls /sys/class/net").split() == ["lo"]
        assert run(host, "h2")["changed"] is False
    run(host, "h1", "h3")
    assert pings(host, "h1", "10.211.55.11")


def test_two_runs_at_once(host: Host) -> None:
    with ThreadPool(4) as pool:
        done = pool.map(lambda name: run(host, name), ["h1", "h2", "h3", "h4"])
    assert len({each["sandboxes"][0]["address"] for each in done}) == 4
    assert pings(host, "h1", done[3]["sandboxes"][0]["address"])
