# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every document on every host, tried with random ones on a small kernel."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any, Optional
from unittest.mock import Mock, patch

import pytest
from hypothesis import HealthCheck, Phase, event, given, reject, settings
from hypothesis import strategies as st

from ansible_collections.nsfabric.linux.plugins.module_utils import _ledger, _run, _validate
from ansible_collections.nsfabric.linux.plugins.module_utils._model import document as documents
from ansible_collections.nsfabric.linux.plugins.module_utils._model import netns
from ansible_collections.nsfabric.linux.plugins.module_utils._model.document import Document, Plan
from ansible_collections.nsfabric.linux.plugins.module_utils._model.ledger import Ledger
from ansible_collections.nsfabric.linux.plugins.module_utils._model.passing import passing
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.registry import KINDS
from ansible_collections.nsfabric.linux.plugins.module_utils._model.restoration import restoration
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import HOST, End, Namespace, State
from ansible_collections.nsfabric.linux.plugins.module_utils._model.step import PHASES, Step
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touched import Touched
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touching import touched
from ansible_collections.nsfabric.linux.tests.unit.plugins.module_utils._model import strategies
from ansible_collections.nsfabric.linux.tests.unit.plugins.module_utils._model.simulator import Kernel, picture

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.large_base_example]


def bounded(examples: int) -> Any:
    """The same examples in every run, so that a change is what makes a test fail."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=SLOW,
        phases=[Phase.generate, Phase.shrink],
    )


def read(config: Any) -> Document:
    """As the topology module reads a document; anything wrong with it is a failure."""
    problems = Problems()
    document = documents.read(_validate.config(config, problems), problems)
    assert not problems, [str(problem) for problem in problems.found]
    return document


def plan(document: Document, state: State) -> Plan:
    problems = Problems()
    planned = documents.plan(document, state, problems)
    assert not problems, [str(problem) for problem in problems.found]
    return planned


def told(steps: Any) -> list[str]:
    return [f"{step.phase}: {step.action.command()} ({step.why})" for step in steps]


def differences(first: Any, second: Any, where: str = "") -> list[str]:
    """Where two pictures differ, for a failure that can be read."""
    if isinstance(first, dict) and isinstance(second, dict):
        keys = [*first, *(key for key in second if key not in first)]
        return [text for key in keys for text in differences(first.get(key), second.get(key), f"{where}/{key}")]
    return [] if first == second else [f"{where}: {first!r} != {second!r}"]


def after(state: State, steps: Any) -> State:
    """The planned state after some of the steps."""
    result = state.copy()
    for step in steps:
        step.action.effect(result)
    return result


def read_back(state: State) -> State:
    """A planned state as it would be read: every device and namespace has a number."""
    result = state.copy()
    known = [link.index for namespace in result.namespaces.values() for link in namespace.links.values()]
    numbers = itertools.count(1 + max(known))
    for namespace in result.namespaces.values():
        namespace.inode = namespace.inode or next(numbers)
        for link in list(namespace.links.values()):
            namespace.links[link.name] = replace(link, index=link.index or next(numbers))
    return result


def unseen(state: State, sealed: AbstractSet[str]) -> State:
    """A host without a look into some of its namespaces."""
    result = state.copy()
    for name in sealed & state.namespaces.keys():
        ends = tuple(end for end in netns.far_ends(state, name) if end.netns == HOST)
        result.namespaces[name] = Namespace(state.namespaces[name].inode, sealed=True, far_ends=ends)
        for end in ends:
            result.change_link(end, peer=None)
    return result


def back_from(state: State, planned: Plan) -> Plan:
    """As a failed or killed run is undone."""
    return plan(put_back([*touched(planned), *passing(planned)]), state)


def put_back(objects: Any) -> Document:
    """As the ledger and the rollback read what they are to restore."""
    problems = Problems()
    document = documents.read(restoration(objects), problems, "undo")
    assert not problems, [str(problem) for problem in problems.found]
    return document


@st.composite
def cases(draw: Any, documents: int = 1, removals: bool = True, fastpaths: bool = False) -> Any:
    """A host, and documents that can be had on it."""
    host = draw(strategies.hosts())
    return host, *(draw(strategies.documents(host, removals, fastpaths)) for dummy in range(documents))


class TestOneDocument:
    @given(cases())
    @bounded(100)
    def test_planning_again_plans_nothing(self, case: Any) -> None:
        host, config = case
        planned = plan(read(config), host)
        event(f"steps: {min(len(planned.steps) // 10 * 10, 60)} or more")
        assert told(plan(read(config), planned.after).steps) == []

    @given(cases())
    @bounded(60)
    def test_planning_does_not_change_what_was_found(self, case: Any) -> None:
        host, config = case
        before = picture(host)
        plan(read(config), host)
        assert differences(picture(host), before) == []

    @given(cases())
    @bounded(60)
    def test_the_planned_state_is_what_the_steps_lead_to(self, case: Any) -> None:
        host, config = case
        planned = plan(read(config), host)
        assert differences(picture(after(host, planned.steps)), picture(planned.after)) == []

    @given(cases())
    @bounded(120)
    def test_every_step_does_in_the_kernel_what_it_does_in_the_plan(self, case: Any) -> None:
        host, config = case
        kernel, state = Kernel(host), host.copy()
        assert differences(kernel.picture(), picture(state)) == []
        for step in plan(read(config), host).steps:
            was = picture(state)
            kernel.carry_out(step.action)
            step.action.effect(state)
            assert differences(kernel.picture(), picture(state)) == [], step.action.command()
            assert picture(state) != was or "not known" in step.why, f"changes nothing: {step.action.command()}"

    @given(cases())
    @bounded(60)
    def test_every_step_tells_what_and_why_in_a_line(self, case: Any) -> None:
        host, config = case
        steps = plan(read(config), host).steps
        for step in steps:
            for text in (step.action.what(), step.action.command(), step.why):
                assert text, step
                assert text == text.strip(), step
                assert text.isprintable(), step
            assert set(step.report()) == {"resource", "netns", "change", "what", "why", "command"}
            assert step.kind in KINDS
            assert step.path.startswith(f"config.{step.kind}[")
        places = [PHASES.index(step.phase) for step in steps]
        assert places == sorted(places)

    @given(cases(), st.data())
    @bounded(60)
    def test_the_order_of_entries_does_not_matter(self, case: Any, data: Any) -> None:
        host, config = case
        other = {kind: data.draw(st.permutations(config[kind])) for kind in data.draw(st.permutations(sorted(config)))}
        first, second = plan(read(config), host), plan(read(other), host)
        assert differences(picture(second.after), picture(first.after)) == []
        assert _counted(second.steps) == _counted(first.steps)
        assert sorted(second.warnings) == sorted(first.warnings)

    @given(cases(), st.data())
    @bounded(60)
    def test_spelling_does_not_matter(self, case: Any, data: Any) -> None:
        host, config = case
        other = data.draw(strategies.respelled(config))
        assert told(plan(read(other), host).steps) == told(plan(read(config), host).steps)

    @given(cases())
    @bounded(60)
    def test_saying_it_twice_says_nothing_more(self, case: Any) -> None:
        host, config = case
        twice = {kind: [*entries, *entries] for kind, entries in config.items()}
        assert told(plan(read(twice), host).steps) == told(plan(read(config), host).steps)

    @given(cases())
    @bounded(60)
    def test_declaring_what_is_described_plans_nothing(self, case: Any) -> None:
        host, config = case
        for state in (host, plan(read(config), host).after):
            assert told(plan(read(documents.describe(state)), state).steps) == []

    @given(cases())
    @bounded(60)
    def test_restoring_leads_back_to_what_was_found(self, case: Any) -> None:
        host, config = case
        planned = plan(read(config), host)
        back = back_from(planned.after, planned)
        assert differences(picture(back.after), picture(host)) == []
        assert told(back_from(back.after, planned).steps) == []

    @given(cases())
    @bounded(25)
    def test_every_interrupted_run_can_be_finished_or_undone(self, case: Any) -> None:
        host, config = case
        document = read(config)
        planned = plan(document, host)
        for number in range(len(planned.steps)):
            halfway = read_back(after(host, planned.steps[:number]))
            finished = plan(document, halfway)
            assert differences(picture(finished.after), picture(planned.after)) == [], told(planned.steps[:number])
            undone = back_from(halfway, planned)
            assert differences(picture(undone.after), picture(host)) == [], told(planned.steps[:number])

    @given(cases())
    @bounded(30)
    def test_the_kernel_follows_the_way_back_from_any_point(self, case: Any) -> None:
        host, config = case
        planned = plan(read(config), host)
        for number in sorted({0, len(planned.steps) // 2, len(planned.steps)}):
            halfway = read_back(after(host, planned.steps[:number]))
            kernel = Kernel(halfway)
            for step in back_from(halfway, planned).steps:
                kernel.carry_out(step.action)
            assert differences(kernel.picture(), picture(host)) == []


def _counted(steps: Any) -> Counter[Any]:
    """Steps without their place in the document. A command's own order of options may differ."""
    return Counter((step.phase, step.kind, step.action.what(), step.action.command(), step.why) for step in steps)


