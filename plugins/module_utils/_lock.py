# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One writer at a time on a host.

It holds the lock of the folder, which stays when the file in it is removed. That file is for the others to read:
whoever works has locked it as well, in the way (POSIX) in which the kernel tells whose a lock is.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Optional

from . import _files
from ._errors import KernelError

DIRECTORY = "/run/nsfabric"
PATH = os.path.join(DIRECTORY, "lock")
SECONDS = 120.0
INTERVAL = 0.02
ATTEMPTED = "lock the network"
UNKNOWN = "another process"
# struct flock: kind, whence, start, length, process.
FLOCK = struct.Struct("hhqqi0q")


class Busy(Exception):
    """Another run holds the lock for longer than we wait."""


@contextmanager
def lock(purpose: str, seconds: float = SECONDS) -> Iterator[None]:
    """Holds the host's lock. The kernel releases it when its holder dies, however it dies."""
    with _told():
        folder = _acquire(seconds)
    try:
        with _told():
            note = _sign(purpose)
        try:
            yield
        finally:
            _leave(folder)
            os.close(note)
    finally:
        os.close(folder)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        said = error.strerror or str(error)
        hint = f"make {DIRECTORY} writable: locks and ledgers are there"
        raise KernelError(ATTEMPTED, "", said, hint) from None


def _acquire(seconds: float) -> int:
    end = time.monotonic() + seconds
    while True:
        folder = _open()
        if folder is not None and _try(folder):
            return folder
        late = time.monotonic() > end
        holder = _holder() if late else UNKNOWN
        if folder is not None:
            os.close(folder)
        if late:
            raise Busy(f"{holder} has been changing this host's network for {seconds:g} seconds; try again later")
        time.sleep(INTERVAL)


def _open() -> Optional[int]:
    """The folder; None where its last user has removed it meanwhile, as it may at any moment."""
    # Not with makedirs, which looks twice.
    with suppress(FileExistsError):
        os.mkdir(DIRECTORY, 0o700)
    _files.require(DIRECTORY, _files.DIRECTORY, ATTEMPTED)
    try:
        folder = os.open(DIRECTORY, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    # Whoever can open it can lock it.
    os.fchmod(folder, 0o700)
    return folder


def _try(folder: int) -> bool:
    """Whether the lock is ours now, and still the one that others will find."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return _is_named(folder)


def _is_named(folder: int) -> bool:
    """Whether it is the folder that others find, and no former one."""
    try:
        return os.path.samestat(os.stat(DIRECTORY), os.fstat(folder))
    except FileNotFoundError:
        return False


def _sign(purpose: str) -> int:
    """Tells the others who works, and at what."""
    _files.require(PATH, _files.FILE, ATTEMPTED)
    note = os.open(PATH, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    # Without room for it the others are told of the process alone.
    with suppress(OSError):
        fcntl.lockf(note, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.pwrite(note, f"{purpose}\n".encode(), 0)
    return note


def _leave(folder: int) -> None:
    """Nothing is left behind; whoever waits for the folder that went sees that and opens the next one."""
    # Where somebody has removed it, the one of its name is another run's.
    if _is_named(folder):
        for remove, path in ((os.unlink, PATH), (os.rmdir, DIRECTORY)):
            with suppress(OSError):
                remove(path)


def _holder() -> str:
    """Who works, by the number that it has for us; that is 0 where it has none in our PID namespace."""
    try:
        _files.require(PATH, _files.FILE, ATTEMPTED)
        with open(PATH, encoding="utf-8", errors="replace") as note:
            purpose = note.read().strip()
            asked = FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, *dummy, number = FLOCK.unpack(fcntl.fcntl(note, fcntl.F_GETLK, asked))
    except (OSError, KernelError):
        return UNKNOWN
    if kind == fcntl.F_UNLCK:
        return UNKNOWN
    who = f"process {number}" if number else "a process of another PID namespace"
    return f"{who} ({purpose})" if purpose else who
