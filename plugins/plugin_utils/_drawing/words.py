# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words inside a terminal drawing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .canvas import pad, widest, width, wrap
from .graph import Box, Device, Graph, natural


def heading(device: Device, attached: bool) -> str:
    """Its name and state; with its bridge, unless a line shows that it is attached to it."""
    text = f"bridge {device.heading}" if device.kind == "bridge" else device.heading
    return f"{text} in {device.master}" if device.master and not attached else text


def device_lines(device: Device, stacked: bool, attached: bool = False) -> list[str]:
    lines = [heading(device, attached)]
    indent = 2
    addresses = list(device.addresses)
    if addresses and not stacked:
        indent = width(lines[0]) + 2
        lines[0] += f"  {addresses.pop(0)}"
    return lines + [" " * indent + address for address in addresses] + [f"  {fact}" for fact in device.facts]


def one_line(device: Device, attached: bool) -> str:
    parts = [heading(device, attached), " ".join(device.addresses), ", ".join(device.facts)]
    return "  ".join(part for part in parts if part)


def note_lines(box: Box, size: int) -> list[str]:
    """Labels in one column, texts in the next; a label is said once."""
    column = widest([note.label for note in box.notes]) + 2
    lines = []
    said = ""
    for note in box.notes:
        label = "" if note.label == said else note.label
        said = note.label
        for part in wrap(note.text, size - column):
            lines.append(pad(label, column) + part)
            label = ""
    return lines


def shared_facts(graph: Graph, size: int) -> list[str]:
    """What is true of the namespaces that are one line each, every fact once."""
    holders: dict[str, list[str]] = {}
    boxes = [box for box in graph.boxes if box.netns is not None]
    for box in boxes:
        wired = [device for device in box.devices if device.name != "lo"]
        for device in box.devices:
            where = "" if [device] == wired else f"{device.name} "
            for fact in device.facts:
                holders.setdefault(where + fact, []).append(box.title)
        for note in box.notes:
            text = note.text if note.label in ("sysctl", "route") else f"{note.label} {note.text}"
            holders.setdefault(text, []).append(box.title)
    lines = []
    for fact, names in holders.items():
        names = list(dict.fromkeys(names))
        who = "every namespace" if len(names) == len(boxes) else ", ".join(_runs(names))
        lines += wrap(f"{who}:  {fact}", size)
    return ["", *lines] if lines else []


def _runs(names: Iterable[str]) -> list[str]:
    """ns1, ns2, ns3 as "ns1 … ns3"."""
    runs: list[list[str]] = []
    for name in sorted(names, key=natural):
        if runs and _follows(runs[-1][-1], name):
            runs[-1].append(name)
        else:
            runs.append([name])
    return [f"{run[0]} … {run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs]


def _follows(before: str, name: str) -> bool:
    counted = re.fullmatch(r"(.*?)(0|[1-9][0-9]*)", before)
    return counted is not None and name == f"{counted[1]}{int(counted[2]) + 1}"
