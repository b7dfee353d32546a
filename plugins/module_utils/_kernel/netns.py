# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Namespaces: made and deleted as iproute2 does, so that both can be mixed."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from functools import partial
from typing import NamedTuple, Optional

from .._errors import KernelError
from .._model.link import DeleteLink
from .._model.netns import CreateNetns, DeleteNetns
from .._model.state import HOST, End
from .._signals import check, commit
from . import netlink, users, wait
from .link import IFF_UP
from .netlink import Request
from .session import NETNS_DIRECTORY, THIS_NAMESPACE, Session, inode, is_mounted, system_call

MS_BIND, MS_REC, MS_SHARED = 0x1000, 0x4000, 0x100000
MNT_DETACH = 2
LO_INDEX = 1
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


def is_live(path: str) -> bool:
    """Whether a namespace is mounted on a file; a file that was just made is given the time to become one."""

    def known() -> bool:
        try:
            return is_mounted(path) or not 0 <= time.time() - os.stat(path).st_mtime < MOUNT_SECONDS
        except FileNotFoundError:
            return True

    wait.until(known, MOUNT_SECONDS)
    try:
        return is_mounted(path)
    except FileNotFoundError:
        return False


def create(session: Session, actions: list[CreateNetns]) -> None:
    """Makes namespaces; one that another process makes at the same time is found, not an error."""
    with _told(actions[0].what()), _shared_directory():
        pass
    for action in actions:
        with _told(action.what()):
            _create(session, session.path(action.name))


@contextmanager
def _told(attempted: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KernelError(attempted, HOST, error.strerror or str(error)) from error


def _create(session: Session, path: str) -> None:
    # Unshared before the file is made: others see the plain file for microseconds instead of half a millisecond.
    with session.scratch():
        while True:
            try:
                _mount_namespace(THIS_NAMESPACE, path)
                return
            except FileExistsError:
                if is_live(path):
                    return
                if os.path.lexists(path):
                    raise


def _mount_namespace(source: str, path: str) -> None:
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o000))
    try:
        mount(source, path, "none", MS_BIND)
    except OSError:
        os.unlink(path)
        raise


def clear(session: Session, names: Iterable[str]) -> None:
    """Deletes the files of namespaces that a killed run was just about to mount, or had just unmounted."""
    for path in map(session.path, names):
        with suppress(FileNotFoundError):
            found = os.lstat(path)
            if stat.S_ISREG(found.st_mode) and not found.st_size and not is_live(path):
                os.unlink(path)


class _Leaving(NamedTuple):
    """A namespace without its name: its number, and the numbers of the devices outside that die with it."""

    name: str
    path: str
    number: int
    far_ends: tuple[tuple[End, int], ...]

    def is_gone(self, session: Session) -> bool:
        return not self.left(session)

    def left(self, session: Session) -> list[End]:
        return [end for end, index in self.far_ends if session.socket(end.netns).index(end.name) == index]

    def cut(self, session: Session) -> None:
        """Deletes what is left of the cables."""
        for end, index in self.far_ends:
            if end in self.left(session):
                session.socket(end.netns).send(
                    [Request(netlink.ifinfmsg, netlink.RTM_DELLINK, 0, {"index": index}, ())]
                )


