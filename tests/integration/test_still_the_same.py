# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A device that was found is known wherever it is and whatever it is called, and is never destroyed."""

from __future__ import annotations

from typing import Any

import pytest
from host import Host, warnings
from snapshot import snapshot
from test_topology import apply
from test_transaction import after, kill

FOUND = """
ip link add eth1 type veth peer name far1 netns peer
ip link set eth1 address 02:00:00:00:01:01 txqueuelen 500 up
ip address add 192.0.2.1/24 dev eth1
ip route add 10.9.0.0/16 via 192.0.2.9 dev eth1
"""
MOVED: dict[str, Any] = {
    "netns": [{"name": "n1"}],
    "link": [{"name": "eth1", "netns": "n1", "mtu": 1400, "addresses": ["10.0.0.1/24"]}],
}
STRANGER = "ip link add eth1 type bridge"
ABSENT: dict[str, Any] = {"state": "absent"}
PURGED: dict[str, Any] = {"config": {}}
WAYS = {
    "absent": ABSENT,
    "purged": PURGED,
    "declared at home": {"config": {"link": [{"name": "eth1"}]}},
}
LEDGER = "/run/nsfabric/topologies/lab.json\n"


@pytest.fixture(name="found")
def at_home(host: Host) -> str:
    """A device on a host, and how all of it is before anything happens."""
    give(host)
    return snapshot(host)


def give(host: Host, netns: str = "") -> None:
    host.sh("ip netns add peer")
    host.sh(FOUND, netns)


def absent(host: Host, **options: Any) -> dict[str, Any]:
    return host.do("topology", name="lab", state="absent", **options)


def as_before(host: Host) -> str:
    return snapshot(host).replace(LEDGER, "")


def refused(host: Host, **options: Any) -> str:
    """The message of a run that is refused and changes nothing, not even its ledger."""
    before = snapshot(host), host.sh("cat /run/nsfabric/topologies/lab.json")
    messages = set()
    for check in (True, False):
        done = host.module("topology", name="lab", check=check, **options)
        assert done.get("failed"), done
        messages.add(str(done["msg"]))
    assert (snapshot(host), host.sh("cat /run/nsfabric/topologies/lab.json")) == before
    assert len(messages) == 1
    return messages.pop()


@pytest.mark.parametrize("how", WAYS)
def test_another_device_of_its_name_at_home_is_in_its_way(host: Host, found: str, how: str) -> None:
    apply(host, MOVED)
    host.sh(STRANGER)
    message = refused(host, **WAYS[how])
    assert "the host has another eth1 already, a bridge" in message
    if how != "declared at home":
        assert "n1/eth1 was found, not made, and would go with namespace n1" in message
    host.sh("ip link delete eth1")
    done = host.module("topology", name="lab", **WAYS[how])
    assert not done.get("failed"), done["msg"]
    assert not warnings(done)
    assert as_before(host) == found


def test_it_is_not_in_the_way_of_what_goes_on_elsewhere(host: Host, found: str) -> None:
    apply(host, MOVED)
    host.sh(STRANGER)
    apply(host, {"netns": [{"name": "n2"}], "link": [{"name": "eth1", "netns": "n2"}]})
    assert host.link("eth1", "n2")
    assert "n1" not in host.sh("ip netns")
    assert not apply(host, {"netns": [{"name": "n2"}], "link": [{"name": "eth1", "netns": "n2"}]})["changed"]
    host.sh("ip link delete eth1")
    absent(host)
    assert snapshot(host) == found


def test_one_that_was_taken_out_by_hand_is_in_nobodys_way(host: Host, found: str) -> None:
    apply(host, MOVED)
    host.sh(STRANGER)
    host.sh("ip netns add other; ip -n n1 link set eth1 netns other")
    before = host.picture()
    assert "device eth1 is not the one that was found" in warnings(absent(host))
    after_it = host.picture()
    before.pop("/run/netns/n1")
    assert after_it == before


@pytest.mark.parametrize("how", ["absent", "purged"])
@pytest.mark.parametrize("steps", [2, 4])
def test_a_run_that_was_killed_does_not_hide_it(host: Host, found: str, how: str, steps: int) -> None:
    host.module("topology", name="lab", config=MOVED, inside=after(steps, kill))
    if not host.link("eth1"):
        host.sh(STRANGER)
        assert "n1/eth1 was found, not made" in refused(host, **WAYS[how])
        host.sh("ip link delete eth1")
    host.module("topology", name="lab", **WAYS[how])
    assert as_before(host) == found


