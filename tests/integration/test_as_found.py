# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others have given a link comes back with it, exactly and in its order, however the change is undone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from host import Host, warnings
from snapshot import snapshot
from test_topology import apply
from test_transaction import after, fail_after_each_step, kill, plan_of, refuse

ADDRESSES = (
    "192.0.2.10/24 brd + dev eth1 label eth1:web",
    "192.0.2.11/24 dev eth1",
    "192.0.2.12/24 brd + dev eth1",
    "198.51.100.7/24 dev eth1 metric 77",
    "203.0.113.1/24 dev eth1 noprefixroute",
    "10.66.0.1/32 peer 10.66.0.2 dev eth1",
    "10.66.0.1/32 peer 10.66.0.3 dev eth1",
    "10.67.0.1 peer 10.68.0.1/24 dev eth1",
    "10.69.0.1 peer 10.68.0.2/24 dev eth1",
    "2001:db8:2::10/64 dev eth1 nodad",
    "2001:db8:2::11/64 dev eth1 nodad mngtmpaddr",
    "2001:db8:3::1/64 dev eth1 nodad noprefixroute",
    "2001:db8:4::1/128 dev eth1 nodad valid_lft 7200 preferred_lft 3600",
    "192.0.2.13/24 dev eth1 valid_lft 7200 preferred_lft 3600",
    "fe80::1/64 dev eth1 nodad",
)
SETTINGS = {
    "net/ipv4/conf/eth1/rp_filter": 2,
    "net/ipv6/conf/eth1/accept_ra": 0,
    "net/ipv4/neigh/eth1/base_reachable_time_ms": 12000,
    "net/ipv6/neigh/eth1/mcast_solicit": 5,
}
ROUTES = (
    "default via 192.0.2.1 advmss 1400 mtu lock 1450 initcwnd 30",
    "203.0.113.0/24 dev eth1 proto kernel scope link src 203.0.113.1 metric 100",
    "10.20.0.0/16 via 192.0.2.2 src 192.0.2.11",
    "10.21.0.0/16 dev eth1 proto kernel realms 7",
    "10.21.0.0/16 via 192.0.2.3 tos 0x10",
    "10.22.0.0/16 nexthop via 192.0.2.4 dev eth1 weight 3 nexthop via 192.0.2.5 dev eth1",
    "10.23.0.0/16 via 192.0.2.6 table 100 proto bird quickack 1",
    "10.25.0.0/16 encap ip id 43 dst 192.0.2.78 via 192.0.2.4 dev eth1",
    "10.26.0.0/16 nexthop encap ip id 42 dst 192.0.2.77 via 192.0.2.4 dev eth1 nexthop via 192.0.2.5 dev eth1",
    "10.24.0.0/16 via 10.66.0.2",
    "10.27.0.0/16 via 10.66.0.3",
    "10.28.0.0/16 via 10.68.0.9",
    "2001:db8:77::/64 via 2001:db8:2::1 pref high hoplimit 9",
    "2001:db8:78::/64 from 2001:db8:2::/64 via 2001:db8:2::1",
    "2001:db8:79::/64 nexthop via 2001:db8:2::2 nexthop via 2001:db8:2::3",
    "2001:db8:80::/64 nexthop via 2001:db8:2::2 nexthop encap seg6 mode encap segs fc00::1 via 2001:db8:2::3 dev eth1",
    "2001:db8:3::/64 dev eth1 proto kernel metric 99",
    "2001:db8:81::/64 via 2001:db8:2::4 mtu 1450",
    "2001:db8:82::/64 via 2001:db8:2::4 mtu lock 1450",
)
SECOND = ("10.20.0.0/16 via 192.0.2.7", "10.20.0.0/16 via 192.0.2.8 proto kernel mtu 1300")
NEIGHBOURS = (
    "192.0.2.1 lladdr 02:00:00:00:00:01 dev eth1",
    "2001:db8:2::1 lladdr 02:00:00:00:00:02 dev eth1",
    "proxy 192.0.2.99 dev eth1",
)
# Of eth2, in the bridge "theirs".
PORT = "hairpin on isolated on learning off cost 55 priority 3 mcast_router 2 group_fwd_mask 8"
CHANGES: dict[str, dict[str, Any]] = {
    "down": {"link": [{"name": "eth1", "up": False}]},
    "mac": {"link": [{"name": "eth1", "mac": "02:00:00:00:00:aa"}]},
    "addresses": {"link": [{"name": "eth1", "addresses": ["192.0.2.12/24", "2001:db8:2::10/64"]}]},
    "none": {"link": [{"name": "eth1", "addresses": []}]},
    "link-local": {"link": [{"name": "eth1", "addresses": ["192.0.2.12/24", "fe80::2/64"]}]},
    "link-local found": {"link": [{"name": "eth1", "addresses": ["192.0.2.12/24", "fe80::1/64"]}]},
    "moved": {"netns": [{"name": "ns1"}], "link": [{"netns": "ns1", "name": "eth1"}]},
    "moved and changed": {
        "netns": [{"name": "ns1"}],
        "link": [{"netns": "ns1", "name": "eth1", "addresses": ["10.1.0.1/24"], "mac": "02:00:00:00:00:aa"}],
    },
    "smaller": {"link": [{"name": "eth1", "mtu": 1400}]},
    "too small for IPv6": {"link": [{"name": "eth1", "mtu": 1000, "addresses": ["192.0.2.12/24"]}]},
    "another route": {"netns_route": [{"destination": "10.20.0.0/16", "gateway": "192.0.2.9"}]},
    "another default": {"netns_route": [{"destination": "default", "gateway": "192.0.2.9", "mtu": 1300}]},
    "the kernel's routes": {
        "netns_route": [
            {"destination": destination, "metric": metric, "protocol": "kernel", "state": "absent"}
            for destination, metric in (("192.0.2.0/24", 0), ("198.51.100.0/24", 77), ("2001:db8:2::/64", 256))
        ]
    },
    "port moved": {"netns": [{"name": "ns1"}], "link": [{"netns": "ns1", "name": "eth2"}]},
    "port alone": {"link": [{"name": "eth2", "master": ""}]},
    "port elsewhere": {"bridge": [{"name": "ours"}], "link": [{"name": "eth2", "master": "ours"}]},
    "port taken": {"bridge": [{"name": "ours", "ports": ["eth2"]}]},
    "an entry": {
        "netns_neighbor": [{"device": "eth1", "address": "192.0.2.1", "mac": "02:00:00:00:00:bb"}],
        "link": [{"name": "eth1", "txqueuelen": 7}],
    },
}
# What somebody made is wanted gone.
GONE: dict[str, dict[str, Any]] = {
    "ports pushed out": {"bridge": [{"name": "theirs", "ports": []}]},
    "bridge gone": {"bridge": [{"name": "theirs", "state": "absent"}]},
    "cable gone": {"veth": [{"name": "eth1", "state": "absent"}]},
    "cable gone by both ends": {
        "veth": [{"name": "eth1", "peer": {"netns": "theirs", "name": "far"}, "state": "absent"}]
    },
    "port's cable gone": {"veth": [{"name": "eth2", "state": "absent"}]},
    "link gone": {"link": [{"name": "eth1", "state": "absent"}]},
    "namespace gone": {"netns": [{"name": "theirs", "state": "absent"}]},
}


