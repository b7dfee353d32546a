# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ledger: what it remembers from run to run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.nsfabric.linux.plugins.module_utils._model import document as documents
from ansible_collections.nsfabric.linux.plugins.module_utils._model.claims import claims
from ansible_collections.nsfabric.linux.plugins.module_utils._model.ledger import Ledger, back_in_bridges
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import HOST, Link, Namespace, State
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touched import Touched

MADE = Touched("netns", None, {"name": "ns1", "state": "absent"})
FOUND = Touched("link", {"name": "eth0", "mtu": 1500}, {"name": "eth0", "state": "absent"})
CONFIG: dict[str, list[dict[str, Any]]] = {"netns": [{"name": "ns1"}], "link": [{"name": "eth0", "mtu": 1400}]}


def ledger(**changes: Any) -> Ledger:
    return Ledger("lab", "boot:1", CONFIG, [MADE, FOUND], **changes)


def cable(near: str, far: str) -> dict[str, Any]:
    return {"name": near, "peer": {"name": far}}


def made(near: str, far: str) -> Touched:
    return Touched("veth", None, {**cable(near, far), "state": "absent"}, cable(near, far))


class TestFound:
    def test_what_was_found_first_counts(self) -> None:
        address = {"name": "eth0", "addresses": ["192.0.2.1/24"]}
        first = Touched("link", address, {"name": "eth0", "state": "absent"}, since=1.0)
        later = replace(first, found={"name": "eth0", "addresses": []}, since=2.0)
        for mine, other in ((first, later), (later, first)):
            heir = Ledger("lab", "boot:1", objects=[mine])
            heir.inherit([other], {})
            assert [item.found for item in heir.objects] == [address]


class TestOwnership:
    def test_what_was_replaced_behind_our_back_is_told(self) -> None:
        state = State({HOST: Namespace(), "ns1": Namespace(inode=77)})
        known = ledger()
        known.settle(CONFIG, claims(CONFIG), state, set())
        assert known.complete
        assert not known.replaced(MADE, state)
        state.namespaces["ns1"].inode = 78
        assert known.replaced(MADE, state)
        del state.namespaces["ns1"]
        assert not known.replaced(MADE, state)

    def test_a_device_is_known_by_its_number(self) -> None:
        bridge = Touched("bridge", None, {"name": "br0", "state": "absent"})
        known = Ledger("lab", "boot:1", {}, [bridge])
        state = State({HOST: Namespace(links={"br0": Link("br0", "bridge", index=9)})})
        config = {"bridge": [{"name": "br0"}]}
        known.settle(config, claims(config), state, set())
        assert not known.replaced(bridge, state)
        state.namespaces[HOST].links["br0"] = Link("br0", "bridge", index=12)
        assert known.replaced(bridge, state)

    def test_what_is_not_declared_any_more_is_forgotten(self) -> None:
        known = Ledger("lab", "boot:1", CONFIG, [replace(MADE, owner=MADE.absent), replace(FOUND, owner=FOUND.absent)])
        config = {"link": CONFIG["link"]}
        known.settle(config, claims(config), State({HOST: Namespace()}), set())
        assert [item.kind for item in known.objects] == ["link"]
        assert known.config == {"link": CONFIG["link"]}

    def test_what_was_not_purged_stays_declared(self) -> None:
        merged = ledger().union({"netns": [{"name": "ns2"}], "link": [{"name": "eth0", "mtu": 9000}]})
        assert merged == {"netns": [{"name": "ns2"}, {"name": "ns1"}], "link": [{"name": "eth0", "mtu": 9000}]}


class TestCables:
    def test_those_that_stand_where_they_are_declared_are_not_displaced(self) -> None:
        known = Ledger("lab", "boot:1", objects=[made("a", "b"), made("c", "d"), made("e", "f")])
        document = documents.read({"veth": [cable("a", "d"), cable("c", "b"), cable("f", "e")]}, Problems())
        assert known.displaced(document) == [made("a", "b"), made("c", "d")]

    def test_what_one_entry_would_move_and_another_declares_is_the_others(self) -> None:
        ns1, ns2 = {"netns": "ns1"}, {"netns": "ns2"}
        stays = {**ns1, "name": "c", "peer": {**ns2, "name": "b"}}
        config = {"veth": [stays, {**ns2, "name": "c", "peer": {**ns1, "name": "b"}}]}
        known = Ledger("lab", "boot:1", objects=[Touched("veth", None, {**stays, "state": "absent"}, stays)])
        state = State({HOST: Namespace()})
        known.own(documents.read(config, Problems()), state)
        assert known.objects[0].owner == stays


