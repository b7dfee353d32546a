# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has another name by now: known by its number, where that was noted, and written anew wherever it is named."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils._model.renamed import cable_now, names_now, renamed
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import HOST, End
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touched import Touched
from ansible_collections.nsfabric.linux.tests.unit.plugins.module_utils._model.links import cable, state

ETH1, NAMES = End(HOST, "eth1"), {End(HOST, "eth1"): "lan0"}
LINK = {"name": "eth1", "mtu": 1500, "master": ""}


def link(netns: str) -> Touched:
    where = {"netns": netns} if netns else {}
    return Touched("link", LINK, {"name": "eth1", "state": "absent"}, {**where, "name": "eth1"})


@pytest.mark.parametrize("place", [HOST, "ours"])
def test_it_is_looked_for_where_its_number_was_noted(place: str) -> None:
    other = "ours" if place == HOST else HOST
    here = {(place, 7): "lan0", (other, 7): "another"}
    found = names_now([link(place)], {"/eth1": 7}, lambda end: 0, lambda *at: here.get(at, ""))
    assert found == {ETH1: "lan0", End(place, "eth1"): "lan0"}


def test_one_that_has_its_name_or_is_gone_has_no_other() -> None:
    assert names_now([link("ours")], {"/eth1": 7}, {End("ours", "eth1"): 7}.get, lambda *at: "lan0") == {}
    assert names_now([link("ours")], {"/eth1": 7}, lambda end: 0, lambda *at: "") == {}
    assert names_now([link("ours")], {}, lambda end: 0, lambda *at: "lan0") == {}


def test_an_end_of_a_cable_is_looked_for_in_its_own_namespace() -> None:
    peer = {"name": "far", "netns": "ours"}
    cable = Touched("veth", {**LINK, "peer": peer}, {"name": "eth1", "peer": peer}, {"name": "eth1", "peer": peer})
    at = {(HOST, 7): "lan0", ("ours", 7): "another"}
    numbers = {"/eth1": 7, "ours/far": 8}
    assert names_now([cable], numbers, lambda end: 0, lambda *where: at.get(where, "")) == {ETH1: "lan0"}


ENTRIES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "a device": ("link", LINK, {**LINK, "name": "lan0"}),
    "another device": ("link", {"netns": "ours", "name": "eth1"}, {"netns": "ours", "name": "eth1"}),
    "a port": ("link", {"name": "p", "master": "eth1"}, {"name": "p", "master": "lan0"}),
    "a far end": (
        "veth",
        {"netns": "ours", "name": "eth1", "peer": {"name": "eth1"}},
        {"netns": "ours", "name": "eth1", "peer": {"name": "lan0"}},
    ),
    "a setting": ("netns_sysctl", {"name": "net.ipv4.conf.eth1.rp_filter"}, {"name": "net.ipv4.conf.lan0.rp_filter"}),
    "another setting": ("netns_sysctl", {"name": "net.ipv4.ip_forward"}, {"name": "net.ipv4.ip_forward"}),
    "a neighbour": ("netns_neighbor", {"device": "eth1"}, {"device": "lan0"}),
    "a route": (
        "netns_route",
        {"device": "eth1", "found": [{"hops": [["10.0.0.1", "eth1"]]}]},
        {"device": "lan0", "found": [{"hops": [("10.0.0.1", "lan0", False, 1, "")]}]},
    ),
    "a route with several hops": (
        "netns_route",
        {"nexthops": [{"device": "eth1"}, {"device": "eth2"}]},
        {"nexthops": [{"device": "lan0"}, {"device": "eth2"}]},
    ),
}


@pytest.mark.parametrize("what", ENTRIES)
def test_everything_that_names_it_has_the_new_name(what: str) -> None:
    kind, before, after = ENTRIES[what]
    now = renamed(Touched(kind, before, before, before, [before]), NAMES)
    assert (now.found, now.absent, now.owner, now.former) == (after, after, after, [after])


CABLE = Touched("veth", None, {"netns": "ns1", "name": "a", "peer": {"name": "b"}, "state": "absent"})


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (cable(End("ns1", "a"), End(HOST, "b")), CABLE.absent),
        (cable(End(HOST, "a"), End(HOST, "b")), {"name": "a", "peer": {"name": "b"}, "state": "absent"}),
        (cable(End("ns1", "a"), End("ns2", "b")), {**CABLE.absent, "peer": {"netns": "ns2", "name": "b"}}),
        (cable(End("ns2", "other"), End(HOST, "b")), CABLE.absent),
        ({}, CABLE.absent),
    ],
)
def test_a_cable_is_where_its_ends_were_put(now: Any, told: dict[str, Any]) -> None:
    assert cable_now(CABLE, state("ns1", "ns2", links=now)).absent == told
