# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection as its users get it: built, installed into an empty home, and run by its name."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from host import PATIENCE, Host

ROOT = Path(__file__).parents[2]
# Whatever is in the tarball is one of these; a file of another kind is a decision to make.
ALLOWED = [
    r"(MANIFEST|FILES)\.json",
    r"LICENSE|LICENSES/GPL-3\.0-or-later\.txt",
    r"(README|CODE_OF_CONDUCT|CONTRIBUTING|SECURITY)\.md|CHANGELOG\.rst",
    r"changelogs/(changelog|config)\.yaml|changelogs/fragments/[\w.-]+\.yml",
    r"docs/([\w-]+/)*[\w.-]+\.(md|json|svg|yml)",
    r"meta/(runtime\.yml|execution-environment\.yml|requirements\.txt|bindep\.txt)",
    r"playbooks/((tasks|vars)/)?\w+\.yml",
    r"plugins/(action|callback|connection|doc_fragments|filter|modules)/\w+\.py",
    r"plugins/filter/\w+\.yml",
    r"plugins/(module_utils|plugin_utils)/(\w+/)*\w+\.py",
    r"roles/\w+/(README\.md|(defaults|meta|tasks|vars)/\w+\.yml|templates/\w+\.yml\.j2)",
]
NEEDED = {"meta", "playbooks", "plugins", "roles"}
# What ansible-galaxy reads of an installed collection.
KEPT = NEEDED | {"MANIFEST.json", "FILES.json"}


def alone(home: Path) -> dict[str, str]:
    """An environment with a home of its own, and nothing of the checkout: neither its settings nor its modules."""
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }


def galaxy(home: Path, *arguments: object) -> None:
    command = [sys.executable, "-m", "ansible", "galaxy", "collection", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env=alone(home), timeout=120 * PATIENCE
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    galaxy(folder, "build", "--output-path", folder)
    (built,) = folder.glob("nsfabric-linux-*.tar.gz")
    return built


def test_the_tarball_holds_what_it_may(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        files = [member for member in archive.getmembers() if not member.isdir()]
    foreign = [member.name for member in files if not re.fullmatch("|".join(ALLOWED), member.name)]
    assert foreign == [], "must not be in the tarball; see build_ignore in galaxy.yml"
    assert [member.name for member in files if not member.isfile()] == [], "links"
    assert {member.name.partition("/")[0] for member in files} >= NEEDED
    assert tarball.stat().st_size < 2_000_000


def test_an_installed_lab_needs_four_folders(tarball: Path, tmp_path: Path, host: Host) -> None:
    home = tmp_path / "home"
    collections = home / ".ansible" / "collections"
    galaxy(home, "install", "--offline", tarball, "--collections-path", collections)
    installed = collections / "ansible_collections" / "nsfabric" / "linux"
    for path in installed.iterdir():
        if path.is_dir() and path.name not in KEPT:
            shutil.rmtree(path)
        elif path.name not in KEPT:
            path.unlink()
    clean = (f"{key}={value}" for key, value in alone(home).items())
    words = ["env", "-i", *clean, sys.executable, "-m", "ansible"]
    run = f"cd {tmp_path}; {shlex.join(words)} playbook nsfabric.linux.lab"
    before = host.sh("ls -A /run")
    up = host.sh(f"{run} -e lab=bridged")
    assert "Applied again: nothing changed." in up
    assert re.search(r"ns1 +8\.8\.8\.8 +icmp +reachable +reachable +0 %", up)
    assert str(ROOT) not in up
    host.sh(f"{run} -e lab=bridged -e lab_state=absent")
    assert host.sh("ls -A /run") == before
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
