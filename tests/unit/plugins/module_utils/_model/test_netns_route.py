# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes planned from hand-made states: what a route is known by, what stays, and what the kernel would refuse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nsfabric.linux.plugins.module_utils._model import document as documents
from ansible_collections.nsfabric.linux.plugins.module_utils._model import netns_route
from ansible_collections.nsfabric.linux.plugins.module_utils._model.netns_route_actions import (
    AddRoute,
    DeleteRoute,
    ReplaceRoute,
    protocol_name,
    protocol_number,
    table_name,
    table_number,
)
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems, Reader
from ansible_collections.nsfabric.linux.plugins.module_utils._model.restoration import restoration
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import (
    HOST,
    Address,
    Hop,
    Link,
    Namespace,
    Route,
    State,
    loopback,
)
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touching import touched

KERNEL = 2


def host(*routes: Route, **links: Link) -> State:
    """Two devices, v1 and v2, with subnets of both families; v3 is down."""
    made = {
        name: Link(
            name, "veth", number, "02:00:00:00:00:01", up=up, addresses=(Address(ipv4), Address(ipv6), LINK_LOCAL)
        )
        for name, number, up, ipv4, ipv6 in (
            ("v1", 2, True, "10.1.0.1/24", "fd00:1::1/64"),
            ("v2", 3, True, "10.2.0.1/24", "fd00:2::1/64"),
            ("v3", 4, False, "10.3.0.1/24", "fd00:3::1/64"),
        )
    }
    here = Namespace(1, {"lo": loopback(), **made, **links}, [connected("10.1.0.0/24", "v1", "10.1.0.1"), *routes])
    return State({HOST: here})


LINK_LOCAL = Address("fe80::1/64", kernel_made=True)


def connected(destination: str, device: str, source: str) -> Route:
    return Route(destination, protocol=KERNEL, scope="link", source=source, hops=(Hop(device=device),))


def plan(state: State, *entries: dict[str, Any], assume: bool = False) -> tuple[documents.Plan, list[str]]:
    problems = Problems()
    config = {"netns_route": [{"state": "present", "table": "main", **entry} for entry in entries]}
    document = documents.read(config, problems)
    if problems:
        return documents.Plan(), [str(problem) for problem in problems.found]
    planned = documents.plan(document, state, problems, assume)
    return planned, [str(problem) for problem in problems.found]


def steps(state: State, *entries: dict[str, Any]) -> list[str]:
    """What is planned; and that what it leads to is converged."""
    planned, problems = plan(state, *entries)
    assert problems == []
    again, problems = plan(planned.after, *entries)
    assert (again.steps, problems) == ((), [])
    return [step.action.what() for step in planned.steps]


def test_tables_and_protocols_by_name_and_number() -> None:
    for name, number in (("main", 254), ("local", 255), ("default", 253), ("1", 1), ("4294967295", 2**32 - 1)):
        assert table_number(name) == number
        assert table_name(number) == name
    assert (table_number("254"), table_name(1000)) == (254, "1000")
    for name, number in (("static", 4), ("kernel", 2), ("0", 0), ("77", 77), ("bird", 12)):
        assert protocol_number(name) == number
        assert protocol_name(number) == name
    for text in ("blue", "0", "-1", "4294967296", "²", "1e3", ""):
        with pytest.raises(ValueError, match="is not a routing table: main, local, default or a number from 1 to"):
            table_number(text)
    for text in ("cow", "256", "-1", "²", ""):
        with pytest.raises(ValueError, match=r"is not a route protocol: redirect, .*, or a number from 0 to 255"):
            protocol_number(text)


def test_a_route_is_added_with_the_device_the_kernel_would_find() -> None:
    route = {"destination": "10.9.0.0/24", "gateway": "10.2.0.7"}
    assert steps(host(), route) == ["add route 10.9.0.0/24 via 10.2.0.7 dev v2 proto static scope global"]
    longer = Route("10.2.0.7/32", scope="link", hops=(Hop(device="v1"),))
    assert steps(host(longer), route) == ["add route 10.9.0.0/24 via 10.2.0.7 dev v1 proto static scope global"]


