# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A route or a neighbour of somebody else's that took the place of a topology's own is left alone, with a warning."""

from __future__ import annotations

import json
from typing import Any

import pytest
from host import Host, warnings
from snapshot import snapshot
from test_topology import apply
from test_transaction import after, kill, plan_of, refuse

ETH1 = """
ip link add eth1 type veth peer name far1; ip link set eth1 up; ip link set far1 up
ip address add 192.0.2.1/24 dev eth1; ip address add 2001:db8::1/64 dev eth1 nodad
"""
FOUND = f"""{ETH1}
ip link add eth2 type veth peer name far2; ip link set eth2 up; ip link set far2 up
ip address add 10.5.0.1/24 dev eth2; ip address add 2001:db8:5::1/64 dev eth2 nodad
"""
DHCP = "ip route replace default via 10.5.0.9 dev eth2 proto dhcp"
BRIDGE = {"bridge": [{"name": "br0", "addresses": ["10.0.0.254/24"]}]}
NEW_BRIDGE = "ip link add br0 type bridge; ip link set br0 up; ip address add 10.0.0.254/24 dev br0"
NOT_OURS = "is not the one this topology made any more; it is left alone"
NOT_FOUND = "is not the one that was found; it is left alone"
LEDGER = "/run/nsfabric/topologies/lab.json"
WAYS: dict[str, dict[str, Any]] = {"purged": {"config": {}}, "taken down": {"state": "absent"}}
MAC = "02:00:00:00:00:09"


@pytest.fixture
def host(host: Host) -> Host:
    host.sh(FOUND)
    return host


def route(destination: str = "10.7.0.0/16", **options: Any) -> dict[str, Any]:
    return {"netns_route": [{"destination": destination, **options}]}


def neighbor(**options: Any) -> dict[str, Any]:
    return {"netns_neighbor": [{"device": "eth1", "address": "192.0.2.9", **(options or {"mac": MAC})}]}


def shown(host: Host) -> tuple[list[Any], list[Any]]:
    """All routes that the kernel does not make itself, and the permanent neighbours, whoever's."""
    routes = [*host.routes(options="-4", what="table all"), *host.routes(options="-6", what="table all")]
    neighbors = [*host.json("ip -j neighbor show nud permanent"), *host.json("ip -j neighbor show proxy")]
    return [{**each, "flags": None} for each in routes if each["protocol"] not in ("kernel", "ra")], neighbors


def gone(host: Host, how: str) -> dict[str, Any]:
    """What was declared is not any more."""
    return host.do("topology", name="lab", **WAYS[how])


