# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who reaches whom on the real kernel. The witnesses: ping, tcpdump, counters, and servers that log."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from host import COLLECTION, PATIENCE, Host, until

SERVER = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
server = socket.create_server((sys.argv[1], int(sys.argv[2])), family=family)
while True:
    connection, address = server.accept()
    open(sys.argv[3], "a").write(address[0] + " " + repr(connection.recv(10)) + "\\n")
    connection.close()
"""
# Without duplicate address detection, which takes seconds and is not what is tested.
MAKE = """
make() {
    ip netns add $1; ip -n $1 link set lo up
    ip netns exec $1 sh -c 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad'
}
"""
PAIR = f"""
{MAKE}
make ns1; make ns2
ip link add veth1 netns ns1 type veth peer name veth2 netns ns2
for n in 1 2; do
    ip -n ns$n address add 10.1.0.$n/24 dev veth$n
    ip -n ns$n address add fd00::$n/64 dev veth$n nodad
    ip -n ns$n link set veth$n up
done
"""
# ns1 10.1.0.1 - r1 [ns r] r2 - 10.2.0.2 ns2, and fd01::/64, fd02::/64
ROUTED = f"""
{MAKE}
make ns1; make r; make ns2
for n in 1 2; do
    ip link add veth$n netns ns$n type veth peer name r$n netns r
    ip -n ns$n address add 10.$n.0.$n/24 dev veth$n
    ip -n ns$n address add fd0$n::$n/64 dev veth$n nodad
    ip -n r address add 10.$n.0.254/24 dev r$n
    ip -n r address add fd0$n::fe/64 dev r$n nodad
    ip -n ns$n link set veth$n up; ip -n r link set r$n up
    ip -n ns$n route add default via 10.$n.0.254
    ip -n ns$n route add default via fd0$n::fe
done
ip netns exec r sh -c 'for f in ipv4 ipv6; do echo 1 > /proc/sys/net/$f/conf/all/forwarding; done'
"""


def start(host: Host, command: list[str], netns: str) -> subprocess.Popen[str]:
    """Starts a program in a namespace; its output can be read."""
    inside = ["nsenter", "-t", str(host.pid), "-n", "-m", "ip", "netns", "exec", netns]
    return subprocess.Popen([*inside, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@contextmanager
def serving(host: Host, netns: str, address: str, port: int, log: Path) -> Iterator[Path]:
    """A TCP server that notes who connected and what was said."""
    process = start(host, [sys.executable, "-c", SERVER, address, str(port), str(log)], netns)
    try:
        assert until(lambda: f":{port}" in host.sh("ss -Hltn", netns)), "the server does not listen"
        yield log
    finally:
        process.kill()
        process.communicate()


@contextmanager
def capturing(host: Host, netns: str, device: str, what: str) -> Iterator[Callable[[], str]]:
    """What tcpdump sees on a device: the function ends it and returns its lines."""
    process = start(host, ["tcpdump", "-n", "-v", "-l", "--immediate-mode", "-i", device, what], netns)
    assert process.stdout is not None
    while "listening on" not in process.stdout.readline():
        assert process.poll() is None

    def lines() -> str:
        process.terminate()
        assert process.stdout is not None
        return process.stdout.read()

    try:
        yield lines
    finally:
        process.kill()
        process.wait()


def check(host: Host, *checks: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Runs the module, which must not fail."""
    result = host.module("reachability", checks=list(checks), **options)
    assert not result.get("failed"), result.get("msg")
    assert result["changed"] is False
    return result


def one(host: Host, **options: Any) -> dict[str, Any]:
    """The row of a single check, failed or not."""
    result = host.module("reachability", checks=[options], fail=False)
    assert not result.get("failed"), result.get("msg")
    (row,) = result["results"]
    assert result["ok"] is row["ok"]
    return dict(row)


def echo_requests(host: Host, netns: str) -> int:
    """How many echo requests a namespace has received."""
    lines = [line.split() for line in host.sh("grep ^Icmp: /proc/net/snmp", netns).splitlines()]
    return int(dict(zip(*lines))["InEchos"])


# Prints how many echo requests a namespace has sent, those included that still wait for a neighbour.
SENT = (
    """awk '/^Icmp:/ { if (n) print $n; else for (i = 1; i <= NF; i++) if ($i == "OutEchos") n = i }' /proc/net/snmp"""
)


