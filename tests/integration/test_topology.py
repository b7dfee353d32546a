# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`topology` and `topology_info`: one call, one transaction, and the host as it was found afterwards."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from host import Host, warnings
from snapshot import snapshot

STAR: dict[str, Any] = {
    "netns": [{"name": "ns1"}, {"name": "ns2"}],
    "bridge": [{"name": "br0", "addresses": ["10.1.0.254/24", "fd00:1::fe/64"]}],
    "veth": [
        {
            "name": f"veth{n}",
            "netns": f"ns{n}",
            "addresses": [f"10.1.0.{n}/24", f"fd00:1::{n}/64"],
            "peer": {"name": f"br-veth{n}", "master": "br0"},
        }
        for n in (1, 2)
    ],
    "netns_route": [
        {"netns": "ns1", "destination": "default", "gateway": "10.1.0.254"},
        {"netns": "ns1", "destination": "::/0", "gateway": "fd00:1::fe"},
        {"netns": "ns2", "destination": "default", "gateway": "10.1.0.254"},
    ],
    "netns_neighbor": [
        {"netns": "ns1", "device": "veth1", "address": "10.1.0.2", "mac_of": {"netns": "ns2", "name": "veth2"}}
    ],
    "netns_sysctl": [
        {"name": "net.ipv4.ip_forward", "value": 1},
        {"netns": "ns2", "name": "net.ipv4.conf.veth2.accept_local", "value": True},
    ],
    "masquerade": [{"source": "10.1.0.0/24", "out_interface": "!br0"}],
    "forward_accept": [{"in_interface": "br0", "replies": True}],
}


def star(leaves: int) -> dict[str, Any]:
    """Namespaces on one bridge, each with a default route."""
    return {
        "netns": [{"name": f"ns{n}"} for n in range(leaves)],
        "bridge": [{"name": "br0", "addresses": ["10.1.0.254/24"]}],
        "veth": [
            {
                "name": "eth0",
                "netns": f"ns{n}",
                "addresses": [f"10.1.0.{n + 1}/24"],
                "peer": {"name": f"port{n}", "master": "br0"},
            }
            for n in range(leaves)
        ],
        "netns_route": [{"netns": f"ns{n}", "destination": "default", "gateway": "10.1.0.254"} for n in range(leaves)],
    }


def apply(host: Host, config: dict[str, Any], name: str = "lab", **options: Any) -> dict[str, Any]:
    done = host.module("topology", name=name, config=config, **options)
    assert not done.get("failed"), done["msg"]
    return done


def test_a_star_is_built_proven_and_taken_down(host: Host, converge: Any) -> None:
    before = snapshot(host)
    converge("topology", name="lab", config=STAR)
    assert sorted(host.addresses("veth1", "ns1")) == ["10.1.0.1/24", "fd00:1::1/64"]
    assert [host.link(f"br-veth{n}")["master"] for n in (1, 2)] == ["br0", "br0"]
    assert host.routes("ns2")[0] | {"dst": "default", "gateway": "10.1.0.254"} == host.routes("ns2")[0]
    neighbor = host.json("ip -j neighbor show nud permanent", "ns1")[0]
    assert (neighbor["dst"], neighbor["lladdr"]) == ("10.1.0.2", host.link("veth2", "ns2")["address"])
    assert host.sysctl("net/ipv4/ip_forward") == "1"
    assert host.sysctl("net/ipv4/conf/veth2/accept_local", "ns2") == "1"
    assert host.pings("10.1.0.2", "ns1")
    assert host.pings("fd00:1::fe", "ns1")
    converge("topology", name="lab", state="absent")
    assert snapshot(host) == before


@pytest.mark.parametrize("seed", range(4))
def test_the_order_in_the_file_does_not_matter(host: Host, seed: int) -> None:
    shuffled = random.Random(seed)
    config = {kind: shuffled.sample(entries, len(entries)) for kind, entries in STAR.items()}
    config = dict(shuffled.sample(list(config.items()), len(config)))
    apply(host, config)
    assert not apply(host, STAR)["changed"]


