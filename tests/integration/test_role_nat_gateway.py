# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role `nat_gateway`: what the outside sees of the namespaces."""

from __future__ import annotations

import pytest
from host import Host
from snapshot import snapshot

from roles import (
    HOSTILE,
    OUTSIDE,
    UPLINK,
    UPLINK6,
    WORLD,
    WORLD6,
    Capture,
    Count,
    apply_role,
    facts,
    good,
    remove_role,
    settle,
    there_and_back,
    uplink,
    verify_role,
)

PROBE = {"nat_gateway_probe": [WORLD]}
DROPS = [name for name in HOSTILE if "drop" in name]
ROWS = [(None, "10.244.1.3", True, 64), ("ns1", "10.244.1.2", True, 64), ("ns1", WORLD, True, 63)]
UNPREPARED = [("strict rp_filter", "forwarding half on"), ("other defaults", "forwarding on")]


def test_as_in_the_document(host: Host) -> None:
    uplink(host)
    rows = there_and_back(host, "nat_gateway", **PROBE)
    assert [(row["from"], row["to"], row["reachable"], row["ttl"]) for row in rows] == ROWS


def test_the_outside_sees_the_uplink_address_and_one_hop_less(host: Host) -> None:
    uplink(host)
    good(apply_role(host, "nat_gateway"))
    private = Count(host, "lan", "ip saddr 10.244.0.0/16", OUTSIDE)
    cable = Count(host, "veth1", "ip saddr 10.244.1.3 icmp type echo-request")
    replies = Count(host, "eth0", f"ip saddr {WORLD} ip daddr {UPLINK} icmp type echo-reply")
    seen = Capture(host, "lan", "icmp[icmptype] = icmp-echo", OUTSIDE, count=3)
    assert "3 received" in host.sh(f"ping -n -c3 -i.1 -W5 {WORLD}", "ns1")
    packets = seen.packets()
    assert len(packets) == 3
    for packet in packets:
        assert f" {UPLINK} > {WORLD}: ICMP echo request" in packet, packet
        assert "ttl 63," in packet
    assert (int(cable), int(replies), int(private)) == (3, 3, 0)


def test_many_namespaces_in_both_families(host: Host) -> None:
    uplink(host)
    host.sh(f"ip -n {OUTSIDE} route add 10.244.0.0/16 via {UPLINK}")
    settle(host)
    before = snapshot(host)
    three = {
        "nat_gateway_namespaces": 3,
        "nat_gateway_network6": "fd00:244::/48",
        "nat_gateway_probe": [WORLD, WORLD6],
    }
    good(apply_role(host, "nat_gateway", **three))
    assert sorted(host.addresses("veth6", "ns3")) == ["10.244.3.3/24", "fd00:244:0:3::3/64"]
    assert sorted(host.addresses("veth5")) == ["10.244.3.2/24", "fd00:244:0:3::2/64"]
    rows = good(verify_role(host, "nat_gateway", **three))["results"]
    assert len(rows) == 3 * (2 * 2 + 2 * 2 + 2)
    seen = Capture(host, "lan", "icmp6 and ip6[40] = 128", OUTSIDE)
    assert host.pings(WORLD6, "ns3")
    assert f"{UPLINK6} > {WORLD6}" in seen.packets()[0]
    # What namespaces say to each other is routed, and not translated.
    seen = Capture(host, "veth4", "icmp[icmptype] = icmp-echo", "ns2")
    assert host.pings("10.244.2.3", "ns1")
    packet = seen.packets()[0]
    assert "10.244.1.3 > 10.244.2.3" in packet
    assert "ttl 63," in packet
    # Fewer namespaces in the variable are fewer on the host.
    good(apply_role(host, "nat_gateway"))
    assert sorted(host.sh("ip netns list | cut -d' ' -f1").split()) == ["ns1", "outside"]
    assert host.link("veth3") is None
    good(verify_role(host, "nat_gateway", **PROBE))
    remove_role(host, "nat_gateway")
    assert snapshot(host) == before