@pytest.fixture
def host(host: Host) -> Host:
    host.sh("ip netns add theirs; ip link add eth1 type veth peer name far netns theirs; ip link set eth1 up")
    host.sh(
        "ip link add eth2 type veth peer name far2 netns theirs; ip link add theirs type bridge;"
        f"ip link set eth2 master theirs; ip link set eth2 type bridge_slave {PORT};"
        "bridge link set dev eth2 mcast_flood off"
    )
    for address in ADDRESSES:
        host.sh(f"ip address add {address}")
    for route in ROUTES:
        host.sh(f"ip {'-6' if ':' in route else '-4'} route add {route}")
    for route in SECOND:
        host.sh(f"ip route append {route}")
    for name, value in SETTINGS.items():
        host.sh(f"echo {value} > /proc/sys/{name}")
    for neighbour in NEIGHBOURS:
        host.sh(f"ip neighbor add {neighbour}")
    return host


def exactly(host: Host) -> list[str]:
    """In the kernel's order, without what it does by itself and in its own time.

    What was leased stands apart: as long as it is there, it is not taken away for its order.
    """
    shown = host.sh(
        "ip -o -6 address show dynamic; ip -d -o address show | grep -v -e kernel_ll -e 'inet6 .* dynamic';"
        " for name in eth1 eth2 theirs; do ip -d -o link show dev $name; done | sed 's/NO-CARRIER,//; s/,LOWER_UP//;"
        " s/ state [A-Z]*//; s/ [a-z_]*_timer *[0-9.]*//g';"
        " ip -d -4 route show table all; ip -d -6 route show table all | grep -v -e fe80 -e 'local .*proto kernel';"
        " ip neighbor show nud permanent | sort; ip neighbor show proxy | sort;"
        f" cd /proc/sys; grep . {' '.join(SETTINGS)}"
    )
    passing = r"^\d+: | tentative| dadfailed| linkdown| dead|(?<=lft 7)\d+|(?<=lft 3)\d+|(?<=expires 7)\d+"
    return re.sub(passing, "", shown, flags=re.MULTILINE).splitlines()


