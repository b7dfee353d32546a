# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What masquerade and forward_accept share: identity, places, backends, tables that come and go."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nsfabric.linux.plugins.module_utils._model import firewall_plan, forward_accept, masquerade
from ansible_collections.nsfabric.linux.plugins.module_utils._model.firewall import (
    IPTABLES_LEGACY,
    IPTABLES_NFT,
    LONGEST_COMMENT,
    NFT,
    Firewall,
    Found,
    Place,
    Rule,
    Table,
    firewall_of,
    rule_of,
)
from ansible_collections.nsfabric.linux.plugins.module_utils._model.firewall_actions import (
    AddRule,
    DeleteRule,
    DropChain,
    DropTable,
    MakeChain,
    iptables_words,
    nft_text,
)
from ansible_collections.nsfabric.linux.plugins.module_utils._model.planner import Planner
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems, Reader
from ansible_collections.nsfabric.linux.plugins.module_utils._model.scope import Scope
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import HOST, Namespace, State

PLANS = {"masquerade": masquerade.PLAN, "forward_accept": forward_accept.PLAN}
KINDS = {"masquerade": masquerade, "forward_accept": forward_accept}
POSTROUTING = Place(NFT, "inet", "nsfabric", "postrouting")
FORWARD = Place(NFT, "inet", "nsfabric", "forward")
OURS = Table(NFT, "inet", "nsfabric", ("postrouting",))
TEN = {"source": "10.1.0.0/24", "out_interface": "!br0"}


def plan(firewall: Firewall, assume: bool = False, **entries: Any) -> Planner:
    """Plans entries of both kinds against the rules of the host."""
    problems = Problems()
    specs = {}
    for kind, options in entries.items():
        found = options if isinstance(options, list) else [options]
        specs[kind] = [KINDS[kind].read(Reader(each, f"config.{kind}[{i}]", problems)) for i, each in enumerate(found)]
    planner = Planner(State({HOST: Namespace(firewall=firewall)}), problems, assume=assume)
    if not problems:
        planner.run(specs, PLANS)
    return planner


def actions(planner: Planner) -> list[str]:
    assert not planner.problems, planner.problems.found
    return [f"{type(step.action).__name__} {step.action.what()}" for step in planner.steps]


def after(planner: Planner) -> Firewall:
    return firewall_of(planner.state, HOST)


def errors(planner: Planner) -> list[str]:
    return [str(problem) for problem in planner.problems.found]


NAMES = st.text("abcins.-!4", min_size=1, max_size=14).filter(lambda name: name.lstrip("!") not in ("", ".", ".."))
NETWORKS = {
    4: st.tuples(st.ip_addresses(v=4), st.integers(1, 32)),
    6: st.tuples(st.ip_addresses(v=6), st.integers(1, 128)),
}


@st.composite
def options(draw: Any, kind: str = "forward_accept") -> dict[str, Any]:
    """A declared rule whose prefixes have no host bits."""
    taken: dict[str, Any] = {}
    family = draw(st.sampled_from([4, 6]))
    for name in ("source", "destination"):
        if draw(st.booleans()):
            address, length = draw(NETWORKS[family])
            taken[name] = str(ipaddress.ip_network(f"{address}/{length}", strict=False))
    for name in ("in_interface", "out_interface") if kind == "forward_accept" else ("out_interface",):
        if draw(st.booleans()):
            taken[name] = draw(NAMES)
    return taken or {"out_interface": draw(NAMES)}


@given(options(), st.booleans())
def test_what_is_found_tells_its_rule(declared: dict[str, Any], reply: bool) -> None:
    rule = forward_accept.read(Reader(declared, "", Problems())).rule
    comment = rule.comment(reply)
    assert len(comment.encode()) <= LONGEST_COMMENT
    assert comment.startswith("nsfabric forward_accept ")
    assert rule_of(Found(FORWARD, comment, rule.body(FORWARD, reply)), HOST) == rule


