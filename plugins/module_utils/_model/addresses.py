# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of a link: exactly those wanted, with what the kernel made itself left alone."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, takewhile
from typing import Optional

from . import values, vanishing
from .netns_route_actions import KERNEL, LEARNED
from .netns_sysctl_keys import DISABLE_IPV6, key_name
from .planner import Planner
from .state import LO, Address, End, Link, Namespace, Route, State, place
from .step import CREATE, DELETE, Action, ip

IPV6_MINIMUM_MTU = 1280


def too_small_for_ipv6(mtu: Optional[int]) -> bool:
    """Whether the kernel takes IPv6 away from a device with this MTU."""
    return mtu is not None and mtu < IPV6_MINIMUM_MTU


def exactly(
    planner: Planner,
    end: End,
    wanted: Optional[tuple[str, ...]],
    option: str,
    declared: Optional[tuple[str, ...]] = None,
) -> None:
    """Plans the addresses of a device; None leaves them as they are.

    Where they are put back only those that were declared may go; None is all.
    """
    link = planner.state.link(end)
    if wanted is None or link is None:
        return
    others = _of_others(link, wanted, declared)
    stale = [found for found in link.own if found.text not in wanted and found not in others]
    stale += _chosen(planner, end, wanted)
    stopgap = _keep_ipv4(planner, end, stale, [Address(text) for text in wanted])
    _delete(planner, end, stale, "it is not among the addresses wanted")
    for number, text in enumerate(wanted):
        link = planner.state.namespaces[end.netns].links[end.name]
        if any(text == found.text for found in link.addresses):
            continue
        if values.family(text) == 6 and _lacks_ipv6(planner, end, f"{option}[{number}]"):
            continue
        if _is_of_loopback(planner, end, text, f"{option}[{number}]"):
            continue
        _warn_of_overlap(planner, end, text)
        planner.do(AddAddress(end.netns, end.name, text), "the address is missing")
    for found in _missing(planner, end, others):
        planner.do(AddAddress(end.netns, end.name, found.text, found), "it went with its primary address")
    _delete(planner, end, stopgap, "it was for the routes alone")


def as_found(
    planner: Planner, end: End, wanted: tuple[Address, ...], option: str, declared: Optional[tuple[str, ...]] = None
) -> None:
    """Plans the addresses of a device with all their details and in the kernel's order.

    The kernel appends an IPv4 address and puts an IPv6 one before the others. Only those declared may go; None is all.
    """
    link = planner.state.link(end)
    if link is None:
        return
    others = _of_others(link, [found.text for found in wanted], declared)
    wanted = tuple(_beside(found, others) for found in wanted)
    own = tuple(found for found in link.own if found not in others)
    chosen = _chosen(planner, end, [found.text for found in wanted])
    kept = _in_place(own, tuple(found for found in wanted if not found.given)) | set(link.lost) - {*link.own, *chosen}
    stale = [found for found in (*own, *chosen) if found not in kept]
    missing = [found for found in wanted if found not in kept]
    if any(values.family(found.text) == 6 for found in missing) and _lacks_ipv6(planner, end, option):
        missing = _ipv4(missing)
    stopgap = _keep_ipv4(planner, end, stale, missing)
    _delete(planner, end, stale, "it is not as it was found")
    missing = _missing(planner, end, [*missing, *others])
    four = _ipv4(missing)
    for found in four + [found for found in reversed(missing) if found not in four]:
        planner.do(AddAddress(end.netns, end.name, found.text, found), "the address is missing")
    _delete(planner, end, stopgap, "it was for the routes alone")


def _lacks_ipv6(planner: Planner, end: End, option: str) -> bool:
    """Whether a device cannot have IPv6 addresses; says so once."""
    link = planner.state.namespaces[end.netns].links[end.name]
    if too_small_for_ipv6(link.mtu):
        wrong = f"IPv6 needs an MTU of {IPV6_MINIMUM_MTU} bytes; {end} has {link.mtu}"
    elif not link.ipv6:
        switch = key_name(("net", "ipv6", "conf", end.name, DISABLE_IPV6))
        wrong = f"IPv6 is switched off on {end}: declare a netns_sysctl {switch} of 0, or no IPv6 address"
    else:
        return False
    if not any(problem.message == wrong for problem in planner.problems.found):
        planner.forgo(wrong, option)
    return True


def _is_of_loopback(planner: Planner, end: End, text: str, option: str) -> bool:
    """Whether the kernel would refuse an address (inet6_addr_add); says so."""
    link = planner.state.namespaces[end.netns].links[end.name]
    if not text.startswith("::1/") or end.name == LO or link.kind == "vrf" or link.assumed:
        return False
    planner.refuse(f"{text} cannot be given to {end}: the kernel takes ::1 on lo and on a VRF alone", option)
    return True


def _of_others(link: Link, wanted: Iterable[str], declared: Optional[tuple[str, ...]]) -> list[Address]:
    """The addresses that nobody declared or found: somebody has added them since."""
    known = {text.split("/")[0] for text in (*wanted, *(declared or ()))}
    return [] if declared is None else [found for found in link.own if found.host not in known]