def once_sent(pair: Host, count: int, command: str) -> subprocess.Popen[str]:
    """Runs a command in the namespace that asks, as soon as it has sent so many echo requests."""
    script = f"until [ $({SENT}) -ge {count} ]; do :; done; {command}"
    return start(pair, ["timeout", str(60 * PATIENCE), "sh", "-ec", script], "ns1")


def settled(host: Host, *namespaces: str) -> Host:
    """The host when IPv6 works on all its devices: until each has its own link-local address, it asks in vain."""

    def local(netns: str) -> bool:
        links = [link for link in host.json("ip -j address", netns) if link.get("ifname", "lo") != "lo"]
        scopes = [{a["scope"] for a in link["addr_info"] if not a.get("tentative")} for link in links]
        return all("link" in found for found in scopes)

    assert until(lambda: all(map(local, namespaces))), "no link-local addresses"
    return host


@pytest.fixture
def pair(host: Host) -> Host:
    host.sh(PAIR)
    return settled(host, "ns1", "ns2")


@pytest.fixture
def routed(host: Host) -> Host:
    host.sh(ROUTED)
    return settled(host, "ns1", "r", "ns2")


def test_a_pair_reaches_each_other(pair: Host) -> None:
    assert pair.pings("10.1.0.2", "ns1")
    assert pair.pings("fd00::2", "ns1")
    before = echo_requests(pair, "ns2")
    result = check(pair, {"from": "ns1", "to": "10.1.0.2", "count": 5}, {"from": "ns2", "to": "FD00:0::1"})
    assert result["ok"] is True
    four, six = result["results"]
    assert echo_requests(pair, "ns2") == before + 5
    assert (four["from"], four["to"], four["sent"], four["received"], four["loss"]) == ("ns1", "10.1.0.2", 5, 5, 0)
    assert (six["to"], six["ttl"], six["reachable"], six["attempts"]) == ("fd00::1", 64, True, 1)
    for row in (four, six):
        assert 0 < row["rtt_ms"]["min"] <= row["rtt_ms"]["avg"] <= row["rtt_ms"]["max"] < 1000
        assert (row["ttl"], row["ok"], row["reason"], row["connect_ms"]) == (64, True, None, None)
    assert result["matrix"] == ""
    assert result["table"].splitlines()[1].startswith("ok      ns1   10.1.0.2  icmp")


def test_what_is_sent_is_an_echo_request_as_asked_for(pair: Host) -> None:
    pair.sh("ip -n ns1 address add 10.1.0.11/24 dev veth1")
    with capturing(pair, "ns2", "veth2", "icmp") as captured:
        check(pair, {"from": "ns1", "to": "10.1.0.2", "source": "10.1.0.11", "size": 100})
        check(pair, {"from": "ns1", "to": "10.1.0.2"})
        lines = captured()
    assert "10.1.0.11 > 10.1.0.2: ICMP echo request" in lines
    assert "10.1.0.1 > 10.1.0.2: ICMP echo request" in lines
    assert "flags [DF], proto ICMP (1), length 128" in lines
    assert lines.count("length 84)") == 2
    assert "wrong icmp cksum" not in lines


def test_the_host_is_where_it_starts_without_a_namespace(pair: Host) -> None:
    assert one(pair, to="127.0.0.1")["from"] is None
    assert one(pair, to="127.0.0.1")["reachable"]
    row = one(pair, to="10.1.0.2", retries=0)
    assert (row["reachable"], row["reason"]) == (False, "Network is unreachable: the host has no route to 10.1.0.2")


def test_a_namespaces_own_address_and_link_local_neighbours(pair: Host) -> None:
    found = pair.link("veth2", "ns2")
    assert found is not None
    local = next(a["local"] for a in found["addr_info"] if a["local"].startswith("fe80"))
    result = check(
        pair,
        {"from": "ns1", "to": "10.1.0.1"},
        {"from": "ns1", "to": local, "device": "veth1"},
    )
    assert [row["ttl"] for row in result["results"]] == [64, 64]


def test_the_ttl_behind_a_router(routed: Host) -> None:
    assert "ttl=63" in routed.sh("ping -n -c1 -W5 10.2.0.2", "ns1")
    result = check(
        routed,
        {"from": "ns1", "to": "10.2.0.2", "expected_ttl": 63},
        {"from": "ns1", "to": "fd02::2", "expected_ttl": 63},
        {"from": "ns1", "to": "10.1.0.254", "expected_ttl": 64},
    )
    assert [row["ttl"] for row in result["results"]] == [63, 63, 64]
    row = one(routed, **{"from": "ns1", "to": "10.2.0.2", "expected_ttl": 64, "timeout": 0.5})
    assert (row["reachable"], row["ok"], row["reason"]) == (True, False, "the TTL of the answer is 63, not 64")


