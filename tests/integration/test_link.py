# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links that exist: each attribute by itself, exact addresses, moves, and what is refused."""

from __future__ import annotations

import subprocess
from typing import Any

import features
import pytest
from host import Host, warnings

MAC = "02:00:00:00:ab:cd"


@pytest.fixture
def nic(host: Host) -> str:
    """A device that stands for a physical one, up, with a cable to somewhere."""
    host.sh("ip link add nic type veth peer name wire; ip link set wire up; ip link set nic up")
    return "nic"


ONE = [
    {"mtu": 1400},
    {"txqueuelen": 0},
    {"txqueuelen": 77},
    {"up": False},
    {"mac": MAC},
    {"master": "br0"},
    {"addresses": ["10.0.0.1/24", "fd00::1/64"]},
]


@pytest.mark.parametrize("change", ONE, ids=str)
def test_one_attribute_and_no_other(host: Host, converge: Any, nic: str, change: dict[str, Any]) -> None:
    host.sh("ip link add br0 type bridge")
    before = host.attributes(nic)
    done = converge("link", name=nic, **change)
    assert host.attributes(nic) == {**before, **change}
    identity = {"netns": None, "name": nic}
    (option,) = change
    assert done["diff"] == {"before": {**identity, option: before[option]}, "after": {**identity, **change}}
    assert done["link"] == {**identity, **before, **change}


@pytest.mark.parametrize("change", ONE, ids=str)
def test_back_to_nothing(host: Host, converge: Any, nic: str, change: dict[str, Any]) -> None:
    host.sh("ip link add br0 type bridge")
    before = host.attributes(nic)
    converge("link", name=nic, **change)
    converge("link", name=nic, **{key: before[key] for key in change})
    assert host.attributes(nic) == before


def test_values_compare_by_meaning(host: Host, nic: str) -> None:
    host.sh(f"ip link set {nic} address {MAC}; ip addr add 10.0.0.1/32 dev {nic}; ip addr add fd00::a/64 dev {nic}")
    for mac in (MAC, MAC.upper(), MAC.replace(":", "-")):
        for one in ("10.0.0.1", "10.0.0.1/32"):
            for other in ("fd00::a/64", "FD00:0:0::A/64", "fd00:0000:0000:0000::000a/64"):
                done = host.module("link", name=nic, mac=mac, addresses=[other, one, one])
                assert done["changed"] is False, done


def test_stale_addresses_go_and_the_kernels_own_stay(host: Host, converge: Any, nic: str) -> None:
    host.sh(f"ip addr add 10.0.0.9/24 dev {nic}; ip addr add 10.0.0.1 peer 10.0.0.2/32 dev {nic}")
    host.sh(f"ip addr add fd00::9/64 dev {nic}; ip addr add 10.0.0.8/16 dev {nic}; ip addr add fe80::5/64 dev {nic}")
    converge("link", name=nic, addresses=["10.0.0.8/24", "fd00::9/80"])
    assert sorted(host.addresses(nic)) == ["10.0.0.8/24", "fd00::9/80"]
    converge("link", name=nic, addresses=[])
    assert host.addresses(nic) == []
    assert "fe80::5" in host.sh(f"ip addr show dev {nic}")


def test_loopback(host: Host, converge: Any) -> None:
    done = converge("link", name="lo", addresses=["10.255.0.1/32", "fd00::1/128"])
    assert done["link"]["mac"] is None
    assert {"10.255.0.1/32", "fd00::1/128", "127.0.0.1/8", "::1/128"} == set(host.addresses("lo"))
    converge("link", name="lo", addresses=[])
    assert {"127.0.0.1/8", "::1/128"} == set(host.addresses("lo"))
    converge("link", name="lo", up=False, addresses=["10.255.0.1/32"])


