# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledgers of this host's topologies.

One JSON file for each topology, in a folder that is gone at reboot like the namespaces themselves. It is
written before anything changes, so that a run that is killed can be finished or undone by the next one.
"""

from __future__ import annotations

import json
import os
import zlib
from contextlib import suppress
from typing import Optional

from . import _files
from ._errors import KernelError
from ._lock import DIRECTORY
from ._model.ledger import VERSION, Ledger
from ._model.touched import Touched

FOLDER = os.path.join(DIRECTORY, "topologies")


def path_of(name: str) -> str:
    return os.path.join(FOLDER, f"{name}.json")


def names() -> list[str]:
    """Every topology recorded on this host."""
    _require_folders()
    try:
        files = os.listdir(FOLDER)
    except FileNotFoundError:
        return []
    return sorted(name[: -len(".json")] for name in files if name.endswith(".json"))


def load(name: str, host: str) -> Optional[Ledger]:
    """A topology's ledger; None where there is none, or where it is another boot's or another host's."""
    attempted, hint = f"read the ledger of topology {name}", "what it had made is not known then; to go on without it: "
    _require_folders()
    place = _files.new(path_of(name))
    _files.require(place, _files.FILE, attempted, f"the next one is written there; to go on without it: rm -r {place}")
    _files.require(path_of(name), _files.FILE, attempted, f"{hint}rm -r {path_of(name)}")
    try:
        with open(path_of(name), encoding="utf-8") as stream:
            data = json.load(stream)
        if data["host"] != host:
            return None
        told = data.pop("sum", None)
        if data["version"] != VERSION:
            wrong = f"it is of version {data['version']}, and this release reads version {VERSION}"
        elif data["name"] != name or told != _sum(json.dumps(data)):
            wrong = "it is damaged"
        else:
            return Ledger(**{**data, "objects": [Touched(**item) for item in data["objects"]]})
    except FileNotFoundError:
        return None
    except OSError as error:
        # Too many open files, no memory: it may be whole, and what it knows is known nowhere else.
        cause = "that says nothing of the ledger, which is needed; mend the cause, and run again"
        raise KernelError(attempted, "", error.strerror or str(error), cause) from error
    except (AttributeError, ValueError, TypeError, KeyError):
        wrong = "it is damaged"
    raise KernelError(attempted, "", wrong, f"{hint}rm {path_of(name)}")


def _require_folders() -> None:
    for folder in (os.path.dirname(FOLDER), FOLDER):
        _files.require(folder, _files.DIRECTORY, "read the ledgers")


def _sum(written: str) -> int:
    """Of a ledger as it was written: what is in it is believed, and needs no other check."""
    return zlib.crc32(written.encode())


def save(ledger: Ledger, stands: str = "") -> None:
    """Writes a ledger so that it is whole or not there at all; `stands` tells what is true without it."""
    try:
        _save(ledger)
    except OSError as error:
        with suppress(OSError):
            os.unlink(_files.new(path_of(ledger.name)))
        said = error.strerror or str(error)
        attempted, hint = f"write the ledger {path_of(ledger.name)}", f"{stands}make room for it, and run again"
        raise KernelError(attempted, "", said, hint) from error


def _save(ledger: Ledger) -> None:
    os.makedirs(FOLDER, mode=0o700, exist_ok=True)
    written = json.dumps({**vars(ledger), "objects": [item.record for item in ledger.objects]})
    _files.write(path_of(ledger.name), f'{written[:-1]}, "sum": {_sum(written)}}}')


def forget(name: str) -> None:
    """Removes a ledger; nothing of its topology is left."""
    for path in (path_of(name), _files.new(path_of(name))):
        with suppress(FileNotFoundError):
            os.unlink(path)
    with suppress(OSError):
        os.rmdir(FOLDER)


def this_host(namespace: int) -> str:
    """A boot of a machine and a network namespace of it."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:
        return f"{stream.read().strip()}:{namespace}"