def test_a_document_that_lost_entries_removes_what_they_had_built(host: Host) -> None:
    host.sh("ip link add mine type bridge; ip netns add mine")
    apply(host, STAR)
    less = copy.deepcopy(STAR)
    for kind in ("netns", "veth", "netns_route"):
        less[kind] = [entry for entry in less[kind] if "ns2" not in (entry.get("netns"), entry.get("name"))]
    less["netns_neighbor"] = []
    less["netns_sysctl"] = []
    kept = apply(host, less, purge=False)
    assert not kept["changed"]
    purged = apply(host, less)
    assert purged["changed"]
    assert host.link("br-veth2") is None
    assert host.sh("ip netns list").split().count("ns2") == 0
    assert host.sysctl("net/ipv4/ip_forward") == "0"
    assert host.json("ip -j neighbor show nud permanent", "ns1") == []
    assert host.link("br-veth1")["master"] == "br0"
    assert not apply(host, less)["changed"]
    assert host.link("mine") is not None
    assert "mine" in host.sh("ip netns list")


def test_values_that_were_found_come_back(host: Host) -> None:
    host.sh(
        "ip link add eth0 type veth peer name eth0-far; ip link set eth0 up; ip link set eth0-far up mtu 1400;"
        "ip address add 192.0.2.1/24 dev eth0; ip route add default via 192.0.2.254;"
        "echo 1 > /proc/sys/net/ipv4/conf/eth0/forwarding; echo 2 > /proc/sys/net/ipv4/conf/all/rp_filter"
    )
    before = snapshot(host)
    config = {
        **STAR,
        "link": [
            {"name": "eth0", "addresses": ["198.51.100.1/24"], "mtu": 1300, "up": False},
            {"name": "eth0-far", "netns": "ns1", "up": True, "addresses": ["198.51.100.2/24"]},
        ],
        "netns_sysctl": [
            {"name": "net.ipv4.ip_forward", "value": 1},
            {"name": "net.ipv4.conf.all.rp_filter", "value": 0},
        ],
        "netns_neighbor": [],
    }
    apply(host, config)
    assert host.addresses("eth0") == ["198.51.100.1/24"]
    assert host.link("eth0-far", "ns1")["mtu"] == 1400
    assert not apply(host, config)["changed"]
    taken_down = host.module("topology", name="lab", state="absent")
    assert not taken_down.get("failed"), taken_down["msg"]
    assert snapshot(host) == before


def test_a_failing_step_puts_the_host_back(host: Host) -> None:
    host.sh("ip link add eth0 type veth peer name eth1; ip address add 192.0.2.1/24 dev eth0; ip link set eth0 up")
    before = snapshot(host)
    config = copy.deepcopy(STAR)
    config["link"] = [{"name": "eth0", "netns": "ns1", "addresses": []}]
    # The planner cannot know that the kernel refuses this value; the key belongs to a device made just before.
    config["netns_sysctl"].append({"name": "net.ipv4.conf.br-veth1.rp_filter", "value": "many"})
    failed = host.module("topology", name="lab", config=config)
    assert failed["failed"]
    assert failed["msg"] == (
        "cannot set net.ipv4.conf.br-veth1.rp_filter to 'many' in the host: Invalid argument; "
        "the kernel does not take this value. The host was put back as it was found."
    )
    assert snapshot(host) == before


def test_a_failure_while_changing_keeps_the_former_topology(host: Host) -> None:
    apply(host, STAR)
    before = snapshot(host)
    config = copy.deepcopy(STAR)
    config["veth"][0]["addresses"] = ["10.1.0.77/24"]
    config["veth"][1]["mtu"] = 1300
    del config["netns_route"][1]
    config["netns"].append({"name": "ns3"})
    # The kernel takes 1 to 255.
    config["netns_sysctl"].append({"netns": "ns3", "name": "net.ipv4.ip_default_ttl", "value": 0})
    failed = host.module("topology", name="lab", config=config)
    assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
    assert snapshot(host) == before
    assert not apply(host, STAR)["changed"]


def test_every_error_is_told_at_once_with_its_path(host: Host) -> None:
    before = snapshot(host)
    config = {
        "veth": [
            {"name": "x" * 16, "peer": {"name": "a/b", "mtuu": 4}},
            {"nam": "q"},
        ],
        "bridge": [{"name": "br0", "addresses": ["10.0.0.1/33"], "mtu": "many"}],
        "netns_route": [{"destination": "10.0.0.1/24", "device": "eth0"}],
        "brdge": [],
    }
    failed = host.module("topology", name="lab", config=config)
    assert [problem["path"] for problem in failed["problems"]] == [
        "config.veth[0].peer.mtuu",
        "config.veth[1].nam",
        "config.veth[1].name",
        "config.veth[1]",
        "config.bridge[0].mtu",
        "config.brdge",
        "config.bridge[0].addresses[0]",
        "config.veth[0].name",
        "config.veth[0].peer.name",
        "config.netns_route[0].destination",
    ]
    assert failed["msg"].startswith(
        "10 problems, nothing was changed:\n- config.veth[0].peer.mtuu: there is no such option"
    )
    assert snapshot(host) == before


