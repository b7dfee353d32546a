# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A link that exists: an uplink, `lo`, a physical NIC, or any device another tool made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Optional

from . import attributes, following, losses, ports, values
from .attributes import Attributes
from .planner import UNDO, Planner, Together
from .problems import Problems, Reader
from .scope import Scope
from .state import HOST, LO, End, State, place
from .step import CHANGE, DELETE, LOST, Action, ip

NAME = "link"
IDENTITY = ("netns", "name")
OPTIONS: dict[str, Any] = {
    "netns": {"type": "str"},
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    **attributes.OPTIONS,
}


@dataclass(frozen=True)
class LinkSpec:
    """A link and what is wanted of it. `places` are namespaces that it was moved to before.

    `numbers` are the numbers that the kernel gave it there: whatever else has its name is another one.
    """

    path: str
    end: End
    absent: bool
    wanted: Attributes
    places: tuple[str, ...] = ()
    numbers: tuple[tuple[str, int], ...] = ()

    @property
    def subject(self) -> End:
        return self.end

    @property
    def ends(self) -> Iterator[tuple[End, Attributes, str]]:
        """Itself, with what is wanted of it and the option that stands under, as of a cable's ends."""
        yield self.end, self.wanted, ""

    def at(self, end: End) -> LinkSpec:
        """The same link at another place."""
        return replace(self, end=end)

    def completed(self, found: Mapping[str, Any]) -> LinkSpec:
        """The same link; where nothing is said of it, it is as it was found."""
        was = attributes.read(Reader(found, "", Problems()))
        return replace(self, wanted=self.wanted.completed(was))

    @property
    def entry(self) -> dict[str, Any]:
        """The options that say which link it is, and what of it a move takes away."""
        entry: dict[str, Any] = dict(self.end.entry)
        if self.wanted.addresses is not None:
            entry["addresses"] = list(self.wanted.addresses)
        return entry if self.wanted.up is None else {**entry, "up": self.wanted.up}

    def add_to(self, scope: Scope) -> None:
        scope.end(self.end)
        for netns in self.places:
            scope.namespace(netns)
        if not self.absent:
            scope.searched.add(self.end)
        if self.end.netns != HOST:
            # A device of the host that is moved loses its settings; they are to come back with it.
            scope.settings(End(HOST, self.end.name), ("ipv4", "ipv6"))
            scope.traffic_control(HOST)
        attributes.add_to(scope, self.end, self.wanted)


def read(reader: Reader) -> LinkSpec:
    end = read_end(reader)
    wanted = attributes.read(reader)
    if end.name == LO and wanted.master:
        reader.wrong("master", "lo cannot be a bridge port")
    places, numbers = reader.get("places") or (), reader.get("numbers") or ()
    return LinkSpec(reader.path, end, reader.get("state") == "absent", wanted, tuple(places), tuple(numbers))


def read_end(reader: Reader) -> End:
    """Where a device is declared to be."""
    return End(reader.get("netns", values.netns_name) or HOST, reader.get("name", values.interface_name) or "")


def subjects(state: State, netns: str) -> Iterator[End]:
    for link in state.namespaces[netns].links.values():
        if link.kind not in ("veth", "bridge") or (link.kind == "veth" and not link.peer):
            yield End(netns, link.name)


def view(state: State, subject: End) -> Optional[dict[str, Any]]:
    link = state.link(subject)
    if link is None:
        return None
    return {"netns": subject.netns or None, "name": subject.name, **attributes.view(link)}


def record(state: State, subject: End) -> dict[str, Any]:
    """What of a link there are no words for, and that is to come back as well."""
    link = state.link(subject)
    return attributes.record(link) if link else {}


def locate(state: State, spec: LinkSpec) -> End:
    """Where the link is now: at its place, where it was moved to, on the host, or in the one namespace that has it."""
    known = (End(netns, spec.end.name) for netns, number in spec.numbers if _has(state, netns, spec.end.name, number))
    if state.link(spec.end) is not None:
        return next(known, spec.end)
    moved = [end for end in elsewhere(state, spec.end.name) if end.netns in spec.places]
    if len(moved) == 1:
        return moved[0]
    places = [end for end in elsewhere(state, spec.end.name) if not _holds(state, end)]
    if End(HOST, spec.end.name) in places:
        return End(HOST, spec.end.name)
    return places[0] if len(places) == 1 else spec.end


def _has(state: State, netns: str, name: str, number: int) -> bool:
    link = state.link(End(netns, name))
    return bool(link and link.index == number)


def elsewhere(state: State, name: str) -> list[End]:
    """Every place that has a link of that name; `lo` and bridges cannot be moved and do not count."""
    found = []
    for netns, namespace in state.namespaces.items():
        link = namespace.links.get(name)
        if link is not None and name != LO and link.kind != "bridge":
            found.append(End(netns, name))
    return sorted(found)


def _holds(state: State, end: End) -> bool:
    link = state.link(end)
    return bool(link and link.assumed)


def _remove(planner: Planner, spec: LinkSpec) -> None:
    link = planner.state.link(spec.end)
    if not spec.absent or link is None:
        return
    if not link.kind:
        planner.refuse(f"{spec.end} is {attributes.kind_name(link)} and cannot be deleted", "name")
        return
    if link.kind not in ("veth", "bridge") and not planner.puts_back:
        planner.warn(f"{spec.end} is {attributes.kind_name(link)}, which does not come back once it is deleted")
    losses.by_deleting(planner, spec.end)
    planner.do(DeleteLink(spec.end.netns, spec.end.name, link.peer), "the link is not wanted")


