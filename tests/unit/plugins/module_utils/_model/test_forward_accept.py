# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""forward_accept: in which chains the accept belongs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils._model import forward_accept
from ansible_collections.nsfabric.linux.plugins.module_utils._model.firewall import (
    IPTABLES_LEGACY,
    IPTABLES_NFT,
    NFT,
    Chain,
    Firewall,
    Place,
    Table,
)
from ansible_collections.nsfabric.linux.plugins.module_utils._model.firewall_actions import (
    AddRule,
    DeleteRule,
    DropTable,
    MakeChain,
)
from ansible_collections.nsfabric.linux.plugins.module_utils._model.planner import Planner
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems, Reader
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import HOST, Namespace, State

OWN = Place(NFT, "inet", "nsfabric", "forward")
DOCKER = Place(IPTABLES_NFT, "ip", "filter", "FORWARD")
DOCKER6 = DOCKER._replace(family="ip6")
LEGACY = Place(IPTABLES_LEGACY, "ip", "filter", "FORWARD")
FILTER = Place(NFT, "inet", "filter", "forward")
BRIDGE = {"in_interface": "br0", "out_interface": "br0"}


def plan(declared: dict[str, Any], firewall: Firewall) -> Planner:
    problems = Problems()
    spec = forward_accept.read(Reader(declared, "", problems))
    assert not problems, problems.found
    planner = Planner(State({HOST: Namespace(firewall=firewall)}), problems)
    planner.run({"forward_accept": [spec]}, {"forward_accept": forward_accept.PLAN})
    return planner


def after(planner: Planner) -> Firewall:
    assert not planner.problems, planner.problems.found
    found = planner.state.namespaces[HOST].firewall
    assert isinstance(found, Firewall)
    return found


def places(firewall: Firewall) -> set[Place]:
    return {found.place for found in firewall.rules}


@pytest.mark.parametrize(
    ("declared", "chains", "expected"),
    [
        (BRIDGE, [], {OWN}),
        ({**BRIDGE, "backend": "iptables"}, [], {DOCKER, DOCKER6}),
        ({"source": "10.0.0.0/8", "backend": "iptables"}, [], {DOCKER}),
        (BRIDGE, [Chain(DOCKER), Chain(FILTER)], {OWN}),
        (BRIDGE, [Chain(DOCKER, "drop"), Chain(FILTER)], {DOCKER}),
        (BRIDGE, [Chain(DOCKER, "drop"), Chain(DOCKER6, "drop")], {DOCKER, DOCKER6}),
        ({"source": "10.0.0.0/8"}, [Chain(DOCKER, "drop"), Chain(DOCKER6, "drop")], {DOCKER}),
        ({"destination": "fd00::/8"}, [Chain(DOCKER, "drop")], {OWN}),
        ({"destination": "fd00::/8"}, [Chain(FILTER, holds_drops=True), Chain(DOCKER6, "drop")], {FILTER, DOCKER6}),
        (BRIDGE, [Chain(LEGACY, "drop"), Chain(FILTER, "drop")], {LEGACY, FILTER}),
        ({**BRIDGE, "backend": "nftables"}, [Chain(LEGACY, "drop")], {LEGACY}),
        ({**BRIDGE, "backend": "iptables"}, [Chain(FILTER, "drop")], {FILTER}),
        (BRIDGE, [Chain(OWN, holds_drops=True)], {OWN}),
    ],
)
def test_the_accept_goes_where_traffic_would_be_dropped(
    declared: dict[str, Any], chains: list[Chain], expected: set[Place]
) -> None:
    firewall = Firewall(chains=tuple(chains), tables=(Table(IPTABLES_NFT, "ip", "filter", ("FORWARD",)),))
    planner = plan(declared, firewall)
    assert places(after(planner)) == expected
    assert plan(declared, after(planner)).steps == []


def test_it_follows_the_chain_that_drops() -> None:
    first = plan(BRIDGE, Firewall())
    dropping = replace(after(first), chains=(*after(first).chains, Chain(FILTER, "drop")))
    second = plan(BRIDGE, dropping)
    assert [type(step.action) for step in second.steps] == [DeleteRule, AddRule, DropTable]
    assert second.steps[0].why == "it belongs into inet filter forward"
    assert second.steps[1].why == "inet filter forward would drop the traffic: its policy is drop"
    third = plan(BRIDGE, replace(after(second), chains=(Chain(FILTER),)))
    assert [type(step.action) for step in third.steps] == [DeleteRule, MakeChain, AddRule]


