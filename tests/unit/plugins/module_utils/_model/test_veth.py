# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cables in the pure model: which is which, and where its ends go."""

from __future__ import annotations

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils import _validate
from ansible_collections.nsfabric.linux.plugins.module_utils._model import document as documents
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import End
from ansible_collections.nsfabric.linux.plugins.module_utils._model.veth_actions import generated_mac
from ansible_collections.nsfabric.linux.tests.unit.plugins.module_utils._model.links import (
    cable,
    commands,
    device,
    planned,
    problems,
    state,
)

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


def test_the_command_that_makes_it() -> None:
    near, far = (
        {"netns": "ns1", "name": "a", "mac": A, "up": False},
        {"name": "b", "mac": B, "up": False, "txqueuelen": 0},
    )
    # From the host's end, whose name has to be free on the host anyway.
    assert commands(state("ns1"), veth=[{**near, "peer": far}]) == [
        f"ip link add name b address {B} txqueuelen 0 type veth peer name a address {A} netns ns1"
    ]


def test_a_generated_mac_belongs_to_one_device_of_one_host() -> None:
    macs = {generated_mac(salt, End(netns, name)) for salt in "st" for netns in ("", "n") for name in "ab"}
    assert len(macs) == 8
    assert all(mac.startswith("02:") and len(mac) == 17 for mac in macs)


@pytest.mark.parametrize(
    ("now", "wanted", "moves"),
    [
        (("", "ns1"), ("ns2", "ns1"), 1),
        (("ns1", "ns2"), ("ns1", ""), 1),
        (("", ""), ("ns1", "ns2"), 2),
        (("ns1", "ns2"), ("", ""), 2),
        (("ns1", "ns2"), ("ns2", "ns1"), 2),
        (("ns1", ""), ("", "ns2"), 0),
        (("", "ns1"), ("ns1", "ns2"), 0),
    ],
)
def test_which_cable_is_meant(now: tuple[str, str], wanted: tuple[str, str], moves: int) -> None:
    """Without an end that stays, one in a chain would be taken for its neighbour."""
    host = state("ns1", "ns2", links=cable(End(now[0], "a"), End(now[1], "b")))
    entry = {"netns": wanted[0] or None, "name": "a", "peer": {"netns": wanted[1] or None, "name": "b"}}
    steps = [step.action.what().split()[0] for step in planned(host, veth=[entry]).steps]
    assert steps.count("move") == moves
    assert steps.count("create") == (0 if moves else 1)


def test_an_end_makes_room_for_the_other() -> None:
    host = state("ns1", "ns2", links=cable(End("ns1", "e"), End("", "e")))
    assert commands(host, veth=[{"netns": "ns2", "name": "e", "up": True, "peer": {"netns": "ns1", "name": "e"}}])[
        :1
    ] == ["ip link set dev e netns ns2"]


def test_a_cable_that_another_entry_declares_is_not_taken() -> None:
    host = state("ns1", "ns2", links=cable(End("", "a"), End("", "b")))
    entries = [
        {"netns": "ns1", "name": "a", "peer": {"netns": "ns2", "name": "b"}},
        {"name": "a", "peer": {"name": "b"}},
    ]
    steps = [step.action.what() for step in planned(host, veth=entries).steps]
    assert steps[0] == "create cable ns1/a -- ns2/b"


def test_what_stands_in_the_way() -> None:
    links = {End("", "br0"): device("br0", kind="bridge"), **cable(End("", "a"), End("ns1", "x"))}
    host = state("ns1", links={**links, End("", "loose"): device("loose")})
    for near, far, problem in (
        ("br0", "b", "name: br0 exists and is a bridge, not a veth"),
        ("lo", "b", "name: lo exists and is the loopback device, not a veth"),
        ("b", "br0", "peer.name: br0 exists and is a bridge, not a veth"),
        ("loose", "b", "peer: the far end of loose is in a namespace that has no name here"),
        ("b", "a", "peer.name: a exists and is the end of another cable leading to ns1/x, not of one to b"),
    ):
        assert problems(host, veth=[{"name": near, "peer": {"name": far}}]) == [f"config.veth[0].{problem}"]
    (problem,) = problems(host, veth=[{"name": "a", "peer": {"name": "b"}}])
    assert problem.startswith("config.veth[0].peer.name: the cable from a leads to ns1/x, not to b; delete it first")


def test_a_kernel_without_cables() -> None:
    host = state()
    host.features = frozenset()
    (problem,) = problems(host, veth=[{"name": "a", "peer": {"name": "b"}}])
    assert problem == "config.veth[0]: this kernel has no veth devices (module veth, CONFIG_VETH)"


def test_deletion_by_either_end() -> None:
    host = state("ns1", links=cable(End("ns1", "a"), End("", "b")))
    for entry in ({"name": "b"}, {"netns": "ns1", "name": "a"}, {"netns": "ns1", "name": "a", "peer": {"name": "b"}}):
        (step,) = planned(host, veth=[{**entry, "state": "absent"}]).steps
        assert step.action.what().startswith("delete ")
    (problem,) = problems(host, veth=[{"name": "b", "state": "absent", "peer": {"name": "c"}}])
    assert problem == "config.veth[0].peer.name: the cable from b leads to ns1/a, not to c; it is left alone"


def test_a_cable_that_gave_way_to_another_one_is_gone() -> None:
    """A topology's document together with the removal of what it does not declare any more."""
    found = Problems()
    gone = {"name": "a", "state": "absent", "peer": {"name": "b"}}
    wanted = {"name": "a", "peer": {"name": "c"}}
    first, second = (documents.read(_validate.config({"veth": [entry]}, found), found) for entry in (wanted, gone))
    host = state(links=cable(End("", "a"), End("", "c")))
    assert documents.plan(documents.merged(first, second), host, found).steps == ()
    assert not found
