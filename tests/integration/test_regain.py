# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others have made on devices that a topology changes, and that the kernel drops with an address, comes back."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
from host import Host, warnings
from test_topology import apply
from test_transaction import after, fail_after_each_step, kill, plan_of, refuse

ROUTES = (
    "10.1.0.0/16 dev eth1 metric 50",
    "10.2.0.0/16 via 192.0.2.9",
    "10.3.0.0/16 nexthop via 192.0.2.9 dev eth1 nexthop via 198.51.100.9 dev eth2",
    "10.4.0.0/16 via 192.0.2.9 table 100",
    "2001:db8:99::/64 nexthop via 2001:db8:1::9 dev eth1 nexthop via 2001:db8:2::9 dev eth2",
    "multicast 239.1.0.0/16 dev eth1 table 9",
    "multicast 239.2.0.0/16 dev eth1",
    "broadcast 10.63.0.255 dev eth1 table 10",
    "broadcast 192.0.2.255 dev eth1 metric 5",
    "anycast 10.64.0.1 dev eth1",
    "local 10.65.0.0/16 dev eth1",
    "anycast 2001:db8:63::1 dev eth1",
    "multicast ff05::/16 dev eth1 table 9",
    "local 2001:db8:64::1 dev eth1",
)
PATHS = [{"via": "192.0.2.9", "device": "eth1"}, {"via": "198.51.100.9", "device": "eth2"}]
V6 = "2001:db8:1::1/64"
CHANGES: dict[str, dict[str, Any]] = {
    "another subnet": {"link": [{"name": "eth1", "addresses": ["10.31.0.1/24", V6]}]},
    "the same subnet": {"link": [{"name": "eth1", "addresses": ["192.0.2.7/24", V6]}]},
    "its secondary alone": {"link": [{"name": "eth1", "addresses": ["192.0.2.2/24", V6]}]},
    "a host address": {"link": [{"name": "eth1", "addresses": ["192.0.2.1/32", "192.0.2.1/31", V6]}]},
    "none": {"link": [{"name": "eth1", "addresses": []}]},
    "another MAC": {"link": [{"name": "eth1", "mac": "02:00:00:00:00:aa"}]},
    "another MAC and none": {"link": [{"name": "eth1", "mac": "02:00:00:00:00:aa", "addresses": []}]},
    "down": {"link": [{"name": "eth1", "up": False}]},
    "a cable down": {"veth": [{"name": "eth1", "up": False, "peer": {"name": "far1", "up": False}}]},
    "both down": {"link": [{"name": "eth1", "up": False}, {"name": "eth2", "up": False}]},
    "moved": {"netns": [{"name": "ns1"}], "link": [{"netns": "ns1", "name": "eth1"}]},
    "too small for IPv6": {"link": [{"name": "eth1", "mtu": 1000, "addresses": ["192.0.2.7/24"]}]},
    "without IPv6": {"netns_sysctl": [{"name": "net.ipv6.conf.eth1.disable_ipv6", "value": "1"}]},
    "with the route": {
        "link": [{"name": "eth1", "addresses": ["192.0.2.7/24", V6]}],
        "netns_route": [{"destination": "10.3.0.0/16", "nexthops": PATHS}],
    },
}
KEPT = ["another MAC", "another subnet", "the same subnet", "its secondary alone", "a host address", "with the route"]


@pytest.fixture
def host(host: Host) -> Host:
    host.sh(
        "for i in 1 2; do ip link add eth$i type veth peer name far$i; ip link set far$i up; ip link set eth$i up; done"
        "; ip address add 192.0.2.1/24 dev eth1; ip address add 192.0.2.2/24 dev eth1;"
        f" ip address add {V6} dev eth1 nodad;"
        " ip address add 198.51.100.1/24 dev eth2; ip address add 2001:db8:2::1/64 dev eth2 nodad;"
        " ip neighbor add 192.0.2.77 lladdr 02:00:00:00:00:77 dev eth1 nud permanent"
    )
    for route in ROUTES:
        host.sh(f"ip {'-6' if ':' in route else '-4'} route add {route}")
    return host


