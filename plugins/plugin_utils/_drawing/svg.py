# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draw a graph as SVG.

The host (or the namespace with the most cables) is a box with its ports at the border and its bridges as
bars; the namespaces stand beside it, many of them on both sides, and cables are horizontal lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .graph import MANY, Graph
from .hub import INSET, bars_width, below, paint_bars, paint_chip, paint_exits
from .layout import arrange, islands
from .picture import CELL, ROW, Picture, across, kinds
from .scene import GAP, PAD, Scene, Side, set_out
from .sheet import LeftBox, Sheet, Style
from .words import shared_facts

CABLE = 56  # from a namespace to the hub
WIRE = 28  # from a port to its bridge
LANE = 14  # between the cables that join two namespaces of one side
NARROWEST = 480  # of a hub's text, before it is broken into lines
WIDEST = 1400  # a row of separate drawings
FACTS = ("fact",)


def svg(graph: Graph, title: str = "") -> str:
    picture = Picture()
    if title:
        picture.words(0, 0, title, ("title",))
    top = picture.height + GAP if title else 0
    x, y, high = 0.0, top, 0.0
    for part in islands(graph):
        drawn = _part(part)
        if x and x + drawn.width > WIDEST:
            x, y, high = 0.0, y + high + 2 * GAP, 0.0
        picture.add(drawn, x, y)
        x, high = x + drawn.width + 2 * GAP, max(high, drawn.height)
    if not graph.boxes:
        picture.words(0, top, "(nothing to draw: the topology is empty)", FACTS)
    return picture.svg(title or "topology")


def _part(part: Graph) -> Picture:
    compact = part.namespaces > MANY
    scene = set_out(arrange(part, Style(compact, stacked=False)))
    picture = Picture()
    left, *right = scene.sides
    lanes = _lanes(scene)
    start = LANE * (1 + max(lanes)) + GAP if lanes else 0.0
    wide = _paint_side(picture, scene.sheet, left, start)
    _paint_lanes(picture, scene, lanes, start)
    if scene.sheet.hub:
        _paint_hub(picture, scene, start + wide + CABLE if wide else 0.0, right[0] if right else None)
    if compact:
        _tell_facts(picture, part)
    return picture


def _tell_facts(picture: Picture, part: Graph) -> None:
    """Below the drawing, in as many columns as there is room for."""
    lines = shared_facts(part, max(60, int(picture.width / CELL)))[1:]
    top, wide = picture.height + GAP, across(*lines) + 3 * CELL
    high = -(-len(lines) // max(1, int(picture.width // wide)))
    for number, line in enumerate(lines):
        picture.words(number // high * wide, top + number % high * ROW, line, FACTS)


def _inner_width(box: LeftBox) -> float:
    return across(box.title, *(line for slot in box.slots for line in slot.lines), *box.tail)


def _paint_side(picture: Picture, sheet: Sheet, side: Side, x: float) -> float:
    """The namespaces of one side, all of one width, which is returned."""
    wide = max((_inner_width(box) for box in side.boxes), default=0) + 2 * PAD
    if not side.boxes:
        return 0
    for box in side.boxes:
        picture.rect(x, box.top, wide, box.bottom - box.top, "netns")
        if not sheet.style.compact:
            picture.words(x + PAD, box.top + 6, box.title, ("title",))
        for slot in box.slots:
            for row, line in enumerate(slot.lines):
                picture.words(x + PAD, slot.y + row * ROW, line, kinds(line, row))
        for row, line in enumerate(box.tail):
            y = box.bottom - PAD + 2 - (len(box.tail) - row) * ROW
            picture.words(x + PAD, y, line, ("name",) if sheet.style.compact else FACTS)
    return wide


def _lanes(scene: Scene) -> list[int]:
    """A lane for every cable between namespaces, such that no two overlap."""
    ends: list[int] = []
    chosen = []
    for first, last in scene.lanes:
        lane = next((number for number, row in enumerate(ends) if row < first), len(ends))
        ends[lane : lane + 1] = [last]
        chosen.append(lane)
    return chosen


def _paint_lanes(picture: Picture, scene: Scene, lanes: list[int], edge: float) -> None:
    for lane, (first, last) in zip(lanes, scene.lanes):
        x = edge - GAP - LANE * lane
        upper, lower = first + ROW / 2, last + ROW / 2
        picture.line("cable", (edge, upper), (x, upper), (x, lower), (edge, lower), dots=True)


def _paint_hub(picture: Picture, scene: Scene, x: float, other: Optional[Side]) -> None:
    """The host: its frame, its ports on both sides, its bridges between them, the rest below."""
    hub, sheet = scene.sheet.hub, scene.sheet
    if hub is None:
        return
    sides = [scene.sides[0], *([other] if other else [])]
    ports = [_ports_width(side) for side in sides]
    bars = bars_width(sheet)
    inner = sum(ports) + WIRE * (len(sides) if bars else len(sides) - 1) + bars + 2 * PAD
    rest = below(sheet, max(inner, NARROWEST))
    wide = max(inner, rest.picture.width + 2 * PAD, across(hub.title) + 4 * PAD)
    # A bridge takes what room there is.
    bars += wide - inner if bars else 0
    high = scene.ports_end + (GAP + rest.picture.height if rest.picture.shapes else 0) + PAD
    picture.rect(x, 0, wide, high, "netns" if hub.netns else "host")
    picture.words(x + PAD, 6, hub.title, ("title",))
    bar_x = x + PAD + ports[0] + WIRE
    paint_bars(picture, sheet, bar_x, bars)
    _paint_ports(picture, scene, scene.sides[0], _Track(x - CABLE, x + PAD, ports[0], bar_x))
    if other:
        _paint_side(picture, sheet, other, x + wide + CABLE)
        start = x + wide - PAD - ports[1]
        _paint_ports(picture, scene, other, _Track(x + wide + CABLE, start, ports[1], bar_x + bars))
    picture.add(rest.picture, x + PAD, scene.ports_end + GAP)
    paint_exits(picture, hub, rest, x + PAD, scene.ports_end + GAP, high)


@dataclass(frozen=True)
class _Track:
    """From a side's namespaces through the hub's ports to its bridges."""

    edge: float  # of the namespaces
    start: float  # the left end of the ports
    size: float
    bridge: float  # the near end of the bridges


def _ports_width(side: Side) -> float:
    lines = [line for dummy, slot in side.slots if slot.port for line in slot.port_lines]
    return across(*lines) + 2 * INSET if lines else 0


def _paint_ports(picture: Picture, scene: Scene, side: Side, track: _Track) -> None:
    end = track.start + track.size
    outer, inner = (track.start, end) if track.edge < track.start else (end, track.start)
    for slot in [slot for dummy, slot in side.slots if slot.port]:
        middle = slot.y + ROW / 2
        paint_chip(picture, track.start, slot.y, track.size, slot.port_lines, "port")
        picture.line("cable", (track.edge, middle), (outer, middle), dots=True)
        if scene.sheet.switch_of(slot):
            picture.line("wire", (inner, middle), (track.bridge, middle))
