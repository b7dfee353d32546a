# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands where in a terminal drawing: sides, order, and what is drawn as lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Optional

from .canvas import pad, widest, width
from .graph import Box, Device, Graph, Ref, natural
from .sheet import Footer, LeftBox, Sheet, Slot, Style, Switch, place
from .words import device_lines, heading, note_lines, one_line

NOTE_COLUMNS = 44

_Ports = dict[Ref, Device]  # the hub's end of a cable, by the end on the left


def arrange(part: Graph, style: Style) -> Sheet:
    hub = _hub(part, style)
    devices = part.devices()
    far = {near: end for cable in part.cables for near, end in (cable, cable[::-1])}
    ports = {near: devices[end] for near, end in far.items() if hub and end[0] == hub.netns != near[0]}
    boxes = sorted((box for box in part.boxes if box is not hub), key=lambda box: _box_order(box, ports))
    met = [ports[device.ref] for box in boxes for device in _slot_order(box, ports) if device.ref in ports]
    switches = _switches(hub, met)
    sheet = Sheet(style, hub, [_left_box(box, ports, switches, style) for box in boxes], switches)
    if style.compact:
        _tabulate(sheet.left, style.stacked)
    inner = _trunks(sheet, part, devices)
    if hub:
        sheet.uplinks = list(hub.uplinks)
        sheet.footers = _footers(hub, {port.ref for port in met}, inner, sheet)
    place(sheet)
    rows = {slot.device.ref: slot.y for box in sheet.left for slot in box.slots}
    ends = [(rows[near], rows[end]) for near, end in part.cables if near in rows and end in rows]
    sheet.lanes = sorted((min(pair), max(pair)) for pair in ends)
    return sheet


def islands(graph: Graph) -> list[Graph]:
    """What cables hold together."""
    groups: list[list[Box]] = []
    for box in graph.boxes:
        neighbours = {end[0] for cable in graph.cables for end in cable if box.netns in (cable[0][0], cable[1][0])}
        joined = [group for group in groups if any(member.netns in neighbours for member in group)]
        groups = [group for group in groups if group not in joined]
        groups.append([*(member for group in joined for member in group), box])
    return [_part(graph, group) for group in groups]


def parts(graph: Graph) -> list[Graph]:
    """The same; but namespaces without a cable are drawn beside the last part."""
    groups = [part.boxes for part in islands(graph)]
    alone = [group for group in groups if len(group) == 1 and group[0].netns is not None]
    together = [list(group) for group in groups if group not in alone] or [[]]
    together[-1] += [box for group in alone for box in group]
    return [_part(graph, group) for group in together]


def _part(graph: Graph, group: Sequence[Box]) -> Graph:
    places = {box.netns for box in group}
    cables = tuple(cable for cable in graph.cables if cable[0][0] in places)
    return Graph(tuple(box for box in graph.boxes if box.netns in places), cables)


def _hub(part: Graph, style: Style) -> Optional[Box]:
    """The host, or else the namespace with the most cables."""
    degrees = Counter(netns for near, far in part.cables if near[0] != far[0] for netns in (near[0], far[0]))
    host = next((box for box in part.boxes if box.netns is None), None)
    if host and degrees[None]:
        return host
    busiest = max(reversed(part.boxes), key=lambda box: degrees[box.netns])
    if degrees[busiest.netns] >= (3 if style.compact else 1) or len(part.boxes) == 1:
        return busiest
    return host


def _rank(device: Device, ports: _Ports) -> tuple[int, tuple[list[object], str]]:
    """Ports of one bridge together, then the other cables to the hub, then the rest."""
    port = ports.get(device.ref)
    if port is None:
        return 2, natural("")
    return (0, natural(port.master)) if port.master else (1, natural(""))


def _slot_order(box: Box, ports: _Ports) -> list[Device]:
    return sorted(box.devices, key=lambda device: (_rank(device, ports), natural(device.name)))


