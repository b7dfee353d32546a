# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes: read from every table, added, replaced in place and deleted."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Optional

from .._errors import KernelError
from .._model import values
from .._model.netns_route_actions import KERNEL, TABLES, TO_NOWHERE, TO_SEVERAL, AddRoute, DeleteRoute, ReplaceRoute
from .._model.state import Hop, Route
from . import messages, netlink, wait
from .link import IFA_ADDRESS, IFA_FLAGS, index
from .messages import NEXTHOP, Attributes, Message
from .netlink import Query, Request
from .session import Session

TYPES = {
    **{"unicast": 1, "local": 2, "broadcast": 3, "anycast": 4, "multicast": 5},
    **{"blackhole": 6, "unreachable": 7, "prohibit": 8, "throw": 9},
}
SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC = 1, 4, 5, 6, 7
RTA_METRICS, RTA_MULTIPATH, RTA_CACHEINFO, RTA_TABLE, RTA_VIA, RTA_PREF = 8, 9, 12, 15, 18, 20
RTA_SRC, RTA_NH_ID = 2, 30
# Of each next hop beside its way: its realms, and the encapsulation of a tunnel.
RTA_FLOW, RTA_ENCAP_TYPE, RTA_ENCAP = 11, 21, 22
OF_HOP = {RTA_FLOW, RTA_ENCAP_TYPE, RTA_ENCAP}
# What a route is told by otherwise, or what the kernel counts.
TOLD = {
    *(RTA_DST, RTA_SRC, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_METRICS, RTA_MULTIPATH),
    *(RTA_CACHEINFO, RTA_TABLE, RTA_VIA, RTA_NH_ID),
    *OF_HOP,
}
RTAX_MTU = 2
# Before the address of an RTA_VIA stands its family.
VIA = struct.Struct("=H")
UNSPECIFIED = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}
# Where a table has no number of 8 bits the header says "compat".
TABLE_COMPAT = 252
RTNH_F_ONLINK = 4
RTM_F_CLONED = 0x200
IFA_F_DADFAILED, IFA_F_TENTATIVE = 0x08, 0x40
# Duplicate address detection waits up to a second and then listens for one.
PATIENCE = 5.0
TYPE_NAMES = {number: name for name, number in TYPES.items()}
SCOPE_NAMES = {number: name for name, number in SCOPES.items()}


def read(session: Session, netns: str, names: Mapping[int, str], versions: AbstractSet[int]) -> list[Route]:
    """Every route of these IP versions that somebody made or can declare, in the kernel's order.

    Left out are cached ones, and those that every address brings along in the table `local`; for a port of a VRF the
    kernel keeps these in the table of that.
    """
    routes = []
    for family in (messages.FAMILIES[version] for version in sorted(versions)):
        query = Query(netlink.RTM_GETROUTE, messages.ROUTE, messages.ROUTE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0))
        for message in session.socket(netns).dump(query):
            of_family, dummy, dummy, dummy, table, protocol, dummy, kind, flags = message.header
            # Asked for a family that it does not have, the kernel dumps all others.
            name = TYPE_NAMES.get(kind)
            brought = protocol == KERNEL and (table == TABLES["local"] or name in TO_SEVERAL)
            if name and of_family == family and not (flags & RTM_F_CLONED or brought):
                routes.append(_route(message, names))
    return routes


def _route(message: Message, names: Mapping[int, str]) -> Route:
    family, length, source_length, tos, table, protocol, scope, kind, flags = message.header
    found = message.attributes
    destination = messages.host(found.get(RTA_DST)) or UNSPECIFIED[family]
    name = TYPE_NAMES[kind]
    metrics = found.get(RTA_METRICS)
    return Route(
        destination=f"{destination}/{length}",
        # The header's table has 8 bits; the attribute has the number.
        table=messages.number(found.get(RTA_TABLE)) or table,
        metric=messages.number(found.get(RTA_PRIORITY)),
        type=name,
        protocol=protocol,
        scope=SCOPE_NAMES.get(scope, str(scope)),
        source=messages.host(found.get(RTA_PREFSRC)),
        mtu=(messages.number(messages.attributes(metrics).get(RTAX_MTU)) if metrics else 0) or None,
        # The kernel names `lo` as the device of an IPv6 route that leads nowhere.
        hops=() if name in TO_NOWHERE else _hops(found, flags, names),
        selector=bytes([tos, source_length]).hex() + found.get(RTA_SRC, b"").hex() if tos or source_length else "",
        details=_details(found),
        nexthop=messages.number(found.get(RTA_NH_ID)),
    )


