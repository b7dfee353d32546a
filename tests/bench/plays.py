# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tools that are whole `ansible-playbook` processes."""

from __future__ import annotations

import json
from typing import Any

import star
from tools import Sample, Tool

COLLECTION = "nsfabric.linux"


class Playbook(Tool):
    """A playbook with some tasks on the private host."""

    def _play(self, *tasks: dict[str, Any]) -> Sample:
        named = [{"name": f"Task {number}", **task} for number, task in enumerate(tasks, 1)]
        play = {"name": "A star", "hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": named}
        return {"wall": self.place.run("ansible-playbook", self.place.write("play.yml", json.dumps([play])))}


class Trivial(Playbook):
    """One task that does nothing: what Ansible itself costs."""

    name = "ansible-playbook, one ping task"
    phases = ("build",)

    def build(self) -> Sample:
        return self._play({"ansible.builtin.ping": {}})


class OneTask(Playbook):
    """One `topology` task."""

    name = "ansible-playbook, one topology task"

    def _topology(self, **options: Any) -> Sample:
        return self._play({f"{COLLECTION}.topology": {"name": "star", **options}})

    def build(self) -> Sample:
        return self._topology(config=star.document(self.size))

    def change(self) -> Sample:
        return self._topology(config=star.document(self.size, mtu=True))

    def teardown(self) -> Sample:
        return self._topology(state="absent")


class Looped(Playbook):
    """The single modules, in loops."""

    name = "ansible-playbook, modules in loops"
    largest, rounds = 100, 1

    @classmethod
    def phases_at(cls, size: int) -> tuple[str, ...]:
        """Only the first of those that take an hour together."""
        return cls.phases if size < cls.largest else cls.phases[:1]

    def _apply(self, mtu: bool = False) -> Sample:
        config = star.document(self.size, mtu)
        tasks = []
        for kind, options in (
            ("netns", ("name",)),
            ("bridge", ("name", "addresses")),
            ("veth", ("netns", "name", "addresses", "mtu", "peer")),
            ("netns_route", ("netns", "destination", "gateway")),
        ):
            values = {option: f"{{{{ item.{option} | default(omit) }}}}" for option in options}
            tasks.append({f"{COLLECTION}.{kind}": values, "loop": config[kind]})
        return self._play(*tasks)

    def build(self) -> Sample:
        return self._apply()

    def change(self) -> Sample:
        return self._apply(mtu=True)

    def teardown(self) -> Sample:
        gone = {"name": "{{ item.name }}", "state": "absent"}
        config = star.document(self.size)
        return self._play(*({f"{COLLECTION}.{kind}": gone, "loop": config[kind]} for kind in ("netns", "bridge")))
