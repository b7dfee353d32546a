# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program of a fast path, and the table that it looks into.

At tc ingress of a device: a packet to an address of the table goes straight to that address's device; every
other one, and every one that does not fit, takes the way it would have taken.
"""

from __future__ import annotations

import ipaddress
import struct

from .bpf import BYTES_2, BYTES_8, LITTLE, Assembler
from .state import Destination

PEER, REDIRECT, NEIGH = MODES = ("peer", "redirect", "neigh")
# Fields of `struct __sk_buff`.
PACKET_TYPE, PROTOCOL, VLAN_PRESENT, INDEX = 4, 16, 20, 40
PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST = range(4)
LOOKUP, STORE_BYTES, REDIRECT_TO, LOAD_BYTES, CHANGE_TYPE = 1, 9, 23, 26, 32
REDIRECT_NEIGH, REDIRECT_PEER, CHECK_MTU = 152, 155, 163
HELPERS = {PEER: "bpf_redirect_peer", REDIRECT: "bpf_redirect", NEIGH: "bpf_redirect_neigh"}
# "As if I were not there": the filters that follow are asked.
UNSPEC = -1
IPV4, IPV6 = 0x0800, 0x86DD
IPV4_DESTINATION, IPV6_DESTINATION = 14 + 16, 14 + 24
# Next header and hop limit: ICMPv6 that no router has passed on, which neighbour discovery has to be.
IPV6_NEXT_HEADER, FROM_NEIGHBOUR = 14 + 6, 58 << 8 | 255
AF_INET, AF_INET6 = 2, 10
CHECK_SEGMENTS = 1
# The stack: an address of 16 bytes, the length for check_mtu, a `struct bpf_redir_neigh`.
ADDRESS, LENGTH, NEXT_HOP = -16, -20, -40
NEXT_HOP_SIZE = 20
MAC_OFFSET = 4
KEY_SIZE, VALUE = 16, struct.Struct("=I6s2x")
MAPPED = b"\0" * 10 + b"\xff\xff"


def assemble(mode: str, table: int) -> bytes:
    """The instructions; `table` is the descriptor of a map."""
    program = Assembler()
    program.copy(6, 1)
    _only_plain(program)
    _read_address(program)
    _look_up(program, table)
    {PEER: _to_peer, REDIRECT: _to_device, NEIGH: _to_neighbour}[mode](program)
    program.exit()
    program.label("pass")
    program.move(0, UNSPEC)
    program.exit()
    return program.assemble()


def _only_plain(program: Assembler) -> None:
    """Frames to one receiver, whoever it is, without a VLAN tag."""
    program.load(7, 6, PACKET_TYPE)
    program.jump_if(7, "==", PACKET_BROADCAST, "pass")
    program.jump_if(7, "==", PACKET_MULTICAST, "pass")
    program.jump_if(7, ">", PACKET_OTHERHOST, "pass")
    program.load(7, 6, VLAN_PRESENT)
    program.jump_if(7, "!=", 0, "pass")


def _read_address(program: Assembler) -> None:
    """The destination onto the stack; an IPv4 one as the IPv6 address that stands for it."""
    program.load(7, 6, PROTOCOL)
    program.jump_if(7, "==", _network_order(IPV4), "ipv4")
    program.jump_if(7, "!=", _network_order(IPV6), "pass")
    _load(program, IPV6_NEXT_HEADER, LENGTH, 2)
    program.load(1, 10, LENGTH, BYTES_2)
    program.jump_if(1, "==", _network_order(FROM_NEIGHBOUR), "pass")
    _load(program, IPV6_DESTINATION, ADDRESS, 16)
    # On the wire an address that stands for an IPv4 one is somebody else's.
    program.load(1, 10, ADDRESS, BYTES_8)
    program.jump_if(1, "!=", 0, "read")
    program.load(1, 10, ADDRESS + 10, BYTES_2)
    program.jump_if(1, "==", 0xFFFF, "pass")
    program.jump("read")
    program.label("ipv4")
    program.store_value(ADDRESS, 0, BYTES_8)
    program.store_value(ADDRESS + 8, _signed(0xFFFF0000 if LITTLE else 0x0000FFFF))
    _load(program, IPV4_DESTINATION, ADDRESS + 12, 4)
    program.label("read")


def _load(program: Assembler, offset: int, stack: int, size: int) -> None:
    """Bytes of the packet onto the stack."""
    program.copy(1, 6)
    program.move(2, offset)
    program.address(3, stack)
    program.move(4, size)
    program.call(LOAD_BYTES)
    program.jump_if(0, "!=", 0, "pass")


def _look_up(program: Assembler, table: int) -> None:
    """The address's entry into r9 and its device into r8, if the packet is to go there and fits."""
    program.map(1, table)
    program.address(2, ADDRESS)
    program.call(LOOKUP)
    program.jump_if(0, "==", 0, "pass")
    program.copy(9, 0)
    program.load(8, 9, 0)
    program.load(1, 6, INDEX)
    program.jump_if_same(1, 8, "pass")
    # It fails as well where the device is gone.
    program.store_value(LENGTH, 0)
    program.copy(1, 6)
    program.copy(2, 8)
    program.address(3, LENGTH)
    program.move(4, 0)
    program.move(5, CHECK_SEGMENTS)
    program.call(CHECK_MTU)
    program.jump_if(0, "!=", 0, "pass")


