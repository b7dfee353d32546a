# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The attributes that every link has, and the steps that bring them about.

`link`, `veth` and `bridge` share them; each adds what makes it a kind of its own.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Any, Optional

from . import values
from .planner import Planner
from .problems import Reader
from .state import LO, Address, End, Link, Namespace, Route, State, place
from .step import Action, ip

OPTIONS: dict[str, Any] = {
    "addresses": {"type": "list", "elements": "str"},
    "up": {"type": "bool"},
    "mtu": {"type": "int"},
    "mac": {"type": "str"},
    "txqueuelen": {"type": "int"},
    "master": {"type": "str"},
}
IPV6_MINIMUM_MTU = 1280
ETHERNET_MTU = (68, 65535)


@dataclass(frozen=True)
class Attributes:
    """What is wanted of a link; None is "leave it as it is", master "" is "in no bridge"."""

    addresses: Optional[tuple[str, ...]] = None
    up: Optional[bool] = None
    mtu: Optional[int] = None
    mac: Optional[str] = None
    txqueuelen: Optional[int] = None
    master: Optional[str] = None


def read(reader: Reader, mtu: tuple[int, int] = (68, 2**31 - 1)) -> Attributes:
    """The link attributes of an entry."""
    wanted = Attributes(
        addresses=reader.each("addresses", values.interface_address),
        up=reader.get("up"),
        mtu=reader.get("mtu", values.between(*mtu, unit="bytes")),
        mac=reader.get("mac", values.mac),
        txqueuelen=reader.get("txqueuelen", values.between(0, 2**31 - 1, unit="packets")),
        master=reader.get("master", lambda name: values.interface_name(name) if name else ""),
    )
    if wanted.mtu is not None and wanted.mtu < IPV6_MINIMUM_MTU:
        if any(values.family(text) == 6 for text in wanted.addresses or ()):
            reader.wrong("mtu", f"{wanted.mtu} is too small for the IPv6 addresses declared: IPv6 needs 1280 bytes")
    return wanted


def view(link: Link) -> dict[str, Any]:
    """A link's attributes in the user's vocabulary."""
    return {
        "addresses": list(link.own_addresses),
        "up": link.up,
        "mtu": link.mtu,
        # Loopback and tunnel devices have none.
        "mac": None if link.mac == "00:00:00:00:00:00" else link.mac,
        "txqueuelen": link.txqueuelen,
        "master": link.master or "",
    }


def configure(planner: Planner, end: End, wanted: Attributes, option: str = "") -> None:
    """Plans everything of a link but its addresses and its master."""
    link = planner.state.link(end)
    if link is None:
        return
    _check_mtu(planner, link, wanted, option)
    changes: dict[str, tuple[Any, Any]] = {}
    for name in ("mac", "mtu", "txqueuelen", "up"):
        value, now = getattr(wanted, name), getattr(link, name)
        if value is not None and value != now:
            changes[name] = (now, value)
    if changes:
        planner.do(SetLink(end.netns, end.name, tuple((key, new) for key, (_, new) in changes.items())), _why(changes))


def enslave(planner: Planner, end: End, wanted: Attributes, option: str = "") -> None:
    """Plans a link's bridge, or that it has none."""
    link = planner.state.link(end)
    if wanted.master is None or link is None or wanted.master == (link.master or ""):
        return
    where = f"{option}.master" if option else "master"
    if wanted.master:
        master = planner.link(End(end.netns, wanted.master), where)
        if master is None:
            return
        if master.kind not in ("bridge", "") or (master.kind == "" and not master.assumed):
            planner.refuse(f"{wanted.master} is not a bridge but {kind_name(master)}: it takes no ports", where)
            return
    set_master(planner, end, wanted.master)


def set_master(planner: Planner, end: End, master: str) -> None:
    """Plans one change of a link's bridge."""
    link = planner.state.link(end)
    now = link.master if link else None
    why = f"it is in no bridge, wanted in {master}" if not now else f"it is in {now}, wanted in {master or 'none'}"
    planner.do(SetLink(end.netns, end.name, (("master", master),)), why)


def address(planner: Planner, end: End, wanted: Attributes, option: str = "") -> None:
    """Plans exactly the wanted addresses; what the kernel made itself stays."""
    link = planner.state.link(end)
    if wanted.addresses is None or link is None:
        return
    for stale in [text for text in link.own_addresses if text not in wanted.addresses]:
        if stale in _own_addresses(planner, end):
            planner.do(DeleteAddress(end.netns, end.name, stale), "it is not among the addresses wanted")
    for text in wanted.addresses:
        if any(text == found.text for found in planner.state.namespaces[end.netns].links[end.name].addresses):
            continue
        _warn_of_overlap(planner, end, text)
        planner.do(AddAddress(end.netns, end.name, text), "the address is missing")


