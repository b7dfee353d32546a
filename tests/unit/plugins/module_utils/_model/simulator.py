# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small kernel: carries out actions as Linux 6.18 was seen to, and refuses what it was seen to refuse.

It shares no code with the actions' own `effect()`, so that the two can be held against each other.
A device's far end, its bridge and the devices of routes and neighbours are references, not names.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from ansible_collections.nsfabric.linux.plugins.module_utils._model.fastpath_actions import mark
from ansible_collections.nsfabric.linux.plugins.module_utils._model.firewall import Firewall
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import State

KERNEL_MADE = (1, 2, 9)
REJECTING = ("blackhole", "unreachable", "prohibit", "throw")
MAIN = 254
IPV6_MINIMUM = 1280
NEW_BRIDGE = {
    "stp": 0,
    "priority": 32768,
    "forward_delay": 1500,
    "hello_time": 200,
    "max_age": 2000,
    "ageing_time": 30000,
    "vlan_filtering": 0,
}


class Refused(Exception):
    """What the kernel would answer."""


@dataclass(eq=False)
class Device:
    """A network device; `v4` and `v6` in the kernel's order, without what the kernel made itself."""

    name: str
    kind: str = ""
    mac: Any = None
    mtu: int = 1500
    limits: tuple[int, int] = (0, 0)
    txqueuelen: int = 1000
    up: bool = False
    master: Optional[Device] = None
    peer: Optional[Device] = None
    v4: list[str] = field(default_factory=list)
    v6: list[str] = field(default_factory=list)
    settings: dict[str, int] = field(default_factory=dict)
    own_mtu: bool = False
    sysctls: dict[tuple[str, ...], str] = field(default_factory=dict)
    clsact: bool = False
    filter: Any = None
    mark: int = 0


@dataclass(eq=False)
class Way:
    """A next hop."""

    gateway: Optional[str]
    device: Optional[Device]
    onlink: bool
    weight: int


@dataclass(eq=False)
class Entry:
    """A route; `fixed` is everything but its source and next hops."""

    fixed: Any
    source: Optional[str]
    ways: list[Way]

    @property
    def version(self) -> int:
        return version(self.fixed.destination)

    @property
    def key(self) -> Any:
        return self.fixed.table, self.fixed.destination, self.fixed.metric


@dataclass(eq=False)
class Net:
    """A network namespace."""

    devices: dict[str, Device] = field(default_factory=dict)
    routes: list[Entry] = field(default_factory=list)
    neighbors: dict[tuple[Device, str, bool], Any] = field(default_factory=dict)
    sysctls: dict[tuple[str, ...], str] = field(default_factory=dict)
    rules: list[Any] = field(default_factory=list)
    chains: set[tuple[str, str, str, str]] = field(default_factory=set)


def version(text: str) -> int:
    return 6 if ":" in text else 4


def host_of(text: str) -> str:
    return text.split("/")[0]


def subnet(text: str) -> Any:
    return ipaddress.ip_interface(text).network


def inherited(sysctls: dict[tuple[str, ...], str], name: str) -> dict[tuple[str, ...], str]:
    """What a new device has: the values of conf/default."""
    return {(*key[:3], name, key[4]): value for key, value in sysctls.items() if key[2:4] == ("conf", "default")}


def of_device(key: tuple[str, ...]) -> Optional[str]:
    return key[3] if len(key) == 5 and key[2] in ("conf", "neigh") and key[3] not in ("all", "default") else None


