# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bridges: each setting by itself, exact ports, and the MTU, MAC and timers that the kernel has its own mind about."""

from __future__ import annotations

from typing import Any

import features
import pytest
from host import Host, until, warnings

WORDS = {"stp": "stp_state"}
SETTINGS = ("stp", "priority", "forward_delay", "hello_time", "max_age", "ageing_time", "vlan_filtering")


def settings(host: Host, name: str = "br0", netns: str = "") -> dict[str, Any]:
    link = host.link(name, netns)
    assert link is not None
    return {option: link["linkinfo"]["info_data"][WORDS.get(option, option)] for option in SETTINGS}


def ports(host: Host, name: str = "br0", netns: str = "") -> list[str]:
    return sorted(link["ifname"] for link in host.json("ip -j link", netns) if link.get("master") == name)


@pytest.fixture
def cables(host: Host) -> None:
    host.sh("for n in 1 2 3; do ip link add p$n type veth peer name q$n; ip link set p$n up; ip link set q$n up; done")


def test_made_and_deleted(host: Host, converge: Any) -> None:
    done = converge("bridge", name="br0", addresses=["10.0.0.1/24", "fd00::1/64"])
    assert host.attributes("br0") == {
        "up": True,
        "mtu": 1500,
        "mac": done["bridge"]["mac"],
        "txqueuelen": 1000,
        "master": "",
        "addresses": ["10.0.0.1/24", "fd00::1/64"],
    }
    shown = {option: done["bridge"][option] for option in SETTINGS}
    assert {option: int(value) for option, value in shown.items()} == settings(host)
    assert (shown["stp"], shown["vlan_filtering"]) == (False, False)
    assert done["bridge"]["ports"] == []
    assert converge("bridge", name="br0", state="absent")["bridge"] is None
    assert host.link("br0") is None


def test_made_with_everything_in_a_namespace(host: Host, converge: Any) -> None:
    host.sh("ip netns add ns1; ip -n ns1 link add p1 type veth peer name q1")
    wanted = {"stp": True, "priority": 0, "forward_delay": 200, "hello_time": 100, "max_age": 600, "ageing_time": 0}
    options = {"mtu": 1400, "mac": "02-00-00-00-00-0A", "txqueuelen": 0, "up": False, "ports": ["p1"]}
    converge("bridge", netns="ns1", name="br0", addresses=["10.0.0.1/24"], **wanted, **options)
    assert settings(host, netns="ns1") == {**wanted, "stp": 1, "vlan_filtering": 0}
    assert ports(host, netns="ns1") == ["p1"]
    held = host.attributes("br0", "ns1")
    assert (held["mtu"], held["mac"], held["txqueuelen"], held["up"]) == (1400, "02:00:00:00:00:0a", 0, False)
    assert host.link("br0") is None


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("stp", [True, False]),
        ("priority", [1, 0, 65535]),
        ("forward_delay", [0, 2, 3000]),
        ("hello_time", [100, 1000]),
        ("max_age", [600, 4000]),
        ("ageing_time", [0, 100, 1000000]),
        ("mtu", [68, 9000, 1500]),
        ("txqueuelen", [0, 5]),
        ("up", [False, True]),
        ("addresses", [["10.0.0.1/32"], []]),
    ],
)
def test_one_setting_and_no_other(host: Host, converge: Any, option: str, values: list[Any]) -> None:
    host.do("bridge", name="br0")
    before = {**settings(host), **host.attributes("br0")}
    for value in values:
        done = converge("bridge", name="br0", **{"up": before["up"], option: value})
        assert {**settings(host), **host.attributes("br0")} == {**before, option: value}
        assert done["diff"]["after"] == {"netns": None, "name": "br0", option: value}


def test_not_given_is_left_alone(host: Host, cables: None) -> None:
    host.sh("ip link add br0 mtu 1400 address 02:00:00:00:00:0a type bridge stp_state 1 priority 7 ageing_time 0")
    host.sh("ip link set br0 up; ip addr add 10.0.0.1/24 dev br0; ip link set p1 master br0")
    assert host.do("bridge", name="br0")["changed"] is False
    assert host.do("bridge", name="br0", stp=True, priority=7, ageing_time=0, ports=["p1"])["changed"] is False


def test_ports_are_exact(host: Host, converge: Any, cables: None) -> None:
    host.sh("ip link add other type bridge; ip link set p3 master other")
    for wanted in (["p1", "p2"], ["p2", "p3"], ["p2"], []):
        done = converge("bridge", name="br0", ports=wanted)
        assert ports(host) == sorted(wanted)
        assert done["bridge"]["ports"] == sorted(wanted)
    host.sh("ip link set p1 master br0")
    assert host.do("bridge", name="br0", ports=["p1", "p1"])["changed"] is False


