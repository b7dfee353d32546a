# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices that somebody has put on top of a link: the kernel changes them with it, and does not change them back."""

from __future__ import annotations

import re
from typing import Any

import features
import pytest
from host import Host, warnings
from snapshot import snapshot
from test_topology import apply
from test_transaction import after, kill, plan_of, refuse

KINDS = ["macvlan mode bridge", *(["vlan id 7"] if features.has("vlan") else [])]
CHANGES: dict[str, dict[str, Any]] = {
    "smaller": {"link": [{"name": "eth1", "mtu": 1400}]},
    "too small for IPv6": {"link": [{"name": "eth1", "mtu": 1000, "addresses": ["192.0.2.1/24"]}]},
    "down": {"link": [{"name": "eth1", "up": False}]},
    "moved": {"netns": [{"name": "ns1"}], "link": [{"netns": "ns1", "name": "eth1", "mtu": 1400}]},
    "another MAC": {"link": [{"name": "eth1", "mac": "02:00:00:00:00:aa"}]},
}


@pytest.fixture(params=KINDS, ids=[kind.split()[0] for kind in KINDS])
def stacked(host: Host, request: pytest.FixtureRequest) -> Host:
    """upper0 on eth1 with what its owner gave it, and upper1 on that, down and in a bridge."""
    host.sh(
        "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad; ip link add eth1 type veth peer name far1;"
        " ip link set far1 up; ip link set eth1 up; ip address add 192.0.2.1/24 dev eth1;"
        f" ip link add link eth1 name upper0 type {request.param}; ip link set upper0 up;"
        " ip address add 198.51.100.1/24 dev upper0; ip address add 2001:db8:5::1/64 dev upper0;"
        " ip route add 10.5.0.0/16 via 198.51.100.9; ip -6 route add 2001:db8:55::/64 via 2001:db8:5::9;"
        " ip link add theirs type bridge; ip link set theirs up;"
        f" ip link add link upper0 name upper1 type {request.param}; ip link set upper1 mtu 1450 master theirs"
    )
    return host


def found(host: Host) -> str:
    shown = host.sh(
        "ip -o link; ip -o address | grep -v fe80; ip route; ip -6 route | grep -v fe80; echo; bridge link show"
    )
    return re.sub(
        r"^\d+: | dead| linkdown| state \w+| qdisc \w+|NO-CARRIER,|,LOWER_UP|,M-DOWN", "", shown, flags=re.MULTILINE
    )


@pytest.mark.parametrize("name", CHANGES)
def test_after_absent(stacked: Host, name: str) -> None:
    before = found(stacked)
    apply(stacked, CHANGES[name])
    assert not apply(stacked, CHANGES[name])["steps"]
    gone = stacked.do("topology", name="lab", state="absent")
    assert warnings(gone) == ""
    assert found(stacked) == before


