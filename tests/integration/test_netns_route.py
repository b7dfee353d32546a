# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""netns_route against the kernel: every kind of route, replaced in place, described and removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from host import Host
from routes import picture, refused, route, same_again, text, watched, wire

from ansible_collections.nsfabric.linux.plugins.module_utils import _transaction
from ansible_collections.nsfabric.linux.plugins.module_utils._errors import KernelError
from ansible_collections.nsfabric.linux.plugins.module_utils._kernel import netns_route as kernel_side

Converge = Callable[..., dict[str, Any]]


@pytest.fixture
def wired(host: Host) -> Host:
    return wire(host)


# Every way a route can be, with what iproute2 shows of it.
WAYS: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "gateway",
        {"destination": "10.9.0.0/24", "gateway": "10.1.0.2"},
        "",
        "10.9.0.0/24 via 10.1.0.2 dev v1 proto static",
    ),
    ("bare address", {"dest": "10.9.0.7", "via": "10.1.0.2"}, "", "10.9.0.7 via 10.1.0.2 dev v1 proto static"),
    ("netmask", {"destination": "10.9.0.0/255.255.0.0", "dev": "v1"}, "", "10.9.0.0/16 dev v1 proto static scope link"),
    ("device", {"destination": "10.9.0.3", "device": "v1"}, "", "10.9.0.3 dev v1 proto static scope link"),
    ("default", {"destination": "default", "gateway": "10.1.0.2"}, "", "default via 10.1.0.2 dev v1 proto static"),
    (
        "onlink",
        {"destination": "default", "gateway": "169.254.1.1", "device": "v2", "onlink": True},
        "",
        "default via 169.254.1.1 dev v2 proto static onlink",
    ),
    (
        "everything",
        {
            "destination": "10.9.0.0/24",
            "gateway": "10.1.0.2",
            "device": "v1",
            "source": "10.2.0.1",
            "metric": 7,
            "mtu": 1300,
            "protocol": "bird",
        },
        "",
        "10.9.0.0/24 via 10.1.0.2 dev v1 proto bird src 10.2.0.1 metric 7 mtu 1300",
    ),
    (
        "loopback source",
        {"destination": "10.9.0.0/24", "device": "v1", "source": "127.0.0.1"},
        "",
        "10.9.0.0/24 dev v1 proto static scope link src 127.0.0.1",
    ),
    (
        "scope and number of a protocol",
        {"destination": "10.9.0.0/24", "device": "v1", "scope": "global", "protocol": "77"},
        "",
        "10.9.0.0/24 dev v1 proto 77",
    ),
    (
        "protocol 0",
        {"destination": "10.9.0.0/24", "device": "v1", "protocol": 0},
        "",
        "10.9.0.0/24 dev v1 proto unspec scope link",
    ),
    ("blackhole", {"destination": "10.9.0.0/24", "type": "blackhole"}, "", "blackhole 10.9.0.0/24 proto static"),
    (
        "unreachable",
        {"destination": "default", "type": "unreachable", "metric": 9},
        "",
        "unreachable default proto static metric 9",
    ),
    ("prohibit", {"destination": "10.9.0.0/24", "type": "prohibit"}, "", "prohibit 10.9.0.0/24 proto static"),
    (
        "throw",
        {"destination": "10.9.0.0/24", "type": "throw", "table": 100},
        "table 100",
        "throw 10.9.0.0/24 proto static",
    ),
    (
        "local",
        {"destination": "10.9.0.0/24", "type": "local", "device": "lo", "table": "local"},
        "table local",
        "local 10.9.0.0/24 dev lo proto static scope host",
    ),
    (
        "table 1000",
        {"destination": "10.9.0.0/24", "gateway": "10.1.0.2", "table": 1000},
        "table 1000",
        "10.9.0.0/24 via 10.1.0.2 dev v1 proto static",
    ),
    (
        "table default",
        {"destination": "default", "gateway": "10.1.0.2", "table": "default"},
        "table default",
        "default via 10.1.0.2 dev v1 proto static",
    ),
    (
        "largest table",
        {"destination": "default", "gateway": "10.1.0.2", "table": 4294967295},
        "table 4294967295",
        "default via 10.1.0.2 dev v1 proto static",
    ),
    (
        "IPv6 gateway of IPv4",
        {"destination": "10.9.0.0/24", "gateway": "FD00:1:0::2"},
        "",
        "10.9.0.0/24 via inet6 fd00:1::2 dev v1 proto static",
    ),
    (
        "multipath",
        {"destination": "10.9.0.0/24", "nexthops": [{"gateway": "10.1.0.2", "weight": 3}, {"via": "10.2.0.2"}]},
        "",
        "10.9.0.0/24 proto static nexthop via 10.1.0.2 dev v1 weight 3 nexthop via 10.2.0.2 dev v2 weight 1",
    ),
    (
        "multipath, onlink, a device, the other family",
        {
            "destination": "10.9.0.0/24",
            "nexthops": [
                {"gateway": "10.77.0.2", "device": "v1", "onlink": True},
                {"device": "v2", "weight": 256},
                {"gateway": "fd00:1::2"},
            ],
        },
        "",
        "10.9.0.0/24 proto static nexthop via 10.77.0.2 dev v1 weight 1 onlink "
        "nexthop dev v2 weight 256 nexthop via inet6 fd00:1::2 dev v1 weight 1",
    ),
    (
        "one next hop",
        {"destination": "10.9.0.0/24", "nexthops": [{"gateway": "10.1.0.2", "weight": 3}]},
        "",
        "10.9.0.0/24 via 10.1.0.2 dev v1 proto static",
    ),
    (
        "IPv6 gateway",
        {"destination": "FD00:9:0::/48", "gateway": "fd00:1::2"},
        "-6",
        "fd00:9::/48 via fd00:1::2 dev v1 proto static metric 1024",
    ),
    (
        "IPv6 device",
        {"destination": "fd00:9::/48", "device": "v1"},
        "-6",
        "fd00:9::/48 dev v1 proto static metric 1024",
    ),
    (
        "IPv6 address",
        {"destination": "fd00:9::1", "device": "v1", "metric": 0},
        "-6",
        "fd00:9::1 dev v1 proto static metric 1024",
    ),
    (
        "IPv6 default by family",
        {"destination": "default", "gateway": "fd00:1::2"},
        "-6",
        "default via fd00:1::2 dev v1 proto static metric 1024",
    ),
    (
        "IPv6 default as prefix",
        {"destination": "::/0", "device": "v1", "metric": 5},
        "-6",
        "default dev v1 proto static metric 5",
    ),
    (
        "IPv6 link-local",
        {"destination": "::/0", "gateway": "fe80::9", "device": "v1"},
        "-6",
        "default via fe80::9 dev v1 proto static metric 1024",
    ),
    (
        "IPv6 onlink",
        {"destination": "fd00:9::/48", "gateway": "fd00:77::1", "device": "v1", "onlink": True},
        "-6",
        "fd00:9::/48 via fd00:77::1 dev v1 proto static metric 1024 onlink",
    ),
    (
        "IPv6 source and MTU",
        {"destination": "fd00:9::/48", "device": "v1", "source": "fd00:2:0::1", "mtu": 1400},
        "-6",
        "fd00:9::/48 dev v1 proto static src fd00:2::1 metric 1024 mtu 1400",
    ),
    (
        "IPv6 blackhole",
        {"destination": "fd00:9::/48", "type": "blackhole"},
        "-6",
        "blackhole fd00:9::/48 dev lo proto static metric 1024",
    ),
    (
        "IPv6 unreachable",
        {"destination": "::/0", "type": "unreachable"},
        "-6",
        "unreachable default dev lo proto static metric 1024",
    ),
    (
        "IPv6 prohibit",
        {"destination": "fd00:9::/48", "type": "prohibit"},
        "-6",
        "prohibit fd00:9::/48 dev lo proto static metric 1024",
    ),
    (
        "IPv6 throw",
        {"destination": "fd00:9::/48", "type": "throw"},
        "-6",
        "throw fd00:9::/48 dev lo proto static metric 1024",
    ),
    (
        "IPv6 local",
        {"destination": "fd00:9::/48", "type": "local", "device": "lo", "table": "local"},
        "-6",
        "table local local fd00:9::/48 dev lo proto static metric 1024",
    ),
    (
        "IPv6 multipath",
        {
            "destination": "fd00:9::/48",
            "nexthops": [{"gateway": "fd00:1::2"}, {"gateway": "fe80::7", "device": "v2", "weight": 9}],
        },
        "-6",
        "fd00:9::/48 proto static metric 1024 "
        "nexthop via fd00:1::2 dev v1 weight 1 nexthop via fe80::7 dev v2 weight 9",
    ),
    (
        "IPv4 in IPv6",
        {"destination": "::ffff:10.0.0.0/104", "device": "v1"},
        "-6",
        "::ffff:10.0.0.0/104 dev v1 proto static metric 1024",
    ),
]


