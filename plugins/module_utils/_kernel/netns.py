# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Namespaces: made and deleted as iproute2 does, so that both can be mixed."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from .._errors import KernelError
from .._model.netns import CreateNetns, DeleteNetns
from .._model.state import HOST
from . import wait
from .session import NETNS_DIRECTORY, THIS_NAMESPACE, Session, inode, is_mounted, system_call, unshare_network

MS_BIND, MS_REC, MS_SHARED = 0x1000, 0x4000, 0x100000
MNT_DETACH = 2
# Another tool has made the file and is about to mount on it.
MOUNT_SECONDS = 2.0
# The kernel takes namespaces down in the background, with all their devices; 1000 of them take about a second.
VANISH_SECONDS = 15.0
_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """mount(2)."""
    words = (source.encode(), target.encode(), kind.encode())
    system_call(_libc.mount(*words, ctypes.c_ulong(flags), data.encode() or None))


def unmount(target: str) -> None:
    """umount2(2), lazily: what is still open lives on without a name."""
    system_call(_libc.umount2(target.encode(), MNT_DETACH))


@contextmanager
def _shared_directory() -> Iterator[None]:
    """The directory, locked and mounted as `ip netns add` does it: its mounts reach every mount namespace."""
    os.makedirs(NETNS_DIRECTORY, mode=0o755, exist_ok=True)
    directory = os.open(NETNS_DIRECTORY, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        try:
            mount("", NETNS_DIRECTORY, "none", MS_SHARED | MS_REC)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            # Not a mount point yet.
            mount(NETNS_DIRECTORY, NETNS_DIRECTORY, "none", MS_BIND | MS_REC)
            mount("", NETNS_DIRECTORY, "none", MS_SHARED | MS_REC)
        yield
    finally:
        os.close(directory)


def create(session: Session, actions: list[CreateNetns]) -> None:
    """Makes namespaces; one that another process makes at the same time is found, not an error."""
    try:
        with _shared_directory():
            pass
        for action in actions:
            _create(session, action.name)
    except OSError as error:
        raise KernelError("create a namespace", HOST, error.strerror or str(error)) from error


def _create(session: Session, name: str) -> None:
    path = session.path(name)
    # Unshared before the file is made: others see the plain file for microseconds instead of half a millisecond.
    with session.scratch():
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o000))
        except FileExistsError:
            if wait.until(lambda: is_mounted(path), MOUNT_SECONDS):
                return
            raise
        try:
            mount(THIS_NAMESPACE, path, "none", MS_BIND)
        except OSError:
            os.unlink(path)
            raise


def delete(session: Session, actions: list[DeleteNetns]) -> None:
    """Unmounts namespaces, then waits until the far ends of their cables are gone as well."""
    waiting = []
    for action in actions:
        path = session.path(action.name)
        number = inode(path)
        ends = [(end, session.socket(end.netns).index(end.name)) for end in action.far_ends if _open(session, end.netns)]
        session.leave(action.name)
        try:
            unmount(path)
            os.unlink(path)
        except OSError as error:
            raise KernelError(f"delete namespace {action.name}", HOST, error.strerror or str(error)) from error
        waiting.append((action, number, ends))
    deleted = {action.name for action in actions}
    for action, number, ends in waiting:
        left = [(end, index) for end, index in ends if index and end.netns not in deleted]

        def gone() -> bool:
            return all(session.socket(end.netns).index(end.name) != index for end, index in left)

        if not wait.until(gone, VANISH_SECONDS):
            raise KernelError(
                f"delete namespace {action.name}",
                HOST,
                f"its name is gone, but {', '.join(str(end) for end, _ in left)} still hang on it",
                _holders(number),
            )


def _open(session: Session, name: str) -> bool:
    return name == HOST or os.path.exists(session.path(name))


def _holders(number: int) -> str:
    """Which processes keep a namespace alive."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if inode(f"/proc/{pid}/ns/net") == number:
                with open(f"/proc/{pid}/comm", encoding="utf-8") as stream:
                    found.append(f"{stream.read().strip()} ({pid})")
        except OSError:
            continue
    if not found:
        return "something else holds it open (a descriptor or a mount elsewhere)"
    return "end what still runs in it: " + ", ".join(found[:8])
