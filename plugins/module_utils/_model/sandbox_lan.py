# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The LAN of the sandbox hosts, as a document.

It is a bridge in a namespace of its own. Every host hangs on it by a cable; the one called "outside" is its
router, and stands for the rest of the world.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from .document import Config
from .sandbox_actions import LAN

OUTSIDE = "outside"
BRIDGE, UPLINK, PORT = "br0", "eth0", "port"
SUBNET, SUBNET6 = "10.211.55.0/24", "fd00:10:211:55::/64"
# What the outside answers for.
ANSWERS = ("8.8.8.8/32", "2001:4860:4860::8888/128")
# The outside's number and the first one of the others; a number is the last part of a host's addresses.
ROUTER, FIRST = 1, 10
# What the kernel starts with. A new namespace has the values of the machine's initial one instead.
IPV4 = {
    "forwarding": 0,
    "rp_filter": 0,
    "accept_local": 0,
    "proxy_arp": 0,
    "proxy_arp_pvlan": 0,
    "arp_ignore": 0,
    "arp_announce": 0,
    "arp_filter": 0,
    "route_localnet": 0,
    "send_redirects": 1,
    "log_martians": 0,
    "promote_secondaries": 0,
    "src_valid_mark": 0,
}
IPV6 = {"disable_ipv6": 0, "forwarding": 0, "accept_ra": 1, "proxy_ndp": 0}


@dataclass(frozen=True)
class Lan:
    """The LAN, and the number of every finished host on it; no IPv6 where `subnet6` is ""."""

    subnet: str = SUBNET
    subnet6: str = SUBNET6
    numbers: Mapping[str, int] = field(default_factory=dict)

    def address(self, number: int) -> str:
        return str(ipaddress.ip_network(self.subnet)[number])

    def address6(self, number: int) -> str:
        return str(ipaddress.ip_network(self.subnet6)[number]) if self.subnet6 else ""

    def prefixes(self, number: int) -> list[str]:
        """A host's addresses as they are given to its uplink."""
        pairs = ((self.address(number), self.subnet), (self.address6(number), self.subnet6))
        return [f"{address}/{subnet.partition('/')[2]}" for address, subnet in pairs if address]

    def gateways(self) -> list[str]:
        return [address for address in (self.address(ROUTER), self.address6(ROUTER)) if address]

    def only(self, names: AbstractSet[str]) -> Lan:
        return replace(self, numbers={name: number for name, number in self.numbers.items() if name in names})


def config(lan: Lan, names: Sequence[str], keep: AbstractSet[str], ports: Mapping[int, str]) -> Config:
    """The LAN, and what is missing of some hosts on it; the hosts in `keep` and the ports stand already.

    What goes on inside a host that stands is its user's business.
    """
    hosts = [(name, lan.numbers[name]) for name in (OUTSIDE, *names)]
    new = [name for name, dummy in hosts if name not in keep]
    loose = [(name, number) for name, number in hosts if name not in keep or number not in ports]
    standing = sorted(ports[number] for name, number in lan.numbers.items() if name in keep and number in ports)
    found: dict[str, list[dict[str, Any]]] = {
        "netns": [{"name": name, "lo_up": True} for name in (LAN, *new)],
        "netns_sysctl": [setting for name in new for setting in _settings(name, lan)],
        "bridge": [{"netns": LAN, "name": BRIDGE, "up": True, "ports": standing}],
        "veth": [_cable(name, number, lan) for name, number in loose],
        "netns_route": [
            {"netns": name, "destination": "default", "gateway": gateway, "device": UPLINK}
            for name, dummy in loose
            if name != OUTSIDE
            for gateway in lan.gateways()
        ],
    }
    if LAN not in keep and lan.subnet6:
        # A bridge forwards frames without an address of its own.
        found["netns_sysctl"] += [_setting(LAN, 6, device, "disable_ipv6", 1) for device in ("all", "default")]
    if lan.subnet6:
        # No second of waiting for somebody who has the address already.
        found["netns_sysctl"] += [_setting(name, 6, UPLINK, "accept_dad", 0) for name, dummy in loose]
    if OUTSIDE in new:
        answers = [answer for answer in ANSWERS if lan.subnet6 or ":" not in answer]
        found["link"] = [{"netns": OUTSIDE, "name": "lo", "addresses": answers}]
    return found


def _settings(name: str, lan: Lan) -> Sequence[dict[str, Any]]:
    router = int(name == OUTSIDE)
    found = []
    for family, keys, devices in ((4, IPV4, ("all", "default", "lo")), (6, IPV6, ("all", "default"))):
        for key, value in keys.items() if family == 4 or lan.subnet6 else ():
            found += [_setting(name, family, each, key, router if key == "forwarding" else value) for each in devices]
    return found


def _setting(netns: str, family: int, device: str, key: str, value: int) -> dict[str, Any]:
    return {"netns": netns, "name": f"net.ipv{family}.conf.{device}.{key}", "value": value}


def _cable(name: str, number: int, lan: Lan) -> dict[str, Any]:
    peer = {"netns": name, "name": UPLINK, "up": True, "addresses": lan.prefixes(number)}
    return {"netns": LAN, "name": f"{PORT}{number}", "up": True, "master": BRIDGE, "peer": peer}
