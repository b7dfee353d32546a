# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host holds, as values: read from the kernel, or imagined while planning.

A `State` is a set of namespaces; "" is the host, the namespace the module runs in.
Steps edit a copy of it, so that a plan is made against what earlier steps will have left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, Optional

from . import values

HOST = ""
LO = "lo"


class End(NamedTuple):
    """A device in a namespace; written ns1/veth1, or veth1 on the host."""

    netns: str
    name: str

    def __str__(self) -> str:
        return f"{self.netns}/{self.name}" if self.netns else self.name

    @property
    def entry(self) -> dict[str, str]:
        """The options that name it."""
        return {"netns": self.netns, "name": self.name} if self.netns else {"name": self.name}


def place(netns: str) -> str:
    """A namespace's name for a sentence."""
    return f"namespace {netns}" if netns else "the host"


@dataclass(frozen=True)
class Address:
    """An address on a device. `kernel_made`: link-local, loopback's own, from a router or for a time.

    These are nobody's to declare or to take away. `given` is one of them that does not come by itself: a link-local one
    that somebody chose, or one that a DHCP client leased. `details` is what an address has beside (label, broadcast
    address, flags, ...), as the kernel writes it, `lifetime` until when it is preferred and valid, in seconds of the
    monotonic clock. `bare` is one that the kernel makes no route for, `peer` the other end of a point-to-point one.
    `seen` is one that was read from the kernel: what it made for it is among the routes, unless somebody deleted it.
    """

    text: str
    kernel_made: bool = False
    secondary: bool = False
    details: str = ""
    lifetime: str = field(default="", compare=False)
    bare: bool = False
    given: bool = False
    peer: str = ""
    seen: bool = field(default=False, compare=False)

    @cached_property
    def host(self) -> str:
        """Without its prefix length."""
        return self.text.partition("/")[0]

    @cached_property
    def key(self) -> tuple[str, str]:
        """What makes it one address for the kernel: an IPv4 one with another peer is another."""
        return self.text, self.peer

    @property
    def network(self) -> Any:
        """What is on link by it: of IPv4 the network of its peer."""
        with_peer = self.peer and values.family(self.text) == 4
        return values.on_link(self.text.replace(self.host, self.peer, 1) if with_peer else self.text)

    @property
    def words(self) -> list[str]:
        """As `ip address` takes it."""
        return [self.host, "peer", self.text.replace(self.host, self.peer, 1)] if self.peer else [self.text]


# Settings and their values, by the names that iproute2 gives them.
PortSettings = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Link:
    """A network device. None: not known (a device that check mode took for granted).

    `altnames` are names that it has beside its own, and that no other device of the namespace can have. `port` is what
    somebody has changed of its settings as a port of a bridge. `ipv6` is whether it may have IPv6 addresses
    (disable_ipv6), `keeps_ipv6` whether it keeps them when it goes down (keep_addr_on_down), `arp` whether it asks for
    its neighbours, `ipv6_mtu` its MTU for IPv6 alone, 0 without IPv6.
    """

    name: str
    kind: str = ""
    index: int = 0
    mac: Optional[str] = None
    mtu: Optional[int] = None
    min_mtu: int = 0
    max_mtu: int = 0
    txqueuelen: Optional[int] = None
    up: Optional[bool] = None
    master: Optional[str] = None
    port: PortSettings = ()
    addresses: tuple[Address, ...] = ()
    peer: Optional[End] = None
    bridge: tuple[tuple[str, int], ...] = ()
    ipv6: bool = True
    keeps_ipv6: bool = False
    arp: bool = True
    ipv6_mtu: int = 0
    assumed: bool = False
    altnames: tuple[str, ...] = ()

    def but(self, **changes: Any) -> Link:
        """The same with other values: what `dataclasses.replace` does, in a seventh of its time."""
        link = object.__new__(Link)
        vars(link).update(vars(self), **changes)
        return link

    @property
    def own_ipv6_mtu(self) -> Optional[int]:
        """The MTU for IPv6 that somebody set: otherwise it is the device's."""
        return self.ipv6_mtu if self.ipv6_mtu not in (0, self.mtu) else None

    @property
    def own_addresses(self) -> tuple[str, ...]:
        return tuple(address.text for address in self.addresses if not address.kernel_made)

    @property
    def own(self) -> tuple[Address, ...]:
        """The same, with all that the kernel tells of them."""
        return tuple(address for address in self.addresses if not address.kernel_made)

    @property
    def lost(self) -> tuple[Address, ...]:
        """The addresses that do not come back by themselves when the device loses them."""
        return tuple(address for address in self.addresses if address.given or not address.kernel_made)

    @property
    def networks(self) -> Iterator[Any]:
        """What is directly connected while the device is up (IPv4 and IPv6 networks)."""
        return (address.network for address in self.addresses)