def test_more_loopback_addresses(host: Host, converge: Any) -> None:
    """The kernel takes one in the network of lo's own for the host alone."""
    converge("link", name="lo", addresses=["127.0.0.2/8", "127.0.0.53/32", "10.255.0.1/32"])
    found = {each["local"]: each["scope"] for each in (host.link("lo") or {})["addr_info"] if each["family"] == "inet"}
    assert found == {"127.0.0.1": "host", "127.0.0.2": "host", "127.0.0.53": "host", "10.255.0.1": "global"}
    converge("link", name="lo", addresses=["127.0.0.53/32"])
    assert set(host.addresses("lo")) == {"127.0.0.1/8", "::1/128", "127.0.0.53/32"}


@pytest.mark.parametrize("promote", [0, 1])
@pytest.mark.parametrize("wanted", [[3], [2, 9], [9], [3, 2], []])
def test_secondary_addresses(host: Host, converge: Any, nic: str, promote: int, wanted: list[int]) -> None:
    host.sh(f"sysctl -qw net.ipv4.conf.all.promote_secondaries={promote}")
    host.sh("; ".join(f"ip addr add 10.0.0.{n}/24 dev {nic}" for n in (1, 2, 3)))
    addresses = [f"10.0.0.{n}/24" for n in wanted]
    converge("link", name=nic, addresses=addresses)
    assert sorted(host.addresses(nic)) == sorted(addresses)


def test_the_order_of_addresses_does_not_matter(host: Host, nic: str) -> None:
    host.sh("; ".join(f"ip addr add 10.0.0.{n}/24 dev {nic}" for n in (1, 2, 3)))
    done = host.module("link", name=nic, addresses=["10.0.0.3/24", "10.0.0.1/24", "10.0.0.2/24"])
    assert done["changed"] is False


def test_addresses_outlive_the_way_down(host: Host, converge: Any, nic: str) -> None:
    host.sh(f"ip addr add fd00::9/64 dev {nic}; ip addr add 10.0.0.1/24 dev {nic}")
    converge("link", name=nic, up=False)
    assert sorted(host.addresses(nic)) == ["10.0.0.1/24", "fd00::9/64"]
    host.sh("ip addr add fd00::1/128 dev lo")
    converge("link", name="lo", up=False)
    assert "fd00::1/128" in host.addresses("lo")


@pytest.mark.parametrize("wanted", ["10.0.0.1/24", "fd00::9/64"])
@pytest.mark.parametrize(("everywhere", "here"), [(1, 0), (0, 1), (-1, 1), (1, -1)])
def test_addresses_that_the_kernel_keeps_on_the_way_down(
    host: Host, converge: Any, nic: str, everywhere: int, here: int, wanted: str
) -> None:
    for name, value in (("all", everywhere), (nic, here)):
        host.sh(f"echo {value} > /proc/sys/net/ipv6/conf/{name}/keep_addr_on_down")
    host.sh(f"ip addr add fd00::9/64 dev {nic}; ip addr add fd00::8/64 dev {nic} valid_lft 7200 preferred_lft 3600")
    host.sh(f"ip link set {nic} up")
    converge("link", name=nic, up=False, addresses=[wanted])
    assert host.addresses(nic) == [wanted]


def test_without_ipv6(host: Host, converge: Any, refused: Any, nic: str) -> None:
    """As in a container whose network has no IPv6."""
    host.sh("sysctl -qw net.ipv6.conf.all.disable_ipv6=1")
    message = refused("link", name=nic, addresses=["10.0.0.1/24", "fd00::9/64"])
    assert message == (
        f"addresses[1]: IPv6 is switched off on {nic}: declare a netns_sysctl net.ipv6.conf.{nic}.disable_ipv6 of 0, "
        "or no IPv6 address"
    )
    host.sh(f"ip link set {nic} up")
    assert "IPv6 is switched off on nic" in refused("netns_route", checked=False, destination="fd00:9::/64", device=nic)
    assert "IPv6 is switched off on nic" in refused("netns_neighbor", device=nic, address="fd00::2", mac=MAC)
    assert "IPv6 is switched off on br0" in refused("bridge", name="br0", addresses=["fd00::1/64"])
    far = {"name": "b", "addresses": ["fd00::2/64"]}
    assert "IPv6 is switched off on b" in refused("veth", name="a", peer=far)
    converge("netns", name="ns1")
    converge("link", name=nic, netns="ns1", addresses=["fd00::9/64"])
    assert host.addresses(nic, "ns1") == ["fd00::9/64"]


