# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the routes there are to the ones declared; what the kernel would refuse is refused here, and explained."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from typing import Optional

from . import dead_paths, marks, values
from .addresses import made_by_kernel
from .netns_route_actions import (
    KERNEL_MADE,
    LEARNED,
    PROTOCOLS,
    TABLES,
    AddRoute,
    DeleteRoute,
    ReplaceRoute,
    hop_words,
    protocol_name,
)
from .netns_route_direct import coming, device_to, is_local, may_reach, reconnect
from .netns_route_spec import HopSpec, RouteSpec
from .planner import Planner
from .state import LO, End, Hop, Link, Namespace, Route, RouteKey, place


def remove(planner: Planner, spec: RouteSpec) -> None:
    namespace = planner.state.namespaces.get(spec.netns)
    if not spec.absent or namespace is None:
        return
    for route in list(meant(spec, namespace)):
        several = len(with_key(namespace, route.key)) > 1
        planner.do(DeleteRoute(spec.netns, route, several), "the route is not wanted")


def with_key(namespace: Namespace, key: RouteKey) -> list[Route]:
    return [route for route in namespace.routes if route.destination == key.destination and route.key == key]


def meant(spec: RouteSpec, namespace: Namespace) -> Iterator[Route]:
    """The routes that `state: absent` means."""
    return (route for route in namespace.routes if _matches(route, spec) and _is_known(route, spec, namespace))


def _matches(route: Route, spec: RouteSpec) -> bool:
    """Whether every option that was given fits."""
    if route.destination != spec.destination or route.table != spec.table or route.selector:
        return False
    if route.protocol in KERNEL_MADE and spec.protocol != route.protocol:
        return False
    for name in ("protocol", "type", "source"):
        if getattr(spec, name) not in (None, "", getattr(route, name)):
            return False
    if spec.metric is not None and route.metric != spec.key.metric:
        return False
    if spec.hops and len(spec.hops) != len(route.hops):
        return False
    return all(any(_covers(hop, found) for found in route.hops) for hop in spec.hops)


def _is_known(route: Route, spec: RouteSpec, namespace: Namespace) -> bool:
    return spec.known is None or marks.is_any(spec.known, marks.of_route(route, namespace))


def _covers(wanted: HopSpec, hop: Hop) -> bool:
    return wanted.gateway in (None, hop.gateway) and wanted.device in (None, hop.device)


def configure(planner: Planner, spec: RouteSpec) -> None:
    namespace = None if spec.absent else planner.namespace(spec.netns)
    if namespace is None or not _devices_exist(planner, spec):
        return
    if spec.found:
        _as_found(planner, spec, spec.found, namespace)
        return
    same = with_key(namespace, spec.key)
    if not same:
        same = coming(planner, spec, namespace)
        namespace.routes += same
    if spec.family == 6 and any(not _differences(alias, _wanted(spec, alias, namespace)) for alias in same):
        return
    found = _replaced(spec, same)
    wanted = _wanted(spec, found, namespace)
    differences = _differences(found, wanted) if found else ["the route is missing"]
    if not differences or _poses_as_kernels(planner, spec, found) or not _fits(planner, spec, wanted, namespace):
        return
    if found is not None and found.protocol in LEARNED:
        planner.refuse(_announced(found), "metric")
        return
    reconnect(planner, spec, wanted, namespace)
    if found is None:
        planner.do(AddRoute(spec.netns, wanted), differences[0])
        return
    for alias in same:
        if alias is not found and not _differences(alias, wanted):
            planner.do(DeleteRoute(spec.netns, alias, True), "it would stand second behind the route it equals")
    planner.do(ReplaceRoute(spec.netns, wanted, found), "; ".join(differences))


def _poses_as_kernels(planner: Planner, spec: RouteSpec, found: Optional[Route]) -> bool:
    """Whether a route is to be marked as one that the kernel made; such routes are left alone, and would never go."""
    if spec.protocol not in KERNEL_MADE or (found is not None and found.protocol == spec.protocol):
        return False
    # What is put back was the kernel's.
    if planner.puts_back:
        return False
    names = ", ".join(map(protocol_name, KERNEL_MADE))
    planner.refuse(
        f"{protocol_name(spec.protocol)} marks a route that the kernel made itself ({names}): these come and go with "
        "addresses and routers, and are never taken away with what was declared; leave it out, or say static",
        "protocol",
    )
    return True