def of_others(host: Host) -> str:
    """What the kernel did not make itself, whether its devices are up or not."""
    shown = host.sh(
        "ip route show table all | grep -v proto.kernel; ip -6 route show table all | grep -v proto.kernel;"
        " ip neighbor show nud permanent"
    )
    return re.sub(r" dead| linkdown| proto static", "", shown)


def found(host: Host) -> str:
    addresses = host.sh("ip -o address | grep -v fe80")
    return of_others(host) + re.sub(r"^\d+: | \d+sec", "", addresses, flags=re.MULTILINE)


@pytest.mark.parametrize("name", KEPT)
def test_routes_outlast_a_change_of_all_addresses(host: Host, name: str) -> None:
    before = of_others(host)
    done = apply(host, CHANGES[name])
    assert warnings(done) == ""
    assert of_others(host) == before
    wanted = CHANGES[name]["link"][0].get("addresses", ["192.0.2.1/24", "192.0.2.2/24", V6])
    assert {text for text in host.addresses("eth1") if not text.startswith("fe80")} == set(wanted)


DRIFTS = {
    "another MAC": "ip link set eth1 address 02:00:00:00:00:bb;"
    " ip neighbor replace 192.0.2.77 lladdr 02:00:00:00:00:77 dev eth1 nud permanent",
    "another subnet": "ip address add 10.32.0.1/24 dev eth1; ip address del 10.31.0.1/24 dev eth1;"
    " ip route add 10.5.0.0/16 dev eth1; ip neighbor add 10.32.0.77 lladdr 02:00:00:00:00:78 dev eth1 nud permanent",
}


@pytest.mark.parametrize("name", DRIFTS)
def test_what_others_have_outlasts_a_repair(host: Host, name: str) -> None:
    """A run that finds all as it was declared looks at no more than that; this one has to look again."""
    apply(host, CHANGES[name])
    host.sh(DRIFTS[name])
    before = of_others(host)
    assert apply(host, CHANGES[name])["changed"]
    assert of_others(host) == before
    assert not apply(host, CHANGES[name])["changed"]


@pytest.mark.parametrize("name", CHANGES)
def test_what_somebody_adds_meanwhile_outlasts_absent(host: Host, name: str) -> None:
    before = found(host)
    apply(host, CHANGES[name])
    assert not apply(host, CHANGES[name])["steps"]
    if name in KEPT:
        host.sh("ip route add 10.5.0.0/16 dev eth1; ip route add 10.6.0.0/16 via 192.0.2.9 dev eth1 onlink")
    done = host.do("topology", name="lab", state="absent")
    assert warnings(done) == ""
    if name in KEPT:
        host.sh("ip route del 10.5.0.0/16 dev eth1; ip route del 10.6.0.0/16 via 192.0.2.9 dev eth1 onlink")
    assert found(host) == before


@pytest.mark.parametrize("name", CHANGES)
def test_after_a_failure(host: Host, name: str) -> None:
    fail_after_each_step(host, CHANGES[name], found)


@pytest.mark.parametrize("how", ["a failure", "absent"])
@pytest.mark.parametrize("name", ["moved", "another MAC", "too small for IPv6"])
def test_a_path_through_a_device_that_is_down(host: Host, name: str, how: str) -> None:
    """A route keeps it as long as another path lives, but the kernel takes none that is dead."""
    host.sh(f"ip link set eth1 down; ip address replace {V6} dev eth1 nodad; ip neighbor add proxy 192.0.2.78 dev eth1")
    before = found(host)
    assert all(f"nexthop via {gateway} dev eth1" in before for gateway in ("192.0.2.9", "2001:db8:1::9"))
    if how == "a failure":
        fail_after_each_step(host, CHANGES[name], found)
    assert warnings(apply(host, CHANGES[name])) == ""
    assert warnings(host.do("topology", name="lab", state="absent")) == ""
    assert found(host) == before


