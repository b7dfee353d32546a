# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A veth cable: two devices, each the other's peer, each in a namespace of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Optional

from . import attributes, link
from .attributes import ETHERNET_MTU, Attributes, kind_name
from .planner import Planner
from .problems import Reader
from .scope import Scope
from .state import HOST, End, Link, State, place
from .step import Action, ip

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
    def claims(self) -> frozenset[End]:
        """Both ends: a cable is the same from either side."""
        return frozenset(end for end in (self.near, self.far) if end is not None)

    def add_to(self, scope: Scope) -> None:
        scope.kinds.add(NAME)
        for end in (self.near, self.far):
            if end is not None:
                scope.end(end)

    @property
    def ends(self) -> tuple[tuple[End, Attributes, str], ...]:
        """Both ends with what is wanted of them and the option they stand under."""
        assert self.far is not None
        return (self.near, self.near_wanted, ""), (self.far, self.far_wanted, "peer")


def read(reader: Reader) -> Veth:
    near = link.read_end(reader)
    inner = reader.inner("peer")
    far = link.read_end(inner) if inner else None
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


def locate(state: State, spec: Veth) -> End:
    """Where the near end is now."""
    if state.link(spec.near) is not None or spec.far is None:
        return spec.near
    far = state.link(spec.far)
    if far is not None and far.peer and far.peer.name == spec.near.name:
        return far.peer
    return _loose_cable(state, spec) or spec.near


def _loose_cable(state: State, spec: Veth) -> Optional[End]:
    """A cable of those two names with both ends elsewhere in the namespaces the document speaks of."""
    assert spec.far is not None
    found = []
    for netns, namespace in state.namespaces.items():
        near = namespace.links.get(spec.near.name)
        if near is not None and near.kind == NAME and near.peer and near.peer.name == spec.far.name:
            found.append(End(netns, near.name))
    return found[0] if len(found) == 1 else None


def _create(planner: Planner, spec: Veth) -> None:
    if spec.absent or spec.far is None:
        return
    known = [planner.namespace(spec.near.netns), planner.namespace(spec.far.netns, "peer.netns")]
    if None in known:
        return
    if planner.state.link(_whereabouts(planner, spec)) is not None:
        _check(planner, spec)
        return
    occupant = planner.state.link(spec.far)
    if occupant is not None:
        planner.refuse(_occupied(spec.far, occupant, spec.near), "peer.name")
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
    taken = {end for other in planner.specs.get(NAME, ()) if other is not spec for end in (other.near, other.far)}
    if found is not None and now != spec.near and found.peer != spec.far and taken & {now, found.peer}:
        return spec.near
    return now


def _check(planner: Planner, spec: Veth) -> None:
    """What stands at the cable's place is this cable, and its true peer is the one declared."""
    assert spec.far is not None
    now = _whereabouts(planner, spec)
    found = planner.state.link(now)
    if found is None or found.assumed:
        return
    if found.kind != NAME:
        planner.refuse(f"{now} exists and is {kind_name(found)}, not a veth", "name")
    elif found.peer is None:
        planner.refuse(f"the far end of {now} is in a namespace that has no name here", "peer")
    elif found.peer.name != spec.far.name:
        planner.refuse(
            f"the cable from {now} leads to {found.peer}, not to {spec.far}; "
            f"delete it first ({ip(now.netns, 'link', 'delete', now.name)}) or declare its true peer",
            "peer.name",
        )
    elif found.peer != spec.far and (occupant := planner.state.link(spec.far)) is not None:
        planner.refuse(_occupied(spec.far, occupant, spec.near), "peer.name")


def _occupied(end: End, occupant: Link, other: End) -> str:
    if occupant.kind != NAME:
        return f"{end} exists and is {kind_name(occupant)}, not a veth"
    leads = f" leading to {occupant.peer}" if occupant.peer else ""
    return f"{end} exists and is the end of another cable{leads}, not of one to {other}"


def _rescue(planner: Planner, spec: Veth) -> None:
    """An end leaves a namespace before the namespace goes, and takes the cable with it."""
    if spec.absent or spec.far is None:
        return
    now = planner.state.link(_whereabouts(planner, spec))
    places = [_whereabouts(planner, spec), now.peer if now else None]
    targets = (spec.near.netns, spec.far.netns)
    if any(end and planner.doomed(end.netns) for end in places) and all(
        name in planner.state.namespaces and not planner.doomed(name) for name in targets
    ):
        _place(planner, spec)


