# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of a fast path, in which its program finds where an address is led to.

It is an array of buckets with room for four entries each. An address is in the bucket that its own bits say, so that
the program looks at one place only; there are as many buckets as it takes for none to overflow. That is quicker than a
hash of the kernel, which has to be ready for changes. This table is made anew for each.
"""

from __future__ import annotations

import ipaddress
import struct
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from .state import Destination

# The address as two numbers in the machine's own order, its device, its MAC. An unused entry is of no device.
ENTRY = struct.Struct("=QQI6s6x")
INDEX, MAC = 16, 20
ENTRIES = 4
EMPTY = bytes(ENTRIES * ENTRY.size)
# Knuth's, from the golden ratio: what differs in a few bits only comes to lie far apart.
MULTIPLIER = 0x9E3779B97F4A7C15
WORD = 64
LEAST_BITS, MOST_BITS = 1, 16


def numbers(address: str) -> tuple[int, int]:
    """An address as the program sees it; an IPv4 one is its four bytes, in ::/64, where nobody has an address."""
    packed = ipaddress.ip_address(address).packed
    if len(packed) == 4:
        return 0, int.from_bytes(packed, sys.byteorder)
    high, low = struct.unpack("=QQ", packed)
    return high, low


def _bucket(high: int, low: int, bits: int) -> int:
    return (high * MULTIPLIER + low) * MULTIPLIER % (1 << WORD) >> (WORD - bits)


def bits(addresses: Iterable[str]) -> int:
    """The length of a bucket's number, the least for which all addresses find room."""
    found = [numbers(address) for address in addresses]
    for length in range(LEAST_BITS, MOST_BITS + 1):
        counted = Counter(_bucket(*each, length) for each in found)
        if max(counted.values(), default=0) <= ENTRIES:
            return length
    raise ValueError(f"{len(found)} addresses are more than the table of a fast path has room for")


def fill(destinations: Iterable[tuple[Destination, int]]) -> list[bytes]:
    """The buckets of destinations with the numbers of their devices."""
    entries = {each.address: _encode(each, index) for each, index in destinations}
    length = bits(entries)
    buckets: dict[int, bytes] = defaultdict(bytes)
    for address, entry in entries.items():
        buckets[_bucket(*numbers(address), length)] += entry
    return [buckets[number].ljust(len(EMPTY), b"\0") if number in buckets else EMPTY for number in range(1 << length)]


def _encode(destination: Destination, index: int) -> bytes:
    mac = bytes.fromhex((destination.mac or "00:00:00:00:00:00").replace(":", ""))
    return ENTRY.pack(*numbers(destination.address), index, mac)


def read(buckets: Iterable[bytes]) -> Iterator[tuple[str, int, str]]:
    """Of each destination the address, the number of the device, and the MAC ("" for none)."""
    for bucket in buckets:
        for high, low, index, mac in ENTRY.iter_unpack(bucket):
            if index:
                packed = struct.pack("=QQ", high, low) if high else low.to_bytes(4, sys.byteorder)
                yield str(ipaddress.ip_address(packed)), index, mac.hex(":") if any(mac) else ""