def test_ports_and_masters_agree(host: Host, converge: Any, refused: Any, cables: None) -> None:
    host.sh("ip netns add ns1; ip link add br0 type bridge; ip link set br0 up; ip link set p1 master br0")
    veth = {"netns": "ns1", "name": "eth0", "peer": {"name": "port", "master": "br0"}}
    bridge = {"name": "br0", "ports": ["p2"]}
    converge("topology", name="lab", config={"bridge": [bridge], "veth": [veth]})
    assert ports(host) == ["p2", "port"]
    for config, message in (
        (
            {"bridge": [bridge], "link": [{"name": "p2", "master": ""}]},
            "p2 is declared as a port of no bridge elsewhere",
        ),
        ({"bridge": [bridge, {"name": "br1", "ports": ["p2"]}]}, "p2 is declared as a port of br1 elsewhere"),
    ):
        assert f"config.bridge[0].ports[0]: {message}" in refused("topology", name="lab", config=config)


def test_what_is_no_bridge_and_no_port(host: Host, converge: Any, refused: Any, cables: None) -> None:
    assert refused("bridge", name="p1") == "name: p1 exists and is a veth, not a bridge"
    assert refused("bridge", name="lo") == "name: lo exists and is the loopback device, not a bridge"
    assert refused("bridge", name="p1", state="absent") == "name: p1 is a veth, not a bridge; it is left alone"
    host.sh("ip link add br1 type bridge")
    assert refused("bridge", name="br0", ports=["br1"]) == "ports[0]: br1 is a bridge, which cannot be a bridge port"
    message = refused("bridge", name="br0", ports=["p1", "lo"])
    assert message == "ports[1]: lo is the loopback device, which cannot be a bridge port"
    assert refused("bridge", name="br0", ports=["br0"]) == "ports: br0 cannot be a port of itself"
    assert refused("bridge", name="br0", master="br1").startswith(
        "master: the kernel does not put a bridge into another"
    )
    assert refused("bridge", name="br0", ports=["p9"], checked=False).startswith("ports[0]: there is no link p9")
    assert refused("bridge", name="br0", netns="no", checked=False).startswith("netns: namespace no does not exist")
    for option, value in (("priority", 65536), ("hello_time", 99), ("max_age", 4001), ("ageing_time", -1), ("mtu", 67)):
        assert refused("bridge", name="br0", **{option: value}).startswith(f"{option}: {value} is out of range")
    assert not host.do("bridge", name="br9", state="absent")["changed"]
    assert not host.do("bridge", name="br9", netns="no", state="absent")["changed"]


def test_the_spanning_trees_delays(host: Host, converge: Any, refused: Any) -> None:
    assert refused("bridge", name="br0", stp=True, forward_delay=199).startswith(
        "forward_delay: with the spanning tree"
    )
    converge("bridge", name="br0", forward_delay=0)
    # The kernel raises a delay that is too short for the spanning tree; that is predicted.
    assert converge("bridge", name="br0", stp=True)["diff"]["after"]["forward_delay"] == 200
    assert settings(host)["forward_delay"] == 200
    assert refused("bridge", name="br0", forward_delay=0).startswith("forward_delay: with the spanning tree")
    converge("bridge", name="br0", stp=False, forward_delay=0)
    converge("bridge", name="br0", stp=True, forward_delay=300)
    assert settings(host)["forward_delay"] == 300


def test_vlan_filtering(host: Host, converge: Any, refused: Any) -> None:
    assert not host.do("bridge", name="br0", check=True, vlan_filtering=False).get("failed")
    if features.has("vlan_filtering"):
        for wanted in (True, False):
            done = converge("bridge", name="br0", vlan_filtering=wanted)
            assert done["bridge"]["vlan_filtering"] is wanted
            assert settings(host)["vlan_filtering"] == int(wanted)
    else:
        message = refused("bridge", name="br0", vlan_filtering=True)
        assert message.startswith("vlan_filtering: this kernel's bridges cannot filter VLANs")
        converge("bridge", name="br0", vlan_filtering=False)