class Going:
    """Namespaces that have lost their names, and that the kernel is taking down in the background.

    `bridges` are those that are to be deleted next.
    """

    def __init__(self, session: Session, bridges: Sequence[DeleteLink] = ()) -> None:
        self.session = session
        self._bridges = bridges
        self._leaving: list[_Leaving] = []
        self._is_told = True

    def delete(self, actions: Sequence[DeleteNetns]) -> None:
        """Unmounts namespaces, and gives all of them their names back if one cannot go, or the run is to end.

        The sockets inside keep all of them alive until the last has lost its name: beside a kernel that takes
        namespaces down, to unmount another one takes a hundred times as long.
        """
        deleted = {action.name for action in actions}
        leaving = [_look(self.session, action, deleted) for action in actions]
        unmounted: list[_Leaving] = []
        try:
            for action, each in zip(actions, leaving):
                with _told(action.what()):
                    if each and _unmount(each):
                        unmounted.append(each)
            _await_users(unmounted)
            check()
        except BaseException:
            for each in unmounted:
                _mount_again(self.session, each)
            raise
        if any(action.unseen for action in actions):
            commit()
        self._take_bridges_down()
        for action in actions:
            self.session.leave(action.name)
        self._leaving += unmounted

    def _take_bridges_down(self) -> None:
        """A bridge that is down loses its ports to the namespaces in half the time."""
        for action in (each for each in self._bridges if _open(self.session, each.netns)):
            route = self.session.socket(action.netns)
            header = {"index": route.index(action.name), "flags": 0, "change": IFF_UP}
            route.send([Request(netlink.ifinfmsg, netlink.RTM_SETLINK, 0, header, ())])

    def wait(self) -> None:
        """Until the far ends of their cables are gone as well."""
        end = time.monotonic() + VANISH_SECONDS
        leaving, self._leaving = self._leaving, []
        self._is_told = self._is_told and not leaving
        held = [each for each in leaving if not wait.until(partial(each.is_gone, self.session), end - time.monotonic())]
        used = users.of({each.number for each in held})
        for each in held:
            if each.number in used:
                _give_back(each, used[each.number])
            else:
                # A socket holds it, of a process that is elsewhere: nobody can reach what is in it any more.
                each.cut(self.session)
        if used:
            one = next(each for each in held if each.number in used)
            raise _used(one.name, users.told(used[one.number]))

    def be_told(self) -> None:
        """Until others know of the devices that went: a bridge that they were ports of has its own MTU again.

        The kernel takes a device's name away first and tells others afterwards; who changes a link waits for both.
        """
        if not self._is_told:
            self.session.socket(HOST).send([Request(netlink.ifinfmsg, netlink.RTM_SETLINK, 0, {"index": LO_INDEX}, ())])
            self._is_told = True


def _look(session: Session, action: DeleteNetns, deleted: AbstractSet[str]) -> Optional[_Leaving]:
    """A namespace that is to leave; None where another process has just deleted it."""
    path = session.path(action.name)
    outside = [end for end in action.far_ends if end.netns not in deleted and _open(session, end.netns)]
    far_ends = [(end, session.socket(end.netns).index(end.name)) for end in outside]
    with _told(action.what()):
        try:
            number = inode(path)
        except FileNotFoundError:
            return None
    return _Leaving(action.name, path, number, tuple((end, index) for end, index in far_ends if index))


def _unmount(leaving: _Leaving) -> bool:
    """Takes a namespace's name away; False where another process has just done it."""
    try:
        unmount(leaving.path)
        os.unlink(leaving.path)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EINVAL):
            raise
        return False
    return True


def _open(session: Session, name: str) -> bool:
    return name == HOST or os.path.exists(session.path(name))


def _await_users(leaving: Sequence[_Leaving]) -> None:
    """Until nobody else is in a namespace with cables that lead out of it, or holds it open."""
    numbers = {each.number for each in leaving if each.far_ends}
    others = users.names(numbers) if numbers else {}
    for one in leaving:
        if one.number in others:
            raise _used(one.name, f"{others[one.number]} is another name of it", "take that away first")
    end = time.monotonic() + VANISH_SECONDS
    found = users.of(numbers)
    while found:
        if not wait.until(partial(_are_free, found), end - time.monotonic()):
            one = next(each for each in leaving if each.number in found)
            raise _used(one.name, users.told(found[one.number]))
        found = users.of(numbers)


def _are_free(found: Mapping[int, Sequence[str]]) -> bool:
    check()
    return not any(users.namespace_of(path) == number for number, paths in found.items() for path in paths)


def _used(name: str, told: str, right: str = "end what uses it first") -> KernelError:
    return KernelError(f"delete namespace {name}", HOST, told, right)


def _mount_again(session: Session, leaving: _Leaving) -> None:
    """Gives a namespace that the session still holds its name back."""
    with suppress(OSError, KernelError), session.held(leaving.name) as descriptor:
        _mount_namespace(f"/proc/self/fd/{descriptor}", leaving.path)


def _give_back(leaving: _Leaving, handles: Sequence[str]) -> None:
    """Gives a namespace that is still in use its name back."""
    for path in handles:
        with suppress(OSError):
            _mount_namespace(path, leaving.path)
            return
