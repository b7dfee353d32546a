# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A route, IPv4 or IPv6, in any table."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Optional

from . import values
from .planner import Planner
from .problems import Reader
from .scope import Scope
from .state import HOST, LO, End, Hop, Namespace, Route, RouteKey, State, place
from .step import Action, ip

NAME = "netns_route"
IDENTITY = ("netns", "destination", "table", "metric")
TYPES = ("unicast", "local", "blackhole", "unreachable", "prohibit", "throw")
SCOPES = ("global", "site", "link", "host", "nowhere")
TABLES = {"main": 254, "local": 255, "default": 253}
PROTOCOLS = {
    "redirect": 1,
    "kernel": 2,
    "boot": 3,
    "static": 4,
    "ra": 9,
    "zebra": 11,
    "bird": 12,
    "dhcp": 16,
    "keepalived": 18,
    "babel": 42,
    "bgp": 186,
    "isis": 187,
    "ospf": 188,
    "rip": 189,
    "eigrp": 192,
}
# RFC 4191's medium preference has no number here: 1024 is what the kernel gives an IPv6 route without a metric.
IPV6_METRIC = 1024
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


@dataclass(frozen=True)
class RouteSpec:
    """A route as declared. `onlink`, `scope` and the rest are None where nothing was said."""

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
    onlink: Optional[bool]
    hops: tuple[Hop, ...]

    @property
    def key(self) -> RouteKey:
        default = IPV6_METRIC if values.family(self.destination) == 6 else 0
        return RouteKey(self.table, self.destination, self.metric or default)

    @property
    def subject(self) -> tuple[str, RouteKey]:
        return self.netns, self.key

    def scope_of(self) -> str:
        """iproute2's rule: a device route reaches the link, a local one the host, IPv6 has no scopes."""
        if self.scope or values.family(self.destination) == 6:
            return self.scope or "global"
        if self.type == "local":
            return "host"
        direct = self.hops and not any(hop.gateway for hop in self.hops)
        return "link" if direct and self.type in (None, "unicast") else "global"

    def add_to(self, scope: Scope) -> None:
        scope.namespace(self.netns).routes = True


def order(spec: RouteSpec) -> int:
    """Device routes first: a gateway may be reachable only through one of them."""
    return int(any(hop.gateway for hop in spec.hops))


def read(reader: Reader) -> RouteSpec:
    hops, onlink = _read_hops(reader)
    source = reader.get("source", values.address)
    destination = _read_destination(reader, hops, source)
    type_ = reader.get("type")
    spec = RouteSpec(
        reader.path,
        reader.get("netns", values.netns_name) or HOST,
        reader.get("state") == "absent",
        destination,
        reader.get("table", table_number) or TABLES["main"],
        reader.get("metric", values.between(0, 2**32 - 1)),
        type_,
        reader.get("protocol", protocol_number),
        reader.get("scope"),
        source,
        reader.get("mtu", values.between(0, 2**16 - 1, unit="bytes")),
        onlink,
        hops,
    )
    _check(reader, spec)
    return spec


def _read_hops(reader: Reader) -> tuple[tuple[Hop, ...], Optional[bool]]:
    gateway, device = reader.get("gateway", values.address), reader.get("device", values.interface_name)
    onlink, several = reader.get("onlink"), reader.get("nexthops")
    if several is None:
        return ((Hop(gateway, device, bool(onlink)),) if gateway or device else ()), onlink
    if gateway or device or onlink is not None:
        reader.wrong("nexthops", "either gateway, device and onlink, or nexthops")
    hops = []
    for number, options in enumerate(several):
        inner = Reader(options, f"{reader.where('nexthops')}[{number}]", reader.problems)
        hop = Hop(
            inner.get("gateway", values.address),
            inner.get("device", values.interface_name),
            bool(inner.get("onlink")),
            inner.get("weight", values.between(1, 256)) or 1,
        )
        if not hop.gateway and not hop.device:
            reader.problems.add(inner.path, "a next hop needs a gateway or a device")
        hops.append(hop)
    return tuple(hops), None


def _read_destination(reader: Reader, hops: tuple[Hop, ...], source: Optional[str]) -> str:
    text = reader.get("destination", lambda value: values.network(value, default=True))
    if text != "default":
        return text or ""
    hints = [hop.gateway for hop in hops if hop.gateway] + ([source] if source else [])
    return values.DEFAULT[values.family(hints[0]) if hints else 4]


