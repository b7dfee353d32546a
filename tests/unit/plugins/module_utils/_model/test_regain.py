# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is lost as a side effect comes back at the end of a plan, and nothing that was meant to go."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import (
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
    state,
)

NIC = End("", "nic")
MAC = "02:00:00:00:00:aa"
BY_DEVICE = Route("10.1.0.0/16", protocol=3, scope="link", hops=(Hop(device="nic"),))
BEHIND_IT = Route("10.2.0.0/16", protocol=3, hops=(Hop("10.1.0.9", "nic"),))


def host(*routes: Route, learned: bool = False) -> State:
    found = state("ns1", links={NIC: device("nic", "192.0.2.1/24", "2001:db8::1/64"), End("", "eth2"): device("eth2")})
    found.namespaces[""].routes = list(routes)
    for address in ("192.0.2.77", "2001:db8::77"):
        key = NeighborKey("nic", address, False)
        found.namespaces[""].neighbors[key] = Neighbor(
            key, "02:00:00:00:00:77", "reachable" if learned else "permanent"
        )
    return found


def test_neighbours_outlast_a_mac_address() -> None:
    told = commands(host(), link=[{"name": "nic", "mac": MAC}])
    assert [words.split()[:4] for words in told[1:]] == [
        ["ip", "neighbor", "replace", address] for address in ("192.0.2.77", "2001:db8::77")
    ]
    assert len(commands(host(learned=True), link=[{"name": "nic", "mac": MAC}])) == 1


def test_not_where_they_were_to_go_or_cannot_stand() -> None:
    gone = {"device": "nic", "address": "192.0.2.77", "state": "absent"}
    way = planned(host(), link=[{"name": "nic", "mac": MAC}], netns_neighbor=[gone])
    assert [key.address for key in way.after.namespaces[""].neighbors] == ["2001:db8::77"]
    for change in ({"up": False}, {"netns": "ns1"}):
        assert planned(host(), link=[{"name": "nic", "mac": MAC, **change}]).after.namespaces[""].neighbors == {}
    small = planned(host(), link=[{"name": "nic", "mac": MAC, "mtu": 1000, "addresses": ["192.0.2.1/24"]}])
    assert [key.address for key in small.after.namespaces[""].neighbors] == ["192.0.2.77"]


def test_a_gateway_comes_before_what_is_behind_it() -> None:
    way = planned(host(BEHIND_IT, BY_DEVICE), link=[{"name": "nic", "addresses": []}])
    assert way.after.namespaces[""].routes == [BY_DEVICE, BEHIND_IT]
    assert way.warnings == ()


def test_a_route_that_goes_on_purpose_or_with_its_source_does_not() -> None:
    fixed = replace(BY_DEVICE, source="192.0.2.1")
    way = planned(
        host(fixed, replace(BY_DEVICE, destination="10.3.0.0/16")),
        link=[{"name": "nic", "addresses": []}],
        netns_route=[{"destination": "10.3.0.0/16", "state": "absent"}],
    )
    assert way.after.namespaces[""].routes == []
    assert way.warnings == ("routes of the host go with the addresses that they need: 10.1.0.0/16",)


def test_what_the_document_speaks_of_is_as_it_says() -> None:
    wanted = {"destination": "10.1.0.0/16", "device": "eth2"}
    way = planned(host(BY_DEVICE), link=[{"name": "nic", "addresses": []}], netns_route=[wanted])
    assert [route.devices for route in way.after.namespaces[""].routes] == [{"eth2"}]


def test_what_ipv6_keeps_on_the_loopback_device_comes_back_when_that_goes_down() -> None:
    found = state("ns1")
    reject = Route("::/0", metric=1024, protocol=3, type="prohibit")
    blackhole = Route("10.9.0.0/16", protocol=3, type="blackhole")
    found.namespaces["ns1"].routes = [reject, blackhole]
    way = planned(found, netns=[{"name": "ns1", "lo_up": False}])
    assert [step.action.command() for step in way.steps] == [
        "ip -n ns1 link set dev lo down",
        "ip -n ns1 -6 route append prohibit default proto boot",
    ]
    assert set(way.after.namespaces["ns1"].routes) == {reject, blackhole}
