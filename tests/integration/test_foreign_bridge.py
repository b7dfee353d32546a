# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bridge that somebody else made gets a port of ours and follows it; without the port it is as it was found."""

from __future__ import annotations

from typing import Any

import pytest
from host import Host
from snapshot import snapshot
from test_topology import apply
from test_transaction import after, plan_of, refuse

MADE = """
ip link add br9 type bridge
ip link set br9 up
ip address add 10.9.9.1/24 dev br9
ip address add 2001:db8:9::1/64 dev br9 nodad
ip -6 route add 2001:db8:99::/64 via 2001:db8:9::2
echo 2 > /proc/sys/net/ipv6/conf/br9/accept_ra
"""


def config(mtu: int | None, ports: int) -> dict[str, Any]:
    """A document with cables from namespaces to the bridge."""
    numbers = range(1, ports + 1)
    return {
        "netns": [{"name": f"ns{n}"} for n in numbers],
        "veth": [
            {"name": f"port{n}", "mtu": mtu, "master": "br9", "peer": {"netns": f"ns{n}", "name": "eth0"}}
            for n in numbers
        ],
    }


def bridge(host: Host) -> list[str]:
    """The bridge, without what the kernel does in its own time."""
    return host.sh(
        "ip -o address show dev br9 | grep -v fe80;"
        " ip -d -6 route show dev br9 | sed 's/ linkdown//; s/  */ /g';"
        " cat /proc/sys/net/ipv6/conf/br9/accept_ra || :;"
        " ip -o link show dev br9 | sed 's/NO-CARRIER,//; s/,LOWER_UP//; s/ state [A-Z]*//'"
    ).splitlines()


@pytest.fixture
def host(host: Host) -> Host:
    host.sh(MADE)
    return host


@pytest.mark.parametrize("mtu", [None, 1400, 1000])
def test_after_a_failure(host: Host, mtu: int | None) -> None:
    before = bridge(host)
    steps = plan_of(host, config=config(mtu, 2))
    failed = host.module("topology", name="lab", config=config(mtu, 2), inside=after(steps, refuse))
    assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
    assert bridge(host) == before


@pytest.mark.parametrize("mtu", [None, 1400, 1000])
def test_after_absent(host: Host, mtu: int | None) -> None:
    before = bridge(host)
    apply(host, config(mtu, 2))
    assert bridge(host) != before
    host.do("topology", name="lab", state="absent")
    assert bridge(host) == before


@pytest.mark.parametrize("mtu", [None, 1400, 1000])
def test_after_purge(host: Host, mtu: int | None) -> None:
    before = bridge(host)
    apply(host, config(mtu, 2))
    apply(host, config(mtu, 1))
    assert host.attributes("br9")["mtu"] == (mtu or 1500), "it has a port still"
    apply(host, {})
    assert bridge(host) == before


@pytest.mark.parametrize("mtus", [(9000,), (9000, 1500), (9000, 9000)])
def test_an_mtu_of_its_own_does_not_follow_the_ports(host: Host, converge: Any, mtus: tuple[int, ...]) -> None:
    """The kernel does not tell that a bridge was given its MTU, and that it does not follow its ports any more."""
    host.sh("ip link add br1 up type bridge")
    before = snapshot(host)
    ends = [
        ({"name": f"a{n}", "mtu": mtu, "master": "br1"}, {"name": f"b{n}", "mtu": mtu}) for n, mtu in enumerate(mtus)
    ]
    config = {"bridge": [{"name": "br1", "mtu": 9000}], "veth": [{**near, "peer": far} for near, far in ends]}
    converge("topology", name="lab", config=config)
    steps = plan_of(host, state="absent")
    for stop in range(steps + 1):
        failed = host.module("topology", name="lab", state="absent", inside=after(stop, refuse))
        assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
    converge("topology", name="lab", state="absent")
    assert snapshot(host) == before
    for stop in range(plan_of(host, config=config) + 1):
        failed = host.module("topology", name="lab", config=config, inside=after(stop, refuse))
        assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
        assert host.attributes("br1")["mtu"] == 1500


