# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two topologies of one host that share settings, a bridge and an uplink, in any order and killed at any step."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import pytest
from host import Host, warnings
from snapshot import snapshot
from test_topology import apply
from test_transaction import after, kill, plan_of


def half(number: int) -> dict[str, Any]:
    """Each has a namespace of its own at the bridge that both declare, and the uplink's address that both want."""
    end = {"netns": f"ns{number}", "name": "eth0", "addresses": [f"10.1.0.{number}/24"]}
    return {
        "netns": [{"name": f"ns{number}"}, {"name": "common"}],
        "bridge": [{"name": "br0", "addresses": ["10.1.0.254/24"]}],
        "link": [{"name": "eth1", "addresses": ["192.0.2.1/24", "10.9.0.1/24"], "mtu": 1400, "master": "br0"}],
        "veth": [{**end, "peer": {"name": f"port{number}", "master": "br0"}}],
        "netns_route": [{"destination": "10.66.0.0/16", "gateway": "10.1.0.66"}],
        "netns_sysctl": [
            {"name": "net.ipv4.ip_forward", "value": 1},
            {"name": "net.ipv4.conf.all.rp_filter", "value": 2},
        ],
        "masquerade": [{"source": "10.1.0.0/24", "out_interface": "!br0"}],
    }


@pytest.fixture
def host(host: Host) -> Host:
    host.sh(
        "ip netns add theirs; ip link add eth1 type veth peer name far netns theirs; ip link set eth1 up;"
        "ip address add 192.0.2.1/24 dev eth1; ip route add 203.0.113.0/24 via 192.0.2.2"
    )
    return host


def down(host: Host, name: str) -> None:
    gone = host.module("topology", name=name, state="absent")
    assert not gone.get("failed"), gone["msg"]


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_what_both_declare_stays_until_the_last_one_goes(host: Host, order: tuple[str, str]) -> None:
    configs = {"a": half(1), "b": half(2)}
    before = snapshot(host)
    for name, config in configs.items():
        apply(host, config, name=name)
    first, last = order
    down(host, first)
    assert not apply(host, configs[last], name=last)["changed"]
    down(host, last)
    assert snapshot(host) == before


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_one_run_after_the_other_is_killed(host: Host, order: tuple[str, str]) -> None:
    """The second comes while the first is half done; then both go."""
    before = snapshot(host)
    steps = plan_of(host, config=half(1))
    for stop in range(order == ("b", "a"), steps + 1, 5):
        host.module("topology", name="a", config=half(1), inside=after(stop, kill))
        apply(host, half(2), name="b")
        for name in order:
            down(host, name)
        assert snapshot(host) == before, f"killed after {stop} steps"


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_one_goes_and_is_killed(host: Host, order: tuple[str, str]) -> None:
    first, last = order
    before = snapshot(host)
    for stop in (0, 3, 8):
        apply(host, half(1), name="a")
        apply(host, half(2), name="b")
        host.module("topology", name=first, state="absent", inside=after(stop, kill))
        assert not apply(host, {"a": half(1), "b": half(2)}[last], name=last)["changed"]
        for name in order:
            down(host, name)
        assert snapshot(host) == before, f"killed after {stop} steps"


@pytest.mark.parametrize(("purged", "first"), list(product(("a", "b"), ("a", "b"))))
def test_one_gives_up_what_the_other_still_declares(host: Host, purged: str, first: str) -> None:
    configs = {"a": half(1), "b": half(2)}
    other = "b" if purged == "a" else "a"
    before = snapshot(host)
    for name in (first, "b" if first == "a" else "a"):
        apply(host, configs[name], name=name)
    apply(host, {"netns": [{"name": "alone"}]}, name=purged)
    assert not apply(host, configs[other], name=other)["changed"]
    down(host, other)
    down(host, purged)
    assert snapshot(host) == before


# An option of one link, and what shows it.
OPTIONS: dict[str, tuple[Any, str]] = {
    "mtu": (1400, "mtu 1400"),
    "mac": ("02:00:00:00:00:77", "link/ether 02:00:00:00:00:77"),
    "txqueuelen": (7, "qlen 7"),
    "master": ("theirs", "master theirs"),
    "up": (False, "<BROADCAST,MULTICAST>"),
    "addresses": (["10.9.0.1/24"], "inet 10.9.0.1/24"),
}


