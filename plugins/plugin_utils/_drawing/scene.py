# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands where in an SVG, in pixels: namespaces on one side of the hub, or on both."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Optional

from .graph import MANY
from .picture import ROW
from .sheet import LeftBox, Sheet, Slot, Switch

PAD = 10  # between a border and what is inside
GAP = 12  # between two boxes
HEAD = PAD + ROW + 6  # a box's title
EDGE = 4  # between a port's border and its text
BETWEEN = 8  # between two ports
TRUNK = 44  # the way of a cable between two bridges


@dataclass
class Side:
    """A column of namespaces, and of the hub's ports towards them."""

    boxes: list[LeftBox]
    free: int = 0  # where the next namespace may begin
    port_free: int = HEAD  # where the text of the hub's next port may begin
    at: int = 0  # how many of its slots have their places
    slots: list[tuple[LeftBox, Slot]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.slots = [(box, slot) for box in self.boxes for slot in box.slots]


@dataclass
class Scene:
    sheet: Sheet
    sides: list[Side]
    lanes: list[tuple[int, int]]  # the rows that a cable joins on the outer side
    ports_end: int = 0


def set_out(sheet: Sheet) -> Scene:
    """Takes the sheet's order, and gives its boxes, slots and switches their places in pixels."""
    sides = [Side(boxes) for boxes in _halves(sheet)]
    cells = {slot.y: slot for side in sides for dummy, slot in side.slots}
    ends = [(cells[upper], cells[lower]) for upper, lower in sheet.lanes]
    head = PAD if sheet.style.compact else HEAD
    for switch in _runs(sheet):
        _open(switch, sides)
        for side in sides:
            _fill(side, switch, sheet, head)
        _close(switch, sides)
    for side in sides:
        for box in side.boxes:
            if not box.slots:
                box.top, side.free = side.free, side.free + head
                _finish(box, side)
    lanes = sorted((min(a.y, b.y), max(a.y, b.y)) for a, b in ends)
    ports = [slot for side in sides for dummy, slot in side.slots if slot.port]
    bottoms = [slot.y + len(slot.port_lines) * ROW + EDGE for slot in ports]
    # Without ports, what is below them comes next to the title.
    end = max([HEAD - GAP, *bottoms, *(switch.bottom for switch in sheet.switches.values())])
    return Scene(sheet, sides, lanes, end)


def _halves(sheet: Sheet) -> list[list[LeftBox]]:
    """Many namespaces stand on both sides of the hub, every bridge's in equal parts.

    Not so where cables run between namespaces, or one namespace is on several bridges.
    """
    groups: dict[Optional[str], list[LeftBox]] = defaultdict(list)
    for box in sheet.left:
        masters = {slot.port.master for slot in box.slots if slot.port}
        if len(masters) > 1:
            return [sheet.left]
        groups[next(iter(masters), None)].append(box)
    if not sheet.hub or sheet.lanes or len(sheet.left) <= MANY:
        return [sheet.left]
    halves: list[list[LeftBox]] = [[], []]
    for boxes in groups.values():
        middle = (len(boxes) + 1) // 2
        halves[0] += boxes[:middle]
        halves[1] += boxes[middle:]
    return halves


def _runs(sheet: Sheet) -> list[Optional[Switch]]:
    """The switches in the order of their ports, and None for ports of their own between them."""
    runs: list[Optional[Switch]] = []
    for slot in [slot for box in sheet.left for slot in box.slots if slot.port]:
        switch = sheet.switch_of(slot)
        if not runs or runs[-1] is not switch:
            runs.append(switch)
    return runs or [None]


def _open(switch: Optional[Switch], sides: list[Side]) -> None:
    floor = max(side.port_free for side in sides)
    if switch:
        switch.top, switch.bottom = -1, floor
    for side in sides:
        side.port_free = floor + (PAD if switch else 0)


def _fill(side: Side, switch: Optional[Switch], sheet: Sheet, head: int) -> None:
    """Places the slots that belong to a switch, and those that lead nowhere between them."""
    while side.at < len(side.slots):
        box, slot = side.slots[side.at]
        if slot.port and sheet.switch_of(slot) is not switch:
            return
        side.at += 1
        first, last = slot is box.slots[0], slot is box.slots[-1]
        slot.y = side.free + (head if first else 0)
        if slot.port:
            slot.y = max(slot.y, side.port_free)
            side.port_free = slot.y + len(slot.port_lines) * ROW + 2 * EDGE + BETWEEN
            if switch:
                switch.top = slot.y if switch.top < 0 else min(switch.top, slot.y)
                switch.bottom = max(switch.bottom, side.port_free)
        if first:
            box.top = slot.y - head
        side.free = slot.y + len(slot.lines) * ROW
        if last:
            _finish(box, side)


def _finish(box: LeftBox, side: Side) -> None:
    box.bottom = side.free + len(box.tail) * ROW + PAD - 2
    side.free = box.bottom + GAP


def _close(switch: Optional[Switch], sides: list[Side]) -> None:
    if switch is None:
        return
    switch.top -= PAD + EDGE
    switch.bottom = max(switch.bottom + EDGE, switch.top + (1 + len(switch.content)) * ROW + 2 * PAD)
    for side in sides:
        side.port_free = switch.bottom + GAP + EDGE + (TRUNK if switch.trunk else 0)
