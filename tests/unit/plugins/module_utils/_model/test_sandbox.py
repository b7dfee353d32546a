# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which sandbox hosts come, which go, what they are given; planned against imagined machines."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils._model import document, sandbox, vanishing
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems, Reader
from ansible_collections.nsfabric.linux.plugins.module_utils._model.sandbox import Found, Wanted, Work
from ansible_collections.nsfabric.linux.plugins.module_utils._model.sandbox_actions import (
    CreateHost,
    RemoveHost,
    report,
)
from ansible_collections.nsfabric.linux.plugins.module_utils._model.sandbox_lan import IPV4, IPV6, Lan
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import End, Namespace, State, Sysctl, loopback

# What a machine may have made of the settings that a new namespace inherits.
DOCKER = {"forwarding": "1", "rp_filter": "2", "promote_secondaries": "1", "send_redirects": "0"}


def machine(**inherited: str) -> State:
    """A machine with nothing on it."""
    values = {("ipv4", key): str(value) for key, value in IPV4.items()}
    values.update({("ipv4", key): value for key, value in inherited.items()})
    values.update({("ipv6", key): str(value) for key, value in IPV6.items()})
    sysctls = {
        ("net", family, "conf", device, key): Sysctl(value)
        for (family, key), value in values.items()
        for device in ("all", "default", "lo")
    }
    fresh = Namespace(links={"lo": loopback()}, sysctls=sysctls)
    return State({"": Namespace(links={"lo": loopback()})}, features=frozenset(["veth", "bridge"]), fresh=fresh)


class Machine:
    """A machine on which plans come true."""

    def __init__(self, **inherited: str) -> None:
        self.state = machine(**inherited)
        self.found = Found()

    def plan(self, *names: str, problems: Problems | None = None, **options: Any) -> tuple[Work, document.Plan]:
        wanted = replace(Wanted(names, False, None, None), **options)
        noted = Problems() if problems is None else problems
        work = sandbox.work(wanted, self.found, self.state, noted)
        planned = sandbox.plan(work, self.state, noted)
        assert problems is not None or not noted.found
        return work, planned

    def run(self, *names: str, **options: Any) -> document.Plan:
        work, planned = self.plan(*names, **options)
        self.state = planned.after
        hosts = frozenset(self.state.namespaces) - {""}
        self.found = Found(work.lan, hosts, hosts, bool(hosts))
        return planned

    def without(self, **changes: Any) -> None:
        self.found = replace(self.found, **changes)


def whats(planned: document.Plan) -> list[str]:
    return [step.action.what() for step in planned.steps]


def read(**options: Any) -> tuple[Wanted, list[str]]:
    problems = Problems()
    wanted = sandbox.read(Reader({"names": ["h1"], "state": "present", **options}, "", problems))
    return wanted, [str(problem) for problem in problems.found]


@pytest.mark.parametrize("name", ["h1", "a", "rack-1_b", "0", "x" * 40])
def test_a_name(name: str) -> None:
    assert read(names=[name, name]) == (Wanted((name,), False, None, None), [])


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", ".a", "-h", "_h", "a b", "x" * 41, "ü", "a\n", "outside", "lan"]
)
def test_a_name_that_cannot_be(name: str) -> None:
    (problem,) = read(names=["h1", name])[1]
    assert problem.startswith(f"names[1]: {name!r} is ")


def test_no_name() -> None:
    assert read(names=[])[1] == ["names: name at least one sandbox host"]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("subnet", "10.0.0.1/24", "bits set below"),
        ("subnet", "10.0.0.0/28", "too small"),
        ("subnet", "fd00::/64", "not an IPv4 subnet"),
        ("subnet", "8.8.8.0/24", "holds 8.8.8.8"),
        ("subnet", "0.0.0.0/0", "holds 8.8.8.8"),
        ("subnet", "127.0.0.0/8", "not a subnet that hosts"),
        ("subnet", "224.0.0.0/8", "not a subnet that hosts"),
        ("subnet", "", "not an IPv4 or IPv6 address"),
        ("subnet6", "10.0.0.0/24", "not an IPv6 subnet"),
        ("subnet6", "fe80::/64", "not a subnet that hosts"),
        ("subnet6", "2001:4860::/32", "holds 2001:4860:4860::8888"),
        ("subnet6", "fd00::/120", "too small"),
    ],
)
def test_a_subnet_that_cannot_be(option: str, value: str, message: str) -> None:
    (problem,) = read(**{option: value})[1]
    assert problem.startswith(f"{option}: ")
    assert message in problem


