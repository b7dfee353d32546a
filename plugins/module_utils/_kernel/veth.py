# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""veth cables: made with both ends in place."""

from __future__ import annotations

from typing import Any

from .._model.attributes import Attributes
from .._model.state import End
from .._model.veth_actions import CreateVeth
from . import netlink
from .link import SCALARS
from .netlink import Request
from .session import Session


def _end(session: Session, end: End, wanted: Attributes) -> list[tuple[str, Any]]:
    attrs: list[tuple[str, Any]] = [("IFLA_IFNAME", end.name), ("IFLA_NET_NS_FD", session.descriptor(end.netns))]
    for option, attribute in SCALARS.items():
        value = getattr(wanted, option)
        if value is not None:
            attrs.append((attribute, value))
    return attrs


def _create(session: Session, action: CreateVeth) -> list[tuple[str, Request]]:
    first, second = action.from_host
    data = {"attrs": [("VETH_INFO_PEER", {"attrs": _end(session, *second)})]}
    info = {"attrs": [("IFLA_INFO_KIND", "veth"), ("IFLA_INFO_DATA", data)]}
    attrs = [*_end(session, *first), ("IFLA_LINKINFO", info)]
    flags = netlink.NLM_F_CREATE | netlink.NLM_F_EXCL
    return [(first[0].netns, Request(netlink.ifinfmsg, netlink.RTM_NEWLINK, flags, {}, attrs))]


REQUESTS: dict[type, Any] = {CreateVeth: _create}
