# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bridge, its settings and its ports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Optional

from . import attributes, link, values
from .attributes import ETHERNET_MTU, Attributes, kind_name
from .planner import Planner
from .problems import Reader
from .scope import Scope
from .state import End, Link, State
from .step import Action, ip
from .veth import generated_mac

NAME = "bridge"
IDENTITY = ("netns", "name")
TIMES = ("forward_delay", "hello_time", "max_age", "ageing_time")
SETTINGS = ("stp", "priority", *TIMES, "vlan_filtering")
OPTIONS: dict[str, Any] = {
    "netns": {"type": "str"},
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    **attributes.OPTIONS,
    "up": {"type": "bool", "default": True},
    "ports": {"type": "list", "elements": "str"},
    "stp": {"type": "bool"},
    "priority": {"type": "int"},
    "forward_delay": {"type": "int"},
    "hello_time": {"type": "int"},
    "max_age": {"type": "int"},
    "ageing_time": {"type": "int"},
    "vlan_filtering": {"type": "bool"},
}
# IEEE 802.1D's limits in hundredths of a second, which the kernel enforces (the first only under STP).
LIMITS = {"forward_delay": (0, 3000), "hello_time": (100, 1000), "max_age": (600, 4000), "ageing_time": (0, 2**31 - 1)}
SWITCHES = ("stp", "vlan_filtering")


@dataclass(frozen=True)
class Bridge:
    """A bridge as declared; `settings` holds only what was given, as the kernel's integers."""

    path: str
    end: End
    absent: bool
    wanted: Attributes
    ports: Optional[tuple[str, ...]]
    settings: tuple[tuple[str, int], ...]

    @property
    def subject(self) -> End:
        return self.end

    def add_to(self, scope: Scope) -> None:
        scope.end(self.end)
        scope.kinds.add(NAME)
        scope.kinds.update(name for name, value in self.settings if name == "vlan_filtering" and value)


def read(reader: Reader) -> Bridge:
    end = link.read_end(reader)
    ports = reader.each("ports", values.interface_name)
    if end.name in (ports or ()):
        reader.wrong("ports", f"{end.name} cannot be a port of itself")
    wanted = attributes.read(reader, ETHERNET_MTU)
    if wanted.master:
        reader.wrong("master", "the kernel does not put a bridge into another bridge; join them with a veth cable")
    settings = []
    for name in SETTINGS:
        low, high = (0, 65535) if name == "priority" else LIMITS.get(name, (0, 1))
        value = reader.get(name, values.between(low, high, unit="hundredths of a second" if name in TIMES else ""))
        if value is not None:
            settings.append((name, int(value)))
    if dict(settings).get("stp") and not 200 <= dict(settings).get("forward_delay", 200):
        reader.wrong("forward_delay", "with stp the kernel takes 200 to 3000 hundredths of a second")
    absent = reader.get("state") == "absent"
    return Bridge(reader.path, end, absent, wanted, ports, tuple(settings))


def subjects(state: State, netns: str) -> Iterator[End]:
    for found in state.namespaces[netns].links.values():
        if found.kind == NAME:
            yield End(netns, found.name)


def locate(state: State, spec: Bridge) -> End:
    return spec.end


def view(state: State, subject: End) -> Optional[dict[str, Any]]:
    found = state.link(subject)
    if found is None or found.kind != NAME:
        return None
    settings: dict[str, Any] = dict(found.bridge)
    for name in SWITCHES:
        if name in settings:
            settings[name] = bool(settings[name])
    return {
        "netns": subject.netns or None,
        "name": subject.name,
        **attributes.view(found),
        "ports": ports_of(state, subject),
        **settings,
    }


def ports_of(state: State, end: End) -> list[str]:
    """The names of a bridge's ports, sorted."""
    return sorted(port.name for port in state.namespaces[end.netns].links.values() if port.master == end.name)


def _create(planner: Planner, spec: Bridge) -> None:
    if spec.absent or planner.namespace(spec.end.netns) is None:
        return
    found = planner.state.link(spec.end)
    if found is not None and found.kind != NAME and not found.assumed:
        planner.refuse(f"{spec.end} exists and is {kind_name(found)}, not a bridge", "name")
    if dict(spec.settings).get("vlan_filtering") and not planner.has_feature("vlan_filtering"):
        planner.refuse("this kernel's bridges cannot filter VLANs (CONFIG_BRIDGE_VLAN_FILTERING)", "vlan_filtering")
        return
    if found is not None:
        return
    if not planner.has_feature(NAME):
        planner.refuse("this kernel has no bridges (module bridge, CONFIG_BRIDGE)")
        return
    mac = spec.wanted.mac or generated_mac(planner.state.salt, spec.end)
    planner.do(CreateBridge(spec.end.netns, spec.end.name, mac, spec.wanted.mtu), "the bridge does not exist")