class Hop(NamedTuple):
    """One next hop; `weight` as iproute2 counts it, from 1.

    `details` is what there are no words for (the encapsulation of a tunnel), as the kernel writes it.
    """

    gateway: Optional[str] = None
    device: Optional[str] = None
    onlink: bool = False
    weight: int = 1
    details: str = ""

    @property
    def entry(self) -> dict[str, Any]:
        """The options that say where it leads."""
        return {"gateway": self.gateway, "device": self.device, "onlink": self.onlink, "weight": self.weight}


class Nexthop(NamedTuple):
    """A nexthop object: by its number, through a device, or a group of others."""

    number: int
    device: str = ""
    members: tuple[int, ...] = ()


class RouteKey(NamedTuple):
    """What makes a route one route for the kernel. `selector` is its type of service and its source prefix."""

    table: int
    destination: str
    metric: int
    selector: str = ""


MAIN_TABLE = 254


@dataclass(frozen=True)
class Route:
    """A route; `destination` is always a prefix, the default route too.

    `selector` and `details` are what there are no words for, as the kernel writes it. `nexthop` is the number of the
    nexthop object that it goes by, 0 for none.
    """

    destination: str
    table: int = MAIN_TABLE
    metric: int = 0
    type: str = "unicast"
    protocol: int = 4
    scope: str = "global"
    source: Optional[str] = None
    mtu: Optional[int] = None
    hops: tuple[Hop, ...] = ()
    selector: str = ""
    details: str = ""
    nexthop: int = field(default=0, compare=False)

    @cached_property
    def key(self) -> RouteKey:
        return RouteKey(self.table, self.destination, self.metric, self.selector)

    @cached_property
    def family(self) -> int:
        return values.family(self.destination)

    @cached_property
    def devices(self) -> frozenset[str]:
        return frozenset(hop.device for hop in self.hops if hop.device)

    @property
    def outlasts_down(self) -> bool:
        """Whether it stays when its device goes down: IPv4 keeps what does not leave the host."""
        return self.scope == "host" and self.family == 4


class NeighborKey(NamedTuple):
    device: str
    address: str
    proxy: bool


@dataclass(frozen=True)
class Neighbor:
    """An ARP or NDP entry; its state and its flags by the names that iproute2 gives them."""

    key: NeighborKey
    mac: Optional[str] = None
    state: str = "permanent"
    flags: tuple[str, ...] = ()
    protocol: int = 0

    @property
    def permanent(self) -> bool:
        return self.state == "permanent"


class Destination(NamedTuple):
    """Where a fast path leads an address: a device, "" for one that is gone; `mac` is its far end's, if it matters."""

    address: str
    device: str
    mac: Optional[str] = None


@dataclass(frozen=True)
class Shortcut:
    """A filter of ours at a device's tc ingress; `mode` is "" where its program is not one of ours."""

    name: str
    mode: str
    table: tuple[Destination, ...] = ()


@dataclass(frozen=True)
class Hook:
    """A device's tc ingress: our filter, how many others there are, and what stands where ours would.

    `mark` is what we left in the queueing discipline if we made it, even if our filter is there no more; 0 for none.
    """

    shortcut: Optional[Shortcut] = None
    others: int = 0
    taken: str = ""
    mark: int = 0


@dataclass(frozen=True)
class Sysctl:
    """A key below /proc/sys as found. `value` is None where it is not known or not readable."""

    value: Optional[str] = None
    exists: bool = True
    readable: bool = True
    writable: bool = True
    read_only_mount: bool = False
    on_host: bool = False
    tree_exists: bool = True


