# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledgers' folder: what is saved is loaded, whole, on the same host and boot alone."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils import _ledger
from ansible_collections.nsfabric.linux.plugins.module_utils._errors import KernelError
from ansible_collections.nsfabric.linux.plugins.module_utils._model.ledger import VERSION, Ledger
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touched import Touched

MADE = Touched("netns", None, {"name": "ns1", "state": "absent"})
FOUND = Touched("link", {"name": "eth0", "mtu": 1500}, {"name": "eth0", "state": "absent"})
CONFIG: dict[str, list[dict[str, Any]]] = {"netns": [{"name": "ns1"}], "link": [{"name": "eth0", "mtu": 1400}]}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "run" / "topologies"
    monkeypatch.setattr(_ledger, "FOLDER", str(path))
    return path


def ledger(**changes: Any) -> Ledger:
    return Ledger("lab", "boot:1", CONFIG, [MADE, FOUND], **changes)


def test_what_is_saved_is_loaded() -> None:
    _ledger.save(ledger(identities={"x": 5}, complete=True))
    assert _ledger.load("lab", "boot:1") == ledger(identities={"x": 5}, complete=True)
    assert _ledger.names() == ["lab"]


def test_it_is_whole_or_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _ledger.save(ledger())

    def fail(*dummy: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(KernelError, match=r"cannot write the ledger .*: no space left"):
        _ledger.save(ledger(complete=True))
    monkeypatch.undo()
    monkeypatch.setattr(_ledger, "FOLDER", str(folder))
    assert _ledger.load("lab", "boot:1") == ledger()
    assert _ledger.names() == ["lab"]


def test_only_root_can_read_it(folder: Path) -> None:
    _ledger.save(ledger())
    assert folder.stat().st_mode & 0o077 == 0


def test_another_boot_or_host_knows_nothing_of_it() -> None:
    _ledger.save(ledger())
    assert _ledger.load("lab", "boot:2") is None
    assert _ledger.load("other", "boot:1") is None


def test_another_version_is_not_read(folder: Path) -> None:
    _ledger.save(ledger())
    path = folder / "lab.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": VERSION + 1}))
    with pytest.raises(KernelError, match=f"it is of version {VERSION + 1}, and this release reads"):
        _ledger.load("lab", "boot:1")
    assert _ledger.load("lab", "boot:2") is None


@pytest.mark.parametrize(
    ("name", "value"), [("config", None), ("name", "other"), ("objects", [{"kind": "frob"}]), ("complete", True)]
)
def test_what_was_not_written_so_is_damaged(folder: Path, name: str, value: Any) -> None:
    _ledger.save(ledger())
    path = folder / "lab.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(KernelError, match=r"topology lab .*: it is damaged; .* rm .*/lab\.json"):
        _ledger.load("lab", "boot:1")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO])
def test_what_cannot_be_read_now_is_not_to_be_deleted(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    _ledger.save(ledger())

    def fail(*dummy: Any, **more: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(_ledger, "open", fail, raising=False)
    with pytest.raises(KernelError, match="cannot read the ledger of topology lab") as told:
        _ledger.load("lab", "boot:1")
    assert os.strerror(number) in str(told.value)
    assert "mend the cause, and run again" in str(told.value)
    assert "rm " not in str(told.value)


def test_a_directory_in_its_place_is_to_be_deleted(folder: Path) -> None:
    (folder / "lab.json").mkdir(parents=True)
    with pytest.raises(KernelError, match=r"is a directory, and a regular file is right; .*: rm -r .*/lab\.json"):
        _ledger.load("lab", "boot:1")


def test_it_is_not_another_topologys_under_its_name(folder: Path) -> None:
    _ledger.save(ledger())
    (folder / "copy.json").write_bytes((folder / "lab.json").read_bytes())
    with pytest.raises(KernelError, match=r"topology copy .*: it is damaged"):
        _ledger.load("copy", "boot:1")


def test_forgetting_twice_is_harmless() -> None:
    _ledger.save(ledger())
    _ledger.forget("lab")
    _ledger.forget("lab")
    assert _ledger.names() == []
    assert _ledger.load("lab", "boot:1") is None


def test_there_are_none_before_the_first() -> None:
    assert _ledger.names() == []


def test_a_host_is_a_boot_and_a_namespace() -> None:
    assert _ledger.this_host(4026531840).endswith(":4026531840")
    assert _ledger.this_host(1) != _ledger.this_host(2)
