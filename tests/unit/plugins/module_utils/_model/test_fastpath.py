# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fast paths planned from hand-made states."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils import _validate
from ansible_collections.nsfabric.linux.plugins.module_utils._model import document as documents
from ansible_collections.nsfabric.linux.plugins.module_utils._model import fastpath_table
from ansible_collections.nsfabric.linux.plugins.module_utils._model.fastpath_actions import (
    filter_name,
    is_mark,
    mark,
    told_by,
)
from ansible_collections.nsfabric.linux.plugins.module_utils._model.firewall import Chain, Firewall, Place
from ansible_collections.nsfabric.linux.plugins.module_utils._model.planner import AsFound
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import (
    HOST,
    Address,
    Destination,
    End,
    Hook,
    Link,
    Namespace,
    Shortcut,
    State,
    loopback,
)

FEATURES = frozenset(("fastpath peer", "fastpath redirect", "fastpath neigh"))
NEAR, FAR = "02:00:00:00:00:0{}", "02:00:00:00:01:0{}"
ONE, TWO = {"device": "v1", "addresses": ["10.0.1.3"]}, {"device": "v2", "addresses": ["10.0.2.3", "fd00:2::3"]}
ENDS = [ONE, TWO]
TABLE = (Destination("10.0.1.3", "v1"), Destination("10.0.2.3", "v2"), Destination("fd00:2::3", "v2"))


def host(hooks: Optional[dict[str, Hook]] = None, **others: Any) -> State:
    """v1, v2 and v3 lead to namespaces, w1 to w2; t is a tunnel, v4's far end is out of sight, v1 has an address."""
    links = {"lo": loopback(), "t": Link("t", "tun", 90, up=True), "v4": Link("v4", "veth", 80, up=True)}
    state = State({HOST: Namespace(1, links, hooks=hooks or {})}, **{"features": FEATURES, **others})
    for n in (1, 2, 3):
        far = End(f"ns{n}", f"e{n}")
        state.namespaces[far.netns] = Namespace(n + 1, {far.name: Link(far.name, "veth", 2, FAR.format(n), up=True)})
        links[f"v{n}"] = Link(f"v{n}", "veth", 10 + n, NEAR.format(n), up=True, peer=far)
    links["v1"] = replace(links["v1"], addresses=(Address("10.0.1.2/32"),))
    for one, other in (("w1", "w2"), ("w2", "w1")):
        links[one] = Link(one, "veth", 70, NEAR.format(7), up=True, peer=End(HOST, other))
    return state


def config(*ends: Any, **entry: Any) -> dict[str, Any]:
    return {"fastpath": [{"name": "pods", **({"ends": list(ends)} if ends else {}), **entry}]}


def plan(state: State, wanted: dict[str, Any], assume: bool = False) -> tuple[documents.Plan, list[str]]:
    problems = Problems()
    document = documents.read(_validate.config(wanted, problems), problems)
    planned = documents.Plan() if problems else documents.plan(document, state, problems, assume)
    return planned, [str(problem).replace("config.fastpath[0].", "") for problem in problems.found]


def there(*devices: str, table: Any = TABLE, **others: Any) -> dict[str, Hook]:
    shortcut = Shortcut(**{"name": "pods", "mode": "peer", "table": table, **others})
    return {device: Hook(shortcut, mark=mark(shortcut.name)) for device in devices}


def left(*devices: str, others: int = 0) -> dict[str, Hook]:
    """Disciplines of ours whose filters were deleted."""
    return {device: Hook(others=others, mark=mark("pods")) for device in devices}


