# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses are changed so that the routes of others stay."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import (
    Address,
    End,
    Hop,
    Neighbor,
    NeighborKey,
    Route,
    State,
)
from ansible_collections.nsfabric.linux.tests.unit.plugins.module_utils._model.links import (
    commands,
    device,
    planned,
    problems,
    state,
)

NIC = End("", "nic")
BY_DEVICE = Route("10.1.0.0/16", protocol=3, scope="link", hops=(Hop(device="nic"),))
BY_GATEWAY = Route("10.2.0.0/16", protocol=3, hops=(Hop("192.0.2.9", "nic"),))


def uplink(*addresses: Address, routes: tuple[Route, ...] = (BY_DEVICE, BY_GATEWAY)) -> State:
    host = state(links={NIC: replace(device("nic"), addresses=addresses), End("", "eth2"): device("eth2")})
    host.namespaces[""].routes = list(routes)
    return host


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("10.31.0.1/24", ["add 10.31.0.1/24", "delete 192.0.2.1/24"]),
        (
            "192.0.2.7/24",
            ["add 192.0.2.7/32", "delete 192.0.2.1/24", "add 192.0.2.7/24", "delete 192.0.2.7/32"],
        ),
        ("192.0.2.1/32", ["add 192.0.2.1/32", "delete 192.0.2.1/24"]),
        ("2001:db8::1/64", None),
    ],
)
def test_an_address_is_there_before_the_last_one_goes(wanted: str, expected: Optional[list[str]]) -> None:
    host = uplink(Address("192.0.2.1/24"))
    way = planned(host, link=[{"name": "nic", "addresses": [wanted]}])
    if expected:
        told = [step.action.command() for step in way.steps]
        assert told == [f"ip address {words} dev nic" for words in expected]
        assert way.after.namespaces[""].routes == [BY_DEVICE, BY_GATEWAY]
        assert way.warnings == ()
    else:
        assert way.after.namespaces[""].routes == [BY_DEVICE]
        assert way.warnings == ("routes of the host go with the addresses that they need: 10.2.0.0/16",)


def test_a_secondary_goes_with_its_primary() -> None:
    host = uplink(Address("192.0.2.1/24"), Address("192.0.2.2/24", secondary=True))
    assert commands(host, link=[{"name": "nic", "addresses": ["192.0.2.2/24"]}]) == [
        "ip address add 192.0.2.2/32 dev nic",
        "ip address delete 192.0.2.1/24 dev nic",
        "ip address add 192.0.2.2/24 dev nic",
        "ip address delete 192.0.2.2/32 dev nic",
    ]


def test_an_address_with_several_peers() -> None:
    """They are as many addresses, and what is on link is each peer's network."""
    peers = [Address("10.0.0.1/24", details="00", peer=f"10.{n}.0.2") for n in (1, 2)]
    told = commands(uplink(*peers, routes=()), link=[{"name": "nic", "addresses": ["10.0.0.9/24"]}])
    assert told == [
        "ip address delete 10.0.0.1 peer 10.1.0.2/24 dev nic",
        "ip address delete 10.0.0.1 peer 10.2.0.2/24 dev nic",
        "ip address add 10.0.0.9/24 dev nic",
    ]
    assert [str(each.network) for each in peers] == ["10.1.0.0/24", "10.2.0.0/24"]


def test_the_stopgap_is_none_of_those_there_or_wanted() -> None:
    host = uplink(Address("192.0.2.1/24"), Address("192.0.2.7/32"))
    told = commands(host, link=[{"name": "nic", "addresses": ["192.0.2.7/24", "192.0.2.7/31"]}])
    assert told[0] == "ip address add 192.0.2.7/30 dev nic"
    assert told[-1] == "ip address delete 192.0.2.7/30 dev nic"


def test_without_anything_of_others_it_goes_first() -> None:
    host = uplink(Address("192.0.2.1/24"), routes=())
    told = ["ip address delete 192.0.2.1/24 dev nic", "ip address add 10.31.0.1/24 dev nic"]
    assert commands(host, link=[{"name": "nic", "addresses": ["10.31.0.1/24"]}]) == told
    key = NeighborKey("nic", "192.0.2.77", False)
    host.namespaces[""].neighbors[key] = Neighbor(key, "02:00:00:00:00:77")
    assert commands(host, link=[{"name": "nic", "addresses": ["10.31.0.1/24"]}]) == told[::-1]


def test_a_route_with_several_hops_stays_while_one_of_them_lives() -> None:
    both = Route("10.3.0.0/16", protocol=3, hops=(Hop("192.0.2.9", "nic"), Hop("198.51.100.9", "eth2")))
    host = uplink(Address("192.0.2.1/24"), routes=(both,))
    assert planned(host, link=[{"name": "nic", "addresses": []}]).after.namespaces[""].routes == [both]
    assert planned(host, link=[{"name": "nic", "up": False}]).after.namespaces[""].routes == [both]
    ends = [{"name": "nic", "up": False}, {"name": "eth2", "up": False}]
    assert planned(host, link=ends).after.namespaces[""].routes == []


def test_ipv6_loses_only_the_hop_of_a_device_that_leaves() -> None:
    both = Route("2001:db8:99::/64", protocol=3, hops=(Hop("2001:db8:1::9", "nic"), Hop("2001:db8:2::9", "eth2")))
    host = uplink(Address("192.0.2.1/24"), routes=(both,))
    host.namespaces["ns1"] = state("ns1").namespaces["ns1"]
    way = planned(host, link=[{"name": "nic", "netns": "ns1"}])
    assert way.after.namespaces[""].routes == [replace(both, hops=both.hops[1:])]


@pytest.mark.parametrize("address", ["::1", "::1/64", "0::1/128"])
def test_the_address_of_the_loopback_device(address: str) -> None:
    """inet6_addr_add refuses it on any other; a VRF is one of those that stand for it."""
    vrf = End("", "vrf1")
    host = state(links={NIC: device("nic"), vrf: replace(device("vrf1"), kind="vrf")})
    wrong = "the kernel takes ::1 on lo and on a VRF alone"
    text = "::1/64" if address.endswith("64") else "::1/128"
    addresses = ["10.0.0.1/8", address]
    assert problems(host, link=[{"name": "nic", "addresses": addresses}]) == [
        f"config.link[0].addresses[1]: {text} cannot be given to nic: {wrong}"
    ]
    assert problems(host, veth=[{"name": "a", "peer": {"name": "b", "addresses": addresses}}]) == [
        f"config.veth[0].peer.addresses[1]: {text} cannot be given to b: {wrong}"
    ]
    assert commands(host, link=[{"name": "vrf1", "addresses": [address]}]) == [f"ip address add {text} dev vrf1"]