def _to_peer(program: Assembler) -> None:
    # Until Linux 6.14 the far end drops what was addressed to somebody else's MAC.
    program.copy(1, 6)
    program.move(2, PACKET_HOST)
    program.call(CHANGE_TYPE)
    program.jump_if(0, "!=", 0, "pass")
    program.copy(1, 8)
    program.move(2, 0)
    program.call(REDIRECT_PEER)


def _to_device(program: Assembler) -> None:
    """Out of the device, where the far end looks at the MAC."""
    program.copy(1, 6)
    program.move(2, 0)
    program.copy(3, 9)
    program.add(3, MAC_OFFSET)
    program.move(4, 6)
    program.move(5, 0)
    program.call(STORE_BYTES)
    program.jump_if(0, "!=", 0, "pass")
    program.copy(1, 8)
    program.move(2, 0)
    program.call(REDIRECT_TO)


def _to_neighbour(program: Assembler) -> None:
    """Out of the device, to the MAC that the host knows, or asks for, of the destination."""
    program.load(7, 6, PROTOCOL)
    program.jump_if(7, "==", _network_order(IPV4), "next hop 4")
    program.store_value(NEXT_HOP, AF_INET6)
    for offset in range(0, 16, 4):
        program.load(1, 10, ADDRESS + offset)
        program.store(NEXT_HOP + 4 + offset, 1)
    program.jump("next hop")
    program.label("next hop 4")
    program.store_value(NEXT_HOP, AF_INET)
    program.load(1, 10, ADDRESS + 12)
    program.store(NEXT_HOP + 4, 1)
    for offset in range(4, 16, 4):
        program.store_value(NEXT_HOP + 4 + offset, 0)
    program.label("next hop")
    program.copy(1, 8)
    program.address(2, NEXT_HOP)
    program.move(3, NEXT_HOP_SIZE)
    program.move(4, 0)
    program.call(REDIRECT_NEIGH)


def _network_order(number: int) -> int:
    return (number & 0xFF) << 8 | number >> 8 if LITTLE else number


def _signed(number: int) -> int:
    return number - (1 << 32) if number >> 31 else number


def encode(destination: Destination, index: int) -> tuple[bytes, bytes]:
    """An entry of the map: key and value."""
    packed = ipaddress.ip_address(destination.address).packed
    mac = bytes.fromhex((destination.mac or "00:00:00:00:00:00").replace(":", ""))
    return packed if len(packed) == KEY_SIZE else MAPPED + packed, VALUE.pack(index, mac)


def decode(key: bytes, value: bytes) -> tuple[str, int, str]:
    """Address, number of the device, and MAC ("" for none)."""
    address = ipaddress.ip_address(key[12:]) if key.startswith(MAPPED) else ipaddress.ip_address(key)
    index, mac = VALUE.unpack(value)
    return str(address), index, mac.hex(":") if any(mac) else ""
