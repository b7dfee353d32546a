# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Neighbour entries, permanent and proxy."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from .._model import values
from .._model.netns_neighbor import DeleteNeighbor, SetNeighbor
from .._model.state import Neighbor, NeighborKey
from . import netlink
from .link import index
from .netlink import Request
from .session import Session

NUD_PERMANENT = 0x80
NTF_PROXY = 0x08


def read(session: Session, netns: str, names: dict[int, str]) -> dict[NeighborKey, Neighbor]:
    """Every ARP and NDP entry. The kernel lists proxy entries only when they are asked for."""
    found: dict[NeighborKey, Neighbor] = {}
    for flags in (0, NTF_PROXY):
        for family in (socket.AF_INET, socket.AF_INET6):
            header = {"family": family, "flags": flags}
            request = Request(netlink.ndmsg, netlink.RTM_GETNEIGH, 0, header, ())
            for message in session.socket(netns).dump(request):
                # A proxy entry may stand for all devices: it belongs to none.
                if message["ifindex"] in names and message["family"] == family:
                    entry = _neighbor(message, names)
                    found[entry.key] = entry
    return found


def _neighbor(message: Any, names: dict[int, str]) -> Neighbor:
    proxy = bool(message["flags"] & NTF_PROXY)
    key = NeighborKey(names[message["ifindex"]], str(ipaddress.ip_address(message.get_attr("NDA_DST"))), proxy)
    return Neighbor(key, message.get_attr("NDA_LLADDR"), proxy or bool(message["state"] & NUD_PERMANENT))


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