def test_what_the_host_lacks_is_told_for_all_entries_before_anything_changes(host: Host) -> None:
    before = snapshot(host)
    config = {
        "netns": [{"name": "ns1"}],
        "veth": [{"name": "veth1", "netns": "ns9", "peer": {"name": "veth2"}}],
        "netns_route": [{"netns": "ns1", "destination": "default", "gateway": "10.9.0.1"}],
        "link": [{"name": "eth7", "up": True}],
    }
    failed = host.module("topology", name="lab", config=config)
    assert sorted(problem["path"] for problem in failed["problems"]) == [
        "config.link[0].name",
        "config.netns_route[0].gateway",
        "config.veth[0].netns",
    ]
    assert snapshot(host) == before


def test_one_device_declared_twice_is_a_contradiction(host: Host) -> None:
    config = {
        "bridge": [{"name": "br0"}],
        "veth": [
            {"name": "br0", "peer": {"name": "veth2"}},
            {"name": "veth1", "peer": {"name": "veth3", "mtu": 1400}},
            {"name": "veth1", "peer": {"name": "veth3"}},
        ],
    }
    failed = host.module("topology", name="lab", config=config)
    assert [(problem["path"], problem["message"]) for problem in failed["problems"]] == [
        ("config.veth[2]", "contradicts config.veth[1], which declares the same veth differently: peer")
    ]
    del config["veth"][2]
    failed = host.module("topology", name="lab", config=config)
    assert [(problem["path"], problem["message"]) for problem in failed["problems"]] == [
        ("config.veth[0].name", "br0 is declared already at config.bridge[0].name")
    ]


def test_a_live_host_reads_back_into_a_document_that_plans_nothing(host: Host) -> None:
    host.sh(
        "ip netns add a; ip netns add b;"
        "ip link add v1 netns a address 02:00:00:00:00:01 type veth peer name v1 netns b;"
        "ip link add br7 type bridge stp_state 1 forward_delay 400; ip link set br7 up;"
        "ip link add up0 type veth peer name up1; ip link set up0 master br7 up; ip link set up1 up;"
        "ip -n a address add 10.0.0.1/24 dev v1; ip -n a link set v1 up; ip -n b link set v1 up;"
        "ip -n b address add fd00::2/64 dev v1; ip -n a link set lo up; ip -n a address add 8.8.8.8/32 dev lo;"
        "ip -n a route add default via 10.0.0.2; ip -n a route add 10.5.0.0/16 dev v1 table 1000 metric 7;"
        "ip -n a route add 10.6.0.0/16 nexthop via 10.0.0.3 weight 2 nexthop via 10.0.0.4;"
        "ip -n b route add blackhole fd09::/64; ip -n a neighbor add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v1;"
        "ip -n a neighbor add proxy 10.0.0.10 dev v1"
    )
    config = host.module("topology_info")["config"]
    assert [entry["name"] for entry in config["netns"]] == ["a", "b"]
    assert {entry["name"] for entry in config["veth"]} == {"v1", "up0"}
    cable = next(entry for entry in config["veth"] if entry["name"] == "v1")
    assert (cable["netns"], cable["peer"]["netns"], cable["mac"]) == ("a", "b", "02:00:00:00:00:01")
    assert {entry["destination"] for entry in config["netns_route"]} == {
        "default",
        "10.5.0.0/16",
        "10.6.0.0/16",
        "fd09::/64",
    }
    assert len(config["netns_neighbor"]) == 2
    same = apply(host, config, name="copy")
    assert (same["changed"], same["steps"]) == (False, [])


def test_a_document_read_back_builds_the_same_on_a_bare_host(host: Host) -> None:
    apply(host, STAR)
    config = host.module("topology_info", names=["lab"])["config"]
    built = snapshot(host)
    host.module("topology", name="lab", state="absent")
    apply(host, config)
    assert snapshot(host) == built


def test_two_topologies_do_not_disturb_each_other(host: Host) -> None:
    apply(host, STAR)
    other = {
        "netns": [{"name": "x1"}],
        "veth": [{"name": "x", "netns": "x1", "addresses": ["10.2.0.1/24"], "peer": {"name": "x-far"}}],
    }
    between = snapshot(host)
    apply(host, other, name="other")
    assert [found["name"] for found in host.module("topology_info")["topologies"]] == ["lab", "other"]
    host.module("topology", name="other", state="absent")
    assert snapshot(host) == between


