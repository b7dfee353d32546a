# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Room in the machine's neighbour tables while many probes are made.

There is one table for each family on a machine, whatever the number of namespaces, with room for 1024 entries
by default (net.ipv4.neigh.default.gc_thresh3); a full one refuses to resolve addresses, and nobody is told. Each
pair that talks takes an entry at either end, so that 33 namespaces on a bridge can fill it.

By hand and not through pyroute2, which probing does not need.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from .session import Session

RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
RTM_NEWNEIGHTBL, RTM_GETNEIGHTBL = 64, 66
NLM_F_REQUEST, NLM_F_DUMP = 0x01, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
NDA_DST = 1
NDTA_THRESH3, NDTA_CONFIG = 4, 5
NUD_INCOMPLETE, NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE, NUD_FAILED = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
NUD_NOARP = 0x40
# Entries that go without loss: one that is needed again is resolved again.
DISPENSABLE = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_FAILED | NUD_NOARP
NTF_PROXY, NTF_EXT_LEARNED = 0x08, 0x10
HEADER = struct.Struct("=LHHLL")
NEIGHBOR = struct.Struct("=BxxxiHBB")
TABLE = struct.Struct("=Bxxx")
ATTRIBUTE = struct.Struct("=HH")
ADDRESS_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
# How many probes may leave between two looks, and how long a full table is waited for.
BATCH = 32
PAUSE, PATIENCE = 0.05, 5.0


class Entry(NamedTuple):
    """A neighbour in one namespace."""

    family: int
    device: int
    address: bytes


class NeighborCache:
    """Deletes what the kernel learned of neighbours, when there are so many that the table may fill up.

    All of it is learned again when it is needed; static entries stay, and everything does while there is room.
    """

    def __init__(self, session: Session, places: set[tuple[str, int]], probes: int) -> None:
        """`places`: namespaces and families that `probes` probes in all are sent from."""
        self._sockets: dict[str, socket.socket] = {}
        self._places: set[tuple[str, int]] = set()
        self._done: set[tuple[str, bytes]] = set()
        self._unlooked = 0
        self._held_since = self._look_again = 0.0
        self._patient = True
        self.overflow = 0
        if probes >= BATCH:
            # Only an aid: where it does not work, probes may be lost to a full table.
            with suppress(OSError):
                self._open(session, places, probes)

    def _open(self, session: Session, places: set[tuple[str, int]], probes: int) -> None:
        first = min(places)[0]
        self._sockets[first] = _netlink(session, first)
        sizes = [self._size(family) for family in {family for dummy, family in places}]
        if all(used + 2 * probes <= room // 2 for used, room in sizes):
            return
        for netns in {netns for netns, dummy in places} - {first}:
            self._sockets[netns] = _netlink(session, netns)
        self._places = places

    def close(self) -> None:
        """Leaves room to those who come next."""
        if self._places:
            self._full()
        for sock in self._sockets.values():
            sock.close()

    def crowded(self, now: float) -> bool:
        """Whether further checks should wait: the table is nearly full, and may have room in a moment."""
        if not self._places or now < self._look_again or (self._unlooked < BATCH and not self._held_since):
            return bool(self._held_since)
        self._unlooked = 0
        if self._full() and self._patient:
            self._held_since = self._held_since or now
            self._look_again = now + PAUSE
            # Where others keep it full, waiting again would only take longer.
            self._patient = now < self._held_since + PATIENCE
        else:
            self._held_since = 0.0
        return bool(self._held_since)

    def sent(self) -> None:
        """Notes that a probe has left."""
        self._unlooked += 1

    def done(self, netns: str, family: int, address: str) -> None:
        """Notes that no answer from an address is waited for any more."""
        if self._places:
            self._done.add((netns, socket.inet_pton(ADDRESS_FAMILY[family], address)))

    def _full(self) -> bool:
        """Makes room where that is possible."""
        try:
            return True in {self._nearly_full(family) for family in {family for dummy, family in self._places}}
        except OSError:
            self._places = set()
            return False

    def _nearly_full(self, family: int) -> bool:
        used, room = self._size(family)
        if used > room // 4:
            self._tidy(family)
            used, room = self._size(family)
        if used > room - 2 * BATCH:
            self.overflow = room
        return used > room * 3 // 4

    def _tidy(self, family: int) -> None:
        for netns in {netns for netns, of in self._places if of == family}:
            sock = self._sockets[netns]
            for entry, state in _entries(sock, family):
                unasked = state & NUD_INCOMPLETE and (netns, entry.address) in self._done
                if state & DISPENSABLE or unasked:
                    _delete(sock, entry)

    def _size(self, family: int) -> tuple[int, int]:
        """The entries in the machine's table, and how many it holds."""
        used, room = 0, 1 << 30
        sock = next(iter(self._sockets.values()))
        for body in _dump(sock, RTM_GETNEIGHTBL, RTM_NEWNEIGHTBL, TABLE.pack(ADDRESS_FAMILY[family])):
            found = dict(_attributes(body[TABLE.size :]))
            if NDTA_THRESH3 in found and NDTA_CONFIG in found:
                (room,) = struct.unpack("=I", found[NDTA_THRESH3])
                (used,) = struct.unpack_from("=I", found[NDTA_CONFIG], 4)
        return used, room


def _netlink(session: Session, netns: str) -> socket.socket:
    with session.enter(netns):
        made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    made.settimeout(5)
    return made


def _entries(sock: socket.socket, family: int) -> Iterator[tuple[Entry, int]]:
    """Neighbours that the kernel learned, and their state."""
    header = NEIGHBOR.pack(ADDRESS_FAMILY[family], 0, 0, 0, 0)
    for body in list(_dump(sock, RTM_GETNEIGH, RTM_NEWNEIGH, header)):
        dummy, device, state, flags, dummy = NEIGHBOR.unpack_from(body)
        address = dict(_attributes(body[NEIGHBOR.size :])).get(NDA_DST)
        if address and not flags & (NTF_PROXY | NTF_EXT_LEARNED):
            yield Entry(family, device, address), state


def _delete(sock: socket.socket, entry: Entry) -> None:
    """Asked for without acknowledgement: an entry that is gone already is fine."""
    attribute = ATTRIBUTE.pack(ATTRIBUTE.size + len(entry.address), NDA_DST) + entry.address
    _ask(sock, RTM_DELNEIGH, 0, NEIGHBOR.pack(ADDRESS_FAMILY[entry.family], entry.device, 0, 0, 0) + attribute, 0)


def _ask(sock: socket.socket, kind: int, flags: int, body: bytes, number: int) -> None:
    sock.send(HEADER.pack(HEADER.size + len(body), kind, NLM_F_REQUEST | flags, number, 0) + body)


def _dump(sock: socket.socket, asked: int, wanted: int, body: bytes) -> Iterator[bytes]:
    """The bodies of a dump's messages; errors about deletions before it are passed over (their number is 0)."""
    _ask(sock, asked, NLM_F_DUMP, body, 1)
    while True:
        data = sock.recv(1 << 20)
        offset = 0
        while offset + HEADER.size <= len(data):
            length, kind, dummy, number, dummy = HEADER.unpack_from(data, offset)
            if number == 1 and kind == NLMSG_DONE:
                return
            if number == 1 and kind == NLMSG_ERROR:
                raise OSError("the kernel does not list its neighbours")
            if number == 1 and kind == wanted:
                yield data[offset + HEADER.size : offset + length]
            offset += (length + 3) & ~3


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, offset)
        yield kind & 0x3FFF, data[offset + ATTRIBUTE.size : offset + length]
        offset += max((length + 3) & ~3, ATTRIBUTE.size)