@pytest.mark.parametrize(
    ("route", "target", "reason"),
    [
        ("", "10.9.0.1", "Network is unreachable: namespace ns1 has no route to 10.9.0.1"),
        ("", "fd09::1", "Network is unreachable: namespace ns1 has no route to fd09::1"),
        ("unreachable 10.9.0.0/24", "10.9.0.1", "No route to host"),
        (
            "prohibit 10.9.0.0/24",
            "10.9.0.1",
            "Permission denied: a route of type prohibit in namespace ns1",
        ),
        ("prohibit fd09::/64", "fd09::1", "Permission denied: a route of type prohibit in namespace ns1"),
        (
            "blackhole 10.9.0.0/24",
            "10.9.0.1",
            "Invalid argument: what a blackhole route in namespace ns1 says",
        ),
    ],
)
def test_a_route_that_refuses_is_the_reason(pair: Host, route: str, target: str, reason: str) -> None:
    if route:
        pair.sh(f"ip -n ns1 route add {route}")
    row = one(pair, **{"from": "ns1", "to": target, "retries": 1})
    assert (row["reachable"], row["ok"], row["attempts"], row["reason"]) == (False, False, 2, reason)
    check(pair, {"from": "ns1", "to": target, "expected": "unreachable", "wait": 0.3})
    row = one(pair, **{"from": "ns1", "to": target, "protocol": "tcp", "port": 80, "retries": 0})
    assert (row["reachable"], row["reason"]) == (False, reason)


def test_a_router_that_refuses_is_named(routed: Host) -> None:
    # With an icmp_ratelimit of 0, older kernels answer only once a second: each answer then takes away the credit that
    # the errors of routing are counted against as well.
    routed.sh("echo 0 > /proc/sys/net/ipv4/icmp_ratemask; echo 0 > /proc/sys/net/ipv6/icmp/ratelimit", "r")
    for target in ("10.9.0.1", "fd09::1"):
        assert "100% packet loss" in routed.sh(f"ping -n -c1 -W1 {target} || true", "ns1")
    four, six, tcp = (
        one(routed, **{"from": "ns1", "retries": 0, **options})["reason"]
        for options in ({"to": "10.9.0.1"}, {"to": "fd09::1"}, {"to": "10.9.0.1", "protocol": "tcp", "port": 80})
    )
    assert (four, six) == (
        "Destination Net Unreachable from 10.1.0.254",
        "Destination unreachable: No route from fd01::fe",
    )
    assert tcp == four


def test_a_neighbour_that_is_not_there(pair: Host) -> None:
    row = one(pair, **{"from": "ns1", "to": "10.1.0.9", "timeout": 4})
    assert row["reachable"] is False
    assert row["reason"] == "no answer within 1 s; before that: Destination Host Unreachable from 10.1.0.1"


def test_a_firewall_that_drops(pair: Host) -> None:
    pair.sh("iptables -A INPUT -p icmp -j DROP", "ns2")
    row = one(pair, **{"from": "ns1", "to": "10.1.0.2", "count": 3, "wait": 0.2, "retries": 1})
    assert (row["reachable"], row["ok"], row["sent"], row["received"], row["loss"]) == (False, False, 3, 0, 1)
    assert (row["reason"], row["rtt_ms"], row["ttl"]) == ("no answer within 0.2 s", None, None)
    dropped = pair.sh("iptables -nvxL INPUT", "ns2").splitlines()[2].split()[0]
    assert dropped == "6"
    check(pair, {"from": "ns1", "to": "10.1.0.2", "expected": "unreachable"})
    assert pair.sh("iptables -nvxL INPUT", "ns2").splitlines()[2].split()[0] == "10"


def test_a_firewall_that_drops_on_the_way_out(pair: Host) -> None:
    pair.sh("iptables -A OUTPUT -p icmp -j DROP", "ns1")
    row = one(pair, **{"from": "ns1", "to": "10.1.0.2", "retries": 0})
    assert row["reason"] == "Operation not permitted: a firewall's output rule in namespace ns1 drops it"


