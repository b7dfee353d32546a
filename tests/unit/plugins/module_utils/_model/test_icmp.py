# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Echo requests and answers, against bytes that were captured or written down by hand."""

from __future__ import annotations

import socket
import struct
from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nsfabric.linux.plugins.module_utils._model.icmp import (
    Key,
    Refusal,
    Reply,
    checksum,
    complaint,
    payload,
    read,
    request,
)

KEY = Key(0x1234, 7)
# An IPv4 header: version and length, ..., TTL 63 and protocol 1, ..., source 10.0.0.2, destination 10.0.0.1.
HEADER = bytes.fromhex("45000054 00004000 3f01ffff 0a000002 0a000001")
HEADER6 = bytes.fromhex("60000000 0010 3a 40") + socket.inet_pton(socket.AF_INET6, "fd00::1") + bytes(15) + b"\x02"


def test_an_echo_request_as_ping_makes_it() -> None:
    # 08 00, checksum, identifier, sequence, content; the checksum is RFC 1071's over all of it.
    assert request(4, KEY, b"ab").hex(" ") == "08 00 84 62 12 34 00 07 61 62"
    assert request(6, KEY, b"ab").hex(" ") == "80 00 00 00 12 34 00 07 61 62"


@given(st.binary(max_size=100))
def test_a_message_with_its_checksum_sums_to_nothing(content: bytes) -> None:
    assert checksum(request(4, KEY, content)) == 0


def test_the_checksum_of_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2


def test_the_content_tells_requests_and_runs_apart() -> None:
    one = payload(1, b"nonce-01", 56)
    assert len(one) == 56
    assert one != payload(2, b"nonce-01", 56)
    assert one != payload(1, b"nonce-02", 56)
    assert [len(payload(1, b"nonce-01", size)) for size in (0, 1, 16, 65507)] == [0, 1, 16, 65507]


def test_a_reply_over_ipv4() -> None:
    packet = HEADER + bytes.fromhex("0000 ffff 1234 0007") + b"ab"
    assert read(4, packet, "10.0.0.2") == Reply(KEY, "10.0.0.2", 63, b"ab")


def test_a_reply_behind_ip_options() -> None:
    packet = b"\x46" + HEADER[1:] + bytes(4) + bytes.fromhex("0000 ffff 1234 0007")
    assert read(4, packet, "10.0.0.2") == Reply(KEY, "10.0.0.2", 63, b"")


def test_a_reply_over_ipv6() -> None:
    packet = bytes.fromhex("8100 ffff 1234 0007") + b"ab"
    assert read(6, packet, "fd00::2", 62) == Reply(KEY, "fd00::2", 62, b"ab")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("0301 ffff 00000000", "Destination Host Unreachable"),
        ("0304 ffff 00000578", "Packet too big, MTU 1400"),
        ("030d ffff 00000000", "Packet filtered"),
        ("0b00 ffff 00000000", "Time to live exceeded"),
        ("0c00 ffff 00000000", "ICMP error, type 12 code 0"),
    ],
)
def test_an_error_over_ipv4(error: str, words: str) -> None:
    quoted = HEADER + bytes.fromhex("0800 ffff 1234 0007")
    packet = HEADER + bytes.fromhex(error) + quoted
    assert read(4, packet, "10.0.0.254") == Refusal(KEY, "10.0.0.1", f"{words} from 10.0.0.254")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("0103 ffff 00000000", "Destination unreachable: Address unreachable"),
        ("0200 ffff 00000500", "Packet too big, MTU 1280"),
        ("0200 ffff 00011170", "Packet too big, MTU 70000"),
        ("0300 ffff 00000000", "Time exceeded: Hop limit"),
        ("0107 ffff 00000000", "ICMPv6 error, type 1 code 7"),
    ],
)
def test_an_error_over_ipv6(error: str, words: str) -> None:
    packet = bytes.fromhex(error) + HEADER6 + bytes.fromhex("8000 ffff 1234 0007")
    assert read(6, packet, "fd00::fe") == Refusal(KEY, "::2", f"{words} from fd00::fe")


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        HEADER,
        HEADER + b"\0\0",
        HEADER + bytes.fromhex("0800 ffff 1234 0007"),
        HEADER + bytes.fromhex("0301 ffff 00000000") + HEADER,
        HEADER + bytes.fromhex("0301 ffff 00000000") + HEADER[:9] + b"\x06" + HEADER[10:] + bytes(8),
        HEADER + bytes.fromhex("0301 ffff 00000000") + HEADER + bytes.fromhex("0000 ffff 1234 0007"),
    ],
    ids=["nothing", "no message", "half a header", "a request", "no quotation", "about TCP", "about a reply"],
)
def test_what_is_not_about_a_request_of_ours(packet: bytes) -> None:
    assert read(4, packet, "10.0.0.2") is None


# How what is about an echo begins, and nothing.
BEGINNINGS = [
    b"",
    HEADER + b"\0\0",
    HEADER + bytes.fromhex("0301 ffff 00000000") + HEADER + b"\x08",
    bytes.fromhex("8100"),
    bytes.fromhex("0103 ffff 00000000") + HEADER6 + b"\x80",
]
PACKETS = st.builds(bytes.__add__, st.sampled_from(BEGINNINGS), st.binary(max_size=60))


@given(st.sampled_from([4, 6]), PACKETS, st.none() | st.integers(0, 255))
def test_whatever_arrives_is_survived(family: int, packet: bytes, ttl: Optional[int]) -> None:
    """What is read is really there: the numbers of the request, and what came back with it."""
    found = read(family, packet, "10.0.0.2", ttl)
    if found is not None:
        assert struct.pack("!HH", *found.key) in packet
    if isinstance(found, Reply):
        assert packet.endswith(found.payload)


def test_an_unknown_complaint_has_its_numbers() -> None:
    assert complaint(4, 3, 42) == "ICMP error, type 3 code 42"
