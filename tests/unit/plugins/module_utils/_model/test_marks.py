# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""By what a route or a neighbour is known again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils._model import marks
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import (
    Hop,
    Link,
    Namespace,
    Neighbor,
    NeighborKey,
    Route,
)

HERE = Namespace(links={"eth1": Link("eth1", index=5), "eth2": Link("eth2", index=6)})
ROUTE = Route("10.7.0.0/16", hops=(Hop("192.0.2.9", "eth1"),))
MADE = marks.of_route(ROUTE, HERE)
PLANNED = marks.unnumbered(MADE)
# The device is known by its name alone.
FOUND = marks.of_route(ROUTE, Namespace())


def now(*hops: Hop, where: Namespace = HERE, **changes: Any) -> marks.Mark:
    return marks.of_route(replace(ROUTE, hops=hops or ROUTE.hops, **changes), where)


@pytest.mark.parametrize("mark", [MADE, PLANNED, FOUND])
def test_attributes_do_not_make_another_of_it(mark: marks.Mark) -> None:
    assert marks.is_same(mark, now(source="192.0.2.1", mtu=1300, scope="site", metric=7, details="0800"))
    assert marks.is_same(mark, now(Hop("192.0.2.9", "eth1", True, 7)))


@pytest.mark.parametrize("mark", [MADE, PLANNED, FOUND])
def test_type_protocol_and_next_hops_do(mark: marks.Mark) -> None:
    assert not marks.is_same(mark, now(protocol=16))
    assert not marks.is_same(mark, now(type="local"))
    assert not marks.is_same(mark, now(Hop("192.0.2.10", "eth1")))
    assert not marks.is_same(mark, now(Hop(None, "eth1")))
    assert not marks.is_same(mark, now(Hop("192.0.2.9", "eth1"), Hop("192.0.2.10", "eth1")))


def test_a_route_that_leads_nowhere_is_no_part_of_one_that_leads_somewhere() -> None:
    nowhere = marks.of_route(replace(ROUTE, hops=()), HERE)
    assert marks.is_same(nowhere, nowhere)
    assert not marks.is_same(MADE, nowhere)
    assert not marks.is_same(nowhere, MADE)


def test_a_hop_may_have_gone_with_its_device() -> None:
    both = now(Hop("192.0.2.9", "eth1"), Hop("10.5.0.9", "eth2"))
    assert marks.is_same(both, MADE)
    assert marks.is_same(both, now(Hop("10.5.0.9", "eth2"), Hop("192.0.2.9", "eth1")))


def test_a_device_is_known_by_its_number() -> None:
    renamed = Namespace(links={"lan0": Link("lan0", index=5), "eth1": Link("eth1", index=9)})
    assert marks.is_same(MADE, now(Hop("192.0.2.9", "lan0"), where=renamed))
    assert not marks.is_same(MADE, now(where=renamed))
    assert marks.is_same(FOUND, now(where=renamed))


def test_the_kernel_finds_the_device_to_a_gateway() -> None:
    other = now(Hop("192.0.2.9", "eth2"))
    assert marks.is_same(PLANNED, other)
    assert not marks.is_same(MADE, other)
    assert not marks.is_same(FOUND, other)
    direct, local = ((now(Hop(to, "eth1")), now(Hop(to, "eth2"))) for to in (None, "fe80::1"))
    assert not any(marks.is_same(marks.unnumbered(planned), found) for planned, found in (direct, local))


def test_neighbours_are_known_by_their_mac_addresses() -> None:
    key = NeighborKey("eth1", "192.0.2.9", False)
    one, other, unknown = (marks.of_neighbor(Neighbor(key, mac)) for mac in ("02::09", "02::55", None))
    assert marks.is_same(one, one)
    assert not marks.is_same(one, other)
    assert marks.is_same(unknown, other)


def test_of_two_runs_either_may_have_been_killed() -> None:
    other = now(Hop("192.0.2.10", "eth1"))
    assert marks.union([MADE], [PLANNED, marks.unnumbered(other)]) == [PLANNED, marks.unnumbered(other)]
    assert marks.union([MADE], []) == [PLANNED]
    assert marks.union(None, [MADE]) is None
    assert marks.union([MADE], None) is None