def test_a_firewall_that_rejects(pair: Host) -> None:
    pair.sh("iptables -A INPUT -j REJECT --reject-with icmp-admin-prohibited", "ns2")
    row = one(pair, **{"from": "ns1", "to": "10.1.0.2", "retries": 0})
    assert row["reason"] == "Packet filtered from 10.1.0.2"


def test_the_far_end_down(pair: Host) -> None:
    pair.sh("ip -n ns2 link set veth2 down")
    assert one(pair, **{"from": "ns1", "to": "10.1.0.2", "timeout": 1})["reachable"] is False
    pair.sh("ip -n ns2 link set veth2 up")
    assert one(pair, **{"from": "ns1", "to": "10.1.0.2"})["ok"] is True


def test_it_waits_for_a_network_that_settles(pair: Host) -> None:
    pair.sh("ip -n ns2 link set veth2 down")
    later = once_sent(pair, 2, "ip -n ns2 link set veth2 up")
    row = one(pair, **{"from": "ns1", "to": "10.1.0.2", "timeout": 20 * PATIENCE, "wait": 0.5})
    later.communicate()
    assert row["ok"] is True
    assert row["attempts"] > 1


def test_unreachable_is_what_stays_so_throughout_the_window(pair: Host) -> None:
    pair.sh("ip -n ns2 link set veth2 down")
    later = once_sent(pair, 1, "ip -n ns2 link set veth2 up")
    row = one(pair, **{"from": "ns1", "to": "10.1.0.2", "expected": "unreachable", "wait": 20})
    later.communicate()
    assert (row["reachable"], row["ok"], row["reason"]) == (True, False, "10.1.0.2 answered")


def test_unreachable_begins_when_the_others_have_ended(pair: Host) -> None:
    """With veth2 down, the second check alone would hold: it would be over before the first has asked three times."""
    pair.sh("ip -n ns2 link set veth2 down")
    later = once_sent(pair, 4, "ip -n ns2 link set veth2 up")
    asked = {"from": "ns1", "to": "10.1.0.2", "timeout": 20 * PATIENCE}
    checks = [{**asked, "expected": expected} for expected in ("reachable", "unreachable")]
    result = pair.module("reachability", checks=checks)
    later.communicate()
    assert [row["ok"] for row in result["results"]] == [True, False]


def test_loss(pair: Host) -> None:
    pair.sh("iptables -A INPUT -p icmp -m statistic --mode nth --every 4 --packet 0 -j DROP", "ns2")
    row = one(pair, **{"from": "ns1", "to": "10.1.0.2", "count": 20, "retries": 0})
    assert (row["sent"], row["received"], row["loss"], row["reachable"], row["ok"]) == (20, 15, 0.25, True, False)
    assert row["reason"] == "5 of 20 probes lost: no answer within 1 s"


def test_a_hole_in_the_mtu(routed: Host) -> None:
    """Small packets pass; large ones meet a device, then a router, then nothing at all."""
    large = {"from": "ns1", "to": "10.2.0.2", "size": 1472, "retries": 0}
    check(routed, large, {**large, "to": "fd02::2", "size": 1452})
    assert one(routed, **{**large, "size": 1473})["reason"] == "Message too long: MTU 1500"
    assert one(routed, **{**large, "to": "fd02::2", "size": 1453})["reason"] == "Message too long: MTU 1500"
    routed.sh("ip -n r link set r2 mtu 1400; ip -n ns2 link set veth2 mtu 1400")
    for target in ("10.2.0.2", "fd02::2"):
        assert one(routed, **{"from": "ns1", "to": target})["ok"] is True
    assert one(routed, **large)["reason"] == "Packet too big, MTU 1400 from 10.1.0.254"
    assert one(routed, **large)["reason"] == "Packet too big, MTU 1400 from 10.1.0.254", "not what the kernel learned"
    six = {**large, "to": "fd02::2", "size": 1452}
    assert one(routed, **six)["reason"] == "Packet too big, MTU 1400 from fd01::fe"
    check(routed, {**large, "size": 1372}, {**six, "size": 1352})
    routed.sh("ip -n r link set r2 mtu 1500; ip -n ns2 link set veth2 mtu 1500")
    check(routed, large, six)


