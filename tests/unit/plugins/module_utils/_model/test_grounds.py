# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What things stand on that was found: known by its number, wherever it was moved."""

from __future__ import annotations

from ansible_collections.nsfabric.linux.plugins.module_utils._model.document import Plan
from ansible_collections.nsfabric.linux.plugins.module_utils._model.grounds import (
    doubtful,
    grounds,
    noted,
    perishing,
    replaced,
    stands_on,
)
from ansible_collections.nsfabric.linux.plugins.module_utils._model.link import MoveLink
from ansible_collections.nsfabric.linux.plugins.module_utils._model.netns import DeleteNetns
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import HOST, End, Link, Namespace, State
from ansible_collections.nsfabric.linux.plugins.module_utils._model.step import Step
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touched import Touched

ETH1, MOVED, THEIRS = End(HOST, "eth1"), End("ours", "eth1"), End("theirs", "")
OURS = Touched("netns", None, {"name": "ours", "state": "absent"}, {"name": "ours"})
LINK = Touched("link", {"name": "eth1", "mtu": 1500}, {"name": "eth1", "state": "absent"}, MOVED.entry)
ROUTE = Touched(
    "netns_route",
    {"destination": "10.1.0.0/16", "device": "eth1"},
    {"destination": "10.1.0.0/16", "state": "absent"},
)
SETTING = Touched(
    "netns_sysctl",
    {"netns": "theirs", "name": "net.ipv4.ip_forward", "value": "0"},
    {"netns": "theirs", "name": "net.ipv4.ip_forward", "state": "absent"},
)
CABLE = Touched("veth", None, {"netns": "ours", "name": "a", "peer": {"name": "b"}, "state": "absent"})
ITEMS = [OURS, LINK, ROUTE, SETTING, CABLE]


def test_what_was_found_is_a_ground_and_what_was_made_is_none() -> None:
    assert grounds(ITEMS) == {ETH1: {MOVED}, THEIRS: set()}


def test_a_device_that_was_moved_is_known_where_it_is() -> None:
    moved = State({HOST: Namespace(1), "ours": Namespace(2, {"eth1": Link("eth1", index=7)}), "theirs": Namespace(3)})
    numbers = noted(ITEMS, moved, {})
    assert numbers == {"/eth1": 7, "theirs/": 3}
    here = {MOVED: 7, ETH1: 9, THEIRS: 3}
    assert replaced(ITEMS, numbers, lambda end: here.get(end, 0)) == set()
    back = {ETH1: 7, THEIRS: 3}
    assert replaced(ITEMS, numbers, lambda end: back.get(end, 0)) == set()


def test_another_of_its_name_is_told_from_it_and_nothing_is_not() -> None:
    numbers = {"/eth1": 7, "theirs/": 3}
    assert replaced(ITEMS, numbers, lambda end: {ETH1: 9, THEIRS: 4}.get(end, 0)) == {ETH1, THEIRS}
    assert replaced(ITEMS, numbers, lambda end: 0) == set()
    assert replaced(ITEMS, {}, lambda end: 5) == set()
    assert [stands_on(item, {ETH1}) for item in ITEMS] == [False, True, True, False, False]
    assert [stands_on(item, {THEIRS}) for item in ITEMS] == [False, False, False, True, False]


def test_what_was_not_read_keeps_its_number() -> None:
    assert noted(ITEMS, State({HOST: Namespace(1)}), {"/eth1": 7, "gone/": 5}) == {"/eth1": 7}


def test_what_a_run_may_move_is_in_doubt() -> None:
    assert doubtful([LINK, SETTING]) == {"/eth1"}
    assert "ours/" in doubtful([OURS])


def test_what_was_found_and_would_go_with_a_namespace() -> None:
    def plan(*actions: object, name: str = "eth1") -> Plan:
        before = State({"ours": Namespace(2, {name: Link(name, index=7)})})
        return Plan([Step("", "", "", action, "") for action in actions], before=before)  # type: ignore[arg-type]

    gone = DeleteNetns("ours")
    assert perishing(ITEMS, {"/eth1": 7}, plan(gone)) == [MOVED]
    assert perishing(ITEMS, {}, plan(gone)) == [MOVED]
    assert perishing(ITEMS, {"/eth1": 8}, plan(gone)) == []
    assert perishing(ITEMS, {"/eth1": 7}, plan(MoveLink("ours", "eth1", HOST), gone)) == []
    assert perishing(ITEMS, {"/eth1": 7}, plan(gone, name="other")) == []
    assert perishing(ITEMS, {"/eth1": 7}, plan(DeleteNetns("theirs"))) == []
    made = Touched("veth", None, {"netns": "ours", "name": "eth1", "peer": {"name": "b"}, "state": "absent"})
    assert perishing([*ITEMS, made], {}, plan(gone)) == []


def test_a_device_that_was_moved_does_not_stand_in_its_home() -> None:
    home = Touched("link", {"netns": "theirs", "name": "eth1"}, {"netns": "theirs", "name": "eth1"}, MOVED.entry)
    assert not stands_on(home, {THEIRS})
    assert stands_on(home, {End("theirs", "eth1")})


def test_a_namespace_with_the_inode_number_of_an_earlier_one_is_another() -> None:
    earlier, later = (State({"theirs": Namespace(3, born=born)}) for born in (100, 200))
    numbers = noted([SETTING], earlier, {})
    assert replaced([SETTING], numbers, lambda end: later.namespaces[end.netns].number) == {THEIRS}
    assert replaced([SETTING], numbers, lambda end: earlier.namespaces[end.netns].number) == set()
