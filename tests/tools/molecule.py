# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run molecule's scenarios, one more at a time than there are processors, and leave no container behind.

To be called in a network namespace of its own, for podman's bridges.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path.cwd()
LOGS = ROOT / ".venv" / "molecule"
# The home of somebody who has installed the collection; config.yml names what is in it.
HOME = LOGS / "home"
running: set[subprocess.Popen[bytes]] = set()


def galaxy(*arguments: str) -> None:
    """With no setting of ours, which would lead to the checkout."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    command = ["ansible-galaxy", "collection", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**mine, "HOME": str(HOME)})


def install() -> None:
    """All scenarios use the collection as its users get it: built, and installed into an empty home."""
    shutil.rmtree(HOME, ignore_errors=True)
    galaxy("build", "--output-path", str(HOME))
    galaxy("install", "--offline", *map(str, HOME.glob("*.tar.gz")))


def podman(*arguments: str) -> list[str]:
    return subprocess.run(["podman", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def sweep() -> None:
    """Removes what scenarios of this checkout have left, whoever killed them."""
    mine = ("--quiet", "--filter", f"label=nsfabric={ROOT}")
    for container in podman("ps", "--all", *mine):
        # Where the bridges are gone with their network namespace, podman complains, and removes the container as well.
        subprocess.run(["podman", "rm", "--force", container], check=False, capture_output=True)
    for network in podman("network", "ls", *mine):
        podman("network", "rm", "--force", network)


def test(name: str) -> tuple[str, int, float]:
    """The scenario's name, molecule's exit code, and how many seconds it took."""
    start = time.monotonic()
    command = ["molecule", "test", "--no-command-borders", "--scenario-name", name]
    with (LOGS / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        running.add(process)
        code = process.wait()
        running.discard(process)
    return name, code, time.monotonic() - start


def test_all(names: list[str]) -> int:
    failed = []
    with ThreadPoolExecutor((os.cpu_count() or 1) + 1) as pool:
        try:
            for done in as_completed([pool.submit(test, name) for name in names]):
                name, code, seconds = done.result()
                if code:
                    failed.append(name)
                    sys.stdout.write((LOGS / f"{name}.log").read_text(encoding="utf-8", errors="replace"))
                print(f"molecule: {name:<14}{'FAILED' if code else 'ok':<8}{seconds:4.0f} s", flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            raise
    if failed:
        print(f"molecule: failed: {', '.join(failed)}; what they said is above, and in {LOGS}")
        return 1
    print("molecule: all good")
    return 0


def main(names: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *dummy: sys.exit(143))
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("molecule: another run is at work in this checkout, with the same containers; wait for its end")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        sweep()
        install()
        try:
            return test_all(names)
        except KeyboardInterrupt:
            return 130
        finally:
            sweep()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
