# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fast path's table, by what its program does with it."""

from __future__ import annotations

import ipaddress
import struct
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.nsfabric.linux.plugins.module_utils._model import fastpath_table
from ansible_collections.nsfabric.linux.plugins.module_utils._model.fastpath_table import (
    EMPTY,
    ENTRIES,
    MOST_BITS,
    bits,
    fill,
    numbers,
    read,
)
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import Destination

KNUTH = 11400714819323198485
MAC = "02:00:00:00:00:07"
FOUR = st.ip_addresses(v=4).filter(int)
SIX = st.ip_addresses(v=6).filter(lambda address: int(address) >> 64)


def looked_up(buckets: list[bytes], address: str) -> int:
    """The device that the program finds: one bucket, the first entry that is the address."""
    length = len(buckets).bit_length() - 1
    high, low = numbers(address)
    bucket = buckets[((high * KNUTH + low) * KNUTH & 0xFFFFFFFFFFFFFFFF) >> (64 - length)]
    found = [index for one, other, index, dummy in struct.iter_unpack("=QQI12s", bucket) if (one, other) == (high, low)]
    return int(found[0]) if found else 0


@given(st.lists(st.one_of(FOUR, SIX).map(str), unique=True, max_size=60))
@settings(derandomize=True, deadline=None, database=None)
def test_each_destination_is_found(addresses: list[str]) -> None:
    wanted, others = addresses[::2], addresses[1::2]
    destinations = [
        (Destination(each, "v", MAC if number % 2 else None), number + 1) for number, each in enumerate(wanted)
    ]
    buckets = fill(destinations)
    assert {len(each) for each in buckets} == {len(EMPTY)} == {ENTRIES * 32}
    assert [looked_up(buckets, each) for each in wanted] == [*range(1, len(wanted) + 1)]
    assert not any(looked_up(buckets, each) for each in (*others, "0.0.0.0"))
    assert sorted(read(buckets)) == sorted((each.address, index, each.mac or "") for each, index in destinations)


def test_the_bytes() -> None:
    assert fill([]) == [EMPTY, EMPTY]
    (entry,) = (each for each in fill([(Destination("fd00::3", "v", MAC), 5)]) if any(each))
    assert entry[:16] == ipaddress.ip_address("fd00::3").packed
    assert entry[16:] == struct.pack("=I", 5) + bytes.fromhex("020000000007") + bytes(len(EMPTY) - 26)
    (entry,) = (each for each in fill([(Destination("10.244.1.3", "v"), 5)]) if any(each))
    place = 8 if sys.byteorder == "little" else 12
    assert entry[place : place + 4] == bytes((10, 244, 1, 3))
    assert not any(entry[:8])


@pytest.mark.parametrize("pattern", ["10.244.{}.3", "10.0.0.{}", "fd00:244:{:x}::3", "fd00::{:x}"])
def test_its_size(pattern: str) -> None:
    assert bits(pattern.format(n) for n in range(1, 5)) == 1
    assert 1 << bits(pattern.format(n) for n in range(1, 251)) <= 1024


def test_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastpath_table, "_bucket", lambda high, low, length: 0)
    assert bits(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]) == 1
    with pytest.raises(ValueError, match="5 addresses are more than the table of a fast path has room for"):
        bits([f"10.0.0.{n}" for n in range(5)])
    assert len(EMPTY) << MOST_BITS <= 8 << 20
