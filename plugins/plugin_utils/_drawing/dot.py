# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draw a graph in Graphviz's language."""

from __future__ import annotations

from collections.abc import Iterable

from .graph import Box, Device, Graph, Ref

HEADER = (
    "graph topology {",
    '  graph [rankdir=LR, nodesep=0.25, ranksep=0.8, fontname="Helvetica", fontsize=12, labeljust=l]',
    '  node [shape=box, style="filled,rounded", fillcolor=white, fontname="Helvetica", fontsize=11]',
    '  edge [fontname="Helvetica", fontsize=10]',
)


def dot(graph: Graph) -> str:
    ids = {ref: f"d{number}" for number, ref in enumerate(graph.devices())}
    lines = list(HEADER)
    for number, box in enumerate(graph.boxes):
        lines += _cluster(f"b{number}", box, ids)
    for near, far in graph.cables:
        # A cable within one box joins equals: neither end comes before the other.
        lines.append(f"  {ids[near]} -- {ids[far]}{' [constraint=false]' if near[0] == far[0] else ''}")
    lines += _exits(graph, ids)
    return "\n".join([*lines, "}"])


def _cluster(box_id: str, box: Box, ids: dict[Ref, str]) -> list[str]:
    colour = "#f3f6fa" if box.netns is None else "#fdf6e3"
    lines = [
        f"  subgraph cluster_{box_id} {{",
        f'    label="{_escaped(box.title)}"; style="filled,rounded"; color="#8899aa"; fillcolor="{colour}"',
    ]
    lines += [f"    {ids[device.ref]} [{_attributes(device)}]" for device in box.devices]
    words = [f"{note.label} {note.text}" for note in box.notes] or ([] if box.devices else ["no devices"])
    if words:
        lines.append(f'    {box_id}n [shape=note, style=filled, label="{_label(words)}"]')
    lines += [
        f"    {ids[device.ref]} -- {ids[(device.netns, device.master)]}" for device in box.devices if device.master
    ]
    return [*lines, "  }"]


def _attributes(device: Device) -> str:
    label = f'label="{_label([device.heading, *device.addresses, *device.facts])}"'
    if device.kind == "bridge":
        return f'{label}, penwidth=2.5, fillcolor="#dbe9ff"'
    return f'{label}, fillcolor="#e2f4e2"' if device.uplink else label


def _exits(graph: Graph, ids: dict[Ref, str]) -> list[str]:
    lines = []
    for box in graph.boxes:
        for uplink in box.uplinks:
            if box.inward and not uplink.master:
                lines.append(f"  {ids[box.inward.ref]} -- {ids[uplink.ref]} [style=invis]")
            label = _label(f"NAT {source}" for source in box.translated(uplink))
            lines.append(f'  {ids[uplink.ref]} -- outside [style=bold, dir=forward, label="{label}"]')
    return ['  outside [shape=ellipse, style=dashed, label="outside"]', *lines] if lines else []


def _label(lines: Iterable[str]) -> str:
    """Centred lines."""
    return "\\n".join(_escaped(line) for line in lines)


def _escaped(text: str) -> str:
    """Graphviz reads HTML entities in every label, and backslashes as escapes."""
    return text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
