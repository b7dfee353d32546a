# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The planner: phases in their order, and what is refused or taken for granted when something is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.nsfabric.linux.plugins.module_utils._model.planner import Planner
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import HOST, End, Link, Namespace, State
from ansible_collections.nsfabric.linux.plugins.module_utils._model.step import CREATE, PHASES, Action, inside, ip


@dataclass(frozen=True)
class Spec:
    """An entry of an invented kind."""

    name: str
    absent: bool = False

    @property
    def path(self) -> str:
        return f"config.thing[{self.name}]"


@dataclass(frozen=True)
class Say(Action):
    """A step that puts a namespace of its name into the state."""

    netns: str
    change = CREATE

    def what(self) -> str:
        return f"say {self.netns}"

    def command(self) -> str:
        return ip(self.netns, "say")

    def effect(self, state: State) -> None:
        state.namespaces[self.netns] = Namespace()


def planner(assume: bool = False, **changes: Any) -> Planner:
    links = {"lo": Link("lo"), "eth0": Link("eth0", up=True)}
    state = State({HOST: Namespace(links=links), "ns1": Namespace()}, **changes)
    return Planner(state, Problems(), assume=assume)


def problems(planned: Planner) -> list[str]:
    return [str(problem) for problem in planned.problems.found]


def test_phases_come_first_then_kinds_then_entries() -> None:
    planned = planner()

    def say(word: str) -> Any:
        return lambda planner, spec: planner.do(Say(f"{word} {spec.name}"), "it is said")

    plans = {"one": {"routes": say("late"), "namespaces": say("early")}, "two": {"namespaces": say("early")}}
    planned.run({"two": [Spec("c")], "one": [Spec("a"), Spec("b")], "three": [Spec("d")]}, plans)
    told = [(step.phase, step.kind, step.path, step.action.netns) for step in planned.steps]
    assert told == [
        ("namespaces", "one", "config.thing[a]", "early a"),
        ("namespaces", "one", "config.thing[b]", "early b"),
        ("namespaces", "two", "config.thing[c]", "early c"),
        ("routes", "one", "config.thing[a]", "late a"),
        ("routes", "one", "config.thing[b]", "late b"),
    ]
    assert {step.why for step in planned.steps} == {"it is said"}


def test_what_goes_goes_before_what_comes() -> None:
    removing = [name for name in PHASES if name.startswith("re")]
    first = [name for name in PHASES[: len(removing) + 1] if name != "namespaces"]
    assert first == removing
    assert PHASES.index("remove links") < PHASES.index("rescue links") < PHASES.index("remove namespaces")
    assert PHASES.index("namespaces") < PHASES.index("rescue links")
    assert PHASES.index("remove namespaces") < PHASES.index("remove bridges") < PHASES.index("create links")
    assert PHASES.index("create links") < PHASES.index("addresses")
    assert PHASES.index("place links") < PHASES.index("bring IPv6 back") < PHASES.index("device settings")
    assert PHASES.index("addresses") < PHASES.index("routes")


def test_the_next_step_sees_what_the_last_one_did() -> None:
    planned = planner()
    planned.do(Say("ns9"), "it is not there")
    assert planned.namespace("ns9") is not None
    assert planned.steps[0].report() == {
        "resource": "",
        "netns": "ns9",
        "change": "create",
        "what": "say ns9",
        "why": "it is not there",
        "command": "ip -n ns9 say",
    }


def test_a_problem_stands_at_the_entry_and_the_option() -> None:
    planned = planner()
    planned.path = "config.veth[3]"
    planned.refuse("is wrong", "peer.name")
    planned.refuse("is wrong")
    planned.path = ""
    planned.refuse("is wrong", "name")
    assert problems(planned) == ["config.veth[3].peer.name: is wrong", "config.veth[3]: is wrong", "name: is wrong"]


def test_a_missing_namespace_is_refused() -> None:
    planned = planner()
    assert planned.namespace("ns2") is None
    assert planned.namespace("ns2", "peer.netns") is None
    message = "namespace ns2 does not exist; make it first (ip netns add ns2)"
    assert problems(planned) == [f"netns: {message}", f"peer.netns: {message}"]


def test_a_stale_file_is_refused_even_in_check_mode() -> None:
    for assume in (False, True):
        planned = planner(assume, stale=frozenset({"ns2"}))
        assert planned.namespace("ns2") is None
        assert problems(planned) == [
            "netns: /run/netns/ns2 is a stale file: no namespace is mounted on it (what made it was interrupted); "
            "remove it with: rm /run/netns/ns2"
        ]


def test_check_mode_takes_a_missing_namespace_for_granted_and_warns_once() -> None:
    planned = planner(assume=True)
    for _time in range(2):
        namespace = planned.namespace("ns2")
        assert namespace is not None
        assert namespace.assumed
        assert list(namespace.links) == ["lo"]
    assert not planned.problems
    assert planned.warnings == ["namespace ns2 does not exist yet; planned as if it were there, with nothing in it"]


def test_a_missing_link_is_refused_with_those_that_are_there() -> None:
    planned = planner()
    assert planned.link(End(HOST, "eth1")) is None
    assert planned.link(End("ns1", "eth1"), "device") is None
    assert planned.link(End("ns2", "eth1")) is None
    assert problems(planned)[0] == "name: there is no link eth1 in the host; it has eth0, lo"
    assert problems(planned)[1].startswith("device: there is no link eth1 in namespace ns1; it has ")
    assert problems(planned)[2] == "netns: namespace ns2 does not exist; make it first (ip netns add ns2)"


def test_of_many_links_a_few_are_told() -> None:
    planned = planner()
    planned.state.namespaces["ns1"].links = {f"eth{number}": Link(f"eth{number}") for number in range(12)}
    assert planned.link(End("ns1", "wlan0")) is None
    assert problems(planned) == [
        "name: there is no link wlan0 in namespace ns1; "
        "it has eth0, eth1, eth10, eth11, eth2, eth3, eth4, eth5 and 4 more"
    ]


def test_check_mode_takes_a_missing_link_for_granted() -> None:
    planned = planner(assume=True)
    link = planned.link(End("ns1", "veth1"))
    assert link is not None
    assert link.assumed
    assert planned.warnings == ["link ns1/veth1 does not exist yet; planned as if it were there"]


def test_a_namespace_that_goes_is_doomed_while_it_is_there() -> None:
    planned = planner()
    planned.run({"netns": [Spec("ns1", absent=True), Spec("ns2", absent=True), Spec("ns3")]}, {})
    assert planned.doomed("ns1")
    assert not planned.doomed("ns2")
    assert not planned.doomed("ns3")
    del planned.state.namespaces["ns1"]
    assert not planned.doomed("ns1")


def test_features_were_probed() -> None:
    planned = planner(features=frozenset({"veth"}))
    assert planned.has_feature("veth")
    assert not planned.has_feature("bridge")


def test_commands_are_quoted_and_stay_on_the_host() -> None:
    assert ip(HOST, "link", "set", "dev", "a b", "mtu", 1500) == "ip link set dev 'a b' mtu 1500"
    assert ip("red;blue", "link") == "ip -n 'red;blue' link"
    assert inside(HOST, "sysctl -w x=1") == "sysctl -w x=1"
    assert inside("a b", "sysctl -w x=1") == "ip netns exec 'a b' sysctl -w x=1"
