# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A permanent ARP or NDP entry, or a proxy entry."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional

from . import link, regain, values
from .netns_neighbor_actions import FIXED, DeleteNeighbor, SetNeighbor, is_given, settable
from .planner import Planner, Together
from .problems import Reader
from .scope import Scope
from .state import HOST, End, Link, Neighbor, NeighborKey, State
from .step import CHANGE, LOST

NAME = "netns_neighbor"
IDENTITY = ("netns", "device", "address", "proxy")
OPTIONS: dict[str, Any] = {
    "netns": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "device": {"type": "str", "required": True, "aliases": ["dev"]},
    "address": {"type": "str", "required": True},
    "mac": {"type": "str"},
    "mac_of": {
        "type": "dict",
        "options": {"netns": {"type": "str"}, "name": {"type": "str", "required": True}},
    },
    "proxy": {"type": "bool", "default": False},
}
MUTUALLY_EXCLUSIVE = [("mac", "mac_of")]


@dataclass(frozen=True)
class NeighborSpec:
    """An entry as declared; its MAC given, or to be looked up at another device.

    `found` is one that is to be put back, with its state and its flags.
    """

    path: str
    netns: str
    absent: bool
    key: NeighborKey
    mac: Optional[str]
    mac_of: Optional[End]
    found: Optional[Neighbor] = None

    @property
    def subject(self) -> tuple[str, NeighborKey]:
        return self.netns, self.key

    def add_to(self, scope: Scope) -> None:
        scope.namespace(self.netns).neighbors = True
        if self.mac_of is not None:
            scope.namespace(self.mac_of.netns)


def read(reader: Reader) -> NeighborSpec:
    inner = reader.inner("mac_of")
    absent = reader.get("state") == "absent"
    proxy = bool(reader.get("proxy"))
    if proxy and (inner or reader.get("mac")):
        reader.wrong("proxy", "a proxy entry has no MAC: the host answers with its own")
    details = reader.get("details")
    if not (proxy or absent or inner or details) and reader.get("mac") is None:
        reader.wrong("mac", "an entry needs a mac, or mac_of with the device whose MAC it is")
    key = NeighborKey(reader.get("device", values.interface_name) or "", reader.get("address", _address) or "", proxy)
    # A group address serves load balancers, whose one address many machines have to see.
    mac = reader.get("mac", values.ethernet)
    return NeighborSpec(
        reader.path,
        reader.get("netns", values.netns_name) or HOST,
        absent,
        key,
        mac,
        link.read_end(inner) if inner else None,
        Neighbor(key, mac, details["state"], tuple(details["flags"]), details["protocol"]) if details else None,
    )


def _address(value: str) -> str:
    text = values.address(value)
    if ipaddress.ip_address(text).is_unspecified:
        raise ValueError(f"{value!r} is nobody's address")
    return text


def subjects(state: State, netns: str) -> Iterator[tuple[str, NeighborKey]]:
    for found in state.namespaces[netns].neighbors.values():
        if found.permanent:
            yield netns, found.key


def everything(before: State, after: State, netns: str) -> Iterator[tuple[str, NeighborKey]]:
    """The entries that somebody has made, those too that are not permanent."""
    for namespace in (state.namespaces.get(netns) for state in (before, after)):
        if namespace:
            yield from ((netns, found.key) for found in namespace.neighbors.values() if is_given(found, namespace))


def _given(state: State, subject: tuple[str, NeighborKey]) -> Optional[Neighbor]:
    netns, key = subject
    namespace = state.namespaces.get(netns)
    found = namespace.neighbors.get(key) if namespace else None
    return settable(found) if namespace and found and is_given(found, namespace) else None


def record(state: State, subject: tuple[str, NeighborKey]) -> dict[str, Any]:
    """The state and the flags of an entry that is not a plain permanent one."""
    found = _given(state, subject)
    if found is None or found == Neighbor(found.key, found.mac):
        return {}
    return {"details": {"state": found.state, "flags": list(found.flags), "protocol": found.protocol}}