def test_a_device_of_others_stays_when_the_way_back_is_blocked(host: Host) -> None:
    def blocked() -> None:
        subprocess.run(["ip", "address", "flush", "dev", "eth2"], check=True)
        refuse()

    cable = {"name": "a", "peer": {"name": "b"}}
    apply(host, {"veth": [cable]})
    host.sh("ip link set dev a alias mine")
    config = {**CHANGES["moved"], "veth": [{**cable, "netns": "ns1"}]}
    config["netns_route"] = [{"destination": "10.9.0.0/16", "gateway": "198.51.100.9"}]
    failed = host.module("topology", name="lab", config=config, inside=after(3, blocked))
    assert "could NOT be put back" in failed["msg"]
    assert host.link("eth1"), failed["msg"]
    # To make a cable anew would not help either.
    assert (host.link("a") or {}).get("ifalias") == "mine", failed["msg"]


@pytest.mark.parametrize("name", ["none", "the same subnet", "with the route"])
def test_after_a_kill(host: Host, name: str) -> None:
    before = found(host)
    for steps in range(plan_of(host, config=CHANGES[name]) + 1):
        host.module("topology", name="lab", config=CHANGES[name], inside=after(steps, kill))
        apply(host, CHANGES[name])
        assert "10.1.0.0/16 dev eth1" in of_others(host), f"killed after {steps} steps"
        host.do("topology", name="lab", state="absent")
        assert found(host) == before, f"killed after {steps} steps"


@pytest.mark.parametrize("then", ["run again", "taken down"])
@pytest.mark.parametrize("name", ["down", "a cable down", "too small for IPv6", "moved"])
def test_addresses_after_a_kill(host: Host, name: str, then: str) -> None:
    """A device that goes down loses its IPv6 addresses before it is given them back."""
    host.sh(
        "ip address add 2001:db8:3::1/64 dev eth1 nodad noprefixroute; ip address add 2001:db8:4::1/64 dev far1 nodad;"
        " ip address add 2001:db8:1::2/64 dev eth1 nodad valid_lft 9000 preferred_lft 8000;"
        " ip -6 route add 2001:db8:98::/64 via 2001:db8:1::9"
    )
    before = found(host)
    apply(host, CHANGES[name])
    reached = found(host)
    host.do("topology", name="lab", state="absent")
    for steps in range(plan_of(host, config=CHANGES[name]) + 1):
        host.module("topology", name="lab", config=CHANGES[name], inside=after(steps, kill))
        if then == "run again":
            apply(host, CHANGES[name])
            assert found(host) == reached, f"killed after {steps} steps"
        assert warnings(host.do("topology", name="lab", state="absent")) == ""
        assert found(host) == before, f"killed after {steps} steps"


def test_addresses_after_a_kill_on_the_way_back(host: Host) -> None:
    host.sh("ip link set eth2 down; ip address add 2001:db8:2::1/64 dev eth2 nodad")
    before = found(host)
    for stop in range(2):
        apply(host, {"link": [{"name": "eth2", "up": True}]})
        host.module("topology", name="lab", state="absent", inside=after(stop, kill))
        host.do("topology", name="lab", state="absent")
        assert found(host) == before, f"killed after {stop} steps"


def test_what_only_passed_is_its_owners_again(host: Host) -> None:
    """Also when a run was killed before it had given it back."""
    for steps in range(plan_of(host, config=CHANGES["down"]) + 1):
        host.module("topology", name="lab", config=CHANGES["down"], inside=after(steps, kill))
        host.sh("ip address add 2001:db8:5::1/64 dev eth1 nodad")
        apply(host, CHANGES["down"])
        host.sh(f"ip address del {V6} dev eth1")
        host.do("topology", name="lab", state="absent")
        assert V6 not in host.addresses("eth1"), f"killed after {steps} steps"
        assert "2001:db8:5::1/64" in host.addresses("eth1"), f"killed after {steps} steps"
        host.sh(f"ip address del 2001:db8:5::1/64 dev eth1; ip address add {V6} dev eth1 nodad")


