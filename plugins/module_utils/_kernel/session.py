# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Namespaces of this host, and a netlink socket in each: opened on demand, closed together."""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from types import TracebackType
from typing import Callable, Optional

from .._errors import KernelError
from .._model.state import HOST, End, numbered
from . import netlink

NETNS_DIRECTORY = "/run/netns"
THIS_NAMESPACE = "/proc/thread-self/ns/net"
CLONE_NEWNET = 0x40000000
SIOCGSKNS = 0x894C
# Namespaces that messages on their way may refer to, and descriptors for everything but the sockets.
AT_ONCE = 16
RESERVE = 2 * AT_ONCE
UNLIMITED = 1 << 20
_libc = ctypes.CDLL(None, use_errno=True)


def system_call(result: int) -> int:
    """Raises OSError where a libc function failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def unshare_network() -> None:
    """Puts this thread into a new network namespace."""
    system_call(_libc.unshare(CLONE_NEWNET))


def set_network(descriptor: int) -> None:
    """Puts this thread into the network namespace that a descriptor refers to."""
    system_call(_libc.setns(descriptor, CLONE_NEWNET))


def in_netns_directory(name: str) -> str:
    """Where iproute2 mounts a namespace."""
    return os.path.join(NETNS_DIRECTORY, name)


class Session:
    """One module run's view of the host.

    `path_of` says where a namespace's name is mounted; a sandbox LAN keeps its own elsewhere.
    """

    def __init__(self, path_of: Optional[Callable[[str], str]] = None) -> None:
        self._path_of = path_of or in_netns_directory
        self._limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        hard = self._limit[1]
        self._room = _room(hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self._host = os.open(THIS_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
        self._descriptors: dict[str, int] = {}
        self._sockets: dict[str, netlink.Route] = {}
        self._kept: dict[str, int] = {}

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        for name in [*self._descriptors, *self._sockets, *self._kept]:
            self.leave(name)
        os.close(self._host)
        resource.setrlimit(resource.RLIMIT_NOFILE, self._limit)

    def path(self, name: str) -> str:
        return self._path_of(name)

    def host_inode(self) -> int:
        """The number of the host's own namespace."""
        return os.fstat(self._host).st_ino

    def number(self, name: str) -> int:
        """The number of a namespace; 0 where there is none."""
        return numbered(*birth(self.path(name))) if _is_live(self.path(name)) else 0

    def ground(self, end: End) -> int:
        """The number of a device, or with no device's name of a namespace; 0 where there is none."""
        number = self.number(end.netns) if end.netns else self.host_inode()
        return self.socket(end.netns).index(end.name) if number and end.name else number

    def device(self, netns: str, number: int) -> str:
        """The name of the device that has a number in a namespace; "" where there is none."""
        return self.socket(netns).name(number) if netns == HOST or self.number(netns) else ""

    def named(self) -> list[str]:
        """Every live namespace below /run/netns, sorted; none where names are mounted elsewhere."""
        if self._path_of is not in_netns_directory:
            return []
        with suppress(FileNotFoundError):
            return sorted(name for name in os.listdir(NETNS_DIRECTORY) if _is_live(self.path(name)))
        return []

    def descriptor(self, name: str) -> int:
        """An open descriptor of a namespace, for a message; it keeps the namespace alive until `release`."""
        if name == HOST:
            return self._host
        if name not in self._descriptors:
            self._descriptors[name] = self._open(name)
        return self._descriptors[name]

    @property
    def is_full(self) -> bool:
        """Whether the messages that need the descriptors should leave, to make room for others."""
        return len(self._descriptors) >= AT_ONCE

    def release(self) -> None:
        """Closes the descriptors: the messages that needed them have left."""
        for name in list(self._descriptors):
            os.close(self._descriptors.pop(name))

    @contextmanager
    def opened(self, name: str) -> Iterator[int]:
        """A descriptor of a namespace for the length of the body."""
        if name == HOST or name in self._descriptors:
            yield self.descriptor(name)
            return
        if name in self._kept:
            yield self._kept[name]
            return
        descriptor = self._open(name)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int:
        try:
            return os.open(self.path(name), os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise KernelError(f"open namespace {name}", HOST, error.strerror or str(error)) from error

    def socket(self, name: str) -> netlink.Route:
        """The netlink socket inside a namespace. Where there is no room for all of them, the oldest gives way."""
        if name not in self._sockets:
            others = [other for other in self._sockets if other != HOST] if len(self._sockets) >= self._room else ()
            if others:
                self._sockets.pop(others[0]).close()
            with self.enter(name):
                self._sockets[name] = netlink.Route()
        return self._sockets[name]

    @contextmanager
    def enter(self, name: str) -> Iterator[None]:
        """Runs the body inside a namespace; child processes inherit it."""
        if name == HOST:
            yield
            return
        with self.opened(name) as descriptor:
            try:
                set_network(descriptor)
            except OSError as error:
                raise KernelError(f"enter namespace {name}", HOST, error.strerror or str(error)) from error
        try:
            yield
        finally:
            set_network(self._host)

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """Runs the body inside a new namespace that vanishes afterwards."""
        unshare_network()
        try:
            yield
        finally:
            set_network(self._host)

    def keep(self, name: str) -> None:
        """Keeps a namespace alive until `leave`, with its name or without, as far as there is room."""
        if name not in self._sockets and name not in self._kept and len(self._sockets) + len(self._kept) < self._room:
            self._kept[name] = self._open(name)

    @contextmanager
    def held(self, name: str) -> Iterator[int]:
        """A descriptor of a namespace that is kept alive, with its name or without, for the length of the body."""
        if name in self._kept:
            yield self._kept[name]
            return
        if name not in self._sockets:
            raise KernelError(f"open namespace {name}", HOST, "nothing is open in it")
        descriptor = fcntl.ioctl(self._sockets[name], SIOCGSKNS)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def leave(self, name: str) -> None:
        """Closes what is open of a namespace: it could not vanish otherwise."""
        if name in self._kept:
            os.close(self._kept.pop(name))
        if name in self._sockets:
            self._sockets.pop(name).close()
        if name in self._descriptors:
            os.close(self._descriptors.pop(name))


def _room(limit: int) -> int:
    """How many sockets there may be, beside all that a run opens otherwise."""
    used = len(os.listdir("/proc/self/fd"))
    if limit == resource.RLIM_INFINITY:
        return UNLIMITED
    if limit - used - RESERVE < 2:
        raise KernelError(
            "open namespaces",
            HOST,
            f"the limit of open files is {limit}, and {used} are open",
            f"raise it: ulimit -n {used + 2 * RESERVE}",
        )
    return limit - used - RESERVE


def is_mounted(path: str) -> bool:
    """Whether a file is a namespace (nsfs) and not a stale plain file."""
    return os.stat(path).st_dev == nsfs()


@cache
def nsfs() -> int:
    """The number of the kernel's file system of namespaces."""
    return os.stat(THIS_NAMESPACE).st_dev


def inode(path: str) -> int:
    return os.stat(path).st_ino


def birth(path: str) -> tuple[int, int]:
    """A namespace's inode, and when it was made, in nanoseconds: it lives as long as the namespace has its name."""
    found = os.stat(path)
    return found.st_ino, found.st_ctime_ns


def _is_live(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode) and is_mounted(path)
    except FileNotFoundError:
        return False
