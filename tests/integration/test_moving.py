# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From one document to another that moves things, or takes their names: in one run, and back from any point."""

from __future__ import annotations

import random
from typing import Any

import pytest
from host import Host, warnings
from snapshot import snapshot
from test_topology import apply
from test_transaction import after, kill, plan_of, refuse

Config = dict[str, Any]
NS1: Config = {"name": "ns1"}
NS2: Config = {"name": "ns2"}
IN_NS1: Config = {"netns": "ns1", "name": "eth1", "addresses": ["10.31.0.1/24"]}
IN_NS2: Config = {"netns": "ns2", "name": "eth1", "addresses": ["10.31.0.2/24"]}
B_LOOSE = "net/ipv4/conf/b/rp_filter"
LOOSE: Config = {"netns": "ns1", "name": "net/ipv4/conf/a/rp_filter", "value": 2}


def cable(near: str, far: str, netns: str = "ns1", peer: str = "") -> Config:
    end = {"netns": peer, "name": far} if peer else {"name": far}
    return {"netns": netns, "name": near, "addresses": ["10.7.0.1/24"], "peer": end}


def plain(near: str, far: str) -> Config:
    return {"name": near, "peer": {"name": far}}


def at(netns: str) -> Config:
    return {"netns": netns, "name": "eth0"}


CHANGES: dict[str, tuple[Config, Config]] = {
    "a link of the host goes from a namespace that goes into one that comes": (
        {"netns": [NS2], "link": [IN_NS2]},
        {"netns": [NS1], "link": [IN_NS1]},
    ),
    "a link of the host takes the name of a cable that goes": (
        {"netns": [NS1, NS2], "link": [IN_NS1], "veth": [cable("eth1", "far1", "ns2")]},
        {"netns": [NS2], "link": [IN_NS2]},
    ),
    "a cable takes the name of a link of the host that leaves": (
        {"netns": [NS1], "link": [IN_NS1]},
        {"netns": [NS1, NS2], "link": [IN_NS2], "veth": [cable("eth1", "far1")]},
    ),
    "a cable takes the place of one with a setting and a neighbour": (
        {
            "netns": [NS1],
            "veth": [cable("eth0", "far1")],
            "netns_sysctl": [{"netns": "ns1", "name": "net/ipv4/conf/eth0/forwarding", "value": 1}],
            "netns_neighbor": [{"netns": "ns1", "device": "eth0", "address": "10.7.0.9", "mac": "02:00:00:00:00:09"}],
        },
        {"netns": [NS1], "veth": [cable("eth0", "far2")]},
    ),
    "an end takes the name of another cable's end": (
        {"netns": [NS1], "veth": [cable("eth0", "far1")]},
        {"veth": [{"name": "near1", "peer": {"name": "far1"}}]},
    ),
    "two cables of the host exchange their ends": (
        {"veth": [plain("a", "b"), plain("c", "d")]},
        {"veth": [plain("a", "c"), plain("b", "d")]},
    ),
    "two cables exchange their ends": (
        {"netns": [NS1, NS2], "veth": [cable("a", "b", "ns1", "ns2"), cable("c", "d", "ns1", "ns2")]},
        {"netns": [NS1, NS2], "veth": [cable("a", "d", "ns1", "ns2"), cable("c", "b", "ns1", "ns2")]},
    ),
    "two cables exchange the places of ends of one name": (
        {"netns": [NS1, NS2], "veth": [cable("a", "b", "ns1"), cable("a", "c", "ns2")]},
        {"netns": [NS1, NS2], "veth": [cable("a", "c", "ns1"), cable("a", "b", "ns2")]},
    ),
    "two cables whose far ends have one name exchange them": (
        {"netns": [NS1, NS2], "veth": [{"name": "a", "peer": at("ns1")}, {"name": "b", "peer": at("ns2")}]},
        {"netns": [NS1, NS2], "veth": [{"name": "a", "peer": at("ns2")}, {"name": "b", "peer": at("ns1")}]},
    ),
    "a cable goes whose names a cable that stays has too": (
        {"netns": [NS1, NS2], "veth": [plain("a", "b"), cable("a", "b", "ns1", "ns2")]},
        {"veth": [plain("a", "b")]},
    ),
    "an end takes the place of another one, and a setting stays": (
        {"netns": [NS1], "veth": [cable("a", "b"), cable("b", "c")], "netns_sysctl": [LOOSE]},
        {"netns": [NS1], "veth": [cable("a", "b", "ns1", "ns1")], "netns_sysctl": [LOOSE]},
    ),
    "an end is set as it comes to its new place": (
        {"netns": [NS1, NS2], "veth": [cable("a", "b", "ns1", "ns2")]},
        {"netns": [NS1, NS2], "veth": [cable("b", "a", "ns1", "ns2")], "netns_sysctl": [{**LOOSE, "name": B_LOOSE}]},
    ),
    "an end gets IPv6 with its new place": (
        {"netns": [NS1], "veth": [{**cable("eth0", "far1"), "mtu": 1400}]},
        {"veth": [{"name": "eth0", "mtu": 1000, "peer": {"name": "far1"}}]},
    ),
    "a link of the host gets IPv6 with its new place": (
        {"netns": [NS1, NS2], "link": [{**IN_NS1, "mtu": 1400}]},
        {"netns": [NS1, NS2], "link": [{**IN_NS2, "mtu": 1000}]},
    ),
    "a link of the host leaves after forwarding was switched on": (
        {"netns": [NS1], "netns_sysctl": [{"name": "net.ipv4.ip_forward", "value": 0}]},
        {"netns": [NS1, NS2], "netns_sysctl": [{"name": "net.ipv4.ip_forward", "value": 1}], "link": [IN_NS2]},
    ),
}
# Of a device of the host, with what nobody declares on it.
AT_HOME: Config = {"link": [{"name": "eth1", "txqueuelen": 900}]}
AWAY: dict[str, Config] = {
    "as it is": {"netns": [NS1], "link": [{"netns": "ns1", "name": "eth1", "txqueuelen": 900}]},
    "changed": {"netns": [NS1], "link": [{**IN_NS1, "mtu": 1400, "up": False, "mac": "02:00:00:00:00:11"}]},
}


