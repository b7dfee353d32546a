# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Neighbour entries, permanent and proxy."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from .._model import values
from .._model.netns_neighbor_actions import DeleteNeighbor, SetNeighbor
from .._model.state import Neighbor, NeighborKey
from . import messages, netlink
from .link import index
from .netlink import Query, Request
from .session import Session

STATES = {
    "none": 0x00,
    "incomplete": 0x01,
    "reachable": 0x02,
    "stale": 0x04,
    "delay": 0x08,
    "probe": 0x10,
    "failed": 0x20,
    "noarp": 0x40,
    "permanent": 0x80,
}
STATE_NAMES = {number: name for name, number in STATES.items()}
NTF_PROXY = 0x08
# Those of NDA_FLAGS_EXT above the eight of the header, as the kernel keeps them.
FLAGS = {"extern_learn": 0x10, "router": 0x80, "managed": 0x100, "extern_valid": 0x400}
HEADER_FLAGS = 8
NDA_DST, NDA_LLADDR, NDA_PROTOCOL, NDA_FLAGS_EXT = 1, 2, 12, 15
FAMILIES = (socket.AF_INET, socket.AF_INET6)


def read(session: Session, netns: str, names: Mapping[int, str]) -> dict[NeighborKey, Neighbor]:
    """Every ARP and NDP entry. The kernel lists proxy entries only when they are asked for."""
    found: dict[NeighborKey, Neighbor] = {}
    for wanted in (0, NTF_PROXY):
        query = Query(netlink.RTM_GETNEIGH, messages.NEIGHBOR, messages.NEIGHBOR.pack(0, 0, 0, wanted, 0))
        for message in session.socket(netns).dump(query):
            family, number, state, flags, dummy = message.header
            # A proxy entry may stand for all devices: it belongs to none.
            if number in names and family in FAMILIES and NDA_DST in message.attributes:
                proxy = bool(flags & NTF_PROXY)
                address = str(messages.host(message.attributes[NDA_DST]))
                key = NeighborKey(names[number], address, proxy)
                lladdr = messages.mac(message.attributes.get(NDA_LLADDR))
                flags |= messages.number(message.attributes.get(NDA_FLAGS_EXT)) << HEADER_FLAGS
                named = tuple(name for name, bit in FLAGS.items() if flags & bit)
                protocol = messages.number(message.attributes.get(NDA_PROTOCOL))
                # Of a proxy entry the kernel does not tell it.
                told = "permanent" if proxy else STATE_NAMES.get(state, "none")
                found[key] = Neighbor(key, lladdr, told, named, protocol)
    return found


def _header(session: Session, netns: str, key: NeighborKey) -> dict[str, Any]:
    return {
        "family": socket.AF_INET6 if values.family(key.address) == 6 else socket.AF_INET,
        "ifindex": index(session, netns, key.device),
        "flags": NTF_PROXY if key.proxy else 0,
    }


def _more(neighbor: Neighbor, flags: int) -> bytes:
    """What not every kernel and not every pyroute2 has."""
    more = messages.attribute(NDA_PROTOCOL, bytes([neighbor.protocol])) if neighbor.protocol else b""
    extended = messages.WORD.pack(flags >> HEADER_FLAGS)
    return more + (messages.attribute(NDA_FLAGS_EXT, extended) if flags >> HEADER_FLAGS else b"")


def _set(session: Session, action: SetNeighbor) -> list[tuple[str, Request]]:
    neighbor = action.neighbor
    header = {**_header(session, action.netns, neighbor.key), "state": STATES[neighbor.state]}
    given = sum(FLAGS[name] for name in neighbor.flags)
    header["flags"] |= given & ((1 << HEADER_FLAGS) - 1)
    attrs: list[tuple[str, Any]] = [("NDA_DST", neighbor.key.address)]
    if neighbor.mac and not neighbor.key.proxy:
        attrs.append(("NDA_LLADDR", neighbor.mac))
    flags = netlink.NLM_F_CREATE | netlink.NLM_F_REPLACE
    return [(action.netns, Request(netlink.ndmsg, netlink.RTM_NEWNEIGH, flags, header, attrs, _more(neighbor, given)))]


def _delete(session: Session, action: DeleteNeighbor) -> list[tuple[str, Request]]:
    header = _header(session, action.netns, action.key)
    attrs = [("NDA_DST", action.key.address)]
    return [(action.netns, Request(netlink.ndmsg, netlink.RTM_DELNEIGH, 0, header, attrs))]


REQUESTS = {SetNeighbor: _set, DeleteNeighbor: _delete}
