# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of our own below /run: what stands in their places, and how they are written."""

from __future__ import annotations

import os
import stat

from ._errors import KernelError

FILE, DIRECTORY = stat.S_IFREG, stat.S_IFDIR
NAMES = {
    FILE: "a regular file",
    DIRECTORY: "a directory",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


def require(path: str, right: int, attempted: str, hint: str = "") -> None:
    """Refuses what is neither right at a path nor nothing: opening a FIFO waits, and a link leads elsewhere."""
    try:
        found = stat.S_IFMT(os.lstat(path).st_mode)
    except FileNotFoundError:
        return
    if found != right:
        raise KernelError(attempted, "", f"{path} is {NAMES[found]}, and {NAMES[right]} is right", hint)


def new(path: str) -> str:
    """Where a file is written before it takes its place."""
    return f"{path}.new"


def write(path: str, text: str) -> None:
    """Writes a file so that it is whole or not there at all."""
    with open(new(path), "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.rename(new(path), path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
