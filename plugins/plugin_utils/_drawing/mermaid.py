# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draw a graph as a Mermaid flowchart."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable

from .graph import Box, Device, Graph, Ref

SIDE_BY_SIDE = 4  # more namespaces than this stand one below the other
PLAIN = frozenset(string.ascii_letters + string.digits + " .,:/_=()-→⇄")
STYLES = (
    "classDef bridge stroke-width:3px",
    "classDef note stroke-dasharray:4 3",
    "classDef outside stroke-dasharray:8 4",
)


def mermaid(graph: Graph) -> str:
    ids = {ref: f"d{number}" for number, ref in enumerate(graph.devices())}
    lines = ["flowchart TB" if graph.namespaces <= SIDE_BY_SIDE else "flowchart LR"]
    for number, box in enumerate(graph.boxes):
        lines += _subgraph(f"b{number}", box, ids)
    lines += [f"  {ids[near]} --- {ids[far]}" for near, far in graph.cables]
    lines += _exits(graph, ids)
    return "\n".join([*lines, *(f"  {style}" for style in STYLES)])


def _subgraph(box_id: str, box: Box, ids: dict[Ref, str]) -> list[str]:
    lines = [f'  subgraph {box_id}["{_escaped(box.title)}"]']
    lines += [f"    {ids[device.ref]}{_shape(device)}" for device in box.devices]
    if box.notes:
        words = _label(f"{note.label} {note.text}" for note in box.notes)
        lines.append(f'    {box_id}n["{words}"]:::note')
    if not box.devices and not box.notes:
        lines.append(f'    {box_id}n["no devices"]:::note')
    lines += [
        f"    {ids[device.ref]} --- {ids[(device.netns, device.master)]}" for device in box.devices if device.master
    ]
    return [*lines, "  end"]


def _shape(device: Device) -> str:
    label = _label([device.heading, *device.addresses, *device.facts])
    if device.kind == "bridge":
        return f'{{{{"{label}"}}}}:::bridge'
    return f'(["{label}"])' if device.uplink else f'["{label}"]'


def _exits(graph: Graph, ids: dict[Ref, str]) -> list[str]:
    lines = []
    for box in graph.boxes:
        for uplink in box.uplinks:
            if box.inward and not uplink.master:
                lines.append(f"  {ids[box.inward.ref]} ~~~ {ids[uplink.ref]}")
            translated = box.translated(uplink)
            label = f'|"{_label(f"NAT {source}" for source in translated)}"|' if translated else ""
            lines.append(f"  {ids[uplink.ref]} ==>{label} outside")
    return ['  outside(("outside")):::outside', *lines] if lines else []


def _label(lines: Iterable[str]) -> str:
    return "<br/>".join(_escaped(line) for line in lines)


def _escaped(text: str) -> str:
    """Mermaid's entities: what is not plain could end the label, or be markup within it."""
    escaped = "".join(char if char in PLAIN or char.isalnum() else f"#{ord(char)};" for char in text)
    # At its beginning, "- " and "1. " make a label a Markdown list.
    return re.sub(r"^-|^[0-9]+\.(?= )", lambda found: f"{found[0][:-1]}#{ord(found[0][-1])};", escaped)