@given(options(), options())
def test_different_rules_have_different_comments(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = (forward_accept.read(Reader(each, "", Problems())).rule for each in (one, other))
    assert (first == second) == (first.comment() == second.comment())
    assert first.comment() != second.comment(reply=True)


def test_a_comment_too_long_for_nft_becomes_a_digest() -> None:
    long = "2001:db8:1111:2222:3333:4444:5555:{}/128"
    rule = Rule("forward_accept", HOST, 6, long.format("6666"), long.format("7777"), "a" * 15, "!" + "b" * 15)
    assert " digest " in rule.comment(reply=True)
    assert rule.comment() != replace(rule, out_interface="b" * 15).comment()
    for reply in (False, True):
        found = Found(FORWARD, rule.comment(reply), rule.body(FORWARD, reply))
        assert rule_of(found, HOST) == rule
        altered = frozenset(word for word in found.body if not word.startswith("from"))
        assert rule_of(replace(found, body=altered), HOST) is None


@pytest.mark.parametrize(
    "comment", ["", "nsfabric", "nsfabric masquerade", "nsfabric other out br0", "my masquerade out a"]
)
def test_other_comments_are_not_rules(comment: str) -> None:
    assert rule_of(Found(FORWARD, comment, frozenset()), HOST) is None


@pytest.mark.parametrize("name", ["replies", "accept", "in", "family", "digest"])
def test_a_device_may_be_called_like_a_word(name: str) -> None:
    for declared in ({"out_interface": name}, {"in_interface": name, "out_interface": name}):
        rule = forward_accept.read(Reader(declared, "", Problems())).rule
        for reply in (False, True):
            assert rule_of(Found(FORWARD, rule.comment(reply), rule.body(FORWARD, reply)), HOST) == rule


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"source": "10.0.0.1"}, {"source": " 10.0.0.1/32 "}),
        ({"source": "FD00:0:0::/64"}, {"source": "fd00::/64"}),
        ({"source": "0.0.0.0/0", "destination": "10.0.0.0/8"}, {"destination": "10.0.0.0/8"}),
        ({"source": "0.0.0.0/0"}, {"destination": "0.0.0.0/0"}),
        ({"out_interface": "! br0"}, {"out_interface": "!br0"}),
    ],
)
def test_spellings_of_one_rule(one: dict[str, Any], other: dict[str, Any]) -> None:
    specs = [masquerade.read(Reader(each, "", Problems())) for each in (one, other)]
    assert specs[0].subject == specs[1].subject
    assert hash(specs[0].subject) == hash(specs[1].subject)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"source": "0.0.0.0/0"}, {"source": "::/0"}),
        ({"source": "10.0.0.0/24"}, {"destination": "10.0.0.0/24"}),
        ({"out_interface": "br0"}, {"out_interface": "!br0"}),
        ({"out_interface": "br0"}, {"out_interface": "br0", "source": "0.0.0.0/0"}),
        ({"out_interface": "br0", "netns": "a"}, {"out_interface": "br0", "netns": "b"}),
    ],
)
def test_different_rules(one: dict[str, Any], other: dict[str, Any]) -> None:
    specs = [masquerade.read(Reader(each, "", Problems())) for each in (one, other)]
    assert specs[0].subject != specs[1].subject


