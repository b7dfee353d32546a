# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What links of every kind have in common: attributes, addresses, ports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils._model import attributes
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import Address, End, Hop, Route, Sysctl
from ansible_collections.nsfabric.linux.tests.unit.plugins.module_utils._model.links import (
    commands,
    device,
    planned,
    problems,
    state,
)

NIC = End("", "nic")


@pytest.mark.parametrize("option", ["mac", "mtu", "txqueuelen", "up", "addresses", "master"])
def test_not_given_is_left_alone(option: str) -> None:
    host = state(links={NIC: device("nic", "10.0.0.1/24")})
    assert commands(host, link=[{"name": "nic"}]) == []
    same = attributes.view(host.namespaces[""].links["nic"])[option]
    assert commands(host, link=[{"name": "nic", option: same}]) == []


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("mtu", 1400, "mtu 1400"),
        ("txqueuelen", 0, "txqueuelen 0"),
        ("up", False, "down"),
        ("mac", "02-AA-00-00-00-01", "address 02:aa:00:00:00:01"),
        ("master", "", "nomaster"),
    ],
)
def test_false_and_zero_are_values(option: str, value: Any, words: str) -> None:
    bridge = {End("", "br0"): device("br0", kind="bridge")}
    host = state(links={**bridge, NIC: device("nic", master="br0")})
    assert commands(host, link=[{"name": "nic", option: value}]) == [f"ip link set dev nic {words}"]


def test_secondaries_are_deleted_before_their_primary() -> None:
    link = device("nic")
    link = replace(
        link, addresses=(Address("10.0.0.1/24"), *(Address(f"10.0.0.{n}/24", secondary=True) for n in (2, 3)))
    )
    assert commands(state(links={NIC: link}), link=[{"name": "nic", "addresses": ["10.0.0.3/24"]}]) == [
        "ip address delete 10.0.0.2/24 dev nic",
        "ip address delete 10.0.0.1/24 dev nic",
        "ip address add 10.0.0.3/24 dev nic",
    ]


def test_what_the_kernel_made_stays() -> None:
    link = replace(device("nic"), addresses=(Address("fe80::1/64", kernel_made=True), Address("10.0.0.1/24")))
    assert commands(state(links={NIC: link}), link=[{"name": "nic", "addresses": []}]) == [
        "ip address delete 10.0.0.1/24 dev nic"
    ]


def test_routes_and_their_sources() -> None:
    host = state(
        links={NIC: device("nic", "10.0.0.1/24", "10.1.0.1/24", "fd00::1/64"), End("", "other"): device("other")}
    )
    host.namespaces[""].routes = [
        Route("10.9.0.0/16", source="10.0.0.1", hops=(Hop(device="nic"),)),
        Route("10.8.0.0/16", source="10.1.0.1", hops=(Hop(device="nic"),)),
        Route("fd09::/64", source="fd00::1", hops=(Hop(device="nic"),)),
    ]
    after = planned(host, link=[{"name": "nic", "addresses": ["10.1.0.1/24"]}]).after
    assert [(route.destination, route.source) for route in after.namespaces[""].routes] == [
        ("10.8.0.0/16", "10.1.0.1"),
        ("fd09::/64", None),
    ]


def test_ipv6_and_the_mtu() -> None:
    host = state(links={NIC: device("nic", "fd00::1/64")})
    assert "too small for the IPv6 addresses of nic" in problems(host, link=[{"name": "nic", "mtu": 1279}])[0]
    steps = commands(host, link=[{"name": "nic", "mtu": 1279, "addresses": ["10.0.0.1/24"]}])
    assert steps == ["ip link set dev nic mtu 1279", "ip address add 10.0.0.1/24 dev nic"]
    small = state(links={NIC: device("nic", mtu=1000)})
    (problem,) = problems(small, link=[{"name": "nic", "addresses": ["10.0.0.1/24", "fd00::1/64"]}])
    assert problem == "config.link[0].addresses[1]: IPv6 needs an MTU of 1280 bytes; nic has 1000"


def test_ipv6_settings_go_with_a_small_mtu_and_start_anew_with_a_larger_one() -> None:
    key = ("net", "ipv6", "conf", "nic", "accept_ra")
    setting = {"name": "net.ipv6.conf.nic.accept_ra", "value": 0}
    host = state(links={NIC: device("nic")})
    host.namespaces[""].sysctls[key] = Sysctl("0")
    small = planned(host, link=[{"name": "nic", "mtu": 1000}]).after
    assert not small.namespaces[""].sysctls[key].exists
    assert commands(small, link=[{"name": "nic", "mtu": 1400}], netns_sysctl=[setting]) == [
        "ip link set dev nic mtu 1400",
        "sysctl -w net.ipv6.conf.nic.accept_ra=0",
    ]


def test_a_bridge_whose_mtu_follows_a_port_loses_ipv6_with_it() -> None:
    host = state(links={NIC: device("nic", mtu=1000), End("", "br0"): device("br0", "fd00::1/64", kind="bridge")})
    after = planned(host, link=[{"name": "nic", "master": "br0"}]).after
    assert (after.namespaces[""].links["br0"].mtu, after.namespaces[""].links["br0"].addresses) == (1000, ())


def test_what_was_leased_or_chosen_comes_back_and_is_never_taken_away() -> None:
    given = (Address("2001:db8::1/128", kernel_made=True, given=True), Address("fe80::1/64", True, given=True))
    link = replace(device("nic"), addresses=(Address("10.0.0.1/24"), *given, Address("fe80::2/64", kernel_made=True)))
    host = state("ns1", links={NIC: link})
    assert commands(host, link=[{"name": "nic", "addresses": []}]) == ["ip address delete 10.0.0.1/24 dev nic"]
    assert commands(host, link=[{"netns": "ns1", "name": "nic"}]) == [
        "ip link set dev nic netns ns1",
        "ip -n ns1 link set dev nic up",
        "ip -n ns1 address add 10.0.0.1/24 dev nic",
        "ip -n ns1 address add fe80::1/64 dev nic",
        "ip -n ns1 address add 2001:db8::1/128 dev nic",
    ]


def test_ipv6_addresses_outlive_the_way_down() -> None:
    host = state(links={NIC: device("nic", "10.0.0.1/24", "fd00::1/64")})
    steps = commands(host, link=[{"name": "nic", "up": False}])
    assert steps == ["ip link set dev nic down", "ip address add fd00::1/64 dev nic"]


def test_an_overlap_with_the_uplink_is_told() -> None:
    host = state(links={NIC: device("nic", "10.0.0.2/24"), End("", "b"): device("b")})
    host.namespaces[""].routes = [Route("0.0.0.0/0", hops=(Hop("10.0.0.1", "nic"),))]
    assert planned(host, link=[{"name": "b", "addresses": ["10.0.0.9/32"]}]).warnings == ()
    (warning,) = planned(host, link=[{"name": "b", "addresses": ["10.0.0.9/25"]}]).warnings
    assert warning.startswith("10.0.0.9/25 on b overlaps 10.0.0.0/24 of nic")


def test_tunnels_show_no_mac() -> None:
    for mac in ("00:00:00:00:00:00", "0.0.0.0", None, "01:00:5e:00:00:01"):
        assert attributes.view(device("sit0", mac=mac))["mac"] is None


@pytest.mark.parametrize("name", ["lo", "br1"])
def test_what_is_no_port(name: str) -> None:
    host = state(links={End("", each): device(each, kind="bridge") for each in ("br0", "br1")})
    (problem,) = problems(host, bridge=[{"name": "br0", "ports": [name]}])
    assert problem.startswith(f"config.bridge[0].ports[0]: {name} is ")
