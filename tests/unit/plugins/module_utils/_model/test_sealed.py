# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Optional

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils._model import sealed
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import HOST, End, Link, Namespace, State
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touched import Touched

Entry = dict[str, Any]


def item(kind: str, entry: Entry, found: Optional[Entry] = None, **more: Any) -> Touched:
    return Touched(kind, found, {**entry, "state": "absent"}, **more)


NS1, NS2 = item("netns", {"name": "ns1"}), item("netns", {"name": "ns2"})
SETTING = {"name": "net/ipv4/conf/port1/forwarding", "value": 1}
CABLE = item("veth", {"netns": "ns1", "name": "eth0", "peer": {"name": "port1"}})
BOTH = {"ns1", "ns2"}

CASES: dict[str, tuple[list[Touched], set[str]]] = {
    "nothing": ([], set()),
    "namespaces alone": ([NS1, NS2], BOTH),
    "a cable to the host": ([NS1, NS2, CABLE], BOTH),
    "a cable between them": ([NS1, NS2, item("veth", {**NS1.absent, "netns": "ns1", "peer": {"netns": "ns2"}})], BOTH),
    "what was made on the host": ([NS1, item("bridge", {"name": "br0"}), item("masquerade", {"name": "m"})], {"ns1"}),
    "a setting of the host": ([NS1, item("netns_sysctl", {"name": "net.ipv4.ip_forward"}, {"value": 0})], {"ns1"}),
    "what was found in one that was made": (
        [NS1, item("link", {"netns": "ns1", "name": "lo"}, {"up": False})],
        {"ns1"},
    ),
    "a namespace that was found": ([NS1, item("netns", {"name": "ns3"}, {"name": "ns3"})], set()),
    "a link of the host": ([NS1, item("link", {"name": "eth1"}, {"name": "eth1"})], set()),
    "a link that was moved in": (
        [NS1, item("link", {"name": "eth1"}, {"name": "eth1"}, owner={"netns": "ns1", "name": "eth1"})],
        set(),
    ),
    "a cable to another's namespace": ([NS1, item("veth", {"netns": "ns1", "peer": {"netns": "theirs"}})], set()),
    "a cable that has come from another's namespace": (
        [NS1, Touched("veth", None, CABLE.absent, former=[{"netns": "theirs", "name": "eth0"}])],
        set(),
    ),
    "a route in another's namespace": ([NS1, item("netns_route", {"netns": "theirs", "destination": "::/0"})], set()),
}


@pytest.mark.parametrize("name", CASES)
def test_which_need_not_be_looked_into(name: str) -> None:
    objects, expected = CASES[name]
    assert sealed.sealed(objects) == expected


def state(**inodes: int) -> State:
    namespaces = {name: Namespace(inode, sealed=True) for name, inode in inodes.items()}
    return State({HOST: Namespace(1), **namespaces})


def test_a_cable_of_the_host_that_leads_into_none_is_looked_for() -> None:
    now = state(ns1=7)
    assert not sealed.leads_astray([NS1, CABLE], now)
    now.namespaces[HOST].links["port1"] = Link("port1", "veth")
    assert sealed.leads_astray([NS1, CABLE], now)
    now.namespaces["ns1"].far_ends = (End(HOST, "port1"),)
    assert not sealed.leads_astray([NS1, CABLE], now)


@pytest.mark.parametrize(
    ("now", "gone"),
    [({"ns1": 7, "ns2": 8}, False), ({"ns1": 7}, True), ({"ns1": 7, "ns2": 9}, True), ({}, True)],
    ids=["all there", "one gone", "one replaced", "all gone"],
)
def test_whether_one_is_gone(now: dict[str, int], gone: bool) -> None:
    assert sealed.is_gone(state(ns1=7, ns2=8), state(**now)) is gone


def test_what_is_not_sealed_does_not_count() -> None:
    before = state(ns1=7)
    before.namespaces["ns2"] = Namespace(8)
    assert not sealed.is_gone(before, state(ns1=7))
    assert sealed.scope(before).sealed == {"ns1"}


def test_what_went_is_as_it_was_declared_and_all_else_as_it_was_found() -> None:
    before = state(ns1=7)
    before.namespaces["ns1"].far_ends = (End(HOST, "port1"),)
    found = {
        "netns": [{"name": "ns1"}],
        "link": [{"name": "port1", "mtu": 1400}, {"name": "eth1", "mtu": 9000}],
        "bridge": [{"name": "br0", "mtu": 1400}],
    }
    cable = {"netns": "ns1", "name": "eth0", "peer": {"name": "port1", "master": "br0"}}
    declared = {
        "netns": [{"name": "ns1", "lo_up": True}, {"name": "kept"}],
        "bridge": [{"name": "br0", "mtu": 1500}],
        "veth": [cable, {"name": "a", "peer": {"name": "b"}}],
        "netns_route": [{"netns": "ns1", "destination": "default"}],
        "netns_sysctl": [SETTING, {"name": "net.ipv4.conf.eth1.forwarding", "value": 1}],
    }
    assert sealed.rebuilt(found, declared, before) == {
        "netns": [{"name": "ns1", "lo_up": True}],
        "link": [{"name": "eth1", "mtu": 9000}],
        "bridge": [{"name": "br0", "mtu": 1400}],
        "veth": [cable],
        "netns_sysctl": [SETTING],
        "netns_route": [{"netns": "ns1", "destination": "default"}],
    }
