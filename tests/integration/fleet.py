# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sandbox hosts inside a throw-away host, an inventory of them, and the collection's playbooks run on it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from host import PATIENCE, Host

from roles import collections

ROOT = "/run/nsfabric/sandboxes"


class Sandbox:
    """A sandbox host of a fleet, asked by shell commands."""

    def __init__(self, host: Host, name: str) -> None:
        self._host = host
        self._way_in = f"nsenter --net={ROOT}/{name}/net --mount={ROOT}/{name}/mnt"

    def sh(self, command: str, netns: str = "") -> str:
        inside = f"ip netns exec {netns} " if netns else ""
        return self._host.sh(f"{self._way_in} {inside}sh -ec {shlex.quote(command)}")

    def json(self, command: str, netns: str = "") -> Any:
        return json.loads(self.sh(command, netns) or "[]")

    def addresses(self, device: str, netns: str = "") -> list[str]:
        """A device's IPv4 addresses."""
        (link,) = self.json(f"ip -j -4 address show dev {device}", netns)
        return [f"{address['local']}/{address['prefixlen']}" for address in link["addr_info"]]


class Fleet:
    """Everything happens inside the throw-away host, ansible-playbook included."""

    def __init__(self, host: Host, folder: Path, names: list[str], **variables: Any) -> None:
        self._host, self.folder = host, folder
        host.do("sandbox", names=names)
        self.variables: dict[str, Any] = {
            "ansible_connection": "nsfabric.linux.enter",
            "ansible_enter_sandbox": "{{ inventory_hostname }}",
            "ansible_python_interpreter": sys.executable,
            **variables,
        }
        # What single hosts have besides.
        self.own: dict[str, dict[str, Any]] = {name: {} for name in names}
        self.settings: dict[str, str] = {"ANSIBLE_PIPELINING": "true"}
        self.patience = 300 * PATIENCE
        (folder / "ansible.cfg").write_text("# Nobody else's settings.\n", encoding="utf-8")

    def at(self, name: str) -> Sandbox:
        return Sandbox(self._host, name)

    def play(self, *playbooks: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        """Runs some of the collection's playbooks, by their full names, on the fleet's own inventory."""
        inventory = self.folder / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": self.own, "vars": self.variables}}), encoding="utf-8")
        return self.play_on(inventory, *playbooks, **variables)

    def play_on(self, inventory: Path, *playbooks: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                *("nsenter", "-t", str(self._host.pid), "-n", "-m", f"--wd={self.folder}"),
                *(sys.executable, "-m", "ansible", "playbook"),
                *(f"nsfabric.linux.{playbook}" for playbook in playbooks),
                *("-i", str(inventory), "-e", json.dumps(variables)),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=self.patience,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": f"{self.folder}/ansible.cfg",
                "ANSIBLE_STDOUT_CALLBACK": "nsfabric.linux.story",
                "ANSIBLE_HOME": f"{self.folder}/home",
                "ANSIBLE_COLLECTIONS_PATH": collections(),
                "ANSIBLE_NOCOLOR": "true",
                "ANSIBLE_DEVEL_WARNING": "false",
                **self.settings,
            },
        )


def said(done: subprocess.CompletedProcess[str], code: int = 0) -> str:
    """What a playbook said, in one space between words; it ended with this code."""
    assert done.returncode == code, done.stdout + done.stderr
    return re.sub(r"[ \t]+", " ", done.stdout)