# What is declared, by what it is replaced, and how the warning begins.
REPLACED: dict[str, tuple[dict[str, Any], str, str]] = {
    "another gateway, device and protocol": (
        route("default", gateway="192.0.2.9"),
        f"ip route delete default; {DHCP}",
        "route default via 10.5.0.9 dev eth2 proto dhcp scope global in the host",
    ),
    "another device than the one declared": (
        route(gateway="192.0.2.9", device="eth1"),
        "ip route replace 10.7.0.0/16 via 10.5.0.9 dev eth2",
        "route 10.7.0.0/16 via 10.5.0.9 dev eth2 proto boot scope global in the host",
    ),
    "another gateway": (
        route(gateway="192.0.2.9"),
        "ip route replace 10.7.0.0/16 via 192.0.2.10 proto static",
        "route 10.7.0.0/16 via 192.0.2.10 dev eth1 proto static scope global in the host",
    ),
    "another device on link": (
        route(device="eth1"),
        "ip route replace 10.7.0.0/16 dev eth2 proto static",
        "route 10.7.0.0/16 dev eth2 proto static scope link in the host",
    ),
    "another protocol": (
        route(gateway="192.0.2.9"),
        "ip route replace 10.7.0.0/16 via 192.0.2.9 proto bird",
        "route 10.7.0.0/16 via 192.0.2.9 dev eth1 proto bird scope global in the host",
    ),
    "another type": (
        route(type="blackhole"),
        "ip route replace unreachable 10.7.0.0/16 proto static",
        "route unreachable 10.7.0.0/16 proto static in the host",
    ),
    "a blackhole by a gateway": (
        route(type="blackhole"),
        "ip route replace 10.7.0.0/16 via 10.5.0.9 dev eth2 proto static",
        "route 10.7.0.0/16 via 10.5.0.9 dev eth2 proto static scope global in the host",
    ),
    "one more next hop": (
        route(gateway="192.0.2.9"),
        "ip route replace 10.7.0.0/16 proto static nexthop via 192.0.2.9 nexthop via 10.5.0.9",
        "route 10.7.0.0/16 proto static scope global nexthop via 192.0.2.9 dev eth1",
    ),
    "in another table, with a metric": (
        route(gateway="192.0.2.9", table="77", metric=50),
        "ip route replace 10.7.0.0/16 via 10.5.0.9 table 77 metric 50 proto static",
        "route 10.7.0.0/16 via 10.5.0.9 dev eth2 table 77 metric 50 proto static scope global in the host",
    ),
    "IPv6": (
        route("2001:db8:7::/48", gateway="2001:db8::9"),
        "ip -6 route replace 2001:db8:7::/48 via 2001:db8:5::9 proto static",
        "route 2001:db8:7::/48 via 2001:db8:5::9 dev eth2 proto static in the host",
    ),
    "another MAC address": (
        neighbor(),
        "ip neighbor delete 192.0.2.9 dev eth1;"
        "ip neighbor add 192.0.2.9 lladdr 02:00:00:00:00:55 dev eth1 nud permanent",
        "neighbour 192.0.2.9 at 02:00:00:00:00:55 on eth1 in the host",
    ),
    "another MAC address than a device's": (
        neighbor(mac_of={"name": "far1"}),
        "ip neighbor replace 192.0.2.9 lladdr 02:00:00:00:00:55 dev eth1 nud permanent",
        "neighbour 192.0.2.9 at 02:00:00:00:00:55 on eth1 in the host",
    ),
}


@pytest.mark.parametrize("how", ["purged", "taken down"])
@pytest.mark.parametrize("case", REPLACED)
def test_what_was_replaced_is_left_alone(host: Host, case: str, how: str) -> None:
    config, by_hand, told = REPLACED[case]
    apply(host, config)
    host.sh(by_hand)
    there = shown(host)
    predicted = host.module("topology", name="lab", check=True, **WAYS[how])
    done = gone(host, how)
    assert (done["steps"], shown(host)) == ([], there)
    assert warnings(done) == warnings(predicted)
    assert told in warnings(done)
    assert warnings(done).count("left alone") == warnings(done).count(NOT_OURS) == 1
    # It is nobody's to speak of any more.
    assert not warnings(host.do("topology", name="lab", state="absent"))
    assert shown(host) == there


@pytest.mark.parametrize("how", ["purged", "taken down"])
@pytest.mark.parametrize(
    ("declared", "told"), [({"gateway": "192.0.2.9"}, NOT_OURS), ({"gateway": "192.0.2.3", "mtu": 1400}, NOT_FOUND)]
)
def test_a_route_that_was_found_does_not_come_back_in_the_place_of_anothers(
    host: Host, declared: dict[str, Any], told: str, how: str
) -> None:
    host.sh("ip route add default via 192.0.2.3 dev eth1")
    apply(host, route("default", **declared))
    host.sh(DHCP)
    there = shown(host)
    done = gone(host, how)
    assert (done["steps"], shown(host)) == ([], there)
    assert f"route default via 10.5.0.9 dev eth2 proto dhcp scope global in the host {told}" in warnings(done)
    assert not warnings(host.do("topology", name="lab", state="absent"))
    assert shown(host) == there


