# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Differences between what is declared and what is there, and how they are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.nsfabric.linux.plugins.filter import fleet
from ansible_collections.nsfabric.linux.plugins.filter.fleet import (
    FilterModule,
    declaration_errors,
    drift,
    fleet_report,
    undeclared,
)


def cable(netns: str, name: str, port: str, **peer: Any) -> dict[str, Any]:
    return {"netns": netns, "name": name, "peer": {"name": port, "master": "br0", **peer}}


def route(netns: str | None, destination: str, gateway: str, device: str) -> dict[str, Any]:
    place = {"netns": netns} if netns else {}
    return {**place, "destination": destination, "gateway": gateway, "device": device, "table": "main", "metric": 0}


CONFIG: dict[str, Any] = {
    "netns": [{"name": "ns1"}],
    "bridge": [{"name": "br0"}],
    "veth": [cable("ns1", "veth1", "port1")],
    "netns_route": [route("ns1", "default", "10.1.0.254", "veth1")],
    "masquerade": [{"source": "10.1.0.0/24", "out_interface": "!br0", "backend": "nftables"}],
}


def result(*steps: dict[str, Any], before: dict[str, Any] | None = None, **config: Any) -> dict[str, Any]:
    topology = {"name": "lab", "config": {**CONFIG, **config}}
    return {"topology": topology, "steps": list(steps), "diff": {"before": before or {}, "after": {}}}


def live(recorded: bool = True, **more: Any) -> dict[str, Any]:
    config = {kind: [*CONFIG.get(kind, ()), *more.get(kind, ())] for kind in {**CONFIG, **more}}
    # A live host tells cables from the side that comes first.
    config["veth"] = [{**entry["peer"], "peer": {k: entry[k] for k in ("netns", "name")}} for entry in CONFIG["veth"]]
    config["veth"] += more.get("veth", [])
    return {"config": config, "topologies": [{"name": "lab", "complete": True}] * recorded}


def step(what: str, netns: str | None = None, change: str = "change") -> dict[str, Any]:
    return {"resource": "x", "netns": netns, "change": change, "what": what, "why": "because", "command": "ip x"}


def states(info: dict[str, Any], *steps: dict[str, Any]) -> list[str]:
    return [row["state"] for row in drift(info, [result(*steps)])]


def test_what_is_declared_is_not_foreign() -> None:
    other = {"name": "a", "netns": "elsewhere", "peer": {"name": "b", "netns": "elsewhere"}}
    mine = {"destination": "default", "gateway": "192.0.2.1", "device": "eth0", "table": "main", "metric": 0}
    found = live(veth=[other], netns=[{"name": "elsewhere"}], netns_route=[mine], link=[{"name": "eth0"}])
    assert undeclared(found, [result()]) == {}
    assert drift(found, [result()]) == []


@pytest.mark.parametrize(
    ("kind", "entry", "removal"),
    [
        ("veth", cable("ns1", "x", "y"), {"netns": "ns1", "name": "x", "peer": {"name": "y"}, "state": "absent"}),
        ("bridge", {"netns": "ns1", "name": "b"}, {"netns": "ns1", "name": "b", "state": "absent"}),
        ("netns_route", route("ns1", "10.9.0.0/16", "10.1.0.9", "veth1"), {}),
        ("netns_route", route(None, "10.9.0.0/16", "10.1.0.9", "br0"), {}),
        ("netns_neighbor", {"netns": "ns1", "device": "veth1", "address": "10.1.0.9", "mac": "02:00:00:00:00:09"}, {}),
        ("masquerade", {"source": "10.7.0.0/24", "out_interface": "!br0", "backend": "nftables"}, {}),
        ("forward_accept", {"in_interface": "br0", "backend": "nftables", "replies": True}, {}),
    ],
)
def test_what_is_foreign(kind: str, entry: dict[str, Any], removal: dict[str, Any]) -> None:
    ((found_kind, (found,)),) = undeclared(live(**{kind: [entry]}), [result()]).items()
    assert (found_kind, found["state"]) == (kind, "absent")
    assert not removal or found == removal


