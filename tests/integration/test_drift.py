# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others flush: rules of ours that are left, and rules and networks that the next run brings back."""

from __future__ import annotations

from typing import Any

import pytest
from host import Host
from snapshot import snapshot
from test_topology import apply
from test_transaction import after, refuse

RULES: dict[str, Any] = {
    "bridge": [{"name": "br0", "addresses": ["10.1.0.254/24"]}],
    "masquerade": [{"source": "10.1.0.0/24", "out_interface": "!br0", "backend": "nftables"}],
    "forward_accept": [{"in_interface": "br0", "replies": True, "backend": "nftables"}],
}


@pytest.mark.parametrize(
    "flush",
    [
        "iptables -F; iptables -t nat -F; iptables -X; ip6tables -F",
        # What firewalld does when it is reloaded: it deletes its own table.
        "nft 'add table inet firewalld; delete table inet firewalld'; iptables -F; iptables -t nat -F",
    ],
    ids=["iptables", "firewalld"],
)
def test_a_flush_by_others_leaves_our_rules(host: Host, flush: str) -> None:
    apply(host, RULES)
    before = host.sh("nft -s list table inet nsfabric")
    host.sh(flush)
    assert host.sh("nft -s list table inet nsfabric") == before
    assert not apply(host, RULES)["changed"]


def test_the_next_run_mends_a_flushed_ruleset(host: Host) -> None:
    apply(host, RULES)
    before = host.sh("nft -s list ruleset")
    host.sh("nft flush ruleset")
    predicted = host.module("topology", name="lab", config=RULES, check=True)
    assert {step["resource"] for step in predicted["steps"]} == {"masquerade", "forward_accept"}
    assert apply(host, RULES)["steps"] == predicted["steps"]
    assert host.sh("nft -s list ruleset") == before
    assert not apply(host, RULES)["changed"]


def test_a_namespace_that_was_just_deleted_is_made_anew_with_its_cables(host: Host) -> None:
    """The kernel takes its cables away some time after its name."""
    names = ("ns1", "ns2", "ns3")
    config: dict[str, Any] = {
        "netns": [{"name": name} for name in names],
        "bridge": [{"name": "br0", "up": True}],
        "veth": [
            {"name": f"v-{name}", "master": "br0", "up": True, "peer": {"netns": name, "name": "eth0", "up": True}}
            for name in names
        ],
    }
    apply(host, config)
    before = snapshot(host)
    for dummy in range(3):
        host.sh("ip netns delete ns2")
        again = host.do("topology", name="lab", config=config)
        assert {(step["resource"], step["change"]) for step in again["steps"]} >= {
            ("netns", "create"),
            ("veth", "create"),
        }
        assert snapshot(host) == before


NETWORKS: dict[str, Any] = {
    "netns": [{"name": "ns1"}],
    "bridge": [{"name": "br0", "addresses": ["10.1.0.254/24", "10.1.0.253/24", "10.2.0.1/31", "fd00:1::1/64"]}],
    "veth": [
        {"name": "v1", "master": "br0", "peer": {"netns": "ns1", "name": "eth0", "addresses": ["10.1.0.1/24"]}},
        {"name": "v2", "up": False, "addresses": ["10.3.0.1/24", "10.4.0.1/32"], "peer": {"name": "v3"}},
    ],
}


def networks(host: Host, *places: str) -> list[str]:
    """What leads to the networks of devices."""
    shown = [host.sh("ip -o route; ip -6 -o route | grep -v fe80 || true", netns) for netns in places]
    return sorted(line.strip() for text in shown for line in text.splitlines())