@pytest.mark.parametrize("name", CHANGES)
def test_after_a_failure(host: Host, name: str) -> None:
    before = exactly(host)
    number = plan_of(host, config=CHANGES[name])
    for steps in sorted({0, number // 2, number}):
        failed = host.module("topology", name="lab", config=CHANGES[name], inside=after(steps, refuse))
        assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
        assert exactly(host) == before, f"failed after {steps} steps"


@pytest.mark.parametrize("name", CHANGES)
def test_after_absent(host: Host, name: str) -> None:
    before = exactly(host)
    apply(host, CHANGES[name])
    host.do("topology", name="lab", state="absent")
    assert exactly(host) == before


def rebuilt(host: Host) -> list[str]:
    """But for what the kernel numbers anew, and a queueing discipline that a device has once it was up."""
    numbers = r"@if\d+|qdisc \w+|(?<=port_no )\S+|(?<=port_id )\S+"
    return [re.sub(numbers, "", line) for line in exactly(host)]


@pytest.mark.parametrize("name", GONE)
def test_what_was_deleted_is_built_again_after_a_failure(host: Host, name: str) -> None:
    fail_after_each_step(host, GONE[name], rebuilt)


@pytest.mark.parametrize("how", ["absent", "purge"])
@pytest.mark.parametrize("name", GONE)
def test_what_was_deleted_is_built_again(host: Host, name: str, how: str) -> None:
    before = rebuilt(host)
    apply(host, GONE[name])
    assert not apply(host, GONE[name])["changed"]
    done = apply(host, {}) if how == "purge" else host.do("topology", name="lab", state="absent")
    assert not done.get("warnings"), done["warnings"]
    assert rebuilt(host) == before


def link_local(host: Host, name: str) -> set[str]:
    """The addresses of its link alone that a device did not make itself, of its MAC address."""
    told = (f"{each['local']}/{each['prefixlen']}" for each in (host.link(name) or {})["addr_info"])
    return {text for text in told if text.startswith("fe80") and "ff:fe" not in text}


@pytest.mark.parametrize("wanted", [["fe80::3/64"], ["2001:db8::3/64"], []])
def test_a_link_local_address_goes_when_another_is_declared(host: Host, wanted: list[str]) -> None:
    """Those that nobody declared, as the first one here, stay beside the exact list."""
    before = exactly(host)
    cable = {"name": "ours", "peer": {"name": "far2"}}
    for more in (["fe80::2/64"], wanted):
        addresses = {"addresses": ["10.31.0.1/24", *more]}
        config = {"link": [{"name": "eth1", **addresses}], "veth": [{**cable, **addresses}]}
        apply(host, config)
        again = apply(host, config)
        assert not again["changed"]
        assert again["topology"]["config"]["veth"][0]["addresses"] == addresses["addresses"]
        assert host.do("link", name="eth1", **addresses)["link"]["addresses"] == addresses["addresses"]
        told = {each["name"]: each for each in host.do("topology_info")["config"]["veth"]}
        assert told["eth1"]["addresses"] == told["far2"]["peer"]["addresses"] == addresses["addresses"]
        declared = {each for each in more if each.startswith("fe80")}
        assert link_local(host, "ours") == declared
        assert link_local(host, "eth1") == {*declared, "fe80::1/64"}
    host.do("topology", name="lab", state="absent")
    assert exactly(host) == before


def test_a_link_local_address_of_a_killed_run_goes(host: Host) -> None:
    before, config = exactly(host), CHANGES["link-local"]
    for steps in range(plan_of(host, config=config) + 1):
        assert host.module("topology", name="lab", config=config, inside=after(steps, kill)) == {}
        host.do("topology", name="lab", state="absent")
        assert exactly(host) == before, f"killed after {steps} steps"


@pytest.mark.parametrize("value", [-1, 0, 1])
def test_a_device_without_arp(host: Host, value: int) -> None:
    """Whatever the default is, the kernel has one that appears look for no duplicates."""
    host.sh(f"ip link set eth1 arp off; echo {value} > /proc/sys/net/ipv6/conf/eth1/accept_dad")
    apply(host, CHANGES["moved"])
    host.do("topology", name="lab", state="absent")
    assert host.sysctl("net/ipv6/conf/eth1/accept_dad") == str(value)
    assert "NOARP" in (host.link("eth1") or {})["flags"]


@pytest.mark.parametrize("name", CHANGES)
def test_after_purge(host: Host, name: str) -> None:
    before = exactly(host)
    apply(host, CHANGES[name])
    done = apply(host, {"netns": [{"name": "ns2"}]})
    assert not done.get("warnings"), done["warnings"]
    assert exactly(host) == before


def test_a_namespace_whose_lo_was_never_up(host: Host) -> None:
    host.sh("ip netns add bare; ip -n bare address add 10.8.0.1/32 dev lo")
    before = host.sh("ip -d -o address show", "bare")
    apply(host, {"netns": [{"name": "bare"}]})
    assert "127.0.0.1/8" in host.addresses("lo", "bare")
    apply(host, {})
    assert host.sh("ip -d -o address show", "bare") == before


BY_HAND = {
    "its bridge deleted": "ip link delete br1",
    "taken out of its bridge": "ip link set eth1 nomaster",
    "brought up": "ip link set eth1 up",
}


@pytest.mark.parametrize("command", BY_HAND.values(), ids=BY_HAND)
def test_after_what_somebody_did_meanwhile(host: Host, command: str) -> None:
    """eth1 is a cable's end: first a link entry changes it, then a bridge's list of ports."""
    before = exactly(host)
    config = {"bridge": [{"name": "br1", "ports": ["eth1"]}], "link": [{"name": "eth1", "up": False, "addresses": []}]}
    apply(host, config)
    host.sh(command)
    assert apply(host, config)["steps"]
    gone = host.do("topology", name="lab", state="absent")
    assert not gone.get("warnings"), gone["warnings"]
    assert exactly(host) == before


@pytest.mark.parametrize("how", ["absent", "purge"])
@pytest.mark.parametrize("name", ["addresses", "none", "too small for IPv6", "down"])
def test_addresses_that_somebody_has_added_stay(host: Host, name: str, how: str) -> None:
    before = exactly(host)
    apply(host, CHANGES[name])
    more = ["10.246.0.1/24", *([] if "small" in name else ["2001:db8:246::1/64"])]
    for address in more:
        host.sh(f"ip address add {address} dev eth1 {'nodad' if ':' in address else ''}")
    leave(host, how)
    assert set(more) <= set(host.addresses("eth1"))
    for address in more:
        host.sh(f"ip address delete {address} dev eth1")
    assert exactly(host) == before


@pytest.mark.parametrize("how", ["absent", "purge"])
@pytest.mark.parametrize("wanted", ["192.0.2.50/24", "10.31.0.1/24"])
def test_an_address_in_the_same_subnet_stays_too(host: Host, wanted: str, how: str) -> None:
    """It was a secondary of the topology's, or has become the primary of those that come back."""
    before = host.addresses("eth1")
    apply(host, {"link": [{"name": "eth1", "addresses": [wanted]}]})
    host.sh("ip address add 192.0.2.99/24 dev eth1; ip address add 10.31.0.9/24 dev eth1")
    leave(host, how)
    assert sorted(host.addresses("eth1")) == sorted([*before, "192.0.2.99/24", "10.31.0.9/24"])


def leave(host: Host, how: str) -> None:
    """Takes a topology down, or its entries out of it."""
    if how == "absent":
        host.do("topology", name="lab", state="absent")
    else:
        apply(host, {"netns": [{"name": "ns2"}]})


@pytest.mark.parametrize("name", ["down", "moved", "none"])
def test_what_came_back_is_not_the_topologys_any_more(host: Host, name: str) -> None:
    """What somebody does to it afterwards stays as it is."""
    apply(host, CHANGES[name])
    apply(host, {"netns": [{"name": "ns2"}]})
    host.sh(
        "ip route delete 10.20.0.0/16 via 192.0.2.2; ip -6 route delete 2001:db8:77::/64;"
        "ip neighbor delete 192.0.2.1 dev eth1; ip address add 192.0.2.77/24 dev eth1;"
        "echo 1 > /proc/sys/net/ipv4/conf/eth1/rp_filter"
    )
    before = exactly(host)
    host.do("topology", name="lab", state="absent")
    assert exactly(host) == before


@pytest.mark.parametrize("how", ["absent", "purge"])
@pytest.mark.parametrize("name", ["none", "moved and changed", "too small for IPv6"])
def test_without_ipv6_the_rest_comes_back(host: Host, name: str, how: str) -> None:
    """Somebody has switched it off since."""
    before = host.attributes("eth1")
    apply(host, CHANGES[name])
    host.sh("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6")
    gone = (
        apply(host, {"netns": [{"name": "ns2"}]}) if how == "purge" else host.do("topology", name="lab", state="absent")
    )
    assert "what was found before cannot be put back: IPv6 is switched off on eth1" in warnings(gone)
    four = [address for address in before["addresses"] if ":" not in address]
    assert host.attributes("eth1") == {**before, "addresses": four}
    assert "10.20.0.0/16 via 192.0.2.2" in host.sh("ip route")


@pytest.mark.parametrize("left", [None, []], ids=["with its bridge", "alone"])
def test_a_port_that_a_bridge_gives_up_goes_back_to_the_one_it_was_found_in(host: Host, left: list[str] | None) -> None:
    before = exactly(host)
    apply(host, {"bridge": [{"name": "ours", "ports": ["eth2"]}]})
    assert host.attributes("eth2")["master"] == "ours"
    apply(host, {} if left is None else {"bridge": [{"name": "ours", "ports": left}]})
    assert host.attributes("eth2")["master"] == "theirs"
    host.do("topology", name="lab", state="absent")
    assert exactly(host) == before


ON_A_DEVICE = {
    "link": [{"name": "eth1", "mtu": 1400, "addresses": ["10.1.0.1/24"]}],
    "netns_sysctl": [{"name": "net.ipv4.conf.eth2.tag", "value": 3}],
}
IN_A_NAMESPACE = {
    "netns_sysctl": [{"netns": "theirs", "name": "net.ipv4.conf.all.tag", "value": 1}],
    "netns_route": [{"netns": "theirs", "destination": "10.30.0.0/16", "type": "blackhole"}],
}
ANOTHER_DEVICE = (
    "for name in eth1 eth2; do ip link delete $name; ip link add $name type veth peer name far$name netns theirs;"
    "ip link set $name up mtu 1450; echo 7 > /proc/sys/net/ipv4/conf/$name/tag; done;"
    "ip address add 198.51.100.1/24 dev eth1"
)
ANOTHER_NAMESPACE = (
    "ip link delete eth1; ip link delete eth2; ip netns delete theirs; ip netns add theirs;"
    "ip -n theirs route add blackhole 10.30.0.0/16;"
    "ip netns exec theirs sysctl -w net.ipv4.conf.all.tag=5"
)


@pytest.mark.parametrize("how", ["absent", "purged", "changed more"])
def test_what_the_topology_never_changed_stays_as_somebody_made_it(host: Host, how: str) -> None:
    before = exactly(host)
    apply(host, {"link": [{"name": "eth1", "mtu": 1400}]})
    host.sh("ip address add 192.0.2.99/24 dev eth1; ip link set eth1 txqueuelen 77")
    if how == "changed more":
        apply(host, {"link": [{"name": "eth1", "mtu": 1300, "txqueuelen": 500}]})
    done = apply(host, {}) if how == "purged" else host.do("topology", name="lab", state="absent")
    assert "warnings" not in done
    assert "192.0.2.99/24" in host.addresses("eth1")
    assert host.attributes("eth1")["txqueuelen"] == 77
    host.sh("ip address delete 192.0.2.99/24 dev eth1; ip link set eth1 txqueuelen 1000")
    assert exactly(host) == before


def test_what_somebody_deleted_is_not_made_again(host: Host) -> None:
    host.sh("ip netns add gone")
    config = {
        "netns": [{"name": "gone"}],
        "veth": [{"name": "eth1", "mtu": 1400, "peer": {"netns": "theirs", "name": "far", "mtu": 1400}}],
        "bridge": [{"name": "theirs", "mtu": 1400}],
    }
    apply(host, config)
    host.sh("ip netns delete gone; ip link delete eth1; ip link delete theirs")
    before = snapshot(host).replace("/run/nsfabric/topologies/lab.json\n", "")
    told = warnings(host.do("topology", name="lab", state="absent"))
    for what in ("namespace gone", "device eth1 with device theirs/far", "device theirs"):
        assert f"what was found before cannot be put back: {what} is gone" in told
    assert snapshot(host) == before


REPLACED = {
    "devices": (ON_A_DEVICE, ANOTHER_DEVICE, {"device eth1", "device eth2"}),
    "a namespace": (IN_A_NAMESPACE, ANOTHER_NAMESPACE, {"namespace theirs"}),
    "a namespace with its devices": (
        {**IN_A_NAMESPACE, "link": ON_A_DEVICE["link"]},
        f"{ANOTHER_NAMESPACE}; ip link add eth1 type veth peer name far netns theirs; ip link set eth1 up",
        {"namespace theirs", "device eth1"},
    ),
}


@pytest.mark.parametrize("how", ["absent", "purged", "declared again", "declared again in vain"])
@pytest.mark.parametrize("what", REPLACED)
def test_what_was_found_of_one_is_not_for_another_of_its_name(host: Host, what: str, how: str) -> None:
    config, replace, grounds = REPLACED[what]
    apply(host, config)
    host.sh(replace)
    before = snapshot(host).replace("/run/nsfabric/topologies/lab.json\n", "")
    if how == "declared again":
        apply(host, config)
    elif how == "declared again in vain":
        more = {"netns": [{"name": "ns1"}], **config}
        assert host.module("topology", name="lab", config=more, inside=after(2, refuse))["failed"]
    done = apply(host, {}) if how == "purged" else host.do("topology", name="lab", state="absent")
    for ground in grounds if how in ("absent", "purged") else ():
        assert f"{ground} is not the one that was found; what was changed of it is left alone" in warnings(done)
    if how == "purged":
        done = host.do("topology", name="lab", state="absent")
    assert how == "absent" or not warnings(done)
    assert snapshot(host) == before
