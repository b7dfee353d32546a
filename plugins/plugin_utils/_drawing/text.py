# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draw a graph for a terminal.

Namespaces stand on the left, the host (or the namespace with the most cables) on the right, bridges
as boxes within it; a cable is a horizontal line. Above `MANY` namespaces each is a line, not a box.
"""

from __future__ import annotations

from .canvas import widest
from .graph import MANY, Box, Graph
from .layout import arrange
from .paint import paint
from .sheet import Style
from .words import shared_facts


def text(graph: Graph, columns: int = 100) -> str:
    if not graph.boxes:
        return "(nothing to draw: the topology is empty)"
    compact = graph.namespaces > MANY
    lines: list[str] = []
    for part in [graph] if compact else _parts(graph):
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


def _parts(graph: Graph) -> list[Graph]:
    """What cables hold together; namespaces without a cable are drawn beside the last part."""
    groups: list[list[Box]] = []
    for box in graph.boxes:
        neighbours = {end[0] for cable in graph.cables for end in cable if box.netns in (cable[0][0], cable[1][0])}
        joined = [group for group in groups if any(member.netns in neighbours for member in group)]
        groups = [group for group in groups if group not in joined]
        groups.append([*(member for group in joined for member in group), box])
    alone = [group for group in groups if len(group) == 1 and group[0].netns is not None]
    together = [group for group in groups if group not in alone] or [[]]
    together[-1] += [box for group in alone for box in group]
    parts = []
    for group in together:
        places = {box.netns for box in group}
        cables = tuple(cable for cable in graph.cables if cable[0][0] in places)
        parts.append(Graph(tuple(box for box in graph.boxes if box in group), cables))
    return parts
