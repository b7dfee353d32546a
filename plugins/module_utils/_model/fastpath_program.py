# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program of a fast path.

At tc ingress of a device: a packet to an address of the table goes straight to that address's device; every
other one, and every one that does not fit, takes the way it would have taken. What it costs each packet pays, so it
reads the packet where it is, and asks the kernel only for what it cannot know itself.
"""

from __future__ import annotations

from .bpf import BYTES_2, BYTES_8, LITTLE, Assembler
from .fastpath_table import ENTRIES, ENTRY, INDEX, MAC, MULTIPLIER, WORD

PEER, REDIRECT, NEIGH = MODES = ("peer", "redirect", "neigh")
# Fields of `struct __sk_buff`.
PACKET_TYPE, PROTOCOL, VLAN_PRESENT, DEVICE, DATA, DATA_END = 4, 16, 20, 40, 76, 80
PACKET_HOST, PACKET_OTHERHOST = 0, 3
LOOKUP, STORE_BYTES, REDIRECT_TO, CHANGE_TYPE, PULL_DATA = 1, 9, 23, 32, 39
REDIRECT_NEIGH, REDIRECT_PEER, CHECK_MTU = 152, 155, 163
HELPERS = {PEER: "bpf_redirect_peer", REDIRECT: "bpf_redirect", NEIGH: "bpf_redirect_neigh"}
# "As if I were not there": the filters that follow are asked.
UNSPEC = -1
IPV4, IPV6 = 0x0800, 0x86DD
ETHERNET_SIZE, IPV4_SIZE, IPV6_SIZE = 14, 20, 40
IPV4_DESTINATION, IPV6_DESTINATION = ETHERNET_SIZE + 16, ETHERNET_SIZE + 24
# Next header and hop limit: ICMPv6 that no router has passed on, which neighbour discovery has to be.
IPV6_NEXT_HEADER, FROM_NEIGHBOUR = ETHERNET_SIZE + 6, 58 << 8 | 255
AF_INET, AF_INET6 = 2, 10
CHECK_SEGMENTS = 1
# The stack: a bucket's number, the length for check_mtu, a `struct bpf_redir_neigh`.
BUCKET, LENGTH, NEXT_HOP = -4, -8, -28
NEXT_HOP_SIZE = 20
# Of an entry: the four bytes of an IPv4 address, which is kept as a number of eight.
IPV4_BYTES = 8 if LITTLE else 12


def assemble(mode: str, table: int, bits: int) -> bytes:
    """The instructions; `table` is the descriptor of a map with as many buckets as `bits` can number."""
    program = Assembler()
    program.copy(6, 1)
    _only_plain(program)
    _read_address(program)
    _look_up(program, table, bits)
    _only_fitting(program)
    {PEER: _to_peer, REDIRECT: _to_device, NEIGH: _to_neighbour}[mode](program)
    program.exit()
    program.label("pass")
    program.move(0, UNSPEC)
    program.exit()
    return program.assemble()


def _only_plain(program: Assembler) -> None:
    """Frames to one receiver, whoever it is, without a VLAN tag; the kind of receiver stays in r7."""
    program.load(7, 6, PACKET_TYPE)
    program.jump_if(7, "==", PACKET_HOST, "to one")
    program.jump_if(7, "!=", PACKET_OTHERHOST, "pass")
    program.label("to one")
    program.load(1, 6, VLAN_PRESENT)
    program.jump_if(1, "!=", 0, "pass")


def _read_address(program: Assembler) -> None:
    """The destination into r8 and r9, as the table has it."""
    program.load(1, 6, PROTOCOL)
    program.jump_if(1, "==", _network_order(IPV4), "ipv4")
    program.jump_if(1, "!=", _network_order(IPV6), "pass")
    _reach(program, ETHERNET_SIZE + IPV6_SIZE)
    program.load(1, 2, IPV6_NEXT_HEADER, BYTES_2)
    program.jump_if(1, "==", _network_order(FROM_NEIGHBOUR), "pass")
    program.load(8, 2, IPV6_DESTINATION, BYTES_8)
    program.load(9, 2, IPV6_DESTINATION + 8, BYTES_8)
    # Where the table has those of IPv4. On the wire such an address is nobody's.
    program.jump_if(8, "==", 0, "pass")
    program.jump("read")
    program.label("ipv4")
    _reach(program, ETHERNET_SIZE + IPV4_SIZE)
    program.move(8, 0)
    program.load(9, 2, IPV4_DESTINATION)
    program.label("read")


def _reach(program: Assembler, size: int) -> None:
    """The packet's first bytes where r2 points to; who sent it may have left them in pages, out of reach."""
    _point(program, size)
    program.jump_compared(1, "<=", 3, f"reached {size}")
    program.copy(1, 6)
    program.move(2, size)
    program.call(PULL_DATA)
    program.jump_if(0, "!=", 0, "pass")
    _point(program, size)
    program.jump_compared(1, "<=", 3, f"reached {size}")
    program.jump("pass")
    program.label(f"reached {size}")


def _point(program: Assembler, size: int) -> None:
    program.load(2, 6, DATA)
    program.load(3, 6, DATA_END)
    program.copy(1, 2)
    program.add(1, size)


def _look_up(program: Assembler, table: int, bits: int) -> None:
    """The address's entry into r9 and its device into r8, if it has one."""
    program.number(2, MULTIPLIER)
    program.copy(1, 8)
    program.multiply(1, 2)
    program.add_register(1, 9)
    program.multiply(1, 2)
    program.shift_right(1, WORD - bits)
    program.store(BUCKET, 1)
    program.map(1, table)
    program.address(2, BUCKET)
    program.call(LOOKUP)
    program.jump_if(0, "==", 0, "pass")
    for number in range(ENTRIES):
        if number:
            program.label(f"entry {number}")
            program.add(0, ENTRY.size)
        following = f"entry {number + 1}" if number + 1 < ENTRIES else "pass"
        program.load(1, 0, 8, BYTES_8)
        program.jump_compared(1, "!=", 9, following)
        program.load(1, 0, 0, BYTES_8)
        program.jump_compared(1, "==", 8, "found")
    program.jump("pass")
    program.label("found")
    program.copy(9, 0)
    program.load(8, 9, INDEX)
    # An entry that is not used.
    program.jump_if(8, "==", 0, "pass")


def _only_fitting(program: Assembler) -> None:
    """Packets that go somewhere else than they came from, and are not too big for it."""
    program.load(1, 6, DEVICE)
    program.jump_compared(1, "==", 8, "pass")
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
    program.jump_if(7, "==", PACKET_HOST, "to the host")
    program.copy(1, 6)
    program.move(2, PACKET_HOST)
    program.call(CHANGE_TYPE)
    program.jump_if(0, "!=", 0, "pass")
    program.label("to the host")
    program.copy(1, 8)
    program.move(2, 0)
    program.call(REDIRECT_PEER)


def _to_device(program: Assembler) -> None:
    """Out of the device, where the far end looks at the MAC."""
    program.copy(1, 6)
    program.move(2, 0)
    program.copy(3, 9)
    program.add(3, MAC)
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
        program.load(1, 9, offset)
        program.store(NEXT_HOP + 4 + offset, 1)
    program.jump("next hop")
    program.label("next hop 4")
    program.store_value(NEXT_HOP, AF_INET)
    program.load(1, 9, IPV4_BYTES)
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
