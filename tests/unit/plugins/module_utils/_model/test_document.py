# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents: what contradicts itself, what a plan touches, how it is undone, and how it is shown."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils._model import document as documents
from ansible_collections.nsfabric.linux.plugins.module_utils._model.document import Plan
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.restoration import restoration
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import (
    HOST,
    Address,
    End,
    Link,
    Namespace,
    State,
    Sysctl,
    loopback,
)
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touched import Touched
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touching import touched

ETHERNET: dict[str, Any] = {"mtu": 1500, "min_mtu": 68, "max_mtu": 65535, "txqueuelen": 1000}
FORWARD = ("net", "ipv4", "ip_forward")
ALL_FORWARD = ("net", "ipv4", "conf", "all", "forwarding")


def host() -> State:
    """A host with an uplink, a second NIC, and another tool's namespace."""
    uplink = Link("eth0", index=2, mac="52:54:00:00:00:01", up=True, addresses=(Address("192.0.2.10/24"),), **ETHERNET)
    second = Link("eth1", index=3, mac="52:54:00:00:00:02", up=True, **ETHERNET)
    here = Namespace(1, {"lo": loopback(), "eth0": uplink, "eth1": second})
    here.sysctls = {FORWARD: Sysctl("0"), ALL_FORWARD: Sysctl("0")}
    theirs = Namespace(7, {"lo": loopback()})
    return State({HOST: here, "theirs": theirs}, features=frozenset({"bridge", "veth"}), salt="host")


def read(root: str = "config", **config: Any) -> tuple[documents.Document, list[str]]:
    problems = Problems()
    return documents.read(config, problems, root), [str(problem) for problem in problems.found]


def plan(state: State, assume: bool = False, **config: Any) -> tuple[Plan, list[str]]:
    document, wrong = read(**config)
    assert not wrong
    problems = Problems()
    planned = documents.plan(document, state, problems, assume)
    return planned, [str(problem) for problem in problems.found]


def planned(state: State, **config: Any) -> Plan:
    result, wrong = plan(state, **config)
    assert not wrong
    return result


def cable(name: str, far: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "up": True, "peer": {"name": far, "up": True}, **options}


class TestReading:
    def test_every_entry_has_a_path(self) -> None:
        document, wrong = read(netns=[{"name": "ns1"}, {"name": "ns2"}], bridge=[{"name": "br0"}])
        assert not wrong
        assert [(kind, spec.path) for kind, spec in document] == [
            ("netns", "config.netns[0]"),
            ("netns", "config.netns[1]"),
            ("bridge", "config.bridge[0]"),
        ]

    def test_a_single_entry_has_no_path(self) -> None:
        document, dummy = read(root="", netns=[{"name": "ns1"}])
        assert [spec.path for dummy, spec in document] == [""]
        assert read(root="", netns=[{"name": "a/b"}])[1] == [
            "name: 'a/b' is not a namespace name: it becomes a file name, so no '/', and not '.' or '..'"
        ]

    def test_all_problems_of_all_entries_are_told(self) -> None:
        wrong = read(
            netns=[{"name": ".."}],
            veth=[cable("ok", "fine"), {"name": "a" * 16, "peer": {"name": "x:y", "mac": "zz"}}],
            netns_route=[{"destination": "10.0.0.1/24", "device": "eth0"}],
        )[1]
        assert sorted(wrong) == [
            "config.netns[0].name: '..' is not a namespace name: it becomes a file name, so no '/', "
            "and not '.' or '..'",
            "config.netns_route[0].destination: '10.0.0.1/24' has bits set below its prefix length; "
            "the network is 10.0.0.0/24",
            f"config.veth[1].name: the interface name '{'a' * 16}' has 16 bytes; the kernel takes at most 15",
            "config.veth[1].peer.mac: 'zz' is not a MAC address such as 02:00:00:00:00:01",
            "config.veth[1].peer.name: 'x:y' is not an interface name: no white space, '/' or ':', "
            "and neither '.' nor '..'",
        ]

    def test_the_same_thing_twice_is_harmless_and_a_contradiction_is_not(self) -> None:
        same = {"name": "ns1", "lo_up": True}
        assert read(netns=[same, dict(same)])[1] == []
        assert read(netns=[same, {"name": "ns2"}, {"name": "ns1", "lo_up": False}])[1] == [
            "config.netns[2]: contradicts config.netns[0], which declares the same netns differently: lo_up"
        ]

    def test_equal_by_meaning_is_the_same(self) -> None:
        route = {"destination": "fd00::/64", "device": "eth0"}
        assert read(netns_route=[route, {"destination": "FD00:0::/64", "device": "eth0"}])[1] == []
        assert read(netns_route=[route, {"destination": "fd00::/64", "device": "eth1"}])[1] == [
            "config.netns_route[1]: contradicts config.netns_route[0], which declares the same netns_route "
            "differently: device"
        ]
        assert read(netns_route=[route, {"destination": "FD00::/64", "metric": 1024, "device": "eth1"}])[1] == [
            "config.netns_route[1]: contradicts config.netns_route[0], which declares the same netns_route "
            "differently: device, metric"
        ]

    def test_a_device_belongs_to_one_entry(self) -> None:
        wrong = read(bridge=[{"name": "a"}], veth=[cable("a", "b"), cable("b", "c")])[1]
        assert wrong == [
            "config.veth[0].name: a is declared already at config.bridge[0].name",
            "config.veth[1].name: b is declared already at config.veth[0].peer.name",
        ]

    def test_the_same_name_in_two_namespaces_is_two_devices(self) -> None:
        ends = [cable("eth0", "a", netns="ns1"), cable("eth0", "b", netns="ns2")]
        assert read(netns=[{"name": "ns1"}, {"name": "ns2"}], veth=ends)[1] == []

    def test_what_is_absent_leaves_its_name_free(self) -> None:
        assert read(bridge=[{"name": "a", "state": "absent"}], veth=[cable("a", "b")])[1] == []