@pytest.mark.parametrize(("options", "where", "shown"), [way[1:] for way in WAYS], ids=[way[0] for way in WAYS])
def test_every_way(wired: Host, converge: Converge, options: dict[str, Any], where: str, shown: str) -> None:
    """Made, found again, described, fed back, and removed by the same words."""
    foreign = picture(wired)
    done = converge("netns_route", **options)
    assert done["diff"]["before"] == {}
    assert done["diff"]["after"] == done["netns_route"]
    family, words = ("-6", shown) if where == "-6" else ("", shown)
    table = where if where.startswith("table") else ""
    if words.startswith("table local "):
        table, words = "table local", words[len("table local ") :]
    assert words in text(wired, table, family)
    same_again(wired)
    gone = converge("netns_route", state="absent", **options)
    assert gone["netns_route"] is None
    assert gone["diff"]["after"] == {}
    assert picture(wired) == foreign
    for step in (done["steps"][0], gone["steps"][0]):
        # The command that is shown does the same.
        wired.sh(step["command"])
        state = "absent" if step is gone["steps"][0] else "present"
        assert wired.module("netns_route", **options, state=state)["changed"] is False


def test_what_is_not_given_stays(wired: Host, converge: Converge) -> None:
    wired.sh("ip route add 10.9.0.0/24 via 10.1.0.2 src 10.2.0.1 mtu 1300 proto bird onlink dev v1")
    again = wired.module("netns_route", destination="10.9.0.0/24", gateway="10.1.0.2")
    assert again["changed"] is False
    done = converge("netns_route", destination="10.9.0.0/24", gateway="10.1.0.2", mtu=1400)
    assert done["diff"]["before"]["mtu"] == 1300
    assert text(wired, "10.9.0.0/24") == ["10.9.0.0/24 via 10.1.0.2 dev v1 proto bird src 10.2.0.1 onlink mtu 1400"]
    converge("netns_route", destination="10.9.0.0/24", gateway="10.1.0.2", mtu=0, source="", onlink=False, device="v1")
    assert text(wired, "10.9.0.0/24") == ["10.9.0.0/24 via 10.1.0.2 dev v1 proto bird"]


