# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A veth cable: two devices, each the other's peer, each in a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Optional

from . import attributes, link, losses, netns_route_direct, ports, segments
from .attributes import ETHERNET_MTU, Attributes, kind_name
from .planner import Planner, Together
from .problems import Reader
from .scope import Scope
from .state import HOST, End, Link, State, place
from .step import ip
from .veth_actions import CreateVeth, generated_mac

NAME = "veth"
IDENTITY = ("netns", "name", "peer")
_END: dict[str, Any] = {
    "netns": {"type": "str"},
    "name": {"type": "str", "required": True},
    **attributes.OPTIONS,
    "up": {"type": "bool", "default": True},
}
OPTIONS: dict[str, Any] = {
    **_END,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "peer": {"type": "dict", "options": _END},
}
REQUIRED_IF = [("state", "present", ("peer",))]


@dataclass(frozen=True)
class Veth:
    """One cable. `far` is where its peer belongs; None only where the cable is to go."""

    path: str
    near: End
    far: Optional[End]
    absent: bool
    near_wanted: Attributes
    far_wanted: Attributes

    @property
    def subject(self) -> End:
        return self.near

    @property
    def identity(self) -> Any:
        """What no other entry may speak of: where it stands; where it is to go, this cable alone."""
        return (self.near, self.far) if self.absent and self.far else self.near

    @cached_property
    def claims(self) -> frozenset[End]:
        """Both ends: a cable is the same from either side."""
        return frozenset(end for end in (self.near, self.far) if end is not None)

    @cached_property
    def marks(self) -> frozenset[Any]:
        """What tells one cable from another that ends at the same place: each end with both names."""
        names = frozenset(end.name for end in self.claims)
        return frozenset((end, names) for end in self.claims)

    def at(self, near: End) -> Veth:
        """The same cable with its near end elsewhere."""
        return replace(self, near=near)

    @property
    def entry(self) -> dict[str, Any]:
        """The options that say which cable it is."""
        entry: dict[str, Any] = dict(self.near.entry)
        return {**entry, "peer": self.far.entry} if self.far else entry

    def add_to(self, scope: Scope) -> None:
        scope.kinds.add(NAME)
        for end, wanted, dummy in self.ends:
            scope.end(end)
            attributes.add_to(scope, end, wanted)
            netns_route_direct.add_networks(scope, end, wanted.addresses)
        if self.far:
            scope.cables |= self.claims
        if self.far and self.near.netns == self.far.netns == HOST and not self.absent:
            scope.searched |= self.claims

    @property
    def ends(self) -> Iterator[tuple[End, Attributes, str]]:
        """The ends that are told, with what is wanted of them and the option they stand under."""
        yield self.near, self.near_wanted, ""
        if self.far is not None:
            yield self.far, self.far_wanted, "peer"


def read(reader: Reader) -> Veth:
    near = link.read_end(reader)
    inner = reader.inner("peer")
    far = link.read_end(inner) if inner else None
    if reader.options.get("peer", {}) is None and reader.get("state") != "absent":
        # Ansible takes an option that is null for one that is given.
        reader.wrong("peer", "is required: a cable has another end, with a name of its own")
    if inner and far == near and near.name:
        inner.wrong("name", f"both ends of the cable are {near}; the peer needs a name or a namespace of its own")
    return Veth(
        reader.path,
        near,
        far,
        reader.get("state") == "absent",
        attributes.read(reader, ETHERNET_MTU),
        attributes.read(inner, ETHERNET_MTU) if inner else Attributes(),
    )


def subjects(state: State, netns: str) -> Iterator[End]:
    """Each cable once: by the end in the namespace whose name sorts first."""
    for found in state.namespaces[netns].links.values():
        end = End(netns, found.name)
        if found.kind == NAME and found.peer and (end < found.peer or state.link(found.peer) is None):
            yield end


