# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan loses and gives back, beside the addresses of devices: a run that is killed may leave it lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .document import Plan
from .netns_neighbor_actions import SetNeighbor
from .netns_route_actions import AddRoute, ReplaceRoute
from .registry import KINDS
from .touched import Touched, recorded
from .touching import as_touched


def passing(planned: Plan) -> list[Touched]:
    """What a plan loses with addresses that make way for others, and gives back: routes and neighbours."""
    again: dict[str, set[Any]] = {"netns_route": set(), "netns_neighbor": set()}
    for action in (step.action for step in planned.steps):
        if isinstance(action, (AddRoute, ReplaceRoute)):
            again["netns_route"].add((action.netns, action.route.key))
        elif isinstance(action, SetNeighbor):
            again["netns_neighbor"].add((action.netns, action.neighbor.key))
    return [
        replace(as_touched(name, shown, shown, set()), changed=(), made=[])
        for name, subjects in again.items()
        for subject in sorted(subjects)
        if subject[0] in planned.before.namespaces
        and (shown := recorded(KINDS[name], planned.before, subject))
        and shown == recorded(KINDS[name], planned.after, subject)
    ]
