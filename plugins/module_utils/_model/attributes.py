# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The attributes that every link has, and the steps that bring them about.

`link`, `veth` and `bridge` share them; each adds what makes it a kind of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields, replace
from typing import Any, Optional

from . import addresses, losses, values, vanishing
from .addresses import IPV6_MINIMUM_MTU, AddAddress, too_small_for_ipv6
from .following import (
    NO_MAC,
    OWN,
    below,
    bridges_of,
    follow,
    follow_ipv6_mtu,
    follow_mtu,
    has_ports_mac,
    on_top,
    press,
)
from .netns_sysctl_keys import device_of
from .planner import Planner
from .problems import Reader
from .scope import Scope
from .state import ALL_KEEP_IPV6, HOST, LO, NEW_WITHOUT_IPV6, Address, End, Link, PortSettings, State
from .step import CHANGE, LOST, Action, Step, ip

OPTIONS: dict[str, Any] = {
    "addresses": {"type": "list", "elements": "str"},
    "up": {"type": "bool"},
    "mtu": {"type": "int"},
    "mac": {"type": "str"},
    "txqueuelen": {"type": "int"},
    "master": {"type": "str"},
}
ADDRESS_FIELDS = [each.name for each in fields(Address) if each.name != "seen"]
ETHERNET_MTU = (68, 65535)


@dataclass(frozen=True)
class Attributes:
    """What is wanted of a link; None is "leave it as it is", master "" is "in no bridge".

    `found` are addresses that are put back: with all that the kernel told of them, and in its order. `port` is what is
    put back of a bridge port's settings. `declared` are the addresses that may go where some are put back; None is all.
    `ports_mac` is whether a bridge that is put back had its MAC address from its ports, `ipv6_mtu` an MTU for IPv6
    alone that somebody had set.
    """

    addresses: Optional[tuple[str, ...]] = None
    up: Optional[bool] = None
    mtu: Optional[int] = None
    mac: Optional[str] = None
    txqueuelen: Optional[int] = None
    master: Optional[str] = None
    port: Optional[PortSettings] = None
    found: Optional[tuple[Address, ...]] = None
    declared: Optional[tuple[str, ...]] = None
    ports_mac: Optional[bool] = None
    ipv6_mtu: Optional[int] = None

    @property
    def wants_ipv6(self) -> bool:
        """Whether there are to be IPv6 addresses."""
        texts = (*(self.addresses or ()), *(each.text for each in self.found or ()))
        return any(values.family(text) == 6 for text in texts)

    def completed(self, was: Attributes) -> Attributes:
        """With what was, where nothing is wanted; not in a bridge, which may be gone."""
        unsaid = {name for name, value in vars(self).items() if value is None} - {"master", "port", "found"}
        if self.addresses is None:
            unsaid.add("found")
        return replace(self, **{name: getattr(was, name) for name in unsaid})


NOTHING = Attributes()


def read(reader: Reader, mtu: tuple[int, int] = (68, 2**31 - 1)) -> Attributes:
    """The link attributes of an entry."""
    if vars(NOTHING).keys().isdisjoint(reader.options):
        return NOTHING
    wanted = Attributes(
        addresses=reader.each("addresses", values.interface_address),
        up=reader.get("up"),
        mtu=reader.get("mtu", values.between(*mtu, unit="bytes")),
        mac=reader.get("mac", values.mac),
        txqueuelen=reader.get("txqueuelen", values.between(0, 2**31 - 1, unit="packets")),
        master=reader.get("master", lambda name: values.interface_name(name) if name else ""),
        port=reader.get("port", lambda port: tuple(sorted(port.items()))),
        found=reader.get("found", lambda found: tuple(Address(**each) for each in found)),
        declared=reader.get("declared", tuple),
        ports_mac=reader.get("ports_mac"),
        ipv6_mtu=reader.get("ipv6_mtu"),
    )
    hosts = [text.split("/")[0] for text in wanted.addresses or () if values.family(text) == 6]
    for host in sorted({host for host in hosts if hosts.count(host) > 1}):
        reader.wrong("addresses", f"{host} is given twice: the kernel keeps an IPv6 address with one prefix length")
    if too_small_for_ipv6(wanted.mtu):
        if any(values.family(text) == 6 for text in wanted.addresses or ()):
            reader.wrong("mtu", f"{wanted.mtu} is too small for the IPv6 addresses declared: IPv6 needs 1280 bytes")
    return wanted


