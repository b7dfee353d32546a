# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bridge, its settings and its ports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Optional

from . import attributes, following, link, losses, netns_route_direct, ports, values
from .addresses import IPV6_MINIMUM_MTU
from .attributes import ETHERNET_MTU, Attributes, kind_name
from .following import NEW_MTU
from .planner import Planner
from .problems import Reader
from .scope import Scope
from .state import End, Link, State
from .step import CHANGE, CREATE, Action, ip
from .veth_actions import generated_mac

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
STP_DELAYS = (200, 3000)
STP_DELAY = "with the spanning tree the kernel takes 200 to 3000 hundredths of a second"
LIMITS = {"forward_delay": (0, 3000), "hello_time": (100, 1000), "max_age": (600, 4000), "ageing_time": (0, 2**31 - 1)}
SWITCHES = ("stp", "vlan_filtering")
NANOSECONDS = 10**9
HUNDREDTH = NANOSECONDS // 100


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

    @property
    def ends(self) -> Iterator[tuple[End, Attributes, str]]:
        """Itself, with what is wanted of it and the option that stands under, as of a cable's ends."""
        yield self.end, self.wanted, ""

    def add_to(self, scope: Scope) -> None:
        scope.end(self.end)
        scope.kinds.add(NAME)
        scope.kinds.update(name for name, value in self.settings if name == "vlan_filtering" and value)
        attributes.add_to(scope, self.end, self.wanted)
        netns_route_direct.add_networks(scope, self.end, self.wanted.addresses)


def read(reader: Reader) -> Bridge:
    end = link.read_end(reader)
    members = reader.each("ports", values.interface_name)
    if end.name in (members or ()):
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
    if not _delay_is_possible(dict(settings), {}):
        reader.wrong("forward_delay", STP_DELAY)
    absent = reader.get("state") == "absent"
    return Bridge(reader.path, end, absent, wanted, members, tuple(settings))


def subjects(state: State, netns: str) -> Iterator[End]:
    for found in state.namespaces[netns].links.values():
        if found.kind == NAME:
            yield End(netns, found.name)


def record(state: State, subject: End) -> dict[str, Any]:
    """As of any link, and whether its MAC address came from its ports."""
    found = state.link(subject)
    follows = found is not None and following.has_ports_mac(state.namespaces[subject.netns], found)
    return {**link.record(state, subject), **({"ports_mac": True} if follows else {})}


def locate(state: State, spec: Bridge) -> End:
    return spec.end


def view(state: State, subject: End) -> Optional[dict[str, Any]]:
    found = state.link(subject)
    if found is None or found.kind != NAME:
        return None
    settings: dict[str, Any] = {name: value for name, value in found.bridge if name in SETTINGS}
    for name in SWITCHES:
        if name in settings:
            settings[name] = bool(settings[name])
    return {
        "netns": subject.netns or None,
        "name": subject.name,
        **attributes.view(found),
        "ports": ports.ports_of(state, subject),
        **settings,
    }


def _create(planner: Planner, spec: Bridge) -> None:
    if spec.absent or planner.namespace(spec.end.netns) is None:
        return
    found = planner.state.link(spec.end)
    if found is not None and found.kind != NAME and not found.assumed:
        planner.refuse(f"{spec.end} exists and is {kind_name(found)}, not a bridge", "name")
    if dict(spec.settings).get("vlan_filtering") and not planner.has_feature("vlan_filtering"):
        planner.refuse("this kernel's bridges cannot filter VLANs (CONFIG_BRIDGE_VLAN_FILTERING)", "vlan_filtering")
        return
    if found is not None or planner.is_altname(spec.end):
        return
    if not planner.has_feature(NAME):
        planner.refuse("this kernel has no bridges (module bridge, CONFIG_BRIDGE)")
        return
    mac = spec.wanted.mac or generated_mac(planner.state.salt, spec.end)
    # A change of its MTU makes a bridge keep it whatever its ports have; the one it is made with does not count.
    mtu = IPV6_MINIMUM_MTU if spec.wanted.mtu == NEW_MTU else None
    planner.do(CreateBridge(spec.end.netns, spec.end.name, mac, mtu), "the bridge does not exist")


def _configure(planner: Planner, spec: Bridge) -> None:
    found = planner.state.link(spec.end)
    if spec.absent or found is None or (found.kind != NAME and not found.assumed):
        return
    now, wanted = dict(found.bridge), dict(spec.settings)
    if not _delay_is_possible(wanted, now):
        planner.refuse(f"{STP_DELAY}; {spec.end} runs it", "forward_delay")
        return
    # A bridge that is only planned has none yet.
    is_there = found.index and not found.assumed
    hidden = [name for name in wanted if name in TIMES and name not in now] if is_there else []
    if hidden:
        planner.warn(
            f"{spec.end} has the times of its spanning tree's root, or tells a topology change: its own "
            f"{', '.join(hidden)} cannot be read, and stay as they are"
        )
    changes = [(name, value) for name, value in spec.settings if now.get(name) != value and name not in hidden]
    tick = planner.state.tick
    inexact = [(name, value) for name, value in changes if name in TIMES and kept(value, tick) != value]
    for name, value in inexact:
        planner.refuse(
            f"this kernel counts time in steps of {tick / 10**6:g} ms: it would keep {kept(value, tick)} in place of "
            f"{value} hundredths of a second",
            name,
        )
    if inexact:
        return
    # While the spanning tree runs, the kernel refuses a short forward_delay: first it is switched off.
    first = [change for change in changes if change == ("stp", 0)]
    for some in (first, [change for change in changes if change not in first]):
        if some:
            why = "; ".join(f"{name} is {now.get(name, 'not known')}, wanted {value}" for name, value in some)
            planner.do(SetBridge(spec.end.netns, spec.end.name, tuple(some)), why)
    # While a bridge is down, the packets with which its ports come up are not flooded to all the others.
    attributes.configure(planner, spec.end, replace(spec.wanted, up=spec.wanted.up and found.up))


