# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""netns_neighbor against the kernel: permanent and proxy entries, beside what the kernel learns by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from host import Host, until
from test_transaction import after, kill, refuse

Converge = Callable[..., dict[str, Any]]
MAC = "02:00:00:00:00:07"


@pytest.fixture
def wired(host: Host) -> Host:
    """A cable from v to x in namespace far, with addresses of both families at both ends."""
    host.sh(
        f"""
        ip netns add far
        ip link add v address 02:00:00:00:00:01 type veth peer name x address {MAC} netns far
        ip -n far address add 10.1.0.2/24 dev x
        ip -n far address add fd00:1::2/64 dev x nodad
        ip -n far link set x up
        ip link set v up
        ip address add 10.1.0.1/24 dev v
        ip address add fd00:1::1/64 dev v nodad
        """
    )
    return host


def entries(host: Host, netns: str = "", proxy: bool = False) -> list[str]:
    """The permanent entries, or the proxy entries, a line each."""
    # Proxy entries without a device can outlive their namespace, and show up in a later one.
    shown = host.sh(f"ip neighbor show {'proxy' if proxy else 'nud permanent'} | grep ' dev ' || true", netns)
    return sorted(" ".join(line.split()) for line in shown.splitlines())


def same_again(host: Host) -> None:
    """What topology_info tells of the host plans no step."""
    config = host.module("topology_info")["config"]
    result = host.module("topology", name="again", config=config, check=True)
    assert not result.get("failed"), result
    assert result["steps"] == []


@pytest.mark.parametrize(
    ("address", "canonical"), [("10.1.0.9", "10.1.0.9"), ("FD00:1:0::9", "fd00:1::9"), ("::ffff:10.0.0.9", None)]
)
@pytest.mark.parametrize("spelling", [MAC, MAC.upper(), MAC.replace(":", "-")])
def test_permanent(wired: Host, converge: Converge, address: str, canonical: str | None, spelling: str) -> None:
    done = converge("netns_neighbor", device="v", address=address, mac=spelling)
    canonical = canonical or done["netns_neighbor"]["address"]
    expected = {"netns": None, "device": "v", "address": canonical, "proxy": False, "mac": MAC}
    assert done["diff"] == {"before": {}, "after": expected}
    assert done["netns_neighbor"] == expected
    shown = canonical if "ffff" not in canonical else "::ffff:10.0.0.9"
    assert entries(wired) == [f"{shown} dev v lladdr {MAC} PERMANENT"]
    same_again(wired)
    gone = converge("netns_neighbor", dev="v", address=address, state="absent")
    assert gone["netns_neighbor"] is None
    assert gone["diff"] == {"before": expected, "after": {}}
    assert entries(wired) == []
    for step in (done["steps"][0], gone["steps"][0]):
        wired.sh(step["command"])
        state = "absent" if step is gone["steps"][0] else "present"
        mac = {} if state == "absent" else {"mac": MAC}
        assert wired.module("netns_neighbor", device="v", address=address, state=state, **mac)["changed"] is False


@pytest.mark.parametrize("address", ["10.1.0.9", "fd00:1::9"])
def test_proxy(wired: Host, converge: Converge, address: str) -> None:
    done = converge("netns_neighbor", device="v", address=address, proxy=True)
    expected = {"netns": None, "device": "v", "address": address, "proxy": True}
    assert done["netns_neighbor"] == expected
    assert entries(wired, proxy=True) == [f"{address} dev v proxy"]
    converge("netns_neighbor", device="v", address=address, mac=MAC)
    assert entries(wired) == [f"{address} dev v lladdr {MAC} PERMANENT"]
    same_again(wired)
    converge("netns_neighbor", device="v", address=address, proxy=True, state="absent")
    assert entries(wired, proxy=True) == []
    assert len(entries(wired)) == 1


@pytest.mark.parametrize("address", ["10.1.0.2", "fd00:1::2"])
def test_a_learned_entry_becomes_permanent(wired: Host, converge: Converge, address: str) -> None:
    assert wired.pings(address)
    assert until(lambda: f"lladdr {MAC}" in wired.sh(f"ip neighbor show {address} dev v"))
    absent = wired.module("netns_neighbor", device="v", address=address, state="absent")
    assert (absent["changed"], absent["netns_neighbor"]) == (False, None)
    assert f"lladdr {MAC}" in wired.sh(f"ip neighbor show {address} dev v")
    assert "netns_neighbor" not in wired.module("topology_info")["config"]
    done = converge("netns_neighbor", device="v", address=address, mac=MAC)
    assert done["steps"][0]["why"] == "the entry is a learned one, wanted permanent"
    assert entries(wired) == [f"{address} dev v lladdr {MAC} PERMANENT"]
    assert wired.pings(address)