# Settings of all devices of a namespace that tell what else happens to them.
NEW_WITHOUT_IPV6 = ("net", "ipv6", "conf", "default", "disable_ipv6")
ALL_KEEP_IPV6 = ("net", "ipv6", "conf", "all", "keep_addr_on_down")


def numbered(inode: int, born: int) -> int:
    """One number of an inode's and of the time when it was made."""
    return born << 32 | inode


@dataclass
class Namespace:
    """One network namespace. `inode` is 0 for one that is only planned; `born` is when the inode was made.

    Of a `sealed` one only that is known, and which devices outside it die with it: its `far_ends`. `queues` are the
    queueing disciplines that somebody gave its devices, `nexthops` its nexthop objects, as they were found, `unmanaged`
    what else goes with one that an entry deletes, in words. `routed` are the IP versions of which the routes were read.
    """

    inode: int = 0
    links: dict[str, Link] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)
    neighbors: dict[NeighborKey, Neighbor] = field(default_factory=dict)
    sysctls: dict[tuple[str, ...], Sysctl] = field(default_factory=dict)
    firewall: Any = None
    hooks: dict[str, Hook] = field(default_factory=dict)
    queues: Mapping[str, str] = field(default_factory=dict)
    nexthops: list[Nexthop] = field(default_factory=list)
    unmanaged: tuple[str, ...] = ()
    assumed: bool = False
    routed: frozenset[int] = frozenset()
    sealed: bool = False
    far_ends: tuple[End, ...] = ()
    born: int = 0

    @property
    def number(self) -> int:
        """By which it is told from another of its name: the kernel gives the inode's number to others afterwards."""
        return numbered(self.inode, self.born)

    @property
    def starts_with_ipv6(self) -> bool:
        """Whether a new device may have IPv6 addresses."""
        found = self.sysctls.get(NEW_WITHOUT_IPV6)
        return found is None or found.value in (None, "0")

    def keeps_ipv6(self, name: str) -> bool:
        """Whether a device keeps its IPv6 addresses when it goes down: what holds for all counts, unless it is 0."""
        found = self.sysctls.get(ALL_KEEP_IPV6)
        everywhere = int(found.value or 0) if found else 0
        return everywhere > 0 if everywhere else self.links[name].keeps_ipv6

    def copy(self) -> Namespace:
        return replace(
            self,
            links=dict(self.links),
            routes=list(self.routes),
            neighbors=dict(self.neighbors),
            sysctls=dict(self.sysctls),
            hooks=dict(self.hooks),
        )


@dataclass
class State:
    """A host. `fresh` is what a new namespace starts as here; `features` what this kernel has.

    `lacking` says why it does not have a feature, in the kernel's own words. `tick` is the step in which it counts
    time, in nanoseconds; 0 is not known. `lowers` are the devices that others stand on, each by what stands on it.
    """

    namespaces: dict[str, Namespace] = field(default_factory=dict)
    stale: frozenset[str] = frozenset()
    fresh: Namespace = field(default_factory=lambda: Namespace(links={LO: loopback()}))
    features: frozenset[str] = frozenset()
    lacking: Mapping[str, str] = field(default_factory=dict)
    salt: str = ""
    tick: int = 0
    lowers: Mapping[End, End] = field(default_factory=dict)

    def copy(self) -> State:
        return replace(self, namespaces={name: namespace.copy() for name, namespace in self.namespaces.items()})

    def link(self, end: End) -> Optional[Link]:
        namespace = self.namespaces.get(end.netns)
        return namespace.links.get(end.name) if namespace else None

    def change_link(self, end: End, **changes: Any) -> None:
        links = self.namespaces[end.netns].links
        links[end.name] = links[end.name].but(**changes)

    def height(self, end: End) -> int:
        """How many devices a device stands on, one on another."""
        return 1 + self.height(self.lowers[end]) if end in self.lowers else 0

    def rename_lower(self, old: End, new: End) -> None:
        """A device that others stand on, or that stands on another, has moved."""
        if self.lowers:
            moved = {old: new}
            self.lowers = {moved.get(up, up): moved.get(down, down) for up, down in self.lowers.items()}


def loopback() -> Link:
    """`lo` as every new namespace has it."""
    return Link(LO, index=1, mac="00:00:00:00:00:00", mtu=65536, txqueuelen=1000, up=False)