def _as_found(planner: Planner, spec: RouteSpec, wanted: tuple[Route, ...], namespace: Namespace) -> None:
    """Plans all routes of a key as they were found: with what there are no words for, and in their order.

    What others have put beside them stays as it is.
    """
    there = [route for route in with_key(namespace, spec.key) if not made_by_kernel(route, namespace)]
    now = [route for route in there if _is_known(route, spec, namespace)]
    if now == list(wanted):
        return
    with dead_paths.alive(planner, spec.netns, wanted):
        if _may_lead(planner, spec, wanted, namespace):
            _put_back(planner, spec, now, wanted, alone=now == there)


def _put_back(planner: Planner, spec: RouteSpec, now: list[Route], wanted: tuple[Route, ...], alone: bool) -> None:
    # The kernel replaces the first of those that have the key.
    if alone and len(now) == len(wanted) == 1:
        planner.do(ReplaceRoute(spec.netns, wanted[0], now[0]), "it is not as it was found")
        return
    kept = sum(1 for dummy in takewhile(lambda pair: pair[0] == pair[1], zip(now, wanted)))
    for route in now[kept:]:
        planner.do(DeleteRoute(spec.netns, route, True), "it is not as it was found")
    for route in wanted[kept:]:
        planner.do(AddRoute(spec.netns, route, append=True), "the route is missing")


def _may_lead(planner: Planner, spec: RouteSpec, wanted: tuple[Route, ...], namespace: Namespace) -> bool:
    """Whether the kernel would take back what was found: devices up, gateways in reach, sources here."""
    before = len(planner.problems.found)
    for name in sorted({name for route in wanted for name in route.devices}):
        wrong = _takes_no_route(namespace.links[name], spec)
        if wrong:
            planner.refuse(wrong, "device")
    for source in sorted({route.source for route in wanted if route.source}):
        if not is_local(source, namespace):
            planner.refuse(f"no device in {place(spec.netns)} has the address {source}", "source")
    for hop in (hop for route in wanted for hop in route.hops):
        if not may_reach(hop, spec, namespace):
            planner.refuse(f"the gateway {hop.gateway} is not on link in {place(spec.netns)} any more", "gateway")
    return len(planner.problems.found) == before


def _announced(found: Route) -> str:
    return (
        f"a router has announced another route to {found.destination} with metric {found.metric} "
        f"({_path(found.hops)}); give this one another metric, a lower one to be preferred"
    )


def _replaced(spec: RouteSpec, same: list[Route]) -> Optional[Route]:
    """Which of the routes with a key the kernel replaces: the first; in IPv6 rather one of the same nature."""
    if spec.family == 6:
        balanced = bool(spec.hops and spec.hops[0].gateway)
        same = [route for route in same if bool(route.hops and route.hops[0].gateway) == balanced] or same
    return same[0] if same else None


def _devices_exist(planner: Planner, spec: RouteSpec) -> bool:
    links = [planner.link(End(spec.netns, hop.device), _option(spec, hop, "device")) for hop in spec.hops if hop.device]
    return all(link is not None for link in links)


def _option(spec: RouteSpec, hop: HopSpec, name: str) -> str:
    return f"nexthops[{spec.hops.index(hop)}].{name}" if len(spec.hops) > 1 else name


def _wanted(spec: RouteSpec, found: Optional[Route], namespace: Namespace) -> Route:
    """The whole route: what is declared, over what is there."""
    base = found or Route(spec.destination, protocol=PROTOCOLS["static"])
    hops = _hops(spec, base, namespace)
    moved = found is None or hops != found.hops
    wanted = replace(
        base,
        table=spec.key.table,
        metric=spec.key.metric,
        type=spec.type or "unicast",
        protocol=base.protocol if spec.protocol is None else spec.protocol,
        scope=spec.scope_of() if spec.scope or moved else base.scope,
        source=base.source if spec.source is None else spec.source or None,
        mtu=base.mtu if spec.mtu is None else spec.mtu or None,
        hops=hops,
    )
    if wanted != found and wanted.protocol == PROTOCOLS["kernel"] and spec.protocol is None:
        # Not the kernel's own any more, once it was changed.
        return replace(wanted, protocol=PROTOCOLS["static"])
    return wanted


