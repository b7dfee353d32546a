# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cables: made with both ends in place, moved by either or both ends, and never mistaken for another one."""

from __future__ import annotations

import itertools
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any, Optional
from unittest import mock

import pytest
from host import COLLECTION, Host, until, warnings

peers: Any = import_module(f"{COLLECTION}.module_utils._kernel.peers")
PLACES = ("", "ns1", "ns2")
PLACEMENTS = list(itertools.product(PLACES, PLACES))


@pytest.fixture(autouse=True)
def two_namespaces(host: Host) -> None:
    host.sh("ip netns add ns1; ip netns add ns2; ip netns add ns3")


def cable(near: str, far: str, **peer: Any) -> dict[str, Any]:
    return {"netns": near or None, "name": "a", "peer": {"netns": far or None, "name": "b", **peer}}


def where(host: Host, name: str) -> list[str]:
    return [netns for netns in (*PLACES, "ns3") if host.link(name, netns)]


@pytest.mark.parametrize(("near", "far"), PLACEMENTS)
def test_made_in_place(host: Host, converge: Any, near: str, far: str) -> None:
    options = cable(near, far, addresses=["10.0.0.2/24", "fd00::2/64"], mtu=1300)
    done = converge("veth", addresses=["10.0.0.1/24", "fd00::1/64"], txqueuelen=0, **options)
    assert [step["what"].split()[0] for step in done["steps"]].count("create") == 1
    assert (where(host, "a"), where(host, "b")) == ([near], [far])
    ends = host.attributes("a", near), host.attributes("b", far)
    assert [end["up"] for end in ends] == [True, True]
    assert [end["mtu"] for end in ends] == [1500, 1300]
    assert [end["txqueuelen"] for end in ends] == [0, 1000]
    assert [end["addresses"] for end in ends] == [["10.0.0.1/24", "fd00::1/64"], ["10.0.0.2/24", "fd00::2/64"]]
    peer = {**ends[1], "netns": far or None, "name": "b"}
    assert done["veth"] == {**ends[0], "netns": near or None, "name": "a", "peer": peer}
    if near != far:
        assert host.pings("10.0.0.2", near)
    if (near, far) == ("ns1", "ns2"):
        assert host.pings("fd00::2", near)
    converge("veth", netns=far or None, name="b", state="absent")
    assert where(host, "a") == where(host, "b") == []


def test_one_message_makes_it_in_place(host: Host, tmp_path: Path) -> None:
    """A monitor on the host sees nothing of a cable between two namespaces; what it sees, it sees in order."""
    seen = tmp_path / "seen"

    def listens() -> bool:
        host.sh("ip link set before up; ip link set before down")
        return "before" in seen.read_text()

    command = ["nsenter", "-t", str(host.pid), "-n", "-m", "ip", "monitor", "link"]
    with seen.open("w", encoding="utf-8") as told, subprocess.Popen(command, stdout=told) as monitor:
        try:
            host.sh("ip link add before type bridge")
            assert until(listens)
            host.do("veth", netns="ns1", name="first", peer={"netns": "ns2", "name": "second"})
            host.sh("ip link add after type bridge")
            assert until(lambda: "after" in seen.read_text())
        finally:
            monitor.kill()
    assert "first" not in seen.read_text()
    assert "second" not in seen.read_text()


def is_moved(now: tuple[str, str], wanted: tuple[str, str]) -> bool:
    """Whether the cable is recognised: by an end that stays, on the host, wanted there, or turned round."""
    return now[0] == wanted[0] or now[1] == wanted[1] or ("", "") in (now, wanted) or now == wanted[::-1]


@pytest.mark.parametrize("start", PLACEMENTS)
def test_moved_by_either_or_both_ends_and_back(host: Host, start: tuple[str, str]) -> None:
    made = host.do("veth", addresses=["10.0.0.1/24"], **cable(*start, mtu=1400, addresses=["fd00::5/64"], up=False))
    ends = attributes_of(made["veth"]), attributes_of(made["veth"]["peer"])
    for target in PLACEMENTS[PLACEMENTS.index(start) + 1 :]:
        if not is_moved(start, target):
            continue
        predicted = host.do("veth", check=True, **cable(*target, up=False))
        for near, far in (target, start):
            done = host.do("veth", **cable(near, far, up=False))
            assert done["changed"]
            assert all(step["what"].split()[0] != "create" for step in done["steps"])
            if (near, far) == target:
                assert (done["steps"], done["diff"]) == (predicted["steps"], predicted["diff"])
            held = [link["ifname"] for netns in host.picture().values() for link in netns[0]]
            assert (held.count("a"), held.count("b")) == (1, 1)
            assert (host.attributes("a", near), host.attributes("b", far)) == ends, (start, target)
    assert not host.do("veth", **cable(*start, up=False))["changed"]