def test_subnets_in_their_canonical_spelling() -> None:
    wanted, problems = read(subnet="192.168.0.0/16", subnet6="FD00:0:0::/64")
    assert (wanted.subnet, wanted.subnet6, problems) == ("192.168.0.0/16", "fd00::/64", [])
    assert read(subnet6="")[0].subnet6 == ""


def test_the_first_host() -> None:
    here = Machine()
    steps = whats(here.run("h1"))
    assert steps[:3] == [
        "create the LAN of the sandbox hosts",
        "create sandbox host outside",
        "create sandbox host h1",
    ]
    eth0 = here.state.link(End("h1", "eth0"))
    assert eth0 is not None
    assert eth0.own_addresses == ("10.211.55.10/24", "fd00:10:211:55::a/64")
    assert eth0.peer == End("lan", "port10")
    routes = {route.destination: route.hops[0].gateway for route in here.state.namespaces["h1"].routes}
    assert routes == {"0.0.0.0/0": "10.211.55.1", "::/0": "fd00:10:211:55::1"}
    lo = here.state.link(End("outside", "lo"))
    assert lo is not None
    assert lo.own_addresses == ("8.8.8.8/32", "2001:4860:4860::8888/128")
    assert here.state.namespaces[""] == machine().namespaces[""], "the machine itself was touched"


def test_again_there_is_nothing_to_do() -> None:
    here = Machine()
    here.run("h1", "h2")
    assert here.run("h1").steps == ()
    assert here.run("h2", "h1").steps == ()


@pytest.mark.parametrize("inherited", [{}, DOCKER])
def test_every_host_starts_with_the_kernel_s_defaults(inherited: dict[str, str]) -> None:
    here = Machine(**inherited)
    here.run("h1")
    for host, router in (("h1", "0"), ("outside", "1")):
        sysctls = here.state.namespaces[host].sysctls
        for key, value in IPV4.items():
            wanted = router if key == "forwarding" else str(value)
            found = {sysctls["net", "ipv4", "conf", device, key].value for device in ("all", "default", "lo")}
            assert found == {wanted}


def test_what_was_changed_inside_stays() -> None:
    here = Machine()
    here.run("h1")
    inside = here.state.namespaces["h1"]
    inside.routes.clear()
    inside.sysctls["net", "ipv4", "conf", "all", "forwarding"] = Sysctl("1")
    assert here.run("h1").steps == ()


def test_a_host_keeps_its_address() -> None:
    here = Machine()
    here.run("a", "b", "c")
    here.run("b", absent=True)
    here.run("d", "e")
    assert here.found.lan is not None
    assert here.found.lan.numbers == {"outside": 1, "a": 10, "c": 12, "d": 11, "e": 13}
    assert here.run("e", "c", "a").steps == ()


def test_a_number_whose_cable_is_still_there_is_not_given_away() -> None:
    here = Machine()
    here.run("a", "b")
    assert here.found.lan is not None
    here.without(lan=here.found.lan.only({"outside", "a"}), folders=here.found.folders - {"b"})
    here.run("c")
    assert here.found.lan.numbers == {"outside": 1, "a": 10, "c": 12}


def test_the_lan_is_full() -> None:
    problems = Problems()
    Machine().plan(*(f"h{number}" for number in range(22)), problems=problems, subnet="10.0.0.0/27")
    assert [str(problem) for problem in problems.found] == ["names: the LAN 10.0.0.0/27 has room for 21 sandbox hosts"]
    Machine().run(*(f"h{number}" for number in range(21)), subnet="10.0.0.0/27")


def test_a_bridge_has_no_more_ports() -> None:
    names = [f"h{number}" for number in range(1015)]
    problems = Problems()
    Machine().plan(*names, problems=problems, subnet="10.0.0.0/8")
    assert [str(problem) for problem in problems.found] == ["names: the LAN 10.0.0.0/8 has room for 1014 sandbox hosts"]


def test_removed_one_by_one() -> None:
    here = Machine()
    here.run("a", "b")
    assert whats(here.run("a", absent=True)) == ["remove sandbox host a"]
    assert whats(here.run("a", absent=True)) == []
    assert whats(here.run("b", "c", absent=True)) == [
        "remove sandbox host b",
        "remove sandbox host outside",
        "remove the LAN of the sandbox hosts",
        "remove /run/nsfabric/sandboxes",
    ]
    assert list(here.state.namespaces) == [""]
    assert here.run("b", absent=True).steps == ()


def test_a_removal_waits_for_the_cable() -> None:
    here = Machine()
    here.run("a", "b")
    dummy, planned = here.plan("a", "b", absent=True)
    waiting = {step.action.name: step.action.ports for step in planned.steps if isinstance(step.action, RemoveHost)}
    assert waiting == {"a": ("port10",), "b": ("port11",), "outside": ("port1",), "lan": ()}


