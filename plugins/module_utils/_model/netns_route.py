# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A route, IPv4 or IPv6, in any table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Optional

from . import netns_route_plan, netns_route_spec, regain, values
from .addresses import made_by_kernel
from .netns_route_actions import KERNEL_MADE, protocol_name, table_name
from .netns_route_spec import RouteSpec
from .planner import Together
from .state import Hop, Namespace, Route, RouteKey, State
from .step import LOST

NAME = "netns_route"
IDENTITY = ("netns", "destination", "table", "metric")
ROUTE_FIELDS = [each.name for each in fields(Route)]
TYPES = ("unicast", "local", "blackhole", "unreachable", "prohibit", "throw")
SCOPES = ("global", "site", "link", "host", "nowhere")
_HOP: dict[str, Any] = {
    "gateway": {"type": "str", "aliases": ["via"]},
    "device": {"type": "str", "aliases": ["dev"]},
    "onlink": {"type": "bool"},
}
OPTIONS: dict[str, Any] = {
    "netns": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "destination": {"type": "str", "required": True, "aliases": ["dest"]},
    **_HOP,
    "source": {"type": "str", "aliases": ["src"]},
    "scope": {"type": "str", "choices": list(SCOPES)},
    "metric": {"type": "int"},
    "table": {"type": "str", "default": "main"},
    "type": {"type": "str", "choices": list(TYPES)},
    "protocol": {"type": "str"},
    "mtu": {"type": "int"},
    "nexthops": {"type": "list", "elements": "dict", "options": {**_HOP, "weight": {"type": "int", "default": 1}}},
}
# A namespace and a key; and where several routes have that key, which one.
Subject = tuple[Any, ...]
NONE = RouteKey(0, "", 0)
read = netns_route_spec.read


def order(spec: RouteSpec) -> int:
    """Device routes first: a gateway may be reachable only through one of them."""
    return int(any(hop.gateway for hop in spec.hops))


def subjects(state: State, netns: str) -> Iterator[Subject]:
    """The routes somebody added; not what the kernel made itself, nor what there are no words for."""
    routes = [found for found in state.namespaces[netns].routes if found.protocol not in KERNEL_MADE]
    told = (found for found in routes if found.scope in SCOPES and found.type in TYPES and not found.selector)
    for key in dict.fromkeys(found.key for found in told):
        yield netns, key


def everything(before: State, after: State, netns: str) -> Iterator[Subject]:
    """All routes that are in one of two states, but those that come by themselves, with an address or from a router."""
    there = before.namespaces.get(netns, Namespace())
    keys = {found.key: None for found in there.routes if not made_by_kernel(found, there)}
    later = after.namespaces.get(netns, Namespace()).routes
    keys.update(dict.fromkeys(found.key for found in later if found.protocol not in KERNEL_MADE))
    for key in keys:
        yield netns, key


def record(state: State, subject: Subject) -> dict[str, Any]:
    """All routes of a key in their order, with all that the kernel tells of them."""
    netns, key = subject
    namespace = state.namespaces.get(netns)
    same = netns_route_plan.with_key(namespace, key) if namespace else []
    own = [route for route in same if namespace and not made_by_kernel(route, namespace)]
    found = [{name: getattr(route, name) for name in ROUTE_FIELDS} for route in own]
    return {"found": found} if found else {}


def locate(state: State, spec: RouteSpec) -> Subject:
    """Where a route is found; for `state: absent` the first of those that are meant."""
    if not spec.absent:
        return spec.subject
    namespace = state.namespaces.get(spec.netns)
    meant = next(netns_route_plan.meant(spec, namespace), None) if namespace else None
    return (spec.netns, meant.key, meant) if meant else (spec.netns, NONE)


def _is_default(route: Route) -> bool:
    """Whether a route may be called by that word: it is the IPv4 default route, and looks like it."""
    family = netns_route_spec.default_family([*(hop.gateway for hop in route.hops), route.source])
    return route.destination == values.DEFAULT[4] and family == 4


def view(state: State, subject: Subject) -> Optional[dict[str, Any]]:
    netns, key, *exactly = subject
    namespace = state.namespaces.get(netns)
    routes = [route for route in namespace.routes if route.key == key] if namespace else []
    if not routes:
        return None
    found = exactly[0] if exactly else routes[0]
    single = found.hops[0] if len(found.hops) == 1 else Hop()
    shown: dict[str, Any] = {
        "netns": netns or None,
        "destination": "default" if _is_default(found) else found.destination,
        "gateway": single.gateway,
        "device": single.device,
        "onlink": single.onlink if single.gateway else None,
        "source": found.source or "",
        "scope": found.scope,
        "metric": found.metric,
        "table": table_name(found.table),
        "type": found.type,
        "protocol": protocol_name(found.protocol),
        "mtu": found.mtu or 0,
    }
    if len(found.hops) > 1:
        shown["nexthops"] = [hop.entry for hop in found.hops]
    return shown


PLAN = {
    "remove routes": netns_route_plan.remove,
    "routes": netns_route_plan.configure,
    LOST: Together(regain.routes),
}
