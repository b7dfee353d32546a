# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook lab says what is wrong with what it was given, before it makes a host."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from host import Host
from snapshot import snapshot
from test_docs import environment

from ansible_collections.nsfabric.linux.tests.unit.declared import ROLES
from roles import uplink

THERE_ARE = f"there are {', '.join(ROLES)}"


def lab(host: Host, folder: Path, *options: str) -> str:
    """What the playbook prints, in a folder of its own."""
    variables = {**environment(folder), "ANSIBLE_STDOUT_CALLBACK": "nsfabric.linux.story"}
    words = ["env", "-i", *(f"{name}={value}" for name, value in variables.items()), "ansible-playbook"]
    words += ["nsfabric.linux.lab", *(word for option in options for word in ("-e", option))]
    return host.sh(f"cd {folder}; {shlex.join(words)} </dev/null 2>&1 || true")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], f"-e lab=NAME says which lab; {THERE_ARE}"),
        (["lab=nope"], f"there is no lab 'nope'; {THERE_ARE}"),
        (["lab=bridged", "lab_on=mars"], "lab_on is 'sandbox' or 'localhost', not 'mars'"),
        (["lab=bridged", "lab_state=up"], "lab_state is 'present' or 'absent', not 'up'"),
        (
            ["lab=veth_pair", "veth_pair_mtuu=1400", "veth_pair_colour=red"],
            "the lab veth_pair has no variable veth_pair_colour, veth_pair_mtuu; it has "
            "veth_pair_device_a, veth_pair_device_b, veth_pair_mtu, veth_pair_name, veth_pair_number_a, "
            "veth_pair_number_b, veth_pair_probe, veth_pair_state, veth_pair_subnet, veth_pair_subnet6",
        ),
    ],
    ids=["no name", "no lab", "no place", "no state", "no variable"],
)
def test_what_is_wrong_is_told_before_a_host_is_made(
    host: Host, tmp_path: Path, options: list[str], message: str
) -> None:
    assert lab(host, tmp_path, *options).splitlines()[-1] == message
    assert host.sh("ls -A /run") == ""


def test_a_lab_without_namespaces_is_shown_as_well(host: Host, tmp_path: Path) -> None:
    said = lab(host, tmp_path, "lab=bridged", "bridged_namespaces=0", "bridged_outside=false")
    assert "Applied again: nothing changed." in said
    assert "/mnt ip -br address\n" in said
    lab(host, tmp_path, "lab=bridged", "lab_state=absent")
    assert host.sh("ls -A /run") == ""


def test_a_lab_that_failed_says_what_is_left(host: Host, tmp_path: Path) -> None:
    said = lab(host, tmp_path, "lab=bridged", "bridged_namespaces=-1")
    assert "bridged_namespaces is -1; 0 to 1023 is right" in said
    pins = "/run/nsfabric/sandboxes/lab-bridged"
    down = "ansible-playbook nsfabric.linux.lab -e lab=bridged -e lab_on=sandbox -e lab_state=absent"
    look = f"nsenter --net={pins}/net --mount={pins}/mnt ip -br address"
    assert said.splitlines()[-6:] == [
        "lab-bridged: The lab bridged failed:",
        "The private host lab-bridged is left as it is.",
        "Look around:",
        f"  {look}",
        "Take it down:",
        f"  {down}",
    ]
    assert "eth0" in host.sh(look)
    lab(host, tmp_path, "lab=bridged", "lab_state=absent")
    assert host.sh("ls -A /run") == ""


def test_a_lab_that_failed_on_this_very_host(host: Host, tmp_path: Path) -> None:
    said = lab(host, tmp_path, "lab=bridged", "lab_on=localhost", "bridged_namespaces=-1")
    assert said.splitlines()[-3:] == [
        "this-host: The lab bridged failed:",
        "Where this very host has some of it, this takes it down:",
        "  ansible-playbook nsfabric.linux.lab -e lab=bridged -e lab_on=localhost -e lab_state=absent",
    ]


def test_on_this_very_host(host: Host, tmp_path: Path) -> None:
    uplink(host)
    before = snapshot(host)
    said = lab(host, tmp_path, "lab=bridged", "lab_on=localhost")
    assert "Plan for bridged on this very host: 26 steps" in said
    assert "Applied again: nothing changed." in said
    assert "localhost-like" not in said
    assert host.pings("10.1.0.2", "ns1")
    assert "Took bridged down in 8 steps:" in lab(host, tmp_path, "lab=bridged", "lab_on=localhost", "lab_state=absent")
    assert snapshot(host) == before
