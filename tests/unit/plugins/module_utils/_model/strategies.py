# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random hosts, and random documents that can be had on them, in the user's vocabulary.

Names and subnets are drawn from a small universe, so that two documents often speak of the same things and
differ about them. A cable has the same two names in every document; where its ends are placed is random.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from hypothesis import strategies as st

from ansible_collections.nsfabric.linux.plugins.module_utils._model import document
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import (
    HOST,
    Address,
    End,
    Hop,
    Link,
    Namespace,
    Neighbor,
    NeighborKey,
    Route,
    State,
    Sysctl,
    loopback,
)

Config = dict[str, list[dict[str, Any]]]
NAMES = ("ns1", "ns2", "mario", "mario2", "red.blue")
FOREIGN = "theirs"
GENERAL_KEYS = (
    "net.ipv4.ip_forward",
    "net.ipv4.conf.all.forwarding",
    "net.ipv4.conf.all.accept_redirects",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.conf.default.rp_filter",
    "net.ipv4.conf.default.forwarding",
    "net.ipv6.conf.all.forwarding",
    "net.ipv6.conf.default.forwarding",
)
DEVICE_KEYS = ("net/ipv4/conf/{}/forwarding", "net/ipv4/conf/{}/rp_filter", "net/ipv6/conf/{}/forwarding")
BRIDGE = (
    ("stp", 0),
    ("priority", 32768),
    ("forward_delay", 1500),
    ("hello_time", 200),
    ("max_age", 2000),
    ("ageing_time", 30000),
    ("vlan_filtering", 0),
)
FEATURES = frozenset({"bridge", "veth", "fastpath peer", "fastpath redirect", "fastpath neigh"})
ETHERNET: dict[str, Any] = {"mtu": 1500, "min_mtu": 68, "max_mtu": 65535, "txqueuelen": 1000}


def rarely() -> Any:
    return st.sampled_from([False, False, False, True])


def mostly() -> Any:
    return st.sampled_from([True, True, True, False])


# Hosts


class Host(State):
    """A host that a failing example can show: in the user's vocabulary, without its sysctls."""

    def _repr_pretty_(self, printer: Any, dummy: bool) -> None:
        printer.text(repr(self))

    def __repr__(self) -> str:
        shown = document.describe(self)
        forwards = self.namespaces[HOST].sysctls["net", "ipv4", "ip_forward"].value
        others = {kind: shown[kind] for kind in shown if kind != "netns_sysctl"}
        return f"Host(ip_forward={forwards}, {others})"


@st.composite
def hosts(draw: Any) -> State:
    """A host with uplinks and, perhaps, another tool's bridge, cable and namespace, routes and settings."""
    here = Namespace(inode=1, links={"lo": replace(loopback(), up=True, addresses=_loopback())})
    linklocal = Address("fe80::1/64", kernel_made=True)
    uplink = Address("192.0.2.10/24"), Address("2001:db8:2::10/64"), linklocal
    here.links["eth0"] = Link("eth0", index=2, mac="52:54:00:00:00:01", up=True, addresses=uplink, **ETHERNET)
    second = draw(st.lists(st.sampled_from(["198.51.100.7/24", "198.51.100.8/24", "2001:db8:9::7/64"]), unique=True))
    here.links["eth1"] = Link(
        "eth1", index=3, mac="52:54:00:00:00:02", up=draw(mostly()), addresses=_held(second), **ETHERNET
    )
    # The kernel takes no hop through a device that is down.
    possible = [route for route in _foreign_routes() if here.links["eth1"].up or "eth1" not in route.devices]
    here.routes = draw(st.lists(st.sampled_from(possible), unique_by=lambda route: route.key, max_size=4))
    state = Host({HOST: here}, features=FEATURES, salt="host")
    if draw(st.booleans()):
        _add_theirs(state, draw(st.booleans()))
    for key, entry in draw(st.dictionaries(st.sampled_from(_foreign_keys(here)), st.booleans(), max_size=2)).items():
        known = "permanent" if key.proxy or entry else "reachable"
        here.neighbors[key] = Neighbor(key, None if key.proxy else "52:54:00:00:00:99", known)
    forward = draw(st.booleans())
    for namespace in state.namespaces.values():
        namespace.sysctls = _sysctls(namespace, forward, draw(st.booleans()))
    state.fresh.sysctls = _sysctls(state.fresh, False, True)
    return state


