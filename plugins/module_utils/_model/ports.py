# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ports of bridges: declared by the bridge, or by the port as its master."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .attributes import Attributes, SetLink, kind_name
from .following import STACKED, on_top
from .planner import Planner
from .state import LO, End, PortSettings, State
from .step import CHANGE, Action, ip

ON, OFF = (1,), (0,)
# What leaves nothing to a bridge of what comes in by the device below.
TAKING = tuple(kind for kind in STACKED if kind != "vlan")
# What the kernel gives a new port; its cost goes by the speed of the device.
DEFAULTS: dict[str, tuple[int, ...]] = {
    "priority": (32,),
    "cost": (1, 2, 4, 19, 100),
    "hairpin": OFF,
    "guard": OFF,
    "root_block": OFF,
    "fastleave": OFF,
    "learning": ON,
    "flood": ON,
    "proxy_arp": OFF,
    "proxy_arp_wifi": OFF,
    "mcast_router": (1,),
    "mcast_flood": ON,
    "mcast_to_unicast": OFF,
    "vlan_tunnel": OFF,
    "bcast_flood": ON,
    "group_fwd_mask": (0,),
    "neigh_suppress": OFF,
    "isolated": OFF,
    "locked": OFF,
}
NUMBERS = frozenset({"priority", "cost", "mcast_router", "group_fwd_mask"})


def ports_of(state: State, end: End) -> list[str]:
    """The names of a bridge's ports, sorted."""
    return sorted(port.name for port in state.namespaces[end.netns].links.values() if port.master == end.name)


def enslave(planner: Planner, end: End, wanted: Attributes, option: str = "") -> None:
    """Plans a link's bridge, or that it has none, and puts back what it was as a port."""
    _enslave(planner, end, wanted, option)
    link = planner.state.link(end)
    if link and link.master and wanted.port and wanted.port != link.port:
        planner.do(SetPort(end.netns, end.name, wanted.port), "these settings of the port were found")


def _enslave(planner: Planner, end: End, wanted: Attributes, option: str) -> None:
    link = planner.state.link(end)
    if wanted.master is None or link is None or wanted.master == (link.master or ""):
        return
    where = f"{option}.master" if option else "master"
    if wanted.master:
        master = planner.link(End(end.netns, wanted.master), where)
        if master is None or not can_be_port(planner, end, where):
            return
        if master.kind != "bridge" and not master.assumed:
            planner.refuse(f"{wanted.master} is not a bridge but {kind_name(master)}: it takes no ports", where)
            return
    set_master(planner, end, wanted.master)


def can_be_port(planner: Planner, end: End, option: str) -> bool:
    """Whether the kernel puts a device into a bridge; says so where it does not."""
    link = planner.state.link(end)
    if link is None:
        return True
    if end.name == LO or link.kind == "bridge":
        planner.refuse(f"{end} is {kind_name(link)}, which cannot be a bridge port", option)
        return False
    for upper in on_top(planner.state, end, TAKING):
        kind = kind_name(planner.state.namespaces[upper.netns].links[upper.name])
        wrong = f"{end} cannot be a bridge port: {upper}, {kind}, takes all that comes in by it"
        planner.forgo(wrong, option)
        return False
    return True


def set_master(planner: Planner, end: End, master: str) -> None:
    """Plans one change of a link's bridge."""
    link = planner.state.link(end)
    now = link.master if link else None
    why = f"it is in no bridge, wanted in {master}" if not now else f"it is in {now}, wanted in {master or 'none'}"
    planner.do(SetLink(end.netns, end.name, (("master", master),)), why)


@dataclass(frozen=True)
class SetPort(Action):
    """Changes settings of a bridge's port in one message; `changes` are (setting, value) pairs."""

    netns: str
    name: str
    changes: PortSettings
    change = CHANGE

    def what(self) -> str:
        return f"set port {self.name}: {', '.join(f'{name} {value}' for name, value in self._words())}"

    def command(self) -> str:
        words = [word for pair in self._words() for word in pair]
        return ip(self.netns, "link", "set", "dev", self.name, "type", "bridge_slave", *words)

    def _words(self) -> list[tuple[str, Any]]:
        return [(name, value if name in NUMBERS else "on" if value else "off") for name, value in self.changes]

    def effect(self, state: State) -> None:
        state.change_link(End(self.netns, self.name), port=self.changes)