def _check(reader: Reader, spec: RouteSpec) -> None:
    if not spec.destination:
        return
    family = values.family(spec.destination)
    addresses = [("gateway", hop.gateway) for hop in spec.hops if hop.gateway]
    addresses += [("source", spec.source)] if spec.source else []
    for name, text in addresses:
        if values.family(text) != family:
            # An IPv4 route may have an IPv6 gateway (RTA_VIA), nothing else may differ.
            if name == "source" or family == 6:
                reader.wrong(name, f"{text} is not of the family of {spec.destination} (IPv{family})")
    if family == 6 and spec.scope not in (None, "global"):
        reader.wrong("scope", "IPv6 routes have no scope")
    if spec.absent:
        return
    direct = spec.type in (None, "unicast", "local")
    if direct and not spec.hops:
        reader.wrong("device", "a route needs a gateway, a device or nexthops (or a type such as blackhole)")
    if not direct and spec.hops:
        reader.wrong("type", f"a route of type {spec.type} leads nowhere: no gateway, device or nexthops")
    for hop in spec.hops:
        if hop.onlink and not (hop.gateway and hop.device):
            reader.wrong("onlink", "onlink needs a gateway and the device it is behind")
        if hop.gateway and ipaddress.ip_address(hop.gateway).is_link_local and family == 6 and not hop.device:
            reader.wrong("device", f"the link-local gateway {hop.gateway} needs the device it is behind")


def table_number(value: str) -> int:
    if value in TABLES:
        return TABLES[value]
    if not value.isdigit() or not 0 < int(value) < 2**32:
        raise ValueError(f"{value!r} is not a routing table: main, local, default or a number from 1")
    return int(value)


def protocol_number(value: str) -> int:
    if value in PROTOCOLS:
        return PROTOCOLS[value]
    if not value.isdigit() or not 0 < int(value) < 256:
        raise ValueError(f"{value!r} is not a route protocol: {', '.join(PROTOCOLS)}, or a number from 1 to 255")
    return int(value)


def table_name(number: int) -> str:
    return {number: name for name, number in TABLES.items()}.get(number, str(number))


def protocol_name(number: int) -> str:
    return {number: name for name, number in PROTOCOLS.items()}.get(number, str(number))


def subjects(state: State, netns: str) -> Iterator[tuple[str, RouteKey]]:
    """The routes somebody added; not what the kernel made itself."""
    for route in state.namespaces[netns].routes:
        if route.protocol not in (PROTOCOLS["kernel"], PROTOCOLS["ra"], PROTOCOLS["redirect"]):
            yield netns, route.key


def locate(state: State, spec: RouteSpec) -> tuple[str, RouteKey]:
    if spec.absent and spec.netns in state.namespaces:
        for route in state.namespaces[spec.netns].routes:
            if _matches(route, spec):
                return spec.netns, route.key
    return spec.subject


def view(state: State, subject: tuple[str, RouteKey]) -> Optional[dict[str, Any]]:
    netns, key = subject
    namespace = state.namespaces.get(netns)
    found = next((route for route in namespace.routes if route.key == key), None) if namespace else None
    if found is None:
        return None
    single = found.hops[0] if len(found.hops) == 1 else Hop()
    shown = {
        "netns": netns or None,
        "destination": "default" if found.destination == values.DEFAULT[4] else found.destination,
        "gateway": single.gateway,
        "device": single.device,
        "onlink": single.onlink if single.gateway else None,
        "source": found.source,
        "scope": found.scope,
        "metric": found.metric,
        "table": table_name(found.table),
        "type": found.type,
        "protocol": protocol_name(found.protocol),
        "mtu": found.mtu,
    }
    if len(found.hops) > 1:
        shown["nexthops"] = [hop._asdict() for hop in found.hops]
    return shown


def _plan(planner: Planner, spec: RouteSpec) -> None:
    namespace = None if spec.absent else planner.namespace(spec.netns)
    if namespace is None or not _hops_fit(planner, spec, namespace):
        return
    same = [route for route in namespace.routes if route.key == spec.key]
    wanted = _wanted(spec, same[0] if same else None, namespace)
    if not same:
        planner.do(AddRoute(spec.netns, wanted), "the route is missing")
        return
    differences = _differences(same[0], wanted)
    if differences:
        for alias in same[1:]:
            if not _differences(alias, wanted):
                planner.do(DeleteRoute(spec.netns, alias), "it would stand second behind the route it equals")
        planner.do(ReplaceRoute(spec.netns, wanted, same[0]), "; ".join(differences))