def test_what_is_on_a_link_that_was_there_before_is_not_foreign() -> None:
    """The uplink's default route, for one."""
    uplink = {"name": "eth0", "mtu": 9000}
    found = live(link=[uplink], netns_route=[route(None, "default", "192.0.2.1", "eth0")])
    assert undeclared(found, [result(link=[uplink])]) == {}


def test_a_foreign_port_only_leaves_the_bridge() -> None:
    foreign = {"name": "x0", "master": "br0", "peer": {"name": "x1"}}
    assert undeclared(live(veth=[foreign]), [result()]) == {"link": [{"name": "x0", "master": ""}]}


def test_what_goes_with_a_foreign_device_is_not_told_twice() -> None:
    bridge, its = {"netns": "ns1", "name": "b"}, route("ns1", "10.9.0.0/16", "10.8.0.1", "b")
    assert set(undeclared(live(bridge=[bridge], netns_route=[its]), [result()])) == {"bridge"}


def test_what_the_steps_tell_is_not_foreign() -> None:
    """Namespace ns2, its cable's port and a rule are purged by the topology's own steps."""
    rule = {"source": "10.7.0.0/24", "out_interface": "!br0", "backend": "nftables"}
    found = live(netns=[{"name": "ns2"}], veth=[cable("ns2", "veth2", "port2")], masquerade=[rule])
    leaving = result(before={"netns": [{"name": "ns2"}], "masquerade": [rule]})
    assert undeclared(found, [leaving]) == {}


def test_a_changed_route_is_not_foreign_but_a_second_one_is() -> None:
    second = route("ns1", "default", "10.1.0.9", "veth1")
    changed = live()
    changed["config"]["netns_route"] = [second]
    assert undeclared(changed, [result()]) == {}
    assert undeclared(live(netns_route=[second]), [result()]) == {"netns_route": [{**second, "state": "absent"}]}


def test_states_by_what_is_to_be_done() -> None:
    changes = ("create", "change", "delete")
    steps = [step("set neighbour 10.1.0.9 on veth1", change=change) for change in changes]
    assert states(live(), *steps) == ["missing", "changed", "foreign"]


def test_what_is_set_on_a_missing_thing_is_missing() -> None:
    """Namespace ns1 and the bridge are gone; port1 and port10 are different names."""
    empty = {"config": {}, "topologies": [{"name": "lab", "complete": True}]}
    set_up = step("set lo: up", "ns1")
    assert states(empty, set_up, step("set br0: up"), step("set port1: up")) == ["missing"] * 3
    assert states(empty, step("set port10: up"), step("set net.ipv4.conf.br0.forwarding = 1")) == ["changed", "missing"]
    assert states(live(), set_up) == ["changed"]


def test_topologies_that_are_recorded() -> None:
    info = live()
    info["topologies"] = [{"name": "lab", "complete": False}, {"name": "old", "complete": True}]
    unfinished, old = drift(info, [result()])
    assert (unfinished["state"], unfinished["why"]) == ("changed", "its last run did not come to its end")
    assert (old["state"], old["topology"]) == ("foreign", "old")
    assert old["command"] == "ansible HOST -m nsfabric.linux.topology -a 'name=old state=absent'"


def test_removal_is_foreign_but_empty_chains_are_nobodys() -> None:
    chain = step("delete chain inet nsfabric forward", change="delete")
    (row,) = drift(live(), [result()], [chain, step("set x0: no master")])
    assert (row["state"], row["why"]) == ("foreign", "nobody declares it")


