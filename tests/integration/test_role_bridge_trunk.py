# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role `bridge_trunk`: two bridges and a cable are one switch."""

from __future__ import annotations

from typing import Any

import features
import pytest
from host import Host, until
from snapshot import snapshot

from roles import HOSTILE, WORLD, Capture, Count, apply_role, converge_role, good, remove_role, settle, uplink

UNPREPARED = [
    ("strict rp_filter", "forwarding on", "FORWARD drop by iptables-nft"),
    ("other defaults", "FORWARD drop by nft"),
]


def test_frames_cross_the_cable_untouched(host: Host) -> None:
    uplink(host)
    before = snapshot(host)
    converge_role(host, "bridge_trunk", bridge_trunk_subnet6="fd00:1::/64", bridge_trunk_probe=[WORLD])
    settle(host)
    mac = {n: host.link(f"veth{n}", f"ns{n}")["address"] for n in (1, 3)}

    arriving = Capture(host, "veth3", "icmp[icmptype] == icmp-echo", "ns3")
    crossed = Count(host, "vethb", "ip saddr 10.1.0.1 icmp type echo-request")
    assert "5 received" in host.sh("ping -n -c5 -i.2 10.1.0.3", "ns1")
    assert int(crossed) == 5
    packet = arriving.packets()[0]
    assert f"{mac[1]} > {mac[3]}" in packet
    assert "ttl 64" in packet
    assert "10.1.0.1 > 10.1.0.3" in packet
    assert "5 received" in host.sh("ping -n -c5 -i.2 10.1.0.2", "ns1")
    assert int(crossed) == 5, "what stays on the first bridge stays off the cable"
    crossed.stop()
    learned = {found["mac"]: found["ifname"] for found in host.json("bridge -j fdb show br br0") if "master" in found}
    assert learned[mac[3]] == "vetha"
    assert host.json("ip -j neighbor show to 10.1.0.3", "ns1")[0]["lladdr"] == mac[3]
    remove_role(host, "bridge_trunk")
    assert snapshot(host) == before


def test_a_broken_cable_parts_them_and_is_mended(host: Host) -> None:
    converge_role(host, "bridge_trunk", verify=False)
    host.sh("ip link set vetha nomaster")
    assert "0 received" in host.sh("ping -n -c1 -W1 10.1.0.3 || true", "ns1")
    assert host.pings("10.1.0.2", "ns1")
    assert good(apply_role(host, "bridge_trunk"))["changed"]
    assert host.pings("10.1.0.3", "ns1")


def test_with_the_spanning_tree_protocol(host: Host) -> None:
    converge_role(host, "bridge_trunk", bridge_trunk_stp=True, bridge_trunk_namespaces=1)
    # Whether they agree on a root cannot be seen here: the kernel drops what is heard outside its first namespace.
    assert "STP 802.1d" in Capture(host, "vethb", "stp").packets()[0]

    def forwarding() -> bool:
        return {found["state"] for found in host.json("bridge -j link show")} == {"forwarding"}

    assert until(forwarding)


@pytest.mark.parametrize("ways", UNPREPARED, ids=" + ".join)
def test_an_unprepared_host(host: Host, ways: tuple[str, ...]) -> None:
    uplink(host)
    for way in ways:
        host.sh(HOSTILE[way])
    assert not features.has("br_netfilter") or host.sysctl("net/bridge/bridge-nf-call-iptables") == "1"
    before = snapshot(host)
    variables: dict[str, Any] = {
        "bridge_trunk_bridges": ["left", "right"],
        "bridge_trunk_cable": ["l.trunk", "r.trunk"],
        "bridge_trunk_subnet": "10.7.0.0/28",
        "bridge_trunk_subnet6": "fd00:7::/64",
        "bridge_trunk_mtu": 1400,
    }
    converge_role(host, "bridge_trunk", **variables)
    assert {host.link(name)["mtu"] for name in ("left", "l.trunk", "br-veth4", "right")} == {1400}
    remove_role(host, "bridge_trunk")
    assert snapshot(host) == before