def test_an_mtu_too_small_for_ipv6(host: Host, converge: Any, refused: Any, nic: str) -> None:
    host.sh(f"ip addr add fd00::9/64 dev {nic}; ip addr add 10.0.0.1/24 dev {nic}")
    message = refused("link", name=nic, mtu=1279)
    assert message.startswith("mtu: 1279 is too small for the IPv6 addresses of nic")
    assert "fd00::9/64" in message
    assert refused("link", name=nic, mtu=1279, addresses=["fd00::9/64"]).startswith("mtu: 1279 is too small")
    converge("link", name=nic, mtu=1279, addresses=["10.0.0.1/24"])
    assert refused("link", name=nic, addresses=["fd00::9/64"]).startswith("addresses[0]: IPv6 needs an MTU of 1280")
    converge("link", name=nic, mtu=1280, addresses=["fd00::9/64"])
    assert host.addresses(nic) == ["fd00::9/64"]


def test_moved_about(host: Host, converge: Any, nic: str) -> None:
    host.sh(f"ip netns add ns1; ip netns add ns2; ip link set {nic} mtu 1400 txqueuelen 7 address {MAC}")
    host.sh(f"ip addr add 10.0.0.1/24 dev {nic}; ip addr add fd00::9/64 dev {nic}")
    before = host.attributes(nic)
    at = ""
    for target in ("ns1", "ns2", ""):
        done = converge("link", name=nic, netns=target or None)
        assert host.link(nic, at) is None
        assert host.attributes(nic, target) == before
        assert (done["diff"]["before"]["netns"], done["diff"]["after"]["netns"]) == (at or None, target or None)
        at = target
    outside = subprocess.run(["ip", "link", "show", nic], capture_output=True, check=False)
    assert outside.returncode != 0, "it escaped to the namespace of process 1"


def test_moved_and_changed_at_once(host: Host, converge: Any, nic: str) -> None:
    host.sh("ip netns add ns1; ip link add br0 type bridge; ip -n ns1 link add br1 type bridge")
    host.sh(f"ip link set {nic} master br0; ip addr add 10.0.0.1/24 dev {nic}")
    converge("link", name=nic, netns="ns1", up=False, addresses=["10.9.0.1/24"], master="br1", mtu=1300)
    moved = host.attributes(nic, "ns1")
    moved.pop("mac")
    assert moved == {"up": False, "mtu": 1300, "txqueuelen": 1000, "master": "br1", "addresses": ["10.9.0.1/24"]}
    converge("link", name=nic, addresses=[], up=True)
    assert host.attributes(nic)["addresses"] == []


@pytest.mark.parametrize("kind", features.MAKE)
def test_a_link_of_a_kind_that_not_every_kernel_has(host: Host, converge: Any, refused: Any, kind: str) -> None:
    host.sh("ip netns add ns1")
    said = host.sh(f"{{ {features.MAKE[kind].format(name='nic')}; }} 2>&1 || :")
    if host.link("nic") is None:
        assert "Unknown device type" in said
        assert "there is no link nic in the host" in refused("link", name="nic", up=True, checked=False)
        return
    done = converge("link", name="nic", addresses=["10.0.0.1/24", "fd00::9/64"], up=True, mtu=1400)
    assert done["link"]["addresses"] == ["10.0.0.1/24", "fd00::9/64"]
    before = host.attributes("nic")
    assert (before["addresses"], before["up"], before["mtu"]) == (["10.0.0.1/24", "fd00::9/64"], True, 1400)
    # A VRF stays where it was made.
    if kind != "vrf":
        converge("link", name="nic", netns="ns1")
        assert host.link("nic") is None
        assert host.attributes("nic", "ns1") == before
        converge("link", name="nic")
        assert host.attributes("nic") == before
    assert converge("link", name="nic", state="absent")["link"] is None
    assert host.link("nic") is None