def _box_order(box: Box, ports: _Ports) -> tuple[object, ...]:
    """A namespace on two bridges comes between those on one."""
    nowhere = (2, natural(""))
    ranks = sorted(_rank(device, ports) for device in box.devices if device.ref in ports) or [nowhere]
    return ranks[0], ranks[-1], natural(box.title)


def _switches(hub: Optional[Box], met: list[Device]) -> dict[str, Switch]:
    """Bridges whose ports are in consecutive rows; another would cross them and is told in words."""
    masters = [port.master for port in met]
    found = []
    for bridge in hub.bridges if hub else ():
        rows = [row for row, master in enumerate(masters) if master == bridge.name]
        if rows and rows[-1] - rows[0] + 1 == len(rows):
            found.append((rows[0], Switch(bridge, [*bridge.addresses, *bridge.facts])))
    return {switch.bridge.name: switch for _row, switch in sorted(found, key=lambda item: item[0])}


def _left_box(box: Box, ports: _Ports, switches: dict[str, Switch], style: Style) -> LeftBox:
    slots = []
    for device in _slot_order(box, ports):
        shown = replace(device, marks=(*device.marks, "uplink")) if device.uplink else device
        slot = Slot(shown, device_lines(shown, style.stacked))
        slot.port = ports.get(device.ref)
        if slot.port:
            attached = slot.port.master in switches
            tight = style.compact and not style.stacked
            slot.port_lines = (
                [one_line(slot.port, attached)] if tight else device_lines(slot.port, style.stacked, attached)
            )
        slots.append(slot)
    return LeftBox(box.title, slots, note_lines(box, NOTE_COLUMNS))


def _tabulate(left: list[LeftBox], stacked: bool) -> None:
    """One line per device: namespace, name, addresses in columns. The rest is told below the drawing."""
    names = widest([box.title for box in left])
    heads = widest([heading(slot.device, False) for box in left for slot in box.slots])
    for box in left:
        title = box.title
        for slot in box.slots:
            start = f"{pad(title, names)}  {pad(heading(slot.device, False), heads)}  "
            addresses = slot.device.addresses if stacked else (" ".join(slot.device.addresses),)
            slot.lines = [start + (addresses[0] if addresses else "")]
            slot.lines += [" " * width(start) + address for address in addresses[1:]]
            title = ""
        box.tail = [] if box.slots else [box.title]


def _trunks(sheet: Sheet, part: Graph, devices: dict[Ref, Device]) -> list[tuple[Device, Device]]:
    """Cables within the hub: one between two switches in a row is drawn there, the others below."""
    order = list(sheet.switches)
    rest = []
    for near, far in part.cables:
        if not sheet.hub or not near[0] == far[0] == sheet.hub.netns:
            continue
        upper, lower = devices[near], devices[far]
        places = [order.index(end.master) if end.master in order else None for end in (upper, lower)]
        if places[0] is not None and places[1] is not None and abs(places[0] - places[1]) == 1:
            if places[0] > places[1]:
                upper, lower = lower, upper
            switch = sheet.switches[str(upper.master)]
            if not (switch.trunk or upper.addresses or upper.facts or lower.addresses or lower.facts):
                switch.trunk = (upper, lower)
                continue
        rest.append((upper, lower))
    return rest


def _footers(hub: Box, met: set[Ref], inner: list[tuple[Device, Device]], sheet: Sheet) -> list[Footer]:
    """The devices of the hub that no cable from the left leads to, without the uplinks."""
    drawn = met | sheet.trunk_ends() | {switch.bridge.ref for switch in sheet.switches.values()}
    footers = []
    for near, far in inner:
        footers.append(Footer(device_lines(near, sheet.style.stacked), tied=True))
        footers.append(Footer(device_lines(far, sheet.style.stacked)))
        drawn |= {near.ref, far.ref}
    rest = [device for device in hub.devices if device.ref not in drawn and not device.uplink]
    for device in sorted(rest, key=lambda device: device.kind != "bridge"):
        footers.append(Footer(device_lines(device, sheet.style.stacked)))
    return footers