NEW = "the fast path does not begin here yet"
MACS = tuple(each._replace(mac=FAR.format(each.device[1])) for each in TABLE)
OTHERS = (TABLE[0], Destination("10.0.2.3", ""), Destination("10.0.9.9", "v2"))
CASES: list[tuple[dict[str, Hook], dict[str, Any], dict[str, str]]] = [
    ({}, config(*ENDS), {"v1": NEW, "v2": NEW}),
    ({"v1": Hook(others=1), "v2": Hook()}, config(*ENDS), {"v1": NEW, "v2": NEW}),
    (there("v1", "v2"), config(*ENDS), {}),
    (there("v1", "v2"), config(*reversed(ENDS), mode="auto"), {}),
    (there("v1", "v2"), config({"dev": "v1", "addresses": ["10.0.1.3/32"]}, TWO), {}),
    (there("v1"), config(*ENDS), {"v2": NEW}),
    (there("v1", "v2", "v3"), config(*ENDS), {"v3": "it is no end of the fast path"}),
    (there("v1", "v2"), config(state="absent"), dict.fromkeys(("v1", "v2"), "the fast path is not wanted")),
    (there("v1", "v2", name="else"), config(state="absent"), {}),
    (left("v1", "v3"), config(*ENDS), {"v1": NEW, "v2": NEW, "v3": "it is no end of the fast path"}),
    (left("v1"), config(state="absent"), {"v1": "the fast path is not wanted"}),
    ({"v1": Hook()}, config(state="absent"), {}),
    (left("v1"), config(state="absent", name="else"), {}),
    ({}, config(state="absent", netns="none"), {}),
    (there("v1", "v2", mode=""), config(*ENDS), dict.fromkeys(("v1", "v2"), "its program is another one")),
    (
        there("v1", "v2"),
        config(*ENDS, mode="redirect"),
        dict.fromkeys(("v1", "v2"), "its mode is peer, wanted redirect"),
    ),
    (there("v1", "v2", mode="redirect", table=MACS), config(*ENDS, mode="redirect"), {}),
    (
        there("v1", "v2", mode="redirect", table=TABLE),
        config(*ENDS, mode="redirect"),
        dict.fromkeys(("v1", "v2"), "it leads 10.0.1.3, 10.0.2.3, fd00:2::3 another way"),
    ),
    (
        there("v1", "v2", table=OTHERS),
        config(*ENDS),
        dict.fromkeys(
            ("v1", "v2"),
            "it leads to 10.0.9.9, which is not wanted; it does not lead to fd00:2::3; it leads 10.0.2.3 another way",
        ),
    ),
]


@pytest.mark.parametrize(("hooks", "wanted", "why"), CASES)
def test_planned(hooks: dict[str, Hook], wanted: dict[str, Any], why: dict[str, str]) -> None:
    planned, problems = plan(host(hooks), wanted)
    assert problems == []
    assert {step.action.device: step.why for step in planned.steps} == why  # type: ignore[attr-defined]
    again, problems = plan(planned.after, wanted)
    assert (again.steps, problems) == ((), [])
    shown = documents.describe(planned.after).get("fastpath", [])
    assert plan(planned.after, {"fastpath": shown})[0].steps == ()


V2 = {"device": "v2"}
REFUSED: list[tuple[dict[str, Any], str]] = [
    (config(ONE, {"device": "v1"}), "ends[1].device: v1 is declared already at ends[0]"),
    (config(ONE, {**V2, "addresses": ["10.0.1.3"]}), "ends[1].addresses: 10.0.1.3 is behind v1 already"),
    (config(ONE, {**V2, "addresses": ["10.0.2.0/24"]}), "'10.0.2.0/24' is a subnet; an end has single addresses"),
    (config(ONE, {**V2, "addresses": ["fe80::1"]}), "'fe80::1' is no address that is reached from elsewhere"),
    (config(ONE, {**V2, "addresses": ["::ffff:10.0.0.1"]}), "is no address that is reached from elsewhere"),
    (config(ONE, {**V2, "addresses": ["::5:0:3"]}), "'::5:0:3' is no address that is reached from elsewhere"),
    (config(ONE, {**V2, "addresses": ["255.255.255.255"]}), "is no address that is reached from elsewhere"),
    (config(ONE, {**V2, "addresses": ["224.0.0.1"]}), "it is a multicast or the unspecified address"),
    (config(ONE, name="a:b"), "name: 'a:b' is not a fast path's name"),
    (config(name="pods"), "ends"),
    ({"fastpath": [{"name": "pods", "ends": []}]}, "ends: a fast path needs its devices"),
    (config(ONE, {"device": "nix"}), "ends[1].device: there is no link nix in the host"),
    (config(ONE, netns="none"), "netns: namespace none does not exist"),
    (config(ONE, {"device": "lo"}), "ends[1].device: lo is the loopback device, which nothing comes in by"),
    (config(ONE, {"device": "t"}), "ends[1].device: t is a tun; mode peer goes to the far end of a veth"),
    (config({"device": "w1"}, {"device": "w2"}), "w1 and its far end are in one namespace, where mode peer drops"),
    (
        config(ONE, {**V2, "addresses": ["10.0.1.2"]}),
        "ends[1].addresses: 10.0.1.2 is an address of v1 itself, behind no device",
    ),
    (
        config(ONE, {"device": "v4", "addresses": ["10.0.4.3"]}, mode="redirect"),
        "ends[1].device: v4 has no far end in a named namespace, so its MAC is not known; give mac",
    ),
]