def test_an_existing_onlink_route_is_not_refused(wired: Host) -> None:
    """What the kernel took already needs no proof that it would take it."""
    wired.sh("ip route add default via 169.254.1.1 dev v1 onlink; ip route add 10.8.0.0/24 via 10.2.0.1")
    for options in ({"destination": "default", "gateway": "169.254.1.1"}, {"dest": "10.8.0.0/24", "via": "10.2.0.1"}):
        result = wired.module("netns_route", **options)
        assert result.get("changed") is False, result


REPLACED = [
    ("gateway", {"gateway": "10.1.0.3"}, "10.9.0.0/24 via 10.1.0.3 dev v1 proto static"),
    ("gateway by another device", {"gateway": "10.2.0.3"}, "10.9.0.0/24 via 10.2.0.3 dev v2 proto static"),
    ("gateway to device", {"device": "v1"}, "10.9.0.0/24 dev v1 proto static scope link"),
    (
        "to multipath",
        {"nexthops": [{"via": "10.1.0.2"}, {"via": "10.2.0.2"}]},
        "10.9.0.0/24 proto static nexthop via 10.1.0.2 dev v1 weight 1 nexthop via 10.2.0.2 dev v2 weight 1",
    ),
    ("type", {"type": "blackhole"}, "blackhole 10.9.0.0/24 proto static"),
    ("protocol", {"gateway": "10.1.0.2", "protocol": "bgp"}, "10.9.0.0/24 via 10.1.0.2 dev v1 proto bgp"),
    (
        "source",
        {"gateway": "10.1.0.2", "source": "10.2.0.1"},
        "10.9.0.0/24 via 10.1.0.2 dev v1 proto static src 10.2.0.1",
    ),
    ("family of the gateway", {"gateway": "fd00:1::2"}, "10.9.0.0/24 via inet6 fd00:1::2 dev v1 proto static"),
]
REPLACED_IPV6 = [
    ("gateway", {"gateway": "fd00:1::3"}, "fd00:9::/48 via fd00:1::3 dev v1 proto static metric 1024"),
    (
        "gateway by another device",
        {"gateway": "fd00:2::3"},
        "fd00:9::/48 via fd00:2::3 dev v2 proto static metric 1024",
    ),
    ("gateway to device", {"device": "v1"}, "fd00:9::/48 dev v1 proto static metric 1024"),
    (
        "to multipath",
        {"nexthops": [{"via": "fd00:1::2"}, {"via": "fd00:2::2"}]},
        "fd00:9::/48 proto static metric 1024 "
        "nexthop via fd00:1::2 dev v1 weight 1 nexthop via fd00:2::2 dev v2 weight 1",
    ),
    ("type", {"type": "unreachable"}, "unreachable fd00:9::/48 dev lo proto static metric 1024"),
    (
        "mtu",
        {"gateway": "fd00:1::2", "mtu": 1400},
        "fd00:9::/48 via fd00:1::2 dev v1 proto static metric 1024 mtu 1400",
    ),
]
CHANGES = [("10.9.0.0/24", "10.1.0.2", *case) for case in REPLACED]
CHANGES += [("fd00:9::/48", "fd00:1::2", *case) for case in REPLACED_IPV6]