def test_a_rule_behind_one_that_drops_is_put_to_the_top() -> None:
    firewall = Firewall(chains=(Chain(FILTER, holds_drops=True),))
    made = after(plan(BRIDGE, firewall))
    behind = replace(made, rules=tuple(replace(found, shadowed=True) for found in made.rules))
    planner = plan(BRIDGE, behind)
    assert planner.steps[0].why == "a rule that drops stands before it"
    assert plan(BRIDGE, after(planner)).steps == []


def test_replies_are_part_of_the_rule() -> None:
    declared = {"in_interface": "br0", "out_interface": "!br0", "source": "10.0.0.0/8", "replies": True}
    made = after(plan(declared, Firewall()))
    assert {found.body for found in made.rules} == {
        frozenset({"in br0", "out !br0", "from 10.0.0.0/8", "accept"}),
        frozenset({"in !br0", "out br0", "to 10.0.0.0/8", "ct established,related", "accept"}),
    }
    fewer = plan({**declared, "replies": False}, made)
    assert [step.why for step in fewer.steps] == ["replies are not wanted"]
    more = plan(declared, after(fewer))
    assert [type(step.action) for step in more.steps] == [AddRule]
    gone = plan({**declared, "state": "absent"}, made)
    assert after(gone) == Firewall()


def test_replies_do_not_make_another_rule_of_it() -> None:
    specs = [forward_accept.read(Reader({**BRIDGE, "replies": each}, "", Problems())) for each in (True, False)]
    assert specs[0].subject == specs[1].subject
    assert specs[0] != specs[1]


def test_a_table_of_iptables_is_not_made_unreadable_for_it() -> None:
    native = Place(NFT, "ip", "filter", "FORWARD")
    firewall = Firewall(tools=frozenset({"nft"}), iptables="", chains=(Chain(native, "drop"),))
    assert places(after(plan(BRIDGE, firewall))) == {native}
    planner = plan({**BRIDGE, "replies": True}, firewall)
    assert "install the package iptables" in str(planner.problems.found[0])
    lower = replace(firewall, chains=(Chain(native._replace(chain="forward"), "drop"),))
    assert len(after(plan({**BRIDGE, "replies": True}, lower)).rules) == 2


def test_a_table_that_a_program_owns_is_refused() -> None:
    planner = plan(BRIDGE, Firewall(chains=(Chain(FILTER, "drop", owned=True),)))
    assert "flag owner" in str(planner.problems.found[0])
    assert not plan(BRIDGE, Firewall(chains=(Chain(FILTER, owned=True),))).problems


@pytest.mark.parametrize(
    ("chain", "command"),
    [
        (OWN, 'nft \'insert rule inet nsfabric forward iifname "br0" oifname != "br0" accept comment "{}"\''),
        (FILTER, 'nft \'insert rule inet filter forward iifname "br0" oifname != "br0" accept comment "{}"\''),
        (DOCKER, "iptables -t filter -I FORWARD -i br0 ! -o br0 -m comment --comment '{}' -j ACCEPT"),
        (LEGACY, "iptables-legacy -t filter -I FORWARD -i br0 ! -o br0 -m comment --comment '{}' -j ACCEPT"),
    ],
)
def test_the_commands_a_person_would_type(chain: Place, command: str) -> None:
    theirs = Table(IPTABLES_NFT, "ip", "filter", ("FORWARD",))
    planner = plan({**BRIDGE, "out_interface": "!br0"}, Firewall(chains=(Chain(chain, "drop"),), tables=(theirs,)))
    comment = "nsfabric forward_accept in br0 out !br0"
    assert planner.steps[-1].action.command() == command.format(comment)


def test_a_view_is_a_declaration() -> None:
    for declared in (BRIDGE, {**BRIDGE, "replies": True}, {"source": "::/0"}, {**BRIDGE, "backend": "iptables"}):
        first = plan(declared, Firewall())
        (subject,) = forward_accept.subjects(first.state, HOST)
        shown = forward_accept.view(first.state, subject)
        assert shown is not None
        assert shown["replies"] == declared.get("replies", False)
        assert plan(shown, after(first)).steps == []