def _loopback() -> tuple[Address, ...]:
    return Address("127.0.0.1/8", kernel_made=True), Address("::1/128", kernel_made=True)


def _held(texts: list[str]) -> tuple[Address, ...]:
    seen: set[Any] = set()
    found = []
    for text in texts:
        network = ipaddress.ip_interface(text).network
        found.append(Address(text, secondary=network in seen and network.version == 4))
        seen.add(network)
    return tuple(found)


def _foreign_routes() -> list[Route]:
    return [
        Route("0.0.0.0/0", metric=100, protocol=16, hops=(Hop("192.0.2.1", "eth0"),)),
        Route("0.0.0.0/0", protocol=3, hops=(Hop("192.0.2.1", "eth0"),)),
        Route("::/0", metric=1024, protocol=4, hops=(Hop("fe80::2", "eth0"),)),
        Route("203.0.113.0/24", scope="link", source="192.0.2.10", hops=(Hop(None, "eth0"),)),
        Route("203.0.113.0/24", table=100, hops=(Hop("192.0.2.2", "eth0"), Hop("192.0.2.3", "eth0", False, 3))),
        Route("2001:db8:77::/64", metric=1024, source="2001:db8:2::10", hops=(Hop(None, "eth0"),)),
        Route("192.0.2.0/24", protocol=2, scope="link", source="192.0.2.10", hops=(Hop(None, "eth0"),)),
        Route("10.66.0.0/16", type="blackhole"),
        Route("10.68.0.0/16", protocol=3, hops=(Hop("192.0.2.1", "eth0"), Hop(None, "eth1"))),
        Route("2001:db8:68::/64", metric=1024, protocol=3, hops=(Hop("fe80::2", "eth0"), Hop("fe80::3", "eth1"))),
    ]


def _foreign_keys(namespace: Namespace) -> list[NeighborKey]:
    names = sorted(name for name, link in namespace.links.items() if link.up and name != "lo")
    return [NeighborKey(name, f"192.0.2.{number}", number == 9) for name in names for number in (7, 8, 9)]


def example_host() -> State:
    """A host with an uplink, a second NIC, and another tool's bridge, cable and namespace; it does not forward."""
    here = Namespace(inode=1, links={"lo": replace(loopback(), up=True, addresses=_loopback())})
    held = _held(["192.0.2.10/24"])
    here.links["eth0"] = Link("eth0", index=2, mac="52:54:00:00:00:01", up=True, addresses=held, **ETHERNET)
    here.links["eth1"] = Link("eth1", index=3, mac="52:54:00:00:00:02", up=True, **ETHERNET)
    state = Host({HOST: here}, features=FEATURES, salt="host")
    _add_theirs(state, True)
    for namespace in (*state.namespaces.values(), state.fresh):
        namespace.sysctls = _sysctls(namespace, False, True)
    return state


def _add_theirs(state: State, lo_up: bool) -> None:
    here, there = state.namespaces[HOST], Namespace(inode=7, links={"lo": replace(loopback(), up=lo_up)})
    there.links["inner0"] = Link(
        "inner0",
        "veth",
        2,
        "52:54:00:00:00:11",
        up=True,
        addresses=_held(["172.18.0.2/16"]),
        peer=End(HOST, "vnet0"),
        **ETHERNET,
    )
    here.links["vnet0"] = Link(
        "vnet0", "veth", 5, "52:54:00:00:00:12", up=True, peer=End(FOREIGN, "inner0"), master="docker0", **ETHERNET
    )
    here.links["docker0"] = Link(
        "docker0",
        "bridge",
        4,
        "52:54:00:00:00:13",
        up=True,
        addresses=_held(["172.18.0.1/16"]),
        bridge=BRIDGE,
        **ETHERNET,
    )
    there.routes = [Route("0.0.0.0/0", protocol=3, hops=(Hop("172.18.0.1", "inner0"),))]
    state.namespaces[FOREIGN] = there


