# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role `calico`: pods behind a gateway that nobody owns."""

from __future__ import annotations

from typing import Any

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
    ("strict rp_filter", "forwarding half on", "FORWARD drop by iptables-nft"),
    ("other defaults", "forwarding on", "FORWARD drop by nft"),
]


def owners(host: Host, address: str) -> list[str]:
    """The devices of the host and its namespaces that have an address."""
    places = ["", *host.sh("ip netns list | cut -d' ' -f1").split()]
    links = [link for netns in places for link in host.json("ip -j address show", netns) if link]
    return [link["ifname"] for link in links if any(a["local"] == address for a in link["addr_info"])]


def test_the_hosts_ends_answer_for_the_gateway(host: Host) -> None:
    uplink(host)
    host.sh("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
    before = snapshot(host)
    converge_role(
        host, "calico", calico_namespaces=2, calico_subnet6="fd00:1::/64", calico_probe=[WORLD, WORLD6, UPLINK]
    )
    settle(host)
    assert owners(host, "169.254.1.1") == []
    for netns, device, outer in (("test", "vetha", "vethb"), ("test2", "vetha2", "vethb2")):
        host.sh(f"ip neighbor flush dev {device}", netns)
        reply = Capture(host, device, "arp[6:2] == 2 and arp[14:4] == 0xa9fe0101", netns)
        assert host.pings(WORLD, netns)
        assert f"Reply 169.254.1.1 is-at {host.link(outer)['address']}" in reply.packets()[0]
        assert [found["dst"] for found in host.json("ip -j -4 neighbor show nud reachable", netns)] == ["169.254.1.1"]
    assert host.addresses("vethb") == []
    remove_role(host, "calico")
    assert snapshot(host) == before


def test_what_pods_and_the_outside_see(host: Host) -> None:
    uplink(host)
    converge_role(host, "calico", calico_namespaces=2, verify=False)
    assert host.sysctl("net/ipv4/ip_forward") == "0"
    out = Capture(host, "lan", "icmp[icmptype] == icmp-echo", "outside")
    across = Capture(host, "vetha2", "icmp[icmptype] == icmp-echo", "test2")
    near = Capture(host, "vetha", f"src {UPLINK} and icmp[icmptype] == icmp-echoreply", "test")
    answers = [
        Count(host, "vethb2", "ip saddr 1.1.1.3 ip daddr 1.1.1.2 icmp type echo-reply"),
        Count(host, "eth0", f"ip saddr {WORLD} ip daddr {UPLINK} icmp type echo-reply"),
    ]
    for target in ("1.1.1.3", WORLD, UPLINK):
        assert "3 received" in host.sh(f"ping -n -c3 -i.2 {target}", "test")
    assert [int(count) for count in answers] == [3, 3]
    packet = out.packets()[0]
    assert f"{UPLINK} > {WORLD}" in packet
    assert "ttl 63" in packet
    packet = across.packets()[0]
    assert "1.1.1.2 > 1.1.1.3" in packet
    assert "ttl 63" in packet
    assert "ttl 64" in near.packets()[0]


def test_the_outside_knows_the_way_back(host: Host) -> None:
    uplink(host)
    host.sh(HOSTILE["FORWARD drop by iptables-nft"])
    host.sh(f"ip route add 1.1.1.0/24 via {UPLINK}", "outside")
    seen = Capture(host, "lan", "icmp[icmptype] == icmp-echo", "outside", seconds=60)
    converge_role(host, "calico", calico_masquerade=False, calico_probe=[WORLD])
    assert f"1.1.1.2 > {WORLD}" in seen.packets()[0]


def test_the_answers_need_forwarding_on_the_uplink(host: Host) -> None:
    uplink(host)
    converge_role(host, "calico", verify=False)
    # What the document's four commands leave.
    host.sh("echo 0 > /proc/sys/net/ipv4/conf/eth0/forwarding")
    seen = Capture(host, "eth0", "icmp[icmptype] == icmp-echoreply")
    assert "0 received" in host.sh(f"ping -n -c1 -W1 {WORLD} || true", "test")
    assert f"{WORLD} > {UPLINK}" in seen.packets()[0], "the answer came as far as the host"
    done = good(apply_role(host, "calico"))
    assert [step["command"] for step in done["steps"]] == ["sysctl -w net.ipv4.conf.eth0.forwarding=1"]
    assert host.pings(WORLD, "test")


def test_a_host_without_a_default_route(host: Host) -> None:
    host.sh("ip link add lan0 type veth peer name far; ip link set lan0 up; ip link set far up")
    host.sh("ip address add 192.0.2.1/24 dev lan0")
    settle(host)
    host.sh(HOSTILE["strict rp_filter"].replace("eth0", "lan0"))
    before = snapshot(host)
    converge_role(host, "calico", calico_outside=False, calico_namespaces=3)
    assert host.pings("192.0.2.1", "test3")
    remove_role(host, "calico")
    assert snapshot(host) == before


@pytest.mark.parametrize("ways", UNPREPARED, ids=" + ".join)
def test_an_unprepared_host(host: Host, ways: tuple[str, ...]) -> None:
    uplink(host)
    for way in ways:
        host.sh(HOSTILE[way])
    before = snapshot(host)
    variables: dict[str, Any] = {
        "calico_namespaces": 2,
        "calico_subnet": "10.9.8.0/28",
        "calico_netns": "pod",
        "calico_device": "up",
        "calico_host_device": "cali.",
        "calico_probe": [WORLD],
    }
    converge_role(host, "calico", **variables)
    assert host.addresses("up2", "pod2") == ["10.9.8.3/32"]
    remove_role(host, "calico")
    assert snapshot(host) == before
