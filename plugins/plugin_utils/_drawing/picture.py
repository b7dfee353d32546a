# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rectangles, lines and words at their places, and how they are written as SVG."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Union
from xml.sax.saxutils import escape, quoteattr

from .canvas import width

ROW = 18  # from one line of text to the next
CELL = 7.9  # a character of 13 pixels: 0.60 em in most monospaced fonts, 0.602 in DejaVu's
BASELINE = 13  # within a row
RADIUS = {"host": 10, "netns": 8, "bridge": 6, "outside": 16}

STYLE = """
text { font: 13px ui-monospace, "DejaVu Sans Mono", "Liberation Mono", Menlo, Consolas, monospace; fill: #24292f }
.title, .name { font-weight: bold }
.fact { fill: #57606a }
.back { fill: #ffffff }
.host { fill: #f6f8fa; stroke: #8c959f; stroke-width: 1.5 }
.netns { fill: #eef5ff; stroke: #6c9bd8; stroke-width: 1.5 }
.port { fill: #ffffff; stroke: #afb8c1 }
.bridge { fill: #fff3d6; stroke: #c08a1e; stroke-width: 2 }
.uplink { fill: #e3f5e6; stroke: #4a9d5b; stroke-width: 1.5 }
.outside { fill: #ffffff; stroke: #4a9d5b; stroke-width: 1.5; stroke-dasharray: 5 4 }
.cable { fill: none; stroke: #4f7cb8; stroke-width: 2 }
.wire { fill: none; stroke: #c08a1e; stroke-width: 2 }
.exit { fill: none; stroke: #4a9d5b; stroke-width: 2 }
.end { fill: #4f7cb8 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.fact { fill: #9da7b3 }
.back { fill: #0d1117 }
.host { fill: #161b22; stroke: #6e7681 }
.netns { fill: #12233b; stroke: #4f7cb8 }
.port { fill: #0d1117; stroke: #484f58 }
.bridge { fill: #33270c; stroke: #b58a2c }
.uplink { fill: #10291a; stroke: #3f8d52 }
.outside { fill: #0d1117; stroke: #3f8d52 }
}
"""


@dataclass(frozen=True)
class Rect:
    x: float
    y: float
    width: float
    height: float
    kind: str

    def moved(self, right: float, down: float) -> Rect:
        return Rect(self.x + right, self.y + down, self.width, self.height, self.kind)

    def xml(self) -> str:
        place = f'x="{self.x:g}" y="{self.y:g}" width="{self.width:g}" height="{self.height:g}"'
        return f'<rect class="{self.kind}" {place} rx="{RADIUS.get(self.kind, 4)}"/>'


@dataclass(frozen=True)
class Words:
    """Text in one line; its place is the left end of its baseline."""

    x: float
    y: float
    text: str
    kind: str

    def moved(self, right: float, down: float) -> Words:
        return Words(self.x + right, self.y + down, self.text, self.kind)

    def xml(self) -> str:
        return f'<text class="{self.kind}" x="{self.x:g}" y="{self.y:g}">{escape(self.text)}</text>'


@dataclass(frozen=True)
class Line:
    points: tuple[tuple[float, float], ...]
    kind: str
    dots: bool = False  # at both ends

    def moved(self, right: float, down: float) -> Line:
        return Line(tuple((x + right, y + down) for x, y in self.points), self.kind, self.dots)

    def xml(self) -> str:
        way = "".join(f"{'L' if number else 'M'}{x:g} {y:g}" for number, (x, y) in enumerate(self.points))
        ends = (self.points[0], self.points[-1]) if self.dots else ()
        dots = "".join(f'<circle class="end" cx="{x:g}" cy="{y:g}" r="3.5"/>' for x, y in ends)
        return f'<path class="{self.kind}" d="{way}"/>{dots}'


Shape = Union[Rect, Words, Line]


@dataclass
class Picture:
    """Shapes in the order in which they cover each other, and how much room they take."""

    shapes: list[Shape] = field(default_factory=list)
    width: float = 0
    height: float = 0

    def rect(self, x: float, y: float, across: float, down: float, kind: str) -> None:
        self.shapes.append(Rect(x, y, across, down, kind))
        self._reach(x + across, y + down)

    def line(self, kind: str, *points: tuple[float, float], dots: bool = False) -> None:
        self.shapes.append(Line(points, kind, dots))

    def words(self, x: float, y: float, line: str, kinds: Sequence[str]) -> None:
        """A row of text from its upper left corner; what stands two spaces apart is of the next kind."""
        for number, found in enumerate(re.finditer(r"\S+(?: \S+)*", line)):
            at = x + width(line[: found.start()]) * CELL
            self.shapes.append(Words(at, y + BASELINE, found[0], kinds[min(number, len(kinds) - 1)]))
        self._reach(x + across(line), y + ROW)

    def add(self, other: Picture, x: float, y: float) -> None:
        self.shapes += [shape.moved(x, y) for shape in other.shapes]
        self._reach(x + other.width, y + other.height)

    def _reach(self, x: float, y: float) -> None:
        self.width, self.height = max(self.width, x), max(self.height, y)

    def svg(self, label: str, margin: float = 16) -> str:
        """The whole file."""
        wide, high = round(self.width + 2 * margin), round(self.height + 2 * margin)
        head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}"'
        shapes = [shape.moved(margin, margin).xml() for shape in self.shapes]
        return "\n".join(
            [
                f'{head} role="img" aria-label={quoteattr(label)}>',
                f"<style>{STYLE}</style>",
                f'<rect class="back" width="{wide}" height="{high}"/>',
                *shapes,
                "</svg>",
            ]
        )


def across(*lines: str) -> float:
    """How wide the widest of some lines of text is."""
    return max((width(line) for line in lines), default=0) * CELL


def kinds(line: str, row: int) -> tuple[str, ...]:
    """A device's first line begins with its name; routes, neighbours and sysctls are indented by two."""
    if row == 0:
        return ("name", "word")
    return ("fact",) if line[:2] == "  " and line[2:3] != " " else ("word",)
