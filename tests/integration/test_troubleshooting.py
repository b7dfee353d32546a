# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each line of the page for failing pings: the fault is made, its symptom and its place are seen, and it is cured."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import features
import pytest
from host import PATIENCE, Host, until
from test_reachability import one, start
from trouble import BRIDGED, DRIFTED, NO_GATEWAY, NOT_HEARD, ROUTED, ROWS, TOO_LARGE, TRANSLATED, Row

from ansible_collections.nsfabric.linux.tests.unit.pages import ROOT
from roles import Capture

PAGE = ROOT / "docs" / "troubleshooting.md"
TOOLS = ("ip", "bridge", "nstat", "nft", "iptables", "iptables-legacy", "conntrack")
# The commands of each line that a test below runs by itself.
TRIED: dict[str, set[str]] = {}
Test = Callable[..., Any]


def line(symptom: str, *commands: str) -> Callable[[Test], Test]:
    """Marks a test of a line that is not among ROWS."""

    def mark(test: Test) -> Test:
        TRIED[symptom] = set(commands)
        return test

    return mark


def lines() -> dict[str, list[str]]:
    """The page's first table: the cells behind each symptom."""
    head, dummy, rest = PAGE.read_text(encoding="utf-8").partition("\n|---|---|---|---|\n")
    assert head.endswith("| symptom | mechanism | where the kernel shows it | cure |")
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rest.partition("\n\n")[0].splitlines()]
    return {symptom: cells for symptom, *cells in rows}


def said(host: Host, command: str, netns: str) -> str:
    """What a command prints, errors included."""
    return host.sh(f"{{ {command}; }} 2>&1 || :", netns)


def asked(host: Host, row: Row) -> str:
    """What one ping says."""
    # After three seconds the kernel gives a neighbour up that does not answer, and says so.
    seconds = 9 * PATIENCE if "Unreachable" in row.says else min(0.5 * PATIENCE, 2)
    return said(host, f"ping -4 -n -c1 -W{seconds} {row.options} {row.to}", row.netns)


def shown(host: Host, row: Row) -> dict[str, str]:
    """What the page's commands show of a fault: the counter of a pattern with a group, or what a pattern matched."""
    found = {}
    for command, (netns, pattern) in row.shows.items():
        typed = re.sub(r"\b[A-Z]{2,}\b", lambda word: row.words.get(word[0], word[0]), command)
        match = re.search(pattern, said(host, typed, netns))
        found[command] = "" if match is None else match[match.lastindex or 0]
    return found


def showing(host: Host, row: Row, before: dict[str, str]) -> list[str]:
    """The commands that show the fault now: by a counter that moved, or by a pattern that is there."""
    return [
        command
        for command, now in shown(host, row).items()
        if (int(now) > int(before[command] or 0) if now.isdigit() else now)
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.symptom)
def test_a_line_of_the_page(host: Host, row: Row) -> None:
    host.sh(f"{row.network}\n{row.fault}")
    if row.needs and not features.has(row.needs):
        assert host.pings(row.to, row.netns, row.options)
        return
    before = shown(host, row)
    heard = asked(host, row)
    assert "1 received" not in heard
    assert row.says in heard
    # Of silence there is nothing between the first line and the statistics.
    assert row.says or re.search(r"bytes of data\.\n\n---", heard), heard
    assert showing(host, row, before) == list(row.shows)
    large = "-s" in row.options
    assert not large or host.pings(row.to, row.netns)
    if row.reason:
        asks = {"from": row.netns, "to": row.to, "size": 1472 if large else 56, "retries": 0}
        assert row.reason in one(host, **asks)["reason"]
    row.cure(host)
    assert host.pings(row.to, row.netns, row.options)
    before = shown(host, row)
    assert host.pings(row.to, row.netns, row.options)
    # A carrier that is back is told within a second.
    assert until(lambda: not showing(host, row, before)), shown(host, row)


def test_a_missing_neighbour_is_told_after_more_than_a_second(host: Host) -> None:
    host.sh(f"{ROUTED} set_in ns1 neigh/veth1/mcast_solicit 3; set_in ns1 neigh/veth1/retrans_time_ms 1000")
    told = said(host, "ping -n -c1 -W2 10.1.0.9", "ns1")
    assert "100% packet loss" in told
    assert "Unreachable" not in told


def test_no_counter_moves_where_arp_is_refused(host: Host) -> None:
    row = next(row for row in ROWS if row.symptom == NOT_HEARD and row.netns)
    host.sh(f"{row.network}\n{row.fault}")

    def counters() -> list[str]:
        return re.findall(r"^(?:Ip|Icmp|TcpExt)(?!6).*", host.sh("nstat -asz", "r"), re.MULTILINE)

    before = counters()
    assert len(before) > 100
    assert row.says in asked(host, row)
    assert counters() == before