def test_an_mtu_that_somebody_gave_it(host: Host) -> None:
    host.sh(
        "ip link add br1 up type bridge; ip link add p0 mtu 9000 type veth peer name p1; ip link set p0 master br1;"
        "ip link set br1 mtu 8000; ip link set br1 mtu 9000"
    )
    gone = {"name": "p0", "state": "absent"}
    done = host.do("topology", name="lab", config={"bridge": [{"name": "br1", "mtu": 1500}], "veth": [gone]})
    assert host.attributes("br1")["mtu"] == 1500
    assert [step["command"] for step in done["steps"]] == ["ip link delete dev p0", "ip link set dev br1 mtu 1500"]


@pytest.mark.parametrize("how", ["purged", "taken down"])
def test_a_port_that_somebody_adds_meanwhile_stays(host: Host, how: str) -> None:
    host.sh("ip link add theirs1 type veth peer name theirs2; ip link set theirs1 master br9")
    apply(host, config(None, 1))
    host.sh("ip link set theirs2 master br9")
    done = apply(host, {}) if how == "purged" else host.do("topology", name="lab", state="absent")
    assert "warnings" not in done
    ports = [link["ifname"] for link in host.json("ip -j link show master br9")]
    assert sorted(ports) == ["theirs1", "theirs2"]


FOLLOWING = """
ip link add eth2 address 3a:00:00:00:00:02 type veth peer name far2
ip link add br1 up type bridge; ip link set eth2 up master br1
"""
JOINED = {"bridge": [{"name": "br1", "ports": ["eth2", "v1"]}], "veth": [{"name": "v1", "peer": {"name": "p1"}}]}


def test_a_bridge_that_follows_its_ports_still_does_after_a_failure(host: Host) -> None:
    """Its MAC address is the smallest one of theirs until somebody sets it (NET_ADDR_SET): then it is kept for good."""
    host.sh(FOLLOWING)
    before = snapshot(host)
    apply(host, JOINED)
    joined = snapshot(host)
    other = {"bridge": [{"name": "br0", "ports": ["eth2", "p1"]}], "veth": JOINED["veth"]}
    for stop in range(plan_of(host, config=other) + 1):
        failed = host.module("topology", name="lab", config=other, inside=after(stop, refuse))
        assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
        assert host.sh("cat /sys/class/net/br1/addr_assign_type").strip() == "1", "set, and not of the ports any more"
        assert snapshot(host) == joined
    host.do("topology", name="lab", state="absent")
    assert snapshot(host) == before
    host.sh("ip link set eth2 address 3a:00:00:00:00:01")
    assert host.attributes("br1")["mac"] == "3a:00:00:00:00:01"


def test_a_mac_that_somebody_set_to_that_of_a_port(host: Host) -> None:
    """It looks like one that follows; what did not follow is written then, with the neighbours that go with it."""
    host.sh(f"{FOLLOWING} ip neigh add 10.9.9.9 lladdr 02:00:00:00:00:01 dev br1 nud permanent")
    before = snapshot(host)
    apply(host, JOINED)
    host.sh("ip link set br1 address $(cat /sys/class/net/v1/address)")
    host.sh("ip neigh replace 10.9.9.9 lladdr 02:00:00:00:00:01 dev br1 nud permanent")
    gone = host.do("topology", name="lab", state="absent")
    assert "ip link set dev br1 address 3a:00:00:00:00:02" in [step["command"] for step in gone["steps"]]
    assert snapshot(host) == before


def test_a_neighbour_of_a_bridge_that_loses_its_last_port(host: Host) -> None:
    """Without a port it has no MAC address, and takes neighbours all the same."""
    host.sh(
        "ip link add eth2 type veth peer name far2; ip link set eth2 master br9 up;"
        " ip neighbor add 10.9.9.9 lladdr 02:00:00:00:00:01 dev br9 nud permanent"
    )
    bare, taken = snapshot(host), {"bridge": [{"name": "br0", "ports": ["eth2"]}]}
    for ways in ({"config": taken}, {"state": "absent"}):
        before = snapshot(host)
        for steps in range(plan_of(host, **ways) + 1):
            failed = host.module("topology", name="lab", inside=after(steps, refuse), **ways)
            assert failed["msg"].endswith("The host was put back as it was found."), (steps, failed["msg"])
            assert snapshot(host) == before, f"failed after {steps} steps"
        host.do("topology", name="lab", **ways)
        assert "10.9.9.9 dev br9 lladdr 02:00:00:00:00:01 PERMANENT" in host.sh("ip neighbor")
    assert snapshot(host) == bare
