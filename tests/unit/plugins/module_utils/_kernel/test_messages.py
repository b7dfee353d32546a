# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rtnetlink messages: what pyroute2 encodes is parsed to what was meant."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nsfabric.linux.plugins.module_utils._kernel import messages, netlink, netns_route
from ansible_collections.nsfabric.linux.plugins.module_utils._kernel.link import Seen
from ansible_collections.nsfabric.linux.plugins.module_utils._kernel.messages import Message
from ansible_collections.nsfabric.linux.plugins.module_utils._kernel.netlink import HEADER, Request
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import End, Hop, Route


def parsed(layout: Any, cls: Any, header: dict[str, Any], attrs: list[Any]) -> Message:
    data = Request(cls, 16, 0, header, attrs).encode(7)
    return messages.parse(layout, data, HEADER.size, len(data))


def test_a_link() -> None:
    data = {"attrs": [("IFLA_BR_FORWARD_DELAY", 400), ("IFLA_BR_STP_STATE", 2), ("IFLA_BR_PRIORITY", 4096)]}
    attrs = [
        ("IFLA_IFNAME", "br0"),
        ("IFLA_ADDRESS", "02:00:00:00:00:0a"),
        ("IFLA_MTU", 1400),
        ("IFLA_TXQLEN", 1000),
        ("IFLA_LINKINFO", {"attrs": [("IFLA_INFO_KIND", "bridge"), ("IFLA_INFO_DATA", data)]}),
    ]
    seen = Seen(parsed(messages.LINK, netlink.ifinfmsg, {"index": 7, "flags": 1}, attrs))
    link = seen.link({7: "br0"}, End("ns1", "eth0"))
    assert (link.name, link.kind, link.index, link.up) == ("br0", "bridge", 7, True)
    assert (link.mac, link.mtu, link.txqueuelen, link.master) == ("02:00:00:00:00:0a", 1400, 1000, None)
    assert dict(link.bridge) == {"forward_delay": 400, "stp": 1, "priority": 4096}
    assert link.peer == End("ns1", "eth0")


@pytest.mark.parametrize(
    ("family", "attrs", "route"),
    [
        (
            socket.AF_INET,
            [
                ("RTA_TABLE", 1000),
                ("RTA_DST", "10.0.0.0"),
                ("RTA_PRIORITY", 5),
                ("RTA_GATEWAY", "10.1.0.1"),
                ("RTA_OIF", 3),
            ],
            Route("10.0.0.0/8", table=1000, metric=5, hops=(Hop("10.1.0.1", "eth0"),)),
        ),
        (
            socket.AF_INET,
            [("RTA_DST", "10.0.0.0"), ("RTA_VIA", {"family": socket.AF_INET6, "addr": "fe80::1"}), ("RTA_OIF", 3)],
            Route("10.0.0.0/8", hops=(Hop("fe80::1", "eth0"),)),
        ),
        (
            socket.AF_INET6,
            [
                ("RTA_METRICS", {"attrs": [("RTAX_MTU", 1300)]}),
                ("RTA_PREFSRC", "fd00::2"),
                (
                    "RTA_MULTIPATH",
                    [
                        {"oif": 3, "hops": 1, "flags": 4, "attrs": [("RTA_GATEWAY", "fd00::1")]},
                        {"oif": 4, "hops": 0, "flags": 0, "attrs": [("RTA_GATEWAY", "fd00::3")]},
                    ],
                ),
            ],
            Route(
                "::/8",
                source="fd00::2",
                mtu=1300,
                hops=(Hop("fd00::1", "eth0", True, 2), Hop("fd00::3", "eth1", False, 1)),
            ),
        ),
    ],
)
def test_a_route(family: int, attrs: list[Any], route: Route) -> None:
    header = {"family": family, "dst_len": 8, "table": 254, "proto": 4, "type": 1}
    message = parsed(messages.ROUTE, netlink.rtmsg, header, attrs)
    assert netns_route._route(message, {3: "eth0", 4: "eth1"}) == route


@given(st.binary(min_size=16, max_size=16) | st.binary(min_size=4, max_size=4))
def test_an_address_is_written_as_python_does(value: bytes) -> None:
    assert messages.host(value) == str(ipaddress.ip_address(value))


@given(st.dictionaries(st.integers(1, 0x3FFF), st.binary(max_size=40)))
def test_attributes_come_back(found: dict[int, bytes]) -> None:
    data = b"".join(messages.attribute(kind, value) for kind, value in found.items())
    assert messages.attributes(data) == found


@given(st.binary(max_size=64))
def test_no_bytes_are_read_for_ever_or_from_beyond(data: bytes) -> None:
    assert sum(4 + len(value) for value in messages.attributes(data).values()) <= len(data)


def test_a_message_that_differs_by_its_device_only() -> None:
    def encoded(number: int, index: int, kind: int) -> bytes:
        header = {"index": index, "flags": 1, "change": 1}
        return Request(netlink.ifinfmsg, kind, 0, header, [("IFLA_MTU", 1400)]).encode(number)

    for number, index in ((1, 3), (2, 70000), (3, 3)):
        quick, whole = (encoded(number, index, kind) for kind in (netlink.RTM_SETLINK, netlink.RTM_NEWLINK))
        assert quick[:4] + quick[6:] == whole[:4] + whole[6:]


def test_numbers_of_any_size() -> None:
    assert [messages.number(value) for value in (None, b"", b"\x05", b"\xff\xff", b"\xff\xff\xff\xff")] == [
        0,
        0,
        5,
        65535,
        0xFFFFFFFF,
    ]