def test_a_silent_hole_in_the_mtu(pair: Host) -> None:
    pair.sh("ip -n ns2 link set veth2 mtu 1400")
    assert one(pair, **{"from": "ns1", "to": "10.1.0.2"})["ok"] is True
    row = one(pair, **{"from": "ns1", "to": "10.1.0.2", "size": 1472, "retries": 0})
    assert (row["reachable"], row["size"], row["reason"]) == (False, 1472, "no answer within 1 s")
    assert one(pair, **{"from": "ns1", "to": "10.1.0.2", "size": 1372})["ok"] is True


@pytest.mark.parametrize("size", [0, 1, 7, 60000])
def test_odd_sizes(pair: Host, size: int) -> None:
    for device, netns in (("veth1", "ns1"), ("veth2", "ns2")):
        pair.sh(f"ip -n {netns} link set {device} mtu 65535")
    for target in ("10.1.0.2", "fd00::2"):
        assert one(pair, **{"from": "ns1", "to": target, "size": size})["ok"] is True


def test_the_device_is_the_one_that_carries_it(host: Host) -> None:
    """Both ends of a cable on the host: only packets bound to the device cross it."""
    host.sh("""
        ip link add veth1a type veth peer name veth1b
        ip address add 10.1.1.2/24 dev veth1a; ip address add 10.1.1.3/24 dev veth1b
        ip link set veth1a up; ip link set veth1b up
        for d in veth1a veth1b; do echo 1 > /proc/sys/net/ipv4/conf/$d/accept_local; done
    """)

    def received() -> int:
        return int(host.json("ip -j -s link show veth1b")[0]["stats64"]["rx"]["bytes"])

    before = received()
    assert one(host, to="10.1.1.3", size=1400)["ok"] is True
    assert received() - before < 1400
    assert one(host, to="10.1.1.3", size=1400, device="veth1a", count=3)["ok"] is True
    assert received() - before >= 3 * 1400
    host.sh("echo 0 > /proc/sys/net/ipv4/conf/veth1b/accept_local")
    assert one(host, to="10.1.1.3", device="veth1a", timeout=1)["ok"] is False
    assert one(host, to="10.1.1.3")["ok"] is True


def test_a_device_or_a_source_that_is_not_there(pair: Host) -> None:
    row = one(pair, **{"from": "ns1", "to": "10.1.0.2", "device": "veth9", "retries": 0})
    assert row["reason"] == "No such device: there is no device veth9 in namespace ns1"
    row = one(pair, **{"from": "ns1", "to": "10.1.0.2", "source": "10.1.0.2", "retries": 0})
    assert row["reason"] == (
        "Cannot assign requested address: 10.1.0.2 is not, or not yet, an address of namespace ns1"
    )


def test_a_device_replaced_meanwhile_is_bound_to_again(pair: Host) -> None:
    pair.sh("ip -n ns2 link set veth2 down")
    again = """
        ip link delete veth1; ip link add veth1 type veth peer name veth2 netns ns2
        ip address add 10.1.0.1/24 dev veth1; ip link set veth1 up
        ip -n ns2 address add 10.1.0.2/24 dev veth2; ip -n ns2 link set veth2 up
    """
    later = once_sent(pair, 2, again)
    row = one(pair, **{"from": "ns1", "to": "10.1.0.2", "device": "veth1", "timeout": 20 * PATIENCE})
    later.communicate()
    assert row["ok"] is True


@pytest.mark.parametrize("address", ["10.1.0.2", "fd00::2"])
def test_a_port_that_is_open(pair: Host, address: str, tmp_path: Path) -> None:
    with serving(pair, "ns2", address, 7096, tmp_path / "log") as log:
        row = one(pair, **{"from": "ns1", "to": address, "protocol": "tcp", "port": 7096, "count": 3})
        assert until(lambda: log.exists() and len(log.read_text().splitlines()) == 3), "the server saw no one"
    peer = {"10.1.0.2": "10.1.0.1", "fd00::2": "fd00::1"}[address]
    assert log.read_text().splitlines() == [f"{peer} b''"] * 3
    assert (row["ok"], row["received"], row["port"], row["ttl"], row["rtt_ms"]) == (True, 3, 7096, None, None)
    assert 0 < row["connect_ms"] < 1000


def test_a_port_that_is_closed(pair: Host) -> None:
    row = one(pair, **{"from": "ns1", "to": "10.1.0.2", "protocol": "tcp", "port": 81, "retries": 0})
    assert (row["reachable"], row["connect_ms"], row["reason"]) == (
        False,
        None,
        "Connection refused: nothing listens on port 81 of 10.1.0.2, or a firewall rejects it",
    )
    asked = {"from": "ns1", "to": "10.1.0.2", "protocol": "tcp", "port": 81}
    check(pair, {**asked, "expected": "unreachable", "wait": 0.3})