def test_what_an_interrupted_run_left_is_swept() -> None:
    here = Machine()
    here.run("a", "b")
    assert here.found.lan is not None
    here.without(lan=here.found.lan.only({"outside", "a"}))
    planned = here.run("c")
    (step,) = [step for step in planned.steps if isinstance(step.action, RemoveHost)]
    assert (step.action, step.why) == (RemoveHost("b", ("port11",)), "a run that made it was interrupted")
    assert [step.action.name for step in planned.steps if isinstance(step.action, CreateHost)] == ["c"]


def test_nothing_finished_is_made_anew_as_a_whole() -> None:
    here = Machine()
    here.run("a", "b")
    here.without(lan=None)
    steps = whats(here.run("a", subnet="10.9.0.0/24"))
    assert steps[:4] == [
        "remove sandbox host a",
        "remove sandbox host b",
        "remove sandbox host outside",
        "remove the LAN of the sandbox hosts",
    ]
    assert here.found.lan == Lan("10.9.0.0/24", numbers={"outside": 1, "a": 10})


def test_a_host_whose_pins_are_gone_is_made_anew() -> None:
    here = Machine()
    here.run("a", "b")
    here.without(live=here.found.live - {"a"})
    planned = here.run("a")
    assert planned.steps[0].why == "its namespaces are gone"
    assert whats(planned)[:2] == ["remove sandbox host a", "create sandbox host a"]
    assert here.run("a", "b").steps == ()


def test_a_cut_cable_is_made_again() -> None:
    here = Machine()
    here.run("a", "b")
    vanishing.links(here.state.namespaces["lan"], {"port10"})
    vanishing.links(here.state.namespaces["a"], {"eth0"})
    assert sandbox.unplugged(here.found.lan, here.state) == {"a"}
    assert here.plan("b")[1].steps == ()
    planned = here.run("a")
    assert not [step for step in planned.steps if isinstance(step.action, (CreateHost, RemoveHost))]
    assert whats(planned)[0] == "create cable lan/port10 -- a/eth0"
    assert here.run("a").steps == ()


def test_a_subnet_is_changed_only_while_there_is_no_host() -> None:
    here = Machine()
    here.run("a", subnet="10.1.0.0/24", subnet6="fd01::/64")
    problems = Problems()
    here.plan("b", problems=problems, subnet="10.2.0.0/24", subnet6="")
    assert [str(problem) for problem in problems.found] == [
        "subnet: the LAN is 10.1.0.0/24; remove its sandbox hosts first: a",
        "subnet6: the LAN is fd01::/64; remove its sandbox hosts first: a",
    ]
    here.run("b", subnet="10.1.0.0/24")
    assert here.found.lan == Lan("10.1.0.0/24", "fd01::/64", {"outside": 1, "a": 10, "b": 11})
    here.run("a", "b", absent=True)
    here.run("b", subnet="10.2.0.0/24")


@pytest.mark.parametrize(("ipv6", "subnet6"), [(False, None), (True, "")])
def test_without_ipv6(ipv6: bool, subnet6: str | None) -> None:
    here = Machine()
    here.without(ipv6=ipv6)
    planned = here.run("a", subnet6=subnet6)
    assert not [what for what in whats(planned) if "::" in what or "ipv6" in what]
    assert sandbox.shown(here.found.lan, ["a"])["sandboxes"] == [
        {"name": "a", "address": "10.211.55.10", "address6": None}
    ]


def test_ipv6_that_the_machine_has_not() -> None:
    here = Machine()
    here.without(ipv6=False)
    problems = Problems()
    here.plan("a", problems=problems, subnet6="fd01::/64")
    assert [problem.path for problem in problems.found] == ["subnet6"]


def test_an_undone_cable_is_only_that_of_a_host_that_was_there() -> None:
    here = Machine()
    here.run("a")
    vanishing.links(here.state.namespaces["lan"], {"port10"})
    vanishing.links(here.state.namespaces["a"], {"eth0"})
    work, planned = here.plan("a", "b")
    (cut,) = sandbox.cuts(planned, ["b"])
    assert cut.action.what() == "delete port10 and its far end a/eth0"
    assert sandbox.removal(work, "b") == RemoveHost("b", ("port11",))


def test_every_command_is_one_line_that_a_shell_can_read() -> None:
    here = Machine(**DOCKER)
    for planned in (here.run("h1"), here.run("h1", absent=True)):
        for step in planned.steps:
            shown = report(step)
            assert set(shown) == {"resource", "netns", "change", "what", "why", "command"}
            assert shlex.split(shown["command"])
            assert " -n " not in shown["command"], "ip -n finds no sandbox host"
            assert "\n" not in shown["command"]