def test_vlan_filtering_in_a_namespace_and_the_vlans_of_others(host: Host, converge: Any, refused: Any) -> None:
    host.sh("ip netns add ns1; ip -n ns1 link add p1 type veth peer name q1")
    options = {"netns": "ns1", "name": "br0", "ports": ["p1"], "vlan_filtering": True}
    if not features.has("vlan_filtering"):
        assert refused("bridge", **options).startswith("vlan_filtering: this kernel's bridges cannot filter VLANs")
        return
    converge("bridge", **options)
    host.sh("bridge vlan add dev p1 vid 7", "ns1")
    vlans = host.json("bridge -j vlan show dev p1", "ns1")
    assert [vlan["vlan"] for vlan in vlans[0]["vlans"]] == [1, 7]
    assert host.do("bridge", **options)["changed"] is False
    converge("bridge", **{**options, "stp": True})
    assert settings(host, netns="ns1")["vlan_filtering"] == 1
    assert host.json("bridge -j vlan show dev p1", "ns1") == vlans
    assert host.do("bridge", netns="ns1", name="br0")["bridge"]["vlan_filtering"] is True


@pytest.mark.parametrize(("mtu", "of_port"), [(9000, 1500), (1500, 1400), (1400, 9000), (1280, 1500)])
def test_a_declared_mtu_stays_whatever_the_ports_have(
    host: Host, converge: Any, cables: None, mtu: int, of_port: int
) -> None:
    host.sh(f"ip link set p1 mtu {of_port}; ip link set p2 mtu 1300; ip link add old type bridge")
    converge("bridge", name="br0", mtu=mtu, ports=["p1"])
    host.sh("ip link set p2 master br0")
    assert host.do("bridge", name="br0", mtu=mtu)["changed"] is False
    assert host.attributes("br0")["mtu"] == mtu
    # One that was made without an MTU follows its ports until it is given one.
    converge("bridge", name="old", mtu=mtu, ports=["p1", "p2"])
    assert host.attributes("old")["mtu"] == mtu


def test_an_mtu_that_is_not_declared_follows_the_ports(host: Host, converge: Any, cables: None) -> None:
    host.sh("ip link set p1 mtu 9000; ip link set p2 mtu 1400")
    for wanted, mtu in ((["p1"], 9000), (["p1", "p2"], 1400), (["p1"], 9000)):
        predicted = host.do("bridge", check=True, name="br0", ports=wanted)
        assert predicted["bridge"] == converge("bridge", name="br0", ports=wanted)["bridge"]
        assert host.attributes("br0")["mtu"] == predicted["bridge"]["mtu"] == mtu


def test_the_mac_stays_when_ports_come_and_go(host: Host, converge: Any, cables: None) -> None:
    host.sh("ip link set p1 address 02:00:00:00:00:01")
    mac = converge("bridge", name="br0")["bridge"]["mac"]
    for wanted in (["p1", "p2"], ["p2"], []):
        assert converge("bridge", name="br0", ports=wanted)["bridge"]["mac"] == mac
        assert host.attributes("br0")["mac"] == mac
    host.do("bridge", name="br0", state="absent")
    assert host.do("bridge", name="br0")["bridge"]["mac"] == mac


def test_its_ports_outlive_it(host: Host, converge: Any, cables: None) -> None:
    host.do("bridge", name="br0", ports=["p1", "p2"])
    converge("bridge", name="br0", state="absent")
    assert [host.attributes(name)["master"] for name in ("p1", "p2")] == ["", ""]


def test_addresses_outlive_the_way_down(host: Host, converge: Any) -> None:
    host.do("bridge", name="br0", addresses=["10.0.0.1/24", "fd00::1/64"])
    converge("bridge", name="br0", up=False)
    assert host.attributes("br0")["addresses"] == ["10.0.0.1/24", "fd00::1/64"]


def test_a_port_that_cannot_be_taken_leaves_nothing_behind(host: Host, refused: Any, cables: None) -> None:
    # Out of sight, in a namespace that nobody has declared.
    host.sh("ip netns add away; ip link add mv0 link p2 netns away type macvlan")
    host.sh("ip link add other type bridge; ip link set p3 master other")
    options = {"addresses": ["10.0.0.1/24"], "stp": True, "ports": ["p1", "p3", "p2"]}
    message = refused("bridge", name="br0", checked=False, **options)
    assert "cannot set p2: master br0 in the host: " in message
    assert "Device or resource busy" in message
    assert message.endswith("The host was put back as it was found.")
    host.sh("ip link add br0 type bridge priority 5; ip link set br0 up; ip addr add 10.9.0.1/16 dev br0")
    assert refused("bridge", name="br0", checked=False, priority=0, **options).endswith("was put back as it was found.")