def test_another_mac(wired: Host, converge: Converge) -> None:
    converge("netns_neighbor", device="v", address="10.1.0.9", mac=MAC)
    done = converge("netns_neighbor", device="v", address="10.1.0.9", mac="02:00:00:00:00:08")
    assert (done["diff"]["before"]["mac"], done["diff"]["after"]["mac"]) == (MAC, "02:00:00:00:00:08")
    assert entries(wired) == ["10.1.0.9 dev v lladdr 02:00:00:00:00:08 PERMANENT"]
    assert wired.module("netns_neighbor", device="v", address="10.1.0.9", mac="02:00:00:00:00:08")["changed"] is False


def test_a_group_address(wired: Host, converge: Converge) -> None:
    """Load balancers answer one address with a group MAC, which only a static entry can say."""
    converge("netns_neighbor", device="v", address="10.1.0.9", mac="03:bf:0a:01:00:09")
    assert entries(wired) == ["10.1.0.9 dev v lladdr 03:bf:0a:01:00:09 PERMANENT"]


def test_mac_of_a_device(wired: Host, converge: Converge) -> None:
    done = converge("netns_neighbor", device="v", address="10.1.0.2", mac_of={"netns": "far", "name": "x"})
    assert done["netns_neighbor"]["mac"] == MAC
    wired.sh("ip -n far link set x address 02:00:00:00:00:08")
    done = converge("netns_neighbor", device="v", address="10.1.0.2", mac_of={"netns": "far", "name": "x"})
    assert done["steps"][0]["why"] == f"mac is {MAC}, wanted 02:00:00:00:00:08"
    done = converge("netns_neighbor", netns="far", device="x", address="10.1.0.1", mac_of={"name": "v"})
    assert done["netns_neighbor"]["mac"] == "02:00:00:00:00:01"


def test_mac_of_devices_made_in_the_same_run(host: Host, converge: Converge) -> None:
    """A pair whose ends know each other without asking, a bridge, and a MAC that is changed in the same run."""
    config: dict[str, Any] = {
        "netns_neighbor": [
            {"netns": "a", "device": "a0", "address": "10.1.0.2", "mac_of": {"netns": "b", "name": "b0"}},
            {"netns": "b", "device": "b0", "address": "10.1.0.1", "mac_of": {"netns": "a", "name": "a0"}},
            {"netns": "b", "device": "b0", "address": "10.1.0.9", "mac_of": {"name": "br0"}},
        ],
        "veth": [
            {
                "name": "a0",
                "netns": "a",
                "addresses": ["10.1.0.1/24"],
                "peer": {"name": "b0", "netns": "b", "addresses": ["10.1.0.2/24"]},
            },
            {"name": "p1", "master": "br0", "mac": "02:00:00:00:00:01", "peer": {"name": "p2"}},
        ],
        "bridge": [{"name": "br0", "up": True}],
        "netns": [{"name": "a"}, {"name": "b"}],
    }
    converge("topology", name="pair", config=config)
    macs = {end: host.link(*end)["address"] for end in (("a0", "a"), ("b0", "b"), ("br0", ""))}  # type: ignore[index]
    assert entries(host, "a") == [f"10.1.0.2 dev a0 lladdr {macs['b0', 'b']} PERMANENT"]
    assert entries(host, "b") == [
        f"10.1.0.1 dev b0 lladdr {macs['a0', 'a']} PERMANENT",
        f"10.1.0.9 dev b0 lladdr {macs['br0', '']} PERMANENT",
    ]
    assert host.pings("10.1.0.2", "a")
    config["veth"][0]["mac"] = "02:00:00:00:00:0a"
    converge("topology", name="pair", config=config)
    assert entries(host, "b")[0] == "10.1.0.1 dev b0 lladdr 02:00:00:00:00:0a PERMANENT"
    same_again(host)
    converge("topology", name="pair", state="absent")


def test_entries_survive_a_change_of_the_devices_own_mac(wired: Host, converge: Converge) -> None:
    """The kernel forgets a device's neighbours when its address changes: they are planned anew."""
    config: dict[str, Any] = {
        "netns_neighbor": [
            {"device": "v", "address": "10.1.0.9", "mac": MAC},
            {"device": "v", "address": "fd00:1::9", "mac": MAC},
            {"device": "v", "address": "10.1.0.8", "proxy": True},
        ],
    }
    converge("topology", name="t", config=config)
    config["link"] = [{"name": "v", "mac": "02:00:00:00:00:99"}]
    converge("topology", name="t", config=config)
    assert len(entries(wired)) == 2
    assert entries(wired, proxy=True) == ["10.1.0.8 dev v proxy"]


