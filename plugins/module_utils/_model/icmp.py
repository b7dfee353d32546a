# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Echo requests and what comes back, of ICMP and of ICMPv6, as bytes."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple, Optional, Union

ECHO = struct.Struct("!BBHHH")
ERROR = struct.Struct("!BBHHH")
IP_HEADER, IP6_HEADER = 20, 40
PROTOCOL = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
ECHO_REQUEST = {4: 8, 6: 128}
ECHO_REPLY = {4: 0, 6: 129}
# Destination unreachable, (packet too big,) time exceeded, parameter problem.
ERRORS = {4: (3, 11, 12), 6: (1, 2, 3, 4)}
TOO_BIG = {4: (3, 4), 6: (2, 0)}

# In the words of ping.
WORDS = {
    4: {
        (3, 0): "Destination Net Unreachable",
        (3, 1): "Destination Host Unreachable",
        (3, 2): "Destination Protocol Unreachable",
        (3, 3): "Destination Port Unreachable",
        (3, 5): "Source Route Failed",
        (3, 6): "Destination Net Unknown",
        (3, 7): "Destination Host Unknown",
        (3, 9): "Destination Net Prohibited",
        (3, 10): "Destination Host Prohibited",
        (3, 13): "Packet filtered",
        (11, 0): "Time to live exceeded",
        (11, 1): "Fragment reassembly time exceeded",
    },
    6: {
        (1, 0): "Destination unreachable: No route",
        (1, 1): "Destination unreachable: Administratively prohibited",
        (1, 2): "Destination unreachable: Beyond scope of source address",
        (1, 3): "Destination unreachable: Address unreachable",
        (1, 4): "Destination unreachable: Port unreachable",
        (1, 5): "Destination unreachable: Source address failed policy",
        (1, 6): "Destination unreachable: Reject route",
        (3, 0): "Time exceeded: Hop limit",
        (3, 1): "Time exceeded: Fragment reassembly",
    },
}


class Key(NamedTuple):
    """What makes an echo request this one and no other."""

    ident: int
    sequence: int


class Reply(NamedTuple):
    """An echo reply."""

    key: Key
    sender: str
    ttl: Optional[int]
    payload: bytes


class Refusal(NamedTuple):
    """An ICMP error about an echo request that went to `destination`."""

    key: Key
    destination: str
    complaint: str


Answer = Union[Reply, Refusal]


def payload(number: int, nonce: bytes, size: int) -> bytes:
    """Bytes that no other run and no other request has; both are told apart from 16 bytes on."""
    pattern = struct.pack("!Q", number) + nonce
    return (pattern * (size // len(pattern) + 1))[:size]


def request(family: int, key: Key, content: bytes) -> bytes:
    """An echo request. The kernel fills in the checksum of ICMPv6, which covers addresses."""
    message = ECHO.pack(ECHO_REQUEST[family], 0, 0, *key) + content
    if family == 6:
        return message
    return ECHO.pack(ECHO_REQUEST[family], 0, checksum(message), *key) + content


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def read(family: int, packet: bytes, sender: str, hop_limit: Optional[int] = None) -> Optional[Answer]:
    """What a raw socket received: of IPv4 with the IP header, of IPv6 without. None: nothing about an echo."""
    if family == 4:
        if len(packet) < IP_HEADER:
            return None
        hop_limit = packet[8]
        packet = packet[(packet[0] & 0xF) * 4 :]
    if len(packet) < ECHO.size:
        return None
    kind, code, dummy, ident, sequence = ECHO.unpack_from(packet)
    if kind == ECHO_REPLY[family] and code == 0:
        return Reply(Key(ident, sequence), sender, hop_limit, packet[ECHO.size :])
    if kind not in ERRORS[family]:
        return None
    quoted = _quoted(family, packet[ERROR.size :])
    if quoted is None:
        return None
    # The second half of the error's header; the first half as well for ICMPv6, whose MTU has 32 bits.
    mtu = sequence | (ident << 16 if family == 6 else 0)
    return Refusal(*quoted, f"{complaint(family, kind, code, mtu)} from {sender}")


def _quoted(family: int, packet: bytes) -> Optional[tuple[Key, str]]:
    """The echo request that an error quotes, and where it was going."""
    if family == 4:
        if len(packet) < IP_HEADER or packet[9] != PROTOCOL[4]:
            return None
        destination, start = socket.inet_ntop(socket.AF_INET, packet[16:20]), (packet[0] & 0xF) * 4
    else:
        if len(packet) < IP6_HEADER or packet[6] != PROTOCOL[6]:
            return None
        destination, start = socket.inet_ntop(socket.AF_INET6, packet[24:40]), IP6_HEADER
    if len(packet) < start + ECHO.size:
        return None
    kind, dummy, dummy, ident, sequence = ECHO.unpack_from(packet, start)
    return (Key(ident, sequence), destination) if kind == ECHO_REQUEST[family] else None


def complaint(family: int, kind: int, code: int, mtu: int = 0) -> str:
    """An ICMP error in words."""
    if (kind, code) == TOO_BIG[family]:
        return f"Packet too big, MTU {mtu}"
    return WORDS[family].get((kind, code), f"ICMP{'v6' if family == 6 else ''} error, type {kind} code {code}")
