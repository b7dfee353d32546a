# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks build, verify, drift, draw and teardown, by their full names, on sandbox hosts."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from fleet import Fleet, said
from host import Host
from snapshot import snapshot

from roles import settle

COLLECTION = Path(__file__).parents[2]
SAMPLE = COLLECTION / "docs" / "examples" / "inventory"
EDGE = {
    "netns": [{"name": "edge"}],
    "veth": [{"name": "up", "netns": "edge", "addresses": ["10.5.0.1/24"], "peer": {"name": "to-edge"}}],
}
# What someone did by hand: the command, and how the report begins that tells of it.
BY_HAND = {
    "ip link set br-veth2 down": "changed host it is down ip link set dev br-veth2 up",
    "ip -n ns2 route delete default": "missing ns2 the route is missing ip -n ns2 route add default via 10.1.0.254",
    "nft flush chain inet nsfabric forward": "missing host the rule is missing nft 'insert rule inet nsfabric forward",
    "ip netns delete edge": "missing edge the namespace does not exist ip netns add edge",
    "ip -n ns2 address add 10.1.0.77/24 dev veth2": "foreign ns2 it is not among the addresses wanted"
    " ip -n ns2 address delete 10.1.0.77/24 dev veth2",
    "ip -n ns1 route add 10.9.0.0/16 via 10.1.0.254": "foreign ns1 nobody declares it"
    " ip -n ns1 route delete 10.9.0.0/16",
    "ip route add 10.8.0.0/16 via 10.1.0.1": "foreign host nobody declares it ip route delete 10.8.0.0/16",
    "ip -n ns1 neighbor add 10.1.0.9 lladdr 02:00:00:00:00:09 dev veth1 nud permanent": "foreign ns1 nobody declares it"
    " ip -n ns1 neighbor delete 10.1.0.9 dev veth1",
    "ip -n ns1 link add extra type bridge": "foreign ns1 nobody declares it ip -n ns1 link delete dev extra",
    "ip link add x0 master br0 type veth peer name x1": "foreign host nobody declares it ip link set dev x0 nomaster",
    "nft 'add rule inet nsfabric postrouting oifname br0 ip saddr 10.6.0.0/24 masquerade"
    ' comment "nsfabric masquerade out br0 from 10.6.0.0/24"\'': "foreign host nobody declares it"
    " nft delete rule inet nsfabric postrouting handle",
}
# Of someone else, in places that nobody declares: no difference.
NOT_OURS = (
    "ip netns add other; ip -n other link add brx type bridge; ip link add mine type bridge;"
    " ip route add 10.7.0.0/16 dev lo"
)


@pytest.fixture
def fleet(host: Host, tmp_path: Path) -> Fleet:
    made = Fleet(host, tmp_path, ["h1", "h2"], nsfabric_roles=["bridged"], nsfabric_facts=False)
    made.own["h2"]["nsfabric_topologies"] = {"edge": EDGE}
    return made


def rows(text: str) -> list[str]:
    return re.findall(r"^ (?:missing|changed|foreign) .*$", text, re.MULTILINE)


def test_drift_names_what_was_done_by_hand_and_how_to_mend_it(fleet: Fleet) -> None:
    assert said(fleet.play("build")).splitlines()[-1].startswith("changed: h1 (26 steps), h2 (")
    second = fleet.at("h2")
    second.sh("; ".join([NOT_OURS, *BY_HAND]))
    before = snapshot(second)
    text = said(fleet.play("drift"), 2)
    assert snapshot(second) == before
    assert "as declared: h1" in text
    assert "h1: The host as declared" not in text
    for line in BY_HAND.values():
        assert f" {line}" in text
    assert f"h2: {len(rows(text))} differences from what is declared" in text
    assert not [row for row in rows(text) if "mine" in row or "other" in row or "10.7.0.0" in row]
    # The commands that are told mend it.
    for row in rows(text):
        second.sh(re.search(r"\b(?:ip|nft|sysctl) .*", row)[0])
    assert said(fleet.play("drift")).splitlines()[-1] == "as declared: h1, h2"

    # What the inventory lost is foreign, once; a host that cannot be compared is not one that differs.
    fleet.own = {"h1": {"bridged_namespaces": 1}, "h2": {"nsfabric_roles": []}}
    fleet.own |= {"bad": {"ansible_enter_sandbox": "h1", "bridged_subnet": "10.1.0.0/33"}, "away": {}}
    text = said(fleet.play("drift"), 4)
    assert "h1: 1 difference from what is declared" in text
    assert "foreign ns2 the namespace is not wanted ip netns delete ns2" in text
    assert "h2: 2 differences from what is declared" in text
    assert "ansible HOST -m nsfabric.linux.topology -a 'name=edge state=absent'" in text
    assert "\nfailed: bad: The topology as declared: " in text
    assert "bridged_subnet is 10.1.0.0/33; an IPv4 subnet is right" in text
    assert "\nunreachable: away\n" in text