@pytest.mark.parametrize("first", ["a", "b"])
@pytest.mark.parametrize("pair", list(combinations(OPTIONS, 2)))
def test_two_that_say_different_things_of_one_link(host: Host, pair: tuple[str, str], first: str) -> None:
    """What one said of it comes back when that one goes, and not what the other says."""
    host.sh("ip link add name theirs type bridge; ip link set theirs address 02:00:00:00:00:99")
    before = snapshot(host)
    said = dict(zip("ab", pair))
    for name, option in said.items():
        apply(host, {"link": [{"name": "eth1", option: OPTIONS[option][0]}]}, name=name)
    down(host, first)
    shown = host.sh("ip address show dev eth1")
    assert {name: OPTIONS[option][1] in shown for name, option in said.items()} == {
        name: name != first for name in said
    }
    down(host, "b" if first == "a" else "a")
    assert snapshot(host) == before


@pytest.mark.parametrize("first", ["a", "b"])
def test_a_bridge_that_followed_both(host: Host, first: str) -> None:
    """It had the MAC address of the port that one gave it, then the one that the other gave that port."""
    host.sh("ip link add name theirs type bridge")
    before = snapshot(host)
    apply(host, {"link": [{"name": "eth1", "master": "theirs"}]}, name="a")
    apply(host, {"link": [{"name": "eth1", "mac": "02:00:00:00:00:77"}]}, name="b")
    assert "link/ether 02:00:00:00:00:77" in host.sh("ip link show dev theirs")
    for name in (first, "b" if first == "a" else "a"):
        down(host, name)
    assert snapshot(host) == before


FORWARD = {"name": "net.ipv4.ip_forward", "value": 1}
CABLE = {"name": "v0", "peer": {"name": "v1"}}
ROUTE = {"destination": "10.66.0.0/16", "gateway": "192.0.2.9"}
AGAIN = (
    "topology first of this host declares otherwise: it would have to {} again ({}); "
    "change one of the two, or take first down first"
)
# What the first one declares, what the second one would, and what it is told.
CONTRADICTIONS: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "an attribute": (
        {"link": [{"name": "eth1", "mtu": 1300}]},
        {"link": [{"name": "eth1", "mtu": 1400}]},
        "config.link[0]",
        AGAIN.format("set eth1: mtu 1300", "mtu is 1400, wanted 1300"),
    ),
    "a setting": (
        {"netns_sysctl": [FORWARD]},
        {"netns_sysctl": [{**FORWARD, "value": 0}]},
        "config.netns_sysctl[0]",
        AGAIN.format("set net.ipv4.ip_forward = 1", "it is 0, wanted 1"),
    ),
    "a setting that others follow": (
        {"netns_sysctl": [FORWARD]},
        {"netns_sysctl": [{"name": "net.ipv4.conf.all.forwarding", "value": 0}]},
        "config",
        AGAIN.format("set net.ipv4.ip_forward = 1", "it is 0, wanted 1"),
    ),
    "an end of a cable": (
        {"veth": [CABLE]},
        {"link": [{"name": "v0", "up": False}]},
        "config",
        AGAIN.format("set v0: up", "it is down"),
    ),
    "a route": (
        {"netns_route": [ROUTE]},
        {"netns_route": [{**ROUTE, "type": "blackhole", "gateway": None}]},
        "config.netns_route[0]",
        "topology first of this host declares otherwise: it would have to",
    ),
    "what a route goes by": (
        {"netns_route": [ROUTE]},
        {"link": [{"name": "eth1", "up": False}]},
        "config",
        "it could not be had any more (the gateway 192.0.2.9 is not on link",
    ),
    "a MAC address that a neighbour elsewhere goes by": (
        {
            "netns": [{"name": "x"}],
            "veth": [{"netns": "x", "name": "v0", "peer": {"netns": "x", "name": "v1"}}],
            "netns_neighbor": [{"netns": "x", "device": "v0", "address": "10.0.0.9", "mac_of": {"name": "eth1"}}],
        },
        {"link": [{"name": "eth1", "mac": "02:00:00:00:00:77"}]},
        "config",
        "it would have to set neighbour 10.0.0.9 at 02:00:00:00:00:77 on v0 again",
    ),
    "a namespace": (
        {"netns": [{"name": "x"}]},
        {"netns": [{"name": "x", "state": "absent"}]},
        "config.netns[0]",
        AGAIN.format("create namespace x", "the namespace does not exist"),
    ),
    "where a link is": (
        {"netns": [{"name": "x"}], "link": [{"name": "eth1", "netns": "x"}]},
        {"netns": [{"name": "y"}], "link": [{"name": "eth1", "netns": "y"}]},
        "config.link[0]",
        AGAIN.format("move eth1 to namespace x", "it is in namespace y, wanted in namespace x"),
    ),
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_what_another_declares_otherwise_is_refused(host: Host, what: str) -> None:
    first, second, path, message = CONTRADICTIONS[what]
    bare = snapshot(host)
    apply(host, first, name="first")
    before = snapshot(host)
    for check in (True, False):
        told = host.module("topology", check=check, name="second", config=second)["problems"]
        assert any(problem["path"] == path and message in problem["message"] for problem in told), told
        assert snapshot(host) == before
    assert not apply(host, first, name="first")["changed"]
    down(host, "first")
    assert snapshot(host) == bare