def test_what_two_topologies_declare_stays_until_the_last_one_goes(host: Host) -> None:
    host.sh("ip link add eth0 type bridge")
    before = snapshot(host)
    shared = {"netns_sysctl": [{"name": "net.ipv4.ip_forward", "value": 1}], "netns": [{"name": "common"}]}
    apply(host, shared, name="first")
    assert not apply(host, shared, name="second")["changed"]
    done = host.module("topology", name="first", state="absent")
    assert (done["changed"], host.sysctl("net/ipv4/ip_forward")) == (False, "1")
    assert host.sysctl("net/ipv4/conf/eth0/forwarding") == "1"
    assert "common" in host.sh("ip netns list")
    host.module("topology", name="second", state="absent")
    assert snapshot(host) == before


def test_what_was_replaced_behind_our_back_is_left_alone(host: Host) -> None:
    apply(host, STAR)
    replaced_and_taken_down(host)


def replaced_and_taken_down(host: Host) -> None:
    host.sh("ip netns del ns2; ip netns add ns2; ip -n ns2 link add precious type bridge")
    done = host.module("topology", name="lab", state="absent")
    assert not done.get("failed"), done["msg"]
    assert "netns ns2 is not the one this topology made any more; it is left alone" in str(done["warnings"])
    assert host.link("precious", "ns2") is not None
    assert host.link("br0") is None


@pytest.mark.parametrize("how", ["purged", "taken down"])
def test_a_cable_of_others_into_a_namespace_that_goes_is_told(host: Host, how: str) -> None:
    apply(host, STAR)
    host.sh("ip link add theirs type veth peer name inside netns ns1")
    done = apply(host, {}) if how == "purged" else host.do("topology", name="lab", state="absent")
    assert "theirs goes with namespace ns1, though this topology did not make it" in warnings(done)
    assert warnings(done).count("goes with namespace") == 1


@pytest.mark.parametrize("how", ["purged", "declared again", "taken down"])
def test_what_somebody_gave_another_name_goes_as_well(host: Host, how: str) -> None:
    host.sh("ip netns add theirs")
    before = snapshot(host)
    cable = {"netns": "theirs", "name": "v0", "peer": {"name": "v1", "master": "br0"}}
    config = {"bridge": [{"name": "br0"}], "veth": [cable]}
    apply(host, config)
    built = snapshot(host)
    # Older kernels rename only what is down.
    host.sh(
        "ip link set br0 down; ip link set br0 name renamed; ip link set renamed up;"
        "ip -n theirs link set v0 down; ip -n theirs link set v0 name other; ip -n theirs link set other up"
    )
    if how == "purged":
        apply(host, {})
        assert [link["ifname"] for link in host.json("ip -j link")] == ["lo"]
    if how == "declared again":
        apply(host, config)
        assert snapshot(host) == built
        assert not apply(host, config)["changed"]
    host.do("topology", name="lab", state="absent")
    assert snapshot(host) == before


@pytest.mark.parametrize("how", ["purged", "taken down"])
def test_what_is_in_another_namespace_of_that_name_is_left_alone(host: Host, how: str) -> None:
    config = {
        "netns": [{"name": "ns1"}],
        "bridge": [{"netns": "ns1", "name": "br0", "addresses": ["10.9.0.1/24"]}],
        "netns_neighbor": [{"netns": "ns1", "device": "br0", "address": "10.9.0.7", "mac": "02:00:00:00:00:07"}],
        "netns_route": [{"netns": "ns1", "destination": "10.30.0.0/16", "type": "blackhole"}],
        "netns_sysctl": [{"netns": "ns1", "name": "net.ipv4.ip_forward", "value": 1}],
        "masquerade": [{"netns": "ns1", "source": "10.1.0.0/24", "out_interface": "!br0", "backend": "nftables"}],
    }
    apply(host, config)
    host.sh("ip netns delete ns1")
    # Somebody builds the same with the same tool, and forgets it.
    apply(host, config, name="another")
    host.sh("rm /run/nsfabric/topologies/another.json")
    before = snapshot(host)
    done = apply(host, {}) if how == "purged" else host.do("topology", name="lab", state="absent")
    assert "netns ns1 is not the one this topology made any more; it is left alone" in warnings(done)
    assert done["steps"] == []
    host.do("topology", name="lab", state="absent")
    assert snapshot(host) == before.replace("/run/nsfabric/topologies/lab.json\n", "")


def test_what_an_earlier_document_made_is_still_known_after_one_that_adds(host: Host) -> None:
    apply(host, STAR)
    apply(host, {"netns": [{"name": "ns3"}]}, purge=False)
    replaced_and_taken_down(host)


