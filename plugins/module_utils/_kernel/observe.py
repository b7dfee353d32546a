# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what a scope asks for: one dump per kind and namespace."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from .._errors import KernelError
from .._model.bridge import NANOSECONDS
from .._model.scope import Needs, Scope
from .._model.state import HOST, LO, End, Link, Namespace, State
from . import (
    fastpath,
    firewall,
    link,
    messages,
    netlink,
    netns_neighbor,
    netns_route,
    netns_sysctl,
    nexthop,
    tc,
    unmanaged,
)
from .bridge import settings_request
from .link import Seen
from .netlink import Query, Request
from .netns import is_live
from .peers import Peers, foreign
from .session import THIS_NAMESPACE, Session, birth, inode

CLOCK_MONOTONIC_COARSE = 6


def observe(session: Session, scope: Scope) -> State:
    """The host, as far as the scope reaches."""
    live = _live(session, scope)
    while True:
        try:
            return _observe(session, scope, live)
        except KernelError:
            now = _live(session, scope)
            if now == live:
                raise
        # Somebody has deleted a namespace while it was being read.
        for name in live:
            session.leave(name)
        live = now


def _live(session: Session, scope: Scope) -> list[str]:
    return [name for name in scope.namespaces if name == HOST or is_live(session.path(name))]


def is_any_left(session: Session, scope: Scope) -> bool:
    """Whether a namespace or a device of the host has its name still, told without the lock of the kernel's tables.

    The kernel holds that lock for long while it takes namespaces down, for `lo` in each after all others have gone.
    """
    ends = [end.name for end in scope.ends if end.netns == HOST]
    names = [name for name in scope.namespaces if name != HOST]
    return any(map(session.socket(HOST).index, ends)) or any(is_live(session.path(name)) for name in names)


def _observe(session: Session, scope: Scope, live: list[str]) -> State:
    gone = scope.namespaces.keys() - set(live)
    stale = {name for name in gone if os.path.lexists(session.path(name)) and not is_live(session.path(name))}
    try:
        seen = {name: link.read(session, name) for name in live if name not in scope.sealed}
        _search(session, scope, seen)
        peers = Peers(session, seen)
        links = peers.resolve(scope)
        missing = [name for name in scope.namespaces if name not in live]
        state = State(stale=frozenset(stale), salt=_salt(), tick=_tick(), lowers=peers.lowers())
        declared = {end.name for end in scope.ends}
        # What ends in a namespace that is looked into as a whole may go with it.
        inside = (found for name in scope.inside & links.keys() for found in links[name].values())
        declared |= {found.peer.name for found in inside if found.peer}
        led, leaving = fastpath.any_loaded(), _leaving(scope, links)
        settings = netns_sysctl.read_settings(session, {name: leaving[name] for name in leaving.keys() & seen.keys()})
        for name in seen:
            known = {found.name for found in links[name].values()}
            needs = scope.namespaces.get(name, Needs())
            # A device may leave for another namespace, and takes its routes, neighbours and filters along.
            if scope.losses and declared & known - {LO}:
                needs = needs.with_losses
            needs = replace(needs, hooks=needs.hooks or (needs.shortcuts and led))
            namespace = state.namespaces[name] = _namespace(session, needs, name, links[name])
            namespace.sysctls = {**settings.get(name, {}), **namespace.sysctls}
            if "" in leaving.get(name, ()):
                namespace.unmanaged = unmanaged.read(session, name)
        _seal(session, [name for name in live if name in scope.sealed], peers, state)
        return _probe(session, scope, state, missing)
    except OSError as error:
        raise KernelError("read the network's state", HOST, error.strerror or str(error)) from error


def _leaving(scope: Scope, links: Mapping[str, Mapping[int, Link]]) -> dict[str, set[str]]:
    """The devices that go, by namespace, with the other ends of their cables; "" for the namespace itself."""
    found = defaultdict(set)
    for end in scope.leaving:
        if not end.name:
            found[end.netns].add("")
        for each in links.get(end.netns, {}).values():
            if end.name in ("", each.name):
                for netns, name in (End(end.netns, each.name), *([each.peer] if each.peer else ())):
                    found[netns].add(name)
    return found


