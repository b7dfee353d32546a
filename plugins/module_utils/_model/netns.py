# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network namespace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from . import attributes, values
from .addresses import DeleteAddress
from .planner import Planner, Together, stale_file
from .problems import Reader
from .scope import Scope
from .state import HOST, LO, End, Link, State
from .step import CREATE, DELETE, Action, ip

NAME = "netns"
IDENTITY = ("name",)
LOOPBACK = "127.0.0.1/8"
OPTIONS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "lo_up": {"type": "bool", "default": True},
}


@dataclass(frozen=True)
class Netns:
    """A namespace by its name below /run/netns, as declared; `untouched` is one whose `lo` was never up."""

    path: str
    name: str
    absent: bool
    lo_up: Optional[bool]
    untouched: bool = False

    @property
    def subject(self) -> str:
        return self.name

    def add_to(self, scope: Scope) -> None:
        scope.namespace(self.name)
        if self.absent:
            scope.every_end(self.name)


def read(reader: Reader) -> Netns:
    absent = reader.get("state") == "absent"
    name, untouched = reader.get("name", values.netns_name) or "", bool(reader.get("untouched"))
    return Netns(reader.path, name, absent, reader.get("lo_up"), untouched)


def subjects(state: State, netns: str) -> Iterator[str]:
    if netns != HOST:
        yield netns


def locate(state: State, spec: Netns) -> str:
    return spec.name


def view(state: State, subject: str) -> Optional[dict[str, Any]]:
    namespace = state.namespaces.get(subject)
    if namespace is None:
        return None
    if namespace.sealed:
        return {"name": subject}
    lo = namespace.links.get(LO)
    return {"name": subject, "lo_up": bool(lo and lo.up)}


def record(state: State, subject: str) -> dict[str, Any]:
    """With its first "up" `lo` gets an address, which stays when it goes down again."""
    lo = state.link(End(subject, LO))
    return {"untouched": True} if lo and lo.up is False and not _has_loopback(lo) else {}


def _has_loopback(lo: Link) -> bool:
    return any(found.text == LOOPBACK for found in lo.addresses)


def _create(planner: Planner, spec: Netns) -> None:
    if spec.absent:
        return
    if spec.name in planner.state.stale:
        planner.refuse(stale_file(spec.name), "name")
    elif spec.name in planner.state.namespaces:
        planner.namespace(spec.name, "name")
    else:
        planner.do(CreateNetns(spec.name), "the namespace does not exist")


def _configure(planner: Planner, spec: Netns) -> None:
    if not spec.absent and spec.name in planner.state.namespaces:
        attributes.configure(planner, End(spec.name, LO), attributes.Attributes(up=spec.lo_up))


def _address(planner: Planner, spec: Netns) -> None:
    """An address of `lo` that went with its up flag comes back."""
    if not spec.absent and spec.name in planner.state.namespaces:
        lo = planner.state.link(End(spec.name, LO))
        if spec.untouched and lo and lo.up is False and _has_loopback(lo):
            planner.do(DeleteAddress(spec.name, LO, LOOPBACK), "lo was never up")
        attributes.address(planner, End(spec.name, LO), attributes.Attributes())


def _remove(planner: Planner, specs: Sequence[Netns]) -> None:
    going: dict[str, DeleteNetns] = {}
    for spec in specs:
        if not spec.absent or spec.name in going:
            continue
        planner.path = spec.path
        if spec.name in planner.state.stale:
            planner.refuse(stale_file(spec.name), "name")
        elif spec.name in planner.state.namespaces:
            sealed = planner.state.namespaces[spec.name].sealed
            _warn_of_losses(planner, spec.name)
            going[spec.name] = DeleteNetns(spec.name, far_ends(planner.state, spec.name), sealed)
            planner.note(going[spec.name], "the namespace is not wanted")
    _drop(planner.state, going.values())


def _warn_of_losses(planner: Planner, name: str) -> None:
    """What goes with a namespace that an entry deletes, and is not made again when that is taken back."""
    namespace = planner.state.namespaces[name]
    links = [link for link in namespace.links.values() if link.name != LO and link.kind not in ("veth", "bridge")]
    lost = [f"device {link.name} ({attributes.kind_name(link)})" for link in links]
    lost += [f"the queueing discipline ({kind}) of {device}" for device, kind in namespace.queues.items()]
    lost += [f"tc filters of others on {device}" for device, hook in namespace.hooks.items() if hook.others]
    lost += [f"nexthop object {each.number}" for each in namespace.nexthops]
    lost += namespace.unmanaged
    if lost and not planner.puts_back:
        planner.warn(f"namespace {name} is deleted with what does not come back: {', '.join(lost)}")


def far_ends(state: State, name: str) -> tuple[End, ...]:
    """Devices outside a namespace that die with it: the far ends of the cables that end inside."""
    inside = state.namespaces[name].links.values()
    if state.namespaces[name].sealed:
        return state.namespaces[name].far_ends
    return tuple(sorted(link.peer for link in inside if link.peer and link.peer.netns != name))


@dataclass(frozen=True)
class CreateNetns(Action):
    """Makes a namespace, mounted below /run/netns."""

    name: str
    change = CREATE

    @property
    def netns(self) -> str:  # type: ignore[override]
        return self.name

    def what(self) -> str:
        return f"create namespace {self.name}"

    def command(self) -> str:
        return ip(HOST, "netns", "add", self.name)

    def effect(self, state: State) -> None:
        state.namespaces[self.name] = state.fresh.copy()


@dataclass(frozen=True)
class DeleteNetns(Action):
    """Unmounts a namespace and waits until the far ends of its cables are gone.

    What was in one that is `unseen` nobody knows: once it is gone, it cannot be made again as it was.
    """

    name: str
    far_ends: tuple[End, ...] = ()
    unseen: bool = False
    change = DELETE

    @property
    def netns(self) -> str:  # type: ignore[override]
        return self.name

    def what(self) -> str:
        return f"delete namespace {self.name}"

    def command(self) -> str:
        return ip(HOST, "netns", "delete", self.name)

    def effect(self, state: State) -> None:
        _drop(state, [self])


def _drop(state: State, actions: Iterable[DeleteNetns]) -> None:
    """Namespaces go, and with them the far ends of their cables."""
    outside: dict[str, set[str]] = {}
    for action in actions:
        del state.namespaces[action.name]
        for end in action.far_ends:
            outside.setdefault(end.netns, set()).add(end.name)
    for name in outside.keys() & state.namespaces.keys():
        attributes.drop(state, name, outside[name])


PLAN = {
    "remove namespaces": Together(_remove),
    "namespaces": _create,
    "configure links": _configure,
    "addresses": _address,
}