def test_the_report() -> None:
    rows = [{"state": "missing", "netns": "ns1", "why": "the route is missing", "command": "ip route add x"}] * 3
    outcomes = {
        "a": {"differences": rows},
        "b": {"differences": []},
        "c": {"steps": 2},
        "d": {"steps": 0},
        "e": {"failure": "no pyroute2\nsecond line"},
        "f": {},
        "g": {"checks": 1},
    }
    assert fleet_report(outcomes, shown=2) == [
        "a: 3 differences from what is declared",
        "  STATE    WHERE  REASON                MEND WITH",
        "  missing  ns1    the route is missing  ip route add x",
        "  missing  ns1    the route is missing  ip route add x",
        "  ... and 1 more; -e nsfabric_shown=3 shows all",
        "",
        "changed: c (2 steps)",
        "proven: g (1 check)",
        "nothing to do: d",
        "as declared: b",
        "failed: e: no pyroute2",
        "  second line",
        "unreachable: f",
    ]


def test_a_hundred_hosts_are_a_few_lines() -> None:
    lines = fleet_report({f"host-{n}": {"steps": 0} for n in range(100)})
    assert len(lines) < 12
    assert max(map(len, lines)) <= 110
    assert all(f"host-{n}" in " ".join(lines) for n in range(100))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: undeclared({}, []), "undeclared: what nsfabric.linux.topology_info returned is expected"),
        (lambda: drift([], []), "drift: what nsfabric.linux.topology_info returned is expected"),
        (lambda: drift(live(), {}), "drift: a list of what nsfabric.linux.topology returned is expected"),
        (lambda: drift(live(), [{}]), "drift: one of the results is not what nsfabric.linux.topology returned"),
        (lambda: drift(live(), [], 1), "drift: removal is a list of steps, not 1"),
        (lambda: fleet_report([]), "fleet_report: a dictionary of hosts is expected"),
        (lambda: fleet_report({}, "all"), "fleet_report: shown is a number of differences, not 'all'"),
    ],
)
def test_wrong_input(call: Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        call()


@pytest.mark.parametrize("name", sorted(FilterModule().filters()))
def test_is_documented(name: str) -> None:
    page = yaml.safe_load(Path(fleet.__file__).with_name(f"{name}.yml").read_text(encoding="utf-8"))
    assert page["DOCUMENTATION"]["name"] == name
    assert yaml.safe_load(page["EXAMPLES"])


@pytest.mark.parametrize(
    ("roles", "topologies", "expected"),
    [
        (None, None, []),
        ([], {}, []),
        (("bridged", "nsfabric.linux.calico"), {"lab": {}}, []),
        ({"bridged": 4}, None, ["nsfabric_roles is a mapping; a list of roles is right"]),
        (True, None, ["nsfabric_roles is true; a list of roles is right"]),
        (
            [None, ["bridged"]],
            None,
            [f"nsfabric_roles has {it}; the name of a role is right" for it in ("null", "a list")],
        ),
        (
            ["a.b", "../bridged"],
            None,
            [
                f"nsfabric_roles: '{name}' is not the name of a role, such as bridged or namespace.collection.role"
                for name in ("a.b", "../bridged")
            ],
        ),
        ([], "lab", ["nsfabric_topologies is the text 'lab'; documents by the names of their topologies are right"]),
        (
            [],
            {"lab": [], "other": 5},
            [f"nsfabric_topologies: {it}; a document is right" for it in ("lab is a list", "other is 5")],
        ),
    ],
)
def test_what_is_wrong_with_a_declaration(roles: Any, topologies: Any, expected: list[str]) -> None:
    assert declaration_errors(roles, topologies) == expected


def test_a_role_that_does_not_exist() -> None:
    (told,) = declaration_errors(["bridged", "birdged"])
    assert told.startswith("nsfabric_roles: there is no role birdged; there are bridge_trunk, bridged, calico, ")
    (told,) = declaration_errors(["nobody.here.bridged"])
    assert told == "nsfabric_roles: there is no role nobody.here.bridged; nobody.here is not installed or has none"
