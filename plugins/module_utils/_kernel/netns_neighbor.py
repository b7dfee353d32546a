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

NUD_PERMANENT = 0x80
NTF_PROXY = 0x08
NDA_DST, NDA_LLADDR = 1, 2
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
                found[key] = Neighbor(key, lladdr, proxy or bool(state & NUD_PERMANENT))
    return found


def _header(session: Session, netns: str, key: NeighborKey) -> dict[str, Any]:
    return {
        "family": socket.AF_INET6 if values.family(key.address) == 6 else socket.AF_INET,
        "ifindex": index(session, netns, key.device),
        "flags": NTF_PROXY if key.proxy else 0,
    }


def _set(session: Session, action: SetNeighbor) -> list[tuple[str, Request]]:
    neighbor = action.neighbor
    header = {**_header(session, action.netns, neighbor.key), "state": NUD_PERMANENT}
    attrs: list[tuple[str, Any]] = [("NDA_DST", neighbor.key.address)]
    if neighbor.mac and not neighbor.key.proxy:
        attrs.append(("NDA_LLADDR", neighbor.mac))
    flags = netlink.NLM_F_CREATE | netlink.NLM_F_REPLACE
    return [(action.netns, Request(netlink.ndmsg, netlink.RTM_NEWNEIGH, flags, header, attrs))]


def _delete(session: Session, action: DeleteNeighbor) -> list[tuple[str, Request]]:
    header = _header(session, action.netns, action.key)
    attrs = [("NDA_DST", action.key.address)]
    return [(action.netns, Request(netlink.ndmsg, netlink.RTM_DELNEIGH, 0, header, attrs))]


REQUESTS = {SetNeighbor: _set, DeleteNeighbor: _delete}
