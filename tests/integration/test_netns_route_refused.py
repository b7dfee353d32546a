# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""netns_route against the kernel: what is refused before anything changes, with the path of the option."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from host import Host
from routes import refused, wire


@pytest.fixture
def wired(host: Host) -> Host:
    return wire(host)


@pytest.fixture(scope="module")
def untouched() -> Iterator[Host]:
    """One host for all tests that change nothing."""
    made = wire(Host())
    yield made
    made.close()


BROKEN: list[tuple[str, dict[str, Any], str, str]] = [
    ("host bits", {"destination": "10.9.0.1/24", "gateway": "10.1.0.2"}, "destination", "the network is 10.9.0.0/24"),
    ("host bits IPv6", {"destination": "fd00::1/64", "device": "v1"}, "destination", "the network is fd00::/64"),
    (
        "no address",
        {"destination": "10.9.0/24", "device": "v1"},
        "destination",
        "'10.9.0' is not an IPv4 or IPv6 address",
    ),
    ("prefix length", {"destination": "10.9.0.0/33", "device": "v1"}, "destination", "0 to 32 is right"),
    ("nothing to go by", {"destination": "10.9.0.0/24"}, "device", "a route needs a gateway, a device or nexthops"),
    ("no next hops", {"destination": "10.9.0.0/24", "nexthops": []}, "device", "a route needs a gateway"),
    (
        "off link",
        {"destination": "10.9.0.0/24", "gateway": "10.3.0.2"},
        "gateway",
        "the gateway 10.3.0.2 is not on link",
    ),
    (
        "off link of the device",
        {"destination": "10.9.0.0/24", "gateway": "10.2.0.2", "device": "v1"},
        "gateway",
        "no address or device route of v1 in the host covers it; add a route to 10.2.0.2/32 by device, or set onlink",
    ),
    (
        "off link IPv6",
        {"destination": "::/0", "gateway": "fd00:3::1"},
        "gateway",
        "add a route to fd00:3::1/128 by device",
    ),
    (
        "second next hop off link",
        {"destination": "10.9.0.0/24", "nexthops": [{"via": "10.1.0.2"}, {"via": "10.3.0.2"}]},
        "nexthops[1].gateway",
        "10.3.0.2 is not on link",
    ),
    (
        "own address",
        {"destination": "10.9.0.0/24", "gateway": "10.1.0.1"},
        "gateway",
        "10.1.0.1 is an address of the host itself",
    ),
    (
        "own address IPv6",
        {"destination": "::/0", "gateway": "fd00:2::1"},
        "gateway",
        "is an address of the host itself",
    ),
    (
        "broadcast",
        {"destination": "10.9.0.0/24", "gateway": "10.1.0.255"},
        "gateway",
        "10.1.0.255 is the broadcast address of v1",
    ),
    (
        "unspecified",
        {"destination": "10.9.0.0/24", "gateway": "0.0.0.0"},
        "gateway",
        "'0.0.0.0' cannot be a router's address",
    ),
    ("multicast", {"destination": "10.9.0.0/24", "gateway": "224.0.0.1"}, "gateway", "cannot be a router's address"),
    (
        "no gateway",
        {"destination": "10.9.0.0/24", "gateway": "router"},
        "gateway",
        "'router' is not an IPv4 or IPv6 address",
    ),
    ("zone", {"destination": "::/0", "gateway": "fe80::1%v1"}, "gateway", "the device has its own option"),
    (
        "families",
        {"destination": "::/0", "gateway": "10.1.0.2"},
        "gateway",
        "10.1.0.2 is not of the family of ::/0 (IPv6)",
    ),
    (
        "families of a next hop",
        {"destination": "fd00:9::/48", "nexthops": [{"via": "fd00:1::2"}, {"via": "10.1.0.2"}]},
        "nexthops[1].gateway",
        "family",
    ),
    ("source's family", {"destination": "10.9.0.0/24", "device": "v1", "source": "fd00:1::1"}, "source", "family"),
    (
        "source not there",
        {"destination": "10.9.0.0/24", "device": "v1", "source": "10.7.0.1"},
        "source",
        "has the address 10.7.0.1",
    ),
    (
        "source not there IPv6",
        {"destination": "::/0", "device": "v1", "source": "fd00::7"},
        "source",
        "has the address fd00::7",
    ),
    ("device's name", {"destination": "10.9.0.0/24", "device": "v" * 16}, "device", "has 16 bytes"),
    (
        "link-local needs a device",
        {"destination": "::/0", "gateway": "fe80::1"},
        "device",
        "fe80::1 needs the device it is behind",
    ),
    (
        "so for IPv4",
        {"destination": "10.9.0.0/24", "gateway": "fe80::1"},
        "device",
        "fe80::1 needs the device it is behind",
    ),
    (
        "onlink alone",
        {"destination": "10.9.0.0/24", "device": "v1", "onlink": True},
        "onlink",
        "needs a gateway and the device",
    ),
    (
        "both ways",
        {"destination": "10.9.0.0/24", "device": "v1", "nexthops": [{"via": "10.1.0.2"}]},
        "nexthops",
        "either gateway",
    ),
    (
        "empty next hop",
        {"destination": "10.9.0.0/24", "nexthops": [{"via": "10.1.0.2"}, {"weight": 2}]},
        "nexthops[1]",
        "a gateway or a device",
    ),
    (
        "same next hop",
        {"destination": "10.9.0.0/24", "nexthops": [{"via": "10.1.0.2"}, {"via": "10.1.0.2"}]},
        "nexthops[1]",
        "the same next hop",
    ),
    (
        "weight",
        {"destination": "10.9.0.0/24", "nexthops": [{"via": "10.1.0.2"}, {"dev": "v2", "weight": 0}]},
        "nexthops[1].weight",
        "1 to 256",
    ),
    (
        "IPv6 device hops",
        {"destination": "fd00:9::/48", "nexthops": [{"dev": "v1"}, {"dev": "v2"}]},
        "nexthops",
        "needs a gateway",
    ),
    (
        "leads nowhere",
        {"destination": "10.9.0.0/24", "gateway": "10.1.0.2", "type": "blackhole"},
        "type",
        "leads nowhere",
    ),
    (
        "IPv6 scope",
        {"destination": "fd00:9::/48", "device": "v1", "scope": "link"},
        "scope",
        "IPv6 routes have no scope",
    ),
    (
        "IPv6 protocol",
        {"destination": "fd00:9::/48", "device": "v1", "protocol": 0},
        "protocol",
        "cannot have protocol 0",
    ),
    (
        "table",
        {"destination": "10.9.0.0/24", "device": "v1", "table": "blue"},
        "table",
        "'blue' is not a routing table",
    ),
    ("table 0", {"destination": "10.9.0.0/24", "device": "v1", "table": 0}, "table", "a number from 1"),
    (
        "protocol",
        {"destination": "10.9.0.0/24", "device": "v1", "protocol": "cow"},
        "protocol",
        "'cow' is not a route protocol",
    ),
    (
        "the kernel's protocol",
        {"destination": "10.9.0.0/24", "device": "v1", "protocol": "kernel"},
        "protocol",
        "kernel marks a route that the kernel made itself (kernel, ra, redirect)",
    ),
    (
        "a router's protocol",
        {"destination": "fd00:9::/48", "device": "v1", "protocol": 9},
        "protocol",
        "ra marks a route that the kernel made itself",
    ),
    ("protocol 256", {"destination": "10.9.0.0/24", "device": "v1", "protocol": 256}, "protocol", "from 0 to 255"),
    ("metric", {"destination": "10.9.0.0/24", "device": "v1", "metric": -1}, "metric", "-1 is out of range"),
    ("mtu", {"destination": "10.9.0.0/24", "device": "v1", "mtu": 65521}, "mtu", "0 to 65520 bytes is right"),
]


