# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role `netns_pair`: one cable, in one subnet and in two."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from host import Host

from roles import (
    HOSTILE,
    OUTSIDE,
    WORLD,
    Capture,
    Count,
    apply_role,
    converge_role,
    good,
    there_and_back,
    uplink,
    verify_role,
)

# The two subnets of the third document. 10.0.1.0/24 is an address there, and a legal one.
TWO_SUBNETS: dict[str, Any] = {
    "netns_pair_netns_a": "ns1",
    "netns_pair_netns_b": "ns2",
    "netns_pair_device_a": "veth0",
    "netns_pair_device_b": "veth1",
    "netns_pair_subnet_a": "10.0.1.0/24",
    "netns_pair_subnet_b": "10.0.2.0/24",
    "netns_pair_number_a": 0,
    "netns_pair_number_b": 0,
}
ROWS = [
    ("ns1a", "10.244.1.3", True, 64),
    ("ns1a", WORLD, False, None),
    ("ns1b", "10.244.1.2", True, 64),
    ("ns1b", WORLD, False, None),
]
LISTEN = """
import socket, sys
with socket.create_server((sys.argv[1], int(sys.argv[2]))) as server:
    print("ready", flush=True)
    while True:
        connection, peer = server.accept()
        print(peer[0], connection.recv(100).decode(), flush=True)
        connection.close()
"""
SAY = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5) as connection:
    connection.sendall(b"a test message")
"""


@contextmanager
def listening(host: Host, netns: str, address: str, port: int) -> Iterator[Any]:
    """Something that listens in a namespace; what it prints can be read."""
    process = subprocess.Popen(
        [
            *("nsenter", "-t", str(host.pid), "-n", "-m", "ip", "netns", "exec", netns),
            *("timeout", "30", sys.executable, "-c", LISTEN, address, str(port)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    try:
        yield process.stdout
    finally:
        # Not killed: timeout passes only this on.
        process.terminate()
        process.communicate()


def test_as_in_the_document(host: Host) -> None:
    uplink(host)
    rows = there_and_back(host, "netns_pair", netns_pair_probe=[WORLD])
    assert [(row["from"], row["to"], row["reachable"], row["ttl"]) for row in rows] == ROWS


def test_the_cable_carries_it_untouched_and_the_host_takes_no_part(host: Host) -> None:
    uplink(host)
    before = host.sh("ip -o link; ip address; ip route; nft list ruleset")
    good(apply_role(host, "netns_pair"))
    assert host.sh("ip -o link; ip address; ip route; nft list ruleset") == before
    came = Count(host, "veth1b", "icmp type echo-request", "ns1b")
    went_back = Count(host, "veth1a", "icmp type echo-reply", "ns1a")
    seen = Capture(host, "veth1b", "icmp[icmptype] = icmp-echo", "ns1b", count=3)
    assert "3 received" in host.sh("ping -n -c3 -i.1 -W5 10.244.1.3", "ns1a")
    macs = [host.link(device, netns)["address"] for device, netns in (("veth1a", "ns1a"), ("veth1b", "ns1b"))]
    for packet in seen.packets():
        assert f"{macs[0]} > {macs[1]}" in packet
        assert "ttl 64," in packet
        assert "10.244.1.2 > 10.244.1.3" in packet
    assert (int(came), int(went_back)) == (3, 3)
    assert "0 received" in host.sh("ping -n -c1 -W1 10.244.1.3 || true")
    assert int(came) == 3


def test_two_subnets_and_tcp_as_in_the_third_document(host: Host) -> None:
    uplink(host)
    converge_role(host, "netns_pair", **TWO_SUBNETS)
    assert host.addresses("veth0", "ns1") == ["10.0.1.0/24"]
    routes = [(each["dst"], each["dev"], each["scope"], each.get("gateway")) for each in host.routes("ns1")]
    assert ("10.0.2.0/24", "veth0", "link", None) in routes
    seen = Capture(host, "veth0", "icmp[icmptype] = icmp-echo", "ns1")
    assert "1 received" in host.sh("ping -n -c1 -W5 10.0.1.0", "ns2")
    assert "10.0.2.0 > 10.0.1.0: ICMP echo request" in seen.packets()[0]
    port = {**TWO_SUBNETS, "netns_pair_port": 7096}
    refused = verify_role(host, "netns_pair", **port)
    assert refused["failed"]
    assert "nothing listens on port 7096 of 10.0.1.0" in refused["results"][-1]["reason"]
    with listening(host, "ns1", "10.0.1.0", 7096) as said:
        proof = good(verify_role(host, "netns_pair", **port))
        assert proof["results"][-1]["connect_ms"] is not None
        assert said.readline().split() == ["10.0.2.0"]
        host.sh(f"{sys.executable} -c '{SAY}' 10.0.1.0 7096", "ns2")
        assert said.readline().split(maxsplit=1) == ["10.0.2.0", "a test message\n"]


def test_two_subnets_in_both_families(host: Host) -> None:
    families = {**TWO_SUBNETS, "netns_pair_subnet6_a": "fd00:1::/64", "netns_pair_subnet6_b": "fd00:2::/64"}
    families["netns_pair_number_a"] = families["netns_pair_number_b"] = 7
    rows = there_and_back(host, "netns_pair", **families)
    assert [row["to"] for row in rows] == ["10.0.2.7", "fd00:2::7", "10.0.1.7", "fd00:1::7"]


def test_on_an_unprepared_host(host: Host) -> None:
    uplink(host)
    for way in ("strict rp_filter", "forwarding on", "other defaults", "FORWARD drop by nft"):
        host.sh(HOSTILE[way])
    world = Count(host, "lan", f"ip daddr {WORLD}", OUTSIDE)
    rows = there_and_back(host, "netns_pair", netns_pair_probe=[WORLD])
    assert [(row["from"], row["to"], row["reachable"], row["ttl"]) for row in rows] == ROWS
    rows = there_and_back(host, "netns_pair", **TWO_SUBNETS)
    assert [(row["from"], row["to"], row["reachable"], row["ttl"]) for row in rows] == [
        ("ns1", "10.0.2.0", True, 64),
        ("ns2", "10.0.1.0", True, 64),
    ]
    assert int(world) == 0


def test_a_device_that_was_moved_to_the_host_is_brought_back(host: Host) -> None:
    good(apply_role(host, "netns_pair"))
    host.sh(f"ip -n ns1a link set veth1a netns {host.pid}")
    assert host.link("veth1a") is not None
    assert verify_role(host, "netns_pair")["failed"]
    good(apply_role(host, "netns_pair"))
    assert host.link("veth1a") is None
    good(verify_role(host, "netns_pair"))