def test_a_connection_to_itself_is_none(pair: Host) -> None:
    """With the asked port as the only one to connect from, a socket can meet itself."""
    pair.sh("echo 7096 7096 > /proc/sys/net/ipv4/ip_local_port_range", "ns1")
    row = one(pair, **{"from": "ns1", "to": "10.1.0.1", "protocol": "tcp", "port": 7096, "retries": 0})
    assert row["reachable"] is False
    assert row["reason"].startswith("Connection refused: ")


def test_a_port_that_is_filtered(pair: Host, tmp_path: Path) -> None:
    pair.sh("iptables -A INPUT -p tcp --dport 7096 -j DROP", "ns2")
    asked = {"from": "ns1", "to": "10.1.0.2", "protocol": "tcp", "port": 7096}
    with serving(pair, "ns2", "10.1.0.2", 7096, tmp_path / "log") as log:
        row = one(pair, **{**asked, "timeout": 1.5})
        check(pair, {**asked, "expected": "unreachable"})
        assert not log.exists()
        pair.sh("iptables -F INPUT", "ns2")
        check(pair, asked)
    assert (row["reachable"], row["reason"], row["attempts"]) == (False, "no answer within 1 s", 2)


def test_a_source_and_a_device_for_tcp(pair: Host, tmp_path: Path) -> None:
    pair.sh("ip -n ns1 address add 10.1.0.11/24 dev veth1")
    asked = {"from": "ns1", "to": "10.1.0.2", "protocol": "tcp", "port": 7096, "device": "veth1"}
    with serving(pair, "ns2", "10.1.0.2", 7096, tmp_path / "log") as log:
        check(pair, {**asked, "source": "10.1.0.11"})
        assert until(log.exists)
    assert log.read_text() == "10.1.0.11 b''\n"


@contextmanager
def answering(host: Host, netns: str, device: str, change: str) -> Iterator[None]:
    """A program that answers echo requests for 10.1.0.77 in its own way: `change` makes the reply out of `p`."""
    program = f"""
import socket, time
def total(b):
    s = sum(int.from_bytes(b[i:i+2].ljust(2, b"\\0"), "big") for i in range(0, len(b), 2))
    while s >> 16: s = (s & 65535) + (s >> 16)
    return (~s & 65535).to_bytes(2, "big")
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800))
raw.bind(("{device}", 0)); print("ready", flush=True)
while True:
    p = bytearray(raw.recv(65536))
    if p[23] != 1 or p[34] != 8 or p[30:34] != bytes([10, 1, 0, 77]): continue
    p[0:6], p[6:12], p[26:30], p[30:34] = p[6:12], p[0:6], p[30:34], p[26:30]
    p[34] = 0
    {change}
    p[24:26] = bytes(2); p[24:26] = total(p[14:34])
    p[36:38] = bytes(2); p[36:38] = total(p[34:])
    raw.send(p)
"""
    process = start(host, [sys.executable, "-c", program], netns)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        yield
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("pass", None),
        ("p[29] = 78", "no answer within 0.5 s; 10.1.0.78 answered instead"),
        ("p[60] ^= 1", "no answer within 0.5 s; an answer came with other data than was sent"),
        ("p[41] ^= 1", "no answer within 0.5 s"),
    ],
    ids=["right", "other sender", "other data", "other sequence"],
)
def test_an_answer_counts_when_it_is_the_answer(pair: Host, change: str, reason: str | None) -> None:
    mac = (pair.link("veth2", "ns2") or {})["address"]
    pair.sh(f"ip -n ns1 neigh add 10.1.0.77 lladdr {mac} dev veth1")
    with answering(pair, "ns2", "veth2", change):
        row = one(pair, **{"from": "ns1", "to": "10.1.0.77", "wait": 0.5, "retries": 0})
    assert (row["ok"], row["reason"]) == (reason is None, reason)


def test_an_answer_that_takes_its_time(pair: Host) -> None:
    mac = (pair.link("veth2", "ns2") or {})["address"]
    pair.sh(f"ip -n ns1 neigh add 10.1.0.77 lladdr {mac} dev veth1")
    with answering(pair, "ns2", "veth2", "time.sleep(0.3)"):
        row = one(pair, **{"from": "ns1", "to": "10.1.0.77", "timeout": 0})
        assert row["ok"] is True
        assert 300 <= row["rtt_ms"]["min"] < 1000
        assert one(pair, **{"from": "ns1", "to": "10.1.0.77", "wait": 0.1, "timeout": 0})["reachable"] is False