class Kernel:
    """A host. `carry_out` takes one action; `picture` is what `picture(state)` is of a planned state."""

    def __init__(self, state: State) -> None:
        self.fresh = state.fresh
        self.nets: dict[str, Net] = {}
        for name, namespace in state.namespaces.items():
            self.nets[name] = self._boot(namespace)
        for name, namespace in state.namespaces.items():
            for link in namespace.links.values():
                device = self.nets[name].devices[link.name]
                device.master = self.nets[name].devices[link.master] if link.master else None
                if link.peer and link.peer.netns in self.nets:
                    device.peer = self.nets[link.peer.netns].devices[link.peer.name]

    @staticmethod
    def _boot(namespace: Any) -> Net:
        net = Net()
        for link in namespace.links.values():
            device = Device(link.name, link.kind, link.mac, link.mtu, (link.min_mtu, link.max_mtu), link.txqueuelen)
            device.up = bool(link.up)
            device.settings = dict(link.bridge)
            for address in link.addresses:
                if not address.kernel_made:
                    (device.v6 if ":" in address.text else device.v4).append(address.text)
            net.devices[link.name] = device
        for route in namespace.routes:
            if route.protocol not in KERNEL_MADE:
                net.routes.append(Entry(replace(route, hops=(), source=None), route.source, _ways(net, route)))
        for entry in namespace.neighbors.values():
            if entry.permanent:
                net.neighbors[net.devices[entry.key.device], entry.key.address, entry.key.proxy] = entry.mac
        for key, found in namespace.sysctls.items():
            if found.exists and found.value is not None:
                owner = of_device(key)
                (net.devices[owner].sysctls if owner else net.sysctls)[key] = found.value
        for device in net.devices.values():
            device.sysctls = {**inherited(net.sysctls, device.name), **device.sysctls}
        for name, hook in namespace.hooks.items():
            net.devices[name].clsact, net.devices[name].mark = True, hook.mark
            net.devices[name].filter = _filter(net, hook.shortcut) if hook.shortcut else None
        firewall = namespace.firewall or Firewall()
        net.rules = [(tuple(found.place), found.comment, found.body) for found in firewall.rules]
        net.chains = {(*table_key(table), chain) for table in firewall.tables for chain in table.chains}
        return net

    def carry_out(self, action: Any) -> None:
        getattr(self, "_" + type(action).__name__)(action)

    # Namespaces

    def _CreateNetns(self, action: Any) -> None:
        if action.name in self.nets:
            raise Refused("File exists")
        self.nets[action.name] = self._boot(self.fresh)

    def _DeleteNetns(self, action: Any) -> None:
        net = self.nets.get(action.name)
        if net is None:
            raise Refused("No such file or directory")
        dying = {id(device.peer) for device in net.devices.values() if device.peer} - set(map(id, net.devices.values()))
        named = {id(self.nets[end.netns].devices.get(end.name)) for end in action.far_ends if end.netns in self.nets}
        if named != dying:
            raise Refused("not the far ends that die with the namespace")
        for device in list(net.devices.values()):
            if device.name != "lo" and not device.kind:
                raise Refused(f"{device.name} would fall to the machine's initial namespace")
            if device.peer:
                self._unregister(device.peer)
        del self.nets[action.name]

    # Links

    def _device(self, netns: str, name: str) -> Device:
        net = self.nets.get(netns)
        if net is None or name not in net.devices:
            raise Refused("No such device")
        return net.devices[name]

    def _net_of(self, device: Device) -> Optional[Net]:
        return next((net for net in self.nets.values() if device in net.devices.values()), None)

    def _free(self, netns: str, name: str) -> Net:
        if netns not in self.nets:
            raise Refused("no such namespace")
        if name in self.nets[netns].devices:
            raise Refused("File exists")
        return self.nets[netns]

    def _CreateVeth(self, action: Any) -> None:
        ends = []
        for end, wanted in ((action.near, action.near_wanted), (action.far, action.far_wanted)):
            net = self._free(end.netns, end.name)
            device = Device(end.name, "veth", wanted.mac, wanted.mtu or 1500, (68, 65535))
            device.txqueuelen = 1000 if wanted.txqueuelen is None else wanted.txqueuelen
            self._check_mtu(device, device.mtu)
            net.devices[end.name] = device
            device.sysctls = inherited(net.sysctls, end.name)
            ends.append(device)
        ends[0].peer, ends[1].peer = ends[1], ends[0]

    def _CreateBridge(self, action: Any) -> None:
        net = self._free(action.netns, action.name)
        device = Device(action.name, "bridge", action.mac, settings=dict(NEW_BRIDGE), limits=(68, 65535))
        # An MTU in this message does not count as set: it goes with the first port.
        device.mtu = getattr(action, "mtu", None) or 1500
        device.sysctls = inherited(net.sysctls, action.name)
        net.devices[action.name] = device

    def _SetBridge(self, action: Any) -> None:
        device = self._device(action.netns, action.name)
        if device.kind != "bridge":
            raise Refused("Operation not supported")
        device.settings.update(action.changes)

    def _DeleteLink(self, action: Any) -> None:
        device = self._device(action.netns, action.name)
        if not device.kind:
            raise Refused("Operation not supported")
        if device.peer:
            self._unregister(device.peer)
        self._unregister(device)

    def _MoveLink(self, action: Any) -> None:
        device = self._device(action.netns, action.name)
        if device.kind == "bridge" or device.name == "lo":
            raise Refused("The interface netns is immutable")
        target = self._free(action.target, action.name)
        self._unregister(device)
        device.up, device.master, device.v4, device.v6 = False, None, [], []
        device.sysctls = inherited(target.sysctls, device.name)
        target.devices[device.name] = device

    def _unregister(self, device: Device) -> None:
        net = self._net_of(device)
        if net is None:
            return
        self._forget(net, device, gone=True)
        device.clsact, device.filter, device.mark = False, None, 0
        for port in net.devices.values():
            if port.master is device:
                port.master = None
            if port.filter:
                port.filter = (*port.filter[:2], [(a, None if d is device else d, m) for a, d, m in port.filter[2]])
        del net.devices[device.name]
        for text in device.v4:
            self._forget_source(net, text)
        self._follow(net, device.master)

    @staticmethod
    def _follow(net: Net, bridge: Optional[Device]) -> None:
        """A bridge whose MTU was never set has the smallest one of its ports."""
        if bridge is not None and not bridge.own_mtu:
            bridge.mtu = min((port.mtu for port in net.devices.values() if port.master is bridge), default=1500)

    def _SetLink(self, action: Any) -> None:
        device = self._device(action.netns, action.name)
        net = self.nets[action.netns]
        changes = dict(action.changes)
        if len(changes) != len(action.changes) or not changes:
            raise Refused("an option twice, or none")
        for option, value in action.changes:
            getattr(self, f"_set_{option}")(net, device, value)

    def _set_mac(self, net: Net, device: Device, value: str) -> None:
        device.mac = value
        net.neighbors = {key: mac for key, mac in net.neighbors.items() if key[0] is not device or key[2]}

    def _set_mtu(self, net: Net, device: Device, value: int) -> None:
        self._check_mtu(device, value)
        device.mtu, device.own_mtu = value, True
        self._follow(net, device.master)
        if value < IPV6_MINIMUM:
            self._forget(net, device, versions=(6,))
            device.v6 = []

    @staticmethod
    def _check_mtu(device: Device, value: int) -> None:
        low, high = device.limits
        if value < low or (high and value > high):
            raise Refused("mtu less than device minimum, or greater than its maximum")

    @staticmethod
    def _set_txqueuelen(net: Net, device: Device, value: int) -> None:
        device.txqueuelen = value

    def _set_up(self, net: Net, device: Device, value: bool) -> None:
        if device.up and not value:
            self._forget(net, device)
            device.v6 = []
        device.up = value

    def _set_master(self, net: Net, device: Device, value: str) -> None:
        former, device.master = device.master, None
        self._follow(net, former)
        if not value:
            return
        master = net.devices.get(value)
        if master is None:
            raise Refused("No such device")
        if master.kind != "bridge" or device.kind == "bridge" or device.name == "lo":
            raise Refused("Invalid argument")
        device.master = master
        self._follow(net, master)

    # What devices take along

    def _forget(self, net: Net, device: Device, gone: bool = False, versions: tuple[int, ...] = (4, 6)) -> None:
        """Routes and neighbours of a device that goes down, or away."""
        net.neighbors = {
            k: mac for k, mac in net.neighbors.items() if k[0] is not device or version(k[1]) not in versions
        }
        for entry in list(net.routes):
            if entry.version == 6 and 6 in versions and device.name == "lo" and not entry.ways:
                net.routes.remove(entry)
            if entry.version not in versions or not any(way.device is device for way in entry.ways):
                continue
            if gone and entry.version == 6:
                entry.ways = [way for way in entry.ways if way.device is not device]
            # A hop through a device that is down is dead; the route stays while another hop lives.
            if (gone and entry.version == 4) or not any(self._alive(way, device) for way in entry.ways):
                net.routes.remove(entry)

    @staticmethod
    def _alive(way: Way, going: Device) -> bool:
        return way.device is not None and way.device is not going and way.device.up

    # Addresses

    def _AddAddress(self, action: Any) -> None:
        device = self._device(action.netns, action.name)
        if version(action.address) == 6:
            if host_of(action.address) in map(host_of, device.v6):
                raise Refused("ipv6: address already assigned")
            if device.mtu < IPV6_MINIMUM:
                raise Refused("Invalid argument")
            device.v6.insert(0, action.address)
        else:
            if action.address in device.v4:
                raise Refused("File exists")
            device.v4.append(action.address)

    def _DeleteAddress(self, action: Any) -> None:
        device = self._device(action.netns, action.name)
        net = self.nets[action.netns]
        own = device.v6 if version(action.address) == 6 else device.v4
        if action.address not in own:
            raise Refused("Cannot assign requested address")
        if own is device.v6:
            own.remove(action.address)
            for entry in net.routes:
                if entry.source == host_of(action.address) and any(way.device is device for way in entry.ways):
                    entry.source = None
            return
        same = [text for text in own if subnet(text) == subnet(action.address)]
        going = same if same[0] == action.address else [action.address]
        for text in going:
            own.remove(text)
            self._forget_source(net, text)
        if not own:
            net.neighbors = {k: mac for k, mac in net.neighbors.items() if k[0] is not device or version(k[1]) == 6}
            net.routes = [
                entry
                for entry in net.routes
                if entry.version == 6 or not entry.ways or any(way.device is not device for way in entry.ways)
            ]

    def _forget_source(self, net: Net, text: str) -> None:
        if host_of(text) not in self._locals(net):
            net.routes = [entry for entry in net.routes if entry.source != host_of(text) or entry.fixed.table != MAIN]

    @staticmethod
    def _locals(net: Net) -> set[str]:
        return {host_of(text) for device in net.devices.values() for text in [*device.v4, *device.v6]}

    # Routes

    def _AddRoute(self, action: Any) -> None:
        net = self.nets[action.netns]
        entry = self._entry(net, action.route)
        same = [other for other in net.routes if other.key == entry.key]
        if any(_shown(other) == _shown(entry) for other in same) or (same and not action.append):
            raise Refused("File exists")
        net.routes.append(entry)

    def _ReplaceRoute(self, action: Any) -> None:
        net = self.nets[action.netns]
        entry = self._entry(net, action.route)
        old = self._find(net, action.before)
        if old.key != entry.key or next(other for other in net.routes if other.key == entry.key) is not old:
            raise Refused("another route than meant would be replaced")
        net.routes[net.routes.index(old)] = entry

    def _DeleteRoute(self, action: Any) -> None:
        net = self.nets[action.netns]
        net.routes.remove(self._find(net, action.route))

    def _find(self, net: Net, route: Any) -> Entry:
        for entry in net.routes:
            if _shown(entry) == _route(route):
                return entry
        raise Refused("No such process")

    def _entry(self, net: Net, route: Any) -> Entry:
        ways = _ways(net, route)
        six = version(route.destination) == 6
        for way in ways:
            if way.device is None:
                raise Refused("No such device")
            if not way.device.up:
                raise Refused("Network is down")
            if way.gateway and not way.onlink and not self._on_link(net, route.table, way):
                raise Refused("Nexthop has invalid gateway")
            if way.gateway and not six and route.scope not in ("global", "site"):
                raise Refused("Nexthop has invalid scope")
        if bool(ways) == (route.type in REJECTING):
            raise Refused("Invalid argument")
        if route.source and route.source not in self._locals(net):
            raise Refused("Invalid prefsrc address")
        return Entry(replace(route, hops=(), source=None), route.source, ways)

    def _on_link(self, net: Net, table: int, way: Way) -> bool:
        """The kernel's own look-up: in the route's table first, of what is directly connected."""
        gateway = ipaddress.ip_address(way.gateway or "")
        if way.gateway in self._locals(net):
            return False
        if gateway.version == 6 and gateway.is_link_local:
            return True
        for number in dict.fromkeys((table, MAIN)):
            found = [
                (network.prefixlen, device)
                for network, device in self._connected(net, number)
                if network.version == gateway.version and gateway in network and device is way.device
            ]
            if found:
                return True
        return False

    @staticmethod
    def _connected(net: Net, table: int) -> Iterator[tuple[Any, Device]]:
        for device in net.devices.values() if table == MAIN else ():
            if device.up:
                for text in [*device.v4, *device.v6]:
                    if subnet(text).num_addresses > 1:
                        yield subnet(text), device
        for entry in net.routes:
            reachable = entry.version == 6 or entry.fixed.scope in ("link", "host")
            if entry.fixed.table == table and entry.fixed.type == "unicast" and reachable:
                for way in entry.ways:
                    if not way.gateway and way.device:
                        yield ipaddress.ip_network(entry.fixed.destination), way.device

    # Neighbours, sysctls

    def _SetNeighbor(self, action: Any) -> None:
        key = action.neighbor.key
        if not key.proxy and action.neighbor.mac is None:
            raise Refused("Invalid argument")
        device = self._device(action.netns, key.device)
        self.nets[action.netns].neighbors[device, key.address, key.proxy] = action.neighbor.mac

    def _DeleteNeighbor(self, action: Any) -> None:
        device = self._device(action.netns, action.key.device)
        try:
            del self.nets[action.netns].neighbors[device, action.key.address, action.key.proxy]
        except KeyError:
            raise Refused("No such file or directory") from None

    def _WriteSysctl(self, action: Any) -> None:
        net = self.nets[action.netns]
        owner = of_device(action.key)
        place = self._device(action.netns, owner).sysctls if owner else net.sysctls
        place[action.key] = action.value
        everywhere = [net.sysctls, *(device.sysctls for device in net.devices.values())]
        four, both = ("net", "ipv4"), (("net", "ipv4", "ip_forward"), ("net", "ipv4", "conf", "all", "forwarding"))
        if action.key in both:
            for known in everywhere:
                for key in known:
                    if key in both or (key[:3] == (*four, "conf") and key[-1] == "forwarding"):
                        known[key] = action.value
                    elif key == (*four, "conf", "all", "accept_redirects"):
                        known[key] = "0" if action.value != "0" else "1"
        elif action.key[:4] == ("net", "ipv6", "conf", "all") and action.key[-1] in ("forwarding", "disable_ipv6"):
            for known in everywhere:
                for key in known:
                    if key[:3] == action.key[:3] and key[-1] == action.key[-1]:
                        known[key] = action.value

    # Rules, in tables of our own

    def _MakeChain(self, action: Any) -> None:
        chains = self.nets[action.netns].chains
        if tuple(action.place) in chains:
            raise Refused("File exists")
        chains.add(tuple(action.place))

    def _AddRule(self, action: Any) -> None:
        net = self.nets[action.netns]
        rule = (tuple(action.place), action.comment, action.body)
        if action.place.table == "nsfabric" and tuple(action.place) not in net.chains:
            raise Refused("No such file or directory")
        if rule in net.rules:
            raise Refused("the rule stands there already")
        net.rules.append(rule)

    def _DeleteRule(self, action: Any) -> None:
        found = action.found
        try:
            self.nets[action.netns].rules.remove((tuple(found.place), found.comment, found.body))
        except ValueError:
            raise Refused("No such file or directory") from None

    def _DropChain(self, action: Any) -> None:
        self._drop(self.nets[action.netns], {tuple(action.place)})

    def _DropTable(self, action: Any) -> None:
        net = self.nets[action.netns]
        self._drop(net, {chain for chain in net.chains if chain[:3] == table_key(action.table)})

    @staticmethod
    def _drop(net: Net, chains: set[Any]) -> None:
        if not chains or not chains <= net.chains:
            raise Refused("No such file or directory")
        if any(place in chains for place, dummy, dummy in net.rules):
            raise Refused("Device or resource busy")
        net.chains -= chains

    # Filters at ingress

    def _Attach(self, action: Any) -> None:
        device = self._device(action.netns, action.device)
        if action.clsact == device.clsact:
            raise Refused("Exclusivity flag on, cannot modify" if device.clsact else "Parent Qdisc doesn't exists")
        if action.clsact:
            device.clsact, device.mark = True, mark(action.shortcut.name)
            if not action.unqueued:
                device.txqueuelen = device.txqueuelen or 1000
        wanted = _filter(self.nets[action.netns], action.shortcut)
        if None in (target for dummy, target, dummy in wanted[2]):
            raise Refused("No such device")
        if device.filter == wanted:
            raise Refused("the filter stands there already")
        device.filter = wanted

    def _Detach(self, action: Any) -> None:
        device = self._device(action.netns, action.device)
        if (
            not device.clsact
            or (action.filter and device.filter is None)
            or (action.mark and action.mark != device.mark)
        ):
            raise Refused("Specified filter chain not found")
        device.filter = None if action.filter else device.filter
        device.clsact = not action.clsact
        device.mark = 0 if action.clsact or action.mark else device.mark

    # What can be compared

    def picture(self) -> dict[str, Any]:
        return {name: self._picture(net) for name, net in self.nets.items()}

    def _picture(self, net: Net) -> dict[str, Any]:
        places = {id(device): (name, device.name) for name, n in self.nets.items() for device in n.devices.values()}
        return {
            "links": {
                device.name: {
                    "kind": device.kind,
                    "mac": device.mac,
                    "mtu": device.mtu,
                    "txqueuelen": device.txqueuelen,
                    "up": device.up,
                    "master": device.master.name if device.master else None,
                    "addresses": sorted([*device.v4, *device.v6]),
                    "peer": places.get(id(device.peer)) if device.peer else None,
                    "bridge": device.settings,
                }
                for device in net.devices.values()
            },
            "routes": sorted(map(_shown, net.routes), key=repr),
            "neighbors": {(key[0].name, *key[1:]): mac for key, mac in net.neighbors.items()},
            "sysctls": dict(
                pair for known in [net.sysctls, *(d.sysctls for d in net.devices.values())] for pair in known.items()
            ),
            "rules": sorted((*place, comment, *sorted(body)) for place, comment, body in net.rules),
            "chains": sorted(net.chains),
            "hooks": {
                device.name: (device.mark, device.filter and _named(device.filter))
                for device in net.devices.values()
                if device.clsact
            },
        }


