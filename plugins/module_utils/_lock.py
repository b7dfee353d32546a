# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One writer at a time on a host."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ._errors import KernelError

DIRECTORY = "/run/nsfabric"
PATH = os.path.join(DIRECTORY, "lock")
SECONDS = 120.0
INTERVAL = 0.02


class Busy(Exception):
    """Another run holds the lock for longer than we wait."""


@contextmanager
def lock(purpose: str, seconds: float = SECONDS) -> Iterator[None]:
    """Holds the host's lock. The kernel releases it when its holder dies, however it dies."""
    descriptor = _acquire(seconds)
    try:
        os.ftruncate(descriptor, 0)
        # Without room for it the others are told of another process.
        with suppress(OSError):
            os.pwrite(descriptor, f"process {os.getpid()} ({purpose})\n".encode(), 0)
        yield
    finally:
        # Nothing is left behind; whoever waits on the unlinked file sees that and opens the next one.
        os.unlink(PATH)
        with suppress(OSError):
            os.rmdir(DIRECTORY)
        os.close(descriptor)


def _acquire(seconds: float) -> int:
    end = time.monotonic() + seconds
    while True:
        descriptor = _open()
        if _try(descriptor):
            return descriptor
        holder = os.pread(descriptor, 4096, 0).decode(errors="replace").strip() or "another process"
        os.close(descriptor)
        if time.monotonic() > end:
            raise Busy(f"{holder} has been changing this host's network for {seconds:g} seconds; try again later")
        time.sleep(INTERVAL)


def _open() -> int:
    try:
        while True:
            # Its last user may remove the folder at any moment: not with makedirs, which looks twice.
            with suppress(FileExistsError):
                os.mkdir(DIRECTORY, 0o700)
            with suppress(FileNotFoundError):
                return os.open(PATH, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        said = error.strerror or str(error)
        hint = f"make {DIRECTORY} writable: locks and ledgers are there"
        raise KernelError("lock the network", "", said, hint) from None


def _try(descriptor: int) -> bool:
    """Whether the lock is ours now, and still the one that others will find."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    try:
        return os.stat(PATH).st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False