def _place(planner: Planner, spec: LinkSpec) -> None:
    if spec.absent:
        return
    now = locate(planner.state, spec)
    if planner.state.link(now) is None and len(places := elsewhere(planner.state, spec.end.name)) > 1:
        names = ", ".join(place(end.netns) for end in places)
        planner.refuse(f"{spec.end.name} is not in {place(spec.end.netns)}, and there are several: in {names}", "name")
    elif planner.link(now) is not None and now != spec.end and planner.namespace(spec.end.netns) is not None:
        move(planner, now, spec.end, f"it is in {place(now.netns)}, wanted in {place(spec.end.netns)}")


def _regain_ipv6(planner: Planner, specs: Sequence[LinkSpec]) -> None:
    for spec in _from_below(planner, specs):
        attributes.regain_ipv6(planner, spec.end, spec.wanted)


def _rescue(planner: Planner, spec: LinkSpec) -> None:
    """A device leaves a namespace before the namespace goes, or a place that is to be another device's."""
    now = locate(planner.state, spec)
    if now != spec.end and spec.end.netns in planner.state.namespaces:
        if planner.doomed(now.netns) or planner.claims_place(now):
            _place(planner, spec)


def move(planner: Planner, source: End, target: End, why: str) -> None:
    """Plans a move, and notes the addresses and the up flag that it loses."""
    link = planner.state.link(source)
    if link is None:
        return
    for name in (target.name, *link.altnames):
        occupant = planner.state.link(End(target.netns, name))
        if occupant is not None:
            planner.refuse(f"{place(target.netns)} has another {name} already, {attributes.kind_name(occupant)}")
        if occupant is not None or planner.is_altname(End(target.netns, name), ""):
            return
    losses.by_moving(planner, source)
    planner.do(MoveLink(source.netns, source.name, target.netns), why)
    planner.kept[target] = Attributes(addresses=link.own_addresses, up=link.up, found=link.lost)


def _configure(planner: Planner, specs: Sequence[LinkSpec]) -> None:
    for spec in _from_below(planner, specs):
        attributes.configure(planner, spec.end, spec.wanted)


def _from_below(planner: Planner, specs: Sequence[LinkSpec]) -> Iterator[LinkSpec]:
    """The links that are to be there: a device cannot grow beyond the one that it stands on."""
    for spec in sorted(specs, key=lambda spec: planner.state.height(spec.end)):
        if not spec.absent:
            planner.path = spec.path
            yield spec


def _enslave(planner: Planner, spec: LinkSpec) -> None:
    if not spec.absent:
        ports.enslave(planner, spec.end, spec.wanted)


def _address(planner: Planner, spec: LinkSpec) -> None:
    if not spec.absent:
        attributes.address(planner, spec.end, spec.wanted)


@dataclass(frozen=True)
class DeleteLink(Action):
    """Deletes a device; a cable's far end dies with its near end."""

    netns: str
    name: str
    peer: Optional[End] = None
    change = DELETE

    def what(self) -> str:
        return f"delete {self.name}" + (f" and its far end {self.peer}" if self.peer else "")

    def command(self) -> str:
        return ip(self.netns, "link", "delete", "dev", self.name)

    def effect(self, state: State) -> None:
        attributes.drop(state, self.netns, {self.name})
        if self.peer and self.peer.netns in state.namespaces:
            attributes.drop(state, self.peer.netns, {self.peer.name})


@dataclass(frozen=True)
class MoveLink(Action):
    """Moves a device to another namespace: it keeps MAC, MTU and peer, and loses the rest."""

    netns: str
    name: str
    target: str
    change = CHANGE

    def what(self) -> str:
        return f"move {self.name} to {place(self.target)}"

    def command(self) -> str:
        # iproute2 has no name for the caller's own namespace; the process number of the shell stands for it.
        return ip(self.netns, "link", "set", "dev", self.name, "netns", self.target or "$$").replace("'$$'", "$$")

    def effect(self, state: State) -> None:
        link = state.namespaces[self.netns].links[self.name]
        for vlan in following.on_top(state, End(self.netns, self.name), ["vlan"]):
            attributes.SetLink(vlan.netns, vlan.name, (("up", False),)).effect(state)
        for upper in following.on_top(state, End(self.netns, self.name), following.LEFT_BEHIND):
            attributes.drop(state, upper.netns, {upper.name})
        attributes.drop(state, self.netns, {self.name})
        target = End(self.target, self.name)
        state.namespaces[self.target].links[self.name] = link.but(
            up=False, master=None, port=(), addresses=(), ipv6=state.namespaces[self.target].starts_with_ipv6
        )
        following.follow_ipv6_mtu(state.namespaces[self.target], self.name)
        attributes.forget_settings(state, target.netns, {target.name})
        state.rename_lower(End(self.netns, self.name), target)
        if link.peer and state.link(link.peer) is not None:
            state.change_link(link.peer, peer=target)


def _put_down(planner: Planner, specs: Sequence[LinkSpec]) -> None:
    """A VLAN that was down comes up with the device below; where that is only put back, nobody asked for it."""
    planner.path = ""
    back = {spec.end for spec in specs if planner.as_found is not None or spec.path.startswith(UNDO)}
    for end, lower in planner.state.lowers.items():
        before, now = planner.before.link(end), planner.state.link(end)
        up = before and now and before.index == now.index and before.up is False and now.up
        if up and lower in back and all(spec.end != end for spec in specs):
            planner.do(attributes.SetLink(end.netns, end.name, (("up", False),)), "it came up with the device below")


PLAN = {
    "rescue links": _rescue,
    "remove links": _remove,
    "place links": _place,
    "bring IPv6 back": Together(_regain_ipv6),
    "configure links": Together(_configure),
    "ports": _enslave,
    "addresses": _address,
    LOST: Together(_put_down),
}