def test_names_in_the_way_of_a_move(host: Host, refused: Any, nic: str) -> None:
    host.sh("ip netns add ns1; ip netns add ns2")
    for netns in ("ns1", "ns2"):
        host.sh(
            f"ip -n {netns} link add twin type veth peer name other; ip -n {netns} link add only{netns} type bridge"
        )
    message = refused("link", name="twin")
    assert message == "name: twin is not in the host, and there are several: in namespace ns1, namespace ns2"
    assert "there is no link onlyns1 in the host; it has lo, nic, wire" in refused(
        "link", name="onlyns1", checked=False
    )
    assert refused("link", name="nic", netns="ns3", checked=False).startswith("netns: namespace ns3 does not exist")


def test_the_uplink_is_not_moved_without_a_word(host: Host, nic: str) -> None:
    host.sh(f"ip netns add ns1; ip addr add 10.0.0.2/24 dev {nic}; ip route add default via 10.0.0.1")
    done = host.module("link", name=nic, netns="ns1")
    assert "nic carries the default route of the host, which goes with the move" in warnings(done)


@pytest.mark.parametrize(
    ("addresses", "warned"), [(["10.0.0.129/25"], True), (["10.0.0.7/32"], False), (["10.1.0.1/24"], False)]
)
def test_an_overlap_with_the_uplink_is_told(host: Host, nic: str, addresses: list[str], warned: bool) -> None:
    host.sh(f"ip addr add 10.0.0.2/24 dev {nic}; ip route add default via 10.0.0.1")
    done = host.module("link", name="wire", addresses=addresses)
    assert ("overlaps 10.0.0.0/24 of nic" in warnings(done)) is warned


def test_deletion(host: Host, converge: Any, refused: Any, nic: str) -> None:
    assert refused("link", name="lo", state="absent") == "name: lo is the loopback device and cannot be deleted"
    host.sh(f"ip link add br0 type bridge; ip link add mv0 link {nic} type macvlan; ip tuntap add tap0 mode tap")
    for name in ("br0", "mv0", "tap0", nic):
        assert converge("link", name=name, state="absent")["link"] is None
    assert [link["ifname"] for link in host.json("ip -j link")] == ["lo"]
    for missing in ({"name": "nic"}, {"name": "nic", "netns": "nowhere"}):
        assert host.module("link", state="absent", **missing)["changed"] is False


def test_what_the_device_does_not_take(host: Host, refused: Any, nic: str) -> None:
    assert refused("link", name=nic, mtu=65536) == "mtu: 65536 is out of range: nic takes 68 to 65535 bytes"
    assert refused("link", name=nic, mtu=67).startswith("mtu: 67 is out of range")
    assert refused("link", name=nic, txqueuelen=-1).startswith("txqueuelen: -1 is out of range")
    for mac in ("01:00:5e:00:00:01", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "2:0:0:0:0:1", "nonsense"):
        assert refused("link", name=nic, mac=mac).startswith("mac: ")
    for address in ("10.0.0.1/33", "10.0.0.256", "224.0.0.1/32", "::/128", "10.0.0.1/255.255.0", ""):
        assert refused("link", name=nic, addresses=[address]).startswith("addresses[0]: ")
    assert refused("link", name=nic, master=nic) == f"master: {nic} is not a bridge but a veth: it takes no ports"
    assert refused("link", name="lo", master="br0").startswith("master: lo cannot be a bridge port")
    assert refused("link", name="lo", mac="02:00:00:00:00:01").startswith("mac: lo has no MAC address")
    host.sh("ip link add br0 type bridge; ip link add br1 type bridge")
    assert refused("link", name="br0", master="br1") == "master: br0 is a bridge, which cannot be a bridge port"


def test_a_refused_step_leaves_nothing_behind(host: Host, refused: Any, nic: str) -> None:
    host.sh(f"ip netns add ns1; ip link add mv0 link {nic} type macvlan mode bridge; ip link set mv0 up")
    host.sh("ip addr add 10.0.0.1/24 dev mv0; ip addr add fd00::5/64 dev mv0; ip route add default via 10.0.0.9")
    host.sh("ip -6 route add default via fd00::9; ip route add 10.7.0.0/16 dev mv0 metric 5")
    # A macvlan device says that it takes 65535 bytes, and then no more than the device below it.
    message = refused("link", name="mv0", netns="ns1", mtu=9000, addresses=["10.8.0.1/24"], checked=False)
    command = "ip -n ns1 link set dev mv0 mtu 9000 up"
    assert f"cannot set mv0: mtu 9000, up in namespace ns1: Invalid argument; by hand: {command}" in message
    assert message.endswith("The host was put back as it was found.")


