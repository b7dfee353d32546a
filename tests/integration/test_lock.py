# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of locks and ledgers in other people's hands: what is removed, and what stands where ours belongs."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from threading import Thread
from typing import Any

import pytest
from host import PR_SET_PDEATHSIG, Host, call
from snapshot import snapshot
from test_topology import STAR, apply
from test_transaction import after

from ansible_collections.nsfabric.linux.plugins.module_utils import _lock

FOLDER = "/run/nsfabric"
LOCK = f"{FOLDER}/lock"
LEDGERS = f"{FOLDER}/topologies"
CLONE_NEWPID = 0x20000000
libc = ctypes.CDLL(None, use_errno=True)
HELD = ExitStack()
BOUND = 0.1
BUSY = "has been changing this host's network for 0.1 seconds; try again later"
HANGS = 20
# What stands where a regular file belongs: how it gets there, and what it is called.
ODD = {
    "ln -s /nonexistent/x {}": "a symbolic link",
    "touch /run/elsewhere; ln -s /run/elsewhere {}": "a symbolic link",
    "mkfifo {}": "a FIFO",
    "mkdir {}": "a directory",
    "mknod {} c 1 3": "a character device",
    "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"{}\")'": "a socket",
}
# The same, where a directory belongs.
NO_DIRECTORY = {
    "touch {}": "a regular file",
    "mkfifo {}": "a FIFO",
    "ln -s /nonexistent/x {}": "a symbolic link",
    "mkdir /run/elsewhere; ln -s /run/elsewhere {}": "a symbolic link",
}


def impatient() -> None:
    """A run waits a moment for another, and what hangs all the same is killed."""
    _lock.lock.__wrapped__.__defaults__ = (BOUND,)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(HANGS)


def run(host: Host, module: str = "topology", **options: Any) -> str:
    """The message of a run that ends at once, and fails."""
    done = host.module(module, inside=impatient, **options)
    assert done, "it hung"
    return str(done["msg"])


class HalfDone:
    """A run that stops after two steps, and goes on when it is told to."""

    def __init__(self, host: Host, **options: Any) -> None:
        came, arrived = os.pipe()
        go_on, self._tell = os.pipe()

        def pause() -> None:
            os.write(arrived, b"x")
            os.read(go_on, 1)

        self._done: list[dict[str, Any]] = []
        module = partial(host.module, "topology", inside=after(2, pause), **options)

        def whole() -> None:
            self._done.append(module())
            os.write(arrived, b"x")

        self._thread = Thread(target=whole, daemon=True)
        self._thread.start()
        os.read(came, 1)

    def finish(self) -> dict[str, Any]:
        os.write(self._tell, b"x")
        self._thread.join()
        return self._done[0]


def test_a_run_whose_lock_is_removed_ends_well_and_still_keeps_others_out(host: Host) -> None:
    before = snapshot(host)
    half_done = HalfDone(host, name="lab", config=STAR)
    host.sh(f"rm {LOCK}")
    others = run(host, name="other", config={}), run(host, "netns", name="ns9")
    assert half_done.finish().get("changed") is True
    assert others == (f"another process {BUSY}",) * 2
    assert not apply(host, STAR)["changed"]
    host.do("topology", name="lab", state="absent")
    assert snapshot(host) == before
    assert not host.sh(f"ls -d {FOLDER} || true")


def test_a_run_whose_records_are_removed_ends_well_and_leaves_the_next_ones_lock_alone(host: Host) -> None:
    first = HalfDone(host, name="lab", config=STAR)
    host.sh(f"rm -r {FOLDER}")
    second = HalfDone(host, name="other", config={"netns": [{"name": f"n{number}"} for number in range(3)]})
    done = first.finish()
    third = run(host, "netns", name="ns9")
    assert second.finish().get("changed") is True
    assert done.get("changed") is True
    assert third.startswith("process ")
    assert third.endswith(f" (topology other) {BUSY}")
    for name in ("lab", "other"):
        host.do("topology", name=name, state="absent")
    assert not host.sh(f"ls -d {FOLDER} || true")


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_regular_file_in_the_locks_place_is_refused(host: Host, odd: str) -> None:
    host.sh(f"mkdir {FOLDER}; {odd.replace('{}', LOCK)}")
    before = snapshot(host)
    wrong = f"cannot lock the network in the host: {LOCK} is {ODD[odd]}, and a regular file is right"
    assert run(host, name="lab", config=STAR) == wrong
    assert run(host, "netns", name="ns1") == wrong
    assert snapshot(host) == before
    host.sh(f"rm -r {LOCK}")
    apply(host, STAR)


