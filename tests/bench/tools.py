# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tools that are measured. Each phase is a method that returns its seconds by name, `wall` among them."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

import star
from place import Place

PHASES = ("build", "no-op", "one MTU", "teardown")
MODULE = str(Path(__file__).with_name("module.py"))
Sample = dict[str, float]


class Tool:
    """`phases` it can do, and the largest star and the number of rounds that it is given."""

    name = ""
    phases: tuple[str, ...] = PHASES
    largest, rounds = 10**6, 10**6

    def __init__(self, place: Place) -> None:
        self.place, self.size = place, place.size

    @classmethod
    def phases_at(cls, size: int) -> tuple[str, ...]:
        """The phases that are measured with a star of a size."""
        return cls.phases

    @staticmethod
    def missing() -> Optional[str]:
        """What keeps it from being run here."""
        return None

    def run(self, phase: str) -> Sample:
        methods: dict[str, Callable[[], Sample]] = {
            "build": self.build,
            "no-op": self.again,
            "one MTU": self.change,
            "teardown": self.teardown,
        }
        return methods[phase]()

    def build(self) -> Sample:
        raise NotImplementedError

    def again(self) -> Sample:
        return self.build()

    def change(self) -> Sample:
        raise NotImplementedError

    def teardown(self) -> Sample:
        raise NotImplementedError


class Module(Tool):
    """The `topology` module in a process of its own, without Ansible's controller."""

    name = "topology module"
    counting: tuple[str, ...] = ()

    def _run(self, **options: Any) -> Sample:
        arguments = self.place.write("arguments.json", json.dumps({"name": "star", **options}))
        report = self.place.folder / "report.json"
        wall = self.place.run(sys.executable, MODULE, arguments, str(report), *self.counting)
        told = json.loads(report.read_text(encoding="utf-8"))
        if told["failed"]:
            raise RuntimeError(told["failed"])
        return {**told, "wall": wall}

    def build(self) -> Sample:
        return self._run(config=star.document(self.size))

    def change(self) -> Sample:
        return self._run(config=star.document(self.size, mtu=True))

    def teardown(self) -> Sample:
        return self._run(state="absent")


class CountingModule(Module):
    """The same, with a thread that counts descriptors; its times do not count."""

    name = "descriptors"
    counting = ("descriptors",)
    rounds = 1


class IpBatch(Tool):
    """`ip -batch` on the host, and one in each namespace: it cannot change namespaces within a batch."""

    name = "ip -batch"
    phases = ("build", "one MTU", "teardown")

    def build(self) -> Sample:
        leaves = star.leaves(self.size)
        outer = [*star.bridge_lines(), *(line for leaf in leaves for line in star.outer_lines(leaf))]
        script = [f"ip -batch {self.place.write('outer', _lines(outer))}"]
        for leaf in leaves:
            inner = self.place.write(leaf.netns, _lines(star.inner_lines(leaf)))
            script.append(f"ip -n {leaf.netns} -batch {inner}")
        return {"wall": self.place.run("sh", "-e", self.place.write("build.sh", _lines(script)))}

    def change(self) -> Sample:
        leaf = star.leaves(self.size)[star.CHANGED - 1]
        command = f"ip -n {leaf.netns} link set {leaf.near} mtu {star.MTU}"
        return {"wall": self.place.run(*command.split())}

    def teardown(self) -> Sample:
        batch = self.place.write("teardown", _lines(star.teardown_lines(self.size)))
        return _with_wait(self.place, "ip", "-batch", batch)


class Shell(IpBatch):
    """One `ip` for each line, as one types it."""

    name = "shell loop of ip"

    def build(self) -> Sample:
        script = [f"ip {line}" for line in star.bridge_lines()]
        for leaf in star.leaves(self.size):
            script += [f"ip {line}" for line in star.outer_lines(leaf)]
            script += [f"ip -n {leaf.netns} {line}" for line in star.inner_lines(leaf)]
        return {"wall": self.place.run("sh", "-e", self.place.write("build.sh", _lines(script)))}

    def teardown(self) -> Sample:
        script = [f"ip {line}" for line in star.teardown_lines(self.size)]
        return _with_wait(self.place, "sh", "-e", self.place.write("teardown.sh", _lines(script)))


class Ifstate(Tool):
    """ifstate. Its teardown is left out: it deletes no namespaces."""

    name = "ifstate"
    phases = ("build", "no-op", "one MTU")
    largest, rounds = 100, 1

    @staticmethod
    def missing() -> Optional[str]:
        return None if shutil.which("ifstatecli") else "ifstatecli is not installed"

    def _apply(self, mtu: bool = False) -> Sample:
        config = self.place.write("ifstate.yml", json.dumps(_ifstate(self.size, mtu)))
        return {"wall": self.place.run("ifstatecli", "-q", "-c", config, "apply")}

    def build(self) -> Sample:
        return self._apply()

    def change(self) -> Sample:
        return self._apply(mtu=True)


def _ifstate(size: int, mtu: bool) -> dict[str, Any]:
    lo = {"addresses": ["127.0.0.1/8", "::1/128"], "link": {"kind": "physical", "state": "up"}}
    bridge = {"addresses": [f"{star.GATEWAY}/{star.PREFIX}"], "link": {"kind": "bridge", "state": "up"}}
    host: dict[str, Any] = {"lo": lo, star.BRIDGE: bridge}
    namespaces = {}
    for leaf in star.leaves(size):
        near = {"kind": "veth", "state": "up", "peer": leaf.far, "peer_netns": None}
        if mtu and leaf.number == star.CHANGED:
            near["mtu"] = star.MTU
        far = {"kind": "veth", "state": "up", "peer": leaf.near, "peer_netns": leaf.netns, "master": star.BRIDGE}
        host[leaf.far] = {"link": far}
        namespaces[leaf.netns] = {
            "interfaces": {"lo": lo, leaf.near: {"addresses": [leaf.address], "link": near}},
            "routing": {"routes": [{"to": "0.0.0.0/0", "via": star.GATEWAY}]},
        }
    return {"namespaces": namespaces, "interfaces": host}


def _lines(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _with_wait(place: Place, *command: str) -> Sample:
    """With the time until the kernel has really taken everything down."""
    seconds = place.run(*command)
    return {"wall": seconds + _seconds_until_empty(place)}


def _seconds_until_empty(place: Place) -> float:
    start = time.perf_counter()
    place.await_empty()
    return time.perf_counter() - start