@pytest.mark.parametrize(
    ("destination", "gateway", "options", "shown"),
    [(case[0], case[1], *case[3:]) for case in CHANGES],
    ids=[f"{case[0]} {case[2]}" for case in CHANGES],
)
def test_replaced_in_place_and_back(
    wired: Host, converge: Converge, destination: str, gateway: str, options: dict[str, Any], shown: str
) -> None:
    """There is no moment without the route."""
    family = "-6" if ":" in destination else ""
    first = {"destination": destination, "gateway": gateway, "mtu": 0, "protocol": "static", "source": ""}
    wired.module("netns_route", **first)
    original = text(wired, destination, family)
    with watched(wired):
        done = converge("netns_route", destination=destination, **options)
        assert text(wired, destination, family) == [shown]
        assert done["diff"]["before"]["netns"] is None
        same_again(wired)
        converge("netns_route", **first)
        assert text(wired, destination, family) == original


@pytest.mark.parametrize(("destination", "base"), [("10.9.0.0/24", "10.{}.0.2"), ("fd00:9::/48", "fd00:{}::2")])
def test_multipath_changes(wired: Host, converge: Converge, destination: str, base: str) -> None:
    one, two, other = base.format(1), base.format(2), base.format(1).replace("2", "4")
    hops = [{"gateway": one, "weight": 2}, {"gateway": two}]
    converge("netns_route", destination=destination, nexthops=hops)
    assert wired.module("netns_route", destination=destination, nexthops=hops[::-1])["changed"] is False
    with watched(wired):
        converge("netns_route", destination=destination, nexthops=[{"gateway": one, "weight": 5}, {"gateway": two}])
        converge("netns_route", destination=destination, nexthops=[{"gateway": other}, {"gateway": two}])
        converge("netns_route", destination=destination, nexthops=[*hops, {"gateway": other}])
        converge("netns_route", destination=destination, nexthops=hops)
    partly = wired.module("netns_route", state="absent", destination=destination, gateway=one)
    assert partly["changed"] is False
    done = converge("netns_route", state="absent", destination=destination, nexthops=hops[::-1])
    assert len(done["steps"]) == 1


def test_metrics_are_routes_of_their_own(wired: Host, converge: Converge) -> None:
    converge("netns_route", destination="default", gateway="10.1.0.2")
    converge("netns_route", destination="default", gateway="10.2.0.2", metric=100)
    converge("netns_route", destination="::/0", gateway="fd00:1::2")
    converge("netns_route", destination="::/0", gateway="fd00:2::2", metric=2000)
    assert [found.get("metric", 0) for found in wired.routes(what="default")] == [0, 100]
    assert [found["metric"] for found in wired.routes(options="-6", what="default")] == [1024, 2000]
    assert wired.module("netns_route", destination="::/0", gateway="fd00:1::2", metric=1024)["changed"] is False
    converge("netns_route", state="absent", destination="default", metric=100)
    assert text(wired, "default") == ["default via 10.1.0.2 dev v1 proto static"]
    converge("netns_route", state="absent", destination="::/0", metric=0)
    assert [found["metric"] for found in wired.routes(options="-6", what="default")] == [2000]


def test_tables_are_separate(wired: Host, converge: Converge) -> None:
    for table in ("100", "1000", "main"):
        converge("netns_route", destination="10.9.0.0/24", gateway="10.1.0.2", table=table)
    converge("netns_route", state="absent", destination="10.9.0.0/24", table=1000)
    assert wired.routes(what="10.9.0.0/24")
    assert wired.routes(what="10.9.0.0/24 table 100")
    assert not wired.routes(what="10.9.0.0/24 table 1000")


def test_aliases(wired: Host, converge: Converge) -> None:
    """Routes with one key: the first counts, and one that equals it would be in the way."""
    wired.sh("ip route add 10.9.0.0/24 via 10.1.0.2; ip route append 10.9.0.0/24 via 10.2.0.2 proto static")
    wired.sh("ip route append 10.9.0.0/24 via 10.2.0.3")
    done = converge("netns_route", destination="10.9.0.0/24", gateway="10.2.0.2", protocol="static")
    assert [step["what"].split()[0] for step in done["steps"]] == ["delete", "replace"]
    assert text(wired, "10.9.0.0/24") == [
        "10.9.0.0/24 via 10.2.0.2 dev v2 proto static",
        "10.9.0.0/24 via 10.2.0.3 dev v2",
    ]
    same_again(wired)
    done = converge("netns_route", state="absent", destination="10.9.0.0/24", gateway="10.2.0.3")
    assert text(wired, "10.9.0.0/24") == ["10.9.0.0/24 via 10.2.0.2 dev v2 proto static"]
    wired.sh("ip route append 10.9.0.0/24 via 10.2.0.3; ip route append 10.9.0.0/24 dev v1")
    done = converge("netns_route", state="absent", destination="10.9.0.0/24")
    assert len(done["steps"]) == 3
    assert text(wired, "10.9.0.0/24") == []


