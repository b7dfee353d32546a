# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose a route or a neighbour is that stands where a topology made, changed or found one."""

from __future__ import annotations

from typing import Any, Optional

from ansible_collections.nsfabric.linux.plugins.module_utils._model import marks, netns_route
from ansible_collections.nsfabric.linux.plugins.module_utils._model.ledger import Ledger
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import (
    HOST,
    End,
    Hop,
    Link,
    Namespace,
    Neighbor,
    NeighborKey,
    Route,
    State,
)
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touched import Touched, recorded
from ansible_collections.nsfabric.linux.plugins.module_utils._model.whose import Standing, spared, with_known

DESTINATION = "10.7.0.0/16"
OURS = Route(DESTINATION, hops=(Hop("192.0.2.9", "eth1"),))
THEIRS = Route(DESTINATION, protocol=16, hops=(Hop("10.5.0.9", "eth2"),))
FIRST = Route(DESTINATION, hops=(Hop("192.0.2.3", "eth1"),))
LINKS = {"eth1": Link("eth1", index=5), "eth2": Link("eth2", index=6)}
ABSENT = {"destination": DESTINATION, "table": "main", "metric": 0, "state": "absent"}


def state(*routes: Route, neighbor: Optional[Neighbor] = None) -> State:
    found = {neighbor.key: neighbor} if neighbor else {}
    return State({HOST: Namespace(inode=1, links=dict(LINKS), routes=list(routes), neighbors=found)})


def item(*made: Route, found: Optional[Route] = None) -> Touched:
    links = Namespace(links=dict(LINKS))
    shown = recorded(netns_route, state(found), (HOST, found.key)) if found else None
    return Touched("netns_route", shown, ABSENT, ABSENT, made=[marks.of_route(each, links) for each in made])


def verdict(what: Touched, where: State, *others: Touched, covered: frozenset[End] = frozenset()) -> tuple[bool, str]:
    """Whether an object goes, and what is warned of."""
    staying, left, warnings = spared([what, *others], where, covered)
    assert [each for each in (*staying, *left) if each is what] == [what]
    return what in staying, "; ".join(warnings)


WARNING = (
    "route 10.7.0.0/16 via 10.5.0.9 dev eth2 proto dhcp scope global in the host is not the one {}; it is left alone"
)


def test_ours_goes_and_theirs_stays() -> None:
    assert verdict(item(OURS), state(OURS)) == (True, "")
    assert verdict(item(OURS), state()) == (True, "")
    assert verdict(item(OURS), state(THEIRS)) == (False, WARNING.format("this topology made any more"))
    assert verdict(item(OURS), state(THEIRS, OURS)) == (True, "")


def test_what_was_found_may_stand_there_already() -> None:
    assert verdict(item(OURS, found=FIRST), state(FIRST)) == (True, "")
    assert verdict(item(found=FIRST), state(FIRST)) == (True, "")
    assert verdict(item(found=FIRST), state(THEIRS)) == (False, WARNING.format("that was found"))


def test_of_what_is_not_known_it_is_ours() -> None:
    assert verdict(Touched("netns_route", None, ABSENT), state(THEIRS)) == (True, "")


def test_what_the_kernel_learned_is_in_nobodys_place() -> None:
    learned = Route(DESTINATION, protocol=9, hops=(Hop("fe80::1", "eth2"),))
    assert verdict(item(OURS), state(learned)) == (True, "")


def test_what_goes_with_its_device_or_its_namespace_makes_way() -> None:
    device = Touched("bridge", None, {"name": "eth2", "state": "absent"})
    assert verdict(item(OURS), state(THEIRS), device) == (True, "")
    home = Touched("link", {"netns": "n1", "name": "eth2"}, {"netns": "n1", "name": "eth2"}, {"name": "eth2"})
    assert verdict(item(OURS), state(THEIRS), home) == (True, "")
    inside = Touched("netns_route", None, {**ABSENT, "netns": "n1"}, made=[])
    where = State({HOST: Namespace(), "n1": Namespace(routes=[THEIRS])})
    assert not verdict(inside, where)[0]
    namespace = Touched("netns", None, {"name": "n1", "state": "absent"})
    assert verdict(inside, where, namespace) == (True, "")


def test_the_warning_of_a_device_covers_what_leads_through_it() -> None:
    assert verdict(item(OURS), state(THEIRS), covered=frozenset({End(HOST, "eth2")})) == (False, "")
    warned = WARNING.format("this topology made any more")
    assert verdict(item(OURS), state(THEIRS), covered=frozenset({End(HOST, "eth1")})) == (False, warned)


ENTRY = {"device": "eth1", "address": "192.0.2.9", "proxy": False}


class TestNeighbours:
    OURS, THEIRS = "02:00:00:00:00:09", "02:00:00:00:00:55"

    def verdict(self, mac: str, known: str = "permanent", found: Optional[dict[str, Any]] = None) -> tuple[bool, str]:
        what = Touched("netns_neighbor", found, {**ENTRY, "state": "absent"}, made=[{"mac": self.OURS}])
        return verdict(what, state(neighbor=Neighbor(NeighborKey("eth1", "192.0.2.9", False), mac, known)))

    def test_another_mac_is_anothers(self) -> None:
        said = f"neighbour 192.0.2.9 at {self.THEIRS} on eth1 in the host is not the one this topology made any more"
        assert self.verdict(self.OURS) == (True, "")
        assert self.verdict(self.THEIRS) == (False, f"{said}; it is left alone")

    def test_what_the_kernel_learned_is_in_nobodys_place(self) -> None:
        assert self.verdict(self.THEIRS, known="reachable") == (True, "")

    def test_what_was_found_may_stand_there_already(self) -> None:
        assert self.verdict(self.THEIRS, found={**ENTRY, "mac": self.THEIRS}) == (True, "")


class TestAfterARun:
    def made(self, what: Touched, where: State) -> Any:
        return Standing(where).settled(what).made

    def test_one_of_several_stands(self) -> None:
        (ours,) = item(OURS).made or ()
        planned = [marks.unnumbered(mark) for mark in item(FIRST, OURS).made or ()]
        what = Touched("netns_route", None, ABSENT, made=planned)
        assert self.made(what, state(OURS)) == [ours]
        assert self.made(what, state(OURS, THEIRS)) == [ours]

    def test_others_are_not_taken_over(self) -> None:
        what = item(OURS)
        for where in (state(THEIRS), state(), State({})):
            assert self.made(what, where) == what.made

    def test_one_that_was_put_back_may_be_on_a_new_device(self) -> None:
        what = item(OURS)
        where = state(OURS)
        where.namespaces[HOST].links["eth1"] = Link("eth1", index=9)
        assert self.made(what, where) == what.made
        known = Ledger("lab", "boot:1", objects=[what])
        known.recognise([what], where)
        (made,) = known.objects[0].made or ()
        assert made["numbers"] == [9]


def test_a_route_is_put_back_with_what_may_be_ours() -> None:
    for what, count in ((item(OURS), 1), (item(OURS, found=FIRST), 2)):
        back = with_known(what)
        assert len(back.absent["known"]) == count
        assert back.claims == what.claims
        assert not back.found or back.found["known"] == back.absent["known"]
    link = Touched("link", None, {"name": "eth1"})
    assert with_known(link) is link