@pytest.mark.parametrize(("wanted", "message"), REFUSED)
def test_refused(wanted: dict[str, Any], message: str) -> None:
    planned, problems = plan(host(), wanted)
    assert message in problems[0]
    assert planned.steps == ()


def test_more_addresses_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastpath_table, "MOST_BITS", 1)
    planned, problems = plan(host(), config(ONE, {**V2, "addresses": [f"10.0.2.{n}" for n in range(3, 11)]}))
    assert problems == ["ends: 9 addresses are more than the table of a fast path has room for"]
    assert planned.steps == ()


def test_a_far_end_out_of_sight() -> None:
    four = {"device": "v4", "addresses": ["10.0.4.3"]}
    assert plan(host(), config(ONE, four))[1] == []
    assert plan(host(), config(ONE, {**four, "mac": FAR.format(4)}, mode="redirect"))[1] == []
    assert plan(host(), config(ONE, {"device": "v4"}, mode="redirect"))[1] == []


def test_what_the_kernel_lacks() -> None:
    state = host(features=FEATURES - {"fastpath peer"}, lacking={"fastpath peer": "bpf(2): unknown func 155"})
    planned, problems = plan(state, config(*ENDS))
    assert problems == [
        "mode: bpf_redirect_peer at tc ingress does not work on this host: bpf(2): unknown func 155; "
        "what works here is redirect, neigh"
    ]
    assert planned.steps == ()
    planned, problems = plan(state, config(*ENDS, mode="auto"))
    assert problems == []
    assert documents.describe(planned.after)["fastpath"][0]["mode"] == "redirect"


def test_the_place_is_taken() -> None:
    assert plan(host(there("v1", name="else")), config(*ENDS))[1] == [
        "ends[0].device: v1 is an end of the fast path else already"
    ]
    taken = {"v1": Hook(None, 1, "a filter of kind u32 at pref 50000")}
    assert plan(host(taken), config(*ENDS))[1] == [
        "ends[0].device: the place of our filter at v1 is taken: a filter of kind u32 at pref 50000"
    ]


def test_a_device_changes_from_one_to_another() -> None:
    both = {"fastpath": [{"name": "pods", "ends": ENDS}, {"name": "else", "state": "absent"}]}
    planned, problems = plan(host(there("v1", "v3", name="else")), both)
    assert problems == []
    assert {hook.shortcut.name for hook in planned.after.namespaces[HOST].hooks.values() if hook.shortcut} == {"pods"}


RULES: list[tuple[str, dict[str, Any], bool]] = [
    ("masquerade", {"source": "10.0.0.0/16"}, True),
    ("masquerade", {"source": "10.0.0.0/16", "out_interface": "v2"}, True),
    ("masquerade", {"source": "10.0.0.0/16", "out_interface": "!eth0"}, True),
    ("masquerade", {"out_interface": "!br0"}, True),
    ("masquerade", {"source": "10.0.0.0/16", "out_interface": "eth0"}, False),
    ("masquerade", {"source": "10.0.0.0/16", "destination": "192.0.2.0/24"}, False),
    ("masquerade", {"source": "fd00::/16"}, False),
    ("masquerade", {"source": "10.0.1.0/24", "destination": "10.0.1.0/24"}, False),
    ("forward_accept", {"source": "10.0.1.0/24", "destination": "10.0.2.0/24"}, True),
    ("forward_accept", {"in_interface": "v1"}, True),
    ("forward_accept", {"in_interface": "v3"}, False),
    ("forward_accept", {"in_interface": "br0", "out_interface": "br0"}, False),
]