def test_a_failure_says_which_checks_and_why(pair: Host) -> None:
    result = pair.module(
        "reachability",
        checks=[
            {"from": "ns1", "to": "10.1.0.2"},
            {"name": "far", "from": "ns1", "to": "10.9.0.1", "retries": 0},
            {"from": "ns2", "to": "10.1.0.1", "expected": "unreachable"},
        ],
    )
    assert result["failed"] is True
    assert result["changed"] is False
    head, table = result["msg"].split("\n", 1)
    assert head == "2 of 3 checks did not hold:"
    lines = table.splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("FAILED  far   ns1   10.9.0.1  icmp      reachable    unreachable  100 %")
    assert lines[1].endswith("Network is unreachable: namespace ns1 has no route to 10.9.0.1")
    assert lines[2].startswith("FAILED        ns2   10.1.0.1  icmp      unreachable  reachable    0 %")
    assert [row["ok"] for row in result["results"]] == [True, False, False]
    assert result["ok"] is False
    assert len(result["table"].splitlines()) == 4


def test_a_missing_namespace_is_an_error_before_any_probe(pair: Host) -> None:
    before = echo_requests(pair, "ns2")
    pair.sh("touch /run/netns/stale")
    result = pair.module(
        "reachability",
        checks=[{"from": "ns1", "to": "10.1.0.2"}, {"from": "ns9", "to": "10.1.0.2"}, {"from": "stale", "to": "::1"}],
    )
    assert result["failed"] is True
    assert result["problems"] == [
        {"path": "checks[1].from", "message": "there is no namespace ns9"},
        {
            "path": "checks[2].from",
            "message": "/run/netns/stale is a stale file: no namespace is mounted on it "
            "(what made it was interrupted); remove it with: rm /run/netns/stale",
        },
    ]
    assert result["msg"].startswith("2 problems, nothing was probed:\n- checks[1].from: there is no namespace ns9\n- ")
    assert echo_requests(pair, "ns2") == before


def test_check_mode_probes_what_is_there(pair: Host) -> None:
    before = echo_requests(pair, "ns2")
    result = pair.module(
        "reachability",
        check=True,
        checks=[
            {"from": "ns9", "to": "10.1.0.2"},
            {"from": "ns1", "to": "10.1.0.2"},
            {"from": "ns1", "to": "10.9.0.1", "retries": 0},
        ],
    )
    assert not result.get("failed"), result
    assert result["changed"] is False
    assert echo_requests(pair, "ns2") == before + 1
    assert [(row["skipped"], row["ok"]) for row in result["results"]] == [(True, None), (False, True), (False, False)]
    assert result["results"][0]["reason"] == "there is no namespace ns9 yet"
    assert set(result["results"][0]) == set(result["results"][1])
    warnings = json.dumps(result["warnings"])
    assert "namespace ns9 does not exist yet; checks from it are skipped in check mode" in warnings
    assert "in check mode, this does not fail the task: 1 of 3 checks did not hold:" in warnings


def test_wrong_input_is_told_all_at_once(host: Host) -> None:
    result = host.module(
        "reachability",
        checks=[
            {"to": "example.org", "port": 80},
            {"to": "10.0.0.1", "protocol": "tcp"},
            {"from": "a/b", "to": "10.0.0.1/24"},
        ],
    )
    assert result["msg"] == (
        "5 problems, nothing was probed:\n"
        "- checks[0].to: 'example.org' is not an IPv4 or IPv6 address; names are not looked up\n"
        "- checks[0].port: is of protocol tcp only; echo requests have no port\n"
        "- checks[1].port: is required with protocol tcp\n"
        "- checks[2].from: 'a/b' is not a namespace name: it becomes a file name, so no '/', and not '.' or '..'\n"
        "- checks[2].to: '10.0.0.1/24' is not an IPv4 or IPv6 address; write 10.0.0.1, without the prefix length"
    )
    assert len(result["problems"]) == 5
    assert host.module("reachability", checks=[{"from": "ns1"}])["failed"] is True


