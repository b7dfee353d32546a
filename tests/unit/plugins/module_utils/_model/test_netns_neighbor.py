# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Neighbours planned from hand-made states."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils._model import document as documents
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import (
    HOST,
    Link,
    Namespace,
    Neighbor,
    NeighborKey,
    State,
    loopback,
)

MAC, OTHER = "02:00:00:00:00:07", "02:00:00:00:00:08"
KEY = NeighborKey("v", "10.1.0.9", False)


def host(*neighbors: Neighbor) -> State:
    """A device v and a tunnel t on the host, and its far end x in a namespace."""
    links = {"lo": loopback(), "v": Link("v", "veth", 2, OTHER, up=True), "t": Link("t", "tun", 3, up=True)}
    here = Namespace(1, links, neighbors={found.key: found for found in neighbors})
    far = Namespace(2, {"lo": loopback(), "x": Link("x", "veth", 2, MAC, up=True)})
    return State({HOST: here, "far": far})


def plan(host: State, /, assume: bool = False, **entry: Any) -> tuple[documents.Plan, list[str]]:
    problems = Problems()
    defaults = {"state": "present", "device": "v", "address": "10.1.0.9", "proxy": False}
    document = documents.read({"netns_neighbor": [{**defaults, **entry}]}, problems)
    planned = documents.Plan() if problems else documents.plan(document, host, problems, assume)
    return planned, [str(problem) for problem in problems.found]


# What is put back.
NOARP = {"state": "noarp", "flags": [], "protocol": 0}
CASES: list[tuple[tuple[Neighbor, ...], dict[str, Any], str]] = [
    ((), {"mac": MAC}, "the entry is missing"),
    ((Neighbor(KEY, MAC),), {"mac": MAC.upper()}, ""),
    ((Neighbor(KEY, OTHER),), {"mac": MAC}, f"mac is {OTHER}, wanted {MAC}"),
    ((Neighbor(KEY, MAC, state="reachable"),), {"mac": MAC}, "the entry is a learned one, wanted permanent"),
    ((Neighbor(KEY, None, state="reachable"),), {"mac": MAC}, "the entry is a learned one, wanted permanent"),
    ((), {"mac_of": {"netns": "far", "name": "x"}}, "the entry is missing"),
    ((Neighbor(KEY, MAC, state="noarp"),), {"mac": MAC}, "the entry is noarp, wanted permanent"),
    ((Neighbor(KEY, MAC, "stale", ("extern_learn",)),), {"mac": MAC}, "the entry is stale, wanted permanent"),
    ((Neighbor(KEY, MAC, flags=("extern_learn",)),), {"mac": MAC}, ""),
    ((Neighbor(KEY, MAC, state="noarp"),), {"state": "absent"}, "the entry is not wanted"),
    ((Neighbor(KEY, OTHER),), {"mac": MAC, "details": NOARP}, "this state of the entry, and its flags, were found"),
    ((Neighbor(KEY, MAC, "noarp", protocol=12),), {"mac": MAC, "details": NOARP}, ""),
    ((Neighbor(KEY, MAC),), {"mac_of": {"netns": "far", "name": "x"}}, ""),
    ((Neighbor(KEY, MAC),), {"proxy": True}, "the entry is missing"),
    ((Neighbor(KEY._replace(proxy=True)),), {"proxy": True}, ""),
    ((Neighbor(KEY, MAC),), {"state": "absent"}, "the entry is not wanted"),
    ((Neighbor(KEY, MAC, state="reachable"),), {"state": "absent"}, ""),
    ((Neighbor(KEY._replace(proxy=True)),), {"state": "absent"}, ""),
    ((Neighbor(KEY._replace(proxy=True)),), {"state": "absent", "proxy": True}, "the entry is not wanted"),
    ((), {"state": "absent", "netns": "none"}, ""),
]


@pytest.mark.parametrize(("found", "entry", "why"), CASES)
def test_planned(found: tuple[Neighbor, ...], entry: dict[str, Any], why: str) -> None:
    planned, problems = plan(host(*found), **entry)
    assert problems == []
    assert [step.why for step in planned.steps] == ([why] if why else [])
    again, problems = plan(planned.after, **entry)
    assert (again.steps, problems) == ((), [])


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "mac: an entry needs a mac, or mac_of with the device whose MAC it is"),
    ({"mac": MAC, "proxy": True}, "proxy: a proxy entry has no MAC: the host answers with its own"),
    ({"mac": MAC, "device": "lo"}, "device: lo has no Ethernet address, and so no neighbours"),
    ({"mac": MAC, "device": "t"}, "device: t has no Ethernet address, and so no neighbours"),
    ({"mac_of": {"name": "lo"}}, "mac_of: lo has no Ethernet address"),
    ({"mac_of": {"name": "y"}}, "mac_of: there is no link y in the host; it has lo, t, v"),
    ({"mac": MAC, "netns": "none"}, "netns: namespace none does not exist; make it first (ip netns add none)"),
    ({"mac": MAC, "address": "0.0.0.0"}, "address: '0.0.0.0' is nobody's address"),
]


@pytest.mark.parametrize(("entry", "message"), REFUSED)
def test_refused(entry: dict[str, Any], message: str) -> None:
    planned, problems = plan(host(), **entry)
    assert problems == [f"config.netns_neighbor[0].{message}"]
    assert planned.steps == ()


def test_a_tunnel_may_be_a_proxy() -> None:
    planned, problems = plan(host(), device="t", proxy=True)
    assert problems == []
    assert planned.steps[0].action.command() == "ip neighbor replace proxy 10.1.0.9 dev t"


def test_a_bridge_without_ports_takes_neighbours() -> None:
    state = host()
    state.namespaces[HOST].links["br"] = Link("br", "bridge", 4, "00:00:00:00:00:00", up=True)
    planned, problems = plan(state, device="br", mac=MAC)
    assert problems == []
    assert [step.why for step in planned.steps] == ["the entry is missing"]


def test_check_mode_takes_what_is_missing_for_granted() -> None:
    for entry in (
        {"mac_of": {"netns": "later", "name": "x"}},
        {"netns": "later", "mac": MAC},
        {"device": "w", "mac": MAC},
    ):
        planned, problems = plan(host(), assume=True, **entry)
        assert problems == []
        assert len(planned.steps) == 1
        assert planned.warnings


def test_a_mac_that_is_not_known_yet() -> None:
    planned, dummy = plan(host(Neighbor(KEY, MAC)), assume=True, mac_of={"netns": "later", "name": "x"})
    assert planned.steps[0].why == f"mac is {MAC}, wanted another"
    assert planned.steps[0].action.what() == "set neighbour 10.1.0.9 at a MAC not known yet on v"


def test_on_a_device_that_is_down() -> None:
    state = host()
    state.namespaces[HOST].links["v"] = replace(state.namespaces[HOST].links["v"], up=False)
    planned, problems = plan(state, mac=MAC)
    assert problems == []
    assert len(planned.steps) == 1


def test_learned_entries_are_not_described() -> None:
    state = host(Neighbor(KEY, MAC, state="reachable"), Neighbor(KEY._replace(proxy=True)))
    shown = documents.describe(state)["netns_neighbor"]
    assert shown == [{"device": "v", "address": "10.1.0.9", "proxy": True}]
