# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The star that every tool builds: namespaces on one bridge, each with `lo` up, an address and a default route."""

from __future__ import annotations

from typing import Any, NamedTuple

BRIDGE = "br0"
GATEWAY = "10.1.255.254"
PREFIX = 16
# What the third phase changes: one device's MTU.
MTU = 1400
CHANGED = 1


class Leaf(NamedTuple):
    """A namespace and its cable."""

    number: int

    @property
    def netns(self) -> str:
        return f"ns{self.number}"

    @property
    def near(self) -> str:
        return f"eth{self.number}"

    @property
    def far(self) -> str:
        return f"port{self.number}"

    @property
    def address(self) -> str:
        return f"10.1.{self.number // 250}.{self.number % 250 + 1}/{PREFIX}"


def leaves(size: int) -> list[Leaf]:
    return [Leaf(number) for number in range(1, size + 1)]


def document(size: int, mtu: bool = False) -> dict[str, Any]:
    """The star as one configuration of `topology`; `mtu` with the one change."""
    veths: list[dict[str, Any]] = []
    for leaf in leaves(size):
        peer = {"name": leaf.far, "master": BRIDGE}
        veths.append({"netns": leaf.netns, "name": leaf.near, "addresses": [leaf.address], "peer": peer})
    if mtu:
        veths[CHANGED - 1]["mtu"] = MTU
    return {
        "netns": [{"name": leaf.netns} for leaf in leaves(size)],
        "bridge": [{"name": BRIDGE, "addresses": [f"{GATEWAY}/{PREFIX}"]}],
        "veth": veths,
        "netns_route": [{"netns": leaf.netns, "destination": "default", "gateway": GATEWAY} for leaf in leaves(size)],
    }


def bridge_lines() -> list[str]:
    """What one types for the bridge, without the leading `ip`."""
    return [
        f"link add {BRIDGE} type bridge",
        f"link set {BRIDGE} up",
        f"address add {GATEWAY}/{PREFIX} dev {BRIDGE}",
    ]


def outer_lines(leaf: Leaf) -> list[str]:
    """What one types on the host for a leaf."""
    return [
        f"netns add {leaf.netns}",
        f"link add {leaf.near} netns {leaf.netns} type veth peer name {leaf.far}",
        f"link set {leaf.far} master {BRIDGE} up",
    ]


def inner_lines(leaf: Leaf) -> list[str]:
    """What one types inside a leaf's namespace."""
    return [
        "link set lo up",
        f"address add {leaf.address} dev {leaf.near}",
        f"link set {leaf.near} up",
        f"route add default via {GATEWAY}",
    ]


def teardown_lines(size: int) -> list[str]:
    return [*(f"netns delete {leaf.netns}" for leaf in leaves(size)), f"link delete {BRIDGE}"]