def test_on_a_device_that_is_down(wired: Host, converge: Converge) -> None:
    """The kernel takes entries there and keeps them when the device comes up."""
    wired.sh("ip link set v down")
    for address in ("10.1.0.9", "fd00:1::9"):
        converge("netns_neighbor", device="v", address=address, mac=MAC)
        converge("netns_neighbor", device="v", address=address, proxy=True)
    wired.sh("ip link set v up")
    for address in ("10.1.0.9", "fd00:1::9"):
        assert wired.module("netns_neighbor", device="v", address=address, mac=MAC)["changed"] is False
        assert wired.module("netns_neighbor", device="v", address=address, proxy=True)["changed"] is False


def test_others_entries_are_left_alone(wired: Host, converge: Converge) -> None:
    """Multicast, loopback, failed and device-less proxy entries are neither described nor disturbed."""
    wired.sh(
        """
        ip neighbor add proxy 10.1.0.77
        ip neighbor add 10.7.0.1 dev lo lladdr 02:00:00:00:00:01 nud noarp
        ping -c1 -W1 10.1.0.66 || true
        """
    )
    assert "netns_neighbor" not in wired.module("topology_info")["config"]
    converge("netns_neighbor", device="v", address="10.1.0.66", mac=MAC)
    converge("netns_neighbor", device="v", address="10.1.0.66", state="absent")
    assert "10.1.0.77 proxy" in wired.sh("ip neighbor show proxy; ip neighbor del proxy 10.1.0.77")


BROKEN: list[tuple[str, dict[str, Any], str, str]] = [
    ("no mac", {"address": "10.1.0.9"}, "mac", "needs a mac, or mac_of"),
    ("proxy with a mac", {"address": "10.1.0.9", "mac": MAC, "proxy": True}, "proxy", "a proxy entry has no MAC"),
    ("a prefix", {"address": "10.1.0.0/24", "mac": MAC}, "address", "'10.1.0.0/24' is not an IPv4 or IPv6 address"),
    ("a zone", {"address": "fe80::9%v", "mac": MAC}, "address", "the device has its own option"),
    ("nobody", {"address": "::", "mac": MAC}, "address", "'::' is nobody's address"),
    ("bad mac", {"address": "10.1.0.9", "mac": "02:00:00:00:00"}, "mac", "is not a MAC address such as"),
    ("zero", {"address": "10.1.0.9", "mac": "0:0:0:0:0:0"}, "mac", "is not a MAC address such as"),
    ("all zero", {"address": "10.1.0.9", "mac": "00:00:00:00:00:00"}, "mac", "is no device's MAC address"),
    (
        "unquoted mac",
        {"address": "10.1.0.9", "mac": 41135085296},
        "mac",
        'YAML read a number, so quote it: "52:54:00:12:34:56"',
    ),
    ("loopback", {"device": "lo", "address": "10.1.0.9", "mac": MAC}, "device", "lo has no Ethernet address"),
    ("mac_of loopback", {"address": "10.1.0.9", "mac_of": {"name": "lo"}}, "mac_of", "lo has no Ethernet address"),
    ("name", {"device": "v/1", "address": "10.1.0.9", "mac": MAC}, "device", "'v/1' is not an interface name"),
    ("name of the other", {"address": "10.1.0.9", "mac_of": {"name": "x" * 16}}, "mac_of.name", "has 16 bytes"),
]


@pytest.mark.parametrize(
    ("options", "path", "message"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN]
)
def test_refused_before_anything_changes(wired: Host, options: dict[str, Any], path: str, message: str) -> None:
    for check in (True, False):
        result = wired.module("netns_neighbor", check=check, **{"device": "v", **options})
        assert result.get("failed"), result
        assert [problem["path"] for problem in result["problems"]] == [path], result
        assert message in result["msg"]
    assert entries(wired) + entries(wired, proxy=True) == []


def test_both_ways_to_say_the_mac(wired: Host) -> None:
    result = wired.module("netns_neighbor", device="v", address="10.1.0.9", mac=MAC, mac_of={"name": "v"})
    assert "mutually exclusive: mac|mac_of" in result["msg"]


def test_what_is_missing(wired: Host) -> None:
    """An error that says what; in check mode an earlier task may be about to make it."""
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"netns": "none", "mac": MAC}, "netns", "namespace none does not exist"),
        ({"device": "w", "mac": MAC}, "device", "there is no link w in the host; it has lo, v"),
        ({"mac_of": {"netns": "far", "name": "y"}}, "mac_of", "there is no link y in namespace far; it has lo, x"),
        ({"mac_of": {"netns": "none", "name": "y"}}, "netns", "namespace none does not exist"),
    ]
    for options, path, message in cases:
        options = {"device": "v", "address": "10.1.0.9", **options}
        predicted = wired.module("netns_neighbor", check=True, **options)
        assert predicted["changed"] is True
        assert predicted["warnings"]
        result = wired.module("netns_neighbor", **options)
        assert message in result["msg"]
        assert [problem["path"] for problem in result["problems"]] == [path]
    assert (
        wired.module("netns_neighbor", netns="none", device="v", address="10.1.0.9", state="absent")["changed"] is False
    )