def _wanted(spec: RouteSpec, found: Optional[Route], namespace: Namespace) -> Route:
    """The whole route: what is declared, over what is there."""
    base = found or Route(spec.destination, protocol=PROTOCOLS["static"])
    hops = spec.hops
    if found and len(hops) == len(found.hops):
        hops = tuple(_completed(hop, was, spec.onlink is None) for hop, was in zip(hops, found.hops))
    hops = tuple(hop._replace(device=hop.device or _device_to(namespace, hop, spec)) for hop in hops)
    moved = found is None or hops != found.hops
    return replace(
        base,
        table=spec.key.table,
        metric=spec.key.metric,
        type=spec.type or "unicast",
        protocol=base.protocol if spec.protocol is None else spec.protocol,
        scope=spec.scope_of() if spec.scope or moved else base.scope,
        source=spec.source or base.source,
        mtu=base.mtu if spec.mtu is None else spec.mtu or None,
        hops=hops,
    )


def _completed(hop: Hop, was: Hop, keep_onlink: bool) -> Hop:
    """A hop whose device was not named goes through the device the kernel found."""
    same = hop.gateway == was.gateway and hop.device in (None, was.device)
    if not same:
        return hop
    return hop._replace(device=was.device, onlink=was.onlink if keep_onlink else hop.onlink)


def _differences(now: Route, wanted: Route) -> list[str]:
    parts = []
    for name in ("type", "protocol", "scope", "source", "mtu"):
        before, after = getattr(now, name), getattr(wanted, name)
        if before != after:
            if name == "protocol":
                before, after = protocol_name(before), protocol_name(after)
            parts.append(f"{name} is {'none' if before is None else before}, wanted {after or 'none'}")
    if now.hops != wanted.hops:
        parts.append(f"it goes {_path(now.hops)}, wanted {_path(wanted.hops)}")
    return parts


def _path(hops: tuple[Hop, ...]) -> str:
    return " and ".join(" ".join(str(word) for word in _hop_words(hop)) for hop in hops) or "nowhere"


def _hops_fit(planner: Planner, spec: RouteSpec, namespace: Namespace) -> bool:
    """Whether the kernel would take the next hops and the source, as things will stand then."""
    before = len(planner.problems.found)
    for number, hop in enumerate(spec.hops):
        option = f"nexthops[{number}]." if len(spec.hops) > 1 else ""
        if hop.device:
            link = planner.link(End(spec.netns, hop.device), f"{option}device")
            if link is not None and link.up is False:
                planner.refuse(f"{hop.device} in {place(spec.netns)} is down; a route needs it up", f"{option}device")
                continue
        if hop.gateway and hop.gateway in _own_addresses(namespace):
            planner.refuse(f"{hop.gateway} is an address of {place(spec.netns)} itself, not a gateway", f"{option}gateway")
        elif hop.gateway and not hop.onlink and not _on_link(namespace, hop, spec):
            planner.refuse(_off_link(spec.netns, hop), f"{option}gateway")
    if spec.source and not _guessing(namespace) and spec.source not in _own_addresses(namespace):
        planner.refuse(f"no device in {place(spec.netns)} has the address {spec.source}", "source")
    return len(planner.problems.found) == before


def _own_addresses(namespace: Namespace) -> set[str]:
    return {address.text.split("/")[0] for link in namespace.links.values() for address in link.addresses}


def _guessing(namespace: Namespace) -> bool:
    return namespace.assumed or any(link.assumed for link in namespace.links.values())


def _on_link(namespace: Namespace, hop: Hop, spec: RouteSpec) -> bool:
    gateway = ipaddress.ip_address(hop.gateway or "")
    if _guessing(namespace) or (gateway.version == 6 and gateway.is_link_local):
        return True
    return _device_to(namespace, hop, spec) is not None


def _device_to(namespace: Namespace, hop: Hop, spec: RouteSpec) -> Optional[str]:
    """The device whose subnet or device route covers a gateway; the longest prefix counts."""
    if hop.gateway is None:
        return None
    gateway = ipaddress.ip_address(hop.gateway)
    found: list[tuple[int, str]] = []
    for link in namespace.links.values():
        if link.up and link.name != LO:
            found += [
                (network.prefixlen, link.name)
                for network in link.networks
                if network.version == gateway.version and network.num_addresses > 1 and gateway in network
            ]
    for route in namespace.routes:
        direct = route.type == "unicast" and route.hops and not any(each.gateway for each in route.hops)
        if direct and route.table in (spec.table, TABLES["main"]) and route.key != spec.key:
            network = ipaddress.ip_network(route.destination)
            if network.version == gateway.version and gateway in network:
                found += [(network.prefixlen, device) for device in sorted(route.devices)]
    fitting = [pair for pair in found if hop.device in (None, pair[1])]
    return max(fitting)[1] if fitting else None