def test_a_bridge_counts_nothing_of_what_is_too_large(host: Host) -> None:
    row = next(row for row in ROWS if row.symptom == TOO_LARGE and row.network == BRIDGED)
    host.sh(f"{row.network}\n{row.fault}")

    def dropped() -> list[str]:
        links = [link for netns in ("", "ns1", "ns2") for link in host.json("ip -j -s link show", netns)]
        return [f"{link['ifname']} {way} {link['stats64'][way]['dropped']}" for link in links for way in ("rx", "tx")]

    before = dropped()
    assert "1 received" not in asked(host, row)
    assert dropped() == before


@line(NO_GATEWAY, "ip route get GATEWAY")
@pytest.mark.parametrize("cure", ["a device route", "onlink"])
@pytest.mark.parametrize(("address", "says"), [("10.1.0.1/32", "unreachable"), ("10.1.0.1/24", "via 10.1.0.254")])
def test_a_gateway_that_is_on_no_cable(host: Host, address: str, says: str, cure: str) -> None:
    gateway = "169.254.1.1"
    host.sh(f"{ROUTED} ip -n r address add {gateway}/32 dev r1; ip -n ns1 address flush dev veth1")
    host.sh(f"ip -n ns1 address add {address} dev veth1")
    if "via" in says:
        host.sh("ip -n ns1 route add default via 10.1.0.254")
    assert "Nexthop has invalid gateway" in said(host, f"ip route add 10.2.0.0/24 via {gateway}", "ns1")
    assert says in said(host, f"ip route get {gateway}", "ns1")
    route = {"netns": "ns1", "destination": "10.2.0.0/24", "gateway": gateway}
    if cure == "onlink":
        host.do("netns_route", **route, device="veth1", onlink=True)
    else:
        host.do("netns_route", netns="ns1", destination=gateway, device="veth1")
        host.do("netns_route", **route)
    assert host.pings("10.2.0.2", "ns1")


@line(TRANSLATED, "conntrack -L")
def test_neighbours_that_are_translated(host: Host) -> None:
    host.sh(f"{BRIDGED} echo 1 > /proc/sys/net/ipv4/ip_forward")

    def seen() -> str:
        capture = Capture(host, "p2", "icmp[icmptype] == icmp-echo")
        assert host.pings("10.1.0.2", "ns1")
        return capture.packets()[0]

    host.do("masquerade", source="10.1.0.0/24")
    if not features.has("br_netfilter"):
        assert "10.1.0.1 > 10.1.0.2" in seen()
        return
    assert "10.1.0.254 > 10.1.0.2" in seen()
    assert "src=10.1.0.2 dst=10.1.0.254" in host.sh("conntrack -L")
    host.do("masquerade", source="10.1.0.0/24", state="absent")
    host.do("masquerade", source="10.1.0.0/24", out_interface="!br0")
    assert "10.1.0.1 > 10.1.0.2" in seen()
    assert "src=10.1.0.2 dst=10.1.0.1 " in host.sh("conntrack -L")


@line(DRIFTED, "ip monitor all")
def test_something_else_that_writes(host: Host) -> None:
    peer = {"netns": "ns2", "name": "veth2", "addresses": ["10.1.0.2/24"]}
    cable = {"netns": "ns1", "name": "veth1", "addresses": ["10.1.0.1/24"], "peer": peer}
    lab = {"name": "lab", "config": {"netns": [{"name": "ns1"}, {"name": "ns2"}], "veth": [cable]}}
    host.do("topology", **lab)
    assert host.pings("10.1.0.2", "ns1")
    monitor = start(host, ["ip", "monitor", "all"], "ns1")
    # It has joined the groups of what it shows.
    assert until(lambda: re.search(rf" {monitor.pid} +(?!00000000)", host.sh("cat /proc/net/netlink", "ns1")))
    host.sh("ip -n ns1 address delete 10.1.0.1/24 dev veth1")
    assert "Network is unreachable" in said(host, "ping -n -c1 10.1.0.2", "ns1")
    monitor.terminate()
    told, dummy = monitor.communicate()
    assert re.search(r"^\[ADDR\]Deleted .* inet 10\.1\.0\.1/24", told, re.MULTILINE), told
    predicted = host.module("topology", check=True, **lab)
    assert [step["what"] for step in predicted["steps"]] == ["add 10.1.0.1/24 to veth1"]
    assert host.do("topology", **lab)["steps"] == predicted["steps"]
    assert host.pings("10.1.0.2", "ns1")


def test_every_line_of_the_page_is_tried() -> None:
    """And every command that a line names, but no other."""
    tried = {symptom: set(commands) for symptom, commands in TRIED.items()}
    for row in ROWS:
        tried.setdefault(row.symptom, set()).update(row.shows)
    named = {symptom: re.findall(r"`([^`]+)`", where) for symptom, (dummy, where, cure) in lines().items()}
    assert {symptom: {word for word in words if word.split()[0] in TOOLS} for symptom, words in named.items()} == tried