def _sysctls(namespace: Namespace, forward: bool, redirects: bool) -> dict[tuple[str, ...], Sysctl]:
    on = "1" if forward else "0"
    texts = {key: on if "forward" in key else "2" for key in GENERAL_KEYS}
    texts["net.ipv4.conf.all.accept_redirects"] = "1" if redirects else "0"
    found = {tuple(key.split(".")): value for key, value in texts.items()}
    for name in namespace.links:
        for key in DEVICE_KEYS:
            found[tuple(part.format(name) for part in key.split("/"))] = on if "forward" in key else "1"
    return {key: Sysctl(value) for key, value in found.items()}


# Documents


@dataclass
class Place:
    """What the document will have made of a namespace: devices, whether they are up, their addresses."""

    devices: dict[str, tuple[bool, list[str]]] = field(default_factory=dict)
    bridges: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    ports: set[str] = field(default_factory=set)


@st.composite
def documents(draw: Any, host: State, removals: bool = False, fastpaths: bool = False) -> Config:
    """A document that can be had on a host; with `removals`, one that also says what is not wanted."""
    config: Config = {}
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=5))
    if removals:
        _draw_removals(draw, host, config)
    gone = {entry["name"] for entries in config.values() for entry in entries if "name" in entry}
    places = {name: Place(taken={"lo"}) for name in names}
    for name, namespace in host.namespaces.items():
        if name not in gone:
            places[name] = Place(taken=set(namespace.links))
            for link in namespace.links.values():
                if link.name not in ("lo", "vnet0", "inner0") and link.name not in gone:
                    places[name].devices[link.name] = (bool(link.up), list(link.own_addresses))
    for name in names:
        config.setdefault("netns", []).append({"name": name, **draw(_some(lo_up=st.booleans()))})
    _draw_bridges(draw, places, config)
    _draw_uplinks(draw, host, places, config)
    _draw_cables(draw, places, config)
    for name in sorted(places):
        _draw_inside(draw, name, places, config)
    if fastpaths:
        _draw_fastpaths(draw, config)
    return {kind: draw(st.permutations(config[kind])) for kind in draw(st.permutations(sorted(config)))}


def _some(**optional: Any) -> Any:
    """A dictionary of some of the options."""
    return st.fixed_dictionaries({}, optional=optional)


def _in(place: str, **options: Any) -> dict[str, Any]:
    """An entry; an option that is None is left out."""
    entry = {"netns": place or None, **options}
    return {key: value for key, value in entry.items() if value is not None}


def _add(config: Config, kind: str, entry: dict[str, Any]) -> None:
    config.setdefault(kind, []).append(entry)


def _attributes(number: int) -> dict[str, Any]:
    """Of the device with a number, which decides its subnets and its MAC."""
    return {
        "addresses": st.lists(st.sampled_from(pool(number)), max_size=3, unique_by=_once),
        "mtu": st.sampled_from([1280, 1400, 1500, 9000]),
        "mac": st.sampled_from([f"02:00:00:00:0{half}:{number:02x}" for half in (1, 2)]),
        "txqueuelen": st.sampled_from([0, 500, 1000]),
    }


def pool(number: int) -> list[str]:
    """The addresses a device may be given."""
    four = [f"10.{number}.0.1/24", f"10.{number}.0.2/24", f"10.{number}.0.3/32", f"10.{number}.0.1/32"]
    return [*four, f"fd00:{number}::1/64", f"fd00:{number}::2/128", f"fd00:{number}::2/64"]


def _once(text: str) -> str:
    """IPv6 takes an address once, whatever its prefix length."""
    return text.split("/")[0] if ":" in text else text


def _draw_bridges(draw: Any, places: dict[str, Place], config: Config) -> None:
    choices = [(name, bridge) for name in sorted(places) for bridge in ("br0", "br1")]
    for name, bridge in draw(st.lists(st.sampled_from(choices), unique=True, max_size=3)):
        number = 20 + choices.index((name, bridge)) % 2 + 2 * (sorted(places).index(name) % 4)
        settings = {"stp": st.booleans(), "priority": st.just(4096), "ageing_time": st.sampled_from([0, 30000])}
        entry = _in(name, name=bridge, **draw(_some(up=mostly(), **_attributes(number), **settings)))
        _add(config, "bridge", entry)
        places[name].bridges.append(bridge)
        places[name].taken.add(bridge)
        places[name].devices[bridge] = (entry.get("up", True), entry.get("addresses", []))