def _details(found: Attributes) -> str:
    """The attributes that there are no words for, in hex."""
    kept = {kind: value for kind, value in found.items() if kind not in TOLD}
    # Every IPv6 route has a preference; 0 is the middle one.
    if kept.get(RTA_PREF) == b"\0":
        del kept[RTA_PREF]
    if messages.attributes(found.get(RTA_METRICS, b"")).keys() - {RTAX_MTU}:
        kept[RTA_METRICS] = found[RTA_METRICS]
    return messages.packed(kept).hex()


def _hops(found: Attributes, flags: int, names: Mapping[int, str]) -> tuple[Hop, ...]:
    several = found.get(RTA_MULTIPATH)
    if several:
        return tuple(_each_hop(several, names))
    device = names.get(messages.number(found.get(RTA_OIF)))
    return (Hop(_gateway(found), device, bool(flags & RTNH_F_ONLINK), details=_of_hop(found)),)


def _each_hop(several: bytes, names: Mapping[int, str]) -> Iterator[Hop]:
    start = 0
    while start + NEXTHOP.size <= len(several):
        length, flags, hops, number = NEXTHOP.unpack_from(several, start)
        found = messages.attributes(several, start + NEXTHOP.size, start + length)
        # The kernel counts weights from 0.
        yield Hop(_gateway(found), names.get(number), bool(flags & RTNH_F_ONLINK), hops + 1, _of_hop(found))
        start += (max(length, NEXTHOP.size) + 3) & ~3


def _of_hop(found: Attributes) -> str:
    return messages.packed({kind: value for kind, value in found.items() if kind in OF_HOP}).hex()


def _gateway(found: Attributes) -> Optional[str]:
    return messages.host(found[RTA_VIA][VIA.size :] if RTA_VIA in found else found.get(RTA_GATEWAY))


def _key(route: Route) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
    """Header and attributes of what a route is known by."""
    destination, length = route.destination.split("/")
    header = {
        "family": messages.FAMILIES[values.family(route.destination)],
        "dst_len": int(length),
        "table": route.table if route.table < 256 else TABLE_COMPAT,
        "proto": route.protocol,
    }
    if route.selector:
        header["tos"], header["src_len"] = bytes.fromhex(route.selector)[:2]
    attrs: list[tuple[str, Any]] = [("RTA_TABLE", route.table)]
    if int(length):
        attrs.append(("RTA_DST", destination))
    if route.metric:
        attrs.append(("RTA_PRIORITY", route.metric))
    return header, attrs


def _request(session: Session, netns: str, route: Route, kind: int, flags: int) -> list[tuple[str, Request]]:
    family = values.family(route.destination)
    header, attrs = _key(route)
    header.update(scope=SCOPES[route.scope] if route.scope in SCOPES else int(route.scope), type=TYPES[route.type])
    if route.source:
        attrs.append(("RTA_PREFSRC", route.source))
    more = bytes.fromhex(route.details)
    metrics = messages.attributes(more).get(RTA_METRICS, b"")
    if messages.number(messages.attributes(metrics).get(RTAX_MTU)) != (route.mtu or 0):
        more = _with_mtu(more, route.mtu)
    if len(route.selector) > 4:
        more += messages.attribute(RTA_SRC, bytes.fromhex(route.selector[4:]))
    if len(route.hops) > 1:
        hops = b"".join(_nexthop(session, netns, family, hop) for hop in route.hops)
        more += messages.attribute(RTA_MULTIPATH, hops)
    for hop in route.hops if len(route.hops) == 1 else ():
        more += _way(family, hop)
        if hop.device:
            attrs.append(("RTA_OIF", index(session, netns, hop.device)))
        if hop.onlink:
            header["flags"] = RTNH_F_ONLINK
    return [(netns, Request(netlink.rtmsg, kind, flags, header, attrs, more))]