@pytest.mark.parametrize(
    ("declared", "where", "says"),
    [
        ({"source": "10.0.0.1/24"}, "source", "10.0.0.0/24"),
        ({"source": "10.0.0.0/33"}, "source", "prefix length"),
        ({"source": "10.0.0.0/24", "destination": "fd00::/64"}, "destination", "different IP versions"),
        ({"out_interface": "eth*"}, "out_interface", "not one device's name"),
        ({"out_interface": "eth+"}, "out_interface", "not one device's name"),
        ({"out_interface": "it's"}, "out_interface", "not one device's name"),
        ({"out_interface": "0123456789abcdef"}, "out_interface", "at most 15"),
        ({"out_interface": "!"}, "out_interface", "empty"),
        ({}, "source", "0.0.0.0/0"),
        ({"netns": "a/b", "source": "10.0.0.0/24"}, "netns", "namespace name"),
    ],
)
@pytest.mark.parametrize("kind", ["masquerade", "forward_accept"])
def test_wrong_input_says_what_is_right(kind: str, declared: dict[str, Any], where: str, says: str) -> None:
    found = errors(plan(Firewall(), **{kind: declared}))
    assert len(found) == 1
    assert found[0].startswith(f"config.{kind}[0].{where}: ")
    assert says in found[0]


def test_the_scope_asks_for_the_rules_of_the_namespace() -> None:
    scope = Scope()
    masquerade.read(Reader({"netns": "ns1", **TEN}, "", Problems())).add_to(scope)
    assert scope.namespaces["ns1"].firewall
    assert not scope.namespaces[HOST].firewall


def test_both_languages_write_a_rule() -> None:
    rule = masquerade.read(Reader(TEN, "", Problems())).rule
    assert nft_text(rule.body(POSTROUTING), "c") == 'oifname != "br0" ip saddr 10.1.0.0/24 masquerade comment "c"'
    words = "! -o br0 -s 10.1.0.0/24 -m comment --comment c -j MASQUERADE"
    assert iptables_words(rule.body(POSTROUTING), "c") == words.split()


@pytest.mark.parametrize(
    ("firewall", "backend", "expected"),
    [
        (Firewall(), "auto", {POSTROUTING}),
        (Firewall(tools=frozenset({"nft"}), iptables=""), "auto", {POSTROUTING}),
        (Firewall(legacy=True), "auto", {Place(IPTABLES_LEGACY, "ip", "nat", "POSTROUTING")}),
        (Firewall(legacy=True), "nftables", {POSTROUTING}),
        (Firewall(legacy=True), "iptables", {Place(IPTABLES_LEGACY, "ip", "nat", "POSTROUTING")}),
        (Firewall(), "iptables", {Place(IPTABLES_NFT, "ip", "nat", "POSTROUTING")}),
        (Firewall(iptables=IPTABLES_LEGACY), "iptables", {Place(IPTABLES_LEGACY, "ip", "nat", "POSTROUTING")}),
        (
            Firewall(tools=frozenset({"iptables-nft", "ip6tables-nft"})),
            "auto",
            {Place(IPTABLES_NFT, "ip", "nat", "POSTROUTING")},
        ),
    ],
)
def test_who_writes_a_rule(firewall: Firewall, backend: str, expected: set[Place]) -> None:
    planner = plan(firewall, masquerade={**TEN, "backend": backend})
    assert {step.action.place for step in planner.steps if isinstance(step.action, AddRule)} == expected


@pytest.mark.parametrize(
    ("firewall", "backend", "says"),
    [
        (Firewall(tools=frozenset(), iptables=""), "auto", "install the package nftables"),
        (Firewall(tools=frozenset(), iptables=""), "nftables", "nft is not installed; install the package nftables"),
        (Firewall(tools=frozenset({"nft"}), iptables=""), "iptables", "iptables is not installed; install the package"),
        (Firewall(tools=frozenset({"nft", "iptables-nft"}), ipv6=False, iptables=""), "iptables", "iptables"),
        (Firewall(tools=frozenset(), nft_said="it said no"), "nftables", "nft does not work here: it said no"),
        (Firewall(unseen="could not look"), "auto", "could not look"),
        (Firewall(unseen="could not look"), "nftables", "could not look"),
    ],
)
def test_what_is_missing_is_told_before_anything_changes(firewall: Firewall, backend: str, says: str) -> None:
    planner = plan(firewall, masquerade={**TEN, "backend": backend})
    assert says in "".join(errors(planner))
    assert not planner.steps


