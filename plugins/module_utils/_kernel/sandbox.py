# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sandbox hosts: namespaces pinned by mounts, so that they outlive every process.

The pins are below one shared mount: mount namespaces that are made later (a service's, a container's) get copies
of the pins, and these vanish with ours. A mount namespace's pin stands on a private mount, the only place where
the kernel takes it.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import re
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Callable, Optional

from .. import _files
from .._errors import KernelError
from .._model.sandbox import Found
from .._model.sandbox_actions import LAN, ROOT, CreateHost, RemoveAll, RemoveHost, folder, mnt_path, net_path, title
from .._model.sandbox_lan import Lan
from .._model.state import HOST
from . import wait
from .netns import MNT_DETACH, MS_BIND, MS_REC, MS_SHARED, VANISH_SECONDS, mount
from .session import NETNS_DIRECTORY, Session, inode, is_mounted, system_call, unshare_network

CLONE_NEWNS, CLONE_NEWUTS = 0x20000, 0x4000000
MS_PRIVATE, MS_SLAVE = 0x40000, 0x80000
RECORD = os.path.join(ROOT, ".record.json")
VERSION = 1
# Stands for: the folder of the machine's own namespaces, on which hosts mount theirs, is made by us.
MADE_DIRECTORY = os.path.join(ROOT, ".made-netns-directory")
STATE_DIRECTORY = os.path.dirname(ROOT)
# Given to processes that are ending already.
END_SECONDS = 3.0
# The source of a host's own tmpfs: it tells in every mount namespace that descends from the host's whose it is.
MARK = "nsfabric:"
NS_GET_MNTNS_ID = 0x8008B705
# How many numbers of namespaces a processor takes at a time.
NUMBERS = 4096
_libc = ctypes.CDLL(None, use_errno=True)


def find() -> Found:
    """What there is below the folder of the pins."""
    for place in (STATE_DIRECTORY, ROOT):
        _files.require(place, _files.DIRECTORY, "look for sandbox hosts")
    try:
        entries = os.listdir(ROOT)
    except FileNotFoundError:
        return Found(ipv6=_has_ipv6())
    names = {LAN if entry == ".lan" else entry for entry in entries if os.path.isdir(os.path.join(ROOT, entry))}
    live = frozenset(name for name in names if all(map(_is_pinned, _pins(name))))
    return Found(_load(), frozenset(names), live, True, _has_ipv6())


def _pins(name: str) -> tuple[str, ...]:
    return (net_path(name),) if name == LAN else (net_path(name), mnt_path(name))


def _is_pinned(path: str) -> bool:
    return os.path.exists(path) and is_mounted(path)


def _has_ipv6() -> bool:
    return os.path.isdir("/proc/sys/net/ipv6")


def _load() -> Optional[Lan]:
    for place in (_files.new(RECORD), RECORD):
        _files.require(place, _files.FILE, "read the record of the sandbox hosts")
    try:
        with open(RECORD, encoding="utf-8") as stream:
            data = json.load(stream)
    except FileNotFoundError:
        return None
    return Lan(**data["lan"]) if data["version"] == VERSION else None


def save(lan: Lan) -> None:
    """Writes down the LAN and its finished hosts, whole or not at all."""
    _files.write(RECORD, json.dumps({"version": VERSION, "lan": asdict(lan)}))


def create(session: Session, actions: Sequence[CreateHost]) -> None:
    """Makes and pins the namespaces of hosts."""
    try:
        _share_root()
        for action in actions:
            _create(action.name)
    except OSError as error:
        hint = "it needs CAP_SYS_ADMIN and the right to mount; run it as root, in a container privileged"
        raise KernelError("create a sandbox host", HOST, error.strerror or str(error), hint) from error


def _share_root() -> None:
    os.makedirs(ROOT, mode=0o700, exist_ok=True)
    try:
        mount("", ROOT, "none", MS_SHARED)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # Not a mount point yet.
        mount(ROOT, ROOT, "none", MS_BIND)
        mount("", ROOT, "none", MS_SHARED)
    if not os.path.isdir(NETNS_DIRECTORY):
        os.makedirs(NETNS_DIRECTORY, mode=0o755)
        os.close(os.open(MADE_DIRECTORY, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _create(name: str) -> None:
    os.mkdir(folder(name), 0o700)
    for path in _pins(name):
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o000))
    if name == LAN:
        with _separated(lambda: None) as namespaces:
            mount(f"{namespaces}/net", net_path(name), "none", MS_BIND)
        return
    mnt = mnt_path(name)
    mount(mnt, mnt, "none", MS_BIND)
    mount("", mnt, "none", MS_PRIVATE)
    with _separated(_furnish) as namespaces:
        mount(f"{namespaces}/net", net_path(name), "none", MS_BIND)
        mount(f"{namespaces}/mnt", mnt, "none", MS_BIND)


@contextmanager
def _separated(prepare: Callable[[], None]) -> Iterator[str]:
    """A new network namespace, held by a thread as long as the body runs: where /proc shows its namespaces.

    A thread, for this one must not leave its mount namespace, and nothing can pin its own.
    """

    def work() -> int:
        unshare_network()
        prepare()
        return threading.get_native_id()

    with ThreadPoolExecutor(max_workers=1) as pool:
        yield f"/proc/self/task/{pool.submit(work).result()}/ns"


def _unshare_mounts() -> None:
    """Puts the thread into a new mount namespace that can be pinned in the one it comes from.

    That takes a number above the other one's. Linux 6.18 hands the numbers out to each processor in batches, so
    that a new namespace may have a lower one; then the rest of the batch is used up.
    """
    outer = _mounts_number()
    system_call(_libc.unshare(CLONE_NEWNS))
    while _mounts_number() < outer:
        for dummy in range(NUMBERS):
            system_call(_libc.unshare(CLONE_NEWUTS))
        system_call(_libc.unshare(CLONE_NEWNS))


