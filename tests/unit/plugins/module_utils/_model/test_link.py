# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links that exist: found, moved and deleted in the pure model."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.nsfabric.linux.plugins.module_utils._model.document import read_entry
from ansible_collections.nsfabric.linux.plugins.module_utils._model.link import locate
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import End, Hop, Route, Sysctl
from ansible_collections.nsfabric.linux.tests.unit.plugins.module_utils._model.links import (
    cable,
    commands,
    device,
    planned,
    problems,
    state,
)

NIC = End("", "nic")


def test_a_move_restores_what_it_loses() -> None:
    host = state("ns1", links={NIC: device("nic", "10.0.0.1/24")})
    assert commands(host, link=[{"name": "nic", "netns": "ns1"}]) == [
        "ip link set dev nic netns ns1",
        "ip -n ns1 link set dev nic up",
        "ip -n ns1 address add 10.0.0.1/24 dev nic",
    ]


def test_a_move_back_is_not_to_process_1() -> None:
    host = state("ns1", links={End("ns1", "nic"): device("nic", up=False)})
    assert commands(host, link=[{"name": "nic"}]) == ["ip -n ns1 link set dev nic netns $$"]


def test_a_move_takes_routes_and_settings_along() -> None:
    host = state("ns1", links={NIC: device("nic"), End("", "conf"): device("conf")})
    host.namespaces[""].routes = [Route("0.0.0.0/0", hops=(Hop("10.0.0.1", "nic"),))]
    key = ("net", "ipv4", "conf", "nic", "forwarding")
    other = ("net", "ipv4", "conf", "conf", "forwarding")
    host.namespaces[""].sysctls = {key: Sysctl("1"), other: Sysctl("1")}
    way = planned(host, link=[{"name": "nic", "netns": "ns1"}])
    assert way.after.namespaces[""].routes == []
    assert list(way.after.namespaces[""].sysctls) == [other]
    assert way.warnings == ("nic carries the default route of the host, which goes with the move",)


def test_it_is_found_where_it_is() -> None:
    many = state("ns1", "ns2", links={End("ns1", "nic"): device("nic"), End("ns2", "nic"): device("nic")})
    assert problems(many, link=[{"name": "nic"}]) == [
        "config.link[0].name: nic is not in the host, and there are several: in namespace ns1, namespace ns2"
    ]
    bridge = state("ns1", links={End("ns1", "br0"): device("br0", kind="bridge")})
    assert problems(bridge, link=[{"name": "br0"}]) == [
        "config.link[0].name: there is no link br0 in the host; it has lo"
    ]


def test_it_is_told_from_another_of_its_name_by_its_number() -> None:
    nics = {End("ns1", "nic"): device("nic", index=7), End("ns2", "nic"): device("nic", index=7), NIC: device("nic")}
    host = state("ns1", "ns2", links=nics)
    for number, netns in ((7, "ns1"), (8, "")):
        spec = read_entry("link", {"name": "nic", "places": ["ns1"], "numbers": [["ns1", number]]})
        assert locate(host, spec) == End(netns, "nic")


def test_deletion() -> None:
    host = state("ns1", links={**cable(End("ns1", "a"), End("", "b")), NIC: device("nic", kind="")})
    assert commands(host, link=[{"name": "b", "state": "absent"}]) == ["ip link delete dev b"]
    assert commands(host, link=[{"name": "gone", "state": "absent"}]) == []
    for name, kind in (("nic", "a physical device"), ("lo", "the loopback device")):
        (problem,) = problems(host, link=[{"name": name, "state": "absent"}])
        assert problem == f"config.link[0].name: {name} is {kind} and cannot be deleted"


def test_what_a_move_would_delete_is_not_deleted() -> None:
    for kind in ("vxlan", "macsec", "macvlan"):
        upper = End("", "upper")
        host = state("ns1", links={NIC: device("nic"), upper: device("upper", kind=kind)})
        host = replace(host, lowers={upper: NIC})
        moved = {"name": "nic", "netns": "ns1"}
        told = (
            "config.link[0]: the kernel deletes upper, which stands on nic, with the move; delete it first, if it is "
        )
        assert problems(host, link=[moved]) == ([] if kind == "macvlan" else [f"{told}not wanted"])
        way = planned(host, link=[moved, {"name": "upper", "state": "absent"}])
        assert upper.name not in way.after.namespaces[""].links
