# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sysctls: /proc/sys/net follows the network namespace of the thread that opens it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from typing import Optional

from .._errors import KernelError
from .._model.netns_sysctl_actions import WriteSysctl
from .._model.netns_sysctl_keys import EVERYWHERE, PER_DEVICE, Key, device_of, ipv6_mtu, key_name, normal
from .._model.state import HOST, LO, Sysctl
from . import link, wait
from .session import Session

ROOT = "/proc/sys"
Settings = dict[Key, bytes]
# Longer than what stands in any key of a device.
LENGTH = 4096
# The kernel's link watch works once a second at least.
PATIENCE = 5.0
HINTS = {
    errno.EINVAL: "the kernel does not take this value",
    errno.ERANGE: "the kernel does not take this value",
    errno.ENOENT: "the kernel knows nothing of that name; a module may have to be loaded first",
}


def read(session: Session, netns: str, keys: set[Key]) -> dict[Key, Sysctl]:
    """The keys asked for, as they are seen inside a namespace."""
    with session.enter(netns):
        found = {key: read_here(key) for key in expand(keys)}
    for key, sysctl in found.items():
        if not sysctl.exists and netns != HOST and os.path.exists(_path(key)):
            found[key] = replace(sysctl, on_host=device_of(key) is None)
    return found


def read_settings(session: Session, leaving: Mapping[str, AbstractSet[str]]) -> dict[str, dict[Key, Sysctl]]:
    """The keys of devices that differ from what new ones have, and that, by namespace.

    Where a device without a name is among them, those of the namespace as a whole as well.
    """
    found: dict[str, dict[Key, Sysctl]] = {}
    new: Settings = {}
    if any("" in devices for devices in leaving.values()):
        with session.scratch():
            new = _of_namespace()
    for netns, devices in leaving.items():
        with session.enter(netns):
            keys = list(_of_devices(devices - {""}))
            if "" in devices:
                keys += [key for key, text in _of_namespace().items() if text != new.get(key)]
            found[netns] = {key: setting for key in keys if (setting := read_here(key)).writable}
    return found


def _of_namespace() -> Settings:
    """What stands in all keys that are not one device's."""
    found = {}
    for folder, folders, names in os.walk(_path(("net",))):
        parts = tuple(folder.split("/")[3:])
        if parts[-1] in PER_DEVICE:
            folders[:] = EVERYWHERE
        for name, text in _contents(parts, names).items():
            found[(*parts, name)] = text
    return found


def _of_devices(devices: AbstractSet[str]) -> Iterator[Key]:
    """The keys of devices that differ from what new ones have, each with the one that says what that is."""
    for tree in (("net", family, part) for family in ("ipv4", "ipv6") for part in PER_DEVICE):
        # Only the machine's initial namespace shows all that neighbours start with.
        new = {**_contents((*tree, LO)), **_contents((*tree, "default"))}
        for device in devices:
            for name, text in _contents((*tree, device)).items():
                if text != new.get(name):
                    yield (*tree, device, name)
                    yield (*tree, "default", name)


def _contents(folder: Key, names: Optional[Sequence[str]] = None) -> dict[str, bytes]:
    """What stands in files of a folder, or in each, that can be read."""
    found = {}
    try:
        directory = os.open(_path(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return {}
    try:
        for name in os.listdir(directory) if names is None else names:
            with suppress(OSError):
                descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
                try:
                    found[name] = os.read(descriptor, LENGTH)
                finally:
                    os.close(descriptor)
    finally:
        os.close(directory)
    return found


def expand(keys: set[Key]) -> set[Key]:
    """Keys with "*" for a device, one for every device of the namespace the thread is in."""
    found = set()
    for key in keys:
        if "*" not in key:
            found.add(key)
            continue
        folder = _path(key[: key.index("*")])
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            found.add(tuple(name if part == "*" else part for part in key))
    return found


def read_here(key: Key) -> Sysctl:
    """One key in the namespace the thread is in."""
    path = _path(key)
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = 0
    if not stat.S_ISREG(mode):
        return Sysctl(exists=False, tree_exists=os.path.exists(_path(key[:2])))
    value = None
    if mode & 0o444:
        try:
            with open(path, encoding="utf-8") as stream:
                value = normal(stream.read(), key)
        except OSError as error:
            # A secret that was never set has no value.
            if error.errno != errno.EIO:
                raise
    read_only = bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    return Sysctl(value, True, bool(mode & 0o444), bool(mode & 0o222), read_only)


def write(session: Session, action: WriteSysctl) -> None:
    """Writes a key inside a namespace."""
    device = device_of(action.key)
    if device and action.key == ipv6_mtu(device):
        # When the carrier of a device that came up is noticed, the kernel sets this key to the device's MTU.
        wait.until(lambda: link.is_settled(session, action.netns, device), PATIENCE)
    with session.enter(action.netns):
        try:
            descriptor = os.open(_path(action.key), os.O_WRONLY | os.O_CLOEXEC)
            try:
                # With its line end: writing nothing would not reach the kernel. One call alone: older kernels say of
                # ignore_routes_with_linkdown that they took one byte, and refuse a line end that comes after it.
                os.write(descriptor, f"{action.value}\n".encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            attempted = f"set {key_name(action.key)} to {action.value!r}"
            said, hint = error.strerror or str(error), HINTS.get(error.errno or 0, "")
            raise KernelError(attempted, action.netns, said, hint) from error


def _path(key: Key) -> str:
    return os.path.join(ROOT, *key)