def test_put_back_by_the_topology(wired: Host) -> None:
    wired.sh(f"ip neighbor add 10.1.0.9 dev v lladdr {MAC} nud permanent; ip neighbor add proxy 10.1.0.8 dev v")
    before = entries(wired) + entries(wired, proxy=True)
    config = {
        "netns_neighbor": [
            {"device": "v", "address": "10.1.0.9", "mac": "02:00:00:00:00:08"},
            {"device": "v", "address": "10.1.0.8", "proxy": True, "state": "absent"},
            {"device": "v", "address": "10.1.0.7", "proxy": True},
        ]
    }
    assert not wired.module("topology", name="t", config=config).get("failed")
    assert entries(wired) + entries(wired, proxy=True) != before
    assert not wired.module("topology", name="t", state="absent").get("failed")
    assert entries(wired) + entries(wired, proxy=True) == before


# What somebody may have given an entry: the kernel changes the state of some of them by itself.
GIVEN = [
    f"10.1.0.9 lladdr {MAC} nud noarp",
    f"fd00:1::9 lladdr {MAC} nud noarp",
    f"10.1.0.9 lladdr {MAC} nud permanent extern_learn",
    f"10.1.0.9 lladdr {MAC} nud noarp extern_learn protocol bird",
    f"fd00:1::9 lladdr {MAC} nud permanent router protocol static",
    f"10.1.0.9 lladdr {MAC} nud reachable extern_learn",
    f"10.1.0.9 lladdr {MAC} nud stale protocol bird",
    "10.1.0.9 managed",
    "fd00:1::9 managed extern_learn",
    "proxy fd00:1::9 router protocol static",
]


def told(host: Host) -> list[dict[str, Any]]:
    """All entries with their flags; of those that the kernel resolves, not what it has found out."""
    shown = host.json("ip -j neighbor show dev v nud all") + host.json("ip -j -6 neighbor show proxy dev v")
    for entry in shown:
        if not {"PERMANENT", "NOARP"} & {*entry.get("state", ())}:
            entry.pop("state", None)
            entry.pop("lladdr", None)
    mine = [entry for entry in shown if entry["dst"] in ("10.1.0.9", "fd00:1::9")]
    return sorted(mine, key=str)


@pytest.mark.parametrize("given", GIVEN)
def test_what_was_found_comes_back_with_its_state_and_its_flags(wired: Host, given: str) -> None:
    wired.sh(f"ip neighbor add {given} dev v")
    before, proxy = told(wired), given.startswith("proxy")
    entry = {"device": "v", "address": before[0]["dst"], "proxy": proxy}
    for more in ({"state": "absent"}, {"mac": "02:00:00:00:00:08"})[: 1 if proxy else 2]:
        options = {"name": "t", "config": {"netns_neighbor": [{**entry, **more}]}}
        failed = wired.module("topology", **options, inside=after(1, refuse))
        assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
        assert told(wired) == before
        wired.module("topology", **options, inside=after(1, kill))
        assert told(wired) != before
        wired.do("topology", name="t", state="absent")
        assert told(wired) == before
        wired.do("topology", **options)
        assert not wired.do("topology", **options)["changed"]
        (step,) = wired.do("topology", name="t", config={})["steps"]
        assert told(wired) == before
    wired.sh(f"ip neighbor del {'proxy ' if proxy else ''}{before[0]['dst']} dev v; {step['command']}")
    assert told(wired) == before


@pytest.mark.parametrize("given", GIVEN)
def test_what_goes_with_a_mac_address_comes_back_with_its_state_and_its_flags(wired: Host, given: str) -> None:
    wired.sh(f"ip neighbor add {given} dev v")
    before = told(wired)
    for way in ({"config": {"link": [{"name": "v", "mac": "02:00:00:00:00:99"}]}}, {"state": "absent"}):
        wired.do("topology", name="t", **way)
        assert told(wired) == before


@pytest.mark.parametrize(("address", "first"), [("224.0.0.9", "true"), ("10.1.0.33", "ip link set v arp off")])
def test_what_needs_no_asking_is_the_kernels(wired: Host, address: str, first: str) -> None:
    """Entries of groups, and those of a device without ARP."""
    wired.sh(f"{first}; ping -c1 -W1 -I v {address} || true")
    assert address in wired.sh("ip neighbor show dev v nud noarp")
    assert not wired.do("netns_neighbor", device="v", address=address, state="absent")["changed"]
    assert len(wired.do("link", name="v", mac="02:00:00:00:00:99")["steps"]) == 1