def add_to(scope: Scope, end: End, wanted: Attributes) -> None:
    """What has to be read to tell what becomes of IPv6: an MTU may take it away, also from a bridge that follows."""
    sysctls = scope.namespace(end.netns).sysctls
    if wanted.wants_ipv6:
        sysctls.add(NEW_WITHOUT_IPV6)
    if wanted.up is False or (wanted.up and end.netns == HOST):
        # A device that is brought up may have to go down again when the run fails.
        sysctls.add(ALL_KEEP_IPV6)
    for name in (end.name, wanted.master) if too_small_for_ipv6(wanted.mtu) else ():
        if name:
            scope.settings(End(end.netns, name), ("ipv6",))


def view(link: Link) -> dict[str, Any]:
    """A link's attributes in the user's vocabulary."""
    return {
        "addresses": list(link.own_addresses),
        "up": link.up,
        "mtu": link.mtu,
        "mac": _ethernet(link.mac),
        "txqueuelen": link.txqueuelen,
        "master": link.master or "",
    }


def record(link: Link) -> dict[str, Any]:
    """What of a link there are no words for."""
    more: dict[str, Any] = {"port": dict(link.port)} if link.port else {}
    lost = link.lost
    if lost and (len(lost) > 1 or lost[0].details or lost[0].given):
        more["found"] = [{name: getattr(address, name) for name in ADDRESS_FIELDS} for address in lost]
    if link.own_ipv6_mtu:
        more["ipv6_mtu"] = link.own_ipv6_mtu
    return more


def _ethernet(mac: Optional[str]) -> Optional[str]:
    """A MAC address that can be declared: loopback and tunnel devices have none."""
    try:
        return values.mac(mac or "")
    except ValueError:
        return None


def configure(planner: Planner, end: End, wanted: Attributes, option: str = "") -> None:
    """Plans everything of a link but its addresses and its bridge."""
    link = planner.state.link(end)
    if link is None:
        return
    wanted = _with_kept(planner, end, wanted)
    _check_mtu(planner, end, wanted, option)
    if end.name == LO and wanted.mac and link.mac == NO_MAC:
        planner.refuse(f"{end} has no MAC address; once it has one, the kernel does not let it have none again", "mac")
    if link.kind == "bridge" and has_ports_mac(planner.state.namespaces[end.netns], link):
        # The ports may bring it what is wanted; what is set stays whatever they bring.
        wanted = replace(wanted, mac=None)
    changes: dict[str, tuple[Any, Any]] = {}
    for name in ("mac", "mtu", "txqueuelen", "up"):
        value, now = getattr(wanted, name), getattr(link, name)
        if value is not None and value != now:
            changes[name] = (now, value)
    if not changes:
        return
    if changes.get("up") == (True, False):
        # The kernel forgets IPv6 addresses when a device goes down, unless keep_addr_on_down is on.
        planner.kept[end] = Attributes(addresses=link.own_addresses, found=link.own)
        losses.of_nexthops(planner, end)
    planner.do(SetLink(end.netns, end.name, tuple((key, new) for key, (_old, new) in changes.items())), _why(changes))
    _regain_loopback(planner, end, link)


def regain_ipv6(planner: Planner, end: End, wanted: Attributes) -> None:
    """A device whose MTU was too small for IPv6 gets its settings with a larger one, before they can be written."""
    link = planner.state.link(end)
    if link and wanted.mtu and too_small_for_ipv6(link.mtu) and not too_small_for_ipv6(wanted.mtu):
        planner.do(SetLink(end.netns, end.name, (("mtu", wanted.mtu),)), _why({"mtu": (link.mtu, wanted.mtu)}))
        _regain_loopback(planner, end, link)


def _regain_loopback(planner: Planner, end: End, before: Link) -> None:
    """With IPv6 the kernel does not give `lo` its address again, unless it goes down and comes up."""
    now = planner.state.namespaces[end.netns].links[end.name]
    if end.name != LO or not too_small_for_ipv6(before.mtu) or too_small_for_ipv6(now.mtu):
        return
    if before.up and now.up and now.ipv6:
        regained = Address("::1/128", kernel_made=True)
        planner.do(AddAddress(end.netns, LO, regained.text, regained), "it went with an MTU too small for IPv6")


def address(planner: Planner, end: End, wanted: Attributes, option: str = "") -> None:
    """Plans exactly the wanted addresses, or those that this run would lose."""
    where = f"{option}.addresses" if option else "addresses"
    wanted = _with_kept(planner, end, wanted)
    link = planner.state.link(end)
    # A bridge that has its ports' again is not to lose them for good: one whose MAC address was set follows none.
    follows = wanted.ports_mac and link and has_ports_mac(planner.state.namespaces[end.netns], link)
    if link and wanted.mac not in (None, link.mac) and not follows:
        planner.do(SetLink(end.netns, end.name, (("mac", wanted.mac),)), _why({"mac": (link.mac, wanted.mac)}))
    if wanted.found is None:
        addresses.exactly(planner, end, wanted.addresses, where, wanted.declared)
    else:
        addresses.as_found(planner, end, wanted.found, where, wanted.declared)