def _place(planner: Planner, spec: Veth) -> None:
    if spec.absent or spec.far is None or planner.namespace(spec.near.netns) is None:
        return
    now = _whereabouts(planner, spec)
    found = planner.state.link(now)
    if found is None or found.peer is None or found.peer.name != spec.far.name:
        return
    for source, target in ((found.peer, spec.far), (now, spec.near)):
        if source != target and planner.namespace(target.netns) is not None:
            link.move(planner, source, target, f"it is in {place(source.netns)}, wanted in {place(target.netns)}")


def _configure(planner: Planner, spec: Veth) -> None:
    if not spec.absent and spec.far:
        for end, wanted, option in spec.ends:
            attributes.configure(planner, end, link.kept(planner, end, wanted), option)


def _enslave(planner: Planner, spec: Veth) -> None:
    if not spec.absent and spec.far:
        for end, wanted, option in spec.ends:
            attributes.enslave(planner, end, wanted, option)


def _address(planner: Planner, spec: Veth) -> None:
    if not spec.absent and spec.far:
        for end, wanted, option in spec.ends:
            attributes.address(planner, end, link.kept(planner, end, wanted), option)


def _remove(planner: Planner, spec: Veth) -> None:
    now = locate(planner.state, spec) if spec.far else spec.near
    found = planner.state.link(now)
    if not spec.absent or found is None:
        return
    if found.kind != NAME:
        planner.refuse(f"{now} is {kind_name(found)}, not a veth; it is left alone", "name")
    elif spec.far and found.peer and found.peer.name != spec.far.name:
        planner.refuse(f"the cable from {now} leads to {found.peer}, not to {spec.far}; it is left alone", "peer.name")
    else:
        planner.do(link.DeleteLink(now.netns, now.name, found.peer), "the cable is not wanted")


def generated_mac(salt: str, end: End) -> str:
    """A locally administered address that stays the same for a device of a host.

    Known before the device exists, so that neighbours can be planned; and given in the create message,
    so that udev's MACAddressPolicy leaves it alone.
    """
    digest = hashlib.sha256(f"{salt}\0{end.netns}\0{end.name}".encode()).digest()
    return "02:" + ":".join(f"{byte:02x}" for byte in digest[:5])


@dataclass(frozen=True)
class CreateVeth(Action):
    """Makes a cable with both ends at their places, in one netlink message."""

    near: End
    far: End
    near_wanted: Attributes
    far_wanted: Attributes

    @property
    def netns(self) -> str:  # type: ignore[override]
        return self.near.netns

    def what(self) -> str:
        return f"create cable {self.near} -- {self.far}"

    def command(self) -> str:
        near = [self.near.name, *_words(self.near_wanted)]
        far = [self.far.name, *_words(self.far_wanted)]
        for words, end in ((near, self.near), (far, self.far)):
            if end.netns:
                words += ["netns", end.netns]
        return ip(HOST, "link", "add", *near, "type", "veth", "peer", "name", *far)

    def effect(self, state: State) -> None:
        pairs = ((self.near, self.near_wanted, self.far), (self.far, self.far_wanted, self.near))
        for end, wanted, other in pairs:
            state.namespaces[end.netns].links[end.name] = Link(
                end.name,
                kind=NAME,
                mac=wanted.mac,
                mtu=wanted.mtu or 1500,
                min_mtu=ETHERNET_MTU[0],
                max_mtu=ETHERNET_MTU[1],
                txqueuelen=1000 if wanted.txqueuelen is None else wanted.txqueuelen,
                up=False,
                peer=other,
            )
            link.forget_settings(state, end)


def _words(wanted: Attributes) -> list[str]:
    words = []
    for option, value in (("address", wanted.mac), ("mtu", wanted.mtu), ("txqueuelen", wanted.txqueuelen)):
        if value is not None:
            words += [option, str(value)]
    return words


PLAN = {
    "rescue links": _rescue,
    "remove links": _remove,
    "create links": _create,
    "place links": _place,
    "configure links": _configure,
    "ports": _enslave,
    "addresses": _address,
}