class TestPlanning:
    def test_the_found_state_is_left_as_it_is(self) -> None:
        state = host()
        result = planned(state, netns=[{"name": "ns1", "lo_up": True}])
        assert [step.action.what() for step in result.steps] == ["create namespace ns1", "set lo: up"]
        assert result.before is state
        assert "ns1" not in state.namespaces
        assert "ns1" in result.after.namespaces
        assert result.result is result.after

    @pytest.mark.parametrize(
        ("config", "wrong"),
        [
            (
                {
                    "netns_sysctl": [
                        {"name": "net.ipv4.ip_forward", "value": 1},
                        {"name": "net.ipv4.conf.all.forwarding", "value": 0},
                    ]
                },
                [
                    "config.netns_sysctl[0]: contradicts another entry, which would undo this: "
                    "set net.ipv4.ip_forward = 1 (it is 0, wanted 1)",
                    "config.netns_sysctl[1]: contradicts another entry, which would undo this: "
                    "set net.ipv4.conf.all.forwarding = 0 (it is 1, wanted 0)",
                ],
            ),
            (
                {
                    "netns": [{"name": "theirs", "lo_up": True}],
                    "link": [{"netns": "theirs", "name": "lo", "up": False}],
                },
                [
                    "config.netns[0]: contradicts another entry, which would undo this: set lo: up (it is down)",
                    "config.link[0]: contradicts another entry, which would undo this: "
                    "set lo: down (it is up, wanted down)",
                ],
            ),
        ],
    )
    def test_entries_that_undo_each_other_are_refused(self, config: Any, wrong: list[str]) -> None:
        assert plan(host(), **config)[1] == wrong

    def test_the_host_can_be_in_check_mode_before_it_is_built(self) -> None:
        link = {"netns": "ns1", "name": "veth1", "addresses": ["10.0.0.1/24"]}
        result, wrong = plan(host(), assume=True, link=[link])
        assert not wrong
        assert [step.action.command() for step in result.steps] == ["ip -n ns1 address add 10.0.0.1/24 dev veth1"]
        assert len(result.warnings) == 2