def test_what_somebody_added_outlasts_a_kill_on_the_way_back(host: Host) -> None:
    """eth2 had no address when it was found: the last one goes, and routes by device come back without it."""
    host.sh("ip address flush dev eth2")
    config = {"link": [{"name": "eth2", "addresses": ["203.0.113.1/24"]}]}
    apply(host, config)
    for steps in range(plan_of(host, state="absent") + 1):
        host.sh("ip route replace 10.5.0.0/16 dev eth2")
        host.module("topology", name="lab", state="absent", inside=after(steps, kill))
        host.do("topology", name="lab", state="absent")
        assert "10.5.0.0/16 dev eth2" in of_others(host), f"killed after {steps} steps"
        apply(host, config)


def test_a_route_that_only_passed_is_not_made_again(host: Host) -> None:
    """It was lost and given back when the addresses went; its owner deletes it afterwards."""
    apply(host, CHANGES["none"])
    host.sh("ip route delete 10.1.0.0/16 dev eth1 metric 50")
    host.do("topology", name="lab", state="absent")
    assert "10.1.0.0/16" not in of_others(host)


def test_neighbours_of_a_bridge_whose_mac_address_follows_its_ports(host: Host) -> None:
    host.sh(
        "ip link add theirs type bridge; ip link set theirs up; ip link set eth2 address 02:ff:00:00:00:02;"
        " ip link set eth2 master theirs; ip neighbor add 10.9.0.9 lladdr 02:00:00:00:00:99 dev theirs nud permanent"
    )
    before = found(host)
    cable = {"name": "a", "mac": "02:00:00:00:00:01", "master": "theirs", "peer": {"name": "b"}}
    apply(host, {"veth": [cable]})
    assert (host.link("theirs") or {})["address"] == "02:00:00:00:00:01"
    host.sh("ip neighbor add 10.9.0.8 lladdr 02:00:00:00:00:98 dev theirs nud permanent")
    assert "10.9.0.9 dev theirs" in of_others(host)
    host.do("topology", name="lab", state="absent")
    assert (host.link("theirs") or {})["address"] == "02:ff:00:00:00:02"
    host.sh("ip neighbor del 10.9.0.8 dev theirs")
    assert found(host) == before


def test_what_needs_the_address_is_told(host: Host) -> None:
    done = apply(host, CHANGES["none"])
    assert "10.2.0.0/16" in warnings(done)
    assert "10.1.0.0/16" not in warnings(done)
    assert "10.1.0.0/16 dev eth1" in of_others(host)


def test_a_route_that_lost_its_gateway_does_not_hold_absent_up(host: Host) -> None:
    """The link had no address when it was found; somebody routes by one that the topology gave it."""
    host.sh("ip address flush dev eth2")
    apply(host, {"link": [{"name": "eth2", "addresses": ["203.0.113.1/24"]}]})
    host.sh("ip route add 10.5.0.0/16 via 203.0.113.9; ip route add 10.6.0.0/16 dev eth2")
    done = host.do("topology", name="lab", state="absent")
    assert "10.5.0.0/16" in warnings(done)
    assert "10.6.0.0/16 dev eth2" in of_others(host)
    assert "10.5.0.0/16" not in of_others(host)


@pytest.mark.parametrize(
    ("one", "other", "gateway", "source", "plain", "lost"),
    [
        ("192.0.2.1/24", "198.51.100.1/24", "198.51.100.9", "192.0.2.1", "10.7.0.0/16", "10.8.0.0/16"),
        (V6, "2001:db8:2::1/64", "2001:db8:2::9", "2001:db8:2::1", "2001:db8:97::/64", "2001:db8:98::/64"),
    ],
)
def test_a_gateway_that_is_another_devices(
    host: Host, one: str, other: str, gateway: str, source: str, plain: str, lost: str
) -> None:
    """Two links exchange their addresses: what a route loses with its source cannot be had again by its old device."""
    host.sh(
        "for i in 1 2; do ip address flush dev eth$i scope global; done;"
        f" ip address add {one} dev eth1 nodad; ip address add {other} dev eth2 nodad;"
        f" ip route add {plain} via {gateway} dev eth2; ip route add {lost} via {gateway} dev eth2 src {source}"
    )
    before = found(host)
    config = {"link": [{"name": "eth1", "addresses": [other]}, {"name": "eth2", "addresses": [one]}]}
    promised = host.do("topology", name="lab", config=config, check=True)
    assert lost in warnings(promised)
    assert warnings(apply(host, config)) == warnings(promised)
    host.do("topology", name="lab", state="absent")
    assert found(host) == before