def test_ipv6_aliases(wired: Host, converge: Converge) -> None:
    """IPv6 keeps device routes with one key beside each other."""
    wired.sh("ip -6 route add fd00:9::/48 dev v1; ip -6 route append fd00:9::/48 dev v2")
    for device in ("v1", "v2"):
        assert wired.module("netns_route", destination="fd00:9::/48", device=device)["changed"] is False
    same_again(wired)
    converge("netns_route", state="absent", destination="fd00:9::/48", device="v2")
    assert text(wired, "fd00:9::/48", "-6") == ["fd00:9::/48 dev v1 metric 1024"]
    wired.sh("ip -6 route append fd00:9::/48 dev v2")
    converge("netns_route", state="absent", destination="fd00:9::/48")
    assert text(wired, "fd00:9::/48", "-6") == []


def test_calico(host: Host, converge: Converge) -> None:
    """A gateway that nobody owns, reachable by a device route alone; in whatever order they are declared."""
    config: dict[str, Any] = {
        "netns_route": [
            {"netns": "pod", "destination": "default", "gateway": "169.254.1.1"},
            {"netns": "pod", "destination": "::/0", "gateway": "fd00:ffff::1"},
            {"netns": "pod", "destination": "fd00:ffff::1", "device": "eth0"},
            {"netns": "pod", "destination": "169.254.1.1", "device": "eth0"},
            {"destination": "10.244.1.3", "device": "cali1"},
            {"destination": "fd00:244::3", "device": "cali1"},
        ],
        "veth": [
            {
                "name": "eth0",
                "netns": "pod",
                "addresses": ["10.244.1.3", "fd00:244::3"],
                "peer": {"name": "cali1", "addresses": ["10.0.0.1/32"]},
            }
        ],
        "netns": [{"name": "pod"}],
    }
    converge("topology", name="calico", config=config)
    assert text(host, "", netns="pod") == [
        "default via 169.254.1.1 dev eth0 proto static",
        "169.254.1.1 dev eth0 proto static scope link",
    ]
    assert "default via fd00:ffff::1 dev eth0 proto static metric 1024" in text(host, "", "-6", "pod")
    same_again(host)
    converge("topology", name="calico", state="absent")
    assert host.sh("ip -j netns").strip() in ("", "[]")


def test_ipv6_source_of_an_address_that_is_just_added(host: Host, converge: Converge) -> None:
    """The kernel takes an address as a source only after it has looked for duplicates."""
    config = {
        "netns": [{"name": "n"}],
        "veth": [{"name": "a", "netns": "n", "addresses": ["fd00:1::1/64"], "peer": {"name": "b"}}],
        "netns_route": [{"netns": "n", "destination": "fd00:2::/64", "device": "a", "source": "fd00:1::1"}],
    }
    converge("topology", name="t", config=config)
    assert "src fd00:1::1" in host.sh("ip -n n -6 route show fd00:2::/64")


def impatient() -> None:
    kernel_side.PATIENCE = 0.05


def test_ipv6_source_that_cannot_be_tried(host: Host) -> None:
    """Without a carrier nobody can be asked whether an address is unique; a duplicate is none."""
    host.sh("ip link add v type veth peer name x; ip link set v addrgenmode none up; ip address add fd00:1::1/64 dev v")
    options = {"destination": "fd00:9::/48", "device": "v", "source": "fd00:1::1"}
    result = host.module("netns_route", inside=impatient, **options)
    assert "fd00:1::1 cannot be a source yet: its device has no carrier" in result["msg"]
    assert "The host was put back as it was found" in result["msg"]
    host.sh("ip netns add n; ip link set x netns n; ip -n n link set x up")
    host.sh("ip -n n address add fd00:1::1/64 dev x nodad; ip address del fd00:1::1/64 dev v")
    host.sh("ip address add fd00:1::1/64 dev v")
    result = host.module("netns_route", **options)
    assert "fd00:1::1 cannot be a source: another machine on the link has the same address" in result["msg"]
    assert text(host, "fd00:9::/48", "-6") == []


def test_a_gateway_behind_a_device_without_carrier(host: Host, converge: Converge) -> None:
    config = {
        "veth": [{"name": "v", "addresses": ["10.1.0.1/24", "fd00:1::1/64"], "peer": {"name": "x", "up": False}}],
        "netns_route": [
            {"destination": "default", "gateway": "10.1.0.2"},
            {"destination": "::/0", "gateway": "fd00:1::2"},
        ],
    }
    converge("topology", name="t", config=config)
    assert text(host, "default") == ["default via 10.1.0.2 dev v proto static"]
    assert text(host, "default", "-6") == ["default via fd00:1::2 dev v proto static metric 1024"]
    assert "NO-CARRIER" in host.sh("ip link show v")
    same_again(host)