def test_who_is_refused_hands_nothing_over(host: Host) -> None:
    for name, config in {
        "a": {"netns_sysctl": [FORWARD]},
        "b": {"netns_sysctl": [FORWARD]},
        "c": {"link": [{"name": "eth1", "mtu": 1300}]},
    }.items():
        apply(host, config, name=name)
    records = host.sh("cat /run/nsfabric/topologies/*")
    assert host.module("topology", name="a", config={"link": [{"name": "eth1", "mtu": 1400}]})["problems"]
    assert host.sh("cat /run/nsfabric/topologies/*") == records
    apply(host, {}, name="a")
    assert host.sh("cat /run/nsfabric/topologies/*") != records


def test_nobody_takes_away_what_another_stands_on(host: Host) -> None:
    bridge = {"bridge": [{"name": "br0"}]}
    apply(host, bridge, name="first")
    apply(host, {"veth": [{**CABLE, "master": "br0"}]}, name="second")
    gone = "it could not be had any more (there is no link br0 in the host; it has eth1, lo, v0, v1)"
    (problem,) = host.module("topology", name="first", config={})["problems"]
    assert (
        problem["message"]
        == f"topology second of this host declares otherwise: {gone}; change one of the two, or take second down first"
    )
    assert not apply(host, bridge, name="first")["changed"]
    done = host.do("topology", name="first", state="absent")
    assert f"this takes away what topology second declares: {gone}" in warnings(done)
    assert host.link("br0") is None


@pytest.mark.parametrize("how", ["purged", "taken down"])
def test_a_namespace_stays_while_another_has_something_in_it(host: Host, how: str) -> None:
    bare = snapshot(host)
    apply(host, {"netns": [{"name": "ns1"}, {"name": "ns2"}]}, name="first")
    second = {"link": [{"name": "eth1", "netns": "ns1"}], "veth": [{**CABLE, "peer": {"name": "v1", "netns": "ns2"}}]}
    apply(host, second, name="second")
    options = {"state": "absent"} if how == "taken down" else {"config": {"netns": [{"name": "ns3"}]}}
    assert "warnings" not in host.do("topology", name="first", **options)
    assert host.link("eth1", "ns1")
    assert not apply(host, second, name="second")["changed"]
    assert apply(host, {"veth": second["veth"]}, name="second")["changed"]
    assert host.addresses("eth1") == ["192.0.2.1/24"]
    down(host, "second")
    down(host, "first")
    assert snapshot(host) == bare


def test_what_stands_in_a_namespace_that_stays_goes_after_a_kill(host: Host) -> None:
    """After it, nothing is declared that tells what to look at; and the namespace is the other's now."""
    before = snapshot(host)
    stays = {"netns": [{"name": "ns1"}]}
    config = {
        **stays,
        "veth": [{"name": "v0", "netns": "ns1", "peer": {"name": "v1", "netns": "ns1"}}],
        "masquerade": [{"netns": "ns1", "source": "10.1.0.0/24"}],
        "netns_sysctl": [{"netns": "ns1", "name": "net.ipv4.conf.v0.rp_filter", "value": 2}],
        "netns_route": [{"netns": "ns1", "destination": "10.9.0.0/16", "type": "blackhole"}],
        "netns_neighbor": [{"netns": "ns1", "device": "v0", "address": "10.1.0.9", "mac": "02:00:00:00:00:09"}],
    }
    for stop in range(4):
        apply(host, config, name="a")
        apply(host, stays, name="b")
        assert host.module("topology", name="a", state="absent", inside=after(stop, kill)) == {}
        down(host, "a")
        left = host.sh("ip link; ip route; ip neighbor show nud permanent; nft list ruleset", "ns1")
        assert not any(word in left for word in ("v0", "10.")), f"killed after {stop} steps: {left}"
        down(host, "b")
        assert snapshot(host) == before, f"killed after {stop} steps"


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        ("truncate -s 100 $1", "it is damaged"),
        ("printf '\\377\\376' > $1", "it is damaged"),
        ("""sed -i 's/"config": {/"config": null, "more": {/' $1""", "it is damaged"),
        ("rm $1; mkdir $1", "/run/nsfabric/topologies/first.json is a directory, and a regular file is right"),
        ("rm $1; mkfifo $1", "/run/nsfabric/topologies/first.json is a FIFO, and a regular file is right"),
        ("cp second.json $1", "it is damaged"),
    ],
)
def test_another_whose_ledger_is_damaged_stops_only_what_takes_away(host: Host, spoil: str, wrong: str) -> None:
    apply(host, {"netns": [{"name": "ns1"}]}, name="first")
    apply(host, {"netns": [{"name": "ns2"}]}, name="second")
    host.sh(f"cd /run/nsfabric/topologies; set -- first.json; {spoil}")
    before = snapshot(host)
    damaged = f"cannot read the ledger of topology first in the host: {wrong}"
    for options in ({"config": {}}, {"state": "absent"}):
        assert damaged in host.module("topology", name="second", **options)["msg"]
        assert snapshot(host) == before
    done = apply(host, {"netns": [{"name": "ns2"}, {"name": "ns3"}]}, name="second")
    assert done["changed"]
    assert damaged in warnings(done)