def _with_mtu(details: bytes, mtu: Optional[int]) -> bytes:
    """Attributes of a route with another MTU among its metrics."""
    kept = messages.attributes(details)
    metrics = messages.attributes(kept.pop(RTA_METRICS, b""))
    metrics.pop(RTAX_MTU, None)
    if mtu:
        metrics[RTAX_MTU] = messages.WORD.pack(mtu)
    if metrics:
        kept[RTA_METRICS] = messages.packed(metrics)
    return messages.packed(kept)


def _way(family: int, hop: Hop) -> bytes:
    """The attributes of a next hop, but its device."""
    gateway = b""
    if hop.gateway is not None:
        address = ipaddress.ip_address(hop.gateway)
        if address.version == family:
            gateway = messages.attribute(RTA_GATEWAY, address.packed)
        else:
            gateway = messages.attribute(RTA_VIA, VIA.pack(socket.AF_INET6) + address.packed)
    return gateway + bytes.fromhex(hop.details)


def _nexthop(session: Session, netns: str, family: int, hop: Hop) -> bytes:
    way, flags = _way(family, hop), RTNH_F_ONLINK if hop.onlink else 0
    number = index(session, netns, hop.device) if hop.device else 0
    # The kernel counts weights from 0.
    return NEXTHOP.pack(NEXTHOP.size + len(way), flags, hop.weight - 1, number) + way


def _await_source(session: Session, netns: str, route: Route) -> None:
    """An IPv6 address is no source before the kernel has found that nobody else has it."""
    if route.source is None or values.family(route.source) == 4:
        return
    source = route.source
    wait.until(
        lambda: _flags(session, netns, source) & (IFA_F_TENTATIVE | IFA_F_DADFAILED) != IFA_F_TENTATIVE, PATIENCE
    )
    flags = _flags(session, netns, source)
    said = ""
    if flags & IFA_F_DADFAILED:
        said = f"{source} cannot be a source: another machine on the link has the same address"
    elif flags & IFA_F_TENTATIVE:
        said = (
            f"{source} cannot be a source yet: its device has no carrier, so nobody can be asked whether it is unique"
        )
    if said:
        raise KernelError(f"route to {route.destination}", netns, said)


def _flags(session: Session, netns: str, address: str) -> int:
    """The flags of an IPv6 address; 0 where no device has it."""
    wanted = messages.attribute(IFA_ADDRESS, socket.inet_pton(socket.AF_INET6, address))
    body = messages.ADDRESS.pack(socket.AF_INET6, 0, 0, 0, 0) + wanted
    try:
        message = session.socket(netns).get(Query(netlink.RTM_GETADDR, messages.ADDRESS, body))
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        return 0
    return messages.number(message.attributes.get(IFA_FLAGS)) or int(message.header[2])


def _add(session: Session, action: AddRoute) -> list[tuple[str, Request]]:
    _await_source(session, action.netns, action.route)
    flags = netlink.NLM_F_CREATE | (netlink.NLM_F_APPEND if action.append else netlink.NLM_F_EXCL)
    return _request(session, action.netns, action.route, netlink.RTM_NEWROUTE, flags)


def _replace(session: Session, action: ReplaceRoute) -> list[tuple[str, Request]]:
    _await_source(session, action.netns, action.route)
    return _request(session, action.netns, action.route, netlink.RTM_NEWROUTE, netlink.NLM_F_REPLACE)


def _delete(session: Session, action: DeleteRoute) -> list[tuple[str, Request]]:
    if action.among_others:
        return _request(session, action.netns, action.route, netlink.RTM_DELROUTE, 0)
    header, attrs = _key(action.route)
    # "nowhere" and no type mean any.
    header.update(scope=SCOPES["nowhere"], type=0)
    more = messages.attribute(RTA_SRC, bytes.fromhex(action.route.selector[4:])) if action.route.selector[4:] else b""
    return [(action.netns, Request(netlink.rtmsg, netlink.RTM_DELROUTE, 0, header, attrs, more))]


REQUESTS = {AddRoute: _add, ReplaceRoute: _replace, DeleteRoute: _delete}
