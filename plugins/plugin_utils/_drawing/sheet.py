# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A terminal drawing before it is painted: what stands where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from .graph import Box, Device, Ref

TRUNK_ROWS = 2


@dataclass(frozen=True)
class Style:
    compact: bool  # a namespace is a line, not a box
    stacked: bool  # addresses below the device, not beside it


@dataclass
class Slot:
    """A device on the left, and the device at the other end of its cable if that is on the right."""

    device: Device
    lines: list[str]
    port: Optional[Device] = None
    port_lines: list[str] = field(default_factory=list)
    y: int = 0

    @property
    def rows(self) -> int:
        return max(len(self.lines), len(self.port_lines))


@dataclass
class LeftBox:
    title: str
    slots: list[Slot]
    tail: list[str]
    top: int = 0
    bottom: int = 0


@dataclass
class Switch:
    """A bridge of the hub, drawn as a box with its ports on its left side."""

    bridge: Device
    content: list[str]
    trunk: tuple[Device, ...] = ()  # the two ends of a cable down to the next switch
    top: int = 0
    bottom: int = 0


@dataclass(frozen=True)
class Footer:
    lines: list[str]
    tied: bool = False  # by a cable to the next footer


@dataclass
class Sheet:
    style: Style
    hub: Optional[Box]  # what stands on the right
    left: list[LeftBox]
    switches: dict[str, Switch]  # from the top down
    footers: list[Footer] = field(default_factory=list)  # the hub's other devices
    uplinks: list[Device] = field(default_factory=list)
    lanes: list[tuple[int, int]] = field(default_factory=list)  # rows that a cable joins on the left
    footer_top: int = 0

    def switch_of(self, slot: Slot) -> Optional[Switch]:
        return self.switches.get(slot.port.master or "") if slot.port else None

    def has_more(self) -> bool:
        """Whether the hub has something to show below its ports."""
        return bool(self.footers or self.uplinks or (self.hub and self.hub.notes))

    def trunk_ends(self) -> set[Ref]:
        return {end.ref for switch in self.switches.values() for end in switch.trunk}


def place(sheet: Sheet) -> None:
    """Give everything its rows, from the top down.

    A switch begins one row above its first port, where a framed namespace has its upper border, and
    ends in the row below its last port, where the namespace has its lower one.
    """
    border = 0 if sheet.style.compact else 1
    y = 0  # the next row on the left
    free = 1  # the next row on the right, outside of a switch
    current: Optional[Switch] = None
    apart = False  # what follows on the right needs an empty row before it
    for box in sheet.left:
        box.top = y
        y += border
        for slot in box.slots:
            switch = sheet.switch_of(slot)
            if slot.port and switch is not current:
                free = _close(current, free)
                current = switch
                if switch:
                    switch.top = max(y - 1, free)
                    free += 1
            if slot.port:
                y = max(y, free)
            if slot is box.slots[0]:
                box.top = y - border
            slot.y = y
            y += slot.rows
            if slot.port:
                free = y
                apart = not switch and len(slot.port_lines) == slot.rows and sheet.has_more()
        y += len(box.tail)
        box.bottom = y
        y += border
    sheet.footer_top = _close(current, free) + apart


def _close(switch: Optional[Switch], free: int) -> int:
    """The first row below the switch, and below the cable to the next one."""
    if switch is None:
        return free
    switch.bottom = max(free, switch.top + 1 + len(switch.content))
    return switch.bottom + 1 + (TRUNK_ROWS if switch.trunk else 0)
