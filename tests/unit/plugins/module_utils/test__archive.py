# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports from an archive such as Ansible sends, in a Python of their own that counts what it compiles."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from zipimport import ZipImportError

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils import _archive

COUNT = """
import builtins, collections, json, sys, zipimport
compiled = collections.Counter()
def count(source, path, *rest, **named):
    compiled[path[len(sys.argv[1]) + 1:]] += 1
    return compile(source, path, *rest, **named)
zipimport.compile = count
sys.path.insert(0, sys.argv[1])
import utils.entry
from utils.model import state
print(json.dumps([compiled, state.__file__, utils.model.__file__, state.__loader__.get_source("utils.model.state")]))
"""
STATE = "NAMES = ['ns1']\n"


def archive(path: Path, entry: str = "from . import _archive\nfrom . import model\n") -> str:
    """A package with a package in it, as Ansible writes them: sources and no bytecode."""
    files = {
        "utils/__init__.py": "",
        "utils/_archive.py": Path(_archive.__file__).read_text(),
        "utils/entry.py": entry,
        "utils/model/__init__.py": "",
        "utils/model/state.py": STATE,
    }
    with zipfile.ZipFile(path, "w") as made:
        for name, text in files.items():
            made.writestr(name, text)
    return str(path)


def test_what_is_imported_after_it_is_compiled_once(tmp_path: Path) -> None:
    path = archive(tmp_path / "payload.zip")
    command = [sys.executable, "-c", COUNT, path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    compiled, *told = json.loads(done.stdout)
    assert {name: compiled[name] for name in ("utils/model/__init__.py", "utils/model/state.py")} == {
        "utils/model/__init__.py": 1,
        "utils/model/state.py": 1,
    }
    assert told == [f"{path}/utils/model/state.py", f"{path}/utils/model/__init__.py", STATE]


def test_an_error_in_the_archive_tells_its_line(tmp_path: Path) -> None:
    path = archive(tmp_path / "payload.zip", "from . import _archive\nfrom .model import nothing\n")
    command = [sys.executable, "-c", COUNT, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f'File "{path}/utils/entry.py", line 2, in <module>' in done.stderr
    assert "ImportError: cannot import name 'nothing' from 'utils.model'" in done.stderr


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    importer = _archive.Importer(archive(tmp_path / "payload.zip") + "/utils")
    with pytest.raises(ZipImportError, match="can't find module"):
        importer.get_filename("utils.nothing")


def test_without_an_archive_nothing_changes() -> None:
    assert _archive.Importer not in sys.path_hooks


MODULE_UTILS = Path(_archive.__file__).parent
ENTRANCES = {
    re.search(r"module_utils\.(_\w+) import", module.read_text())[1]  # type: ignore[index]
    for module in MODULE_UTILS.parent.glob("modules/*.py")
}


@pytest.mark.parametrize("name", sorted(ENTRANCES))
def test_what_modules_import_imports_it_first(name: str) -> None:
    body = ast.parse((MODULE_UTILS / f"{name}.py").read_text()).body
    ours = [node for node in body if isinstance(node, ast.ImportFrom) and node.level]
    assert ours[0].names[0].name == "_archive"
