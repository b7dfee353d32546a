# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a bridge's ports: as a link's messages have them."""

from __future__ import annotations

import sys

from .._model.ports import DEFAULTS
from .._model.state import PortSettings
from . import messages
from .messages import Attributes

IFLA_INFO_SLAVE_KIND, IFLA_INFO_SLAVE_DATA = 4, 5
# The number of each attribute (IFLA_BRPORT_*), and its length in bytes.
SETTINGS = {
    "priority": (2, 2),
    "cost": (3, 4),
    "hairpin": (4, 1),
    "guard": (5, 1),
    "root_block": (6, 1),
    "fastleave": (7, 1),
    "learning": (8, 1),
    "flood": (9, 1),
    "proxy_arp": (10, 1),
    "proxy_arp_wifi": (12, 1),
    "mcast_router": (25, 1),
    "mcast_flood": (27, 1),
    "mcast_to_unicast": (28, 1),
    "vlan_tunnel": (29, 1),
    "bcast_flood": (30, 1),
    "group_fwd_mask": (31, 2),
    "neigh_suppress": (32, 1),
    "isolated": (33, 1),
    "locked": (39, 1),
}
NAMES = {where: name for name, (where, dummy) in SETTINGS.items()}


def _value(name: str, value: int) -> bytes:
    return value.to_bytes(SETTINGS[name][1], sys.byteorder)


FRESH = {SETTINGS[name][0]: {_value(name, value) for value in fresh} for name, fresh in DEFAULTS.items()}


def read(info: Attributes) -> PortSettings:
    """What of a bridge port's settings is not as the kernel makes them; nothing of what is no such port."""
    if messages.text(info.get(IFLA_INFO_SLAVE_KIND)) != "bridge":
        return ()
    found = messages.attributes(info.get(IFLA_INFO_SLAVE_DATA, b""))
    changed = [where for where in FRESH.keys() & found.keys() if found[where] not in FRESH[where]]
    return tuple(sorted((NAMES[where], messages.number(found[where])) for where in changed))


def info(changes: PortSettings) -> bytes:
    """What a link's IFLA_LINKINFO has to hold to change settings of a port."""
    settings = b"".join(messages.attribute(SETTINGS[name][0], _value(name, value)) for name, value in changes)
    return messages.attribute(IFLA_INFO_SLAVE_KIND, b"bridge\0") + messages.attribute(IFLA_INFO_SLAVE_DATA, settings)