def _filter(net: Net, shortcut: Any) -> Any:
    table = [(each.address, net.devices.get(each.device), each.mac) for each in shortcut.table]
    return shortcut.name, shortcut.mode, table


def _named(found: Any) -> Any:
    name, mode, table = found
    return name, mode, [(address, device.name if device else "", mac) for address, device, mac in table]


def _ways(net: Net, route: Any) -> list[Way]:
    return [Way(hop.gateway, net.devices.get(hop.device), hop.onlink, hop.weight) for hop in route.hops]


def _shown(entry: Entry) -> Any:
    ways = tuple((way.gateway, way.device.name if way.device else None, way.onlink, way.weight) for way in entry.ways)
    fixed = entry.fixed
    return (*entry.key, fixed.type, fixed.protocol, fixed.scope, entry.source, fixed.mtu, _alone(ways))


def _route(route: Any) -> Any:
    ways = tuple(tuple(hop.entry.values()) for hop in route.hops)
    return (*route.key[:3], route.type, route.protocol, route.scope, route.source, route.mtu, ways)


def _alone(ways: Any) -> Any:
    """The weight of a route's only hop says nothing, and the kernel forgets it."""
    return tuple((*way[:3], 1) for way in ways) if len(ways) == 1 else ways


def table_key(table: Any) -> tuple[str, str, str]:
    return table.backend, table.family, table.name


