# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A grid of terminal cells."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

LIGHT = tuple("┌─┐│└┘")
HEAVY = tuple("┏━┓┃┗┛")


def cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def width(text: str) -> int:
    """In a terminal: Chinese characters take two cells, combining ones none."""
    return sum(cells(char) for char in text)


def widest(lines: Sequence[str]) -> int:
    return max((width(line) for line in lines), default=0)


def pad(text: str, size: int) -> str:
    return text + " " * (size - width(text))


def wrap(text: str, size: int) -> list[str]:
    """Broken at spaces, never inside a word."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and width(lines[-1]) + 1 + width(word) <= size:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


class Canvas:
    def __init__(self) -> None:
        self._rows: list[list[str]] = []

    def put(self, x: int, y: int, text: str) -> None:
        while len(self._rows) <= y:
            self._rows.append([])
        row = self._rows[y]
        for char in text:
            size = cells(char)
            row.extend(" " * (x + size - len(row)))
            if size == 0 and x:
                row[x - 1] += char
            elif size:
                # The second cell of a wide character prints nothing.
                row[x : x + size] = [char, ""][:size]
            x += size

    def vertical(self, x: int, top: int, bottom: int, char: str) -> None:
        for y in range(top, bottom + 1):
            self.put(x, y, char)

    def frame(self, x: int, top: int, size: int, bottom: int, title: str, style: Sequence[str]) -> None:
        """A box of `size` cells between its borders."""
        upper_left, across, upper_right, down, lower_left, lower_right = style
        label = f"{across} {title} " if title else ""
        self.put(x, top, upper_left + label + across * (size - width(label)) + upper_right)
        self.vertical(x, top + 1, bottom - 1, down)
        self.vertical(x + size + 1, top + 1, bottom - 1, down)
        self.put(x, bottom, lower_left + across * size + lower_right)

    def lines(self) -> list[str]:
        return ["".join(row).rstrip() for row in self._rows]
