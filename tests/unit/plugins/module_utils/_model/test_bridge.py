# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bridges in the pure model: settings that depend on each other, ports, and an MTU that follows them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils._model.bridge import NEW, TIMES, kept
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import End, Link, State
from ansible_collections.nsfabric.linux.tests.unit.plugins.module_utils._model.links import (
    commands,
    device,
    planned,
    problems,
    state,
)

BR0 = End("", "br0")


def with_ports(mtus: dict[str, int], **settings: int) -> State:
    """A bridge and devices beside it."""
    links: dict[End, Link] = {End("", name): device(name, mtu=mtu) for name, mtu in mtus.items()}
    bridge = device("br0", kind="bridge", bridge=tuple({**dict(NEW), **settings}.items()))
    return state(links={**links, BR0: bridge})


@pytest.mark.parametrize(
    ("now", "wanted", "steps"),
    [
        ({}, {"stp": True}, ["stp_state 1"]),
        ({}, {"stp": False, "priority": 0}, ["priority 0"]),
        ({}, {"ageing_time": 0, "forward_delay": 0}, ["forward_delay 0 ageing_time 0"]),
        ({"stp": 1}, {"stp": False, "forward_delay": 0}, ["stp_state 0", "forward_delay 0"]),
        ({"forward_delay": 0}, {"stp": True, "forward_delay": 300}, ["stp_state 1 forward_delay 300"]),
    ],
)
def test_settings(now: dict[str, int], wanted: dict[str, Any], steps: list[str]) -> None:
    assert commands(with_ports({}, **now), bridge=[{"name": "br0", **wanted}]) == [
        f"ip link set dev br0 type bridge {words}" for words in steps
    ]


def test_the_spanning_tree_raises_a_short_delay() -> None:
    after = planned(with_ports({}, forward_delay=0), bridge=[{"name": "br0", "stp": True}]).after
    assert dict(after.namespaces[""].links["br0"].bridge)["forward_delay"] == 200


@pytest.mark.parametrize(
    ("now", "wanted"), [({}, {"stp": True, "forward_delay": 199}), ({"stp": 1}, {"forward_delay": 0})]
)
def test_a_delay_too_short_for_the_spanning_tree(now: dict[str, int], wanted: dict[str, Any]) -> None:
    (problem,) = problems(with_ports({}, **now), bridge=[{"name": "br0", **wanted}])
    assert problem.startswith("config.bridge[0].forward_delay: with the spanning tree the kernel takes 200 to 3000")


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("exists", [True, False])
def test_a_time_that_the_kernel_would_round(name: str, exists: bool) -> None:
    host = replace(with_ports({}) if exists else state(), tick=4_000_000)
    (problem,) = problems(host, bridge=[{"name": "br0", name: 601}])
    assert problem == (
        f"config.bridge[0].{name}: this kernel counts time in steps of 4 ms: it would keep 600 in place of 601 "
        "hundredths of a second"
    )
    assert problems(host, bridge=[{"name": "br0", name: 602}]) == []


@pytest.mark.parametrize(
    ("tick", "expected"),
    [
        (0, [0, 1, 2, 3, 501]),
        (1_000_000, [0, 1, 2, 3, 501]),
        (4_000_000, [0, 0, 2, 2, 500]),
        (10_000_000, [0, 1, 2, 3, 501]),
        (3_333_333, [0, 1, 2, 3, 501]),
    ],
    ids=["not known", "1000 Hz", "250 Hz", "100 Hz", "300 Hz"],
)
def test_what_a_tick_leaves_of_a_time(tick: int, expected: list[int]) -> None:
    assert [kept(value, tick) for value in (0, 1, 2, 3, 501)] == expected


@pytest.mark.parametrize(("ports", "mtu"), [(["p1"], 9000), (["p1", "p2"], 1400), ([], 1500)])
def test_an_mtu_that_follows_the_ports(ports: list[str], mtu: int) -> None:
    host = with_ports({"p1": 9000, "p2": 1400})
    after = planned(host, bridge=[{"name": "br0", "ports": ports}]).after
    assert after.namespaces[""].links["br0"].mtu == mtu
    back = planned(after, bridge=[{"name": "br0", "ports": []}]).after
    assert back.namespaces[""].links["br0"].mtu == 1500


@pytest.mark.parametrize("mtu", [1280, 1500, 9000])
def test_a_declared_mtu_is_set_after_the_bridge_is_made(mtu: int) -> None:
    """The MTU that a bridge is made with does not stay, and setting the one it has does nothing."""
    steps = commands(
        state(links={End("", "p"): device("p", mtu=1400)}), bridge=[{"name": "br1", "mtu": mtu, "ports": ["p"]}]
    )
    assert steps[1:] == [
        f"ip link set dev br1 mtu {mtu}",
        "ip link set dev p master br1",
        "ip link set dev br1 up",
    ]
    assert ("mtu 1280 type" in steps[0]) is (mtu == 1500)


def test_an_mtu_that_the_ports_changed_is_set_again() -> None:
    steps = commands(with_ports({"p": 1400}), bridge=[{"name": "br0", "mtu": 1500, "ports": ["p"]}])
    assert steps == ["ip link set dev p master br0", "ip link set dev br0 mtu 1500"]


def test_ports_are_exact_and_masters_count() -> None:
    host = with_ports({"p1": 1500, "p2": 1500, "p3": 1500})
    for name in ("p1", "p2"):
        host.change_link(End("", name), master="br0")
    steps = commands(host, bridge=[{"name": "br0", "ports": ["p3"]}], link=[{"name": "p2", "master": "br0"}])
    assert steps == ["ip link set dev p1 nomaster", "ip link set dev p3 master br0"]


def test_ports_and_masters_that_contradict_each_other() -> None:
    host = with_ports({"p1": 1500})
    bridge = {"name": "br0", "ports": ["p1"]}
    assert (
        "p1 is declared as a port of no bridge elsewhere"
        in problems(host, bridge=[bridge], link=[{"name": "p1", "master": ""}])[0]
    )
    assert "p1 is declared as a port of br1 elsewhere" in problems(host, bridge=[bridge, {**bridge, "name": "br1"}])[0]


def test_what_the_kernel_lacks() -> None:
    (problem,) = problems(bridge=[{"name": "br0", "vlan_filtering": True}])
    assert problem.startswith("config.bridge[0].vlan_filtering: this kernel's bridges cannot filter VLANs")
    assert commands(with_ports({}), bridge=[{"name": "br0", "vlan_filtering": False}]) == []
