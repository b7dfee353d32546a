# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Namespaces and cables that were made, by their numbers, and a ledger with the names that they have now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils._model.identity import (
    differ,
    identity,
    namespace,
    namespaces_now,
)
from ansible_collections.nsfabric.linux.plugins.module_utils._model.ledger import Ledger
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import HOST, End, State
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touched import Touched

from .links import device, state

MADE = namespace("n1")
CABLE = Touched("veth", None, {"netns": "n1", "name": "a", "peer": {"name": "b"}, "state": "absent"})
ETH1 = Touched("link", {"name": "eth1"}, {"name": "eth1", "state": "absent"}, {"netns": "n1", "name": "eth1"})
KNOWN = {MADE.written: 5, CABLE.written: 7}


def test_one_that_has_its_name_or_is_gone_has_no_other() -> None:
    assert namespaces_now([MADE], KNOWN, lambda name: 6, lambda: ["n7"]) == {}
    assert namespaces_now([MADE], KNOWN, lambda name: 0, lambda: ["n7"]) == {}
    assert namespaces_now([MADE], {}, {"n7": 5}.get, lambda: ["n7"]) == {}


def test_what_stands_in_it_stands_there_under_its_new_name() -> None:
    ledger = Ledger("lab", "host", objects=[MADE, CABLE, ETH1], identities=KNOWN)
    now, told = ledger.in_namespaces_now(set(), lambda name: {"n7": 5}.get(name, 0), lambda: ["n6", "n7"])
    made, cable, eth1 = now.objects
    assert (made.absent, told) == ({"name": "n7", "state": "absent"}, [])
    assert cable.absent == {"netns": "n7", "name": "a", "peer": {"name": "b"}, "state": "absent"}
    assert (eth1.absent, eth1.owner) == (ETH1.absent, {"netns": "n7", "name": "eth1"})
    assert now.identities == {made.written: 5, cable.written: 7}


def test_one_that_is_declared_is_only_told() -> None:
    ledger = Ledger("lab", "host", objects=[MADE, CABLE], identities=KNOWN)
    now, told = ledger.in_namespaces_now({("netns", "n1")}, lambda name: {"n7": 5}.get(name, 0), lambda: ["n7"])
    assert (now.objects, now.identities, told) == (ledger.objects, KNOWN, [("n1", "n7")])


def numbered(near: int, far: int) -> State:
    links = {End("n1", "a"): replace(device("a"), index=near), End(HOST, "b"): replace(device("b"), index=far)}
    return state("n1", links={end: link for end, link in links.items() if link.index})


@pytest.mark.parametrize(
    ("near", "far", "other"),
    [(3, 4, False), (3, 9, False), (9, 4, True), (0, 4, False), (0, 9, True), (0, 0, False), (3, 0, False)],
)
def test_the_far_end_tells_a_cable_only_where_the_near_one_is_gone(near: int, far: int, other: bool) -> None:
    made = identity(CABLE, numbered(3, 4))
    assert differ(CABLE, made, identity(CABLE, numbered(near, far))) == other
