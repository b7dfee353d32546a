# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of other devices follows when one is changed: bridges follow their ports, and what stands on a device that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Optional

from . import vanishing
from .addresses import drop_ipv6, too_small_for_ipv6
from .netns_sysctl_keys import device_of, ipv6_mtu
from .state import End, Link, Namespace, State, Sysctl

NEW_MTU = 1500

# A bridge whose own MTU was never changed has the smallest one of its ports', and one whose own MAC address was never
# changed the smallest of theirs. The kernel does not tell; what a plan changes is marked among the bridge's settings.
OWN = {"mtu": ("own_mtu", 1), "mac": ("own_mac", 1)}
OWN_MTU = OWN["mtu"]
NO_MAC = "00:00:00:00:00:00"


def keep_own_mtus(state: State, ends: Iterable[End]) -> None:
    """Marks the bridges among devices that were given their MTU."""
    for end in ends:
        link = state.link(end)
        if link and link.kind == "bridge" and OWN_MTU not in link.bridge:
            state.change_link(end, bridge=(*link.bridge, OWN_MTU))


def follow_mtu(namespace: Namespace, device: str, before: Optional[int]) -> None:
    """With an MTU that is too small a device loses IPv6 and the settings for it; with a larger one these start anew."""
    gone = too_small_for_ipv6(namespace.links[device].mtu)
    if namespace.links[device].mtu != before:
        follow_ipv6_mtu(namespace, device)
    if gone == too_small_for_ipv6(before):
        return
    for key in [key for key in namespace.sysctls if device_of(key) == device and key[1] == "ipv6"]:
        if gone:
            namespace.sysctls[key] = Sysctl(exists=False)
        else:
            del namespace.sysctls[key]
    if gone:
        drop_ipv6(namespace, device, gone=True)
    else:
        namespace.links[device] = namespace.links[device].but(ipv6=namespace.starts_with_ipv6)


def follow_ipv6_mtu(namespace: Namespace, device: str) -> None:
    """The MTU for IPv6 alone is the device's with every change of that, and whenever IPv6 comes up on it."""
    link = namespace.links[device]
    mtu = 0 if too_small_for_ipv6(link.mtu) else link.mtu or 0
    if mtu and link.ipv6_mtu not in (0, None, mtu):
        vanishing.route_mtus(namespace, device, link.ipv6_mtu, mtu)
    if link.ipv6_mtu != mtu:
        namespace.links[device] = link.but(ipv6_mtu=mtu)
    key = ipv6_mtu(device)
    found = namespace.sysctls.get(key)
    if mtu and found and found.exists:
        namespace.sysctls[key] = replace(found, value=str(mtu))


def bridges_of(namespace: Namespace, before: Link, after: Link) -> list[tuple[str, str]]:
    """The bridges that follow a change of this port, and what of them does."""
    found = []
    for name in {before.master, after.master} - {None}:
        bridge = namespace.links.get(name or "")
        if bridge is None or bridge.kind != "bridge":
            continue
        joins_alike = after.master == name and after.mtu == bridge.mtu
        may_follow = OWN_MTU not in bridge.bridge and not joins_alike
        if may_follow and bridge.mtu == _smallest_mtu(namespace, bridge.name):
            found.append((bridge.name, "mtu"))
        if has_ports_mac(namespace, bridge):
            found.append((bridge.name, "mac"))
    return found


def follow(namespace: Namespace, bridges: Iterable[tuple[str, str]]) -> None:
    for name, option in bridges:
        bridge = namespace.links[name]
        if option == "mtu":
            namespace.links[name] = bridge.but(mtu=_smallest_mtu(namespace, name))
            follow_mtu(namespace, name, bridge.mtu)
        elif bridge.mac != _smallest_mac(namespace, name):
            namespace.links[name] = bridge.but(mac=_smallest_mac(namespace, name))
            vanishing.neighbors(namespace, name)


def has_ports_mac(namespace: Namespace, bridge: Link) -> bool:
    return OWN["mac"] not in bridge.bridge and bridge.mac == _smallest_mac(namespace, bridge.name)


def _smallest_mac(namespace: Namespace, bridge: str) -> str:
    """As the kernel compares them, byte by byte; without ports it is none."""
    return min((port.mac for port in namespace.links.values() if port.master == bridge and port.mac), default=NO_MAC)


def _smallest_mtu(namespace: Namespace, bridge: str) -> int:
    return min((port.mtu for port in namespace.links.values() if port.master == bridge and port.mtu), default=NEW_MTU)


# Which stand on another device. Some have its MTU; the others are made to fit it, and do not grow with it again.
STACKED = ("vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec")
ALIKE = ("ipvlan", "ipvtap")
# Which the kernel deletes when the device below leaves its namespace. A VXLAN keeps its MTU whatever that one has.
LEFT_BEHIND = ("macsec", "vxlan")
Mtus = dict[End, Optional[int]]


def below(state: State) -> Mtus:
    """The MTUs of the devices that others stand on."""
    return {lower: getattr(state.link(lower), "mtu", None) for lower in set(state.lowers.values())}


def press(state: State, before: Mtus) -> None:
    """What stands on a device whose MTU was changed has no larger one; `before` is what `below` told."""
    while changed := dict(below(state).items() - before.items()):
        before = {**before, **changed}
        for upper, lower in state.lowers.items():
            link, mtu = state.link(upper), changed.get(lower)
            if link and link.kind in STACKED and link.mtu and mtu and (link.mtu > mtu or link.kind in ALIKE):
                _set_mtu(state.namespaces[upper.netns], link, mtu)


def _set_mtu(namespace: Namespace, link: Link, mtu: int) -> None:
    after = link.but(mtu=mtu)
    bridges = bridges_of(namespace, link, after)
    namespace.links[link.name] = after
    follow_mtu(namespace, link.name, link.mtu)
    follow(namespace, bridges)


def on_top(state: State, lower: End, kinds: Sequence[str] = STACKED) -> list[End]:
    """The devices that stand on one."""
    uppers = [upper for upper, other in state.lowers.items() if other == lower]
    return [upper for upper in uppers if (link := state.link(upper)) and link.kind in kinds]
