# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inside of the hub in an SVG: bridges, devices that no namespace is cabled to, notes, and the ways out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .graph import Box
from .picture import CELL, ROW, Picture, across, kinds
from .scene import EDGE, GAP, PAD
from .sheet import Sheet, Switch
from .words import device_lines, note_lines

INSET = 8  # from a port's border to its text
TIE = 44  # a cable within the hub
DROP = 14  # of an uplink's line, before and after what is said of it
STALK = 22  # from an uplink's corner to the line to the outside
OUTSIDE = "outside"


@dataclass
class Below:
    """What the hub shows below its ports, and where its uplinks end."""

    picture: Picture = field(default_factory=Picture)
    exits: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)  # from the left; what is translated


def paint_chip(picture: Picture, x: float, y: float, size: float, lines: Sequence[str], kind: str) -> None:
    """A port: a border around lines of text, the first of which is at `y`."""
    picture.rect(x, y - EDGE, size, len(lines) * ROW + 2 * EDGE, kind)
    for row, line in enumerate(lines):
        picture.words(x + INSET, y + row * ROW, line, kinds(line, row))


def bars_width(sheet: Sheet) -> float:
    return max((_bar_width(switch) for switch in sheet.switches.values()), default=0)


def _bar_width(switch: Switch) -> float:
    trunk = across(*(end.heading for end in switch.trunk)) + STALK
    return max(across(switch.bridge.heading, *switch.content) + STALK, trunk) + 2 * PAD


def paint_bars(picture: Picture, sheet: Sheet, x: float, size: float) -> None:
    """Every bridge as high as its ports; a cable to the next one goes straight down."""
    for switch in sheet.switches.values():
        picture.rect(x, switch.top, size, switch.bottom - switch.top, "bridge")
        lines = [switch.bridge.heading, *switch.content]
        y = (switch.top + switch.bottom - len(lines) * ROW) / 2
        for row, line in enumerate(lines):
            picture.words(x + (size - across(line)) / 2, y + row * ROW, line, ("title" if row == 0 else "word",))
    ordered = list(sheet.switches.values())
    for switch, following in zip(ordered, ordered[1:]):
        if switch.trunk:
            at = x + PAD + STALK / 2
            picture.line("cable", (at, switch.bottom), (at, following.top), dots=True)
            y = (switch.bottom + following.top) / 2 - ROW
            for row, end in enumerate(switch.trunk):
                picture.words(at + INSET, y + row * ROW, end.heading, ("name",))


def below(sheet: Sheet, room: float) -> Below:
    """Other devices, in rows as wide as there is room; then the notes; last the uplinks, next to the border."""
    result = Below()
    _add_footers(result.picture, sheet, room)
    if sheet.hub:
        for line in note_lines(sheet.hub, int(room / CELL)):
            label = line[:1] != " "
            result.picture.words(0, result.picture.height, line, ("name", "word") if label else ("word",))
        _add_uplinks(result, sheet, sheet.hub)
    return result


def _add_footers(picture: Picture, sheet: Sheet, room: float) -> None:
    x, y, high = 0.0, float(EDGE), 0
    footers = iter(sheet.footers)
    for footer in footers:
        # A cable's ends stay together.
        ends = [footer, next(footers)] if footer.tied else [footer]
        sizes = [across(*end.lines) + 2 * INSET for end in ends]
        if x and x + sum(sizes) + TIE * footer.tied > room:
            x, y, high = 0.0, y + high + GAP + 2 * EDGE, 0
        for number, (end, size) in enumerate(zip(ends, sizes)):
            paint_chip(picture, x, y, size, end.lines, "port")
            if number:
                picture.line("cable", (x - TIE, y + ROW / 2), (x, y + ROW / 2), dots=True)
            x += size + (TIE if end.tied else GAP)
            high = max(high, len(end.lines) * ROW)
    if sheet.footers:
        picture.height += GAP


def _add_uplinks(result: Below, sheet: Sheet, hub: Box) -> None:
    picture = result.picture
    x, y = 0.0, picture.height + (GAP if picture.shapes else 0) + EDGE
    for uplink in sheet.uplinks:
        lines = device_lines(uplink, sheet.style.stacked)
        translated = tuple(f"NAT  {source}" for source in hub.translated(uplink)) if not uplink.master else ()
        size = across(*lines) + 2 * INSET
        paint_chip(picture, x, y, size, lines, "uplink")
        result.exits.append((x + STALK, translated))
        x += max(size, STALK + INSET + across(*translated)) + GAP


def paint_exits(picture: Picture, hub: Box, rest: Below, x: float, y: float, bottom: float) -> None:
    """From every uplink through the hub's border to the outside, with what is translated on the way."""
    if not rest.exits:
        return
    labels = max(len(translated) for dummy, translated in rest.exits)
    end = bottom + 2 * DROP + labels * ROW
    last = rest.exits[-1][0]
    picture.rect(x, end, last + across(OUTSIDE) + 2 * PAD, ROW + 2 * EDGE + 4, "outside")
    picture.words(x + STALK - across(OUTSIDE[:1]) / 2, end + EDGE + 2, OUTSIDE, ("title",))
    for at, translated in rest.exits:
        picture.line("exit", (x + at, bottom - PAD), (x + at, end))
        for row, label in enumerate(translated):
            picture.words(x + at + INSET, bottom + DROP + row * ROW, label, ("name", "word"))
