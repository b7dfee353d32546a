# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same play on many hosts: one that fails stops none of the others, and is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from fleet import Fleet, said
from host import Host

from ansible_collections.nsfabric.linux.tests.unit.declared import ROLES
from roles import collections

NAMES = [f"n{number}" for number in range(6)]
SUBNET = "{{ '10.64.0.0/10' | nsfabric.linux.subnet(groups['all'].index(inventory_hostname), 24) }}"


def test_a_host_that_fails_stops_none_of_the_others(host: Host, tmp_path: Path) -> None:
    fleet = Fleet(host, tmp_path, NAMES, nsfabric_roles=["bridged"], nsfabric_facts=False, bridged_subnet=SUBNET)
    fleet.own["n6"] = {}
    bad = fleet.at("n3")
    bad.sh("ip link add br0 type veth peer name other")
    text = said(fleet.play("build"), 4)
    assert "\nchanged: n0 (26 steps), n1 (26 steps), n2 (26 steps), n4 (26 steps), n5 (26 steps)\n" in text
    assert "\nfailed: n3: The topology as declared: " in text
    assert "br0 exists and is a veth, not a bridge" in text
    assert "\nunreachable: n6\n" in text
    for number, name in enumerate(NAMES):
        if name != "n3":
            at = fleet.at(name)
            assert at.addresses("br0") == [f"10.64.{number}.254/24"]
            assert [at.addresses(f"veth{n}", f"ns{n}") for n in (1, 2)] == [[f"10.64.{number}.{n}/24"] for n in (1, 2)]
            (route,) = at.json("ip -j route show default", "ns1")
            assert route["gateway"] == f"10.64.{number}.254"
    assert bad.sh("ip netns list") == ""

    del fleet.own["n6"]
    bad.sh("ip link delete br0")
    # The uplink has another name here, which the role takes from the facts.
    (default,) = bad.json("ip -j -4 route show default")
    bad.sh("ip link set eth0 down; ip link set eth0 name wan0; ip link set wan0 up")
    bad.sh(f"ip route replace default via {default['gateway']} dev wan0")
    fleet.own["n3"]["nsfabric_facts"] = True
    text = said(fleet.play("build"))
    assert text.splitlines()[-2:] == ["changed: n3 (26 steps)", "nothing to do: n0, n1, n2, n4, n5"]
    assert bad.addresses("veth2", "ns2") == ["10.64.3.2/24"]
    assert bad.sh("cat /proc/sys/net/ipv4/conf/wan0/forwarding").strip() == "1"


@pytest.fixture
def misdeclared(host: Host, tmp_path: Path) -> Fleet:
    """Five names for one host, each of which declares something else that cannot be."""
    fleet = Fleet(host, tmp_path, ["n0"], nsfabric_facts=False, ansible_enter_sandbox="n0")
    fleet.own = {
        "n0": {"nsfabric_roles": None, "nsfabric_topologies": None},
        "n1": {"nsfabric_roles": ["bridged", "nosuchrole", "nobody.here.bridged"]},
        "n2": {"nsfabric_roles": "bridged"},
        "n3": {"nsfabric_topologies": [{"netns": []}]},
        "n4": {"nsfabric_roles": ["bridged", 5], "nsfabric_topologies": {"p": None}},
    }
    return fleet


@pytest.mark.parametrize("playbook", ["build", "verify", "drift", "teardown"])
def test_what_is_declared_is_looked_at_first(misdeclared: Fleet, playbook: str) -> None:
    text = said(misdeclared.play(playbook), 2)
    where = "What the inventory declares: nsfabric_"
    assert (
        f"\nfailed: n1: {where}roles: there is no role nosuchrole; there are {', '.join(ROLES)};"
        " nsfabric_roles: there is no role nobody.here.bridged; nobody.here is not installed or has none\n" in text
    )
    assert f"\nfailed: n2: {where}roles is the text 'bridged'; a list of roles is right\n" in text
    assert f"\nfailed: n3: {where}topologies is a list; documents by the names of their topologies are right\n" in text
    assert f"\nfailed: n4: {where}roles has 5; the name of a role is right; nsfabric_topologies: p is null;" in text
    assert "failed: n0" not in text
    assert "unreachable" not in text
    assert misdeclared.at("n0").sh("ip netns list") == ""


def test_a_role_that_cannot_be_loaded_is_a_failure(host: Host, tmp_path: Path) -> None:
    role = tmp_path / "more" / "ansible_collections" / "some" / "one" / "roles" / "broken"
    for file, text in (("tasks/main.yml", "[]"), ("meta/main.yml", "dependencies: [nosuchrole]")):
        (role / file).parent.mkdir(parents=True)
        (role / file).write_text(text, encoding="utf-8")
    fleet = Fleet(host, tmp_path, ["n0"], nsfabric_facts=False, ansible_enter_sandbox="n0")
    fleet.own = {"n0": {}, "n1": {"nsfabric_roles": ["some.one.broken"]}}
    fleet.settings["ANSIBLE_COLLECTIONS_PATH"] = f"{collections()}:{tmp_path}/more"
    text = said(fleet.play("build"), 2)
    assert "\nfailed: n1: a role could not be loaded; Ansible has told the reason above\n" in text
    assert "unreachable" not in text