@pytest.mark.parametrize("how", ["absent", "purged"])
@pytest.mark.parametrize("stranger", ["true", STRANGER])
def test_a_new_name_where_it_was_moved_to_is_its_name_at_home(host: Host, found: str, how: str, stranger: str) -> None:
    apply(host, MOVED)
    host.sh(f"ip -n n1 link set eth1 down; ip -n n1 link set eth1 name lan0; {stranger}")
    done = host.module("topology", name="lab", **WAYS[how])
    assert not done.get("failed"), done["msg"]
    assert not warnings(done)
    if stranger == STRANGER:
        assert host.attributes("eth1")["addresses"] == []
        host.sh("ip link delete eth1")
    assert sorted(as_before(host).splitlines()) == sorted(found.replace("eth1", "lan0").splitlines())


def test_a_home_that_is_gone_is_waited_for(host: Host) -> None:
    host.sh("ip netns add home")
    give(host, "home")
    before = host.attributes("eth1", "home")
    config = {**MOVED, "link": [{"name": "eth1", "netns": "n1", "mtu": 1400}]}
    apply(host, {**config, "netns": [{"name": "n1"}]})
    host.sh("ip netns delete home")
    for options in (ABSENT, PURGED):
        assert "namespace home does not exist; make it first (ip netns add home)" in refused(host, **options)
    host.sh("ip netns add home")
    absent(host)
    assert host.attributes("eth1", "home") == before
    assert "n1" not in host.sh("ip netns")


def test_a_home_that_is_gone_does_not_keep_what_is_taken_out_by_hand(host: Host) -> None:
    host.sh("ip netns add home")
    give(host, "home")
    apply(host, MOVED)
    host.sh("ip netns delete home; ip -n n1 link set eth1 netns $$")
    before = host.link("eth1")
    absent(host)
    assert host.link("eth1") == before
    assert "n1" not in host.sh("ip netns")


def test_what_was_renamed_at_home_comes_back_under_its_new_name(host: Host) -> None:
    give(host)
    host.sh("ip link add brf type bridge; ip link set brf up; ip link add eth2 type veth peer name far2")
    host.sh("ip link set eth2 master brf up; ip route delete 10.9.0.0/16")
    before = snapshot(host)
    config = {
        "link": [{"name": "eth1", "mtu": 1400, "addresses": ["10.0.0.1/24"]}],
        "bridge": [{"name": "br0", "ports": ["eth2"]}],
        "netns_sysctl": [{"name": "net.ipv4.conf.eth1.rp_filter", "value": 2}],
    }
    apply(host, config)
    rename(host, "eth1", "lan0")
    rename(host, "brf", "brg")
    rename(host, "br0", "br1")
    assert not warnings(absent(host))
    rename(host, "lan0", "eth1")
    rename(host, "brg", "brf")
    assert snapshot(host) == before


def rename(host: Host, old: str, new: str) -> None:
    host.sh(f"ip link set {old} down; ip link set {old} name {new}; ip link set {new} up")


def test_two_that_changed_their_names_are_told_apart(host: Host) -> None:
    host.sh("ip link add eth1 mtu 1300 type bridge; ip link add eth2 mtu 1200 type bridge")
    apply(host, {"link": [{"name": "eth1", "mtu": 1400}, {"name": "eth2", "mtu": 1400}]})
    host.sh("ip link set eth1 name tmp; ip link set eth2 name eth1; ip link set tmp name eth2")
    assert not warnings(absent(host))
    assert [host.attributes(name)["mtu"] for name in ("eth1", "eth2")] == [1200, 1300]


def test_one_with_the_name_of_one_that_is_gone_gets_nothing_of_it(host: Host) -> None:
    host.sh("ip link add eth1 mtu 1300 type bridge; ip link add eth2 mtu 1200 type bridge")
    apply(host, {"link": [{"name": "eth1", "mtu": 1400}, {"name": "eth2", "mtu": 1450}]})
    host.sh("ip link delete eth2; ip link set eth1 name eth2")
    assert "device eth2 is not the one that was found" in warnings(absent(host))
    assert host.attributes("eth2")["mtu"] == 1300


