# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the topology module in this process, and writes what it took: module.py ARGUMENTS REPORT [descriptors].

ARGUMENTS is a JSON file with the module's options. With `descriptors` a thread counts the open ones; that costs time.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
import threading
import time
from typing import Any

from ansible.module_utils import basic

from ansible_collections.nsfabric.linux.plugins.module_utils import _topology

INTERVAL = 0.002


def peak_memory() -> int:
    """The most memory this process has had, in bytes."""
    with open("/proc/self/status", encoding="ascii") as stream:
        return next(int(line.split()[1]) * 1024 for line in stream if line.startswith("VmHWM"))


def user_seconds() -> float:
    """The seconds that this process has had a processor, without those in the kernel."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


class Counter(threading.Thread):
    """Counts the open descriptors until it is told to stop."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.peak = 0

    def run(self) -> None:
        while not self.ended.wait(INTERVAL):
            self.peak = max(self.peak, len(os.listdir("/proc/self/fd")))


class Clock:
    """The moments of a run: the options are read, then it plans, then it ends."""

    def __init__(self) -> None:
        self.planning = self.user = 0.0
        self._guarded = _topology.guarded
        _topology.guarded = self._mark

    def _mark(self, *arguments: Any, **options: Any) -> Any:
        self.planning, self.user = time.perf_counter(), user_seconds()
        return self._guarded(*arguments, **options)


def run(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, float]]:
    """The module's result, and its seconds."""
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": {**options, "_ansible_remote_tmp": "/run"}}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    printed, clock = io.StringIO(), Clock()
    start, cpu = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        _topology.run_topology()
    end = time.perf_counter()
    seconds = {
        "module": end - start,
        "planning": end - clock.planning,
        "own": user_seconds() - clock.user,
        "cpu": time.process_time() - cpu,
    }
    return json.loads(printed.getvalue()), seconds


def main(arguments: str, report: str, *counting: str) -> None:
    with open(arguments, encoding="utf-8") as stream:
        options = json.load(stream)
    counter = Counter()
    if counting:
        counter.start()
    result, seconds = run(options)
    counter.ended.set()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    told = {
        **seconds,
        "user": usage.ru_utime,
        "system": usage.ru_stime,
        "memory": peak_memory(),
        "descriptors": counter.peak,
        "changed": result.get("changed"),
        "steps": len(result.get("steps", ())),
        "failed": result.get("msg") if result.get("failed") else None,
    }
    with open(report, "w", encoding="utf-8") as stream:
        json.dump(told, stream)


if __name__ == "__main__":
    main(*sys.argv[1:])