def attributes_of(shown: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in shown.items() if key not in ("netns", "name", "peer")}


def test_neighbours_in_a_chain_are_not_taken_for_one_that_moved(host: Host) -> None:
    chain = ["", "ns1", "ns2", "ns3"]
    for expected in (True, False):
        for left, right in zip(chain, chain[1:]):
            peer = {"netns": right or None, "name": "left"}
            done = host.do("veth", netns=left or None, name="right", peer=peer)
            assert done["changed"] is expected, (left, right, done["steps"])
    assert (where(host, "right"), where(host, "left")) == (["", "ns1", "ns2"], ["ns1", "ns2", "ns3"])


def test_both_ends_with_one_name(host: Host, converge: Any) -> None:
    converge("veth", netns="ns1", name="eth0", peer={"netns": "ns2", "name": "eth0"})
    assert not host.do("veth", netns="ns2", name="eth0", peer={"netns": "ns1", "name": "eth0"})["changed"]
    converge("veth", netns="ns1", name="eth0", peer={"name": "eth0"})
    converge("veth", netns="ns2", name="eth0", peer={"netns": "ns1", "name": "eth0"})
    assert where(host, "eth0") == ["ns1", "ns2"]


def test_a_device_of_that_name_on_the_host_is_not_in_the_way(host: Host, converge: Any) -> None:
    host.sh("ip link add eth0 type bridge; ip link add eth1 type bridge")
    converge("veth", netns="ns1", name="eth0", peer={"name": "host1"})
    converge("veth", netns="ns2", name="eth0", peer={"netns": "ns3", "name": "eth1"})
    converge("veth", name="host3", peer={"netns": "ns3", "name": "eth0"})
    assert (where(host, "eth0"), where(host, "eth1")) == (["", "ns1", "ns2", "ns3"], ["", "ns3"])
    assert (where(host, "host1"), where(host, "host3")) == ([""], [""])
    assert [host.link(name)["linkinfo"]["info_kind"] for name in ("eth0", "eth1")] == ["bridge", "bridge"]


def test_what_stands_in_its_place(host: Host, refused: Any) -> None:
    host.sh("ip link add br0 type bridge; ip link add name a type veth peer name x netns ns1")
    host.sh("ip link add mv0 link a type macvlan")
    far = {"netns": "ns1", "name": "b"}
    assert refused("veth", name="br0", peer=far) == "name: br0 exists and is a bridge, not a veth"
    assert refused("veth", name="mv0", peer=far) == "name: mv0 exists and is a macvlan, not a veth"
    assert refused("veth", name="lo", peer=far) == "name: lo exists and is the loopback device, not a veth"
    message = refused("veth", name="a", peer=far)
    assert message.startswith(
        "peer.name: the cable from a leads to ns1/x, not to ns1/b; delete it first (ip link delete dev a)"
    )
    message = refused("veth", name="c", peer={"netns": "ns1", "name": "x"})
    assert message == "peer.name: ns1/x exists and is the end of another cable leading to a, not of one to c"
    assert refused("veth", name="c", peer={"name": "br0"}) == "peer.name: br0 exists and is a bridge, not a veth"
    host.sh("ip link add name b type bridge", "ns2")
    host.do("veth", name="near", peer={"netns": "ns1", "name": "b"})
    message = refused("veth", name="near", peer={"netns": "ns2", "name": "b"})
    assert message == "peer.name: ns2/b exists and is a bridge, not a veth"
    host.sh("ip link add near type bridge", "ns2")
    message = refused("veth", netns="ns2", name="near", peer={"netns": "ns1", "name": "b"})
    assert message == "name: ns2/near exists and is a bridge, not a veth"


def test_a_far_end_that_has_no_name_here(host: Host, refused: Any) -> None:
    host.sh("ip netns add hidden; ip link add name a type veth peer name b netns hidden")
    inside = ["nsenter", "-t", str(host.pid), "-n", "-m", "ip", "netns", "exec", "hidden"]
    keeper = subprocess.Popen([*inside, "sh", "-c", "echo in; exec sleep 60"], stdout=subprocess.PIPE, text=True)
    assert keeper.stdout
    assert keeper.stdout.readline() == "in\n"
    host.sh("ip netns delete hidden")
    message = refused("veth", name="a", peer={"netns": "ns1", "name": "b"})
    assert message == "peer: the far end of a is in a namespace that has no name here"
    assert host.do("veth", name="a", state="absent")["changed"]
    keeper.kill()
    keeper.communicate()


