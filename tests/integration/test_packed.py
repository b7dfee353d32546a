# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible itself takes what an earlier playbook packed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from host import Host

from roles import collections

# What Ansible says of it with ANSIBLE_DEBUG.
PACKED, TAKEN = "ANSIBALLZ: Creating module", "ANSIBALLZ: using cached module"


def told(host: Host, home: Path, module: str, options: str) -> list[str]:
    """Run a module by `ansible`, and tell what Ansible did for it."""
    settings = f"ANSIBLE_HOME={home} ANSIBLE_COLLECTIONS_PATH={collections()} ANSIBLE_DEBUG=1"
    ansible = f"env {settings} {sys.executable} -m ansible adhoc localhost"
    out = host.sh(f"{ansible} -m nsfabric.linux.{module} -a '{options}'")
    return [said for line in out.splitlines() for said in (PACKED, TAKEN) if said in line]


@pytest.mark.parametrize("another", [False, True], ids=["the same home", "another home"])
def test_a_second_playbook_packs_nothing(host: Host, tmp_path: Path, another: bool) -> None:
    assert told(host, tmp_path / "home", "netns", "name=one") == [PACKED]
    second = told(host, tmp_path / ("other" if another else "home"), "netns", "name=two")
    assert second == [PACKED if another else TAKEN]
    assert sorted(row["name"] for row in host.json("ip -j netns")) == ["one", "two"]


def test_each_module_is_packed_by_itself(host: Host, tmp_path: Path) -> None:
    told(host, tmp_path, "netns", "name=one")
    assert told(host, tmp_path, "link", "netns=one name=lo up=true") == [PACKED]
    assert "UP" in host.json("ip -j link show lo", "one")[0]["flags"]
