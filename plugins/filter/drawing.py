# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that draw a topology document: in text, in Mermaid, in Graphviz's language, as SVG."""

from __future__ import annotations

from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.nsfabric.linux.plugins.plugin_utils import _drawing

NARROWEST = 40


def text_drawing(config: object, columns: object = 100) -> str:
    if isinstance(columns, bool) or not str(columns).isdecimal() or int(str(columns)) < NARROWEST:
        raise AnsibleFilterError(f"columns must be a whole number from {NARROWEST} up, such as 80, not {columns!r}")
    return _drawing.text(_graph(config), int(str(columns)))


def mermaid(config: object) -> str:
    return _drawing.mermaid(_graph(config))


def dot(config: object) -> str:
    return _drawing.dot(_graph(config))


def svg(config: object, title: str = "") -> str:
    return _drawing.svg(_graph(config), str(title))


def _graph(config: object) -> _drawing.Graph:
    try:
        return _drawing.build(config)
    except _drawing.DrawingError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., str]]:
        return {"text_drawing": text_drawing, "mermaid": mermaid, "dot": dot, "svg": svg}