def test_it_needs_neither_pyroute2_nor_ping(pair: Host) -> None:
    """In an interpreter of its own, where pyroute2 cannot be imported and PATH is empty."""
    program = (
        "import json, sys; sys.modules['pyroute2'] = None; sys.argv = ['reachability']\n"
        "from ansible.module_utils import basic\n"
        "arguments = {'checks': [{'from': 'ns1', 'to': '10.1.0.2'}], '_ansible_remote_tmp': '/run'}\n"
        "basic._ANSIBLE_ARGS = json.dumps({'ANSIBLE_MODULE_ARGS': arguments}).encode()\n"
        "basic._ANSIBLE_PROFILE = 'legacy'\n"
        f"from {COLLECTION}.modules import reachability\n"
        "reachability.main()\n"
    )
    paths = ":".join(path for path in sys.path if path)
    command = ["nsenter", "-t", str(pair.pid), "-n", "-m", "env", "-i", f"PYTHONPATH={paths}", sys.executable, "-c"]
    done = subprocess.run([*command, program], capture_output=True, text=True, check=False, timeout=60 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["ok"] is True


def test_nothing_is_left_open_or_changed(pair: Host) -> None:
    before = pair.picture()
    checks = [{"from": "ns1", "to": "10.1.0.2"}, {"to": "127.0.0.1"}]
    check(pair, *checks)
    assert pair.picture() == before
    pair.sh("ip netns delete ns1")
    assert until(lambda: pair.link("veth2", "ns2") is None), "something keeps the namespace"


def bridge(host: Host, number: int) -> None:
    """Namespaces n1, n2 and so on with 10.1.0.N and fd00::N, on one bridge."""
    host.sh(f"""
        ip link add br0 type bridge; ip link set br0 up
        for i in $(seq 1 {number}); do
            ip netns add n$i; ip -n n$i link set lo up
            ip link add v$i type veth peer name eth0 netns n$i; ip link set v$i master br0 up
            ip -n n$i address add 10.1.0.$i/24 dev eth0; ip -n n$i address add fd00::$i/64 dev eth0 nodad
            ip -n n$i link set eth0 up
        done
    """)


@pytest.mark.parametrize("pattern", ["10.1.0.{}", "fd00::{}"])
def test_all_pairs_of_sixty_namespaces(host: Host, pattern: str) -> None:
    """3540 pairs need 3540 neighbours on each side; the machine's table has room for 1024 by default."""
    bridge(host, 60)
    numbers = range(1, 61)
    checks = [{"from": f"n{a}", "to": pattern.format(b)} for a in numbers for b in numbers if a != b]
    before = {number: echo_requests(host, f"n{number}") for number in (1, 60)} if "." in pattern else {}
    result = check(host, *checks)
    assert len(result["results"]) == 3540
    assert [(row["from"], row["to"]) for row in result["results"]] == [(c["from"], c["to"]) for c in checks]
    assert all(row["ok"] and row["ttl"] == 64 for row in result["results"])
    assert result["matrix"].count("+") == 3540 + 1, "the legend has one as well"
    for number, count in before.items():
        assert echo_requests(host, f"n{number}") >= count + 59


def test_learned_neighbours_stay_while_there_is_room(pair: Host) -> None:
    check(pair, {"from": "ns1", "to": "10.1.0.2"})
    assert "REACHABLE" in pair.sh("ip neigh show 10.1.0.2", "ns1")


def test_static_neighbours_stay_always(host: Host) -> None:
    bridge(host, 40)
    host.sh("ip neigh add 10.1.0.200 lladdr 02:00:00:00:00:01 dev eth0", "n1")
    numbers = range(1, 41)
    check(host, *({"from": f"n{a}", "to": f"10.1.0.{b}"} for a in numbers for b in numbers if a != b))
    assert "PERMANENT" in host.sh("ip neigh show 10.1.0.200", "n1")


def test_one_dead_namespace_among_many_is_found(host: Host) -> None:
    bridge(host, 20)
    host.sh("ip -n n7 link set eth0 down")
    numbers = range(1, 21)
    checks = [{"from": f"n{a}", "to": f"10.1.0.{b}", "timeout": 1} for a in numbers for b in numbers if a != b]
    result = host.module("reachability", checks=checks)
    failed = {(row["from"], row["to"]) for row in result["results"] if not row["ok"]}
    dead = {(c["from"], c["to"]) for c in checks if "n7" == c["from"] or c["to"] == "10.1.0.7"}
    assert failed == dead
    assert result["msg"].startswith(f"{len(dead)} of {len(checks)} checks did not hold:\n")