def _chosen(planner: Planner, end: End, wanted: Sequence[str]) -> list[Address]:
    """The link-local addresses that are there because documents declared them, and that are not wanted any more."""
    texts = set(planner.chosen.get(end, ())).difference(wanted)
    link = planner.state.namespaces[end.netns].links[end.name]
    return [found for found in link.addresses if found.given and found.text in texts] if texts else []


def _beside(found: Address, others: Iterable[Address]) -> Address:
    """As an address can be had: where somebody has added one of its network meanwhile, after that."""
    taken = {other.network for other in _ipv4(others) if not other.secondary}
    return replace(found, secondary=True) if found.network in taken else found


def _missing(planner: Planner, end: End, addresses: Iterable[Address]) -> list[Address]:
    there = {found.key for found in planner.state.namespaces[end.netns].links[end.name].addresses}
    return [found for found in addresses if found.key not in there]


def _in_place(now: tuple[Address, ...], wanted: tuple[Address, ...]) -> set[Address]:
    """The addresses that need not be made again for their order."""
    kept: set[Address] = set()
    for group in dict.fromkeys(map(_group, now)):
        have = [found for found in now if _group(found) == group]
        want = [found for found in wanted if _group(found) == group]
        pairs = zip(have, want) if group[0] == 4 else zip(reversed(have), reversed(want))
        kept |= {found for found, dummy in takewhile(lambda pair: pair[0] == pair[1], pairs)}
    # With its primary the kernel deletes a secondary.
    gone = {found.network for found in now if found not in kept and not found.secondary}
    return {found for found in kept if not (found.secondary and found.network in gone)}


def _group(found: Address) -> tuple[int, str, bool]:
    """What the kernel keeps in order: the addresses of a family and a scope, secondaries for themselves."""
    return values.family(found.text), found.details[:2] or "00", found.secondary


def _delete(planner: Planner, end: End, stale: Iterable[Address], why: str) -> None:
    # Secondaries first: with its primary the kernel deletes an IPv4 secondary, or (promote_secondaries) keeps it.
    for found in sorted(stale, key=lambda found: not found.secondary):
        if found in planner.state.namespaces[end.netns].links[end.name].addresses:
            planner.do(DeleteAddress(end.netns, end.name, found.text, found.peer), why)


def _keep_ipv4(planner: Planner, end: End, stale: list[Address], wanted: list[Address]) -> list[Address]:
    """Adds an address before the last IPv4 one goes, with which the kernel drops a device's IPv4 routes and neighbours.

    It is the first one wanted. In the network of one that goes that would be a secondary, and go with it: the same
    address with another prefix length stands in for it, and is returned, to go when all the others are there.
    """
    namespace = planner.state.namespaces[end.netns]
    now = _ipv4(namespace.links[end.name].addresses)
    going = {found.network for found in _ipv4(stale) if not found.secondary}
    left = [found for found in now if found not in stale and not (found.secondary and found.network in going)]
    first = next(iter(_ipv4(wanted)), None)
    if left or not first or not now or not _has_ipv4_of_others(namespace, end.name):
        return []
    why = f"with its last IPv4 address {end} would lose its IPv4 routes"
    taken = {found.network for found in now}
    if first.network not in taken:
        planner.do(AddAddress(end.netns, end.name, first.text, first if first.details else None), why)
        return []
    taken |= {found.network for found in _ipv4(wanted)}
    text = next(text for length in range(32, 0, -1) if values.on_link(text := f"{first.host}/{length}") not in taken)
    planner.do(AddAddress(end.netns, end.name, text), why)
    return [Address(text)]


def _ipv4(addresses: Iterable[Address]) -> list[Address]:
    return [found for found in addresses if values.family(found.text) == 4]


def _has_ipv4_of_others(namespace: Namespace, device: str) -> bool:
    """Whether a device has IPv4 routes and neighbours beside those that come with its addresses."""
    routes = (route for route in namespace.routes if device in route.devices and not made_by_kernel(route, namespace))
    keys = (key for key in namespace.neighbors if key.device == device)
    return 4 in map(values.family, chain((route.destination for route in routes), (key.address for key in keys)))


def made_by_kernel(route: Route, namespace: Namespace) -> bool:
    """Whether a route comes with an address by itself, or from a router."""
    if route.protocol != KERNEL:
        return route.protocol in LEARNED
    network = values.on_link(route.destination)
    if network.version == 6 and (network.is_link_local or network.is_multicast):
        return True
    links = [link for name, link in namespace.links.items() if not route.devices or name in route.devices]
    for address in (address for link in links for address in link.addresses):
        if route.type == "local":
            mine = network == values.on_link(address.host) or address.host == route.source
        else:
            # A point-to-point address brings a route to its far end.
            alone = network.prefixlen == network.max_prefixlen or network.version == 4
            far = bool(address.details) and alone and address.text.endswith(f"/{network.prefixlen}")
            source = address.host if network.version == 4 else None
            mine = (network == values.on_link(address.text) or far) and not address.bare and route.source == source
        if mine:
            return True
    return False


