# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draw a topology document: `build` reads it into a graph, four renderers draw the graph."""

from __future__ import annotations

from .build import build
from .document import DrawingError
from .dot import dot
from .graph import Graph
from .mermaid import mermaid
from .svg import svg
from .text import text

__all__ = ["DrawingError", "Graph", "build", "dot", "mermaid", "svg", "text"]