def _namespace(session: Session, needs: Needs, name: str, links: dict[int, Link]) -> Namespace:
    number, born = birth(THIS_NAMESPACE if name == HOST else session.path(name))
    namespace = Namespace(number, {found.name: found for found in links.values()}, born=born)
    names = {number: found.name for number, found in links.items()}
    if needs.routes:
        namespace.routes = netns_route.read(session, name, names, needs.routes)
        namespace.routed = frozenset(needs.routes)
    if needs.nexthops:
        namespace.nexthops = nexthop.read(session, name, names)
    if needs.neighbors:
        namespace.neighbors = netns_neighbor.read(session, name, names)
    if needs.hooks:
        namespace.hooks = fastpath.read(session, name, names)
    if needs.queues:
        queues = tc.queues(session.socket(name))
        namespace.queues = {names[number]: kind for number, kind in queues.items() if number in names}
    if needs.sysctls:
        namespace.sysctls = netns_sysctl.read(session, name, needs.sysctls)
    if needs.firewall:
        namespace.firewall = firewall.observe(session, name)
    return namespace


def _seal(session: Session, names: Sequence[str], peers: Peers, state: State) -> None:
    """Namespaces that are not looked into: which they are, and what dies with them."""
    for name in names:
        session.keep(name)
    far_ends = peers.leading_into(names)
    for name in names:
        number, born = birth(session.path(name))
        state.namespaces[name] = Namespace(number, sealed=True, far_ends=tuple(far_ends[name]), born=born)


def _search(session: Session, scope: Scope, seen: dict[str, list[Seen]]) -> None:
    """Looks into every other namespace for devices that are not where they are wanted."""
    present = {End(name, found.name) for name, links in seen.items() for found in links}
    lost = {end.name for end in scope.searched if end not in present and End(HOST, end.name) not in present} - {LO}
    for name in session.named() if lost else ():
        if name not in seen:
            with foreign(session, name, seen):
                if any(session.socket(name).index(each) for each in lost):
                    seen[name] = link.read(session, name)


def _probe(session: Session, scope: Scope, state: State, missing: list[str]) -> State:
    """What a new namespace starts as here, and which kinds of links this kernel has: tried, not guessed."""
    kinds = {found.kind for namespace in state.namespaces.values() for found in namespace.links.values()}
    features = scope.kinds & kinds
    needs = [scope.namespaces[name] for name in missing]
    lacking: dict[str, str] = {}
    if not missing and scope.kinds <= features and not scope.fastpath:
        return replace(state, features=frozenset(features))
    with session.scratch():
        fresh = Namespace(links=state.fresh.links)
        keys = netns_sysctl.expand({key for each in needs for key in each.sysctls})
        fresh.sysctls = {key: netns_sysctl.read_here(key) for key in keys}
        if any(each.firewall for each in needs):
            fresh.firewall = firewall.observe_here()
        if scope.fastpath:
            lacking = fastpath.probe()
            features |= {name for name, said in lacking.items() if not said}
        route = netlink.Route()
        try:
            features |= {kind for kind in scope.kinds - features if _has(route, kind)}
        finally:
            route.close()
    return replace(state, features=frozenset(features), lacking=lacking, fresh=fresh)


def _has(route: netlink.Route, kind: str) -> bool:
    """Makes one, in a namespace of its own, and looks at it: a bridge says yes to VLAN filtering it does not have."""
    info = {"attrs": [("IFLA_INFO_KIND", "bridge" if kind == "vlan_filtering" else kind)]}
    attrs = [("IFLA_IFNAME", kind), ("IFLA_LINKINFO", info)]
    flags = netlink.NLM_F_CREATE | netlink.NLM_F_EXCL
    if route.send([Request(netlink.ifinfmsg, netlink.RTM_NEWLINK, flags, {}, attrs)])[0].code:
        return False
    if kind != "vlan_filtering":
        return True
    number = route.index(kind)
    route.send([settings_request(number, (("vlan_filtering", 1),))])
    query = Query(netlink.RTM_GETLINK, messages.LINK, messages.LINK.pack(0, 0, number, 0, 0))
    return dict(Seen(route.get(query)).bridge).get("vlan_filtering") == 1


def _tick() -> int:
    """The kernel's tick in nanoseconds, which is what its coarse clock goes by."""
    return round(time.clock_getres(CLOCK_MONOTONIC_COARSE) * NANOSECONDS)


def _salt() -> str:
    """What makes generated MAC addresses this host's own."""
    try:
        with open("/etc/machine-id", encoding="ascii") as stream:
            machine = stream.read().strip()
    except OSError:
        machine = ""
    return f"{machine}:{inode(THIS_NAMESPACE)}"