class TestUndoing:
    def test_what_was_made_is_absent_again(self) -> None:
        result = planned(host(), netns=[{"name": "ns1", "lo_up": True}], bridge=[{"name": "br0", "up": True}])
        items = touched(result)
        assert [(item.kind, item.found, dict(item.absent)) for item in items] == [
            ("netns", None, {"name": "ns1", "state": "absent"}),
            ("bridge", None, {"name": "br0", "state": "absent"}),
        ]
        assert restoration(items) == {
            "netns": [{"name": "ns1", "state": "absent"}],
            "bridge": [{"name": "br0", "state": "absent"}],
        }

    def test_what_was_found_comes_back(self) -> None:
        result = planned(
            host(),
            link=[{"name": "eth0", "mtu": 1400, "addresses": ["192.0.2.10/24", "10.0.0.1/24"]}],
            netns_sysctl=[{"name": "net.ipv4.ip_forward", "value": 1}],
        )
        config = restoration(touched(result))
        assert sorted(config) == ["link", "netns_sysctl"]
        assert [(entry["name"], entry["mtu"], entry["addresses"]) for entry in config["link"]] == [
            ("eth0", 1500, ["192.0.2.10/24"])
        ]
        assert {entry["name"]: entry["value"] for entry in config["netns_sysctl"]} == {
            "net.ipv4.ip_forward": "0",
            "net.ipv4.conf.all.forwarding": "0",
        }

    def test_a_route_that_had_no_source_has_none_again(self) -> None:
        state = planned(host(), netns_route=[{"destination": "10.9.0.0/24", "device": "eth0"}]).after
        changed = planned(
            state, netns_route=[{"destination": "10.9.0.0/24", "device": "eth0", "source": "192.0.2.10", "mtu": 1400}]
        )
        back = planned(changed.after, **restoration(touched(changed)))
        assert back.after.namespaces[HOST].routes == state.namespaces[HOST].routes

    def test_a_moved_device_comes_back_with_its_settings(self) -> None:
        state = host()
        key = ("net", "ipv4", "conf", "eth1", "rp_filter")
        state.namespaces[HOST].sysctls[key] = Sysctl("1")
        moved = planned(state, netns=[{"name": "ns1", "lo_up": True}], link=[{"netns": "ns1", "name": "eth1"}])
        assert moved.after.link(End(HOST, "eth1")) is None
        assert moved.after.namespaces["ns1"].links["eth1"].up
        back = planned(moved.after, **restoration(touched(moved)))
        assert "ns1" not in back.after.namespaces
        assert back.after.namespaces[HOST].links["eth1"].up
        assert back.after.namespaces[HOST].sysctls[key].value == "1"

    def test_what_goes_with_its_namespace_needs_no_entry(self) -> None:
        netns = Touched("netns", None, {"name": "ns1", "state": "absent"})
        ends = {"netns": "ns1", "name": "veth1", "peer": {"name": "veth2"}, "state": "absent"}
        inside = [
            Touched("veth", None, ends),
            Touched("netns_route", None, {"netns": "ns1", "destination": "default", "state": "absent"}),
        ]
        assert restoration([netns, *inside]) == {"netns": [dict(netns.absent)]}
        assert sorted(restoration(inside)) == ["netns_route", "veth"]

    def test_a_cable_stands_where_its_ends_stand(self) -> None:
        ends = {"netns": "ns1", "name": "veth1", "peer": {"name": "veth2"}, "state": "absent"}
        assert Touched("veth", None, ends).places == {"ns1", HOST}
        assert Touched("netns", None, {"name": "ns1"}).places == {HOST}


class TestShowing:
    def test_the_difference_is_what_changes(self) -> None:
        document, dummy = read(link=[{"name": "eth0", "mtu": 1400, "txqueuelen": 1000}], netns=[{"name": "ns1"}])
        result = documents.plan(document, host(), Problems())
        assert documents.difference(document, result) == {
            "before": {"netns": [], "link": [{"name": "eth0", "netns": None, "mtu": 1500}]},
            "after": {
                "netns": [{"name": "ns1", "lo_up": False}],
                "link": [{"name": "eth0", "netns": None, "mtu": 1400}],
            },
        }

    def test_what_does_not_change_is_not_shown(self) -> None:
        document, dummy = read(link=[{"name": "eth0", "mtu": 1500}])
        result = documents.plan(document, host(), Problems())
        assert documents.difference(document, result) == {"before": {}, "after": {}}

    def test_a_host_is_described_in_the_users_words(self) -> None:
        shown = documents.describe(host())
        assert shown["netns"] == [{"name": "theirs", "lo_up": False}]
        assert {"name": "net.ipv4.ip_forward", "value": "0"} in shown["netns_sysctl"]
        uplink = next(entry for entry in shown["link"] if entry["name"] == "eth0")
        assert uplink == {
            "name": "eth0",
            "addresses": ["192.0.2.10/24"],
            "up": True,
            "mtu": 1500,
            "mac": "52:54:00:00:00:01",
            "txqueuelen": 1000,
            "master": "",
        }

    def test_one_namespace_can_be_described_alone(self) -> None:
        assert sorted(documents.describe(host(), ["theirs"])) == ["link", "netns"]


class TestCombining:
    def test_merged_documents_keep_the_order_of_planning(self) -> None:
        gateway, dummy = read(netns_route=[{"destination": "default", "gateway": "10.0.0.1"}])
        direct, dummy = read(root="undo", netns_route=[{"destination": "10.0.0.1", "device": "eth0"}])
        paths = [spec.path for dummy, spec in documents.merged(gateway, direct)]
        assert paths == ["undo.netns_route[0]", "config.netns_route[0]"]

    def test_a_cable_is_the_same_from_either_side(self) -> None:
        first, dummy = read(veth=[{"netns": "ns1", "name": "a", "peer": {"name": "b"}}])
        second, dummy = read(veth=[{"name": "b", "peer": {"netns": "ns1", "name": "a"}}])
        other, dummy = read(veth=[{"netns": "ns2", "name": "c", "peer": {"name": "d"}}])
        claims = [documents.claims(spec) for document in (first, second, other) for dummy, spec in document]
        assert claims[0] & claims[1]
        assert not claims[0] & claims[2]
