# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draw a graph for a terminal.

Namespaces stand on the left, the host (or the namespace with the most cables) on the right, bridges
as boxes within it; a cable is a horizontal line. Above `MANY` namespaces each is a line, not a box.
"""

from __future__ import annotations

from .canvas import widest
from .graph import MANY, Graph
from .layout import arrange, parts
from .paint import paint
from .sheet import Style
from .words import shared_facts


def text(graph: Graph, columns: int = 100) -> str:
    if not graph.boxes:
        return "(nothing to draw: the topology is empty)"
    compact = graph.namespaces > MANY
    lines: list[str] = []
    for part in [graph] if compact else parts(graph):
        lines += ["", *_fitting(part, compact, columns)]
    if compact:
        lines += shared_facts(graph, columns)
    return "\n".join(lines[1:])


def _fitting(part: Graph, compact: bool, columns: int) -> list[str]:
    """In the first style that fits; what fits in none is wide, but whole."""
    lines: list[str] = []
    for stacked in (False, True):
        lines = paint(arrange(part, Style(compact, stacked)), columns)
        if widest(lines) <= columns:
            break
    return lines