def view(state: State, subject: End) -> Optional[dict[str, Any]]:
    found = state.link(subject)
    if found is None or found.kind != NAME:
        return None
    shown = {"netns": subject.netns or None, "name": subject.name, **attributes.view(found)}
    peer = state.link(found.peer) if found.peer else None
    if found.peer and peer:
        shown["peer"] = {"netns": found.peer.netns or None, "name": found.peer.name, **attributes.view(peer)}
    return shown


def record(state: State, subject: End) -> dict[str, Any]:
    """What of both ends there are no words for."""
    found = state.link(subject)
    peer = link.record(state, found.peer) if found and found.peer else {}
    return {**link.record(state, subject), **({"peer": peer} if peer else {})}


def locate(state: State, spec: Veth) -> End:
    """Where the near end is now."""
    if state.link(spec.near) is not None or spec.far is None:
        return spec.near
    far = state.link(spec.far)
    if far is not None and far.peer and far.peer.name == spec.near.name:
        return far.peer
    loose = None if spec.absent else _loose_cable(state, spec.near, spec.far)
    return loose or spec.near


def _loose_cable(state: State, near: End, far: End) -> Optional[End]:
    """The near end of the one cable of those two names that is to move with both ends.

    It lies on the host, or is wanted there, or is to be turned round. Any other cable of those names is a
    different one: in a chain of routers, each with a `left` and a `right`, all cables have the same two names.
    """
    wanted = (near.netns, far.netns)
    found = []
    for netns in state.namespaces if wanted == (HOST, HOST) else {HOST, far.netns}:
        device = state.link(End(netns, near.name))
        if device is not None and device.kind == NAME and device.peer and device.peer.name == far.name:
            now = (netns, device.peer.netns)
            if (HOST, HOST) in (now, wanted) or now == wanted[::-1]:
                found.append(End(netns, near.name))
    return found[0] if len(found) == 1 else None


def _create(planner: Planner, spec: Veth) -> None:
    if spec.absent or spec.far is None:
        return
    known = [planner.namespace(spec.near.netns), planner.namespace(spec.far.netns, "peer.netns")]
    if None in known:
        return
    now = _whereabouts(planner, spec)
    found = planner.state.link(now)
    if found is not None:
        if not found.assumed:
            _check(planner, spec, now, found, spec.far)
        return
    occupant = planner.state.link(spec.far)
    if occupant is not None:
        planner.refuse(_occupied(spec.far, occupant, spec.near), "peer.name")
        return
    if planner.is_altname(spec.near) or planner.is_altname(spec.far, "peer.name"):
        return
    if not planner.has_feature(NAME):
        planner.refuse("this kernel has no veth devices (module veth, CONFIG_VETH)")
        return
    salt = planner.state.salt
    near = replace(spec.near_wanted, mac=spec.near_wanted.mac or generated_mac(salt, spec.near))
    far = replace(spec.far_wanted, mac=spec.far_wanted.mac or generated_mac(salt, spec.far))
    planner.do(CreateVeth(spec.near, spec.far, near, far), "the cable does not exist")


def _whereabouts(planner: Planner, spec: Veth) -> End:
    """As `locate`, but a loose cable that another entry of the document declares is not taken."""
    now = locate(planner.state, spec)
    found = planner.state.link(now)
    if found is None or now == spec.near or found.peer == spec.far:
        return now
    if planner.as_found is not None and not planner.as_found.moved & {now, found.peer}:
        # A failed run did not bring it here.
        return spec.near
    others = (other for other in planner.specs.get(NAME, ()) if other is not spec)
    return spec.near if any(other.claims & {now, found.peer} for other in others) else now


def _check(planner: Planner, spec: Veth, now: End, found: Link, far: End) -> None:
    """What stands at the cable's place is this cable, and its true peer is the one declared."""
    if found.kind != NAME:
        planner.refuse(f"{now} exists and is {kind_name(found)}, not a veth", "name")
    elif found.peer is None:
        planner.refuse(f"the far end of {now} is in a namespace that has no name here", "peer")
    elif found.peer.name != far.name:
        planner.refuse(
            f"the cable from {now} leads to {found.peer}, not to {far}; "
            f"delete it first ({ip(now.netns, 'link', 'delete', 'dev', now.name)}) or declare its true peer",
            "peer.name",
        )
    elif found.peer != far and far != now and (occupant := planner.state.link(far)) is not None:
        planner.refuse(_occupied(far, occupant, spec.near), "peer.name")


