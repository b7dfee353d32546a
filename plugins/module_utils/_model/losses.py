# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a device loses that nothing brings back: said in the plan, before it is lost."""

from __future__ import annotations

from .addresses import is_default
from .planner import Planner
from .state import End, place


def by_moving(planner: Planner, end: End) -> None:
    """Warns of what does not come along to another namespace."""
    namespace = planner.state.namespaces[end.netns]
    if any(is_default(route) and end.name in route.devices for route in namespace.routes):
        planner.warn(f"{end} carries the default route of {place(end.netns)}, which goes with the move")
    of_routes(planner, end)
    if end.name in namespace.queues:
        kind = namespace.queues[end.name]
        planner.warn(f"{end} has a queueing discipline ({kind}), which goes with the move and does not come back")
    hook = namespace.hooks.get(end.name)
    if hook and (hook.others or not (hook.mark or hook.shortcut)):
        planner.warn(f"{end} has tc filters of others, which go with the move and do not come back")


def of_routes(planner: Planner, end: End) -> None:
    """Warns of the nexthop objects that the kernel deletes with a device's routes."""
    routes = planner.state.namespaces[end.netns].routes
    numbers = sorted({route.nexthop for route in routes if route.nexthop and end.name in route.devices})
    if numbers:
        named = ", ".join(map(str, numbers))
        planner.warn(f"{end} has routes by nexthop objects ({named}), which come back by their hops alone")