def test_what_ipv6_keeps_on_the_loopback_device(host: Host) -> None:
    """Its routes to nowhere go when that goes down; the topology's own and those of others."""
    host.sh("ip netns add theirs; ip -n theirs link set lo up; ip -n theirs -6 route add prohibit 2001:db8:6::/64")
    own = {"netns": "theirs", "destination": "::/0", "type": "unreachable"}
    apply(host, {"netns_route": [own]})
    apply(host, {"netns": [{"name": "theirs", "lo_up": False}], "netns_route": [own]})
    shown = host.sh("ip -6 route", "theirs")
    assert "prohibit 2001:db8:6::/64" in shown
    assert "unreachable default" in shown
    host.do("topology", name="lab", state="absent")
    assert "prohibit 2001:db8:6::/64" in host.sh("ip -6 route", "theirs")
    assert "default" not in host.sh("ip -6 route", "theirs")


OWN_MTU = "/proc/sys/net/ipv6/conf/eth1/mtu"
IPV6_MTUS: dict[str, dict[str, Any]] = {
    **{name: CHANGES[name] for name in ("down", "a cable down", "moved", "too small for IPv6", "without IPv6")},
    "a smaller MTU": {"link": [{"name": "eth1", "mtu": 1400}]},
    "the same MTU": {"link": [{"name": "eth1", "mtu": 1300}]},
    "a still smaller MTU": {"link": [{"name": "eth1", "mtu": 1290}]},
    "declared": {
        "link": [{"name": "eth1", "mtu": 1400}],
        "netns_sysctl": [{"name": "net.ipv6.conf.eth1.mtu", "value": "1290"}],
    },
}


@pytest.mark.parametrize("name", IPV6_MTUS)
def test_the_mtu_for_ipv6_alone(host: Host, name: str) -> None:
    """The kernel sets it to the device's whenever that changes or the device comes up."""
    host.sh(f"echo 1300 > {OWN_MTU}")
    config = IPV6_MTUS[name]
    for steps in range(plan_of(host, config=config) + 1):
        failed = host.module("topology", name="lab", config=config, inside=after(steps, refuse))
        assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
        assert host.sh(f"cat {OWN_MTU}") == "1300\n", f"failed after {steps} steps"
    apply(host, config)
    assert not apply(host, config)["changed"]
    if name == "a smaller MTU":
        assert host.sh(f"cat {OWN_MTU}") == "1300\n"
    host.do("topology", name="lab", state="absent")
    assert host.sh(f"cat {OWN_MTU}") == "1300\n"


@pytest.mark.parametrize("name", ["down", "moved", "a smaller MTU"])
def test_the_mtu_for_ipv6_alone_after_a_kill(host: Host, name: str) -> None:
    host.sh(f"echo 1300 > {OWN_MTU}")
    config = IPV6_MTUS[name]
    for steps in range(plan_of(host, config=config) + 1):
        host.module("topology", name="lab", config=config, inside=after(steps, kill))
        host.do("topology", name="lab", state="absent")
        assert host.sh(f"cat {OWN_MTU}") == "1300\n", f"killed after {steps} steps"
    apply(host, config)
    for steps in range(plan_of(host, state="absent") + 1):
        host.module("topology", name="lab", state="absent", inside=after(steps, kill))
        host.do("topology", name="lab", state="absent")
        assert host.sh(f"cat {OWN_MTU}") == "1300\n", f"killed on the way back after {steps} steps"
        apply(host, config)


@pytest.mark.parametrize("name", ["down", "moved", "a smaller MTU"])
def test_an_mtu_for_ipv6_that_nobody_set_is_the_devices(host: Host, name: str) -> None:
    apply(host, IPV6_MTUS[name])
    host.do("topology", name="lab", state="absent")
    host.sh("ip link set eth1 mtu 1450")
    assert host.sh(f"cat {OWN_MTU}") == "1450\n"