def _off_link(netns: str, hop: Hop) -> str:
    behind = f" of {hop.device}" if hop.device else ""
    family = values.family(hop.gateway or "")
    return (
        f"the gateway {hop.gateway} is not on link: no address or device route{behind} in {place(netns)} covers it; "
        f"add a route to {hop.gateway}/{128 if family == 6 else 32} by device, or set onlink with the device"
    )


def _matches(route: Route, spec: RouteSpec) -> bool:
    """Whether `state: absent` means this route: every option that was given fits."""
    if route.destination != spec.destination or route.table != spec.table:
        return False
    if route.protocol == PROTOCOLS["kernel"] and spec.protocol != PROTOCOLS["kernel"]:
        return False
    for name in ("protocol", "type", "source"):
        if getattr(spec, name) is not None and getattr(spec, name) != getattr(route, name):
            return False
    if spec.metric is not None and route.metric != spec.key.metric:
        return False
    pairs = {(hop.gateway, hop.device) for hop in route.hops}
    return all(any(_covers(hop, pair) for pair in pairs) for hop in spec.hops)


def _covers(hop: Hop, pair: tuple[Optional[str], Optional[str]]) -> bool:
    return hop.gateway in (None, pair[0]) and hop.device in (None, pair[1])


def _remove(planner: Planner, spec: RouteSpec) -> None:
    namespace = planner.state.namespaces.get(spec.netns)
    if not spec.absent or namespace is None:
        return
    for route in [found for found in namespace.routes if _matches(found, spec)]:
        planner.do(DeleteRoute(spec.netns, route), "the route is not wanted")


def _hop_words(hop: Hop) -> list[object]:
    words: list[object] = []
    if hop.gateway:
        words += ["via", hop.gateway]
    if hop.device:
        words += ["dev", hop.device]
    return words + (["onlink"] if hop.onlink else [])


def route_words(route: Route) -> list[object]:
    """A route as iproute2 writes it."""
    words: list[object] = [] if route.type == "unicast" else [route.type]
    words.append("default" if route.destination in values.DEFAULT.values() else route.destination)
    if len(route.hops) == 1:
        words += _hop_words(route.hops[0])
    if route.table != TABLES["main"]:
        words += ["table", table_name(route.table)]
    if route.metric and (values.family(route.destination), route.metric) != (6, IPV6_METRIC):
        words += ["metric", route.metric]
    words += ["proto", protocol_name(route.protocol)]
    if values.family(route.destination) == 4 and route.type == "unicast":
        words += ["scope", route.scope]
    words += ["src", route.source] if route.source else []
    words += ["mtu", route.mtu] if route.mtu else []
    if len(route.hops) > 1:
        for hop in route.hops:
            words += ["nexthop", *_hop_words(hop), "weight", hop.weight]
    return words


def _route_command(netns: str, verb: str, route: Route) -> str:
    family = ["-6"] if values.family(route.destination) == 6 else []
    return ip(netns, *family, "route", verb, *route_words(route))


@dataclass(frozen=True)
class AddRoute(Action):
    """Adds a route; an equal key would be an error."""

    netns: str
    route: Route

    def what(self) -> str:
        return f"add route {' '.join(str(word) for word in route_words(self.route))}"

    def command(self) -> str:
        return _route_command(self.netns, "add", self.route)

    def effect(self, state: State) -> None:
        state.namespaces[self.netns].routes.append(self.route)


@dataclass(frozen=True)
class ReplaceRoute(Action):
    """Replaces the first route with the same key, in place: there is no moment without it."""

    netns: str
    route: Route
    before: Route

    def what(self) -> str:
        return f"replace route {' '.join(str(word) for word in route_words(self.route))}"

    def command(self) -> str:
        return _route_command(self.netns, "replace", self.route)

    def effect(self, state: State) -> None:
        routes = state.namespaces[self.netns].routes
        routes[routes.index(self.before)] = self.route


@dataclass(frozen=True)
class DeleteRoute(Action):
    """Deletes one route, named by all that was observed of it."""

    netns: str
    route: Route

    def what(self) -> str:
        return f"delete route {' '.join(str(word) for word in route_words(self.route))}"

    def command(self) -> str:
        return _route_command(self.netns, "delete", self.route)

    def effect(self, state: State) -> None:
        state.namespaces[self.netns].routes.remove(self.route)


PLAN = {"remove routes": _remove, "routes": _plan}