def test_connected_route_of_the_same_document(host: Host, converge: Converge) -> None:
    """The kernel makes the route with the address: to declare it as well is no contradiction."""
    config = {
        "netns": [{"name": "n"}],
        "veth": [{"name": "a", "netns": "n", "addresses": ["10.1.0.1/24", "fd00:1::1/64"], "peer": {"name": "b"}}],
        "netns_route": [
            {"netns": "n", "destination": "10.1.0.0/24", "device": "a"},
            {"netns": "n", "destination": "fd00:1::/64", "device": "a", "metric": 256},
        ],
    }
    done = converge("topology", name="t", config=config)
    assert not [step for step in done["steps"] if step["resource"] == "netns_route"]
    config["netns_route"][0]["mtu"] = 1400
    done = converge("topology", name="t", config=config)
    assert route(host, "10.1.0.0/24", netns="n")["protocol"] == "static"
    assert route(host, "10.1.0.0/24", netns="n")["prefsrc"] == "10.1.0.1"


def test_connected_route_changed_and_given_back(wired: Host) -> None:
    """A topology that changed the kernel's own route restores it."""
    before = wired.sh("ip -d route")
    config = {"netns_route": [{"destination": "10.1.0.0/24", "device": "v1", "mtu": 1400}]}
    assert not wired.module("topology", name="t", config=config).get("failed")
    assert "mtu 1400" in wired.sh("ip route")
    assert not wired.module("topology", name="t", state="absent").get("failed")
    assert wired.sh("ip -d route") == before


def test_absent_means_every_route_that_agrees(wired: Host, converge: Converge) -> None:
    def prepare() -> None:
        wired.sh(
            """
            ip route replace 10.9.0.0/24 via 10.1.0.2
            ip route replace 10.9.0.0/24 via 10.2.0.2 metric 5 proto bird
            ip route replace blackhole 10.9.0.0/24 metric 6
            ip route replace 10.9.0.0/24 dev v1 metric 8 src 10.2.0.1
            ip route replace 10.9.0.0/24 via 10.1.0.2 table 100
            """
        )

    cases: list[tuple[dict[str, Any], list[int]]] = [
        ({}, []),
        ({"gateway": "10.1.0.2"}, [5, 6, 8]),
        ({"gateway": "10.7.0.2"}, [0, 5, 6, 8]),
        ({"metric": 5}, [0, 6, 8]),
        ({"metric": 0}, [5, 6, 8]),
        ({"type": "blackhole"}, [0, 5, 8]),
        ({"device": "v1"}, [5, 6]),
        ({"device": "v2", "metric": 8}, [0, 5, 6, 8]),
        ({"protocol": "bird"}, [0, 6, 8]),
        ({"source": "10.2.0.1"}, [0, 5, 6]),
    ]
    for options, left in cases:
        prepare()
        if len(left) < 4:
            converge("netns_route", state="absent", destination="10.9.0.0/24", **options)
        else:
            found = wired.module("netns_route", state="absent", destination="10.9.0.0/24", **options)
            assert found["changed"] is False
        assert [each.get("metric", 0) for each in wired.routes(what="10.9.0.0/24")] == left, options
        assert wired.routes(what="10.9.0.0/24 table 100")


def test_absent_leaves_the_kernels_own(wired: Host, converge: Converge) -> None:
    for destination in ("10.1.0.0/24", "fd00:1::/64", "fe80::/64"):
        assert wired.module("netns_route", state="absent", destination=destination)["changed"] is False
    converge("netns_route", state="absent", destination="10.1.0.0/24", protocol="kernel")
    assert wired.module("netns_route", state="absent", destination="default", netns="none")["changed"] is False


def test_others_routes_are_left_alone(wired: Host, converge: Converge) -> None:
    """Learned, cached, by type of service, by source prefix, multicast: neither described nor disturbed."""
    wired.sh(
        """
        ip route add 10.9.0.0/24 via 10.1.0.3 tos 0x10
        ip -6 route add fd00:9::/48 from fd00:1::/64 via fd00:1::3
        ip -6 route add fd00:8::/48 via fd00:1::3 proto ra
        ip route add multicast 225.0.0.0/8 dev v1
        ip -n far address add fd00:1::2/64 dev x1 nodad
        sysctl -qw net.ipv6.conf.all.forwarding=1
        """
    )
    assert "anycast fd00:1::" in wired.sh("ip -6 route show table local")
    wired.pings("fd00:1::2")
    before = wired.sh("ip route; ip -6 route show table all")
    config = wired.module("topology_info")["config"]
    assert "netns_route" not in config
    converge("netns_route", destination="10.9.0.0/24", gateway="10.1.0.2")
    converge("netns_route", destination="fd00:9::/48", gateway="fd00:1::2")
    converge("netns_route", destination="10.9.0.0/24", gateway="10.2.0.2")
    converge("netns_route", destination="10.9.0.0/24", state="absent")
    converge("netns_route", destination="fd00:9::/48", state="absent")
    assert wired.sh("ip route; ip -6 route show table all") == before