@pytest.fixture
def host(host: Host) -> Host:
    """With a device of its own, and one of the same name in a namespace that is not ours."""
    host.sh(
        "ip netns add theirs; ip link add eth1 type veth peer name far netns theirs; ip link set eth1 up;"
        "ip address add 198.51.100.7/24 dev eth1; ip route add 203.0.113.0/24 via 198.51.100.1;"
        "ip netns add other; ip -n other link add eth1 type veth peer name far"
    )
    return host


@pytest.mark.parametrize("name", CHANGES)
def test_in_one_run(host: Host, converge: Any, name: str) -> None:
    before = snapshot(host)
    for config in (*CHANGES[name], CHANGES[name][0]):
        converge("topology", name="lab", config=config)
    converge("topology", name="lab", state="absent")
    assert snapshot(host) == before


@pytest.mark.parametrize("name", CHANGES)
def test_a_failure_after_any_step_puts_all_back(host: Host, name: str) -> None:
    first, second = CHANGES[name]
    apply(host, first)
    before = snapshot(host)
    for steps in range(plan_of(host, config=second) + 1):
        failed = host.module("topology", name="lab", config=second, inside=after(steps, refuse))
        assert failed["msg"].endswith("The host was put back as it was found."), (steps, failed["msg"])
        assert snapshot(host) == before, f"failed after {steps} steps"
    assert not apply(host, first)["changed"]