def _occupied(end: End, occupant: Link, other: End) -> str:
    if occupant.kind != NAME:
        return f"{end} exists and is {kind_name(occupant)}, not a veth"
    leads = f" leading to {occupant.peer}" if occupant.peer else ""
    return f"{end} exists and is the end of another cable{leads}, not of one to {other}"


def _rescue(planner: Planner, spec: Veth) -> None:
    """An end leaves a namespace before the namespace goes, and takes the cable with it."""
    now = _whereabouts(planner, spec)
    found = planner.state.link(now)
    doomed = any(planner.doomed(end.netns) for end in (now, found.peer if found else None) if end)
    if doomed and not any(planner.doomed(end.netns) for end in spec.claims):
        _place(planner, spec)


def _place(planner: Planner, spec: Veth) -> None:
    if spec.absent or spec.far is None or any(end.netns not in planner.state.namespaces for end in spec.claims):
        return
    now = _whereabouts(planner, spec)
    found = planner.state.link(now)
    if found is None or found.peer is None or found.peer.name != spec.far.name:
        return
    moves = [(found.peer, spec.far), (now, spec.near)]
    if spec.far == now:
        moves.reverse()
    for source, target in moves:
        # What stands in the way has been told already.
        if source != target and planner.state.link(target) is None:
            link.move(planner, source, target, f"it is in {place(source.netns)}, wanted in {place(target.netns)}")


def _regain_ipv6(planner: Planner, spec: Veth) -> None:
    if not spec.absent:
        for end, wanted, dummy in spec.ends:
            attributes.regain_ipv6(planner, end, wanted)


def _configure(planner: Planner, spec: Veth) -> None:
    if not spec.absent:
        for end, wanted, option in spec.ends:
            attributes.configure(planner, end, wanted, option)


def _enslave(planner: Planner, spec: Veth) -> None:
    if not spec.absent:
        for end, wanted, option in spec.ends:
            ports.enslave(planner, end, wanted, option)


def _address(planner: Planner, spec: Veth) -> None:
    if not spec.absent:
        for end, wanted, option in spec.ends:
            attributes.address(planner, end, wanted, option)
            if wanted.addresses is not None:
                netns_route_direct.reconnect_networks(planner, end)


def _remove(planner: Planner, spec: Veth) -> None:
    now = locate(planner.state, spec) if spec.far else spec.near
    found = planner.state.link(now)
    if not spec.absent or found is None or _is_anothers(planner, spec, now, found):
        return
    # Where the document declares what stands there, this one has given way to it.
    if found.kind != NAME:
        if not planner.claims_place(now):
            planner.refuse(f"{now} is {kind_name(found)}, not a veth; it is left alone", "name")
    elif spec.far and found.peer and found.peer.name != spec.far.name:
        if not planner.declares(now):
            other_end = f"{found.peer}, not to {spec.far}"
            planner.refuse(f"the cable from {now} leads to {other_end}; it is left alone", "peer.name")
    else:
        losses.by_deleting(planner, now)
        planner.do(link.DeleteLink(now.netns, now.name, found.peer), "the cable is not wanted")


def _is_anothers(planner: Planner, spec: Veth, now: End, found: Link) -> bool:
    """Whether the cable that was found elsewhere is one that the document declares there."""
    ends = {now, found.peer}
    if spec.claims == ends:
        return False
    return any(other.claims == ends for other in planner.specs.get(NAME, ()) if not other.absent)


PLAN = {
    "rescue links": _rescue,
    "remove links": _remove,
    "create links": _create,
    "place links": _place,
    "bring IPv6 back": _regain_ipv6,
    "configure links": _configure,
    "ports": _enslave,
    "addresses": _address,
    "routes": Together(segments.warn),
}