def test_what_a_router_has_announced(wired: Host, converge: Converge) -> None:
    """The kernel would replace it and learn it again: a route of one's own needs another metric."""
    wired.sh("ip -6 route add default via fd00:1::3 proto ra")
    assert wired.module("netns_route", destination="::/0", gateway="fd00:1::3")["changed"] is False
    message = "a router has announced another route to ::/0 with metric 1024 (via fd00:1::3 dev v1)"
    refused(wired, "metric", message, destination="::/0", gateway="fd00:1::2")
    converge("netns_route", destination="::/0", gateway="fd00:1::2", metric=512)
    converge("netns_route", destination="::/0", state="absent")
    assert text(wired, "default", "-6") == ["default via fd00:1::3 dev v1 proto ra metric 1024"]
    converge("netns_route", destination="::/0", state="absent", protocol="ra")


def test_nexthop_objects(wired: Host, converge: Converge) -> None:
    """Routes that go by nexthop objects (as FRR makes them) are read, left, replaced and removed like others."""
    wired.sh(
        """
        ip nexthop add id 1 via 10.1.0.2 dev v1
        ip nexthop add id 2 via 10.2.0.2 dev v2
        ip nexthop add id 3 group 1,7/2
        ip nexthop add id 5 blackhole
        ip nexthop add id 11 via fd00:1::2 dev v1
        ip nexthop add id 12 via fd00:2::2 dev v2
        ip nexthop add id 13 group 11/12
        ip route add 10.9.1.0/24 nhid 1
        ip route add 10.9.2.0/24 nhid 3
        ip route add 10.9.3.0/24 nhid 5
        ip -6 route add fd00:9:1::/48 nhid 11
        ip -6 route add fd00:9:2::/48 nhid 13
        """
    )
    several = [{"gateway": "10.1.0.2", "weight": 7}, {"gateway": "10.2.0.2"}]
    several = [{"gateway": "10.1.0.2", "weight": 7}, {"gateway": "10.2.0.2"}]
    ipv6 = [{"gateway": "fd00:1::2"}, {"gateway": "fd00:2::2"}]
    assert wired.module("netns_route", destination="10.9.1.0/24", gateway="10.1.0.2")["changed"] is False
    assert wired.module("netns_route", destination="10.9.2.0/24", nexthops=several)["changed"] is False
    assert wired.module("netns_route", destination="fd00:9:2::/48", nexthops=ipv6)["changed"] is False
    same_again(wired)
    wired.sh("sysctl -qw net.ipv4.nexthop_compat_mode=0")
    assert not wired.module("topology_info").get("failed")
    wired.sh("sysctl -qw net.ipv4.nexthop_compat_mode=1")
    converge("netns_route", destination="10.9.1.0/24", gateway="10.1.0.3")
    for destination in ("10.9.2.0/24", "10.9.3.0/24", "fd00:9:1::/48", "fd00:9:2::/48"):
        converge("netns_route", destination=destination, state="absent")
        assert text(wired, destination, "-6" if ":" in destination else "") == []


def test_routes_to_several_are_others(wired: Host, converge: Converge) -> None:
    """There are no words for them: they are not told, but replaced and removed where a declared one has their place."""
    wired.sh(
        "ip route add multicast 239.9.0.0/16 dev v1; ip route add broadcast 10.9.1.255 dev v1 table main;"
        " ip -6 route add anycast fd00:9::1 dev v1 table main"
    )
    told = {each["destination"] for each in wired.do("topology_info")["config"].get("netns_route", ())}
    assert not told & {"239.9.0.0/16", "10.9.1.255/32", "fd00:9::1/128"}
    same_again(wired)
    converge("netns_route", destination="239.9.0.0/16", device="v1")
    assert text(wired, "239.9.0.0/16") == ["239.9.0.0/16 dev v1 scope link"]
    converge("netns_route", destination="10.9.1.255", state="absent")
    assert text(wired, "10.9.1.255") == []
    converge("netns_route", destination="fd00:9::1", state="absent")
    assert text(wired, "fd00:9::1", "-6") == []


def test_names_of_devices(host: Host, converge: Converge) -> None:
    for name in ("eth9.100", "br-lan", "veth1@x", "über"):
        host.sh(f"ip link add '{name}' type veth peer name peer; ip link set '{name}' up; ip link set peer up")
        converge("netns_route", destination="10.9.0.0/24", device=name)
        assert route(host, "10.9.0.0/24")["dev"] == name
        host.sh(f"ip link del '{name}'")