def test_could_not_look_is_not_absent() -> None:
    planner = plan(Firewall(unseen="could not look"), masquerade={**TEN, "state": "absent"})
    assert errors(planner) == ["config.masquerade[0]: could not look"]


def test_both_ip_versions_need_both_programs() -> None:
    firewall = Firewall(tools=frozenset({"iptables-nft"}))
    assert "ip6tables-nft" in errors(plan(firewall, masquerade={"out_interface": "eth0", "backend": "iptables"}))[0]
    assert not errors(plan(firewall, masquerade={**TEN, "backend": "iptables"}))
    without = replace(firewall, ipv6=False)
    assert not errors(plan(without, masquerade={"out_interface": "eth0", "backend": "iptables"}))


def test_auto_keeps_a_rule_where_it_is() -> None:
    planner = plan(Firewall(), masquerade={**TEN, "backend": "iptables"})
    assert actions(plan(after(planner), masquerade=TEN)) == []
    planner = plan(Firewall(), masquerade=TEN)
    assert actions(plan(replace(after(planner), legacy=True), masquerade=TEN)) == []


def test_an_explicit_backend_moves_a_rule() -> None:
    first = plan(Firewall(), masquerade=TEN)
    second = plan(after(first), masquerade={**TEN, "backend": "iptables"})
    kinds = [type(step.action) for step in second.steps]
    assert kinds == [DeleteRule, MakeChain, AddRule, DropTable]
    assert {found.place for found in after(second).rules} == {Place(IPTABLES_NFT, "ip", "nat", "POSTROUTING")}
    assert actions(plan(after(second), masquerade={**TEN, "backend": "iptables"})) == []


@given(
    st.lists(options("masquerade"), max_size=3), st.lists(options(), max_size=3), st.sampled_from(["auto", "iptables"])
)
def test_planning_twice_is_planning_once(masks: list[Any], accepts: list[Any], backend: str) -> None:
    entries = {
        "masquerade": [{**each, "backend": backend} for each in masks],
        "forward_accept": [{**each, "backend": backend, "replies": i % 2} for i, each in enumerate(accepts)],
    }
    subjects = {masquerade.read(Reader(each, "", Problems())).subject for each in masks}
    rules = [forward_accept.read(Reader(each, "", Problems())).subject for each in accepts]
    if len(set(rules)) < len(rules):
        return
    first = plan(Firewall(), **entries)
    assert actions(plan(after(first), **entries)) == []
    assert set(masquerade.subjects(first.state, HOST)) <= subjects
    gone = {kind: [{**each, "state": "absent"} for each in found] for kind, found in entries.items()}
    last = plan(after(first), **gone)
    assert not errors(last)
    assert after(last).rules == ()
    assert [table for table in after(last).tables if table.ours] == []


def test_the_order_of_the_document_does_not_matter() -> None:
    entries = [TEN, {"source": "10.2.0.0/24"}]
    first = plan(Firewall(), masquerade=entries)
    assert actions(plan(after(first), masquerade=entries[::-1])) == []


def test_an_altered_rule_is_repaired() -> None:
    rule = masquerade.read(Reader(TEN, "", Problems())).rule
    altered = Found(POSTROUTING, rule.comment(), rule.body(POSTROUTING) | {"? limit"}, handle=7)
    planner = plan(Firewall(tables=(OURS,), rules=(altered,)), masquerade=TEN)
    assert [type(step.action) for step in planner.steps] == [DeleteRule, AddRule]
    assert "altered" in planner.steps[0].why
    assert masquerade.view(State({HOST: Namespace(firewall=Firewall(rules=(altered,)))}), rule) is None
    assert actions(plan(after(planner), masquerade=TEN)) == []


