# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role `netns_to_host`: to the host by all its addresses, and no further."""

from __future__ import annotations

import pytest
from host import Host

from roles import (
    GATEWAY,
    HOSTILE,
    OUTSIDE,
    UPLINK,
    UPLINK6,
    WORLD,
    Count,
    apply_role,
    facts,
    good,
    there_and_back,
    uplink,
    verify_role,
)

ASKED = {"netns_to_host_uplink_address": UPLINK, "netns_to_host_probe": [GATEWAY, WORLD]}
ROWS = [
    (None, "10.244.1.3", True, 64),
    ("ns1", "10.244.1.2", True, 64),
    ("ns1", UPLINK, True, 64),
    ("ns1", GATEWAY, False, None),
    ("ns1", WORLD, False, None),
]
# A host that forwards and answers for everybody, and an outside that knows the way back.
OPEN = (
    "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv4/conf/all/proxy_arp;"
    f"ip -n {OUTSIDE} route add 10.244.1.0/24 via {UPLINK}"
)


def test_as_in_the_document(host: Host) -> None:
    uplink(host)
    rows = there_and_back(host, "netns_to_host", **ASKED)
    assert [(row["from"], row["to"], row["reachable"], row["ttl"]) for row in rows] == ROWS


def test_the_uplink_address_is_reached_by_the_cable_alone(host: Host) -> None:
    uplink(host)
    good(apply_role(host, "netns_to_host"))
    route = host.routes("ns1", what=UPLINK + "/24 root 10.211.55.0/24")
    assert [(each["dst"], each["dev"], each["scope"]) for each in route] == [("10.211.55.0/24", "veth2", "link")]
    cable = Count(host, "veth1", f"ip saddr 10.244.1.3 ip daddr {UPLINK} icmp type echo-request")
    wire = Count(host, "eth0", "ip daddr 10.244.1.3")
    assert "3 received" in host.sh(f"ping -n -c3 -i.1 -W5 {UPLINK}", "ns1")
    assert (int(cable), int(wire)) == (3, 0)
    # The host answers ARP for all its addresses, with the MAC of the device that was asked.
    neighbor = host.json(f"ip -j neighbor show to {UPLINK}", "ns1")
    assert [each["lladdr"] for each in neighbor] == [host.link("veth1")["address"]]


def test_not_beyond_though_the_host_forwards_and_the_outside_knows_the_way_back(host: Host) -> None:
    uplink(host)
    host.sh(OPEN)
    good(apply_role(host, "netns_to_host"))
    leaked = Count(host, "lan", "ip saddr 10.244.1.0/24", OUTSIDE)
    good(verify_role(host, "netns_to_host", **ASKED))
    assert int(leaked) == 0
    # Were it not for that one sysctl, it would be reached.
    host.sh("echo 1 > /proc/sys/net/ipv4/conf/veth1/forwarding; ip -n ns1 neighbor flush all")
    assert host.pings(GATEWAY, "ns1")
    assert int(leaked) > 0
    assert verify_role(host, "netns_to_host", **ASKED)["failed"]
    assert [step["what"] for step in good(apply_role(host, "netns_to_host"))["steps"]] == [
        "set net.ipv4.conf.veth1.forwarding = 0"
    ]
    good(verify_role(host, "netns_to_host", **ASKED))


UNPREPARED = [("strict rp_filter", "FORWARD drop by iptables-nft"), ("other defaults", "forwarding on")]


@pytest.mark.parametrize("ways", UNPREPARED, ids=" + ".join)
def test_on_an_unprepared_host(host: Host, ways: tuple[str, ...]) -> None:
    uplink(host)
    for way in ways:
        host.sh(HOSTILE[way])
    host.sh("echo 1 > /proc/sys/net/ipv4/conf/default/arp_ignore")
    beyond = Count(host, "lan", "ip saddr 10.244.0.0/16", OUTSIDE)
    rows = there_and_back(host, "netns_to_host", **ASKED)
    assert [(row["from"], row["to"], row["reachable"], row["ttl"]) for row in rows] == ROWS
    assert int(beyond) == 0


def test_by_the_gateway_where_the_host_does_not_answer_arp_for_other_devices(host: Host) -> None:
    uplink(host)
    host.sh("echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore")
    good(apply_role(host, "netns_to_host"))
    assert verify_role(host, "netns_to_host", **ASKED)["failed"]
    gateway = {**ASKED, "netns_to_host_uplink_by": "gateway"}
    assert len(good(apply_role(host, "netns_to_host", **gateway))["steps"]) == 1
    good(verify_role(host, "netns_to_host", **gateway))


def test_both_families_and_other_names(host: Host) -> None:
    uplink(host)
    rows = there_and_back(
        host,
        "netns_to_host",
        **ASKED,
        netns_to_host_netns="box",
        netns_to_host_device="in0",
        netns_to_host_host_device="out0",
        netns_to_host_subnet="172.31.9.0/28",
        netns_to_host_subnet6="fd00:9::/64",
        netns_to_host_number=14,
        netns_to_host_host_number=1,
        netns_to_host_uplink_subnet6="fd00:10:211:55::/64",
        netns_to_host_uplink_address6=UPLINK6,
    )
    assert [row["to"] for row in rows if row["reachable"]] == [
        *("172.31.9.14", "172.31.9.1", "fd00:9::e", "fd00:9::1"),
        *(UPLINK, UPLINK6),
    ]


def test_gathered_facts_name_the_uplink(host: Host) -> None:
    uplink(host)
    host.sh("ip address replace 192.0.2.77/27 dev eth0; ip route replace default via 192.0.2.66 src 192.0.2.77")
    good(apply_role(host, "netns_to_host", **facts(host)))
    assert [route["dst"] for route in host.routes("ns1")] == ["10.244.1.0/24", "192.0.2.64/27"]
    proof = good(verify_role(host, "netns_to_host", **facts(host)))
    assert proof["results"][-1]["to"] == "192.0.2.77"
