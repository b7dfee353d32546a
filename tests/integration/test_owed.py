# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a document drops when it cannot be put back is not forgotten: it comes back as soon as it can."""

from __future__ import annotations

from typing import Any

import pytest
from host import Host, warnings
from snapshot import snapshot
from test_topology import apply
from test_transaction import after, kill, plan_of

Config = dict[str, Any]
# What is declared first: the host has it otherwise.
DECLARED: dict[str, Config] = {
    "a route": {"netns_route": [{"destination": "default", "gateway": "198.51.100.9"}]},
    "no route": {"netns_route": [{"destination": "default", "state": "absent"}]},
    "a neighbour": {
        "netns_neighbor": [{"device": "eth1", "address": "198.51.100.1", "mac": "02:00:00:00:00:09"}],
    },
    "a setting": {"netns_sysctl": [{"name": "net.ipv4.conf.eth1.rp_filter", "value": 1}]},
    "a setting of IPv6": {"netns_sysctl": [{"name": "net.ipv6.conf.eth1.accept_ra", "value": 0}]},
    "what a setting follows": {"netns_sysctl": [{"name": "net.ipv4.ip_forward", "value": 1}]},
}
AWAY: Config = {"netns": [{"name": "ns1"}], "link": [{"netns": "ns1", "name": "eth1", "addresses": ["10.0.0.8/24"]}]}
# What is declared then, and what of the above cannot come back with it.
INSTEAD: dict[str, tuple[Config, set[str]]] = {
    "moved": (AWAY, {*DECLARED}),
    "another takes its name": (
        {**AWAY, "veth": [{"name": "eth1", "addresses": ["198.51.100.8/24"], "peer": {"name": "eth2", "up": True}}]},
        {"a route", "a neighbour", "a setting"},
    ),
    "down": ({"link": [{"name": "eth1", "up": False}]}, {"a route", "no route"}),
    "another subnet": ({"link": [{"name": "eth1", "addresses": ["203.0.113.1/24"]}]}, {"a route", "no route"}),
    "too small for IPv6": ({"link": [{"name": "eth1", "mtu": 1000}]}, {"a setting of IPv6"}),
}
CASES = [(first, then) for then, (dummy, lost) in INSTEAD.items() for first in DECLARED if first in lost]


@pytest.fixture
def host(host: Host) -> Host:
    host.sh(
        "ip netns add theirs; ip link add eth1 type veth peer name far netns theirs; ip link set eth1 up;"
        "ip -n theirs link set far up; ip address add 198.51.100.7/24 dev eth1;"
        "ip route add default via 198.51.100.1;"
        "ip neighbor add 198.51.100.1 lladdr 02:00:00:00:00:01 dev eth1 nud permanent;"
        "echo 2 > /proc/sys/net/ipv4/conf/eth1/rp_filter; echo 2 > /proc/sys/net/ipv6/conf/eth1/accept_ra"
    )
    return host


def state(host: Host) -> str:
    """All but the ledger itself."""
    return snapshot(host).replace("/run/nsfabric/topologies/lab.json\n", "")


def down(host: Host, name: str = "lab") -> dict[str, Any]:
    gone = host.module("topology", name=name, state="absent")
    assert not gone.get("failed"), gone["msg"]
    return gone


@pytest.mark.parametrize(("first", "then"), CASES)
def test_it_comes_back(host: Host, first: str, then: str) -> None:
    before = state(host)
    config = INSTEAD[then][0]
    for onwards in (None, {"link": [{"name": "eth1"}]}, {}):
        apply(host, DECLARED[first])
        apply(host, config)
        assert not apply(host, config)["changed"]
        if onwards is not None:
            apply(host, onwards)
            # At home again it is as it was found; what stays declared of it stays as it is.
            assert state(host) == before or (onwards and "netns" not in config), onwards
            assert not apply(host, onwards)["changed"]
        down(host)
        assert state(host) == before, onwards


