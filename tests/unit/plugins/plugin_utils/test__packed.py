# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was packed is kept for the next session of Ansible, as long as nothing changed that went into it."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from ansible import constants

from ansible_collections.nsfabric.linux.plugins.plugin_utils import _packed

NAME = "ansible_collections.nsfabric.linux.plugins.modules.veth-ZIP_DEFLATED-none"


class Controller:
    """A home, and sessions of Ansible in it: what `sends` finds, or packs."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.store = home / "nsfabric_linux"
        self._patch = monkeypatch
        self._sessions = 0
        monkeypatch.setattr(constants, "ANSIBLE_HOME", str(home))

    def session(self) -> Path:
        self._sessions += 1
        folder = self.home / f"session{self._sessions}"
        (folder / "ansiballz_cache").mkdir(parents=True)
        self._patch.setattr(constants, "DEFAULT_LOCAL_TMP", str(folder))
        return folder / "ansiballz_cache"

    def sends(self, packed: str, name: str = NAME) -> str:
        file = self.session() / name
        with _packed.kept("veth"):
            if not file.exists():
                file.write_text(packed)
        return file.read_text()


@pytest.fixture
def controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Controller:
    return Controller(tmp_path, monkeypatch)


@pytest.fixture
def collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A collection of one module, with one file that it imports."""
    folder = tmp_path / "collection"
    for name in ("plugins/modules/veth.py", "plugins/module_utils/_model/link.py", "meta/runtime.yml"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("one")
    monkeypatch.setattr(_packed, "COLLECTION", folder)
    return folder


def test_it_is_packed_once(controller: Controller) -> None:
    assert [controller.sends("first"), controller.sends("second")] == ["first", "first"]
    assert [file.name for file in controller.store.iterdir()] == [NAME]
    assert controller.store.stat().st_mode & 0o777 == 0o700


def test_another_module_is_another_file(controller: Controller) -> None:
    other = NAME.replace("veth", "bridge")
    controller.session()
    with _packed.kept("bridge"):
        Path(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache", other).write_text("bridge")
    assert controller.sends("veth") == "veth"
    assert sorted(file.name for file in controller.store.iterdir()) == [other, NAME]


@pytest.mark.parametrize("name", ["plugins/modules/veth.py", "plugins/module_utils/_model/link.py", "meta/runtime.yml"])
def test_another_text_is_packed_again(controller: Controller, collection: Path, name: str) -> None:
    controller.sends("first")
    (collection / name).write_text("more")
    assert [controller.sends("second"), controller.sends("third")] == ["second", "second"]


def test_a_text_of_the_same_size_and_time_is_another(controller: Controller, collection: Path, tmp_path: Path) -> None:
    file = collection / "plugins/modules/veth.py"
    controller.sends("first")
    (tmp_path / "new").write_text("two")
    shutil.copystat(file, tmp_path / "new")
    os.replace(tmp_path / "new", file)
    assert controller.sends("second") == "second"


def test_a_file_more_is_another_collection(controller: Controller, collection: Path) -> None:
    controller.sends("first")
    (collection / "plugins/module_utils/_model/state.py").write_text("")
    assert controller.sends("second") == "second"


def test_a_text_that_is_edited_while_it_is_packed_is_packed_again(controller: Controller, collection: Path) -> None:
    file = controller.session() / NAME
    with _packed.kept("veth"):
        (collection / "plugins/modules/veth.py").write_text("edited")
        file.write_text("first")
    assert controller.sends("second") == "second"


@pytest.mark.parametrize("left", [0, 10, _packed.DIGEST, _packed.DIGEST + 2])
def test_what_is_damaged_is_packed_again(controller: Controller, left: int) -> None:
    controller.sends("first")
    os.truncate(controller.store / NAME, left)
    assert [controller.sends("second"), controller.sends("third")] == ["second", "second"]


def test_what_others_may_write_is_neither_read_nor_written(controller: Controller) -> None:
    controller.sends("first")
    controller.store.chmod(0o770)
    assert controller.sends("second") == "second"
    controller.store.chmod(0o700)
    assert controller.sends("third") == "first"


def test_a_link_to_somewhere_else_is_not_followed(controller: Controller, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    controller.store.symlink_to(tmp_path / "elsewhere")
    assert [controller.sends("first"), controller.sends("second")] == ["first", "second"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_without_a_place_to_keep_it_all_is_as_ever(controller: Controller) -> None:
    controller.store.write_text("a file")
    assert [controller.sends("first"), controller.sends("second")] == ["first", "second"]
    assert controller.store.read_text() == "a file"


def test_what_is_packed_for_a_debugger_is_not_kept(controller: Controller) -> None:
    controller.sends("first", NAME.replace("none", "debugpy"))
    assert not controller.store.exists()


def test_what_a_failed_task_packed_is_not_kept(controller: Controller) -> None:
    file = controller.session() / NAME
    with suppress(RuntimeError), _packed.kept("veth"):
        file.write_text("first")
        raise RuntimeError
    assert not controller.store.exists()


def test_nothing_is_looked_up_for_what_this_session_packed(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = controller.session() / NAME
    file.write_text("here")
    monkeypatch.setattr(_packed, "_sources", None)
    with _packed.kept("veth"):
        pass
    assert file.read_text() == "here"
