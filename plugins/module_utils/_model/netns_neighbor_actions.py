# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The changes to a namespace's neighbours, and the commands a person would type for them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace

from .state import Namespace, Neighbor, NeighborKey, State
from .step import CREATE, DELETE, Action, ip

# States that the kernel does not change by itself.
FIXED = ("permanent", "noarp")
BROADCAST = "ff:ff:ff:ff:ff:ff"
MAC_LENGTH = len(BROADCAST)


def is_given(found: Neighbor, namespace: Namespace) -> bool:
    """Whether somebody has made an entry, and not the kernel.

    By itself the kernel makes entries that need no ARP for groups, for broadcasts, and on devices without ARP.
    """
    if found.permanent:
        return True
    if found.mac and len(found.mac) != MAC_LENGTH:
        # There are no words for the link-layer addresses of tunnels.
        return False
    if found.protocol or {*found.flags} - {"router"}:
        return True
    link = namespace.links.get(found.key.device)
    by_kernel = found.mac in (None, BROADCAST) or ipaddress.ip_address(found.key.address).is_multicast
    return found.state == "noarp" and bool(link and link.arp) and not by_kernel


def settable(found: Neighbor) -> Neighbor:
    """An entry as it can be given again: what the kernel resolves by itself, it resolves anew."""
    if "managed" in found.flags:
        return replace(found, mac=None, state="none")
    if found.state in (*FIXED, "reachable"):
        return found
    return replace(found, state="stale" if found.mac else "none")


def words(neighbor: Neighbor) -> list[object]:
    """What iproute2 takes of an entry beside its addresses."""
    state = [] if neighbor.key.proxy else ["nud", neighbor.state]
    return [*state, *neighbor.flags, *(["protocol", neighbor.protocol] if neighbor.protocol else [])]


def _words(key: NeighborKey) -> list[object]:
    return ["proxy", key.address] if key.proxy else [key.address]


@dataclass(frozen=True)
class SetNeighbor(Action):
    """Adds or replaces an entry."""

    netns: str
    neighbor: Neighbor
    change: str = CREATE

    def what(self) -> str:
        key = self.neighbor.key
        managed = "managed" in self.neighbor.flags
        leads = "" if key.proxy or managed else f" at {self.neighbor.mac or 'a MAC not known yet'}"
        return f"set {'proxy ' if key.proxy else ''}neighbour {key.address}{leads} on {key.device}"

    def command(self) -> str:
        key = self.neighbor.key
        mac = [] if key.proxy or "managed" in self.neighbor.flags else ["lladdr", self.neighbor.mac or "?"]
        return ip(self.netns, "neighbor", "replace", *_words(key), "dev", key.device, *mac, *words(self.neighbor))

    def effect(self, state: State) -> None:
        state.namespaces[self.netns].neighbors[self.neighbor.key] = self.neighbor


@dataclass(frozen=True)
class DeleteNeighbor(Action):
    """Deletes an entry."""

    netns: str
    key: NeighborKey
    change = DELETE

    def what(self) -> str:
        return f"delete {'proxy ' if self.key.proxy else ''}neighbour {self.key.address} on {self.key.device}"

    def command(self) -> str:
        return ip(self.netns, "neighbor", "delete", *_words(self.key), "dev", self.key.device)

    def effect(self, state: State) -> None:
        del state.namespaces[self.netns].neighbors[self.key]