def _hops(spec: RouteSpec, base: Route, namespace: Namespace) -> tuple[Hop, ...]:
    """The next hops, completed: a device that was not named is the one the kernel found or would find."""
    left, hops = list(base.hops), []
    for wanted in spec.hops:
        was = next((hop for hop in left if hop.gateway == wanted.gateway and _covers(wanted, hop)), None)
        if was:
            left.remove(was)
        device = wanted.device or (was.device if was else device_to(wanted, spec, namespace))
        onlink = was.onlink if was and wanted.onlink is None else bool(wanted.onlink)
        hops.append(Hop(wanted.gateway, device, onlink, wanted.weight, was.details if was else ""))
    return base.hops if sorted(hops, key=str) == sorted(base.hops, key=str) else tuple(hops)


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
    weights = len(hops) > 1
    texts = []
    for hop in hops:
        words = [*hop_words(hop, 6), *(["weight", hop.weight] if weights else [])]
        texts.append(" ".join(str(word) for word in words))
    return " and ".join(texts) or "nowhere"


def _fits(planner: Planner, spec: RouteSpec, wanted: Route, namespace: Namespace) -> bool:
    """Whether the kernel would take the next hops and the source, as things will stand then."""
    before = len(planner.problems.found)
    for hop in spec.hops:
        link = namespace.links.get(hop.device or "")
        wrong = _takes_no_route(link, spec) if link is not None and not namespace.assumed else ""
        if wrong:
            _lack(planner, wrong, _option(spec, hop, "device"))
        elif hop.gateway:
            onlink = any(hop.gateway == other.gateway and other.onlink for other in wanted.hops)
            _check_gateway(planner, spec, hop, onlink, namespace)
    if wanted.source and not _guessing(namespace) and not is_local(wanted.source, namespace):
        _lack(planner, f"no device in {place(spec.netns)} has the address {wanted.source}", "source")
    return len(planner.problems.found) == before


def _takes_no_route(link: Link, spec: RouteSpec) -> str:
    """Why a device takes no route; "" where it does."""
    if link.up is False:
        return f"{link.name} in {place(spec.netns)} is down; a route needs it up"
    return "" if link.ipv6 or spec.family == 4 else f"IPv6 is switched off on {link.name} in {place(spec.netns)}"


def _lack(planner: Planner, message: str, option: str) -> None:
    """Something is missing that another entry would have made; in check mode, an earlier task of the same play."""
    alone = sum(len(specs) for specs in planner.specs.values()) == 1
    if planner.assume and alone:
        planner.warn(f"{message}; planned as if an earlier task had changed that")
    else:
        planner.refuse(message, option)


def _check_gateway(planner: Planner, spec: RouteSpec, hop: HopSpec, onlink: bool, namespace: Namespace) -> None:
    """Refuses what the kernel would not take for a gateway."""
    gateway, option = ipaddress.ip_address(hop.gateway or ""), _option(spec, hop, "gateway")
    link_local = gateway.version == 6 and gateway.is_link_local
    links = [link for link in namespace.links.values() if not link_local or link.name == hop.device]
    if any(address.text.split("/")[0] == str(gateway) for link in links for address in link.addresses):
        planner.refuse(f"{gateway} is an address of {place(spec.netns)} itself, not a gateway", option)
        return
    if link_local or _guessing(namespace):
        return
    device = device_to(hop, spec, namespace)
    if device is None and not onlink:
        behind = f" of {hop.device}" if hop.device else ""
        message = (
            f"the gateway {gateway} is not on link: no address or device route{behind} in {place(spec.netns)} "
            f"covers it; add a route to {gateway}/{gateway.max_prefixlen} by device, or set onlink with the device"
        )
        _lack(planner, message, option)
    if onlink and gateway.version == 4 and not _has_ipv4(namespace):
        message = f"{place(spec.netns)} has no IPv4 address yet, and no gateway before it has one; set lo up"
        _lack(planner, message, option)
    link = namespace.links.get(device or "")
    networks = [network for network in link.networks if network.num_addresses > 2] if link else []
    if gateway.version == 4 and any(gateway == network.broadcast_address for network in networks):
        planner.refuse(f"{gateway} is the broadcast address of {device} in {place(spec.netns)}, not a gateway", option)


def _has_ipv4(namespace: Namespace) -> bool:
    """Whether the kernel has made a local table, in which it looks a gateway up."""
    if any(route.table == TABLES["local"] and values.family(route.destination) == 4 for route in namespace.routes):
        return True
    up = [link for link in namespace.links.values() if link.up]
    return any(link.name == LO or any(values.family(each.text) == 4 for each in link.addresses) for link in up)


def _guessing(namespace: Namespace) -> bool:
    return namespace.assumed or any(link.assumed for link in namespace.links.values())