def test_a_neighbour_that_was_found_does_not_come_back_in_the_place_of_anothers(host: Host) -> None:
    host.sh("ip neighbor add 192.0.2.9 lladdr 02:00:00:00:00:33 dev eth1 nud permanent")
    apply(host, neighbor())
    host.sh("ip neighbor replace 192.0.2.9 lladdr 02:00:00:00:00:55 dev eth1 nud permanent")
    there = shown(host)
    assert f"neighbour 192.0.2.9 at 02:00:00:00:00:55 on eth1 in the host {NOT_OURS}" in warnings(
        gone(host, "taken down")
    )
    assert shown(host) == there


@pytest.mark.parametrize("how", ["purged", "taken down"])
def test_a_route_that_was_deleted_does_not_come_back_in_the_place_of_anothers(host: Host, how: str) -> None:
    host.sh("ip route add default via 192.0.2.3 dev eth1")
    apply(host, route("default", state="absent"))
    host.sh(DHCP)
    there = shown(host)
    assert f"route default via 10.5.0.9 dev eth2 proto dhcp scope global in the host {NOT_FOUND}" in warnings(
        gone(host, how)
    )
    assert shown(host) == there


def test_a_route_that_went_with_its_device_does_not_come_back_in_the_place_of_anothers(host: Host) -> None:
    host.sh("ip route add default via 192.0.2.3 dev eth1")
    away = {"netns": [{"name": "n1"}], "link": [{"name": "eth1", "netns": "n1"}]}
    apply(host, away)
    host.sh(DHCP)
    done = apply(host, {**away, "link": [{"name": "eth1"}]})
    assert f"route default via 10.5.0.9 dev eth2 proto dhcp scope global in the host {NOT_FOUND}" in warnings(done)
    assert host.routes(what="default")[0]["gateway"] == "10.5.0.9"
    # It is given up, and does not come back after the other one either.
    host.sh("ip route delete default")
    assert not warnings(gone(host, "taken down"))
    assert host.routes(what="default") == []


DRIFT = {
    "attributes of a route": (
        route(gateway="192.0.2.9", mtu=1400),
        "ip route change 10.7.0.0/16 via 192.0.2.9 dev eth1 proto static mtu 1300 advmss 1000 src 192.0.2.1",
    ),
    "a next hop that went": (
        route(nexthops=[{"gateway": "192.0.2.9"}, {"gateway": "10.5.0.9"}]),
        "ip route replace 10.7.0.0/16 via 10.5.0.9 proto static",
    ),
    "the name of its device": (
        route(gateway="192.0.2.9", onlink=True, device="eth1"),
        "ip link set eth1 down; ip link set eth1 name lan0; ip link set lan0 up;"
        "ip route replace 10.7.0.0/16 via 192.0.2.9 dev lan0 onlink proto static",
    ),
    "a neighbour that was made anew as it was": (
        neighbor(),
        f"ip neighbor delete 192.0.2.9 dev eth1; ip neighbor add 192.0.2.9 lladdr {MAC} dev eth1 nud permanent",
    ),
    "a proxy entry": (
        neighbor(proxy=True),
        "ip neighbor delete proxy 192.0.2.9 dev eth1; ip neighbor add proxy 192.0.2.9 dev eth1",
    ),
}


@pytest.mark.parametrize("case", DRIFT)
def test_what_was_only_changed_goes(host: Host, case: str) -> None:
    config, by_hand = DRIFT[case]
    apply(host, config)
    host.sh(by_hand)
    assert not warnings(gone(host, "taken down"))
    assert host.routes(what="10.7.0.0/16") == []
    assert shown(host) == ([], [])


def test_what_was_changed_of_what_was_found_comes_back(host: Host) -> None:
    host.sh("ip route add 10.7.0.0/16 via 192.0.2.3 dev eth1 mtu 1200 proto 42")
    before = shown(host)
    apply(host, route(gateway="192.0.2.9"))
    host.sh("ip route change 10.7.0.0/16 via 192.0.2.9 dev eth1 proto 42 mtu 1300")
    assert not warnings(gone(host, "taken down"))
    assert shown(host) == before