def test_scopes_are_iproute2s() -> None:
    cases = [
        ({"device": "v1"}, "link"),
        ({"gateway": "10.1.0.2"}, "global"),
        ({"device": "lo", "type": "local"}, "host"),
        ({"type": "blackhole"}, "global"),
        ({"device": "v1", "scope": "site"}, "site"),
    ]
    for options, scope in cases:
        state = host(lo=Link("lo", index=1, up=True))
        planned, problems = plan(state, {"destination": "10.9.0.0/24", **options})
        assert problems == []
        assert planned.steps[0].action.route.scope == scope


def test_device_routes_come_first() -> None:
    gateway = {"destination": "default", "gateway": "169.254.1.1"}
    device = {"destination": "169.254.1.1/32", "device": "v1"}
    for entries in ((gateway, device), (device, gateway)):
        assert steps(host(), *entries) == [
            "add route 169.254.1.1/32 dev v1 proto static scope link",
            "add route default via 169.254.1.1 dev v1 proto static scope global",
        ]


def test_what_is_not_given_stays() -> None:
    found = Route("10.9.0.0/24", protocol=12, source="10.2.0.1", mtu=1300, hops=(Hop("10.1.0.2", "v1", True),))
    route = {"destination": "10.9.0.0/24", "gateway": "10.1.0.2"}
    assert steps(host(found), route) == []
    planned, dummy = plan(host(found), {**route, "mtu": 0, "source": ""})
    assert planned.steps[0].why == "source is 10.2.0.1, wanted none; mtu is 1300, wanted none"
    assert planned.steps[0].action.route == Route("10.9.0.0/24", protocol=12, hops=(Hop("10.1.0.2", "v1", True),))


def test_the_order_of_next_hops_does_not_matter() -> None:
    hops = (Hop("10.1.0.2", "v1", weight=2), Hop("10.2.0.2", "v2"))
    found = Route("10.9.0.0/24", hops=hops)
    declared = [{"gateway": "10.2.0.2"}, {"gateway": "10.1.0.2", "weight": 2}]
    assert steps(host(found), {"destination": "10.9.0.0/24", "nexthops": declared}) == []
    declared[1]["weight"] = 3
    assert steps(host(found), {"destination": "10.9.0.0/24", "nexthops": declared}) == [
        "replace route 10.9.0.0/24 proto static scope global nexthop via 10.2.0.2 dev v2 weight 1 "
        "nexthop via 10.1.0.2 dev v1 weight 3"
    ]


def test_of_several_ipv4_routes_with_a_key_the_first_counts() -> None:
    first, second = (Route("10.9.0.0/24", hops=(Hop(gateway, "v1"),)) for gateway in ("10.1.0.2", "10.1.0.3"))
    route = {"destination": "10.9.0.0/24", "gateway": "10.1.0.3"}
    planned, dummy = plan(host(first, second), route)
    assert [type(step.action) for step in planned.steps] == [DeleteRoute, ReplaceRoute]
    assert planned.steps[0].action.among_others
    assert steps(host(second, first), route) == []


def test_of_several_ipv6_routes_with_a_key_any_is_enough() -> None:
    first, second = (Route("fd00:9::/48", metric=1024, hops=(Hop(device=name),)) for name in ("v1", "v2"))
    assert steps(host(first, second), {"destination": "fd00:9::/48", "device": "v2"}) == []
    ecmp = Route("fd00:9::/48", metric=1024, hops=(Hop("fd00:1::2", "v1"),))
    planned, dummy = plan(host(first, ecmp), {"destination": "fd00:9::/48", "gateway": "fd00:2::2"})
    assert [step.action.before for step in planned.steps] == [ecmp]


