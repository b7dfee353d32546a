# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role `fastpath`: pods whose packets the host's IP stack never sees."""

from __future__ import annotations

from itertools import permutations

import pytest
from host import Host
from snapshot import snapshot
from test_fastpath import counters, four, has_clsact, six, ttl

from roles import HOSTILE, apply_role, converge_role, good, remove_role, settle, there_and_back, uplink, verify_role

UNPREPARED = [
    ("strict rp_filter", "forwarding half on", "FORWARD drop by iptables-nft"),
    ("other defaults", "forwarding on", "FORWARD drop by nft"),
]
SIX = {"fastpath_network6": "fd00:244::/32", "fastpath_length6": 48}


def ttls(host: Host, pods: int) -> set[int]:
    """The TTLs that the answers of all pods to all others arrive with, by IPv4 and IPv6."""
    pairs = list(permutations(range(1, pods + 1), 2))
    return {ttl(host, address(there), f"ns{here}") for here, there in pairs for address in (four, six)}


def test_the_host_sees_nothing_of_it(host: Host) -> None:
    host.sh("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
    before = snapshot(host)
    converge_role(host, "fastpath", **SIX)
    settle(host)
    neighbors = host.json("ip -j neighbor show nud permanent", "ns1")
    assert {found["lladdr"] for found in neighbors} == {host.link("veth1b")["address"]}
    was = counters(host)
    for target in (four(2), six(2)):
        assert "20 received" in host.sh(f"ping -n -c20 -i.1 {target}", "ns1")
    assert counters(host) == was
    assert [ttl(host, own) for own in ("10.244.1.2", "fd00:244:1::2")] == [64, 64]
    assert counters(host)["InReceives"] > was["InReceives"]
    remove_role(host, "fastpath")
    assert snapshot(host) == before


def test_the_routed_path_is_below_it(host: Host) -> None:
    converge_role(host, "fastpath", fastpath_namespaces=3, **SIX)
    settle(host)
    was = counters(host)
    assert ttls(host, 3) == {64}
    assert counters(host) == was
    converge_role(host, "fastpath", fastpath_namespaces=3, fastpath_shortcut=False, **SIX)
    assert [has_clsact(host, f"veth{n}b") for n in (1, 2, 3)] == [False] * 3
    was = counters(host)
    assert ttls(host, 3) == {63}
    # A request and a reply of each of six pairs.
    for name in ("ForwDatagrams", "Ip6OutForwDatagrams"):
        assert counters(host)[name] == was[name] + 12, name
    # Fewer pods and the short cut again, in one run.
    converge_role(host, "fastpath", **SIX)
    assert ttls(host, 2) == {64}
    remove_role(host, "fastpath")


def test_a_pod_that_somebody_deleted(host: Host) -> None:
    good(apply_role(host, "fastpath", fastpath_namespaces=3))
    host.sh("ip netns delete ns3")
    assert [ttl(host, four(2)), ttl(host, four(1), "ns2")] == [64, 64]
    converge_role(host, "fastpath", fastpath_namespaces=3)
    assert ttl(host, four(3)) == 64


@pytest.mark.parametrize("ways", UNPREPARED, ids=" + ".join)
def test_an_unprepared_host(host: Host, ways: tuple[str, ...]) -> None:
    uplink(host)
    for way in ways:
        host.sh(HOSTILE[way])
    rows = there_and_back(host, "fastpath", **SIX)
    assert {(row["expected"], row["ok"]) for row in rows} == {("reachable", True), ("unreachable", True)}


def test_the_proof_fails_where_the_short_cut_is_broken(host: Host) -> None:
    good(apply_role(host, "fastpath", fastpath_mode="auto"))
    host.sh("tc filter delete dev veth1b ingress")
    assert "the TTL of the answer is 63, not 64" in str(verify_role(host, "fastpath"))