@pytest.mark.parametrize("found", ["true", "ip route add default via 192.0.2.3 dev eth1"])
def test_declared_again_it_is_taken_back_and_goes_for_what_was_found_first(host: Host, found: str) -> None:
    host.sh(found)
    before = shown(host)
    config = route("default", gateway="192.0.2.9")
    apply(host, config)
    host.sh(DHCP)
    assert apply(host, config)["changed"]
    assert host.routes(what="default")[0]["gateway"] == "192.0.2.9"
    assert not warnings(gone(host, "taken down"))
    assert shown(host) == before


def test_what_nothing_was_done_to_again_stays_others(host: Host) -> None:
    """A document that says nothing of the protocol is content with the DHCP client's route, and does not own it."""
    config = route("default", gateway="192.0.2.9")
    apply(host, config)
    host.sh("ip route replace default via 192.0.2.9 dev eth1 proto dhcp")
    there = shown(host)
    assert apply(host, {**config, "netns": [{"name": "n1"}]})["changed"]
    assert NOT_OURS in warnings(gone(host, "taken down"))
    assert shown(host) == there


def test_beside_one_of_others_ours_alone_goes(host: Host) -> None:
    apply(host, route(gateway="192.0.2.9"))
    for place in ("append", "prepend"):
        host.sh(f"ip route {place} 10.7.0.0/16 via 10.5.0.{len(place)} dev eth2 proto bird")
    assert not warnings(gone(host, "taken down"))
    assert [each["gateway"] for each in host.routes(what="10.7.0.0/16")] == ["10.5.0.7", "10.5.0.6"]


def test_beside_one_of_others_what_was_found_comes_back(host: Host) -> None:
    host.sh("ip route add 10.7.0.0/16 via 192.0.2.3 dev eth1")
    apply(host, route(gateway="192.0.2.9"))
    for place in ("append", "prepend"):
        host.sh(f"ip route {place} 10.7.0.0/16 via 10.5.0.{len(place)} dev eth2 proto bird")
    assert not warnings(gone(host, "taken down"))
    gateways = [each["gateway"] for each in host.routes(what="10.7.0.0/16")]
    assert gateways == ["10.5.0.7", "10.5.0.6", "192.0.2.3"]


def test_an_ipv6_route_that_others_have_added_a_next_hop_to_stays(host: Host) -> None:
    apply(host, route("2001:db8:7::/48", gateway="2001:db8::9"))
    host.sh("ip -6 route append 2001:db8:7::/48 via 2001:db8:5::9 proto static")
    there = shown(host)
    assert NOT_OURS in warnings(gone(host, "taken down"))
    assert shown(host) == there


# What is declared, how its device is replaced by another with the same on it, and which device is warned of.
ON_REPLACED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a bridge": (
        {**BRIDGE, **route(gateway="10.0.0.1")},
        f"ip link delete br0; {NEW_BRIDGE}; ip route add 10.7.0.0/16 via 10.0.0.1 proto static",
        f"bridge br0 {NOT_OURS}",
    ),
    "a device that was found": (
        {**route(gateway="192.0.2.9"), "link": [{"name": "eth1", "mtu": 1400}]},
        f"ip link delete eth1; {ETH1} ip route add 10.7.0.0/16 via 192.0.2.9 proto static",
        "device eth1 is not the one that was found; what was changed of it is left alone",
    ),
    "a device that was found, and not changed": (
        route(gateway="192.0.2.9", device="eth1"),
        f"ip link delete eth1; {ETH1} ip route add 10.7.0.0/16 via 192.0.2.9 proto static",
        f"route 10.7.0.0/16 via 192.0.2.9 dev eth1 proto static scope global in the host {NOT_OURS}",
    ),
    "a cable into a namespace": (
        {
            "netns": [{"name": "n1"}],
            "veth": [{"name": "v", "netns": "n1", "peer": {"name": "p", "addresses": ["10.0.0.2/24"]}}],
            **route(gateway="10.0.0.1"),
        },
        "ip netns delete n1; ip netns add n1; while ip link show p 2>/dev/null; do :; done;"
        "ip link add p type veth peer name v netns n1; ip link set p up; ip -n n1 link set v up;"
        "ip address add 10.0.0.2/24 dev p; ip route add 10.7.0.0/16 via 10.0.0.1 proto static",
        f"netns n1 {NOT_OURS}",
    ),
}


