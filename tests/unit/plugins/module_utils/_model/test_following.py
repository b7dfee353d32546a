# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands on a device follows it: down to a smaller MTU, and a VLAN up and down."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.nsfabric.linux.plugins.module_utils._model import document as documents
from ansible_collections.nsfabric.linux.plugins.module_utils._model.planner import UNDO
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import End, Hop, Route, State
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touching import touched
from ansible_collections.nsfabric.linux.tests.unit.plugins.module_utils._model.links import (
    commands,
    device,
    planned,
    state,
)

NIC, UPPER, TOP = End("", "nic"), End("ns1", "upper"), End("ns1", "top")


def stacked(kind: str, mtu: int = 1500) -> State:
    """A device, one on it in another namespace with an IPv6 address and routes, and one on that."""
    upper = device("upper", "10.0.0.1/24", "2001:db8::1/64", kind=kind, mtu=mtu)
    top = device("top", kind="macvlan", mtu=mtu - 50, up=False)
    host = replace(state("ns1", links={NIC: device("nic"), UPPER: upper, TOP: top}), lowers={UPPER: NIC, TOP: UPPER})
    host.namespaces["ns1"].routes = [Route("10.1.0.0/16", protocol=3, scope="link", hops=(Hop(device="upper"),))]
    return host


def mtus(host: State) -> list[int]:
    return [getattr(host.link(end), "mtu", 0) for end in (NIC, UPPER, TOP)]


def test_it_is_made_to_fit_and_does_not_grow_again() -> None:
    smaller = planned(stacked("macvlan"), link=[{"name": "nic", "mtu": 1400}]).after
    assert mtus(smaller) == [1400, 1400, 1400]
    assert mtus(planned(smaller, link=[{"name": "nic", "mtu": 1500}]).after) == [1500, 1400, 1400]


def test_an_ipvlan_has_the_mtu_of_the_device_below() -> None:
    larger = planned(stacked("ipvlan", 1400), link=[{"name": "nic", "mtu": 1450}])
    assert mtus(larger.after) == [1450, 1450, 1350]


def test_one_that_becomes_too_small_loses_ipv6_and_is_put_back() -> None:
    way = planned(stacked("macvlan"), link=[{"name": "nic", "mtu": 1000}])
    upper = way.after.link(UPPER)
    assert upper
    assert upper.own_addresses == ("10.0.0.1/24",)
    found = {item.absent["name"]: item.found for item in touched(way) if item.kind == "link"}
    assert found["upper"]
    assert (found["upper"]["mtu"], found["upper"]["addresses"]) == (1500, ["10.0.0.1/24", "2001:db8::1/64"])


def test_the_lower_one_is_planned_first() -> None:
    ends = [{"netns": "ns1", "name": "top", "mtu": 9000}, {"netns": "ns1", "name": "upper", "mtu": 9000}]
    told = commands(stacked("macvlan"), link=[*ends, {"name": "nic", "mtu": 9000}])
    assert [words.split()[-3] for words in told] == ["nic", "upper", "top"]


def test_a_vlan_goes_down_and_comes_up_with_the_device_below() -> None:
    down = planned(stacked("vlan"), link=[{"name": "nic", "up": False}]).after
    upper = down.link(UPPER)
    assert upper
    assert (upper.up, upper.own_addresses, down.namespaces["ns1"].routes) == (False, ("10.0.0.1/24",), [])
    kept = planned(stacked("macvlan"), link=[{"name": "nic", "up": False}]).after.link(UPPER)
    assert kept
    assert kept.up


def test_a_vlan_that_was_down_stays_down_where_the_device_below_is_put_back() -> None:
    host = stacked("vlan")
    host.namespaces[""].links["nic"] = replace(device("nic"), up=False)
    host.namespaces["ns1"].links["upper"] = replace(device("upper", kind="vlan"), up=False)
    ends = [{"name": "nic", "up": True}]
    assert commands(host, link=ends) == ["ip link set dev nic up"]
    assert put_back(host, ends) == ["ip link set dev nic up", "ip -n ns1 link set dev upper down"]
    assert put_back(host, [*ends, {"netns": "ns1", "name": "upper", "up": True}]) == ["ip link set dev nic up"]


def put_back(host: State, ends: list[dict[str, Any]]) -> list[str]:
    problems = Problems()
    way = documents.plan(documents.read({"link": ends}, problems, UNDO), host, problems)
    assert not problems
    return [step.action.command() for step in way.steps]


def test_it_still_stands_on_a_device_that_has_moved() -> None:
    moved = planned(stacked("macvlan"), link=[{"name": "nic", "netns": "ns1", "mtu": 1300}]).after
    assert moved.lowers[UPPER] == End("ns1", "nic")
    upper = moved.link(UPPER)
    assert upper
    assert upper.mtu == 1300