def test_another_with_its_former_name_is_what_the_document_means(host: Host) -> None:
    host.sh("ip link add eth1 mtu 1300 type bridge")
    config = {
        "link": [{"name": "eth1", "mtu": 1400}],
        "netns_sysctl": [{"name": "net.ipv4.conf.eth1.rp_filter", "value": 2}],
    }
    apply(host, config)
    host.sh("ip link set eth1 name lan0; ip link add eth1 mtu 1200 type bridge")
    apply(host, config)
    names = ("lan0", "eth1")
    assert [host.attributes(name)["mtu"] for name in names] == [1300, 1400]
    assert [host.sysctl(f"net/ipv4/conf/{name}/rp_filter") for name in names] == ["0", "2"]
    assert not apply(host, config)["changed"]
    assert not warnings(absent(host))
    assert [host.attributes(name)["mtu"] for name in names] == [1300, 1200]
    assert [host.sysctl(f"net/ipv4/conf/{name}/rp_filter") for name in names] == ["0", "0"]


def test_what_was_renamed_is_declared_by_its_new_name(host: Host) -> None:
    host.sh("ip link add eth1 mtu 1300 type bridge")
    apply(host, {"link": [{"name": "eth1", "mtu": 1400}]})
    host.sh("ip link set eth1 name lan0")
    done = host.module("topology", name="lab", config={"link": [{"name": "eth1", "mtu": 1400}]})
    assert "there is no link eth1 in the host" in done["msg"]
    assert not apply(host, {"link": [{"name": "lan0", "mtu": 1400}]})["changed"]
    assert not warnings(absent(host))
    assert host.attributes("lan0")["mtu"] == 1300


@pytest.mark.parametrize("how", [ABSENT, PURGED])
@pytest.mark.parametrize("kind", ["bridge", "veth peer name q", "veth peer name v netns peer"])
def test_what_has_the_name_of_a_cables_far_end_is_left_alone(host: Host, kind: str, how: dict[str, Any]) -> None:
    """The near end is gone with its namespace or its cable: the number of the far end tells."""
    host.sh("ip netns add peer")
    apply(host, {"netns": [{"name": "n1"}], "veth": [{"netns": "n1", "name": "v", "peer": {"name": "p"}}]})
    host.sh(f"ip link delete p; ip link add p type {kind}")
    index = (host.link("p") or {})["ifindex"]
    done = host.do("topology", name="lab", **how)
    assert "veth p -- n1/v is not the one this topology made any more; it is left alone" in warnings(done)
    assert (host.link("p") or {})["ifindex"] == index


# An entry, and how somebody makes the same by hand.
AGAIN: dict[str, tuple[str, dict[str, Any], str]] = {
    "namespace": ("netns", {"name": "ns1"}, "ip netns add ns1"),
    "bridge": ("bridge", {"name": "br0"}, "ip link add name br0 type bridge"),
    "cable": ("veth", {"name": "a", "peer": {"name": "b"}}, "ip link add name a type veth peer name b"),
    "cable by one end": ("veth", {"name": "a"}, "ip link add name a type veth peer name b"),
    "route": ("netns_route", {"destination": "10.9.0.0/16", "device": "base"}, "ip route add 10.9.0.0/16 dev base"),
    "neighbour": (
        "netns_neighbor",
        {"device": "base", "address": "192.0.2.9", "mac": "02:00:00:00:00:09"},
        "ip neighbor add 192.0.2.9 lladdr 02:00:00:00:00:09 dev base nud permanent",
    ),
}


@pytest.mark.parametrize("how", ["absent", "purged"])
@pytest.mark.parametrize("what", AGAIN)
def test_what_was_made_and_is_declared_gone_is_nobodys(host: Host, what: str, how: str) -> None:
    """Whoever makes the same again owns it."""
    kind, entry, command = AGAIN[what]
    host.sh("ip link add name base type bridge; ip link set base up; ip address add 192.0.2.1/24 dev base")
    apply(host, {kind: [entry if kind != "veth" else {"name": "a", "peer": {"name": "b"}}]})
    apply(host, {kind: [{**entry, "state": "absent"}]})
    host.sh(command)
    before = as_before(host)
    done = apply(host, {}) if how == "purged" else host.do("topology", name="lab", state="absent")
    assert (done["steps"], done.get("warnings") or []) == ([], [])
    assert as_before(host) == before
