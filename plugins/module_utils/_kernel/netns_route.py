# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes: read from every table, added, replaced in place and deleted."""

from __future__ import annotations

import socket
from typing import Any

from .._model import values
from .._model.netns_route import AddRoute, DeleteRoute, ReplaceRoute
from .._model.state import Hop, Route
from . import netlink
from .link import index
from .netlink import Request
from .session import Session

TYPES = {"unicast": 1, "local": 2, "blackhole": 6, "unreachable": 7, "prohibit": 8, "throw": 9}
SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}
RTNH_F_ONLINK = 4
RTM_F_CLONED = 0x200
TYPE_NAMES = {number: name for name, number in TYPES.items()}
SCOPE_NAMES = {number: name for name, number in SCOPES.items()}


def read(session: Session, netns: str, names: dict[int, str]) -> list[Route]:
    """Every route that can be declared, in the kernel's order; cached and multicast ones are left out."""
    routes = []
    for family in (socket.AF_INET, socket.AF_INET6):
        request = Request(netlink.rtmsg, netlink.RTM_GETROUTE, 0, {"family": family}, ())
        for message in session.socket(netns).dump(request):
            if message["type"] in TYPE_NAMES and not message["flags"] & RTM_F_CLONED and not message["tos"]:
                routes.append(_route(message, names))
    return _merged(routes)


def _route(message: Any, names: dict[int, str]) -> Route:
    family = 6 if message["family"] == socket.AF_INET6 else 4
    destination = message.get_attr("RTA_DST") or values.DEFAULT[family].split("/")[0]
    kind = TYPE_NAMES[message["type"]]
    metrics = message.get_attr("RTA_METRICS")
    return Route(
        destination=f"{destination}/{message['dst_len']}",
        # The header's table has 8 bits; the attribute has the number.
        table=message.get_attr("RTA_TABLE") or message["table"],
        metric=message.get_attr("RTA_PRIORITY") or 0,
        type=kind,
        protocol=message["proto"],
        scope=SCOPE_NAMES.get(message["scope"], "global"),
        source=message.get_attr("RTA_PREFSRC"),
        mtu=(metrics.get_attr("RTAX_MTU") if metrics else None) or None,
        # The kernel names `lo` as the device of an IPv6 route that leads nowhere.
        hops=_hops(message, names) if kind in ("unicast", "local") else (),
    )


def _hops(message: Any, names: dict[int, str]) -> tuple[Hop, ...]:
    several = message.get_attr("RTA_MULTIPATH")
    if several:
        return tuple(
            Hop(_gateway(hop), names.get(hop["oif"]), bool(hop["flags"] & RTNH_F_ONLINK), hop["hops"] + 1)
            for hop in several
        )
    device = names.get(message.get_attr("RTA_OIF") or 0)
    return (Hop(_gateway(message), device, bool(message["flags"] & RTNH_F_ONLINK)),)


def _gateway(message: Any) -> Any:
    via = message.get_attr("RTA_VIA")
    return via["addr"] if via else message.get_attr("RTA_GATEWAY")


def _merged(routes: list[Route]) -> list[Route]:
    """IPv6 shows the hops of one route as routes with the same key; they are one."""
    merged: dict[Any, Route] = {}
    for route in routes:
        family = values.family(route.destination)
        first = merged.get(route.key) if family == 6 else None
        if first is not None and first.hops and route.hops:
            merged[route.key] = Route(**{**vars(first), "hops": (*first.hops, *route.hops)})
        else:
            merged[route.key if family == 6 else (route.key, len(merged))] = route
    return list(merged.values())


def _request(session: Session, netns: str, route: Route, kind: int, flags: int) -> list[tuple[str, Request]]:
    family = values.family(route.destination)
    destination, length = route.destination.split("/")
    header = {
        "family": socket.AF_INET6 if family == 6 else socket.AF_INET,
        "dst_len": int(length),
        "table": route.table if route.table < 256 else 252,
        "proto": route.protocol,
        "scope": SCOPES[route.scope],
        "type": TYPES[route.type],
    }
    attrs: list[tuple[str, Any]] = [("RTA_TABLE", route.table)]
    if int(length):
        attrs.append(("RTA_DST", destination))
    if route.metric:
        attrs.append(("RTA_PRIORITY", route.metric))
    if route.source:
        attrs.append(("RTA_PREFSRC", route.source))
    if route.mtu:
        attrs.append(("RTA_METRICS", {"attrs": [("RTAX_MTU", route.mtu)]}))
    if len(route.hops) > 1:
        attrs.append(("RTA_MULTIPATH", [_nexthop(session, netns, family, hop) for hop in route.hops]))
    for hop in route.hops if len(route.hops) == 1 else ():
        attrs += _hop_attrs(family, hop)
        if hop.device:
            attrs.append(("RTA_OIF", index(session, netns, hop.device)))
        if hop.onlink:
            header["flags"] = RTNH_F_ONLINK
    return [(netns, Request(netlink.rtmsg, kind, flags, header, attrs))]


def _hop_attrs(family: int, hop: Hop) -> list[tuple[str, Any]]:
    if hop.gateway is None:
        return []
    if values.family(hop.gateway) != family:
        return [("RTA_VIA", {"family": socket.AF_INET6, "addr": hop.gateway})]
    return [("RTA_GATEWAY", hop.gateway)]


def _nexthop(session: Session, netns: str, family: int, hop: Hop) -> dict[str, Any]:
    return {
        "oif": index(session, netns, hop.device) if hop.device else 0,
        "flags": RTNH_F_ONLINK if hop.onlink else 0,
        # The kernel counts weights from 0.
        "hops": hop.weight - 1,
        "attrs": _hop_attrs(family, hop),
    }


def _add(session: Session, action: AddRoute) -> list[tuple[str, Request]]:
    flags = netlink.NLM_F_CREATE | netlink.NLM_F_EXCL
    return _request(session, action.netns, action.route, netlink.RTM_NEWROUTE, flags)


def _replace(session: Session, action: ReplaceRoute) -> list[tuple[str, Request]]:
    return _request(session, action.netns, action.route, netlink.RTM_NEWROUTE, netlink.NLM_F_REPLACE)


def _delete(session: Session, action: DeleteRoute) -> list[tuple[str, Request]]:
    return _request(session, action.netns, action.route, netlink.RTM_DELROUTE, 0)


REQUESTS = {AddRoute: _add, ReplaceRoute: _replace, DeleteRoute: _delete}