FOUND = """
    ip netns add hn
    ip link add d1 type veth peer name d2; ip link add d3 type veth peer name d4 netns hn
    ip link set d1 up; ip link set d2 up; ip address add 198.51.100.1/24 dev d1
    ip route add 10.77.0.0/16 via 198.51.100.9; ip neighbor add 198.51.100.9 lladdr 02:00:00:00:00:09 dev d1
    ip -n hn address add 10.3.0.1/24 dev d4; ip -n hn link set d4 up; ip -n hn route add 10.78.0.0/16 via 10.3.0.2
    ip link add brg address 02:00:00:00:00:bb type bridge; ip link set brg up; ip link set d3 master brg
"""
NEIGHBOR = {"device": "d1", "address": "198.51.100.9"}
# What two topologies say of what was found; the second one the same where nothing else is told.
ALIKE: dict[str, list[dict[str, Any]]] = {
    "lo of a namespace": [{"netns": [{"name": "hn"}]}],
    "lo, as a link too": [{"netns": [{"name": "hn"}]}, {"link": [{"netns": "hn", "name": "lo", "up": True}]}],
    "ports": [{"bridge": [{"name": "brg", "ports": ["d1", "d2"]}]}],
    "no ports": [{"bridge": [{"name": "brg", "ports": []}]}],
    "a port, with its master": [
        {"bridge": [{"name": "brg", "ports": ["d1", "d3"]}]},
        {"link": [{"name": "d1", "master": "brg"}]},
    ],
    "an attribute, of a cable and a link": [
        {"veth": [{"name": "d1", "peer": {"name": "d2", "mtu": 1300}}]},
        {"link": [{"name": "d2", "mtu": 1300}]},
    ],
    "no link": [{"link": [{"name": "d1", "state": "absent"}]}],
    "no cable": [{"veth": [{"name": "d1", "state": "absent"}]}, {"link": [{"name": "d2", "state": "absent"}]}],
    "no bridge": [{"bridge": [{"name": "brg", "state": "absent"}]}],
    "no namespace": [{"netns": [{"name": "hn", "state": "absent"}]}],
    "no route": [{"netns_route": [{"destination": "10.77.0.0/16", "state": "absent"}]}],
    "no neighbour": [{"netns_neighbor": [{**NEIGHBOR, "state": "absent"}]}],
    "another neighbour": [{"netns_neighbor": [{**NEIGHBOR, "mac": "02:00:00:00:00:55"}]}],
    "where a link is": [{"link": [{"netns": "hn", "name": "d1", "up": True}]}],
}


@pytest.mark.parametrize("what", ALIKE)
def test_what_both_say_of_what_was_found_stays_until_the_last_one_goes(host: Host, what: str) -> None:
    host.sh(FOUND)
    bare, pair, gone = snapshot(host), (ALIKE[what] * 2)[:2], {"state": "absent"}
    for (first, last), options in product((pair, pair[::-1])[: len(ALIKE[what])], (gone, {"config": {}})):
        apply(host, first, name="first")
        apply(host, last, name="last")
        done = host.do("topology", name="first", **options)
        assert (done["steps"], warnings(done)) == ([], "")
        assert not apply(host, last, name="last")["changed"]
        for name in ("last", "first"):
            assert warnings(host.do("topology", name=name, **gone)) == ""
        assert snapshot(host) == bare