@pytest.mark.parametrize("name", CHANGES)
def test_killed_after_any_step_and_then_finished_taken_back_or_down(host: Host, name: str) -> None:
    before = snapshot(host)
    first, second = CHANGES[name]
    apply(host, first)
    made = snapshot(host)
    for steps in range(plan_of(host, config=second) + 1):
        apply(host, first)
        assert host.module("topology", name="lab", config=second, inside=after(steps, kill)) == {}
        onwards = (None, second, first)[steps % 3]
        if onwards:
            apply(host, onwards)
            assert not apply(host, onwards)["changed"]
        assert onwards is not first or snapshot(host) == made, f"killed after {steps} steps"
        taken_down = host.module("topology", name="lab", state="absent")
        assert not taken_down.get("failed"), (steps, taken_down["msg"])
        assert snapshot(host) == before, f"killed after {steps} steps"


@pytest.mark.parametrize("away", AWAY)
@pytest.mark.parametrize("bridge", ["", "br9"])
def test_a_device_that_comes_home_is_as_it_was_found(host: Host, away: str, bridge: str) -> None:
    if bridge:
        host.sh(f"ip link add {bridge} up type bridge; ip link set eth1 master {bridge}")
    bare = snapshot(host)
    apply(host, AT_HOME)
    before = snapshot(host)
    for steps in range(plan_of(host, config=AWAY[away]) + 1):
        assert host.module("topology", name="lab", config=AWAY[away], inside=after(steps, kill)) == {}
        back = plan_of(host, config=AT_HOME)
        killed = host.module("topology", name="lab", config=AT_HOME, inside=after(steps % (back + 1), kill))
        assert not killed.get("failed"), killed["msg"]
        apply(host, AT_HOME)
        assert snapshot(host) == before, f"killed after {steps} steps"
    apply(host, AWAY[away])
    apply(host, AT_HOME)
    assert snapshot(host) == before
    host.sh("ip link set eth1 down")
    assert not apply(host, AT_HOME)["changed"]
    host.sh("ip link set eth1 up; ip route add 203.0.113.0/24 via 198.51.100.1")
    host.do("topology", name="lab", state="absent")
    assert snapshot(host) == bare


@pytest.mark.parametrize("onwards", [[], [{}], [AWAY["as it is"]], [AWAY["as it is"], {}]])
def test_what_is_set_on_a_device_as_it_comes_home_is_given_back(host: Host, onwards: list[Config]) -> None:
    before = snapshot(host)
    keys = ("net/ipv4/conf/eth1/proxy_arp", "net/ipv6/conf/eth1/forwarding")
    home = {"link": [{"name": "eth1"}], "netns_sysctl": [{"name": key, "value": 1} for key in keys]}
    apply(host, AWAY["as it is"])
    apply(host, home)
    assert [host.sysctl(key) for key in keys] == ["1", "1"]
    for document in onwards:
        apply(host, document)
    if onwards[-1:] == [{}]:
        assert [host.sysctl(key) for key in keys] == ["0", "0"]
    host.do("topology", name="lab", state="absent")
    assert snapshot(host) == before


def test_a_route_whose_gateway_is_out_of_reach_at_home_is_told(host: Host) -> None:
    """And it is not forgotten: when its way is there again, so is the route."""
    before = snapshot(host)
    apply(host, AWAY["as it is"])
    done = apply(host, {"link": [{"name": "eth1", "addresses": ["10.105.0.1/24"]}]})
    gateway = "the gateway 198.51.100.1 is not on link in the host any more"
    assert gateway in str(done["warnings"])
    assert host.addresses("eth1") == ["10.105.0.1/24"]
    assert "203.0.113" not in host.sh("ip route")
    host.do("topology", name="lab", state="absent")
    assert snapshot(host) == before


def some_cables(choice: random.Random) -> Config:
    """Up to four cables between ends of few names in few places."""
    ends = [{"name": name, **place} for name in "abc" for place in ({}, {"netns": "ns1"}, {"netns": "ns2"})]
    choice.shuffle(ends)
    pairs = [(ends[2 * number], ends[2 * number + 1]) for number in range(choice.randint(1, 4))]
    return {"netns": [NS1, NS2], "veth": [{**near, "peer": far} for near, far in pairs]}