class Killed(BaseException):
    """The run ends here, as by SIGKILL."""


@contextmanager
def _possible() -> Iterator[None]:
    """Two cables that swap places, or one that moves to where another leaves, are refused: not what is tried here."""
    try:
        yield
    except _run.Refused as error:
        if not re.search("has another|another cable|the cable from", str(error)):
            raise
        reject()


class Topology:
    """A topology on a host, run after run: the module's own run, with a host and a ledger that stay in memory."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.ledger: Optional[str] = None
        self.kill: Optional[int] = None

    def run(self, config: Any, killed_after: Optional[int] = None, purge: bool = True) -> tuple[Step, ...]:
        """Runs it with a document, or with None for `state: absent`; tells the steps it planned."""
        self.kill = killed_after
        self.steps: tuple[Step, ...] = ()
        state = "absent" if config is None else "present"
        module = SimpleNamespace(params={"name": "lab", "state": state, "purge": purge}, check_mode=False)
        given = {} if config is None else _validate.config(config, Problems())
        run = _run.Run(module, given, read(config or {}))
        ours: dict[str, Any] = {
            "load": self._load,
            "save": self._save,
            "forget": self._forget,
            "this_host": lambda number: "here",
        }
        kernel = patch.multiple(_run, observe=self._observe, carry_out=self._carry_out)
        with kernel, patch.multiple(_ledger, **ours), suppress(Killed), _possible():
            session = Mock(number=self._number, ground=self._ground, named=list)
            self.steps = tuple(run.converge(session).steps)
        return self.steps

    def lose_filters(self) -> None:
        """Somebody deletes every filter, and leaves the disciplines that they were in."""
        self.state = self.state.copy()
        for namespace in self.state.namespaces.values():
            namespace.hooks = {device: replace(hook, shortcut=None) for device, hook in namespace.hooks.items()}

    def _number(self, name: str) -> int:
        return self.state.namespaces[name].inode if name in self.state.namespaces else 0

    def _ground(self, end: End) -> int:
        link = self.state.link(end)
        return (link.index if link else 0) if end.name else self._number(end.netns)

    def _observe(self, session: Any, scope: Any) -> State:
        return unseen(self.state, scope.sealed)

    def _carry_out(self, session: Any, document: Document, planned: Plan, begin: Any, former: Any) -> Plan:
        begin()
        self.steps = tuple(planned.steps)
        if self.kill is not None and self.kill < len(planned.steps):
            self.state = read_back(after(self.state, planned.steps[: self.kill]))
            raise Killed
        self.state = read_back(planned.after)
        assert told(documents.plan(document, self.state, Problems()).steps) == []
        return replace(planned, held=self.state)

    def _load(self, name: str, host: str) -> Optional[Ledger]:
        if self.ledger is None:
            return None
        data = json.loads(self.ledger)
        return Ledger(**{**data, "objects": [Touched(**item) for item in data["objects"]]})

    def _save(self, ledger: Ledger, stands: str = "") -> None:
        self.ledger = json.dumps(asdict(ledger))

    def _forget(self, name: str) -> None:
        self.ledger = None


class TestTopology:
    @given(cases(documents=2, removals=False))
    @bounded(60)
    def test_what_is_not_declared_any_more_goes(self, case: Any) -> None:
        """What only the first document speaks of is as it was found; the second holds; absent leads back."""
        host, first, second = case
        topology = Topology(host)
        topology.run(first)
        topology.run(second)
        assert told(plan(read(second), topology.state).steps) == []
        assert topology.run(second) == ()
        alone = plan(read(second), host)
        assert _objects(topology.state) == _objects(alone.after)
        topology.run(None)
        assert differences(picture(topology.state), picture(host)) == []

    @given(cases(documents=2, removals=False))
    @bounded(60)
    def test_what_is_not_purged_stays_until_the_topology_goes(self, case: Any) -> None:
        """The second holds, and when it is all that is declared, nothing is left of the first."""
        host, first, second = case
        topology = Topology(host)
        topology.run(first)
        try:
            topology.run(second, purge=False)
        except _run.Refused:
            # It speaks of what the first one has moved away, and keeps there.
            reject()
        assert told(plan(read(second), topology.state).steps) == []
        topology.run(second)
        assert topology.run(second) == ()
        topology.run(None)
        assert differences(picture(topology.state), picture(host)) == []

    @given(cases(documents=1))
    @bounded(60)
    def test_absent_leads_back(self, case: Any) -> None:
        host, config = case
        topology = Topology(host)
        topology.run(config)
        topology.run(None)
        assert differences(picture(topology.state), picture(host)) == []
        assert topology.run(None) == ()

    @given(cases(documents=2, removals=False))
    @settings(bounded(12), phases=[Phase.generate])
    def test_a_killed_run_is_finished_or_undone_by_the_next(self, case: Any) -> None:
        host, first, second = case
        built = Topology(host)
        built.run(first)
        goal = Topology(built.state)
        goal.ledger = built.ledger
        steps = goal.run(second)
        for number in range(0, len(steps), max(1, len(steps) // 6)):
            for then in (second, first, None):
                topology = Topology(built.state)
                topology.ledger = built.ledger
                topology.run(second, killed_after=number)
                topology.run(then)
                if then is second:
                    assert differences(picture(topology.state), picture(goal.state)) == []
                if then is not None:
                    assert topology.run(then) == ()
                    topology.run(None)
                assert differences(picture(topology.state), picture(host)) == []


class TestFastpaths:
    """The properties above, of documents with fast paths."""

    @given(cases(fastpaths=True))
    @bounded(120)
    def test_a_document(self, case: Any) -> None:
        host, config = case
        kernel, state = Kernel(host), host.copy()
        planned = plan(read(config), host)
        event(f"steps: {sum(step.kind == 'fastpath' for step in planned.steps)}")
        for step in planned.steps:
            kernel.carry_out(step.action)
            step.action.effect(state)
            assert differences(kernel.picture(), picture(state)) == [], step.action.command()
        assert told(plan(read(config), planned.after).steps) == []
        described = {"fastpath": documents.describe(planned.after).get("fastpath", [])}
        assert told(plan(read(described), planned.after).steps) == []
        assert differences(picture(back_from(planned.after, planned).after), picture(host)) == []

    @given(cases(documents=2, removals=False, fastpaths=True), st.booleans())
    @bounded(60)
    def test_a_topology(self, case: Any, lost: bool) -> None:
        # What a fast path is made of; the other kinds have their properties above.
        kept = ("netns", "bridge", "veth", "fastpath")
        host, *both = case
        wanted = [{kind: config[kind] for kind in kept if kind in config} for config in both]
        topology = Topology(host)
        for config in wanted:
            topology.run(config)
            assert topology.run(config) == ()
            if lost:
                topology.lose_filters()
        topology.run(None)
        assert differences(picture(topology.state), picture(host)) == []


CABLE = {"netns": "ns1", "name": "near", "peer": {"name": "far"}}
OTHER = {"netns": "ns2", "name": "eth1", "peer": {"name": "far"}}
NS1 = [{"name": "ns1"}]
FORWARD = {"name": "net.ipv4.ip_forward", "value": 1}
EDITS: dict[str, tuple[Any, Any]] = {
    "an uplink goes into a namespace": (
        {"netns": NS1, "link": [{"name": "eth1", "addresses": ["10.31.0.1/24"]}]},
        {"netns": NS1, "link": [{"netns": "ns1", "name": "eth1", "addresses": ["10.31.0.1/24"]}]},
    ),
    "an uplink goes from one namespace into another": (
        {"netns": NS1, "link": [{"netns": "ns1", "name": "eth1"}]},
        {"link": [{"netns": "theirs", "name": "eth1"}]},
    ),
    "an uplink goes from a namespace that goes into one that comes": (
        {"netns": NS1, "link": [{"netns": "ns1", "name": "eth1"}]},
        {"netns": [{"name": "ns2"}], "link": [{"netns": "ns2", "name": "eth1"}]},
    ),
    "an end goes from a namespace that goes into one that comes": (
        {"netns": NS1, "veth": [CABLE]},
        {"netns": [{"name": "ns2"}], "veth": [{**CABLE, "netns": "ns2"}]},
    ),
    "a cable goes into a namespace with both ends": (
        {"veth": [{"name": "near", "peer": {"name": "far"}}]},
        {"netns": NS1, "veth": [{**CABLE, "peer": {"netns": "ns1", "name": "far"}}]},
    ),
    "an uplink takes a name that goes": (
        {"netns": [*NS1, {"name": "ns2"}], "link": [{"netns": "ns1", "name": "eth1"}], "veth": [OTHER]},
        {"netns": [{"name": "ns2"}], "link": [{"netns": "ns2", "name": "eth1"}]},
    ),
    "an uplink and its namespace are not declared any more": (
        {"netns": NS1, "link": [{"netns": "ns1", "name": "eth1"}]},
        {},
    ),
    "a device that was moved changes": (
        {"link": [{"netns": "theirs", "name": "eth1"}]},
        {"link": [{"netns": "theirs", "name": "eth1", "mtu": 1400}]},
    ),
    "one link is not declared any more, forwarding still is": (
        {"link": [{"name": "eth0", "mtu": 1400}], "netns_sysctl": [FORWARD]},
        {"netns_sysctl": [FORWARD]},
    ),
    "a device leaves that had followed forwarding": (
        {"netns": NS1, "netns_sysctl": [FORWARD]},
        {"netns": NS1, "link": [{"netns": "ns1", "name": "eth1"}]},
    ),
    "a cable gets another far end": (
        {"netns": NS1, "veth": [CABLE]},
        {"netns": NS1, "veth": [{**CABLE, "peer": {"name": "other"}}]},
    ),
    "a name is used for another cable": (
        {"netns": NS1, "veth": [CABLE]},
        {"veth": [{"name": "other", "peer": {"name": "far"}}]},
    ),
    "an end comes out of a namespace that goes": (
        {"netns": NS1, "veth": [CABLE]},
        {"veth": [{"name": "near", "peer": {"name": "far"}}]},
    ),
    "an end comes out of a namespace that stays": (
        {"netns": NS1, "veth": [CABLE]},
        {"netns": NS1, "veth": [{"name": "near", "peer": {"name": "far"}}]},
    ),
    "another's namespace goes with its cable": ({}, {"netns": [{"name": "theirs", "state": "absent"}]}),
    "another's namespace goes with a setting of ours": (
        {"netns_sysctl": [{"netns": "theirs", "name": "net.ipv4.conf.all.rp_filter", "value": 0}]},
        {"netns": [{"name": "theirs", "state": "absent"}]},
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_document(name: str) -> None:
    """What the properties have found, each as small as it gets."""
    host = strategies.example_host()
    first, second = EDITS[name]
    topology = Topology(host)
    topology.run(first)
    topology.run(second)
    assert told(plan(read(second), topology.state).steps) == []
    assert topology.run(second) == ()
    alone = plan(read(second), host).after
    for place, shown in picture(alone).items():
        assert differences(picture(topology.state)[place]["sysctls"], shown["sysctls"]) == []
    topology.run(None)
    assert differences(picture(topology.state), picture(host)) == []


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_that_is_killed(name: str) -> None:
    """After every step, and then finished, taken back, or undone altogether."""
    host = strategies.example_host()
    first, second = EDITS[name]
    built = Topology(host)
    built.run(first)
    known, number, steps = built.ledger, 0, 1
    while number < steps:
        for then in (second, first, None):
            topology = Topology(built.state)
            topology.ledger = known
            steps = len(topology.run(second, killed_after=number))
            topology.run(then)
            if then is not None:
                assert told(plan(read(then), topology.state).steps) == []
                topology.run(None)
            assert differences(picture(topology.state), picture(host)) == [], (number, then)
        number += 1


def _objects(state: State) -> dict[str, list[str]]:
    """Which things there are, without their attributes."""
    return {
        name: sorted(repr(subject) for netns in state.namespaces for subject in kind.subjects(state, netns))
        for name, kind in KINDS.items()
        if name != "netns_sysctl"
    }


WRONG = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**40), 2**40),
        st.floats(allow_nan=False),
        st.text(max_size=20),
        st.sampled_from(["10.0.0.1/33", "::1/129", "a" * 16, "../x", "", "fd00::1%eth0", "net..x", "net", "/", "!"]),
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "netns"]), inner, max_size=2),
    max_leaves=4,
)


@st.composite
def broken(draw: Any) -> Any:
    """A document of which some options, entries or lists were replaced with anything."""
    host, config = draw(cases())
    result: dict[str, Any] = {kind: [dict(entry) for entry in entries] for kind, entries in config.items()}
    for dummy in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(sorted(KINDS)))
        entries = result.get(kind)
        if not isinstance(entries, list) or not entries or draw(strategies.rarely()):
            options = draw(st.dictionaries(st.sampled_from(sorted(KINDS[kind].options)), WRONG, max_size=4))
            result[kind] = draw(st.sampled_from([[options], [options, None], options]))
            continue
        entry = draw(st.sampled_from(entries))
        if isinstance(entry, dict):
            inner: Any = entry.get("peer") if isinstance(entry.get("peer"), dict) and draw(st.booleans()) else entry
            inner[draw(st.sampled_from(sorted(KINDS[kind].options)))] = draw(WRONG)
    return host, result


class TestBrokenDocuments:
    @given(broken())
    @bounded(150)
    def test_nothing_is_raised_and_every_problem_has_a_path(self, case: Any) -> None:
        host, config = case
        problems = Problems()
        document = documents.read(_validate.config(config, problems), problems)
        if not problems:
            documents.plan(document, host, problems)
        event("refused" if problems else "accepted")
        for problem in problems.found:
            assert problem.path.startswith("config."), problem
            assert problem.message.strip(), problem

    @given(st.dictionaries(st.sampled_from([*KINDS, "vethh", "x"]), WRONG, max_size=3))
    @bounded(120)
    def test_anything_in_place_of_the_lists(self, config: Any) -> None:
        problems = Problems()
        documents.read(_validate.config(config, problems), problems)
        assert all(problem.path.startswith("config.") for problem in problems.found)


def test_the_strategies_reach_every_kind() -> None:
    """Otherwise the properties above would say nothing about it."""

    @settings(bounded(60), phases=[Phase.generate])
    @given(cases(fastpaths=True))
    def search(case: Any) -> None:
        found.update(case[1])

    found: set[str] = set()
    search()
    assert found == set(KINDS)