@pytest.mark.parametrize("name", CHANGES)
def test_in_a_namespace_that_no_document_speaks_of(host: Host, name: str) -> None:
    """And one device more on that, in a third."""
    host.sh(
        "ip link add eth1 up type veth peer name far1; ip address add 192.0.2.1/24 dev eth1; ip netns add theirs;"
        " ip link add link eth1 name upper0 netns theirs type macvlan mode bridge; ip -n theirs link set upper0 up;"
        " ip -n theirs address add 198.51.100.1/24 dev upper0; ip -n theirs route add 10.5.0.0/16 via 198.51.100.9;"
        " ip -n theirs address add 2001:db8:5::1/64 dev upper0 nodad; ip netns add more;"
        " ip -n theirs link add link upper0 name upper1 netns more type macvlan mode bridge;"
        " ip -n more address add 2001:db8:6::1/64 dev upper1 nodad"
    )
    before = snapshot(host)
    steps = plan_of(host, config=CHANGES[name])
    for each in range(steps + 1):
        failed = host.module("topology", name="lab", config=CHANGES[name], inside=after(each, refuse))
        assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
        assert snapshot(host) == before, f"failed after {each} steps"
    host.module("topology", name="lab", config=CHANGES[name], inside=after(steps // 2 + 1, kill))
    host.do("topology", name="lab", state="absent")
    assert snapshot(host) == before
    apply(host, CHANGES[name])
    assert not apply(host, CHANGES[name])["steps"]
    assert warnings(host.do("topology", name="lab", state="absent")) == ""
    assert snapshot(host) == before


@pytest.mark.parametrize("name", CHANGES)
def test_after_purge(stacked: Host, name: str) -> None:
    before = found(stacked)
    apply(stacked, CHANGES[name])
    apply(stacked, {"netns": [{"name": "ns1"}]})
    assert found(stacked) == before


@pytest.mark.parametrize("name", CHANGES)
def test_after_a_failure_or_a_kill(stacked: Host, name: str) -> None:
    before = found(stacked)
    for steps in range(plan_of(stacked, config=CHANGES[name]) + 1):
        failed = stacked.module("topology", name="lab", config=CHANGES[name], inside=after(steps, refuse))
        assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
        assert found(stacked) == before, f"failed after {steps} steps"
        stacked.module("topology", name="lab", config=CHANGES[name], inside=after(steps, kill))
        stacked.do("topology", name="lab", state="absent")
        assert found(stacked) == before, f"killed after {steps} steps"


def test_the_lower_one_grows_first(stacked: Host) -> None:
    """Whatever the order of the document."""
    stacked.sh("ip link set eth1 mtu 1300")
    ends = [{"name": name, "mtu": 1400} for name in ("upper1", "upper0", "eth1")]
    apply(stacked, {"link": ends})
    mtus = [stacked.sh(f"cat /sys/class/net/{end['name']}/mtu").strip() for end in ends]
    assert mtus == ["1400"] * 3


def test_what_stands_on_a_device_that_goes_is_told(host: Host) -> None:
    apply(host, {"bridge": [{"name": "br0"}], "netns": [{"name": "ns1"}]})
    host.sh(
        "ip link add link br0 name theirs0 type macvlan mode bridge; ip link add link br0 name theirs1 type macvlan;"
        " ip link set theirs1 netns ns1"
    )
    gone = host.do("topology", name="lab", state="absent")
    assert "theirs0 goes with br0, which it stands on, though this topology did not make it" in warnings(gone)
    assert "theirs0" not in host.sh("ip -o link")


def test_what_takes_all_packets_leaves_none_to_a_bridge(host: Host) -> None:
    """The kernel refuses such a port; everything else of the device comes back."""
    host.sh(
        "ip link add theirs type bridge; ip link add eth1 type veth peer name far1; ip link set eth1 master theirs;"
        " ip address add 192.0.2.1/24 dev eth1"
    )
    apply(host, {"link": [{"name": "eth1", "master": "", "mtu": 1400, "addresses": []}]})
    host.sh("ip link add link eth1 name upper type macvlan mode bridge")
    wrong = "eth1 cannot be a bridge port: upper, a macvlan, takes all that comes in by it"
    for check in (True, False):
        refused = host.module("link", name="eth1", master="theirs", check=check)
        assert refused["msg"] == f"master: {wrong}"
    gone = host.do("topology", name="lab", state="absent")
    assert f"what was found before cannot be put back: {wrong}" in warnings(gone)
    assert {"mtu": 1500, "addresses": ["192.0.2.1/24"], "master": ""}.items() <= host.attributes("eth1").items()


def vxlan(host: Host) -> bool:
    """One of somebody else on eth1; whether this kernel has such."""
    host.sh("ip link add eth1 up type veth peer name far1; ip address add 192.0.2.1/24 dev eth1; ip netns add theirs")
    if not features.has("vxlan"):
        return False
    host.sh(
        "ip link add vx0 type vxlan id 5 dstport 4789 dev eth1; ip link set vx0 up; ip address add 10.5.0.1/24 dev vx0"
    )
    return True


@pytest.mark.parametrize("place", ["", "theirs"], ids=["beside it", "in another namespace"])
def test_what_a_move_would_delete_is_not_deleted(host: Host, place: str) -> None:
    there = vxlan(host)
    moved = {"netns": [{"name": "ns1"}], "link": [{"netns": "ns1", "name": "eth1"}]}
    if not there:
        apply(host, moved)
        return
    if place:
        # It still stands on eth1.
        host.sh("ip link set vx0 netns theirs")
    before = host.picture()
    for check in (True, False):
        refused = host.module("topology", name="lab", config=moved, check=check)
        upper = f"{place}/vx0" if place else "vx0"
        assert f"the kernel deletes {upper}, which stands on eth1, with the move; delete it first" in refused["msg"]
    assert host.picture() == before
    if not place:
        apply(host, {**moved, "link": [*moved["link"], {"name": "vx0", "state": "absent"}]})
        assert host.link("vx0") is None


def test_what_goes_when_a_device_comes_back_is_told(host: Host) -> None:
    apply(host, {"netns": [{"name": "ns1"}]})
    there = vxlan(host)
    if there:
        host.sh("ip link delete vx0")
    apply(host, {"netns": [{"name": "ns1"}], "link": [{"netns": "ns1", "name": "eth1"}]})
    if there:
        host.sh("ip link add vx0 type vxlan id 5 dstport 4789 dev eth1", "ns1")
    gone = host.do("topology", name="lab", state="absent")
    told = "the kernel deletes ns1/vx0, which stands on ns1/eth1, with the move"
    assert (told in warnings(gone)) == there
    assert host.attributes("eth1")["addresses"] == ["192.0.2.1/24"]


def test_a_vxlan_keeps_its_mtu(host: Host) -> None:
    there = vxlan(host)
    before = host.link("vx0")
    done = apply(host, {"link": [{"name": "eth1", "mtu": 1300}]})
    assert [step["command"] for step in done["steps"]] == ["ip link set dev eth1 mtu 1300"]
    assert host.link("vx0") == before
    assert there == (before is not None)