class TestOwed:
    ROUTE = Touched(
        "netns_route",
        {"destination": "default", "gateway": "192.0.2.1", "device": "eth0"},
        {"destination": "default", "state": "absent"},
        {"destination": "default", "gateway": "192.0.2.9"},
    )
    AT_HOME = State({HOST: Namespace(links={"eth0": Link("eth0", index=4)}), "ns1": Namespace()})
    AWAY = State({HOST: Namespace(), "ns1": Namespace(links={"eth0": Link("eth0", index=4)})})

    def waiting(self, state: State, entry: dict[str, Any], owner: dict[str, Any]) -> list[Touched]:
        known = Ledger("lab", "boot:1", {}, [self.ROUTE, replace(FOUND, owner=owner)])
        return known.waiting([self.ROUTE], documents.read({"link": [entry]}, Problems()), state)

    def test_what_was_found_waits_for_its_device(self) -> None:
        home, away = {"name": "eth0"}, {"netns": "ns1", "name": "eth0"}
        assert self.waiting(self.AT_HOME, away, home) == [self.ROUTE]
        assert self.waiting(self.AWAY, away, away) == [self.ROUTE]
        assert self.waiting(self.AWAY, home, away) == []
        assert self.waiting(self.AT_HOME, home, home) == []

    def test_what_is_still_owed_is_kept(self) -> None:
        known = Ledger("lab", "boot:1", {}, [self.ROUTE])
        known.settle({}, set(self.ROUTE.claims), self.AT_HOME, set())
        assert known.left_by(set()) == [self.ROUTE]
        known.settle({}, set(), self.AT_HOME, set(self.ROUTE.claims))
        assert known.objects == []

    def test_the_heir_is_who_changed_the_device(self) -> None:
        assert Ledger("lab", "boot:1", {}, [FOUND]).holds(self.ROUTE)
        assert not Ledger("lab", "boot:1", {}, [replace(FOUND, found=None), self.ROUTE]).holds(self.ROUTE)


class TestComingHome:
    FOUND = Touched(
        "link",
        {"name": "eth0", "addresses": ["192.0.2.1/24"], "up": True, "mtu": 1500, "master": "br9"},
        {"name": "eth0", "state": "absent"},
        {"netns": "ns1", "name": "eth0", "up": False},
    )

    def moved(self, **changes: Any) -> Ledger:
        return Ledger("lab", "boot:1", objects=[replace(self.FOUND, **changes)], complete=True)

    def wanted(self, known: Ledger, entry: dict[str, Any], purge: bool = True) -> dict[str, Any]:
        document = documents.read({"link": [entry]}, Problems())
        wanted = known.hinted(document, purge).specs["link"][0].wanted
        return {name: value for name, value in vars(wanted).items() if value is not None}

    def test_what_the_document_does_not_say_is_as_it_was_found(self) -> None:
        home = self.wanted(self.moved(), {"name": "eth0", "mtu": 1400})
        assert home == {"addresses": ("192.0.2.1/24",), "up": True, "mtu": 1400}

    def test_its_bridge_is_put_back_like_what_is_not_declared_any_more(self) -> None:
        known = self.moved()
        for entry, bridges in (({}, ["br9"]), ({"master": "br8"}, [])):
            document = documents.read({"link": [{"name": "eth0", **entry}]}, Problems())
            ports = back_in_bridges(known.coming_home(document), document)
            assert [item.found["master"] for item in ports if item.found] == bridges

    def test_without_purge_nothing_is_put_back(self) -> None:
        assert self.wanted(self.moved(), {"name": "eth0"}, purge=False) == {}

    def test_away_it_stays_what_it_has_become(self) -> None:
        assert self.wanted(self.moved(), {"netns": "ns1", "name": "eth0"}) == {}
        assert self.wanted(self.moved(), {"netns": "ns2", "name": "eth0"}) == {}

    def test_at_home_it_is_changed_by_hand_as_one_likes(self) -> None:
        known = self.moved(owner={"name": "eth0"}, former=[{"netns": "ns1", "name": "eth0"}])
        assert self.wanted(known, {"name": "eth0"}) == {}

    def test_a_killed_run_may_have_moved_it(self) -> None:
        first = {"netns": "ns1", "name": "eth0", "addresses": ["10.0.0.1/24"]}
        known = self.moved(owner={"netns": "ns2", "name": "eth0"}, former=[first])
        known.complete = False
        lost = {"addresses": ("10.0.0.1/24",), "up": True}
        assert self.wanted(known, {"netns": "ns2", "name": "eth0"}) == lost
        assert self.wanted(known, {"netns": "ns1", "name": "eth0", "up": False}) == {**lost, "up": False}