def _configure(planner: Planner, spec: Bridge) -> None:
    found = planner.state.link(spec.end)
    if spec.absent or found is None or (found.kind != NAME and not found.assumed):
        return
    now = dict(found.bridge)
    changes = tuple((name, value) for name, value in spec.settings if now.get(name) != value)
    if changes:
        why = "; ".join(f"{name} is {now.get(name, 'not known')}, wanted {value}" for name, value in changes)
        planner.do(SetBridge(spec.end.netns, spec.end.name, changes), why)
    attributes.configure(planner, spec.end, spec.wanted)


def _ports(planner: Planner, spec: Bridge) -> None:
    found = planner.state.link(spec.end)
    if spec.absent or spec.ports is None or found is None:
        return
    for name in ports_of(planner.state, spec.end):
        if name not in spec.ports and not _claimed(planner, End(spec.end.netns, name), spec.end.name):
            attributes.set_master(planner, End(spec.end.netns, name), "")
    for number, name in enumerate(spec.ports):
        port = planner.link(End(spec.end.netns, name), f"ports[{number}]")
        if port is not None and port.master != spec.end.name:
            attributes.set_master(planner, End(spec.end.netns, name), spec.end.name)


def _claimed(planner: Planner, end: End, bridge: str) -> bool:
    """Whether another entry of the document puts a device into this bridge."""
    for other in planner.specs.get("veth", ()):
        if not other.absent and any(place == end and wanted.master == bridge for place, wanted, _ in other.ends):
            return True
    return any(
        other.end == end and other.wanted.master == bridge and not other.absent
        for other in planner.specs.get("link", ())
    )


def _address(planner: Planner, spec: Bridge) -> None:
    if not spec.absent:
        attributes.address(planner, spec.end, spec.wanted)


def _remove(planner: Planner, spec: Bridge) -> None:
    found = planner.state.link(spec.end)
    if not spec.absent or found is None:
        return
    if found.kind != NAME:
        planner.refuse(f"{spec.end} is {kind_name(found)}, not a bridge; it is left alone", "name")
        return
    planner.do(link.DeleteLink(spec.end.netns, spec.end.name), "the bridge is not wanted")


# What the kernel gives a new bridge (br_dev_setup).
NEW = (
    ("stp", 0),
    ("priority", 32768),
    ("forward_delay", 1500),
    ("hello_time", 200),
    ("max_age", 2000),
    ("ageing_time", 30000),
    ("vlan_filtering", 0),
)


@dataclass(frozen=True)
class CreateBridge(Action):
    """Makes a bridge; its MAC in the create message, so that ports that come and go do not change it."""

    netns: str
    name: str
    mac: str
    mtu: Optional[int]

    def what(self) -> str:
        return f"create bridge {self.name}"

    def command(self) -> str:
        mtu = ["mtu", self.mtu] if self.mtu else []
        return ip(self.netns, "link", "add", self.name, "address", self.mac, *mtu, "type", "bridge")

    def effect(self, state: State) -> None:
        end = End(self.netns, self.name)
        state.namespaces[self.netns].links[self.name] = Link(
            self.name,
            kind=NAME,
            mac=self.mac,
            mtu=self.mtu or 1500,
            txqueuelen=1000,
            min_mtu=ETHERNET_MTU[0],
            max_mtu=ETHERNET_MTU[1],
            up=False,
            bridge=NEW,
        )
        link.forget_settings(state, end)


@dataclass(frozen=True)
class SetBridge(Action):
    """Changes a bridge's own settings."""

    netns: str
    name: str
    changes: tuple[tuple[str, int], ...]

    def what(self) -> str:
        return f"set bridge {self.name}: {', '.join(f'{name} {value}' for name, value in self.changes)}"

    def command(self) -> str:
        words = [word for name, value in self.changes for word in ({"stp": "stp_state"}.get(name, name), value)]
        return ip(self.netns, "link", "set", "dev", self.name, "type", "bridge", *words)

    def effect(self, state: State) -> None:
        end = End(self.netns, self.name)
        found = state.link(end)
        assert found is not None
        merged = {**dict(found.bridge), **dict(self.changes)}
        state.namespaces[self.netns].links[self.name] = replace(found, bridge=tuple(merged.items()))


PLAN = {
    "remove links": _remove,
    "create links": _create,
    "configure links": _configure,
    "ports": _ports,
    "addresses": _address,
}