def test_a_time_that_this_kernel_cannot_keep_exactly(host: Host, refused: Any, converge: Any) -> None:
    """Kernels of 250 Hz count in steps of 4 ms: 501 would become 500, which is told before anything changes."""
    host.sh("ip link add br0 type bridge forward_delay 501")
    kept = settings(host)["forward_delay"]
    if kept == 501:
        converge("bridge", name="br1", forward_delay=501)
        return
    for wanted, instead in ((501, kept), (1, 0)):
        assert refused("bridge", name="br1", forward_delay=wanted) == (
            "forward_delay: this kernel counts time in steps of 4 ms: "
            f"it would keep {instead} in place of {wanted} hundredths of a second"
        )
    assert host.link("br1") is None
    assert refused("bridge", name="br0", ageing_time=1).startswith("ageing_time: this kernel counts time")


def test_check_mode_takes_what_is_missing_for_granted(host: Host) -> None:
    done = host.do("bridge", check=True, netns="new", name="br0", ports=["p1"], addresses=["10.0.0.1/24"])
    assert "namespace new does not exist yet" in warnings(done)
    assert "link new/p1 does not exist yet" in warnings(done)


PLAY: list[tuple[str, dict[str, Any]]] = [
    ("netns", {"name": "ns1"}),
    ("bridge", {"name": "br0", "addresses": ["10.1.0.254/24"]}),
    ("veth", {"netns": "ns1", "name": "eth0", "addresses": ["10.1.0.1/24"], "peer": {"name": "p1", "master": "br0"}}),
    ("link", {"netns": "ns1", "name": "eth0", "mtu": 1400, "addresses": ["10.1.0.1/24", "fd00::1/64"]}),
    ("bridge", {"name": "br0", "ports": ["p1"], "stp": True}),
    ("netns_sysctl", {"netns": "ns1", "name": "net.ipv4.conf.eth0.accept_local", "value": 1}),
    ("netns_route", {"netns": "ns1", "destination": "default", "gateway": "10.1.0.254"}),
    ("netns_neighbor", {"netns": "ns1", "device": "eth0", "address": "10.1.0.2", "mac": "02:00:00:00:00:01"}),
    ("masquerade", {"source": "10.1.0.0/24", "out_interface": "!br0"}),
    ("forward_accept", {"in_interface": "br0", "out_interface": "br0"}),
    ("veth", {"netns": "ns1", "name": "eth0", "peer": {"name": "p1", "master": ""}}),
]


def test_a_whole_play_in_check_mode_on_a_bare_host(host: Host) -> None:
    before = host.picture()
    for module, options in PLAY:
        done = host.do(module, check=True, **options)
        assert done["changed"], (module, options, done)
    assert host.picture() == before
    for module, options in PLAY:
        assert host.do(module, **options)["changed"], (module, options)


def times(host: Host, name: str) -> dict[str, int]:
    """What the kernel tells of a bridge's times."""
    told = host.link(name)["linkinfo"]["info_data"]
    return {each: told[each] for each in ("forward_delay", "hello_time", "max_age", "ageing_time")}


def test_the_times_of_a_spanning_trees_root_are_not_the_bridges_own(host: Host) -> None:
    first = {"name": "br0", "stp": True, "priority": 0, "hello_time": 100, "max_age": 1000, "forward_delay": 600}
    own = {"hello_time": 200, "max_age": 2000, "forward_delay": 1500}
    second = {"name": "br1", "stp": True, "priority": 40960, **own}
    cable = {"name": "p0", "master": "br0", "peer": {"name": "p1", "master": "br1"}}
    config = {"bridge": [first, second], "veth": [cable]}
    host.do("topology", name="lab", config=config)
    assert until(lambda: times(host, "br1")["hello_time"] == 100), "br1 never heard of its root"
    done = host.do("topology", name="lab", config=config)
    assert done["steps"] == []
    assert "br1 has the times of its spanning tree's root" in warnings(done)
    told = {each["name"]: each for each in host.do("topology_info")["config"]["bridge"]}
    assert not own.keys() & told["br1"].keys()


def test_twice_the_delay_is_no_ageing_time(host: Host) -> None:
    host.sh("ip link add br0 type bridge stp_state 1 forward_delay 200 ageing_time 6000; ip link set br0 up")
    host.sh("ip link add p type veth peer name q; ip link set p master br0; ip link set p up; ip link set q up")
    assert until(lambda: times(host, "br0")["ageing_time"] == 400), "no topology change was told"
    config = {"bridge": [{"name": "br0", "ageing_time": 6000}]}
    done = host.do("topology", name="lab", config=config)
    assert (done["steps"], "ageing_time" in warnings(done)) == ([], True)
    assert "ageing_time" not in host.do("topology_info")["config"]["bridge"][0]