def _draw_uplinks(draw: Any, host: State, places: dict[str, Place], config: Config) -> None:
    if draw(rarely()):
        kept = ["192.0.2.10/24", "2001:db8:2::10/64"]
        options = draw(_some(addresses=st.just([*kept, "10.30.0.1/24"]), txqueuelen=st.just(500)))
        entry = _in(HOST, name="eth0", **options)
        places[HOST].devices["eth0"] = (True, entry.get("addresses", kept))
        _add(config, "link", entry)
    if draw(st.booleans()):
        target = draw(st.sampled_from(sorted(places)))
        options = _attributes(31)
        entry = _in(target, name="eth1", up=draw(mostly()), addresses=draw(options.pop("addresses")))
        entry.update(draw(_some(**options)))
        places[HOST].devices.pop("eth1")
        places[HOST].taken.discard("eth1")
        places[target].taken.add("eth1")
        places[target].devices["eth1"] = (entry["up"], entry["addresses"])
        _enslave(draw, places[target], entry, "eth1", config)
        _add(config, "link", entry)
    if draw(rarely()):
        target = draw(st.sampled_from(sorted(places)))
        addresses = draw(st.lists(st.sampled_from(pool(32)), unique_by=_once))
        _add(config, "link", _in(target, name="lo", addresses=addresses))


def _draw_cables(draw: Any, places: dict[str, Place], config: Config) -> None:
    for number in draw(st.lists(st.integers(0, 5), unique=True, max_size=5)):
        inside = sorted(set(places) - {HOST})
        # The near end of an odd cable is an eth0 inside a namespace.
        near = draw(st.sampled_from(inside if number % 2 and inside else sorted(places)))
        far = draw(st.sampled_from(sorted(places)))
        name = "eth0" if number % 2 and near != HOST else f"near{number}"
        if name in places[near].taken:
            continue
        ends = []
        for place, device, end in ((near, name, 2 * number), (far, f"far{number}", 2 * number + 1)):
            entry = _in(place, name=device, **draw(_some(up=mostly(), **_attributes(end))))
            places[place].taken.add(device)
            places[place].devices[device] = (entry.get("up", True), entry.get("addresses", []))
            _enslave(draw, places[place], entry, device, config)
            ends.append(entry)
        if draw(st.booleans()):
            ends.reverse()
        _add(config, "veth", {**ends[0], "peer": ends[1]})


def _enslave(draw: Any, place: Place, entry: dict[str, Any], device: str, config: Config) -> None:
    """Into a bridge by the port's `master` or by the bridge's `ports`, or in none, said or not said."""
    bridge = draw(st.sampled_from([None, None, "", *place.bridges]))
    if bridge is None:
        return
    declared = next((e for e in config.get("bridge", ()) if e["name"] == bridge and "ports" in e), None)
    if bridge:
        place.ports.add(device)
    if bridge and draw(rarely()) and not entry.get("netns"):
        owner = next(e for e in config["bridge"] if e["name"] == bridge and e.get("netns") == entry.get("netns"))
        owner.setdefault("ports", []).append(device)
    elif declared is None or draw(st.booleans()):
        entry["master"] = bridge


def _draw_inside(draw: Any, name: str, places: dict[str, Place], config: Config) -> None:
    """Routes, neighbours, sysctls and rules of one namespace."""
    place = places[name]
    up = {device: texts for device, (is_up, texts) in place.devices.items() if is_up}
    for number in draw(st.lists(st.integers(0, 3), unique=True, max_size=2)):
        for entry in _draw_route(draw, number, up):
            _add(config, "netns_route", _in(name, **entry))
    if up and draw(st.booleans()):
        device = draw(st.sampled_from(sorted(up)))
        address = draw(st.sampled_from(["10.0.0.50", "10.0.0.51", "fd00::50"]))
        entry = _in(name, device=device, address=address)
        _add(config, "netns_neighbor", {**entry, **draw(_neighbor(places))})
    choices = {"net.ipv4.ip_forward": "01", "net.ipv4.conf.all.rp_filter": "012", "net.ipv6.conf.all.forwarding": "01"}
    # What another document's move takes away cannot be declared: the second NIC's settings are left out.
    for device in sorted(set(place.devices) - {"eth1"}):
        choices.update({key.format(device): "01" for key in DEVICE_KEYS})
    for key in draw(st.lists(st.sampled_from(sorted(choices)), unique=True, max_size=3)):
        _add(config, "netns_sysctl", _in(name, name=key, value=draw(st.sampled_from(choices[key]))))
    if draw(rarely()):
        out = draw(st.sampled_from([None, "!br0", "eth0"]))
        source = draw(st.sampled_from(["10.1.0.0/24", "fd00:1::/64"] + ([] if out is None else [None])))
        _add(config, "masquerade", _in(name, source=source, out_interface=out))
    if draw(rarely()):
        options = draw(_some(in_interface=st.just("br0"), replies=st.booleans(), destination=st.just("10.2.0.0/24")))
        _add(config, "forward_accept", _in(name, out_interface="eth0", **options))


