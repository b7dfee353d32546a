# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `./run lab` says of options and variables that nobody takes: one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.nsfabric.linux.tests.unit.declared import ROOT

HELP = "; ./run help has the options of labs, ansible-playbook --help the others"
OF_LABS = (
    "lab, lab_down_command, lab_drawing, lab_enter, lab_host, lab_names, lab_on, lab_options, lab_outside, lab_pins, "
    "lab_proof, lab_state, lab_steps_shown, lab_topology, lab_topology_name"
)


def told(folder: Path, *arguments: str) -> str:
    (folder / "given.yml").write_text("bridge_mtu: 1400\n", encoding="utf-8")
    command = [sys.executable, str(ROOT / "tests" / "tools" / "options.py"), "bridged", "nsfabric.linux.lab"]
    done = subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert bool(done.returncode) == bool(done.stderr)
    return done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bogus"], f"unrecognized arguments: --bogus{HELP}"),
        (["-e"], f"argument -e/--extra-vars: expected one argument{HELP}"),
        (["-e", "lab_sate=absent"], f"labs have no variable lab_sate; they have {OF_LABS}"),
        (
            ["-e", "bridged_mtu=1400 bridge_subnet=10.9.0.0/24"],
            "the lab bridged has no variable bridge_subnet: its own begin with bridged_, those of every lab with lab_",
        ),
        (
            ["-e", '{"subnet": "10.9.0.0/24"}'],
            "the lab bridged has no variable subnet: its own begin with bridged_, those of every lab with lab_",
        ),
        (
            ["-e", "@given.yml"],
            "the lab bridged has no variable bridge_mtu: its own begin with bridged_, those of every lab with lab_",
        ),
    ],
)
def test_what_nobody_takes(tmp_path: Path, arguments: list[str], message: str) -> None:
    assert told(tmp_path, *arguments) == f"run: {message}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--check", "--diff", "-v"],
        ["-e", "lab=bridged", "-e", "lab_steps_shown=100", "-e", "bridged_probe='8.8.8.8 x=y'"],
        ["-e", "@missing.yml"],
        ["-e", "ansible_verbosity=1", "-i", "somewhere"],
    ],
)
def test_what_is_taken(tmp_path: Path, arguments: list[str]) -> None:
    assert told(tmp_path, *arguments) == ""