def _warn_of_overlap(planner: Planner, end: End, text: str) -> None:
    network = values.on_link(text)
    if network.prefixlen == network.max_prefixlen or network.is_link_local:
        return
    namespace = planner.state.namespaces[end.netns]
    uplinks = {name for route in namespace.routes if is_default(route) for name in route.devices} - {end.name}
    for name in sorted(uplinks & set(namespace.links)):
        for other in namespace.links[name].networks:
            if other.version == network.version and other.overlaps(network):
                planner.warn(
                    f"{text} on {end} overlaps {other} of {name}, which carries the default route of "
                    f"{place(end.netns)}: when {name} flaps, {end.name} takes its traffic; choose another subnet"
                )


def is_default(route: Route) -> bool:
    return route.destination in values.DEFAULT.values()


def own_ipv6(link: Link) -> tuple[str, ...]:
    """The IPv6 addresses that the kernel would drop for good."""
    return tuple(text for text in link.own_addresses if values.family(text) == 6)


def go_down(namespace: Namespace, device: str) -> None:
    """What the kernel takes away when a device goes down; with keep_addr_on_down not the permanent IPv6 addresses."""
    before = namespace.links[device].addresses
    drop_ipv6(namespace, device)
    if namespace.keeps_ipv6(device):
        kept = tuple(found for found in before if values.family(found.text) == 4 or _is_kept(found))
        namespace.links[device] = namespace.links[device].but(addresses=kept)


def _is_kept(found: Address) -> bool:
    address = ipaddress.ip_address(found.host)
    return not (found.kernel_made or found.lifetime or address.is_link_local or address.is_loopback)


def drop_ipv6(namespace: Namespace, device: str, gone: bool = False) -> None:
    """What the kernel takes away when a device goes down or IPv6 is disabled, or (gone) its MTU is too small for it."""
    link = namespace.links[device]
    namespace.links[device] = link.but(addresses=tuple(_ipv4(link.addresses)))
    vanishing.protocol(namespace, device, 6, gone)


@dataclass(frozen=True)
class AddAddress(Action):
    """Gives a device an address; `found` is one that comes back, with all that the kernel told of it."""

    netns: str
    name: str
    address: str
    found: Optional[Address] = None
    change = CREATE

    def what(self) -> str:
        return f"add {self.address} to {self.name}"

    def command(self) -> str:
        words = (self.found or Address(self.address)).words
        return ip(self.netns, "address", "add", *words, "dev", self.name)

    def effect(self, state: State) -> None:
        link = state.namespaces[self.netns].links[self.name]
        new = self.found or Address(self.address)
        secondary = any(found.network == new.network for found in link.addresses if not found.secondary)
        # On `lo` they stand beside the one that the kernel gives it, which is not known here.
        is_beside_own = self.name == LO and new.text.startswith("127.")
        new = replace(new, secondary=secondary and new.network.version == 4 and not is_beside_own)
        # The kernel tells IPv4 addresses first, and puts an IPv6 one before the others.
        four = _ipv4(link.addresses)
        state.change_link(End(self.netns, self.name), addresses=(*four, new, *link.addresses[len(four) :]))


@dataclass(frozen=True)
class DeleteAddress(Action):
    """Takes an address from a device; with an IPv4 primary its secondaries go as well."""

    netns: str
    name: str
    address: str
    peer: str = ""
    change = DELETE

    def what(self) -> str:
        return f"delete {self.address} from {self.name}"

    def command(self) -> str:
        return ip(self.netns, "address", "delete", *Address(self.address, peer=self.peer).words, "dev", self.name)

    def effect(self, state: State) -> None:
        namespace = state.namespaces[self.netns]
        link = namespace.links[self.name]
        gone = next(found for found in link.addresses if found.key == (self.address, self.peer))
        left = tuple(
            found
            for found in link.addresses
            if found is not gone and (gone.secondary or not found.secondary or found.network != gone.network)
        )
        namespace.links[self.name] = link.but(addresses=left)
        _disconnect(namespace, self.name, {found.network for found in link.addresses if not found.bare})
        for found in link.addresses:
            if found not in left:
                _forget_source(namespace, self.name, found.text)
        # With its last IPv4 address a device loses its IPv4 routes and neighbours.
        if values.family(self.address) == 4 and not _ipv4(left):
            vanishing.protocol(namespace, self.name, 4, gone=False)


def _disconnect(namespace: Namespace, device: str, networks: set[values.Network]) -> None:
    """The kernel's own routes to networks go with the last address in them."""
    gone = {str(each) for each in networks - {found.network for found in namespace.links[device].addresses}}
    namespace.routes = [
        route
        for route in namespace.routes
        if not (route.protocol == KERNEL and route.destination in gone and route.devices == {device})
    ]


def _forget_source(namespace: Namespace, device: str, text: str) -> None:
    """An IPv4 route goes with the address that it preferred as its source; an IPv6 route only loses the preference."""
    host = text.split("/")[0]
    if values.family(text) == 6:
        namespace.routes = [
            replace(route, source=None) if route.source == host and device in route.devices else route
            for route in namespace.routes
        ]
    else:
        vanishing.sources(namespace, {host})