def picture(state: State) -> dict[str, Any]:
    """What can be compared of a planned state: no interface numbers, nothing the kernel made or learned itself."""
    return {name: _picture(namespace) for name, namespace in state.namespaces.items()}


def _picture(namespace: Any) -> dict[str, Any]:
    firewall = namespace.firewall or Firewall()
    known = {k: found.value for k, found in namespace.sysctls.items() if found.exists and found.value is not None}
    for name in namespace.links:
        # Not known means new, and so as conf/default says.
        known = {**inherited(known, name), **known}
    return {
        "links": {
            link.name: {
                "kind": link.kind,
                "mac": link.mac,
                "mtu": link.mtu,
                "txqueuelen": link.txqueuelen,
                "up": link.up,
                "master": link.master,
                "addresses": sorted(link.own_addresses),
                "peer": tuple(link.peer) if link.peer else None,
                "bridge": {name: value for name, value in link.bridge if name in NEW_BRIDGE},
            }
            for link in namespace.links.values()
        },
        "routes": sorted((_route(route) for route in namespace.routes if route.protocol not in KERNEL_MADE), key=repr),
        "neighbors": {tuple(key): entry.mac for key, entry in namespace.neighbors.items() if entry.permanent},
        "sysctls": known,
        "rules": sorted((*found.place, found.comment, *sorted(found.body)) for found in firewall.rules),
        "chains": sorted((*table_key(table), chain) for table in firewall.tables for chain in table.chains),
        "hooks": {
            name: (hook.mark, shortcut and (shortcut.name, shortcut.mode, [tuple(each) for each in shortcut.table]))
            for name, hook in namespace.hooks.items()
            for shortcut in [hook.shortcut]
        },
    }