def _draw_fastpaths(draw: Any, config: Config) -> None:
    """Between ends of cables that lead to other namespaces, where no rule stands in their way."""
    ends: dict[str, list[str]] = {}
    for cable in config.get("veth", ()):
        if "peer" not in cable:
            continue
        pair = (cable, cable["peer"])
        for near, far in (pair, pair[::-1]):
            if near.get("netns") != far.get("netns"):
                ends.setdefault(near.get("netns") or HOST, []).append(near["name"])
    for rule in (*config.get("masquerade", ()), *config.get("forward_accept", ())):
        ends.pop(rule.get("netns") or HOST, None)
    for place in draw(st.lists(st.sampled_from(sorted(ends)), unique=True, min_size=1, max_size=2)) if ends else ():
        chosen = draw(st.lists(st.sampled_from(sorted(ends[place])), unique=True, min_size=1, max_size=3))
        entries = [{"device": device, **draw(_some(addresses=_behind(n)))} for n, device in enumerate(chosen)]
        mode = _some(mode=st.sampled_from(["peer", "redirect", "neigh", "auto"]))
        _add(config, "fastpath", _in(place, name=draw(st.sampled_from(["fast", "faster"])), ends=entries, **draw(mode)))


def _behind(number: int) -> Any:
    choices = [f"10.50.{number}.1", f"10.50.{number}.2/32", f"fd00:50:{number}::1"]
    return st.lists(st.sampled_from(choices), unique=True)


def _neighbor(places: dict[str, Place]) -> Any:
    ends = [{"netns": name, "name": device} for name in sorted(places) for device in sorted(places[name].devices)]
    others = [{key: value for key, value in end.items() if value} for end in ends if end["name"] != "lo"]
    kinds = [st.just({"mac": "02:00:00:00:09:01"}), st.just({"mac": "02:00:00:00:09:02"}), st.just({"proxy": True})]
    return st.one_of(*kinds, st.sampled_from(others).map(lambda end: {"mac_of": end}))


def _draw_route(draw: Any, number: int, up: dict[str, list[str]]) -> list[dict[str, Any]]:
    """One route, sometimes with the device route that its gateway is behind."""
    family = draw(st.sampled_from([4, 6]))
    destination = [f"10.200.{number}.0/24", f"fd00:200:{number}::/64"][family == 6]
    if number == 0:
        destination = ["0.0.0.0/0", "::/0"][family == 6]
    options = _some(metric=st.just(100 + number), table=st.just("100"), protocol=st.just("bird"), mtu=st.just(1400))
    route = {"destination": destination, **draw(options)}
    if not up or draw(rarely()):
        return [{**route, "type": draw(st.sampled_from(["blackhole", "unreachable", "prohibit"]))}]
    device = draw(st.sampled_from(sorted(up)))
    gateways = {name: _gateway(up[name], family) for name in sorted(up)}
    hops = [{"gateway": gateway, "device": name} for name, gateway in gateways.items() if gateway]
    own = sorted({text.split("/")[0] for texts in up.values() for text in texts if (":" in text) == (family == 6)})
    if own:
        route.update(draw(_some(source=st.sampled_from(own))))
    shape = draw(st.sampled_from(["device", "gateway", "gateway alone", "onlink", "behind", "multipath"]))
    if shape == "onlink" and own:
        return [{**route, "gateway": ["10.99.0.1", "fd00:99::1"][family == 6], "device": device, "onlink": True}]
    if shape == "behind":
        gateway = [f"10.98.{number}.1", f"fd00:98:{number}::1"][family == 6]
        direct = {"destination": gateway, "device": device, **{k: route[k] for k in ("table",) if k in route}}
        return draw(st.permutations([{**route, "gateway": gateway}, direct]))
    if shape == "device" or not hops:
        return [{**route, "device": device}]
    hop = draw(st.sampled_from(hops))
    if shape == "multipath":
        weights = draw(st.lists(st.integers(1, 3), min_size=len(hops), max_size=len(hops)))
        return [{**route, "nexthops": [{**hop, "weight": weight} for hop, weight in zip(hops, weights)]}]
    return [{**route, **hop}] if shape == "gateway" else [{**route, "gateway": hop["gateway"]}]