@pytest.mark.parametrize("seed", [17, 18, 20, 25, 30, 32])
def test_any_cables_make_way_for_any_others(host: Host, seed: int) -> None:
    choice = random.Random(seed)
    bare = snapshot(host)
    apply(host, {"netns": [NS1, NS2]})
    for dummy in range(8):
        config, before = some_cables(choice), snapshot(host)
        steps = choice.randrange(plan_of(host, config=config) + 1)
        failed = host.module("topology", name="lab", config=config, inside=after(steps, refuse))
        assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
        assert snapshot(host) == before, f"failed after {steps} steps"
        apply(host, config)
        assert not apply(host, config)["changed"]
        ends = host.sh("ip -o link; ip -n ns1 -o link; ip -n ns2 -o link").count("link/ether")
        assert ends == 1 + 2 * len(config["veth"])
    host.do("topology", name="lab", state="absent")
    assert snapshot(host) == bare


def test_what_does_not_come_back_after_a_failure_is_told(host: Host) -> None:
    host.sh(
        "tc qdisc add dev eth1 root handle 7: pfifo limit 7; tc qdisc add dev eth1 clsact;"
        "tc filter add dev eth1 ingress bpf bytecode '1,6 0 0 4294967295,';"
        "ip -n theirs link set far up; ip nexthop add id 12 via 198.51.100.1 dev eth1"
    )
    failed = host.module("topology", name="lab", config=AWAY["as it is"], inside=after(0, refuse))
    assert failed["msg"].endswith("The host was put back as it was found.")
    assert "id 12 " in host.sh("ip nexthop")
    number = plan_of(host, config=AWAY["as it is"])
    failed = host.module("topology", name="lab", config=AWAY["as it is"], inside=after(number, refuse))
    assert failed["msg"].endswith(
        "The host was put back as it was found, but for what nothing brings back: nexthop object 12 of the host,"
        " the queueing discipline (pfifo) of eth1, tc filters of others on eth1."
    )
    assert "id 12 " not in host.sh("ip nexthop")
    assert "pfifo" not in host.sh("tc qdisc show dev eth1")
    assert host.sh("tc filter show dev eth1 ingress") == ""


def test_what_does_not_come_back_is_told_before_it_goes(host: Host) -> None:
    host.sh(
        "ip -n theirs link set far up;"
        "tc qdisc add dev eth1 root handle 7: pfifo limit 7; tc qdisc add dev eth1 clsact;"
        "ip nexthop add id 12 via 198.51.100.1 dev eth1; ip route add 192.0.2.0/24 nhid 12;"
        "ip link set lo up; ip nexthop add id 20 dev lo;"
        "ip nexthop add id 30 group 12; ip nexthop add id 40 group 12/20"
    )
    gone = (
        "eth1 has nexthop objects (12), which the kernel deletes and nothing brings back; group 30 goes with them; "
        "group 40 loses them"
    )
    objects = "eth1 has routes by nexthop objects (12), which come back by their hops alone"
    for check in (True, False):
        done = host.module("topology", check=check, name="lab", config=AWAY["as it is"])
        for told in (
            objects,
            gone,
            "eth1 has a queueing discipline (pfifo), which goes with the move and does not come back",
            "eth1 has tc filters of others, which go with the move and do not come back",
        ):
            assert told in warnings(done)
    assert "warnings" not in host.do("topology", name="lab", state="absent")
    assert "192.0.2.0/24 via 198.51.100.1 dev eth1" in host.sh("ip route")
    host.sh("ip nexthop add id 13 via 198.51.100.1 dev eth1; ip route replace 192.0.2.0/24 nhid 13")
    down = host.do("topology", name="lab", config={"link": [{"name": "eth1", "up": False}]})
    assert objects.replace("12", "13") in warnings(down)