@pytest.mark.parametrize("how", ["purged", "taken down"])
@pytest.mark.parametrize("case", ON_REPLACED)
def test_on_a_device_that_was_replaced_it_is_left_alone(host: Host, case: str, how: str) -> None:
    config, by_hand, told = ON_REPLACED[case]
    apply(host, config)
    host.sh(by_hand)
    there = shown(host)
    done = gone(host, how)
    assert (done["steps"], shown(host)) == ([], there)
    assert told in warnings(done)
    assert warnings(done).count("left alone") == 1


def test_what_was_found_comes_back_when_the_device_of_ours_is_replaced(host: Host) -> None:
    host.sh("ip route add default via 10.5.0.3 dev eth2")
    before = shown(host)
    apply(host, route("default", gateway="192.0.2.9"))
    host.sh(f"ip link delete eth1; {ETH1}")
    gone(host, "taken down")
    assert [each["gateway"] for each in host.routes(what="default")] == ["10.5.0.3"]
    assert shown(host) == before


def test_what_leads_through_a_device_that_goes_makes_way_for_what_was_found(host: Host) -> None:
    host.sh("ip route add default via 192.0.2.3 dev eth1")
    before = shown(host)
    apply(host, {**BRIDGE, **route("default", gateway="10.0.0.1")})
    host.sh("ip route replace default via 10.0.0.7 dev br0 proto bird")
    assert not warnings(gone(host, "taken down"))
    assert shown(host) == before


def test_what_leads_through_a_device_that_goes_home_makes_way_for_what_was_found(host: Host) -> None:
    host.sh("ip netns add theirs; ip -n theirs link add eth3 type veth peer name far3; ip -n theirs link set eth3 up")
    host.sh("ip -n theirs link set far3 up; ip -n theirs address add 10.6.0.1/24 dev eth3")
    host.sh("ip -n theirs route add 10.7.0.0/16 via 10.6.0.3")
    before = snapshot(host)
    apply(
        host,
        {
            "link": [{"name": "eth2", "netns": "theirs", "addresses": ["10.5.0.1/24"]}],
            "netns_route": [{"netns": "theirs", "destination": "10.7.0.0/16", "gateway": "10.5.0.9"}],
        },
    )
    host.sh("ip -n theirs route replace 10.7.0.0/16 via 10.5.0.7 proto bird")
    assert not warnings(gone(host, "taken down"))
    assert snapshot(host) == before


@pytest.mark.parametrize("stop", [0, 1])
def test_of_two_devices_to_a_gateway_the_kernel_chooses_one(host: Host, stop: int) -> None:
    host.sh("ip address add 192.0.2.101/24 dev eth2")
    before = snapshot(host)
    host.module("topology", name="lab", config=route(gateway="192.0.2.9"), inside=after(stop, kill))
    assert not warnings(gone(host, "taken down"))
    assert snapshot(host) == before
    apply(host, route(gateway="192.0.2.9"))
    assert not warnings(gone(host, "taken down"))
    assert snapshot(host) == before


def test_on_a_device_that_was_renamed_it_goes(host: Host) -> None:
    before = snapshot(host)
    apply(host, {**BRIDGE, **route(gateway="10.0.0.1")})
    host.sh(
        "ip link set br0 down; ip link set br0 name br1; ip link set br1 up;"
        "ip route add 10.7.0.0/16 via 10.0.0.1 proto static"
    )
    assert not warnings(gone(host, "taken down"))
    assert snapshot(host) == before


