# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role `proxy_arp`: the host answers for every namespace with its own Ethernet address."""

from __future__ import annotations

import pytest
from host import Host
from snapshot import snapshot

from roles import HOSTILE, UPLINK, WORLD, Capture, Count, converge_role, remove_role, settle, uplink

UNPREPARED = [
    ("strict rp_filter", "forwarding half on", "FORWARD drop by iptables-nft"),
    ("other defaults", "forwarding on", "FORWARD drop by nft"),
]


def test_the_hosts_end_answers_for_the_other_namespace(host: Host) -> None:
    uplink(host)
    host.sh("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
    before = snapshot(host)
    converge_role(host, "proxy_arp", proxy_arp_network6="fd00:244::/48", proxy_arp_probe=[WORLD])
    settle(host)
    outer = host.link("veth1b")["address"]
    host.sh("ip neighbor flush dev veth1a", "ns1")

    reply = Capture(host, "veth1a", "arp[6:2] == 2 and arp src host 10.244.2.3", "ns1")
    arriving = Capture(host, "veth2a", "icmp[icmptype] == icmp-echo", "ns2")
    cables = [
        Count(host, f"veth{n}b", f"ip saddr 10.244.{n}.3 icmp type {kind}")
        for n, kind in ((1, "echo-request"), (2, "echo-reply"))
    ]
    outside = Count(host, "lan", "ip saddr 10.244.0.0/16", "outside")
    assert "5 received" in host.sh("ping -n -c5 -i.2 10.244.2.3", "ns1")
    assert f"Reply 10.244.2.3 is-at {outer}" in reply.packets()[0]
    packet = arriving.packets()[0]
    assert "ttl 63" in packet
    assert "10.244.1.3 > 10.244.2.3" in packet
    assert [int(count) for count in (*cables, outside)] == [5, 5, 0]
    for count in (*cables, outside):
        count.stop()

    for address in ("10.244.2.3", "fd00:244:0:2::3"):
        assert host.pings(address, "ns1")
        assert [found["lladdr"] for found in host.json(f"ip -j neighbor show to {address}", "ns1")] == [outer]
    remove_role(host, "proxy_arp")
    assert snapshot(host) == before


def test_the_host_does_not_become_a_router_for_others(host: Host) -> None:
    uplink(host)
    converge_role(host, "proxy_arp", verify=False)
    assert [host.sysctl(f"net/ipv4/{key}") for key in ("ip_forward", "conf/eth0/forwarding")] == ["0", "0"]
    host.sh(f"ip route add 10.244.0.0/16 via {UPLINK}", "outside")
    host.sh("ip route add default dev veth1a", "ns1")
    assert "0 received" in host.sh("ping -n -c1 -W1 10.244.1.3 || true", "outside")
    # It answers ARP for whatever its routing table covers, the default route included; and that is all it does.
    assert "0 received" in host.sh(f"ping -n -c1 -W1 {WORLD} || true", "ns1")
    assert host.json(f"ip -j neighbor show to {WORLD}", "ns1")[0]["lladdr"] == host.link("veth1b")["address"]


@pytest.mark.parametrize("ways", UNPREPARED, ids=" + ".join)
def test_an_unprepared_host(host: Host, ways: tuple[str, ...]) -> None:
    uplink(host)
    for way in ways:
        host.sh(HOSTILE[way])
    before = snapshot(host)
    converge_role(host, "proxy_arp")
    remove_role(host, "proxy_arp")
    assert snapshot(host) == before


def test_other_names_numbers_and_subnets(host: Host) -> None:
    before = snapshot(host)
    names = {"netns_prefix": "pod-", "device_prefix": "v.", "device_suffix": "", "host_suffix": ".host"}
    numbers = {"network": "192.168.8.0/24", "length": 28, "number": 1, "host_number": 14}
    variables = {f"proxy_arp_{key}": value for key, value in {**names, **numbers, "namespaces": 3}.items()}
    converge_role(host, "proxy_arp", **variables)
    assert host.addresses("v.3", "pod-3") == ["192.168.8.49/32"]
    assert host.addresses("v.3.host") == ["192.168.8.62/32"]
    converge_role(host, "proxy_arp", **{**variables, "proxy_arp_namespaces": 1})
    assert host.sh("ip netns list").split()[0] == "pod-1"
    assert host.link("v.3.host") is None
    remove_role(host, "proxy_arp")
    assert snapshot(host) == before
