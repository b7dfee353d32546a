# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where it is measured: a private host for each tool, size and round, quiet before each phase."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import star
from host import Host, until

SECONDS = 3600
QUIET, PATIENCE = 0.5, 30.0


class Place:
    """A host of its own, and a folder for what a tool is given."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size
        self.host = Host()

    def close(self) -> None:
        self.host.close()

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def run(self, *command: str) -> float:
        """Runs a command on the host; the seconds it took."""
        start = time.perf_counter()
        done = subprocess.run(
            ["nsenter", "-t", str(self.host.pid), "-n", "-m", *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        seconds = time.perf_counter() - start
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return seconds

    def devices(self) -> dict[str, int]:
        """The host's devices, each with the packets it has received."""
        lines = Path(f"/proc/{self.host.pid}/net/dev").read_text(encoding="ascii").splitlines()[2:]
        fields = (line.replace(":", " ").split() for line in lines)
        return {name: int(received[1]) for name, *received in fields}

    def settle(self) -> None:
        """Waits until new namespaces have said all that IPv6 makes them say."""
        end = time.monotonic() + PATIENCE
        before = -1
        while time.monotonic() < end:
            now = sum(self.devices().values())
            if now == before:
                return
            before = now
            time.sleep(QUIET)

    def await_empty(self) -> None:
        """The kernel takes namespaces down in the background: done is when no device of the star is left."""
        if not until(lambda: set(self.devices()) == {"lo"}, 60.0):
            raise RuntimeError("something of the star is left")

    def check_built(self) -> None:
        """Every cable is there, and the last namespace reaches the bridge."""
        ports = [name for name in self.devices() if name.startswith("port")]
        last = star.leaves(self.size)[-1]
        if len(ports) != self.size or not self.host.pings(star.GATEWAY, last.netns):
            raise RuntimeError(f"the star is not whole: {len(ports)} ports")

    def check_changed(self) -> None:
        leaf = star.leaves(self.size)[star.CHANGED - 1]
        if self.host.attributes(leaf.near, leaf.netns)["mtu"] != star.MTU:
            raise RuntimeError("the MTU was not changed")
