# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put a laid-out drawing on the canvas."""

from __future__ import annotations

from dataclasses import dataclass

from .canvas import HEAVY, LIGHT, Canvas, widest, width
from .graph import Box
from .sheet import TRUNK_ROWS, Footer, Sheet
from .words import device_lines, note_lines

CHANNEL = 6  # columns between left and right
TIE = 4  # columns of a cable within the hub
EXIT = 3  # columns from the hub's corner to the line to the outside


@dataclass(frozen=True)
class _Columns:
    edge: int  # where cables leave the left side
    lanes: list[int]
    hub: int  # the hub's left border
    switch: int  # the left border of its switches
    switch_size: int
    trunk: int  # from the switch's left border to the cable to the next switch
    hub_size: int
    below: list[str]  # what the hub says below its ports


def paint(sheet: Sheet, columns: int) -> list[str]:
    canvas = Canvas()
    at = _columns(sheet, columns)
    _paint_left(canvas, sheet, at)
    if sheet.hub:
        canvas.frame(at.hub, 0, at.hub_size, sheet.footer_top + len(at.below), sheet.hub.title, LIGHT)
        _paint_switches(canvas, sheet, at)
        _paint_below(canvas, sheet, at)
        _paint_exits(canvas, sheet, sheet.hub, at)
    _paint_cables(canvas, sheet, at)
    _paint_lanes(canvas, sheet, at)
    return canvas.lines()


def _columns(sheet: Sheet, columns: int) -> _Columns:
    edge = _edge(sheet)
    lanes = _lanes(sheet)
    hub = edge + CHANNEL - 2 * sheet.style.compact + 2 * len(set(lanes)) if sheet.left else 0
    slots = [slot for box in sheet.left for slot in box.slots]
    ported = widest([line for slot in slots if sheet.switch_of(slot) for line in slot.port_lines])
    trunk, switch_size = _switch_sizes(sheet)
    below = _below(sheet, columns - hub - 4)
    inside = [line for slot in slots if not sheet.switch_of(slot) for line in slot.port_lines] + below
    inside += [line + " " * TIE for footer in sheet.footers if footer.tied for line in footer.lines]
    inside.append(sheet.hub.title + "  " if sheet.hub else "")
    hub_size = max(widest(inside) + 2, ported + switch_size + 8 if sheet.switches else 0)
    return _Columns(edge, lanes, hub, hub + ported + 5, switch_size, trunk, hub_size, below)


def _edge(sheet: Sheet) -> int:
    lines = [line for box in sheet.left for slot in box.slots for line in slot.lines]
    lines += [line for box in sheet.left for line in box.tail]
    if sheet.style.compact:
        return widest(lines)
    return widest([*lines, *(f"{box.title}  " for box in sheet.left)]) + 3


def _lanes(sheet: Sheet) -> list[int]:
    """A lane for every cable on the left, such that no two overlap."""
    ends: list[int] = []
    chosen = []
    for first, last in sheet.lanes:
        lane = next((number for number, row in enumerate(ends) if row < first), len(ends))
        ends[lane : lane + 1] = [last]
        chosen.append(lane)
    return chosen


def _switch_sizes(sheet: Sheet) -> tuple[int, int]:
    """Where trunks leave, right of names and labels, and the width inside of the borders."""
    switches = sheet.switches.values()
    titles = widest([switch.bridge.heading for switch in switches])
    ends = widest([end.heading for switch in switches for end in switch.trunk])
    trunk = max(titles + 5, ends + 3) if ends else 0
    return trunk, max(widest([line for switch in switches for line in switch.content]) + 2, titles + 4, trunk + 1)


def _below(sheet: Sheet, room: int) -> list[str]:
    """The hub's other devices, its notes, and last the uplinks, next to the line to the outside."""
    lines = [line for footer in sheet.footers for line in footer.lines]
    lines += note_lines(sheet.hub, room) if sheet.hub else []
    uplinks = [line for device in sheet.uplinks for line in device_lines(device, sheet.style.stacked)]
    return [*lines, "", *uplinks] if lines and uplinks else lines + uplinks