def test_the_warning_is_not_for_what_goes_with_its_namespace(host: Host) -> None:
    config = {"netns": [{"name": "n1"}], "link": [{"name": "eth2", "netns": "n1", "addresses": ["10.5.0.1/24"]}]}
    before = snapshot(host)
    apply(host, {**config, "netns_route": [{"netns": "n1", "destination": "10.7.0.0/16", "gateway": "10.5.0.9"}]})
    host.sh("ip -n n1 route replace 10.7.0.0/16 via 10.5.0.7 proto bird")
    assert not warnings(gone(host, "taken down"))
    assert snapshot(host) == before


FIRST, SECOND = route("default", gateway="192.0.2.9"), route("default", gateway="192.0.2.10")


@pytest.mark.parametrize("found", ["true", "ip route add default via 192.0.2.3 dev eth1"])
def test_a_run_that_was_killed_leaves_it_alone(host: Host, found: str) -> None:
    """The ledger knows a route that was not made yet, and the one that stood before."""
    host.sh(found)
    for second in (False, True):
        if second:
            apply(host, FIRST)
        for stop in (0, 1):
            host.module("topology", name="lab", config=SECOND, inside=after(stop, kill))
            host.sh(DHCP)
            there = shown(host)
            assert NOT_OURS in warnings(gone(host, "taken down"))
            assert shown(host) == there
            host.sh(f"ip route delete default; {found}")


@pytest.mark.parametrize("found", ["true", "ip route add default via 192.0.2.3 dev eth1"])
@pytest.mark.parametrize("stop", [0, 1])
def test_a_run_that_was_killed_is_undone(host: Host, found: str, stop: int) -> None:
    host.sh(found)
    before = snapshot(host)
    apply(host, FIRST)
    host.module("topology", name="lab", config=SECOND, inside=after(stop, kill))
    assert not warnings(gone(host, "taken down"))
    assert snapshot(host) == before


def test_a_run_that_failed_knows_the_former_one(host: Host) -> None:
    before = snapshot(host)
    apply(host, FIRST)
    config = {**SECOND, "bridge": [{"name": "br0"}]}
    for stop in range(plan_of(host, config=config) + 1):
        assert host.module("topology", name="lab", config=config, inside=after(stop, refuse)).get("failed")
    host.sh("ip route replace default via 192.0.2.10 proto static")
    assert NOT_OURS in warnings(gone(host, "taken down"))
    host.sh("ip route delete default")
    assert snapshot(host) == before


def test_another_topology_that_declares_it_too_goes_on_with_it(host: Host) -> None:
    host.sh("ip route add default via 192.0.2.3 dev eth1")
    before = shown(host)
    apply(host, FIRST, name="one")
    apply(host, route("default", gateway="192.0.2.9", protocol="42"), name="two")
    host.sh(DHCP)
    assert not warnings(host.do("topology", name="one", state="absent"))
    apply(host, FIRST, name="two")
    assert not warnings(host.do("topology", name="two", state="absent"))
    assert shown(host) == before


@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
def test_what_another_topology_changed_of_it_is_not_a_strangers(host: Host, order: tuple[str, str]) -> None:
    before = shown(host)
    apply(host, FIRST, name="one")
    assert apply(host, route("default", gateway="192.0.2.9", protocol="42"), name="two")["changed"]
    for name in order:
        assert not warnings(host.do("topology", name=name, state="absent"))
    assert shown(host) == before


def test_the_ledger_tells_what_was_made_last(host: Host) -> None:
    apply(host, FIRST)
    apply(host, SECOND)
    (item,) = json.loads(host.sh(f"cat {LEDGER}"))["objects"]
    (made,) = item["made"]
    assert (made["hops"], made["numbers"]) == ([["192.0.2.10", "eth1"]], [host.link("eth1")["ifindex"]])
