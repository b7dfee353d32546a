# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Namespaces in the pure model."""

from __future__ import annotations

from ansible_collections.nsfabric.linux.plugins.module_utils._model.netns import far_ends
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import End
from ansible_collections.nsfabric.linux.tests.unit.plugins.module_utils._model.links import (
    cable,
    commands,
    device,
    planned,
    problems,
    state,
)


def test_a_name_is_not_found_in_another_one() -> None:
    assert commands(state("mario2"), netns=[{"name": "mario"}]) == [
        "ip netns add mario",
        "ip -n mario link set dev lo up",
    ]


def test_lo_is_left_down_where_that_is_wanted() -> None:
    assert commands(state(), netns=[{"name": "ns1", "lo_up": False}]) == ["ip netns add ns1"]


def test_a_stale_file_is_told() -> None:
    for wanted in ("present", "absent"):
        (problem,) = problems(state(stale=frozenset(["ns1"])), netns=[{"name": "ns1", "state": wanted}])
        assert problem.startswith("config.netns[0].name: /run/netns/ns1 is a stale file")


def test_a_name_of_the_hosts_own_is_refused() -> None:
    host = state("here")
    host.namespaces["here"].inode = host.namespaces[""].inode
    assert problems(host, netns=[{"name": "here"}], bridge=[{"netns": "here", "name": "br0"}]) == [
        "config.netns[0].name: /run/netns/here is the host's own network namespace: netns is left out for it",
        "config.bridge[0].netns: /run/netns/here is the host's own network namespace: netns is left out for it",
    ]


def test_the_far_ends_of_its_cables_go_with_it() -> None:
    bridge = {End("", "br0"): device("br0", kind="bridge")}
    host = state(
        "ns1",
        "ns2",
        links={**bridge, **cable(End("ns1", "a"), End("", "b")), **cable(End("ns1", "c"), End("ns2", "d"))},
    )
    host.change_link(End("", "b"), master="br0")
    assert far_ends(host, "ns1") == (End("", "b"), End("ns2", "d"))
    after = planned(host, netns=[{"name": "ns1", "state": "absent"}]).after
    assert sorted(after.namespaces) == ["", "ns2"]
    assert sorted(after.namespaces[""].links) == ["br0", "lo"]
    assert sorted(after.namespaces["ns2"].links) == ["lo"]


def test_an_address_of_lo_outlives_its_way_down() -> None:
    host = state("ns1")
    host.namespaces["ns1"].links["lo"] = device("lo", "fd00::1/128", kind="")
    steps = commands(host, netns=[{"name": "ns1", "lo_up": False}])
    assert steps == ["ip -n ns1 link set dev lo down", "ip -n ns1 address add fd00::1/128 dev lo"]