def kept(value: int, tick: int) -> int:
    """What becomes of hundredths of a second in a kernel with this tick (clock_t_to_jiffies and back)."""
    # Where a second is no whole number of ticks, even the kernel's own values do not survive; they are left to it.
    if not tick or NANOSECONDS % tick:
        return value
    return value * HUNDREDTH // tick * tick // HUNDREDTH


def _delay_is_possible(wanted: dict[str, int], now: dict[str, int]) -> bool:
    return not wanted.get("stp", now.get("stp")) or wanted.get("forward_delay", STP_DELAYS[0]) >= STP_DELAYS[0]


def _ports(planner: Planner, spec: Bridge) -> None:
    found = planner.state.link(spec.end)
    if spec.absent or spec.ports is None or found is None:
        return
    masters = _declared_masters(planner, spec)
    for name in ports.ports_of(planner.state, spec.end):
        if name not in spec.ports and masters.get(name) != spec.end.name:
            ports.set_master(planner, End(spec.end.netns, name), "")
    for number, name in enumerate(spec.ports):
        option, end = f"ports[{number}]", End(spec.end.netns, name)
        if masters.get(name, spec.end.name) != spec.end.name:
            planner.refuse(f"{end} is declared as a port of {masters[name] or 'no bridge'} elsewhere", option)
            continue
        port = planner.link(end, option)
        if port is not None and port.master != spec.end.name and ports.can_be_port(planner, end, option):
            ports.set_master(planner, end, spec.end.name)


def _declared_masters(planner: Planner, spec: Bridge) -> dict[str, str]:
    """What the other entries of the document say of the devices in the bridge's namespace."""
    declared: dict[str, str] = {}
    for other in planner.specs.get("bridge", ()):
        if other.end.netns == spec.end.netns and other is not spec and not other.absent and other.end != spec.end:
            declared.update(dict.fromkeys(other.ports or (), other.end.name))
    ends = [(other.end, other.wanted) for other in planner.specs.get("link", ()) if not other.absent]
    for other in planner.specs.get("veth", ()):
        ends += [(end, wanted) for end, wanted, _option in other.ends if not other.absent]
    declared.update(
        (end.name, wanted.master) for end, wanted in ends if end.netns == spec.end.netns and wanted.master is not None
    )
    return declared


def _address(planner: Planner, spec: Bridge) -> None:
    if spec.absent:
        return
    # Its ports may have changed an MTU that was never set.
    attributes.configure(planner, spec.end, Attributes(mtu=spec.wanted.mtu, up=spec.wanted.up))
    attributes.address(planner, spec.end, spec.wanted)
    if spec.wanted.addresses is not None:
        netns_route_direct.reconnect_networks(planner, spec.end)


def _remove(planner: Planner, spec: Bridge) -> None:
    found = planner.state.link(spec.end)
    if not spec.absent or found is None:
        return
    if found.kind != NAME:
        # Where the document declares what stands there, the bridge has given way to it.
        if not planner.claims_place(spec.end):
            planner.refuse(f"{spec.end} is {kind_name(found)}, not a bridge; it is left alone", "name")
        return
    losses.by_deleting(planner, spec.end)
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
    mtu: Optional[int] = None
    change = CREATE

    def what(self) -> str:
        return f"create bridge {self.name}"

    def command(self) -> str:
        mtu = ["mtu", self.mtu] if self.mtu else []
        return ip(self.netns, "link", "add", "name", self.name, "address", self.mac, *mtu, "type", "bridge")

    def effect(self, state: State) -> None:
        end = End(self.netns, self.name)
        state.namespaces[self.netns].links[self.name] = Link(
            self.name,
            kind=NAME,
            mac=self.mac,
            mtu=self.mtu or NEW_MTU,
            txqueuelen=1000,
            min_mtu=ETHERNET_MTU[0],
            max_mtu=ETHERNET_MTU[1],
            up=False,
            ipv6=state.namespaces[self.netns].starts_with_ipv6,
            bridge=(*NEW, following.OWN["mac"]),
        )
        attributes.forget_settings(state, end.netns, {end.name})


@dataclass(frozen=True)
class SetBridge(Action):
    """Changes a bridge's own settings."""

    netns: str
    name: str
    changes: tuple[tuple[str, int], ...]
    change = CHANGE

    def what(self) -> str:
        return f"set bridge {self.name}: {', '.join(f'{name} {value}' for name, value in self.changes)}"

    def command(self) -> str:
        words = [word for name, value in self.changes for word in ({"stp": "stp_state"}.get(name, name), value)]
        return ip(self.netns, "link", "set", "dev", self.name, "type", "bridge", *words)

    def effect(self, state: State) -> None:
        now = dict(state.namespaces[self.netns].links[self.name].bridge)
        merged = {**now, **dict(self.changes)}
        if merged.get("stp") and not now.get("stp"):
            low, high = STP_DELAYS
            merged["forward_delay"] = min(max(merged.get("forward_delay", low), low), high)
        state.change_link(End(self.netns, self.name), bridge=tuple(merged.items()))


PLAN = {
    "remove bridges": _remove,
    "create links": _create,
    "configure links": _configure,
    "ports": _ports,
    "addresses": _address,
}