@pytest.mark.parametrize(("kind", "rule", "covered"), RULES)
def test_with_a_rule(kind: str, rule: dict[str, Any], covered: bool) -> None:
    dummy, problems = plan(host(), {**config(*ENDS), kind: [rule]})
    assert [("covers packets between its ends" in problem) for problem in problems] == [True] * covered
    dummy, problems = plan(plan(host(), {kind: [rule]})[0].after, config(*ENDS))
    assert len(problems) == covered
    dummy, problems = plan(host(there("v1", "v2")), {kind: [rule]})
    assert [("the fast path pods" in problem) for problem in problems] == [True] * covered


SENDS: list[tuple[str, dict[str, Any], bool]] = [
    ("forward_accept", {"in_interface": "v1"}, True),
    ("forward_accept", {"in_interface": "v1", "source": "192.0.2.0/24"}, True),
    ("masquerade", {"source": "192.0.2.0/24"}, True),
    ("masquerade", {"source": "192.0.2.0/24", "destination": "10.0.9.0/24"}, False),
    ("masquerade", {"source": "fd00:1::/64"}, True),
    ("forward_accept", {"out_interface": "v1"}, False),
    ("forward_accept", {"in_interface": "v2"}, False),
    ("forward_accept", {"in_interface": "v3"}, False),
]


@pytest.mark.parametrize(("kind", "rule", "covered"), SENDS)
def test_with_a_rule_and_an_end_that_only_sends(kind: str, rule: dict[str, Any], covered: bool) -> None:
    dummy, problems = plan(host(), {**config({"device": "v1"}, TWO), kind: [rule]})
    assert [("covers packets between its ends" in problem) for problem in problems] == [True] * covered
    dummy, problems = plan(host(there("v1", "v2", table=TABLE[1:])), {kind: [rule]})
    assert [("the fast path pods" in problem) for problem in problems] == [True] * covered


def test_with_a_rule_and_ends_that_disagree() -> None:
    hooks = {**there("v1", table=TABLE[:2]), **there("v2", table=TABLE[:1]), **there("v3", mode="", table=())}
    dummy, problems = plan(host(hooks), {"masquerade": [{"source": "10.0.0.0/16", "out_interface": "v2"}]})
    assert len(problems) == 1


@pytest.mark.parametrize("wanted", [{"masquerade": [{"source": "10.0.0.0/16"}]}, config(*ENDS)])
def test_what_stood_together_is_put_back_together(wanted: dict[str, Any]) -> None:
    state = host() if "fastpath" in wanted else host(there("v1", "v2"))
    if "fastpath" in wanted:
        state = plan(state, {"masquerade": [{"source": "10.0.0.0/16"}]})[0].after
    problems = Problems()
    planned = documents.plan(documents.read(wanted, problems), state, problems, as_found=AsFound(set(), state))
    assert not problems
    assert planned.steps


def test_a_rule_in_place_of_a_fast_path() -> None:
    rule = {"source": "10.0.0.0/16"}
    gone = {"fastpath": [{"name": "pods", "state": "absent"}], "masquerade": [rule]}
    assert plan(host(there("v1", "v2")), gone)[1] == []
    assert plan(host(there("v1", "v2")), {"masquerade": [{**rule, "state": "absent"}]})[1] == []


def test_a_rule_and_a_fast_path_of_one_document_are_told_once() -> None:
    dummy, problems = plan(host(there("v1", "v2")), {**config(*ENDS), "masquerade": [{"source": "10.0.0.0/16"}]})
    assert len(problems) == 1


def test_ports_of_a_bridge_are_seen_as_the_bridge() -> None:
    state = host()
    for name in ("v1", "v2"):
        state.change_link(End(HOST, name), master="br0")
    rule = {"source": "10.0.0.0/16", "out_interface": "!br0"}
    assert plan(state, {**config(*ENDS), "masquerade": [rule]})[1] == []


def test_a_chain_that_drops_is_warned_about() -> None:
    state = host()
    place = Place("nftables", "inet", "wall", "forward")
    state.namespaces[HOST].firewall = Firewall(chains=(Chain(place, "drop"),))
    planned, problems = plan(state, config(*ENDS))
    assert problems == []
    assert planned.warnings == ("inet wall forward drops forwarded packets; those between the ends of pods pass it by",)