def test_a_device_in_use_is_not_enslaved_half(host: Host, refused: Any, nic: str) -> None:
    # Out of sight, in a namespace that nobody has declared.
    host.sh(f"ip netns add away; ip link add mv0 link {nic} netns away type macvlan; ip link add br0 type bridge")
    message = refused("link", name=nic, master="br0", up=False, mac=MAC, addresses=["10.0.0.1/24"], checked=False)
    assert "cannot set nic: master br0 in the host: " in message
    assert "Device or resource busy" in message
    assert message.endswith("The host was put back as it was found.")


@pytest.mark.parametrize("name", ["eth0.100", "-x", "ünïcode", "a" * 15, "@x", "a#b"])
def test_unusual_names(host: Host, converge: Any, name: str) -> None:
    host.sh(f"ip netns add ns1; ip link add name {name} type veth peer name wire")
    converge("link", name=name, netns="ns1", addresses=["10.0.0.1/24"], up=True)
    assert host.module("link", name=name, netns="ns1")["link"]["addresses"] == ["10.0.0.1/24"]


def test_check_mode_takes_what_is_missing_for_granted(host: Host) -> None:
    options = {"addresses": ["10.0.0.1/24"], "up": True, "mtu": 1400, "master": "br0"}
    done = host.module("link", check=True, netns="ns1", name="nic", **options)
    assert done["changed"], done
    assert "namespace ns1 does not exist yet" in warnings(done)
    assert "link ns1/nic does not exist yet" in warnings(done)
    assert "link ns1/br0 does not exist yet" in warnings(done)
    assert host.module("link", netns="ns1", name="nic", **options)["failed"]


DELETED = {
    "a tap": (
        {"link": [{"name": "tap0", "state": "absent"}]},
        "ip tuntap add dev tap0 mode tap",
        "tap0 is a tun, which does not come back once it is deleted",
    ),
    "a discipline of a cable": (
        {"veth": [{"name": "v1", "state": "absent"}]},
        "tc qdisc add dev v2 root pfifo",
        "v2 has a queueing discipline (pfifo), which goes with it and does not come back",
    ),
    "a discipline of a bridge": (
        {"bridge": [{"name": "br9", "state": "absent"}]},
        "ip link add name br9 type bridge; tc qdisc add dev br9 root pfifo",
        "br9 has a queueing discipline (pfifo), which goes with it and does not come back",
    ),
}


@pytest.mark.parametrize("what", DELETED)
def test_what_does_not_come_back_after_a_deletion_is_told(host: Host, what: str) -> None:
    config, made, said = DELETED[what]
    host.sh(f"ip link add v1 type veth peer name v2; {made}")
    for check in (True, False):
        assert said in warnings(host.do("topology", name="lab", config=config, check=check))


@pytest.mark.parametrize("up", [True, False])
def test_lo_has_its_ipv6_address_again_with_an_mtu_for_it(host: Host, up: bool) -> None:
    """The kernel takes it away with a smaller one, and brings it back only when lo goes down and comes up."""
    host.sh(f"ip netns add ns1; ip -n ns1 link set lo {'up' if up else 'down'}")
    before = host.addresses("lo", "ns1")
    assert ("::1/128" in before) == up
    for mtus in ([1000], [1000, 1500], [1500, 1000, 1279]):
        for mtu in mtus:
            config = {"link": [{"netns": "ns1", "name": "lo", "mtu": mtu}]}
            host.do("topology", name="lab", config=config)
            assert ("::1/128" in host.addresses("lo", "ns1")) == (up and mtu >= 1280)
            assert host.do("topology", name="lab", config=config)["steps"] == []
        host.do("topology", name="lab", state="absent")
        assert host.addresses("lo", "ns1") == before
