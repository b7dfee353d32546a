# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nexthop objects: only read, to tell which of them go with a device."""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping

from .._model.state import Nexthop
from . import messages
from .netlink import Query
from .session import Session

RTM_GETNEXTHOP = 106
# nhmsg: family, scope, protocol, flags.
NEXTHOP = struct.Struct("=BBBxI")
# nexthop_grp: number, weight.
MEMBER = struct.Struct("=IBBH")
NHA_ID, NHA_GROUP, NHA_OIF = 1, 2, 5
ALL = Query(RTM_GETNEXTHOP, NEXTHOP, bytes(NEXTHOP.size))


def read(session: Session, netns: str, names: Mapping[int, str]) -> list[Nexthop]:
    """Every nexthop object of a namespace; kernels before 5.3 have none."""
    try:
        dump = session.socket(netns).dump(ALL)
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        return []
    found = (message.attributes for message in dump)
    return [
        Nexthop(
            messages.number(each.get(NHA_ID)),
            names.get(messages.number(each.get(NHA_OIF)), ""),
            tuple(number for number, *dummy in MEMBER.iter_unpack(each.get(NHA_GROUP, b""))),
        )
        for each in found
    ]