@pytest.mark.parametrize("odd", NO_DIRECTORY)
def test_what_is_no_directory_in_the_folders_place_is_refused(host: Host, odd: str) -> None:
    host.sh(odd.replace("{}", FOLDER))
    before = snapshot(host)
    wrong = f"{FOLDER} is {NO_DIRECTORY[odd]}, and a directory is right"
    assert run(host, name="lab", config=STAR) == f"cannot lock the network in the host: {wrong}"
    assert run(host, "netns", name="ns1") == f"cannot lock the network in the host: {wrong}"
    for module, options in {"topology": {"name": "lab", "config": STAR}, "topology_info": {}}.items():
        assert run(host, module, check=True, **options) == f"cannot read the ledgers in the host: {wrong}"
    assert snapshot(host) == before


@pytest.mark.parametrize("odd", NO_DIRECTORY)
def test_what_is_no_directory_in_the_ledgers_place_is_refused(host: Host, odd: str) -> None:
    host.sh(f"mkdir {FOLDER}; {odd.replace('{}', LEDGERS)}")
    before = snapshot(host)
    wrong = f"cannot read the ledgers in the host: {LEDGERS} is {NO_DIRECTORY[odd]}, and a directory is right"
    for check in (True, False):
        for options in ({"config": STAR}, {"state": "absent"}):
            assert run(host, check=check, name="lab", **options) == wrong
    assert run(host, "topology_info") == wrong
    assert snapshot(host) == before


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("file", ["lab.json", "lab.json.new"])
def test_what_is_no_regular_file_in_a_ledgers_place_is_refused(host: Host, odd: str, file: str) -> None:
    path = f"{LEDGERS}/{file}"
    host.sh(f"mkdir -p {LEDGERS}; {odd.replace('{}', path)}")
    before = snapshot(host)
    wrong = f"cannot read the ledger of topology lab in the host: {path} is {ODD[odd]}, and a regular file is right"
    for check in (True, False):
        for options in ({"config": STAR}, {"state": "absent"}):
            message = run(host, check=check, name="lab", **options)
            assert message.startswith(wrong), message
            assert message.endswith(f"to go on without it: rm -r {path}"), message
    assert snapshot(host) == before
    host.sh(f"rm -r {path}")
    apply(host, STAR)


def child(work: Callable[[], str]) -> tuple[int, str]:
    """A process that stays when it has done something; its number, and what it has to tell of that."""
    heard, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            call(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
            os.write(tell, work().encode())
            signal.pause()
        finally:
            os._exit(1)
    os.close(tell)
    told = os.read(heard, 400).decode()
    os.close(heard)
    return pid, told


def end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def hold(host: Host) -> str:
    """Takes the lock as a run does; the number that the process has for itself."""
    host._enter()
    HELD.enter_context(_lock.lock("topology other"))
    return str(os.getpid())


def in_a_pid_namespace(work: Callable[[], str]) -> str:
    """Work done as number 1 of a new PID namespace, and told with the number that this has outside of it."""
    call(libc.unshare(CLONE_NEWPID))
    pid, told = child(work)
    return f"{pid} {told}"


def test_a_holder_in_a_pid_namespace_has_the_number_that_it_has_here(host: Host) -> None:
    parent, told = child(lambda: in_a_pid_namespace(lambda: hold(host)))
    number, inside = told.split()
    assert inside == "1"
    message = run(host, name="lab", config=STAR)
    os.kill(int(number), signal.SIGKILL)
    end(parent)
    assert message == f"process {number} (topology other) {BUSY}"
    apply(host, STAR)


def test_a_holder_that_cannot_be_seen_has_no_number(host: Host) -> None:
    holder, dummy = child(lambda: hold(host))
    asking, told = child(lambda: in_a_pid_namespace(lambda: run(host, name="lab", config=STAR)))
    end(asking)
    end(holder)
    number, dummy, message = told.partition(" ")
    os.kill(int(number), signal.SIGKILL)
    assert message == f"a process of another PID namespace (topology other) {BUSY}"


def test_a_holder_that_was_killed_is_not_named_in_place_of_the_next(host: Host) -> None:
    """Who is killed leaves the file, and who holds the lock next has not written to it yet."""

    def hold_alone() -> str:
        host._enter()
        fcntl.flock(os.open(FOLDER, os.O_RDONLY), fcntl.LOCK_EX)
        return "held"

    end(child(lambda: hold(host))[0])
    host.sh(f"test -s {LOCK}")
    holder, dummy = child(hold_alone)
    message = run(host, name="lab", config=STAR)
    end(holder)
    assert message == f"another process {BUSY}"


@pytest.mark.parametrize("file", ["", "/.record.json", "/.record.json.new"])
def test_what_is_odd_in_the_place_of_the_sandboxes_records_is_refused(host: Host, file: str) -> None:
    path = f"{FOLDER}/sandboxes{file}"
    host.sh(f"mkdir -p $(dirname {path}); mkfifo {path}")
    right = "a regular file" if file else "a directory"
    for check in (True, False):
        message = run(host, "sandbox", check=check, names=["rack1"])
        assert message.endswith(f"{path} is a FIFO, and {right} is right"), message
    assert not host.sh("ip netns list")
