# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of things there are, in the order in which they are planned within a phase."""

from __future__ import annotations

from . import bridge, fastpath, forward_accept, link, masquerade, netns, netns_neighbor, netns_route, netns_sysctl, veth
from .kind import Kind, kind_of

KINDS: dict[str, Kind] = {
    module.NAME: kind_of(module)
    for module in (
        netns,
        netns_sysctl,
        bridge,
        veth,
        link,
        netns_route,
        netns_neighbor,
        masquerade,
        forward_accept,
        fastpath,
    )
}
PLANS = {name: kind.plan for name, kind in KINDS.items()}