def test_the_kernels_own_route_becomes_static_when_it_is_changed() -> None:
    entry = {"destination": "10.1.0.0/24", "device": "v1"}
    assert steps(host(), entry) == []
    planned, dummy = plan(host(), {**entry, "mtu": 1400})
    assert planned.steps[0].action.route.protocol == protocol_number("static")
    assert planned.steps[0].action.route.source == "10.1.0.1"


def test_no_other_route_becomes_one_of_the_kernels() -> None:
    own = {"destination": "10.1.0.0/24", "device": "v1", "protocol": "kernel"}
    assert steps(host(), own) == []
    assert plan(host(), {**own, "mtu": 1400})[0].steps[0].action.route.protocol == KERNEL
    static = Route("10.9.0.0/24", protocol=4, scope="link", hops=(Hop(device="v1"),))
    for before in (host(), host(static)):
        planned, problems = plan(before, {"destination": "10.9.0.0/24", "device": "v1", "protocol": "kernel"})
        assert not planned.steps
        assert [problem.split(": ")[0] for problem in problems] == ["config.netns_route[0].protocol"]


def test_absent_names_every_route_that_agrees() -> None:
    routes = (
        Route("10.9.0.0/24", hops=(Hop("10.1.0.2", "v1"),)),
        Route("10.9.0.0/24", metric=5, hops=(Hop("10.1.0.2", "v1"), Hop("10.2.0.2", "v2"))),
        Route("10.9.0.0/24", metric=6, type="blackhole"),
        Route("10.9.0.0/24", metric=7, protocol=KERNEL, hops=(Hop(device="v1"),)),
        Route("10.9.0.0/24", table=100, hops=(Hop("10.1.0.2", "v1"),)),
    )
    cases: list[tuple[dict[str, Any], list[int]]] = [
        ({}, [0, 5, 6]),
        ({"gateway": "10.1.0.2"}, [0]),
        ({"nexthops": [{"gateway": "10.2.0.2"}, {"device": "v1"}]}, [5]),
        ({"protocol": "kernel"}, [7]),
        ({"type": "blackhole"}, [6]),
        ({"metric": 0}, [0]),
        ({"metric": 9}, []),
    ]
    for options, metrics in cases:
        planned, problems = plan(host(*routes), {"destination": "10.9.0.0/24", "state": "absent", **options})
        assert problems == []
        assert [step.action.route.metric for step in planned.steps] == metrics
        assert not any(step.action.among_others for step in planned.steps)


def test_an_absent_route_is_shown_as_nothing() -> None:
    """Also where another route has the same destination."""
    state = host(Route("10.9.0.0/24", hops=(Hop("10.1.0.2", "v1"),)))
    reader = Reader({"destination": "10.9.0.0/24", "state": "absent", "gateway": "10.1.0.9"}, "", Problems())
    assert netns_route.view(state, netns_route.locate(state, netns_route.read(reader))) is None


def test_what_is_described_can_be_declared() -> None:
    routes = (
        Route("0.0.0.0/0", hops=(Hop("10.1.0.2", "v1", True),), mtu=1400, source="10.1.0.1"),
        Route("::/0", metric=1024, hops=(Hop("fd00:1::2", "v1", weight=3), Hop("fe80::9", "v2"))),
        Route("10.8.0.0/16", table=1000, metric=7, type="unreachable", protocol=99),
        Route("10.7.0.0/16", hops=(Hop("fd00:1::2", "v1"),)),
        Route("10.6.0.0/16", scope="100", hops=(Hop(device="v1"),)),
    )
    state = host(*routes)
    entries = documents.describe(state)["netns_route"]
    assert len(entries) == 4
    assert steps(state, *entries) == []