@pytest.mark.parametrize(
    ("options", "path", "message"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN]
)
def test_refused_before_anything_changes(untouched: Host, options: dict[str, Any], path: str, message: str) -> None:
    refused(untouched, path, message, **options)


def test_refused_where_check_mode_cannot_know(untouched: Host) -> None:
    for path, message, options in (
        ("netns", "namespace none does not exist", {"netns": "none", "device": "v1"}),
        ("device", "there is no link v7 in the host; it has lo, v1, v2", {"device": "v7"}),
    ):
        check = untouched.module("netns_route", check=True, destination="10.9.0.0/24", **options)
        assert check["changed"] is True
        assert check["warnings"]
        result = untouched.module("netns_route", destination="10.9.0.0/24", **options)
        assert [(problem["path"]) for problem in result["problems"]] == [path]
        assert message in result["msg"]


def test_device_down(wired: Host) -> None:
    wired.sh("ip link set v1 down")
    refused(wired, "device", "v1 in the host is down; a route needs it up", destination="10.9.0.0/24", device="v1")
    refused(wired, "gateway", "10.1.0.2 is not on link", destination="10.9.0.0/24", gateway="10.1.0.2")


def test_all_errors_of_a_topology_at_once(wired: Host) -> None:
    before = wired.sh("ip route")
    config = {
        "netns_route": [
            {"destination": "10.9.0.0/24", "gateway": "10.1.0.2"},
            {"destination": "10.9.1.0/24", "gateway": "10.3.0.2"},
            {"destination": "10.9.2.0/24", "nexthops": [{"via": "10.1.0.2"}, {"via": "10.1.0.1"}]},
        ]
    }
    for check in (True, False):
        result = wired.module("topology", name="t", config=config, check=check)
        paths = [problem["path"] for problem in result["problems"]]
        assert paths == ["config.netns_route[1].gateway", "config.netns_route[2].nexthops[1].gateway"]
    assert wired.sh("ip route") == before
