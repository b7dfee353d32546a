# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who uses a namespace: the kernel does not tell, but every process's files and the mounts do."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress

from .session import nsfs


def of(numbers: AbstractSet[int]) -> dict[int, list[str]]:
    """What refers to namespaces in other processes, of each that is used: a thread's own, or a descriptor."""
    found: dict[int, list[str]] = {}
    for process in os.listdir("/proc") if numbers else ():
        if process.isdigit() and int(process) != os.getpid():
            for path in _handles(f"/proc/{process}"):
                number = namespace_of(path)
                if number in numbers:
                    found.setdefault(number, []).append(path)
    return found


def names(numbers: AbstractSet[int]) -> dict[int, str]:
    """Where namespaces are mounted, of each that is: by that name it lives on."""
    found = {}
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as stream:
        for fields in map(str.split, stream):
            # What of the file system is mounted, and where.
            root, point = fields[3], fields[4]
            number = int(root[5:-1]) if root.startswith("net:[") else 0
            if number in numbers:
                found[number] = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), point)
    return found


def told(handles: Sequence[str]) -> str:
    """Whose handles these are, in words."""
    users = sorted({_process(handle) for handle in handles})
    return f"{', '.join(users[:8])} still {'uses' if len(users) == 1 else 'use'} it"


def namespace_of(path: str) -> int:
    """The number of the namespace that a file refers to; 0 if to something else."""
    try:
        found = os.stat(path)
    except OSError:
        return 0
    return found.st_ino if found.st_dev == nsfs() else 0


def _handles(process: str) -> Iterator[str]:
    with suppress(OSError):
        yield from (f"{process}/task/{thread}/ns/net" for thread in os.listdir(f"{process}/task"))
        yield from (f"{process}/fd/{number}" for number in os.listdir(f"{process}/fd"))


def _process(handle: str) -> str:
    """The process that a file below /proc belongs to."""
    number = handle.split("/")[2]
    try:
        with open(f"/proc/{number}/comm", encoding="utf-8", errors="replace") as stream:
            return f"{stream.read().strip()} (process {number})"
    except OSError:
        return f"process {number}"
