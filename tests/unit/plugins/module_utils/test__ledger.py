# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger: what it remembers, on disk and from run to run."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils import _ledger
from ansible_collections.nsfabric.linux.plugins.module_utils._errors import KernelError
from ansible_collections.nsfabric.linux.plugins.module_utils._ledger import Ledger
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import HOST, Link, Namespace, State
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


class TestOnDisk:
    def test_what_is_saved_is_loaded(self) -> None:
        _ledger.save(ledger(identities={"x": 5}, complete=True))
        assert _ledger.load("lab", "boot:1") == ledger(identities={"x": 5}, complete=True)
        assert _ledger.names() == ["lab"]

    def test_it_is_whole_or_not_there(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        _ledger.save(ledger())

        def fail(*dummy: Any) -> None:
            raise OSError("no space left")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="no space left"):
            _ledger.save(ledger(complete=True))
        monkeypatch.undo()
        monkeypatch.setattr(_ledger, "FOLDER", str(folder))
        assert _ledger.load("lab", "boot:1") == ledger()
        assert _ledger.names() == ["lab"]

    def test_only_root_can_read_it(self, folder: Path) -> None:
        _ledger.save(ledger())
        assert folder.stat().st_mode & 0o077 == 0

    def test_another_boot_or_host_knows_nothing_of_it(self) -> None:
        _ledger.save(ledger())
        assert _ledger.load("lab", "boot:2") is None
        assert _ledger.load("other", "boot:1") is None

    def test_another_version_is_not_read(self, folder: Path) -> None:
        _ledger.save(ledger())
        path = folder / "lab.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "version": _ledger.VERSION + 1}))
        with pytest.raises(KernelError, match=f"it is of version {_ledger.VERSION + 1}, and this release reads"):
            _ledger.load("lab", "boot:1")
        assert _ledger.load("lab", "boot:2") is None

    def test_what_was_found_first_counts(self) -> None:
        address = {"name": "eth0", "addresses": ["192.0.2.1/24"]}
        first = Touched("link", address, {"name": "eth0", "state": "absent"}, since=1.0)
        later = replace(first, found={"name": "eth0", "addresses": []}, since=2.0)
        for mine, other in ((first, later), (later, first)):
            heir = Ledger("lab", "boot:1", objects=[mine])
            heir.inherit([other])
            assert [item.found for item in heir.objects] == [address]

    def test_forgetting_twice_is_harmless(self) -> None:
        _ledger.save(ledger())
        _ledger.forget("lab")
        _ledger.forget("lab")
        assert _ledger.names() == []
        assert _ledger.load("lab", "boot:1") is None

    def test_there_are_none_before_the_first(self) -> None:
        assert _ledger.names() == []

    def test_a_host_is_a_boot_and_a_namespace(self) -> None:
        assert _ledger.this_host(4026531840).endswith(":4026531840")
        assert _ledger.this_host(1) != _ledger.this_host(2)


class TestOwnership:
    def test_what_was_replaced_behind_our_back_is_told(self) -> None:
        state = State({HOST: Namespace(), "ns1": Namespace(inode=77)})
        known = ledger()
        known.settle(CONFIG, _ledger.claims(CONFIG), state)
        assert known.complete
        assert not known.replaced(MADE, state)
        state.namespaces["ns1"].inode = 78
        assert known.replaced(MADE, state)
        del state.namespaces["ns1"]
        assert not known.replaced(MADE, state)

    def test_a_device_is_known_by_its_number(self) -> None:
        bridge = Touched("bridge", None, {"name": "br0", "state": "absent"})
        known = Ledger("lab", "boot:1", {}, [bridge])
        state = State({HOST: Namespace(links={"br0": Link("br0", "bridge", index=9)})})
        config = {"bridge": [{"name": "br0"}]}
        known.settle(config, _ledger.claims(config), state)
        assert not known.replaced(bridge, state)
        state.namespaces[HOST].links["br0"] = Link("br0", "bridge", index=12)
        assert known.replaced(bridge, state)

    def test_what_is_not_declared_any_more_is_forgotten(self) -> None:
        known = Ledger("lab", "boot:1", CONFIG, [replace(MADE, owner=MADE.absent), replace(FOUND, owner=FOUND.absent)])
        config = {"link": CONFIG["link"]}
        known.settle(config, _ledger.claims(config), State({HOST: Namespace()}))
        assert [item.kind for item in known.objects] == ["link"]
        assert known.config == {"link": CONFIG["link"]}

    def test_what_was_not_purged_stays_declared(self) -> None:
        merged = ledger().union({"netns": [{"name": "ns2"}], "link": [{"name": "eth0", "mtu": 9000}]})
        assert merged == {"netns": [{"name": "ns2"}, {"name": "ns1"}], "link": [{"name": "eth0", "mtu": 9000}]}