def test_check_mode_takes_what_is_missing_for_granted() -> None:
    for mode in ("peer", "redirect"):
        planned, problems = plan(host(), config(ONE, {"device": "later", "addresses": ["10.0.9.3"]}, mode=mode), True)
        assert problems == []
        assert len(planned.steps) == 2
        assert planned.warnings == ("link later does not exist yet; planned as if it were there",)


def test_the_commands() -> None:
    front = "tc filter replace dev {} ingress pref 50000 handle 1 bpf object-pinned"
    planned, dummy = plan(host({"v1": Hook(others=1)}), config(*ENDS))
    assert [step.action.command() for step in planned.steps] == [
        front.format("v1") + " /sys/fs/bpf/nsfabric:pods direct-action",
        f"tc qdisc add dev v2 clsact && tc chain add dev v2 ingress chain {mark('pods')} && "
        + front.format("v2")
        + " /sys/fs/bpf/nsfabric:pods direct-action",
    ]
    assert planned.steps[0].action.what() == "let bpf_redirect_peer at the ingress of v1 lead to v2 (2)"
    gone, dummy = plan(planned.after, config(state="absent"))
    delete = "tc filter delete dev {} ingress pref 50000 handle 1 bpf"
    assert [step.action.command() for step in gone.steps] == [
        delete.format("v1"),
        delete.format("v2") + " && tc qdisc delete dev v2 clsact",
    ]
    assert gone.after.namespaces[HOST].hooks == {"v1": Hook(others=1)}


def test_a_discipline_that_others_use_stays() -> None:
    hooks = {"v1": replace(there("v1")["v1"], others=1)}
    gone, dummy = plan(host(hooks), config(state="absent"))
    assert gone.after.namespaces[HOST].hooks == {"v1": Hook(others=1)}


def test_a_discipline_keeps_who_made_it() -> None:
    for hooks in (there("v1", "v2"), left("v1", "v2"), {}):
        planned, dummy = plan(host(hooks), config(ONE, V2))
        assert [hook.mark for hook in planned.after.namespaces[HOST].hooks.values()] == [mark("pods")] * 2


def test_what_is_left_of_one() -> None:
    planned, dummy = plan(host({**left("v1"), **left("v2", others=1)}), config(state="absent"))
    assert [step.action.command() for step in planned.steps] == [
        "tc qdisc delete dev v1 clsact",
        f"tc chain delete dev v2 ingress chain {mark('pods')}",
    ]
    assert planned.steps[0].action.what() == "take what is left of the fast path from the ingress of v1"
    assert planned.after.namespaces[HOST].hooks == {"v2": Hook(others=1)}


def test_the_difference_tells_what_is_left() -> None:
    problems = Problems()
    document = documents.read(_validate.config(config(*ENDS), problems), problems)
    for hooks, ends in ((left("v1"), {}), ({**left("v1"), **there("v2")}, {"ends": [TWO]})):
        planned = documents.plan(document, host(hooks), problems)
        shown = documents.difference(document, planned)
        assert shown["before"]["fastpath"][0]["left"] == ["v1"]
        assert shown["before"]["fastpath"][0].get("ends") == ends.get("ends")
        assert shown["after"]["fastpath"][0]["ends"] == ENDS


def test_names() -> None:
    assert told_by(filter_name("pods")) == "pods"
    for name in ("", "pods", "cilium:pods", "nsfabric:pods:other"):
        assert told_by(name) == ""


def test_marks() -> None:
    assert is_mark(mark("pods"))
    assert mark("pods") != mark("else")
    # The kernel's limit.
    assert mark("pods") < 1 << 28
    assert not any(map(is_mark, (0, 1, mark("pods") | 1 << 28, mark("pods") & 0xFFFF)))


def test_a_damaged_one_is_described_by_what_agrees() -> None:
    hooks = {**there("v1"), **there("v2", table=TABLE[:1]), **there("v3", mode="")}
    assert documents.describe(host(hooks))["fastpath"] == [
        {"name": "pods", "mode": "peer", "ends": [{"device": "v1", "addresses": ["10.0.1.3"]}]}
    ]