@pytest.mark.parametrize(("first", "then"), [("no route", "down"), ("a setting", "moved")])
def test_a_mended_drift_does_not_make_it_forgotten(host: Host, first: str, then: str) -> None:
    before = state(host)
    config = {**INSTEAD[then][0], "bridge": [{"name": "br0"}]}
    apply(host, DECLARED[first])
    apply(host, config)
    host.sh("ip link delete br0")
    assert apply(host, config)["changed"]
    apply(host, {**config, "bridge": [{"name": "br1"}]})
    down(host)
    assert state(host) == before


@pytest.mark.parametrize(("first", "then"), [("a route", "down"), ("a neighbour", "moved"), ("a setting", "moved")])
def test_killed_at_any_step(host: Host, first: str, then: str) -> None:
    before = state(host)
    apply(host, DECLARED[first])
    for steps in range(plan_of(host, config=INSTEAD[then][0]) + 1):
        apply(host, DECLARED[first])
        assert host.module("topology", name="lab", config=INSTEAD[then][0], inside=after(steps, kill)) == {}
        if steps % 2:
            apply(host, INSTEAD[then][0])
            assert host.module("topology", name="lab", config={}, inside=after(steps // 2, kill)) == {}
        if steps % 3:
            apply(host, {})
            assert state(host) == before, f"killed after {steps} steps"
        down(host)
        assert state(host) == before, f"killed after {steps} steps"


def test_the_plan_tells_what_waits(host: Host) -> None:
    apply(host, DECLARED["a route"])
    done = apply(host, INSTEAD["down"][0])
    assert "cannot be put back yet: eth1 in the host is down; a route needs it up" in warnings(done)
    host.sh("ip link delete eth1")
    assert "eth1 is gone" in warnings(down(host))
    assert not apply(host, {})["changed"]


def test_any_document_that_makes_it_possible_brings_it_back(host: Host) -> None:
    apply(host, DECLARED["a route"])
    apply(host, INSTEAD["another subnet"][0])
    assert "default via 198.51.100.9" in host.sh("ip route")
    apply(host, {"link": [{"name": "eth1", "addresses": ["203.0.113.1/24", "198.51.100.8/24"]}]})
    assert "default via 198.51.100.1 " in host.sh("ip route")
    host.sh("ip route delete default")
    down(host)
    assert "default" not in host.sh("ip route")


def test_settings_of_a_cable_that_was_made_are_not_owed(host: Host) -> None:
    """At its new place it has those that are there, and home again those that are there by then."""
    default, setting = ({"name": f"net.ipv4.conf.{name}.rp_filter", "value": 1} for name in ("default", "a"))
    cable: Config = {"name": "a", "peer": {"name": "b"}}
    apply(host, {"veth": [cable], "netns_sysctl": [setting]})
    apply(host, {"netns": [{"name": "ns1"}], "veth": [{**cable, "netns": "ns1"}]})
    apply(host, {"netns": [{"name": "ns1"}], "veth": [cable], "netns_sysctl": [default]})
    assert host.sysctl("net/ipv4/conf/a/rp_filter") == "1"


@pytest.mark.parametrize("last", [{}, None])
def test_another_topology_is_in_the_way(host: Host, last: Any) -> None:
    """It inherits what the one that goes cannot put back."""
    before = state(host)
    apply(host, {"link": [{"name": "eth1", "up": False}]}, name="a")
    neighbor = {"device": "eth1", "address": "198.51.100.77", "mac": "02:00:00:00:00:77"}
    apply(host, {"link": [{"name": "eth1", "mtu": 1300}], "netns_neighbor": [neighbor]}, name="b")
    assert "cannot be put back" not in warnings(down(host, "a"))
    if last is not None:
        apply(host, last, name="b")
    down(host, "b")
    assert state(host) == before


def test_what_one_topology_takes_of_a_device_comes_back_when_another_one_brings_that_home(host: Host) -> None:
    host.sh("ip -6 address add 2001:db8::7/64 dev eth1 nodad")
    before = state(host)
    apply(host, {"netns_sysctl": [{"name": "net.ipv6.conf.all.disable_ipv6", "value": 1}]})
    assert "2001:db8::7/64" not in host.addresses("eth1")
    apply(host, AWAY, name="other")
    assert "is gone" not in warnings(down(host))
    down(host, "other")
    assert state(host) == before
