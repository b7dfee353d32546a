# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bridges: made, and their settings changed."""

from __future__ import annotations

from typing import Any

from .._model.bridge import CreateBridge, SetBridge
from . import netlink
from .link import BRIDGE, index
from .netlink import Request
from .session import Session


def _create(session: Session, action: CreateBridge) -> list[tuple[str, Request]]:
    attrs: list[tuple[str, Any]] = [("IFLA_IFNAME", action.name), ("IFLA_ADDRESS", action.mac)]
    if action.mtu:
        attrs.append(("IFLA_MTU", action.mtu))
    attrs.append(("IFLA_LINKINFO", {"attrs": [("IFLA_INFO_KIND", "bridge")]}))
    flags = netlink.NLM_F_CREATE | netlink.NLM_F_EXCL
    return [(action.netns, Request(netlink.ifinfmsg, netlink.RTM_NEWLINK, flags, {}, attrs))]


def settings_request(number: int, changes: tuple[tuple[str, int], ...]) -> Request:
    """The message that changes a bridge's settings."""
    data = {"attrs": [(BRIDGE[name], value) for name, value in changes]}
    info = {"attrs": [("IFLA_INFO_KIND", "bridge"), ("IFLA_INFO_DATA", data)]}
    return Request(netlink.ifinfmsg, netlink.RTM_NEWLINK, 0, {"index": number}, [("IFLA_LINKINFO", info)])


def _set(session: Session, action: SetBridge) -> list[tuple[str, Request]]:
    return [(action.netns, settings_request(index(session, action.netns, action.name), action.changes))]


REQUESTS = {CreateBridge: _create, SetBridge: _set}