def _with_kept(planner: Planner, end: End, wanted: Attributes) -> Attributes:
    """What is wanted, and where nothing is said what an earlier step would lose or has lost."""
    kept = planner.kept.get(end)
    if kept is None:
        return wanted
    return replace(
        wanted,
        addresses=kept.addresses if wanted.addresses is None else wanted.addresses,
        found=kept.found if wanted.addresses is None else wanted.found,
        declared=kept.declared if wanted.addresses is None else wanted.declared,
        up=kept.up if wanted.up is None else wanted.up,
    )


def _check_mtu(planner: Planner, end: End, wanted: Attributes, option: str) -> None:
    link = planner.state.link(end)
    if wanted.mtu is None or link is None or wanted.mtu == link.mtu:
        return
    where = f"{option}.mtu" if option else "mtu"
    if link.max_mtu and not link.min_mtu <= wanted.mtu <= link.max_mtu:
        planner.refuse(f"{wanted.mtu} is out of range: {end} takes {link.min_mtu} to {link.max_mtu} bytes", where)
    elif too_small_for_ipv6(wanted.mtu) and wanted.addresses is None and addresses.own_ipv6(link):
        lost = ", ".join(addresses.own_ipv6(link))
        planner.refuse(
            f"{wanted.mtu} is too small for the IPv6 addresses of {end}, which the kernel would delete ({lost}): "
            f"IPv6 needs {IPV6_MINIMUM_MTU} bytes; declare the addresses it is to have",
            where,
        )


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
    change = CHANGE

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
        namespace = state.namespaces[self.netns]
        before = namespace.links[self.name]
        changes: dict[str, Any] = dict(self.changes)
        if "master" in changes:
            changes.update(master=changes["master"] or None, port=())
        if before.kind == "bridge":
            changes["bridge"] = (
                *before.bridge,
                *(OWN[option] for option in OWN.keys() & changes.keys()),
            )
        if "up" in changes and before.addresses:
            # The routes to their networks go when it goes down, and the kernel makes them again when it comes up.
            changes["addresses"] = tuple(replace(address, seen=False) for address in before.addresses)
        mtus, after = below(state), before.but(**changes)
        bridges = bridges_of(namespace, before, after)
        namespace.links[self.name] = after
        if "mac" in changes:
            vanishing.neighbors(namespace, self.name)
        if changes.get("up") is False:
            vanishing.devices(namespace, {self.name}, gone=False)
            addresses.go_down(namespace, self.name)
        for vlan in on_top(state, end, ["vlan"]) if "up" in changes else ():
            SetLink(vlan.netns, vlan.name, (("up", changes["up"]),)).effect(state)
        follow_mtu(namespace, self.name, before.mtu)
        if changes.get("up"):
            follow_ipv6_mtu(namespace, self.name)
        follow(namespace, bridges)
        press(state, mtus)


def drop(state: State, netns: str, names: AbstractSet[str]) -> None:
    """Devices of a namespace go, with their settings."""
    namespace = state.namespaces[netns]
    # One port of each bridge tells whether it follows.
    ports = {link.master: link for link in (namespace.links.get(name) for name in names) if link}
    bridges = {each for link in ports.values() for each in bridges_of(namespace, link, link.but(master=None))}
    vanishing.links(namespace, names)
    forget_settings(state, netns, names)
    follow(namespace, {(name, option) for name, option in bridges if name not in names})


def forget_settings(state: State, netns: str, names: AbstractSet[str]) -> None:
    """The sysctls of devices that have just appeared start from conf/default: what they are is not known."""
    sysctls = state.namespaces[netns].sysctls
    for key in [key for key in sysctls if device_of(key) in names]:
        del sysctls[key]


def are_unforeseen(steps: Sequence[Step], state: State) -> bool:
    """Whether steps are left of a plan only because bridges did not follow their ports, as those do that somebody set.

    What such a step takes along comes back after it.
    """
    for action in (step.action for step in steps if step.phase != LOST):
        if not isinstance(action, SetLink) or [option for option, dummy in action.changes if option not in OWN]:
            return False
        link = state.link(End(action.netns, action.name))
        if link is None or link.kind != "bridge":
            return False
    return bool(steps)


def _word(option: str, value: Any) -> str:
    if option == "up":
        return "up" if value else "down"
    return f"{option} {value}" if value != "" else f"no {option}"