def _mounts_number() -> int:
    """The number of the thread's mount namespace; 0 on older kernels, where numbers only ever grow."""
    with open("/proc/thread-self/ns/mnt", "rb") as stream:
        try:
            answer = fcntl.ioctl(stream, NS_GET_MNTNS_ID, bytes(8))
        except OSError:
            return 0
    return int.from_bytes(answer, sys.byteorder)


def _furnish() -> None:
    """A mount namespace with what a host has of its own."""
    _unshare_mounts()
    mount("", "/", "none", MS_REC | MS_SLAVE)
    with open("/proc/thread-self/mountinfo", encoding="utf-8", errors="surrogateescape") as stream:
        mounts = [line.split() for line in stream]
    for fields in reversed(mounts):
        target = re.sub(r"\\(\d{3})", lambda found: chr(int(found[1], 8)), fields[4])
        kind = fields[fields.index("-") + 1]
        # A namespace that is mounted here as well could not vanish when it is deleted outside.
        if kind == "nsfs" or target in (ROOT, NETNS_DIRECTORY):
            with suppress(OSError):
                _unmount(target)
    mount("sysfs", "/sys", "sysfs", 0)
    mount("netns", NETNS_DIRECTORY, "tmpfs", 0, "mode=755")
    mount("", NETNS_DIRECTORY, "none", MS_SHARED)
    mount(f"{MARK}{inode('/proc/thread-self/ns/net')}", STATE_DIRECTORY, "tmpfs", 0, "mode=700")


def _unmount(target: str) -> None:
    system_call(_libc.umount2(os.fsencode(target), MNT_DETACH))


def remove(session: Session, actions: Sequence[RemoveHost]) -> None:
    """Takes pins away, and waits until the namespaces behind them are gone."""
    waiting: dict[str, dict[str, int]] = {}
    for action in actions:
        if action.name == LAN:
            _await(session, waiting)
        elif _is_pinned(net_path(LAN)):
            numbers = {port: session.socket(LAN).index(port) for port in action.ports}
            waiting[action.name] = {port: number for port, number in numbers.items() if number}
        _remove(session, action.name)
    _await(session, waiting)


def _remove(session: Session, name: str) -> None:
    session.leave(name)
    try:
        for path in _pins(name):
            _unmount_all(path)
        shutil.rmtree(folder(name))
    except OSError as error:
        raise KernelError(f"remove {title(name)}", HOST, error.strerror or str(error)) from error


def _unmount_all(target: str) -> None:
    """Unmounts whatever is mounted on a path; a mount namespace's pin stands on a mount of its own."""
    while os.path.exists(target):
        try:
            _unmount(target)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return
            raise


def _await(session: Session, waiting: dict[str, dict[str, int]]) -> None:
    while waiting:
        name, ports = waiting.popitem()

        def gone(ports: Mapping[str, int] = ports) -> bool:
            return all(session.socket(LAN).index(port) != number for port, number in ports.items())

        if not wait.until(gone, VANISH_SECONDS):
            hint = "a process holds it open by a descriptor or in a mount namespace (grep nsfs /proc/*/mountinfo)"
            said = f"its pins are gone, but {', '.join(ports)} on the LAN is still there"
            raise KernelError(f"remove {title(name)}", HOST, said, hint)


def remove_all(session: Session, actions: Sequence[RemoveAll]) -> None:
    """Takes away the mount that held the pins, and its folder."""
    try:
        _unmount_all(ROOT)
        if os.path.exists(MADE_DIRECTORY):
            with suppress(OSError):
                os.rmdir(NETNS_DIRECTORY)
        shutil.rmtree(ROOT)
    except OSError as error:
        raise KernelError(f"remove {ROOT}", HOST, error.strerror or str(error)) from error


def check_empty(names: Sequence[str]) -> None:
    """Raises where processes live in hosts; those that are just ending get a moment."""
    numbers = {inode(net_path(name)): name for name in names if _is_pinned(net_path(name))}
    found: dict[str, list[str]] = {}

    def empty() -> bool:
        found.clear()
        found.update(_occupants(numbers))
        return not found

    if numbers and not wait.until(empty, END_SECONDS):
        said = "; ".join(f"in {name} there still runs {', '.join(found[name][:8])}" for name in sorted(found))
        what = ", ".join(title(name) for name in sorted(found))
        raise KernelError(f"remove {what}", HOST, said, "end it first; nothing was changed")


def _occupants(numbers: Mapping[int, str]) -> dict[str, list[str]]:
    """The processes inside hosts: in a host's network namespace, or in a mount namespace that came from it."""
    found: dict[str, list[str]] = {}
    known: dict[int, set[str]] = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            network, mounts = inode(f"/proc/{pid}/ns/net"), inode(f"/proc/{pid}/ns/mnt")
            if mounts not in known:
                known[mounts] = _marked(pid, numbers)
            inside = known[mounts] | {numbers[number] for number in (network,) if number in numbers}
            if inside:
                with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as stream:
                    process = f"{stream.read().strip()} (process {pid})"
            for name in inside:
                found.setdefault(name, []).append(process)
        except OSError:
            continue
    return found


def _marked(pid: str, numbers: Mapping[int, str]) -> set[str]:
    """The hosts whose own mounts a process sees."""
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as stream:
        marks = re.findall(rf" {STATE_DIRECTORY} .* tmpfs {MARK}(\d+) ", stream.read())
    return {numbers[int(mark)] for mark in marks if int(mark) in numbers}