def test_wrong_options(refused: Any) -> None:
    for name in ("", "a" * 16, "ü" * 8, "a/b", "..", ".", "a b", "a:b"):
        assert refused("veth", name=name, peer={"name": "b"}).startswith("name: ")
        assert refused("veth", name="a", peer={"name": name}).startswith("peer.name: ")
    assert "both ends of the cable are a" in refused("veth", name="a", peer={"name": "a"})
    assert "peer" in refused("veth", name="a")
    assert refused("veth", name="a", peer=None).startswith("peer: is required")
    for option, value in (("mtu", 67), ("mtu", 65536), ("mac", "01:00:00:00:00:01"), ("txqueuelen", -1)):
        assert refused("veth", name="a", peer={"name": "b"}, **{option: value}).startswith(f"{option}: ")
        assert refused("veth", name="a", peer={"name": "b", option: value}).startswith(f"peer.{option}: ")
    message = refused("veth", name="a", peer={"name": "b", "addresses": ["fd00::1"], "mtu": 1000})
    assert message.startswith("peer.mtu: 1000 is too small for the IPv6 addresses")
    assert refused("veth", name="a", peer={"name": "b", "netns": "no"}, checked=False).startswith(
        "peer.netns: namespace no"
    )
    message = refused("veth", name="a", peer={"name": "b", "master": "br0"}, checked=False)
    assert message.startswith("peer.master: there is no link br0 in the host")


def test_both_ends_are_configured(host: Host, converge: Any) -> None:
    host.sh("ip link add br0 type bridge; ip -n ns1 link add br1 type bridge")
    host.do("veth", **cable("", "ns1"))
    peer = {"up": False, "mac": "02-00-00-00-00-0B", "txqueuelen": 0, "mtu": 9000, "master": "br1"}
    done = converge(
        "veth", up=False, mac="02:00:00:00:00:0A", txqueuelen=5, mtu=1400, master="br0", **cable("", "ns1", **peer)
    )
    near, far = host.attributes("a"), host.attributes("b", "ns1")
    assert near == {
        "up": False,
        "mac": "02:00:00:00:00:0a",
        "txqueuelen": 5,
        "mtu": 1400,
        "master": "br0",
        "addresses": [],
    }
    assert far == {
        "up": False,
        "mac": "02:00:00:00:00:0b",
        "txqueuelen": 0,
        "mtu": 9000,
        "master": "br1",
        "addresses": [],
    }
    assert done["diff"]["before"]["peer"]["master"] == ""
    converge("veth", master="", **cable("", "ns1", master="", up=False))
    assert host.attributes("a")["master"] == host.attributes("b", "ns1")["master"] == ""


def test_not_given_is_left_alone(host: Host) -> None:
    host.sh("ip link add br0 type bridge")
    everything = {
        "addresses": ["10.0.0.1/24"],
        "mtu": 1400,
        "txqueuelen": 0,
        "mac": "02:00:00:00:00:0a",
        "master": "br0",
    }
    host.do("veth", **everything, **cable("", "ns1", addresses=["fd00::1/64"], txqueuelen=0))
    assert not host.do("veth", **cable("", "ns1"))["changed"]


def test_a_move_loses_the_bridge_and_a_declared_one_takes_over(host: Host, converge: Any) -> None:
    host.sh("ip link add br0 type bridge; ip -n ns2 link add br0 type bridge")
    host.do("veth", **cable("ns1", "", master="br0", addresses=["10.0.0.1/24"]))
    converge("veth", **cable("ns1", "ns2", master="br0"))
    assert host.attributes("b", "ns2")["master"] == "br0"
    assert host.attributes("b", "ns2")["addresses"] == ["10.0.0.1/24"]


def test_its_mac_is_always_the_same(host: Host) -> None:
    predicted = host.do("veth", check=True, **cable("ns1", ""))
    macs = []
    for dummy in range(2):
        made = host.do("veth", **cable("ns1", ""))["veth"]
        macs.append((made["mac"], made["peer"]["mac"]))
        host.do("veth", name="b", state="absent")
    assert macs == [(predicted["veth"]["mac"], predicted["veth"]["peer"]["mac"])] * 2
    assert host.do("veth", **cable("ns2", ""))["veth"]["mac"] != macs[0][0]


