# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is drawn: boxes with devices and notes, and the cables between the devices."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

# A device by its namespace (None is the host) and its name.
Ref = tuple[Optional[str], str]

MANY = 8  # more namespaces than this are drawn one line each


@dataclass(frozen=True)
class Device:
    netns: Optional[str]
    name: str
    kind: str  # "veth", "bridge" or "link"
    addresses: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()  # what is unusual about its state: "down", "mtu 9000"
    master: Optional[str] = None
    facts: tuple[str, ...] = ()  # its routes, neighbours and sysctls, as a person reads them
    uplink: bool = False

    @property
    def ref(self) -> Ref:
        return (self.netns, self.name)

    @property
    def heading(self) -> str:
        return f"{self.name} ({', '.join(self.marks)})" if self.marks else self.name


@dataclass(frozen=True)
class Note:
    """Something true of a whole namespace."""

    label: str
    text: str


@dataclass(frozen=True)
class Masquerade:
    source: Optional[str]
    destination: Optional[str]
    out_interface: Optional[str]

    @property
    def short(self) -> str:
        towards = f" to {self.destination}" if self.destination else ""
        return f"{self.source or 'anything'}{towards}"

    def leaves_by(self, device: str) -> bool:
        if not self.out_interface:
            return True
        if self.out_interface.startswith("!"):
            return self.out_interface[1:].strip() != device
        return self.out_interface == device


@dataclass(frozen=True)
class Box:
    """A namespace, or the host."""

    netns: Optional[str]
    devices: tuple[Device, ...] = ()
    notes: tuple[Note, ...] = ()
    masquerades: tuple[Masquerade, ...] = ()

    @property
    def title(self) -> str:
        if self.netns is None:
            return "host"
        return "netns host" if self.netns == "host" else self.netns

    @property
    def bridges(self) -> tuple[Device, ...]:
        return tuple(device for device in self.devices if device.kind == "bridge")

    @property
    def uplinks(self) -> tuple[Device, ...]:
        return tuple(device for device in self.devices if device.uplink)

    @property
    def inward(self) -> Optional[Device]:
        """What a drawing puts between the namespaces and an uplink: a bridge, else a cable's end."""
        cabled = [device for device in self.devices if device.kind == "veth"]
        return next(iter([*self.bridges, *cabled]), None)

    def translated(self, uplink: Device) -> tuple[str, ...]:
        """What is masqueraded on its way out of this uplink."""
        return tuple(rule.short for rule in self.masquerades if rule.leaves_by(uplink.name))


@dataclass(frozen=True)
class Graph:
    boxes: tuple[Box, ...]
    cables: tuple[tuple[Ref, Ref], ...]

    @property
    def namespaces(self) -> int:
        return sum(1 for box in self.boxes if box.netns is not None)

    def devices(self) -> dict[Ref, Device]:
        return {device.ref: device for box in self.boxes for device in box.devices}


def natural(name: str) -> tuple[list[object], str]:
    """Sort key that puts ns2 before ns10."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if odd % 2 else part for odd, part in enumerate(parts)], name


def by_ref(ref: Ref) -> tuple[bool, tuple[list[object], str], tuple[list[object], str]]:
    """Sort key of devices: the host last."""
    netns, name = ref
    return netns is None, natural(netns or ""), natural(name)
