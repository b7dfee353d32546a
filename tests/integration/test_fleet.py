# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same play on many hosts: one that fails stops none of the others, and is named."""

from __future__ import annotations

from pathlib import Path

from fleet import Fleet, said
from host import Host

NAMES = [f"n{number}" for number in range(6)]
SUBNET = "{{ '10.64.0.0/10' | nsfabric.linux.subnet(groups['all'].index(inventory_hostname), 24) }}"


def test_a_host_that_fails_stops_none_of_the_others(host: Host, tmp_path: Path) -> None:
    fleet = Fleet(host, tmp_path, NAMES, nsfabric_roles=["bridged"], nsfabric_facts=False, bridged_subnet=SUBNET)
    fleet.own["n6"] = {}
    bad = fleet.at("n3")
    bad.sh("ip link add br0 type veth peer name other")
    text = said(fleet.play("build"), 4)
    assert "\nchanged: n0 (26 steps), n1 (26 steps), n2 (26 steps), n4 (26 steps), n5 (26 steps)\n" in text
    assert "\nfailed: n3: The topology as declared: " in text
    assert "br0 exists and is a veth, not a bridge" in text
    assert "\nunreachable: n6\n" in text
    for number, name in enumerate(NAMES):
        if name != "n3":
            at = fleet.at(name)
            assert at.addresses("br0") == [f"10.64.{number}.254/24"]
            assert [at.addresses(f"veth{n}", f"ns{n}") for n in (1, 2)] == [[f"10.64.{number}.{n}/24"] for n in (1, 2)]
            (route,) = at.json("ip -j route show default", "ns1")
            assert route["gateway"] == f"10.64.{number}.254"
    assert bad.sh("ip netns list") == ""

    del fleet.own["n6"]
    bad.sh("ip link delete br0")
    # The uplink has another name here, which the role takes from the facts.
    (default,) = bad.json("ip -j -4 route show default")
    bad.sh("ip link set eth0 down; ip link set eth0 name wan0; ip link set wan0 up")
    bad.sh(f"ip route replace default via {default['gateway']} dev wan0")
    fleet.own["n3"]["nsfabric_facts"] = True
    text = said(fleet.play("build"))
    assert text.splitlines()[-2:] == ["changed: n3 (26 steps)", "nothing to do: n0, n1, n2, n4, n5"]
    assert bad.addresses("veth2", "ns2") == ["10.64.3.2/24"]
    assert bad.sh("cat /proc/sys/net/ipv4/conf/wan0/forwarding").strip() == "1"
