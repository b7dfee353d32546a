# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a device loses that nothing brings back: said in the plan, before it is lost."""

from __future__ import annotations

from collections.abc import Iterator

from .addresses import is_default
from .following import LEFT_BEHIND, on_top
from .netns_route_actions import LEARNED
from .netns_sysctl_keys import accept_ra, key_name
from .planner import Planner
from .scope import Scope
from .state import End, State, place


def by_moving(planner: Planner, end: End) -> None:
    """Warns of what does not come along to another namespace; refuses to delete others' devices."""
    namespace = planner.state.namespaces[end.netns]
    for upper in on_top(planner.state, end, LEFT_BEHIND):
        deleted = f"the kernel deletes {upper}, which stands on {end}, with the move"
        if planner.puts_back:
            planner.warn(deleted)
        else:
            planner.refuse(f"{deleted}; delete it first, if it is not wanted")
    if any(is_default(route) and end.name in route.devices for route in namespace.routes):
        planner.warn(f"{end} carries the default route of {place(end.netns)}, which goes with the move")
    _of_traffic(planner, end, "with the move")


def by_deleting(planner: Planner, end: End) -> None:
    """Warns of what does not come back when a device is made again that an entry deletes."""
    link = planner.state.link(end)
    if not planner.puts_back and link:
        for each in (end, *([link.peer] if link.peer else ())):
            if each.netns in planner.state.namespaces:
                _of_traffic(planner, each, "with it")


def _of_traffic(planner: Planner, end: End, how: str) -> None:
    namespace = planner.state.namespaces[end.netns]
    of_nexthops(planner, end)
    if end.name in namespace.queues:
        kind = namespace.queues[end.name]
        planner.warn(f"{end} has a queueing discipline ({kind}), which goes {how} and does not come back")
    hook = namespace.hooks.get(end.name)
    if hook and (hook.others or not (hook.mark or hook.shortcut)):
        planner.warn(f"{end} has tc filters of others, which go {how} and do not come back")


def by_forwarding(planner: Planner, netns: str) -> None:
    """Warns of the default routes that routers advertised: the kernel drops them where it becomes a router itself."""
    namespace = planner.state.namespaces[netns]
    learned = [route for route in namespace.routes if is_default(route) and route.protocol in LEARNED]
    for name in sorted({name for route in learned for name in route.devices}):
        found = namespace.sysctls.get(accept_ra(name))
        if found and found.value == "1":
            planner.warn(
                f"{End(netns, name)} has a default route that a router advertised: the kernel drops it with IPv6 "
                f"forwarding, and takes no other; to keep it declare {key_name(accept_ra(name))}: 2"
            )


def of_nexthops(planner: Planner, end: End) -> None:
    """Warns of the nexthop objects that the kernel deletes when a device goes down, and of the routes by them.

    What stands on the device goes down with it, and the other end of its cable loses its carrier.
    """
    link = planner.state.link(end)
    for each in (end, *on_top(planner.state, end, ["vlan"]), *([link.peer] if link and link.peer else ())):
        _of_objects(planner, each)
    routes = planner.state.namespaces[end.netns].routes
    numbers = sorted({route.nexthop for route in routes if route.nexthop and end.name in route.devices})
    if numbers:
        named = ", ".join(map(str, numbers))
        planner.warn(f"{end} has routes by nexthop objects ({named}), which come back by their hops alone")


def add_to(scope: Scope, before: State) -> None:
    """What has to be read to tell what is lost for good of what was found."""
    for netns, found in before.namespaces.items():
        if found.nexthops:
            scope.taken_along(netns)
        if found.queues or any(hook.others for hook in found.hooks.values()):
            scope.traffic_control(netns)


def for_good(before: State, now: State) -> Iterator[str]:
    """What is not there any more, or in another number, of what was found and nothing brings back."""
    for netns, was in before.namespaces.items():
        there = now.namespaces.get(netns)
        if there is None:
            continue
        for number in sorted({each.number for each in was.nexthops} - {each.number for each in there.nexthops}):
            yield f"nexthop object {number} of {place(netns)}"
        for name in sorted(was.queues.keys() - there.queues.keys()):
            yield f"the queueing discipline ({was.queues[name]}) of {End(netns, name)}"
        for name, hook in sorted(was.hooks.items()):
            if hook.others > (there.hooks[name].others if name in there.hooks else 0):
                yield f"tc filters of others on {End(netns, name)}"


def _of_objects(planner: Planner, end: End) -> None:
    namespace = planner.state.namespaces.get(end.netns)
    objects = namespace.nexthops if namespace else []
    going = {each.number for each in objects if each.device == end.name}
    groups = {each.number: set(each.members) <= going for each in objects if going.intersection(each.members)}
    if going:
        named = ", ".join(map(str, sorted(going)))
        told = [f"{end} has nexthop objects ({named}), which the kernel deletes and nothing brings back"]
        told += [f"group {number} {'goes with' if whole else 'loses'} them" for number, whole in groups.items()]
        planner.warn("; ".join(told))