def test_the_family_of_a_default_route() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"device": "v1"}, "0.0.0.0/0"),
        ({"type": "blackhole"}, "0.0.0.0/0"),
        ({"gateway": "10.1.0.2"}, "0.0.0.0/0"),
        ({"gateway": "fd00:1::2"}, "::/0"),
        ({"device": "v1", "source": "fd00:1::1"}, "::/0"),
        ({"gateway": "fd00:1::2", "source": "10.1.0.1"}, "0.0.0.0/0"),
        ({"nexthops": [{"gateway": "fd00:1::2"}, {"gateway": "10.1.0.2"}]}, "0.0.0.0/0"),
    ]
    for options, destination in cases:
        planned, problems = plan(host(), {"destination": "default", **options})
        assert problems == []
        assert planned.steps[0].action.route.destination == destination
        shown = documents.describe(planned.after)["netns_route"]
        assert steps(planned.after, *shown) == []


def test_commands() -> None:
    hops = (Hop("10.1.0.2", "v1", True, 2), Hop("fd00:1::2", "v2"))
    route = Route("10.9.0.0/24", 100, 5, source="10.1.0.1", mtu=1400, hops=hops)
    assert AddRoute("n s", route).command() == (
        "ip -n 'n s' route add 10.9.0.0/24 table 100 metric 5 proto static scope global src 10.1.0.1 mtu 1400 "
        "nexthop via 10.1.0.2 dev v1 onlink weight 2 nexthop via inet6 fd00:1::2 dev v2 weight 1"
    )
    six = Route("::/0", metric=1024, hops=(Hop("fe80::1", "v1"),))
    assert AddRoute(HOST, six).command() == "ip -6 route add default via fe80::1 dev v1 proto static"
    # Without its metric, the one with the smallest would go.
    assert DeleteRoute(HOST, six).command() == "ip -6 route delete default metric 1024 proto static"
    assert DeleteRoute(HOST, six, True).command() == (
        "ip -6 route delete default via fe80::1 dev v1 metric 1024 proto static"
    )
    blackhole = Route("10.9.0.0/24", type="blackhole")
    assert ReplaceRoute(HOST, blackhole, six).command() == "ip route replace blackhole 10.9.0.0/24 proto static"
    nowhere = Route("10.9.0.0/24", type="blackhole", scope="nowhere")
    assert AddRoute(HOST, nowhere).command() == "ip route add blackhole 10.9.0.0/24 proto static scope nowhere"


def test_what_the_kernel_would_refuse() -> None:
    cases = [
        ({"gateway": "10.7.0.2"}, "gateway", "the gateway 10.7.0.2 is not on link"),
        ({"gateway": "10.3.0.2"}, "gateway", "the gateway 10.3.0.2 is not on link"),
        ({"gateway": "10.1.0.1"}, "gateway", "10.1.0.1 is an address of the host itself"),
        ({"gateway": "10.1.0.255"}, "gateway", "10.1.0.255 is the broadcast address of v1"),
        ({"gateway": "fe80::1", "device": "v1"}, "gateway", "fe80::1 is an address of the host itself"),
        ({"device": "v3"}, "device", "v3 in the host is down"),
        ({"device": "v1", "source": "10.7.0.1"}, "source", "no device in the host has the address 10.7.0.1"),
    ]
    for options, option, message in cases:
        planned, problems = plan(host(), {"destination": "10.9.0.0/24", **options})
        assert planned.steps == ()
        assert len(problems) == 1
        assert problems[0].startswith(f"config.netns_route[0].{option}: {message}")


def test_check_mode_does_not_know_what_earlier_tasks_would_have_changed() -> None:
    """Of a play with one task for each thing; a topology has to be complete."""
    cases = [{"gateway": "10.7.0.2"}, {"device": "v3"}, {"device": "v1", "source": "10.7.0.1"}]
    for options in cases:
        route = {"destination": "10.9.0.0/24", **options}
        planned, problems = plan(host(), route, assume=True)
        assert problems == []
        assert len(planned.steps) == 1
        assert planned.warnings[0].endswith("; planned as if an earlier task had changed that")
        planned, problems = plan(host(), route, {"destination": "10.8.0.0/24", "device": "v1"}, assume=True)
        assert len(problems) == 1