def test_other_devices_do_not_begin_to_forward(host: Host) -> None:
    uplink(host)
    host.sh("ip link add eth1 type veth peer name eth1-far; ip link set eth1 up")
    good(apply_role(host, "nat_gateway"))
    forwarding = {name: host.sysctl(f"net/ipv4/conf/{name}/forwarding") for name in ("all", "eth0", "eth1", "veth1")}
    assert forwarding == {"all": "0", "eth0": "1", "eth1": "0", "veth1": "1"}


@pytest.mark.parametrize("ways", UNPREPARED, ids=" + ".join)
def test_on_an_unprepared_host(host: Host, ways: tuple[str, ...]) -> None:
    uplink(host)
    for way in ways:
        host.sh(HOSTILE[way])
    asked = Count(host, "lan", f"ip saddr {UPLINK} ip daddr {WORLD} ip ttl 63 icmp type echo-request", OUTSIDE)
    private = Count(host, "lan", "ip saddr 10.244.0.0/16", OUTSIDE)
    rows = there_and_back(host, "nat_gateway", **PROBE)
    assert [(row["from"], row["to"], row["reachable"], row["ttl"]) for row in rows] == ROWS
    assert (int(asked), int(private)) == (1, 0)


@pytest.mark.parametrize("way", DROPS)
def test_on_a_host_that_drops_what_it_forwards(host: Host, way: str) -> None:
    uplink(host)
    host.sh(HOSTILE[way])
    host.sh(f"ip -n {OUTSIDE} route add 10.244.0.0/16 via {UPLINK}")
    settle(host)
    before = snapshot(host)
    both = {**PROBE, "nat_gateway_namespaces": 2}
    good(apply_role(host, "nat_gateway", **both))
    good(verify_role(host, "nat_gateway", **both))
    assert not good(apply_role(host, "nat_gateway", **both))["changed"]
    # The way back is open to answers only.
    knocked = Count(host, "veth2", "icmp type echo-request", "ns1")
    host.sh("ping -n -c3 -i.1 -W1 10.244.1.3 || true", OUTSIDE)
    assert int(knocked) == 0
    remove_role(host, "nat_gateway")
    assert snapshot(host) == before


def test_other_names_and_lengths(host: Host) -> None:
    uplink(host)
    rows = there_and_back(
        host,
        "nat_gateway",
        **PROBE,
        nat_gateway_namespaces=2,
        nat_gateway_network="172.20.0.0/24",
        nat_gateway_length=28,
        nat_gateway_number=14,
        nat_gateway_host_number=1,
        nat_gateway_netns_prefix="box",
        nat_gateway_device_prefix="in",
        nat_gateway_host_device_prefix="out",
        nat_gateway_uplink="eth0",
    )
    assert ("box2", "172.20.0.33") in [(row["from"], row["to"]) for row in rows]


def test_gathered_facts_name_the_uplink(host: Host) -> None:
    uplink(host)
    host.sh("ip link set eth0 down; ip link set eth0 name lan0; ip link set lan0 up")
    host.sh(f"ip route replace default via 10.211.55.1; ip -n {OUTSIDE} neighbor flush all")
    missing = apply_role(host, "nat_gateway")
    assert missing["problems"], missing
    assert all("there is no link eth0 in the host" in problem["message"] for problem in missing["problems"])
    good(apply_role(host, "nat_gateway", **facts(host)))
    good(verify_role(host, "nat_gateway", **PROBE))


def test_what_was_broken_by_hand_is_made_again(host: Host) -> None:
    uplink(host)
    good(apply_role(host, "nat_gateway"))
    host.sh(
        "nft flush ruleset; ip -n ns1 route del default; ip address del 10.244.1.2/24 dev veth1;"
        "ip link set veth1 down; echo 0 > /proc/sys/net/ipv4/conf/eth0/forwarding;"
        "ip -n ns1 address add 10.9.9.9/24 dev veth2"
    )
    assert verify_role(host, "nat_gateway", **PROBE)["failed"]
    good(apply_role(host, "nat_gateway"))
    good(verify_role(host, "nat_gateway", **PROBE))
    assert host.addresses("veth2", "ns1") == ["10.244.1.3/24"]
