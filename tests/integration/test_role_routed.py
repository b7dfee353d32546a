# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role `routed`: the host is the gateway, and answers for nobody but itself."""

from __future__ import annotations

from typing import Any

import pytest
from host import Host
from snapshot import snapshot

from roles import HOSTILE, UPLINK, WORLD, WORLD6, Capture, Count, converge_role, remove_role, settle, uplink

UNPREPARED = [
    ("strict rp_filter", "forwarding half on", "FORWARD drop by iptables-nft"),
    ("other defaults", "forwarding on", "FORWARD drop by nft"),
]


def neighbors(host: Host, netns: str) -> dict[str, str]:
    """Who a namespace knows by IPv4, and at which Ethernet address."""
    return {found["dst"]: found.get("lladdr", "") for found in host.json("ip -j -4 neighbor show", netns)}


@pytest.mark.parametrize("onlink", [False, True])
def test_the_packets_go_through_the_gateway(host: Host, onlink: bool) -> None:
    uplink(host)
    host.sh("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
    before = snapshot(host)
    converge_role(host, "routed", routed_onlink=onlink, routed_network6="fd00:244::/48", routed_probe=[WORLD])
    settle(host)
    assert len(host.routes("ns1")) == (1 if onlink else 2)
    host.sh("ip neighbor flush dev veth1a", "ns1")

    asked = Capture(host, "veth1a", "arp[6:2] == 1 and arp src host 10.244.1.3", "ns1")
    arriving = Capture(host, "veth2a", "icmp[icmptype] == icmp-echo", "ns2")
    cables = [
        Count(host, f"veth{n}b", f"ip saddr 10.244.{n}.3 icmp type {kind}")
        for n, kind in ((1, "echo-request"), (2, "echo-reply"))
    ]
    outside = Count(host, "lan", "ip saddr 10.244.0.0/16", "outside")
    pinged = host.sh("ping -n -c5 -i.2 10.244.2.3 || true", "ns1")
    assert ("5 received" in pinged, *map(int, (*cables, outside))) == (True, 5, 5, 0), pinged
    assert "who-has 10.244.1.2" in asked.packets()[0]
    packet = arriving.packets()[0]
    assert "ttl 63" in packet
    assert "10.244.1.3 > 10.244.2.3" in packet
    assert host.link("veth2b")["address"] + " > " + host.link("veth2a", "ns2")["address"] in packet
    for count in (*cables, outside):
        count.stop()
    assert neighbors(host, "ns1") == {"10.244.1.2": host.link("veth1b")["address"]}
    remove_role(host, "routed")
    assert snapshot(host) == before


def test_the_host_answers_for_nobody_else(host: Host) -> None:
    host.sh(HOSTILE["other defaults"].replace("eth0", "lo"))
    converge_role(host, "routed", verify=False)
    host.sh("ip route add 10.244.2.0/24 dev veth1a", "ns1")
    asked = Capture(host, "veth1b", "arp src host 10.244.1.3")
    assert "0 received" in host.sh("ping -n -c1 -W1 10.244.2.3 || true", "ns1")
    assert "who-has 10.244.2.3" in asked.packets()[0]
    assert neighbors(host, "ns1").get("10.244.2.3", "") == ""


def test_the_way_out_has_the_hosts_address(host: Host) -> None:
    uplink(host)
    host.sh(HOSTILE["FORWARD drop by iptables-nft"])
    before = snapshot(host)
    variables: dict[str, Any] = {
        "routed_outside": True,
        "routed_network6": "fd00:244::/48",
        "routed_probe": [WORLD, WORLD6],
    }
    seen = Capture(host, "lan", "icmp[icmptype] == icmp-echo", "outside", seconds=60)
    converge_role(host, "routed", **variables)
    packet = seen.packets()[0]
    assert f"{UPLINK} > {WORLD}" in packet
    assert "ttl 63" in packet
    among = Capture(host, "veth2a", "icmp[icmptype] == icmp-echo", "ns2")
    host.sh("ping -n -c1 10.244.2.3", "ns1")
    assert "10.244.1.3 > 10.244.2.3" in among.packets()[0]
    assert host.sysctl("net/ipv4/ip_forward") == "0"
    # A document that no longer lets them out takes that back.
    converge_role(host, "routed", routed_probe=[WORLD])
    assert host.sysctl("net/ipv4/conf/eth0/forwarding") == "0"
    remove_role(host, "routed")
    assert snapshot(host) == before


@pytest.mark.parametrize("ways", UNPREPARED, ids=" + ".join)
def test_an_unprepared_host(host: Host, ways: tuple[str, ...]) -> None:
    uplink(host)
    for way in ways:
        host.sh(HOSTILE[way])
    before = snapshot(host)
    converge_role(host, "routed", routed_outside=True, routed_namespaces=3, routed_probe=[WORLD])
    remove_role(host, "routed")
    assert snapshot(host) == before