def test_drawings_and_teardown(fleet: Fleet) -> None:
    hosts = [fleet.at(name) for name in ("h1", "h2")]
    for sandbox in hosts:
        settle(sandbox)
    before = [snapshot(sandbox) for sandbox in hosts]
    text = said(fleet.play("build", "verify", "draw"))
    assert "\nproven: h1 (4 checks), h2 (4 checks)\n" in text
    drawings = fleet.folder / "drawings"
    assert sorted(path.name for path in drawings.iterdir()) == ["h1.mmd", "h1.svg", "h2.mmd", "h2.svg"]
    words = {text.text for text in ElementTree.parse(drawings / "h2.svg").iter() if text.tag.endswith("text")}
    assert {"h2", "ns1", "veth2", "10.1.0.2/24", "br0", "br-veth1", "edge", "10.5.0.1/24", "eth0", "outside"} <= words
    assert (drawings / "h2.mmd").read_text(encoding="utf-8").startswith("flowchart ")
    assert "edge" not in (drawings / "h1.svg").read_text(encoding="utf-8")

    text = said(fleet.play("teardown", "teardown"))
    first, second = re.findall(r"^(?:changed|nothing to do): .*$", text, re.MULTILINE)
    assert re.fullmatch(r"changed: h1 \(\d+ steps\), h2 \(\d+ steps\)", first)
    assert second == "nothing to do: h1, h2"
    assert [snapshot(sandbox) for sandbox in hosts] == before


def test_a_relative_folder_is_below_the_current_one(host: Host, tmp_path: Path) -> None:
    """Whatever the shell says of it in PWD, which not every caller has."""
    fleet = Fleet(host, tmp_path, ["h1"])
    fleet.settings |= {"PWD": "/", "HOME": f"{tmp_path}/at"}
    before = sorted(COLLECTION.rglob("*.svg"))
    for folder in ("dr", "~/home"):
        said(fleet.play("draw", nsfabric_drawings=folder))
    for written in ("dr", "at/home"):
        assert sorted(path.name for path in (tmp_path / written).iterdir()) == ["h1.mmd", "h1.svg"]
    assert sorted(COLLECTION.rglob("*.svg")) == before


def test_the_sample_inventory(host: Host, tmp_path: Path) -> None:
    """As it is shown, but for the way in: the hosts are sandbox hosts of the same names."""
    fleet = Fleet(host, tmp_path, ["rack1", "rack2", "edge1"])
    ways_in = {**fleet.variables, "ansible_become": False, "nsfabric_facts": False}
    text = said(fleet.play_on(SAMPLE, "build", "drift", **ways_in))
    assert text.splitlines()[-1] == "as declared: rack1, rack2, edge1"
    assert fleet.at("rack1").addresses("br0") == ["10.64.0.254/24"]
    assert fleet.at("rack2").addresses("veth10", "ns10") == ["10.64.1.10/24"]
    assert fleet.at("edge1").addresses("eth0", "probe") == ["10.127.255.253/30"]
    assert "1 received" in fleet.at("edge1").sh("ping -c1 -W5 8.8.8.8", "ns1")