def test_absent(host: Host, converge: Any, refused: Any) -> None:
    for given in (cable("ns1", ""), {"netns": "ns1", "name": "a"}, {"name": "b"}, cable("ns2", "")):
        host.do("veth", **cable("ns1", ""))
        assert converge("veth", state="absent", **given)["veth"] is None
        assert where(host, "a") == where(host, "b") == []
    host.do("veth", **cable("ns1", ""))
    host.sh("ip link add br0 type bridge")
    assert refused("veth", name="br0", state="absent") == "name: br0 is a bridge, not a veth; it is left alone"
    message = refused("veth", name="b", state="absent", peer={"name": "other"})
    assert message == "peer.name: the cable from b leads to ns1/a, not to other; it is left alone"
    for missing in ({"name": "nope"}, {"netns": "nowhere", "name": "a"}):
        assert not host.do("veth", state="absent", **missing)["changed"]


@pytest.mark.parametrize("name", ["a" * 15, "eth0.100", "-x", "ü" * 7, "--", "1"])
def test_unusual_names(host: Host, converge: Any, name: str) -> None:
    done = converge("veth", netns="ns1", name=name, addresses=["10.0.0.1/24"], peer={"name": name, "mtu": 1400})
    assert done["veth"]["peer"]["name"] == name
    assert host.addresses(name, "ns1") == ["10.0.0.1/24"]
    converge("veth", netns="ns1", name=name, peer={"netns": "ns2", "name": name})
    converge("veth", netns="ns2", name=name, state="absent")


def test_a_name_that_is_taken_meanwhile(host: Host) -> None:
    from ansible_collections.nsfabric.linux.plugins.module_utils import _transaction

    real = _transaction.apply

    def late(session: Any, steps: Any) -> None:
        _transaction.apply = real
        subprocess.run(["ip", "link", "add", "name", "b", "type", "bridge"], check=True)
        real(session, steps)

    def inside() -> None:
        _transaction.apply = late

    done = host.module("veth", inside=inside, **cable("ns1", ""))
    assert "cannot create cable ns1/a -- b in namespace ns1: " in done["msg"]
    assert "File exists" in done["msg"]
    assert where(host, "a") == []
    assert host.link("b")["linkinfo"]["info_kind"] == "bridge", "the other one's device is left alone"


def test_check_mode_takes_what_is_missing_for_granted(host: Host) -> None:
    options = {"netns": "new1", "name": "a", "peer": {"netns": "new2", "name": "b", "master": "br0"}}
    done = host.do("veth", check=True, **options)
    assert done["steps"][0]["what"] == "create cable new1/a -- new2/b"
    for word in ("namespace new1", "namespace new2", "link new2/br0"):
        assert f"{word} does not exist yet" in warnings(done)


@pytest.mark.parametrize("mac", [None, "02:00:00:00:00:01"], ids=["by their addresses", "alike"])
def test_a_chain_of_routers_whose_cables_all_have_the_same_numbers(host: Host, mac: Optional[str]) -> None:
    """The kernel says of each near end in which namespace its far end is by a number that only the near one knows."""
    size = 16
    alike = {"mac": mac} if mac else {}
    config = {
        "netns": [{"name": f"r{number}"} for number in range(size)],
        "veth": [
            {"netns": f"r{number}", "name": "right", "peer": {"netns": f"r{number + 1}", "name": "left", **alike}}
            for number in range(size - 1)
        ],
    }
    host.do("topology", name="lab", config=config)
    numbers = [host.json("ip -j link show right", f"r{each}")[0] for each in range(1, size - 1)]
    assert len({(row["ifindex"], row["link_index"]) for row in numbers}) == 1
    real, asked = peers.Peers._number, []

    def counted(self: Any, name: str, other: str) -> int:
        asked.append((name, other))
        assert mac or len(asked) <= 2 * size, "each is asked for each"
        return int(real(self, name, other))

    def inside() -> None:
        mock.patch.object(peers.Peers, "_number", counted).start()

    assert host.module("topology", name="lab", config=config, inside=inside)["steps"] == []
    host.do("topology", name="lab", state="absent")
    assert {row["name"] for row in host.json("ip -j netns")} == {"ns1", "ns2", "ns3"}