@pytest.mark.parametrize(
    ("by_hand", "netns"),
    [
        ("ip route flush dev br0", ""),
        ("ip route delete 10.2.0.0/31 dev br0", ""),
        ("ip -6 route delete fd00:1::/64 dev br0", ""),
        ("ip route flush dev eth0; ip neighbor flush dev eth0", "ns1"),
    ],
)
def test_the_next_run_mends_the_networks_of_its_devices(host: Host, by_hand: str, netns: str) -> None:
    before = snapshot(host)
    apply(host, NETWORKS)
    built = networks(host, "", "ns1")
    host.sh(by_hand, netns)
    assert networks(host, "", "ns1") != built
    predicted = host.module("topology", name="lab", config=NETWORKS, check=True)
    done = apply(host, NETWORKS)
    assert done["steps"] == predicted["steps"]
    assert {step["resource"] for step in done["steps"]} == {"veth" if netns else "bridge"}
    assert networks(host, "", "ns1") == built
    assert not apply(host, NETWORKS)["changed"]
    host.do("topology", name="lab", state="absent")
    assert snapshot(host) == before


@pytest.mark.parametrize("routes", [[], [{"destination": "10.9.0.0/24", "gateway": "10.1.0.9"}]])
@pytest.mark.parametrize(
    "change",
    [{"mtu": 1400}, {"mac": "02:00:00:00:00:01"}, {"addresses": ["10.1.0.5/24", "10.1.0.1/24"]}, {"master": "br0"}],
    ids=str,
)
def test_networks_that_are_missing_on_a_device_that_changes(host: Host, change: Any, routes: list[Any]) -> None:
    cable = {"name": "v1", "addresses": ["10.1.0.1/24", "fd00:1::1/64"], "peer": {"name": "v2"}}
    config = {"bridge": [{"name": "br0"}], "veth": [cable], "netns_route": routes}
    apply(host, config)
    built = networks(host, "")
    host.sh("ip route flush dev v1; ip -6 route flush dev v1")
    changed = {**config, "veth": [{**cable, **change}]}
    apply(host, changed)
    assert not apply(host, changed)["changed"]
    host.sh("ip route flush dev v1; ip -6 route flush dev v1")
    apply(host, config)
    assert networks(host, "") == built


@pytest.mark.parametrize(
    ("first", "more"),
    [
        # It has no such route, and is to have none.
        ("ip address replace 10.1.0.1/24 dev eth0 noprefixroute", {}),
        # Another way to it, as somebody wanted that.
        ("ip route delete 10.1.0.0/24; ip route add 10.1.0.0/24 dev eth0 metric 7", {}),
        (
            "",
            {"netns_route": [{"netns": "ns1", "destination": "10.1.0.0/24", "protocol": "kernel", "state": "absent"}]},
        ),
    ],
    ids=["without it", "another way", "declared to be gone"],
)
def test_a_network_that_is_not_missing(host: Host, first: str, more: dict[str, Any]) -> None:
    host.sh("ip netns add ns1; ip -n ns1 link add eth0 type veth peer name far; ip -n ns1 link set eth0 up")
    host.sh(first.split(";")[0] if "address" in first else "ip address add 10.1.0.1/24 dev eth0", "ns1")
    host.sh("" if "address" in first else first or "true", "ns1")
    cable = {"netns": "ns1", "name": "eth0", "addresses": ["10.1.0.1/24"], "peer": {"netns": "ns1", "name": "far"}}
    config = {"veth": [cable], **more}
    apply(host, config)
    routes = host.sh("ip route", "ns1")
    assert "proto kernel" not in routes
    assert not apply(host, config)["changed"]
    assert host.sh("ip route", "ns1") == routes


def test_what_was_not_there_before_a_run_that_failed(host: Host) -> None:
    """The network of a cable that was found without a route to it."""
    host.sh("ip link add one type veth peer name two; ip link set one up; ip address add 10.1.0.1/24 dev one")
    host.sh("ip route flush dev one")
    before = snapshot(host)
    config = {
        "veth": [{"name": "one", "mtu": 1400, "addresses": ["10.1.0.1/24"], "peer": {"name": "two"}}],
        "netns_route": [{"destination": "10.9.0.0/24", "gateway": "10.1.0.2"}],
    }
    failed = host.module("topology", name="lab", config=config, inside=after(2, refuse))
    assert "put back as it was found" in failed["msg"]
    assert snapshot(host) == before