def _paint_left(canvas: Canvas, sheet: Sheet, at: _Columns) -> None:
    margin = 0 if sheet.style.compact else 2
    for box in sheet.left:
        if not sheet.style.compact:
            canvas.frame(0, box.top, at.edge - 1, box.bottom, box.title, LIGHT)
        for slot in box.slots:
            for row, line in enumerate(slot.lines):
                canvas.put(margin, slot.y + row, line)
        for row, line in enumerate(box.tail):
            canvas.put(margin, box.bottom - len(box.tail) + row, line)


def _paint_switches(canvas: Canvas, sheet: Sheet, at: _Columns) -> None:
    for switch in sheet.switches.values():
        canvas.frame(at.switch, switch.top, at.switch_size, switch.bottom, switch.bridge.heading, HEAVY)
        for row, line in enumerate(switch.content):
            canvas.put(at.switch + 2, switch.top + 1 + row, line)
    for switch in sheet.switches.values():
        if switch.trunk:
            x = at.switch + at.trunk
            canvas.put(x, switch.bottom, "┯")
            for row, end in enumerate(switch.trunk):
                label = f"{end.heading} │"
                canvas.put(x + 1 - width(label), switch.bottom + 1 + row, label)
            canvas.put(x, switch.bottom + 1 + TRUNK_ROWS, "┷")


def _paint_below(canvas: Canvas, sheet: Sheet, at: _Columns) -> None:
    for row, line in enumerate(at.below):
        canvas.put(at.hub + 2, sheet.footer_top + row, line)
    y = sheet.footer_top
    for near, far in zip(sheet.footers, sheet.footers[1:]):
        if near.tied:
            _paint_tie(canvas, at.hub + 2, y, near, far)
        y += len(near.lines)


def _paint_exits(canvas: Canvas, sheet: Sheet, hub: Box, at: _Columns) -> None:
    bottom = sheet.footer_top + len(at.below)
    for row, uplink in enumerate(sheet.uplinks, start=1):
        path = [uplink.name] if len(sheet.uplinks) > 1 else []
        path += ["NAT"] if hub.translated(uplink) else []
        canvas.put(at.hub + EXIT, bottom, "┬")
        turn = "└" if uplink is sheet.uplinks[-1] else "├"
        canvas.put(at.hub + EXIT, bottom + row, f"{turn}── {' ── '.join([*path, 'outside'])}")


def _paint_tie(canvas: Canvas, x: int, y: int, near: Footer, far: Footer) -> None:
    end = y + len(near.lines)
    corner = x + widest([*near.lines, *far.lines]) + TIE - 1
    canvas.vertical(corner, y + 1, end - 1, "│")
    for row, line, turn in ((y, near.lines[0], "┐"), (end, far.lines[0], "┘")):
        start = x + width(line) + 1
        canvas.put(start, row, "─" * (corner - start) + turn)


def _paint_cables(canvas: Canvas, sheet: Sheet, at: _Columns) -> None:
    for box in sheet.left:
        for slot in box.slots:
            if not slot.port:
                continue
            start = width(slot.lines[0]) + 1 if sheet.style.compact else at.edge + 1
            canvas.put(start, slot.y, "─" * (at.hub - start) + "┤")
            if not sheet.style.compact:
                canvas.put(at.edge, slot.y, "├")
            for row, line in enumerate(slot.port_lines):
                canvas.put(at.hub + 2, slot.y + row, line)
            if sheet.switch_of(slot):
                start = at.hub + 3 + width(slot.port_lines[0])
                canvas.put(start, slot.y, "─" * (at.switch - start) + "┨")


def _paint_lanes(canvas: Canvas, sheet: Sheet, at: _Columns) -> None:
    """Lines across first, then lines down, which hide them where they cross."""
    start = at.edge + (0 if sheet.style.compact else 1)
    spans = [(at.edge + 3 + 2 * lane, *rows) for lane, rows in zip(at.lanes, sheet.lanes)]
    for x, first, last in spans:
        for row in dict.fromkeys((first, last)):
            canvas.put(start, row, "─" * (x - start))
            if not sheet.style.compact:
                canvas.put(at.edge, row, "├")
    for x, first, last in spans:
        canvas.vertical(x, first + 1, last - 1, "│")
        canvas.put(x, first, "┐")
        canvas.put(x, last, "┘")
