# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what a scope asks for: one dump per kind and namespace."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace

from .._errors import KernelError
from .._model.scope import Needs, Scope
from .._model.state import HOST, LO, End, Link, Namespace, State
from . import fastpath, firewall, link, messages, netlink, netns_neighbor, netns_route, netns_sysctl
from .bridge import settings_request
from .link import Seen
from .netlink import Query, Request
from .netns import is_live
from .session import THIS_NAMESPACE, Session, inode

UNKNOWN = 0xFFFFFFFF
NETNSA_NSID, NETNSA_FD = 1, 3


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


def _observe(session: Session, scope: Scope, live: list[str]) -> State:
    gone = scope.namespaces.keys() - set(live)
    stale = {name for name in gone if os.path.lexists(session.path(name)) and not is_live(session.path(name))}
    try:
        seen = {name: link.read(session, name) for name in live}
        _search(session, scope, seen)
        links = _Peers(session, seen).resolve(scope)
        missing = [name for name in scope.namespaces if name not in seen]
        state = State(stale=frozenset(stale), salt=_salt())
        declared = {end.name for end in scope.ends}
        led = fastpath.any_loaded()
        for name in seen:
            known = {found.name for found in links[name].values()}
            needs = scope.namespaces.get(name, Needs())
            # A device may leave for another namespace, and takes its routes, neighbours and filters along.
            if declared & known - {LO}:
                needs = replace(needs, routes=True, neighbors=True, shortcuts=True)
            needs = replace(needs, hooks=needs.hooks or (needs.shortcuts and led))
            state.namespaces[name] = _namespace(session, needs, name, links[name])
        return _probe(session, scope, state, missing)
    except OSError as error:
        raise KernelError("read the network's state", HOST, error.strerror or str(error)) from error


def _namespace(session: Session, needs: Needs, name: str, links: dict[int, Link]) -> Namespace:
    number = inode(THIS_NAMESPACE if name == HOST else session.path(name))
    namespace = Namespace(number, {found.name: found for found in links.values()})
    names = {number: found.name for number, found in links.items()}
    if needs.routes:
        namespace.routes = netns_route.read(session, name, names)
    if needs.neighbors:
        namespace.neighbors = netns_neighbor.read(session, name, names)
    if needs.hooks:
        namespace.hooks = fastpath.read(session, name, names)
    if needs.sysctls:
        namespace.sysctls = netns_sysctl.read(session, name, needs.sysctls)
    if needs.firewall:
        namespace.firewall = firewall.observe(session, name)
    return namespace


def _search(session: Session, scope: Scope, seen: dict[str, list[Seen]]) -> None:
    """Looks into every other namespace for devices that are not where they are wanted."""
    present = {End(name, found.name) for name, links in seen.items() for found in links}
    lost = {end.name for end in scope.searched if end not in present and End(HOST, end.name) not in present} - {LO}
    for name in session.named() if lost else ():
        if name not in seen:
            with _foreign(session, name, seen):
                if any(session.socket(name).index(each) for each in lost):
                    seen[name] = link.read(session, name)


@contextmanager
def _foreign(session: Session, name: str, seen: Mapping[str, list[Seen]]) -> Iterator[None]:
    """Looks into a namespace that nobody declared: its owner may delete it meanwhile."""
    with suppress(KernelError):
        yield
    if name not in seen:
        session.leave(name)


class _Peers:
    """Finds out which namespace holds the far end of each cable.

    The kernel gives the far end's number and a number for its namespace that is valid only in the near
    one; RTM_GETNSID tells that number of any namespace that we hold a descriptor of.
    """

    def __init__(self, session: Session, seen: dict[str, list[Seen]]) -> None:
        self.session = session
        self.seen = seen
        self.numbers: dict[tuple[str, str], int] = {}

    def resolve(self, scope: Scope) -> dict[str, dict[int, Link]]:
        places = self._known()
        unknown = [
            (name, found)
            for name, links in self.seen.items()
            for found in links
            if found.peer_index and (name, found.index) not in places
            if End(name, found.name) in scope.ends or name in scope.inside
        ]
        if unknown:
            self._look_everywhere(unknown)
            places = self._known()
        names = {name: {found.index: found.name for found in links} for name, links in self.seen.items()}
        return {name: self._links(name, names, places) for name in self.seen}

    def _links(
        self, name: str, names: Mapping[str, Mapping[int, str]], places: Mapping[tuple[str, int], tuple[str, int]]
    ) -> dict[int, Link]:
        links = {}
        for found in self.seen[name]:
            where, index = places.get((name, found.index), (name, 0))
            peer = End(where, names[where][index]) if index in names[where] else None
            links[found.index] = found.link(names[name], peer)
        return links

    def _known(self) -> dict[tuple[str, int], tuple[str, int]]:
        """(namespace, number) of each near end whose far end is among what was read, to that of its far end."""
        by_pair: dict[tuple[int, int], list[str]] = {}
        for name, links in self.seen.items():
            for found in links:
                if found.peer_index:
                    by_pair.setdefault((found.index, found.peer_index), []).append(name)
        places: dict[tuple[str, int], tuple[str, int]] = {}
        for name, links in self.seen.items():
            for found in links:
                near = (name, found.index)
                if not found.peer_index or near in places:
                    continue
                if found.peer_nsid is None:
                    places[near] = (name, found.peer_index)
                    continue
                for other in by_pair.get((found.peer_index, found.index), ()):
                    if other != name and self._number(name, other) == found.peer_nsid & UNKNOWN:
                        far = (other, found.peer_index)
                        places[near], places[far] = far, near
        return places

    def _number(self, name: str, other: str) -> int:
        """What the namespace `name` calls the namespace `other`."""
        if (name, other) not in self.numbers:
            with self.session.opened(other) as descriptor:
                wanted = messages.attribute(NETNSA_FD, messages.WORD.pack(descriptor))
                query = Query(netlink.RTM_GETNSID, messages.NSID, bytes(messages.NSID.size) + wanted)
                answer = self.session.socket(name).get(query)
            number = answer.attributes.get(NETNSA_NSID)
            self.numbers[name, other] = UNKNOWN if number is None else messages.number(number)
        return self.numbers[name, other]

    def _look_everywhere(self, unknown: list[tuple[str, Seen]]) -> None:
        wanted = {(name, found.peer_nsid & UNKNOWN) for name, found in unknown if found.peer_nsid is not None}
        for other in self.session.named():
            if other not in self.seen:
                with _foreign(self.session, other, self.seen):
                    if any(self._number(name, other) == number for name, number in wanted if number != UNKNOWN):
                        self.seen[other] = link.read(self.session, other)


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


def _salt() -> str:
    """What makes generated MAC addresses this host's own."""
    try:
        with open("/etc/machine-id", encoding="ascii") as stream:
            machine = stream.read().strip()
    except OSError:
        machine = ""
    return f"{machine}:{inode(THIS_NAMESPACE)}"