def _gateway(texts: list[str], family: int) -> Optional[str]:
    """A neighbour's address in a device's first subnet of a family."""
    for text in texts:
        network = ipaddress.ip_interface(text).network
        if network.version == family and network.num_addresses > 1:
            return str(network[0xFE])
    return None


def _draw_removals(draw: Any, host: State, config: Config) -> None:
    if FOREIGN in host.namespaces:
        gone = draw(st.sampled_from(["", "netns", "veth", "bridge"]))
        if gone == "netns":
            _add(config, "netns", {"name": FOREIGN, "state": "absent"})
        if gone == "veth":
            _add(config, "veth", {"name": "vnet0", "state": "absent"})
        if gone == "bridge":
            _add(config, "bridge", {"name": "docker0", "state": "absent"})
    here = host.namespaces[HOST]
    for route in here.routes:
        if route.destination not in ("0.0.0.0/0", "::/0"):
            entry = {"destination": route.destination, "state": "absent", "table": str(route.table)}
            _add(config, "netns_route", entry)
    for key in here.neighbors:
        neighbor = {"device": key.device, "address": key.address, "proxy": key.proxy, "state": "absent"}
        _add(config, "netns_neighbor", neighbor)


# Other spellings


@st.composite
def respelled(draw: Any, config: Config) -> dict[str, Any]:
    """The same document with values, and options that have aliases, spelled in other ways."""
    return {kind: [_respell(draw, kind, entry) for entry in entries] for kind, entries in config.items()}


ADDRESSED = ("address", "addresses", "destination", "gateway", "source", "dest", "via", "src")
ALIASES = {"device": "dev", "gateway": "via", "destination": "dest", "source": "src"}


def _respell(draw: Any, kind: str, entry: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in entry.items():
        aliased = kind == "netns_route" or (kind == "netns_neighbor" and name == "device")
        if aliased and name in ALIASES and draw(st.booleans()):
            name = ALIASES[name]
        if isinstance(value, dict):
            result[name] = _respell(draw, kind, value)
        elif isinstance(value, list):
            result[name] = [
                _respell(draw, kind, each) if isinstance(each, dict) else draw(_spellings(name, each)) for each in value
            ]
        else:
            result[name] = draw(_spellings(name, value))
    return result


def _spellings(name: str, value: Any) -> Any:
    """Everything that means the same as a value."""
    if isinstance(value, bool):
        return st.sampled_from([value, "yes" if value else "no", "True" if value else "False", int(value)])
    if isinstance(value, int):
        return st.sampled_from([value, str(value)])
    if name == "mac":
        return st.sampled_from([value, value.upper(), value.replace(":", "-")])
    if name == "name" and value.startswith("net"):
        return st.sampled_from([value, "/".join(value.split("."))] if "/" not in value else [value])
    if name == "value":
        return st.sampled_from([value, int(value), f" {value}\n", *([value == "1"] if value in "01" else [])])
    return st.sampled_from(_addresses(value) if name in ADDRESSED else [value])


def _addresses(text: str) -> list[str]:
    """An address or prefix in its spellings: IPv6 in full or upper case, a host prefix with or without length."""
    host, slash, length = text.partition("/")
    parsed = ipaddress.ip_address(host)
    whole = str(parsed.max_prefixlen)
    fronts = [host, parsed.exploded, parsed.exploded.upper()] if parsed.version == 6 else [host]
    backs = ["", f"/{whole}"] if length == whole else [slash + length]
    found = [front + back for front in fronts for back in backs]
    return [*found, "default"] if text == "0.0.0.0/0" else found
