# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A loop of one cable, and MAC addresses that are there twice."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nsfabric.linux.tests.unit.plugins.module_utils._model.links import planned, state

MAC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"
LOOP = (
    "both ends of the cable a -- b are ports of br0 in the host, which runs no spanning tree: its frames go round for "
    "ever"
)


def cable(near: str, far: str, mac: Any = None, peer_mac: Any = None, **options: Any) -> dict[str, Any]:
    return {"name": near, "mac": mac, **options, "peer": {"name": far, "mac": peer_mac}}


@pytest.mark.parametrize(
    ("bridge", "warnings"),
    [
        ({}, (LOOP,)),
        ({"stp": True}, ()),
        ({"vlan_filtering": True}, ()),
        ({"ports": ["a"]}, ()),
    ],
)
def test_a_cable_with_both_ends_in_one_bridge(bridge: dict[str, Any], warnings: tuple[str, ...]) -> None:
    host = state()
    host.features = frozenset({*host.features, "vlan_filtering"})
    entry = {"name": "br0", "ports": ["a", "b"], **bridge}
    assert tuple(planned(host, bridge=[entry], veth=[cable("a", "b")]).warnings) == warnings


def test_the_ends_of_two_cables_in_one_bridge() -> None:
    cables = [cable("a", "x"), cable("b", "y")]
    assert tuple(planned(state(), bridge=[{"name": "br0", "ports": ["a", "b"]}], veth=cables).warnings) == ()


def test_both_ends_of_a_cable_have_one_mac_address() -> None:
    way = planned(state(), veth=[cable("a", "b", MAC, MAC), cable("c", "d", OTHER, MAC)])
    assert list(way.warnings) == [f"a and b are the ends of one cable and have one MAC address, {MAC}"]


def test_two_stations_of_a_bridge_have_one_mac_address() -> None:
    bridges = [{"name": "br0"}, {"name": "br1"}]
    cables = [
        cable("p1", "x", peer_mac=MAC, master="br0"),
        cable("p2", "y", peer_mac=MAC, master="br0"),
        cable("p3", "z", peer_mac=MAC, master="br1"),
        cable("p4", "w", peer_mac=MAC),
    ]
    way = planned(state(), bridge=bridges, veth=cables)
    assert list(way.warnings) == [f"x and y have one MAC address, {MAC}: bridge br0 takes one for the other"]


def test_the_ports_of_a_bridge_may_have_one_mac_address() -> None:
    """As the devices in front of pods have: nobody sends to them."""
    cables = [cable(name, name.upper(), MAC, master="br0") for name in "ab"]
    assert list(planned(state(), bridge=[{"name": "br0"}], veth=cables).warnings) == []
