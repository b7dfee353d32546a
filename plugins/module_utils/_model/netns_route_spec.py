# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A route as it is declared."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Optional

from . import values
from .marks import Mark
from .netns_route_actions import IPV6_METRIC, TABLES, protocol_number, table_number
from .problems import Reader
from .scope import Scope
from .state import HOST, Hop, Route, RouteKey

# More is cut to this by the kernel (ip_metrics_convert).
LARGEST_MTU = 65520


class HopSpec(NamedTuple):
    """One next hop as declared; None where nothing was said."""

    gateway: Optional[str] = None
    device: Optional[str] = None
    onlink: Optional[bool] = None
    weight: int = 1


@dataclass(frozen=True)
class RouteSpec:
    """A route as declared; None where nothing was said. `source` "" and `mtu` 0 are "none".

    `found` are the routes of its key that are put back, whatever the options say. With `known` only those that have one
    of these marks are meant: others have the same key for the kernel.
    """

    path: str
    netns: str
    absent: bool
    destination: str
    table: int
    metric: Optional[int]
    type: Optional[str]
    protocol: Optional[int]
    scope: Optional[str]
    source: Optional[str]
    mtu: Optional[int]
    hops: tuple[HopSpec, ...]
    found: tuple[Route, ...] = ()
    known: Optional[Sequence[Mark]] = None

    @property
    def family(self) -> int:
        return values.family(self.destination)

    @property
    def key(self) -> RouteKey:
        if self.found:
            return self.found[0].key
        return RouteKey(self.table, self.destination, self.metric or (IPV6_METRIC if self.family == 6 else 0))

    @property
    def subject(self) -> tuple[str, RouteKey]:
        return self.netns, self.key

    def scope_of(self) -> str:
        """iproute2's rule: a device route reaches the link, a local one the host, IPv6 has no scopes."""
        if self.scope or self.family == 6:
            return self.scope or "global"
        if self.type == "local":
            return "host"
        direct = self.hops and not any(hop.gateway for hop in self.hops)
        return "link" if direct and self.type in (None, "unicast") else "global"

    def add_to(self, scope: Scope) -> None:
        gateways = {values.family(hop.gateway) for hop in self.hops if hop.gateway}
        scope.namespace(self.netns).routes |= gateways | {self.family}


def read(reader: Reader) -> RouteSpec:
    hops = _read_hops(reader)
    source = reader.get("source", lambda value: value and values.address(value))
    spec = RouteSpec(
        reader.path,
        reader.get("netns", values.netns_name) or HOST,
        reader.get("state") == "absent",
        _read_destination(reader, hops, source),
        reader.get("table", table_number) or TABLES["main"],
        reader.get("metric", values.between(0, 2**32 - 1)),
        reader.get("type"),
        reader.get("protocol", protocol_number),
        reader.get("scope"),
        source,
        reader.get("mtu", values.between(0, LARGEST_MTU, unit="bytes")),
        hops,
        known=reader.get("known"),
    )
    if reader.get("found"):
        found = tuple(_found(each) for each in reader.get("found"))
        hops = tuple(HopSpec(hop.gateway, hop.device) for route in found for hop in route.hops)
        return replace(spec, destination=found[0].destination, hops=hops, found=found)
    if spec.destination:
        _check_families(reader, spec)
        if not spec.absent:
            _check_way(reader, spec)
    return spec


def _found(record: Mapping[str, Any]) -> Route:
    return Route(**{**record, "hops": tuple(Hop(*hop) for hop in record["hops"])})


def _read_hops(reader: Reader) -> tuple[HopSpec, ...]:
    several = reader.get("nexthops")
    if several is None:
        hop = _read_hop(reader, 1)
        return (hop,) if hop.gateway or hop.device else ()
    if any(reader.get(name) is not None for name in ("gateway", "device", "onlink")):
        reader.wrong("nexthops", "either gateway, device and onlink, or nexthops")
    hops: list[HopSpec] = []
    for number, options in enumerate(several):
        inner = Reader(options, f"{reader.where('nexthops')}[{number}]", reader.problems)
        # The kernel knows no weight of a single next hop.
        weight = inner.get("weight", values.between(1, 256)) if len(several) > 1 else None
        hop = _read_hop(inner, weight or 1)
        if not options.get("gateway") and not options.get("device"):
            inner.wrong("", "a next hop needs a gateway or a device")
        elif any((hop.gateway, hop.device) == (other.gateway, other.device) for other in hops):
            inner.wrong("", "it is the same next hop as another; give that one more weight")
        hops.append(hop)
    return tuple(hops)


