# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The labs' documents, as their roles build them from their defaults, and their drawings."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ansible_collections.nsfabric.linux.plugins.plugin_utils import _drawing

# Not resolved: Ansible finds the collection where this was imported from.
ROLES = Path(__file__).absolute().parents[2] / "roles"
LABS = sorted(path.parents[1].name for path in ROLES.glob("*/templates/config.yml.j2"))


@functools.cache
def documents() -> dict[str, dict[str, Any]]:
    """What each lab's role gives to the topology module."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        books = [_playbook(folder / lab, lab) for lab in LABS]
        done = _run(folder, *books)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return {lab: json.loads((folder / lab / "document.json").read_text(encoding="utf-8")) for lab in LABS}


def refusal(lab: str, **variables: Any) -> str:
    """Why a lab's role has no document for these variables."""
    with tempfile.TemporaryDirectory() as name:
        book = _playbook(Path(name) / lab, lab)
        done = _run(Path(name), book, "-e", json.dumps(variables))
        return done.stdout + done.stderr if done.returncode else ""


def typed(lab: str, *variables: str) -> tuple[Any, Any]:
    """A lab's document and its checks, with variables as they are typed behind `-e`."""
    with tempfile.TemporaryDirectory() as name:
        folders = {part: Path(name) / part for part in ("config", "checks")}
        books = [_playbook(folder, lab, part) for part, folder in folders.items()]
        done = _run(Path(name), *books, *(word for variable in variables for word in ("-e", variable)))
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        config, checks = (json.loads((folder / "document.json").read_text("utf-8")) for folder in folders.values())
        return config, checks


def _run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(ROLES.parents[3]),
    }
    command = [sys.executable, "-m", "ansible", "playbook", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _playbook(folder: Path, lab: str, part: str = "config") -> str:
    """A playbook beside the role's templates, where its variables look for them."""
    folder.mkdir()
    (folder / "templates").symlink_to(ROLES / lab / "templates")
    files = [str(ROLES / lab / kind / "main.yml") for kind in ("defaults", "vars")]
    write = {"content": f"{{{{ {lab}_{part} | to_json }}}}", "dest": str(folder / "document.json"), "mode": "0600"}
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars_files": files,
        "tasks": [{"ansible.builtin.copy": write}],
    }
    book = folder / "play.yml"
    book.write_text(json.dumps([play]), encoding="utf-8")
    return str(book)


def mermaid(lab: str) -> str:
    return _drawing.mermaid(_drawing.build(documents()[lab]))