def compared(state: State, subject: tuple[str, NeighborKey]) -> Optional[dict[str, Any]]:
    """An entry for a person to compare: with its state and its flags."""
    shown = view(state, subject)
    return {**shown, **record(state, subject)} if shown else None


def locate(state: State, spec: NeighborSpec) -> tuple[str, NeighborKey]:
    return spec.subject


def view(state: State, subject: tuple[str, NeighborKey]) -> Optional[dict[str, Any]]:
    netns, key = subject
    found = _given(state, subject)
    if found is None:
        return None
    shown: dict[str, Any] = {"netns": netns or None, "device": key.device, "address": key.address, "proxy": key.proxy}
    if not key.proxy:
        shown["mac"] = found.mac
    return shown


def _plan(planner: Planner, spec: NeighborSpec) -> None:
    namespace = None if spec.absent else planner.namespace(spec.netns)
    device = planner.link(End(spec.netns, spec.key.device), "device") if namespace else None
    if namespace is None or device is None:
        return
    # A bridge without ports has none for the time being, and takes neighbours.
    if not spec.key.proxy and device.kind != "bridge" and _has_no_mac(device):
        planner.refuse(f"{End(spec.netns, device.name)} has no Ethernet address, and so no neighbours", "device")
        return
    if not (spec.key.proxy or device.ipv6 or values.family(spec.key.address) == 4):
        planner.refuse(f"IPv6 is switched off on {End(spec.netns, device.name)}", "device")
        return
    mac = spec.mac
    if spec.mac_of is not None:
        other = planner.link(spec.mac_of, "mac_of")
        if other is None:
            return
        if _has_no_mac(other):
            planner.refuse(f"{spec.mac_of} has no Ethernet address", "mac_of")
            return
        mac = other.mac
    found = namespace.neighbors.get(spec.key)
    wanted = spec.found or Neighbor(spec.key, mac)
    if found is None:
        planner.do(SetNeighbor(spec.netns, wanted), "the entry is missing")
    elif spec.found is not None:
        if not _is_back(found, wanted):
            planner.do(SetNeighbor(spec.netns, wanted, CHANGE), "this state of the entry, and its flags, were found")
    elif not found.permanent:
        now = found.state if is_given(found, namespace) else "a learned one"
        planner.do(SetNeighbor(spec.netns, wanted, CHANGE), f"the entry is {now}, wanted permanent")
    elif found.mac != mac and not spec.key.proxy:
        planner.do(SetNeighbor(spec.netns, wanted, CHANGE), f"mac is {found.mac}, wanted {mac or 'another'}")


def _is_back(found: Neighbor, wanted: Neighbor) -> bool:
    """Whether an entry is what it was; one that the kernel resolves changes its state and its MAC address by itself."""
    # A protocol stays with an entry that is replaced by one without.
    if found.flags != wanted.flags or wanted.protocol not in (0, found.protocol):
        return False
    resolved = wanted.state not in FIXED
    return found.state not in FIXED if resolved else (found.state, found.mac) == (wanted.state, wanted.mac)


def _has_no_mac(link: Link) -> bool:
    """Loopback and tunnel devices; of a device that only check mode knows nothing is known."""
    return not link.assumed and link.mac in (None, "00:00:00:00:00:00")


def _remove(planner: Planner, spec: NeighborSpec) -> None:
    namespace = planner.state.namespaces.get(spec.netns)
    found = namespace.neighbors.get(spec.key) if namespace else None
    if not (spec.absent and namespace and found):
        return
    # One that is not permanent is not what a topology has made.
    if found.permanent if planner.puts_back else is_given(found, namespace):
        planner.do(DeleteNeighbor(spec.netns, spec.key), "the entry is not wanted")


PLAN = {"remove neighbours": _remove, "neighbours": _plan, LOST: Together(regain.neighbors)}
