# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role `bridged`: namespaces on one switch, and a way out with the host's address."""

from __future__ import annotations

from typing import Any

import features
import pytest
from host import Host
from snapshot import snapshot

from roles import (
    HOSTILE,
    UPLINK,
    WORLD,
    WORLD6,
    Capture,
    Count,
    apply_role,
    converge_role,
    good,
    remove_role,
    settle,
    uplink,
)

UNPREPARED = [
    ("strict rp_filter", "FORWARD drop by iptables-nft"),
    ("other defaults", "forwarding on", "FORWARD drop by nft"),
]


def test_neighbours_are_bridged_and_not_translated(host: Host) -> None:
    uplink(host)
    host.sh(HOSTILE["FORWARD drop by iptables-nft"])
    before = snapshot(host)
    converge_role(host, "bridged", bridged_subnet6="fd00:1::/64", bridged_probe=[WORLD, WORLD6])
    settle(host)
    # Bridged packets go through the rules of the host, where the kernel has that.
    assert not features.has("br_netfilter") or host.sysctl("net/bridge/bridge-nf-call-iptables") == "1"
    mac = {n: host.link(f"veth{n}", f"ns{n}")["address"] for n in (1, 2)}

    arriving = Capture(host, "veth2", "icmp[icmptype] == icmp-echo", "ns2")
    ports = [Count(host, f"br-veth{n}", f"icmp type {kind}") for n, kind in ((1, "echo-request"), (2, "echo-reply"))]
    outside = Count(host, "lan", "icmp type echo-request", "outside")
    assert "5 received" in host.sh("ping -n -c5 -i.2 10.1.0.2", "ns1")
    packet = arriving.packets()[0]
    assert f"{mac[1]} > {mac[2]}" in packet
    assert "ttl 64" in packet
    assert "10.1.0.1 > 10.1.0.2" in packet
    assert [int(count) for count in (*ports, outside)] == [5, 5, 0]
    for count in (*ports, outside):
        count.stop()
    remove_role(host, "bridged")
    assert snapshot(host) == before


def test_the_outside_sees_the_host(host: Host) -> None:
    uplink(host)
    converge_role(host, "bridged", verify=False)
    seen = Capture(host, "lan", "icmp[icmptype] == icmp-echo", "outside")
    assert host.pings(WORLD, "ns1")
    packet = seen.packets()[0]
    assert f"{UPLINK} > {WORLD}" in packet
    assert "ttl 63" in packet
    assert host.json("ip -j neighbor show to 10.1.0.254", "ns1")[0]["lladdr"] == host.link("br0")["address"]


def test_without_a_way_out(host: Host) -> None:
    uplink(host)
    converge_role(host, "bridged", bridged_outside=False, bridged_probe=[WORLD])
    assert host.sysctl("net/ipv4/ip_forward") == "0"
    converge_role(host, "bridged", bridged_gateway=False, bridged_probe=[WORLD])
    assert host.addresses("br0") == []


def test_drift_is_mended(host: Host) -> None:
    uplink(host)
    converge_role(host, "bridged", verify=False)
    host.sh(
        "ip -n ns1 route delete default; ip -n ns2 address add 10.1.0.77/24 dev veth2; ip link set br-veth2 down;"
        "nft flush ruleset; echo 0 > /proc/sys/net/ipv4/ip_forward"
    )
    assert good(apply_role(host, "bridged"))["changed"]
    converged = good(apply_role(host, "bridged"))
    assert (converged["changed"], host.addresses("veth2", "ns2")) == (False, ["10.1.0.2/24"])
    for netns in ("ns1", "ns2"):
        assert host.pings(WORLD, netns)


@pytest.mark.parametrize("ways", UNPREPARED, ids=" + ".join)
def test_an_unprepared_host(host: Host, ways: tuple[str, ...]) -> None:
    uplink(host)
    for way in ways:
        host.sh(HOSTILE[way])
    before = snapshot(host)
    variables: dict[str, Any] = {
        "bridged_namespaces": 5,
        "bridged_subnet": "10.9.8.0/28",
        "bridged_bridge": "cni.0",
        "bridged_netns_prefix": "pod-",
        "bridged_device_prefix": "up",
        "bridged_port_prefix": "port.",
        "bridged_probe": [WORLD],
    }
    converge_role(host, "bridged", **variables)
    remove_role(host, "bridged")
    assert snapshot(host) == before


def test_a_hardened_host_stays_hardened(host: Host) -> None:
    uplink(host)
    # Whoever switches ip_forward makes the kernel set conf/all/accept_redirects as well.
    host.sh("echo 0 > /proc/sys/net/ipv4/conf/all/accept_redirects")
    before = snapshot(host)
    converge_role(host, "bridged", verify=False)
    remove_role(host, "bridged")
    assert snapshot(host) == before