def test_absent_of_what_was_never_there_changes_nothing(host: Host) -> None:
    done = host.module("topology", name="never", state="absent")
    assert (done["changed"], done["steps"], done["topology"]) == (False, [], None)


@pytest.mark.parametrize("name", ["", "a/b", "..", "x" * 64])
def test_a_bad_name_is_refused(host: Host, name: str) -> None:
    failed = host.module("topology", name=name, config={})
    assert failed["problems"][0]["path"] == "name"


def test_a_config_is_required_unless_absent(host: Host) -> None:
    assert "config" in host.module("topology", name="lab")["msg"]
    assert host.module("topology", name="lab", config=None)["msg"].startswith("config: is required with state: present")
    cable = {"name": "a", "peer": {"name": "b"}}
    apply(host, {"veth": [cable]})
    failed = host.module("topology", name="lab", config={"veth": [{**cable, "peer": None}]})
    assert failed["msg"].startswith("config.veth[0].peer: is required")
    assert host.link("a")


def test_a_default_route_whose_source_goes_with_the_topology_comes_back(host: Host) -> None:
    host.sh("ip link add eth0 type veth peer name far; ip link set eth0 up; ip link set far up")
    host.sh("ip address add 192.0.2.10/24 dev eth0; ip route add default via 192.0.2.1")
    before = snapshot(host)
    config = {
        "veth": [{"name": "veth1", "addresses": ["10.1.0.3/32"], "peer": {"name": "veth2"}}],
        "netns_route": [{"destination": "default", "gateway": "192.0.2.254", "source": "10.1.0.3"}],
    }
    apply(host, config)
    assert (host.routes()[0]["gateway"], host.routes()[0]["prefsrc"]) == ("192.0.2.254", "10.1.0.3")
    taken_down = host.module("topology", name="lab", state="absent")
    assert not taken_down.get("failed"), taken_down["msg"]
    assert snapshot(host) == before


def test_a_setting_of_what_was_made_is_again_what_it_started_as(host: Host) -> None:
    """Whether it was declared together with its namespace and its device, or later."""
    plain = {"netns": [{"name": "ns1"}], "veth": [{"netns": "ns1", "name": "a", "peer": {"name": "b"}}]}
    settings = [
        {"netns": "ns1", "name": "net.ipv4.ip_forward", "value": 1},
        {"netns": "ns1", "name": "net/ipv4/conf/a/rp_filter", "value": 2},
        {"name": "net/ipv4/conf/b/rp_filter", "value": 2},
    ]
    apply(host, plain)
    without = snapshot(host)
    host.do("topology", name="lab", state="absent")
    apply(host, {**plain, "netns_sysctl": settings})
    assert snapshot(host) != without
    apply(host, plain)
    assert snapshot(host) == without
    apply(host, {**plain, "netns_sysctl": settings})
    moved = {"netns": [{"name": "ns1"}, {"name": "ns2"}], "veth": [{**plain["veth"][0], "netns": "ns2"}]}
    assert "warnings" not in apply(host, moved), "a setting goes with its device"
    apply(host, plain)
    assert snapshot(host) == without


OURS = {"name": "v", "netns": "a", "peer": {"name": "far"}}
GOING: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a namespace": (
        {"netns": [{"name": "a"}], "veth": [OURS]},
        {"veth": [OURS]},
        "config.veth[0].netns: namespace a goes with this run; declare a netns a to keep it",
    ),
    "a cable": (
        {"netns": [{"name": "a"}], "veth": [OURS]},
        {"netns": [{"name": "a"}], "link": [{"name": "v", "netns": "a", "mtu": 1400}]},
        "config.link[0].name: a/v goes with this run; declare it as what it is to keep it",
    ),
    "a device of others": (
        {},
        {"link": [{"name": "d0", "state": "absent"}], "netns_route": [{"destination": "10.9.0.0/16", "device": "d0"}]},
        "config.netns_route[0].device: d0 goes with this run; declare it as what it is to keep it",
    ),
}


@pytest.mark.parametrize("what", GOING)
def test_what_goes_with_a_run_is_not_there_for_it(host: Host, what: str) -> None:
    """Check mode takes for granted what an earlier task may be about to make, not what the run itself deletes."""
    first, second, said = GOING[what]
    host.sh("ip link add d0 type veth peer name d1; ip link set d0 up; ip link set d1 up")
    apply(host, first)
    before = host.picture()
    for check in (True, False):
        refused = host.module("topology", name="lab", config=second, check=check)
        assert refused["msg"] == said
        assert host.picture() == before