def test_a_rule_twice_or_in_a_wrong_chain_is_repaired() -> None:
    rule = masquerade.read(Reader(TEN, "", Problems())).rule
    right = Found(POSTROUTING, rule.comment(), rule.body(POSTROUTING), handle=1)
    elsewhere = replace(right, place=Place(NFT, "ip", "other", "chain"), handle=2)
    firewall = Firewall(tables=(OURS,), rules=(right, replace(right, handle=3), elsewhere))
    planner = plan(firewall, masquerade=TEN)
    assert [step.why for step in planner.steps] == [
        "it stands there twice",
        "it belongs into inet nsfabric postrouting",
    ]
    assert after(planner).rules == (right,)


def test_our_table_stays_while_something_foreign_is_in_it() -> None:
    first = plan(Firewall(), masquerade=TEN)
    table = replace(after(first).tables[0], busy=frozenset({"postrouting"}))
    planner = plan(replace(after(first), tables=(table,)), masquerade={**TEN, "state": "absent"})
    assert [type(step.action) for step in planner.steps] == [DeleteRule]
    table = replace(table, busy=frozenset({""}))
    planner = plan(replace(after(first), tables=(table,)), masquerade={**TEN, "state": "absent"})
    assert [type(step.action) for step in planner.steps] == [DeleteRule, DropChain]


def test_a_chain_goes_with_its_last_rule() -> None:
    entries = {"masquerade": TEN, "forward_accept": {"in_interface": "br0"}}
    first = plan(Firewall(), **entries)
    entries["masquerade"] = {**TEN, "state": "absent"}
    second = plan(after(first), **entries)
    assert [type(step.action) for step in second.steps] == [DeleteRule, DropChain]
    assert after(second).tables[0].chains == ("forward",)


def test_a_table_of_iptables_that_was_there_stays() -> None:
    theirs = Table(IPTABLES_NFT, "ip", "nat", ("POSTROUTING",))
    declared = {**TEN, "backend": "iptables"}
    first = plan(Firewall(tables=(theirs,)), masquerade=declared)
    assert [type(step.action) for step in first.steps] == [AddRule]
    second = plan(after(first), masquerade={**declared, "state": "absent"})
    assert [type(step.action) for step in second.steps] == [DeleteRule]


def test_a_chain_of_our_name_at_another_hook_is_refused() -> None:
    table = replace(OURS, wrong=frozenset({"postrouting"}))
    planner = plan(Firewall(tables=(table,)), masquerade=TEN)
    assert "no packet would reach the rule" in errors(planner)[0]


def test_a_namespace_that_is_only_assumed_is_like_a_new_one() -> None:
    planner = plan(Firewall(), assume=True, masquerade={**TEN, "netns": "ns1"})
    assert len(planner.warnings) == 1
    assert [type(step.action) for step in planner.steps] == [MakeChain, AddRule]
    assert planner.steps[1].action.command().startswith("ip netns exec ns1 nft ")


def test_absent_in_a_namespace_that_is_not_there_or_goes_is_nothing_to_do() -> None:
    assert actions(plan(Firewall(), masquerade={**TEN, "netns": "ns1", "state": "absent"})) == []

    class Going:
        absent, name = True, "ns1"

    state = State({HOST: Namespace(), "ns1": plan(Firewall(), masquerade=TEN).state.namespaces[HOST]})
    spec = masquerade.read(Reader({**TEN, "netns": "ns1", "state": "absent"}, "", Problems()))
    planner = Planner(state, Problems(), specs={"netns": [Going()], "masquerade": [spec]})
    firewall_plan.remove(planner, spec)
    assert planner.steps == []


def test_a_view_is_a_declaration() -> None:
    for declared in (TEN, {"source": "0.0.0.0/0"}, {"destination": "fd00::/64"}, {**TEN, "backend": "iptables"}):
        first = plan(Firewall(), masquerade=declared)
        (subject,) = masquerade.subjects(first.state, HOST)
        shown = masquerade.view(first.state, subject)
        assert shown is not None
        assert shown["backend"] == declared.get("backend", "nftables")
        assert actions(plan(after(first), masquerade=shown)) == []