def _own_addresses(planner: Planner, end: End) -> tuple[str, ...]:
    link = planner.state.link(end)
    return link.own_addresses if link else ()


def _warn_of_overlap(planner: Planner, end: End, text: str) -> None:
    namespace = planner.state.namespaces[end.netns]
    network = ipaddress.ip_network(ipaddress.ip_interface(text).network)
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


def _check_mtu(planner: Planner, link: Link, wanted: Attributes, option: str) -> None:
    low, high = link.min_mtu, link.max_mtu
    if wanted.mtu is not None and high and not low <= wanted.mtu <= high:
        where = f"{option}.mtu" if option else "mtu"
        planner.refuse(f"{wanted.mtu} is out of range: the device takes {low} to {high} bytes", where)


def _why(changes: dict[str, tuple[Any, Any]]) -> str:
    parts = []
    for name, (now, new) in changes.items():
        if name == "up":
            parts.append("it is down" if new else "it is up, wanted down")
        else:
            parts.append(f"{name} is {'not known' if now is None else now}, wanted {new}")
    return "; ".join(parts)


def kind_name(link: Link) -> str:
    """A link's kind in words."""
    return f"a {link.kind}" if link.kind else "the loopback device" if link.name == LO else "a physical device"


@dataclass(frozen=True)
class SetLink(Action):
    """Changes attributes of one link in one message; `changes` are (option, value) pairs."""

    netns: str
    name: str
    changes: tuple[tuple[str, Any], ...]

    def what(self) -> str:
        return f"set {self.name}: {', '.join(_word(*change) for change in self.changes)}"

    def command(self) -> str:
        words: list[object] = []
        for option, value in self.changes:
            if option == "up":
                words.append("up" if value else "down")
            elif option == "master" and not value:
                words.append("nomaster")
            else:
                words += [{"mac": "address"}.get(option, option), value]
        return ip(self.netns, "link", "set", "dev", self.name, *words)

    def effect(self, state: State) -> None:
        end = End(self.netns, self.name)
        changes = {option: value for option, value in self.changes}
        if "master" in changes:
            changes["master"] = changes["master"] or None
        state.change_link(end, **changes)
        if changes.get("up") is False:
            namespace = state.namespaces[self.netns]
            namespace.forget_device(self.name)
            lost = [found for found in namespace.links[self.name].addresses if values.family(found.text) == 6]
            kept = tuple(found for found in namespace.links[self.name].addresses if found not in lost)
            state.change_link(end, addresses=kept)


def _word(option: str, value: Any) -> str:
    if option == "up":
        return "up" if value else "down"
    return f"{option} {value}" if value != "" else f"no {option}"


@dataclass(frozen=True)
class AddAddress(Action):
    """Gives a device an address."""

    netns: str
    name: str
    address: str

    def what(self) -> str:
        return f"add {self.address} to {self.name}"

    def command(self) -> str:
        return ip(self.netns, "address", "add", self.address, "dev", self.name)

    def effect(self, state: State) -> None:
        link = state.namespaces[self.netns].links[self.name]
        network = _network(self.address)
        secondary = any(_network(found.text) == network for found in link.addresses if not found.secondary)
        new = Address(self.address, secondary=secondary and network.version == 4)
        state.change_link(End(self.netns, self.name), addresses=(*link.addresses, new))


@dataclass(frozen=True)
class DeleteAddress(Action):
    """Takes an address from a device; with an IPv4 primary its secondaries go as well."""

    netns: str
    name: str
    address: str

    def what(self) -> str:
        return f"delete {self.address} from {self.name}"

    def command(self) -> str:
        return ip(self.netns, "address", "delete", self.address, "dev", self.name)

    def effect(self, state: State) -> None:
        namespace = state.namespaces[self.netns]
        link = namespace.links[self.name]
        gone = next(found for found in link.addresses if found.text == self.address)
        network = _network(self.address)
        left = tuple(
            found
            for found in link.addresses
            if found is not gone and (gone.secondary or not found.secondary or _network(found.text) != network)
        )
        namespace.links[self.name] = replace(link, addresses=left)
        _drop_unreachable(namespace, self.name, self.address)


def _drop_unreachable(namespace: Namespace, device: str, address: str) -> None:
    """The kernel drops the routes that preferred a deleted source, and those whose gateway left the link."""
    host = address.split("/")[0]
    namespace.routes = [route for route in namespace.routes if route.source != host]
    if values.family(address) == 4 and not any(values.family(a.text) == 4 for a in namespace.links[device].addresses):
        namespace.routes = [
            route for route in namespace.routes if device not in route.devices or values.family(route.destination) == 6
        ]


def _network(text: str) -> Any:
    return ipaddress.ip_interface(text).network