def _read_hop(reader: Reader, weight: int) -> HopSpec:
    hop = HopSpec(
        reader.get("gateway", values.gateway),
        reader.get("device", values.interface_name),
        reader.get("onlink"),
        weight,
    )
    given = {name: reader.get(name) is not None for name in ("gateway", "device")}
    if hop.onlink and not all(given.values()):
        reader.wrong("onlink", "onlink needs a gateway and the device it is behind")
    if hop.gateway and _is_link_local(hop.gateway) and not given["device"] and reader.get("state") != "absent":
        reader.wrong("device", f"the link-local gateway {hop.gateway} needs the device it is behind")
    return hop


def _is_link_local(gateway: str) -> bool:
    # 169.254.0.0/16 is like any other subnet for the kernel.
    return values.family(gateway) == 6 and ipaddress.ip_address(gateway).is_link_local


def _read_destination(reader: Reader, hops: tuple[HopSpec, ...], source: Optional[str]) -> str:
    text = reader.get("destination", lambda value: values.network(value, default=True))
    if text != "default":
        return text or ""
    return values.DEFAULT[default_family([*(hop.gateway for hop in hops), source])]


def default_family(addresses: Iterable[Optional[str]]) -> int:
    """The family of a default route, by its gateways and its source; IPv4 may have gateways of both."""
    families = {values.family(text) for text in addresses if text}
    return 6 if families == {6} else 4


def _check_families(reader: Reader, spec: RouteSpec) -> None:
    for number, hop in enumerate(spec.hops):
        # An IPv4 route may have an IPv6 gateway (RTA_VIA), nothing else may differ.
        if hop.gateway and spec.family == 6 and values.family(hop.gateway) != 6:
            option = f"nexthops[{number}].gateway" if reader.get("nexthops") else "gateway"
            reader.wrong(option, _other_family(hop.gateway, spec))
    if spec.source and values.family(spec.source) != spec.family:
        reader.wrong("source", _other_family(spec.source, spec))
    if spec.family == 6 and spec.scope not in (None, "global"):
        reader.wrong("scope", "IPv6 routes have no scope")
    if spec.family == 6 and spec.protocol == 0:
        reader.wrong("protocol", "an IPv6 route cannot have protocol 0")


def _other_family(text: str, spec: RouteSpec) -> str:
    return f"{text} is not of the family of {spec.destination} (IPv{spec.family})"


def _check_way(reader: Reader, spec: RouteSpec) -> None:
    given: Any = reader.get("nexthops") or reader.get("gateway") or reader.get("device")
    direct = spec.type in (None, "unicast", "local")
    if direct and not given:
        reader.wrong("device", "a route needs a gateway, a device or nexthops (or a type such as blackhole)")
    if not direct and given:
        reader.wrong("type", f"a route of type {spec.type} leads nowhere: no gateway, device or nexthops")
    if spec.family == 6 and len(spec.hops) > 1 and not all(hop.gateway for hop in spec.hops):
        reader.wrong("nexthops", "each next hop of an IPv6 route needs a gateway; the kernel takes no devices alone")
    if spec.family == 4:
        _check_scope(reader, spec)


def _check_scope(reader: Reader, spec: RouteSpec) -> None:
    """The kernel's rules about IPv4 scopes (fib_create_info)."""
    scope, by_gateway = spec.scope_of(), any(hop.gateway for hop in spec.hops)
    if spec.type == "local" and (by_gateway or len(spec.hops) > 1):
        reader.wrong("type", "a local route has one device and no gateway")
    elif spec.type == "local" and scope != "host":
        reader.wrong("scope", "a local route has scope host")
    elif by_gateway and scope not in ("global", "site"):
        reader.wrong("scope", f"a route by a gateway reaches farther than scope {scope}: global or site is right")
    elif spec.hops and scope == "nowhere":
        reader.wrong("scope", "a route that leads somewhere cannot have scope nowhere")