def test_in_a_namespace(wired: Host, converge: Converge) -> None:
    wired.sh("ip -n far address add 10.1.0.2/24 dev x1")
    done = converge("netns_route", netns="far", destination="default", gateway="10.1.0.1")
    assert done["steps"][0]["command"] == "ip -n far route add default via 10.1.0.1 dev x1 proto static scope global"
    assert done["netns_route"]["netns"] == "far"
    assert text(wired, "default", netns="far") == ["default via 10.1.0.1 dev x1 proto static"]
    assert text(wired, "default") == []


def test_check_mode_takes_what_is_missing_for_granted(host: Host) -> None:
    for options in (
        {"netns": "later", "destination": "default", "gateway": "10.1.0.254"},
        {"netns": "later", "destination": "10.9.0.0/24", "device": "eth0"},
        {"netns": "later", "destination": "10.9.0.0/24", "type": "local", "device": "lo"},
        {"destination": "10.9.0.0/24", "gateway": "10.1.0.254", "device": "eth7", "source": "10.1.0.1"},
    ):
        result = host.module("netns_route", check=True, **options)
        assert result.get("changed") is True, result
        assert result["warnings"]
    result = host.module("netns_route", check=True, netns="later", destination="default", state="absent")
    assert result["changed"] is False


def test_ten_thousand_routes_are_no_burden(wired: Host) -> None:
    wired.sh(
        """
        for i in $(seq 0 9999); do echo "route add 11.$((i / 250)).$((i % 250)).0/24 via 10.1.0.2"; done | ip -batch -
        """
    )
    result = wired.module("netns_route", destination="10.9.0.0/24", gateway="10.1.0.2")
    assert result["changed"] is True


def failing_at_the_end() -> None:
    """Carries out every step, and then fails."""
    real = _transaction.apply

    def apply(session: Any, steps: Any) -> None:
        _transaction.apply = real
        real(session, steps)
        raise KernelError("do the rest", "", "no more")

    _transaction.apply = apply


CHANGED = [
    {"destination": "10.9.0.0/24", "device": "v2", "mtu": 1200},
    {"destination": "10.8.0.0/24", "state": "absent"},
    {"destination": "10.6.0.0/24", "gateway": "10.1.0.2", "mtu": 1300, "source": "10.2.0.1"},
    {"destination": "fd00:9::/48", "gateway": "fd00:1::7"},
    {"destination": "10.7.0.0/24", "gateway": "10.1.0.2", "table": 77},
    {"destination": "10.1.0.0/24", "device": "v1", "mtu": 1400},
]


def test_put_back(wired: Host) -> None:
    """Both by a run that fails and by a topology that is removed, every route is again as it was found."""
    wired.sh(
        """
        ip route add 10.9.0.0/24 via 10.1.0.2 src 10.2.0.1 mtu 1300
        ip route add 10.6.0.0/24 via 10.1.0.2
        ip route add blackhole 10.8.0.0/24 metric 4
        ip -6 route add fd00:9::/48 nexthop via fd00:1::2 weight 3 nexthop via fd00:2::2
        """
    )
    before = picture(wired)
    result = wired.module("topology", name="t", config={"netns_route": CHANGED}, inside=failing_at_the_end)
    assert "The host was put back as it was found" in result["msg"]
    assert picture(wired) == before
    done = wired.module("topology", name="t", config={"netns_route": CHANGED})
    assert not done.get("failed"), done
    assert picture(wired) != before
    gone = wired.module("topology", name="t", state="absent")
    assert not gone.get("failed"), gone
    assert picture(wired) == before


@pytest.mark.parametrize("flush", ["ip -n a route flush dev v", "ip -n a -6 route flush table main"])
def test_the_networks_of_gateways_that_somebody_flushed(host: Host, flush: str) -> None:
    before = host.picture()
    near = {"netns": "a", "name": "v", "addresses": ["10.1.0.1/24", "10.1.0.9/24", "fd00:1::1/64"]}
    config = {
        "netns": [{"name": "a"}],
        "veth": [{**near, "peer": {"name": "h"}}],
        "netns_route": [
            {"netns": "a", "destination": "default", "gateway": "10.1.0.2"},
            {"netns": "a", "destination": "::/0", "gateway": "fd00:1::2"},
        ],
    }
    host.do("topology", name="lab", config=config)
    whole = host.sh("ip route; ip -6 route show table main | grep -v fe80", "a")
    host.sh(flush)
    assert host.sh("ip route; ip -6 route show table main | grep -v fe80 || true", "a") != whole
    predicted = host.do("topology", name="lab", config=config, check=True)
    assert host.do("topology", name="lab", config=config)["steps"] == predicted["steps"]
    assert sorted(host.sh("ip route; ip -6 route show table main | grep -v fe80", "a").splitlines()) == sorted(
        whole.splitlines()
    )
    assert host.do("topology", name="lab", config=config)["steps"] == []
    host.do("topology", name="lab", state="absent")
    assert host.picture() == before
