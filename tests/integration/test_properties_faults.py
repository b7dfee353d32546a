# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random topologies, and what goes wrong: failures and kills at random points, and drift made by hand."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from host import Host
from hypothesis import given, reject
from hypothesis import strategies as st
from snapshot import snapshot
from test_properties import BOUNDED, draw, habits, held, lines, made
from test_transaction import after, kill, plan_of, refuse

Entry = dict[str, Any]


@contextmanager
def throw_away(settled: Mapping[str, int]) -> Iterator[Host]:
    host = made(settled)
    try:
        yield host
    finally:
        host.close()


def steps_of(host: Host, config: dict[str, list[Entry]]) -> int:
    """How many steps lead to a document; one that cannot be had here, or that is there, is of no use."""
    planned = host.module("topology", check=True, name="lab", config=config)
    return len(planned.get("steps", ())) or reject()


def as_declared(shown: str) -> str:
    """Without what a thing that is made again takes from elsewhere.

    A device starts from what `default` has become; a route that was found keeps its protocol, which nobody declared.
    """
    kept = (line for line in shown.splitlines() if not line.startswith(("ipv4/conf", "ipv6/conf")))
    return "\n".join(line.replace(" proto static", "") for line in kept)


def assert_same(now: str, then: str) -> None:
    changes = difflib.unified_diff(then.splitlines(), now.splitlines(), lineterm="", n=0)
    assert now == then, "\n".join(list(changes)[:40])


def take_down(host: Host) -> None:
    gone = host.module("topology", name="lab", state="absent")
    assert not gone.get("failed"), gone["msg"]


@given(st.data())
@BOUNDED
def test_a_failure_anywhere_puts_the_host_back(data: Any) -> None:
    first, second = draw(data), draw(data)
    with throw_away(data.draw(habits())) as host:
        found = snapshot(host)
        held(host, first)
        before = snapshot(host)
        stop = data.draw(st.integers(0, steps_of(host, second)))
        failed = host.module("topology", name="lab", config=second, inside=after(stop, refuse))
        assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
        assert_same(snapshot(host), before)
        steps = plan_of(host, state="absent")
        if not steps:
            return
        failed = host.module(
            "topology", name="lab", state="absent", inside=after(data.draw(st.integers(0, steps)), refuse)
        )
        assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
        assert_same(snapshot(host), before)
        take_down(host)
        assert_same(snapshot(host), found)


@given(st.data())
@BOUNDED
def test_killed_anywhere_the_next_run_converges_or_takes_down(data: Any) -> None:
    first, second = draw(data), draw(data)
    with throw_away(data.draw(habits())) as host:
        before = snapshot(host)
        held(host, first)
        stop = data.draw(st.integers(0, steps_of(host, second)))
        killed = host.module("topology", name="lab", config=second, inside=after(stop, kill))
        if "problems" in killed:
            reject()
        assert killed == {}
        onwards = data.draw(st.sampled_from(["first", "second", "down"]))
        if onwards != "down":
            held(host, {"first": first, "second": second}[onwards])
        take_down(host)
        assert_same(snapshot(host), before)


DRIFT = {"mtu": "mtu 1281", "mac": "address 02:00:00:00:99:01", "master": "nomaster", "txqueuelen": "txqueuelen 7"}


def _by_hand(kind: str, entry: Entry) -> list[tuple[str, str]]:
    """What somebody might do to a declared thing: a namespace and a command."""
    netns, name = entry.get("netns") or "", entry.get("name")
    if kind in ("veth", "bridge"):
        there = [f"ip link delete {name}", f"ip link set {name} {'down' if entry.get('up', True) else 'up'}"]
        there += [f"ip link set {name} {change}" for option, change in DRIFT.items() if option in entry]
        if "addresses" in entry:
            there += [f"ip address add 198.18.0.1/24 dev {name}", f"ip address flush dev {name} scope global"]
            there += [f"ip route flush dev {name}"]
        return [(netns, command) for command in there]
    return {
        "netns": [(name or "", "ip link set lo down")],
        "netns_route": [(netns, "ip route flush proto static"), (netns, "ip -6 route flush proto static")],
        "netns_neighbor": [(netns, "ip neighbor flush nud permanent"), (netns, "ip -6 neighbor flush nud permanent")],
        # On the host, what somebody has written meanwhile is what comes back.
        "netns_sysctl": [(netns, f"sysctl -w {name}={value}") for value in (0, 1) if netns],
        "masquerade": [(netns, "for family in ip ip6 inet; do nft delete table $family nsfabric; done")],
    }.get(kind, [])


def change_by_hand(data: Any, host: Host, config: dict[str, Any]) -> None:
    """Somebody changes up to three of the things that were declared."""
    commands = [each for kind, entries in config.items() for entry in entries for each in _by_hand(kind, entry)]
    if not commands:
        reject()
    for netns, command in data.draw(st.lists(st.sampled_from(commands), min_size=1, max_size=3)):
        host.sh(f"{{ {command}; }} 2>/dev/null || true", netns)


@given(st.data())
@BOUNDED
def test_what_was_changed_by_hand_is_mended(data: Any) -> None:
    config = draw(data)
    with throw_away(data.draw(habits())) as host:
        before = snapshot(host)
        held(host, config)
        built = snapshot(host)
        change_by_hand(data, host, config)
        mended = host.module("topology", name="lab", config=config)
        assert not mended.get("failed"), mended["msg"]
        assert lines(host.do("topology", name="lab", config=config)) == ""
        assert_same(as_declared(snapshot(host)), as_declared(built))
        take_down(host)
        assert_same(snapshot(host), before)


@given(st.data())
@BOUNDED
def test_what_was_changed_by_hand_does_not_keep_another_document_from_being_reached(data: Any) -> None:
    first, second = draw(data), draw(data)
    with throw_away(data.draw(habits())) as host:
        before = snapshot(host)
        held(host, first)
        change_by_hand(data, host, first)
        held(host, second)
        take_down(host)
        assert_same(snapshot(host), before)