def test_what_is_there_already_needs_no_proof() -> None:
    """Whatever made the kernel take it."""
    found = Route("10.9.0.0/24", source="10.99.0.1", hops=(Hop("10.7.0.2", "v1"),))
    route = {"destination": "10.9.0.0/24", "gateway": "10.7.0.2", "source": "10.99.0.1"}
    assert steps(host(found), route) == []


def test_sources_that_no_device_has() -> None:
    anycast = Route("10.50.0.0/16", 255, type="local", scope="host", hops=(Hop(device="lo"),))
    for source in ("127.0.0.1", "10.50.0.7"):
        route = {"destination": "10.9.0.0/24", "device": "v1", "source": source}
        assert len(steps(host(anycast), route)) == 1


def test_check_mode_takes_what_is_missing_for_granted() -> None:
    cases: list[dict[str, Any]] = [
        {"netns": "later", "destination": "default", "gateway": "10.7.0.1"},
        {"netns": "later", "destination": "10.9.0.0/24", "type": "local", "device": "lo"},
        {"destination": "default", "gateway": "10.7.0.1", "device": "v9", "source": "10.7.0.2"},
    ]
    for entry in cases:
        planned, problems = plan(host(), entry, assume=True)
        assert problems == []
        assert len(planned.steps) == 1
        assert "does not exist yet; planned as if it were there" in planned.warnings[0]
        assert plan(host(), entry)[1] != []


HOPS = st.sampled_from(
    [
        {"gateway": "10.1.0.2"},
        {"gateway": "10.1.0.3", "device": "v1"},
        {"gateway": "10.9.9.9", "device": "v2", "onlink": True},
        {"device": "v1"},
        {"device": "v2"},
        {"gateway": "fd00:1::2"},
    ]
)


@st.composite
def entries(draw: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "destination": draw(st.sampled_from(["10.9.0.0/24", "default", "10.8.0.1"])),
        "metric": draw(st.sampled_from([None, 0, 7])),
        "table": draw(st.sampled_from(["main", "1000"])),
        "source": draw(st.sampled_from([None, "", "10.1.0.1"])),
        "mtu": draw(st.sampled_from([None, 0, 1400])),
        "protocol": draw(st.sampled_from([None, "bird"])),
    }
    way = draw(st.sampled_from(["one", "several", "none"]))
    if way == "one":
        entry.update(draw(HOPS))
    elif way == "several":
        entry["nexthops"] = draw(st.lists(HOPS, min_size=1, max_size=3, unique_by=str))
    else:
        entry["type"] = draw(st.sampled_from(["blackhole", "throw", "prohibit", "unreachable"]))
    if entry["destination"] == "default" and "fd00" in str(entry):
        # By its gateways alone this would be an IPv6 route.
        entry["destination"] = "0.0.0.0/0"
    return entry


@given(entries(), entries())
def test_from_any_route_to_any_other(first: dict[str, Any], second: dict[str, Any]) -> None:
    """A plan leads to a converged state, without a moment in which the destination has no route."""
    before, problems = plan(host(), first)
    assert problems == []
    planned, problems = plan(before.after, second)
    assert problems == []
    again, problems = plan(planned.after, second)
    assert (again.steps, problems) == ((), [])
    same = netns_route.read(Reader({"table": "main", **first}, "", Problems())).key
    wanted = netns_route.read(Reader({"table": "main", **second}, "", Problems())).key
    kinds = [type(step.action) for step in planned.steps]
    assert kinds in ([], [ReplaceRoute] if same == wanted else [AddRoute])
    undo = documents.read(restoration(touched(planned)), Problems())
    back = documents.plan(undo, planned.after, Problems())
    assert sorted(back.after.namespaces[HOST].routes, key=str) == sorted(before.after.namespaces[HOST].routes, key=str)
