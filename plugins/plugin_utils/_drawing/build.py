# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a topology document to a graph."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Optional

from . import facts
from .document import Document, Entry, is_false, listed, optional, read, shown
from .graph import Box, Device, Graph, Masquerade, Note, Ref, by_ref, natural

_LOOPBACK = {"127.0.0.1/8", "::1/128"}


@dataclass
class _Draft:
    """A device while the document is read: several entries may speak of it."""

    kind: str = "link"
    addresses: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    master: Optional[str] = None
    facts: list[str] = field(default_factory=list)
    uplink: bool = False


class _Drafts(dict[Ref, _Draft]):
    def at(self, ref: Ref) -> _Draft:
        """A device that is only mentioned (as a route's, as a rule's) exists all the same."""
        return self.setdefault(ref, _Draft())

    def inside(self, netns: Optional[str]) -> dict[str, _Draft]:
        return {name: draft for (place, name), draft in self.items() if place == netns}


_Notes = defaultdict[Optional[str], list[Note]]


def build(config: object) -> Graph:
    document = read(config)
    drafts = _Drafts()
    notes: _Notes = defaultdict(list, {shown(entry["name"]): [] for entry in document["netns"]})
    cables = _cables(document, drafts)
    _describe_links_and_bridges(document, drafts)
    _mention(document, drafts)
    _add_routes(document, drafts, notes)
    _add_rules(document, notes)
    _add_neighbors_and_sysctls(document, drafts, notes)
    boxes = []
    for netns in sorted({ref[0] for ref in drafts} | set(notes), key=lambda name: by_ref((name, ""))):
        rules = [entry for entry in document["masquerade"] if _netns(entry) == netns]
        _mark_uplinks(netns, _defaults(document, netns), rules, drafts)
        boxes.append(_box(netns, drafts.inside(netns), notes[netns], rules))
    return Graph(tuple(box for box in boxes if box.netns is not None or box.devices or box.notes), cables)


def _netns(entry: Entry) -> Optional[str]:
    return optional(entry.get("netns"))


def _ref(entry: Entry) -> Ref:
    return _netns(entry), shown(entry["name"])


def _cables(document: Document, drafts: _Drafts) -> tuple[tuple[Ref, Ref], ...]:
    """A live host may report both ends of one cable, each with the other as its peer."""
    cables = set()
    for entry in document["veth"]:
        ends = [entry] + ([entry["peer"]] if entry.get("peer") else [])
        for end in ends:
            drafts.at(_ref(end)).kind = "veth"
            _describe(drafts, end)
        if len(ends) == 2:
            near, far = sorted((_ref(end) for end in ends), key=by_ref)
            cables.add((near, far))
    return tuple(sorted(cables, key=lambda cable: (by_ref(cable[0]), by_ref(cable[1]))))


def _describe(drafts: _Drafts, entry: Entry) -> None:
    draft = drafts.at(_ref(entry))
    addresses = [shown(address) for address in listed(entry.get("addresses"))]
    draft.addresses += [address for address in addresses if address not in draft.addresses]
    draft.master = optional(entry.get("master")) or draft.master
    marks = ["down"] if is_false(entry.get("up")) else []
    mtu = optional(entry.get("mtu"))
    if mtu not in (None, "1500") and entry["name"] != "lo":
        marks.append(f"mtu {mtu}")
    draft.marks += [mark for mark in marks if mark not in draft.marks]


def _describe_links_and_bridges(document: Document, drafts: _Drafts) -> None:
    for entry in document["link"] + document["bridge"]:
        _describe(drafts, entry)
    for entry in document["bridge"]:
        drafts.at(_ref(entry)).kind = "bridge"
        for port in listed(entry.get("ports")):
            drafts.at((_netns(entry), shown(port))).master = shown(entry["name"])
    for (netns, _name), draft in list(drafts.items()):
        if draft.master:
            drafts.at((netns, draft.master)).kind = "bridge"


def _mention(document: Document, drafts: _Drafts) -> None:
    for entry in document["masquerade"] + document["forward_accept"]:
        for name in (optional(entry.get("in_interface")), optional(entry.get("out_interface"))):
            # "!br0" is any device but br0, "veth+" and "veth*" are patterns.
            if name and name[0] != "!" and name[-1] not in "+*":
                drafts.at((_netns(entry), name))


def _add_routes(document: Document, drafts: _Drafts, notes: _Notes) -> None:
    """Below its device where there is one, given or told by the gateway."""
    for route in sorted(document["netns_route"], key=lambda route: natural(facts.route_text(route))):
        if facts.is_kernel_made(route):
            continue
        netns = _netns(route)
        device = _route_device(route, drafts.inside(netns))
        if device is None:
            notes[netns].append(Note("route", facts.route_text(route)))
        else:
            drafts.at((netns, device)).facts.append(facts.route_text(route))


def _route_device(route: Entry, inside: dict[str, _Draft]) -> Optional[str]:
    hops = facts.hops(route)
    gateway, device = hops[0]
    if len(hops) > 1:
        return None
    if device or not gateway:
        return device
    for name, draft in sorted(inside.items()):
        if any(facts.covers(address, gateway) for address in draft.addresses):
            return name
    others = [name for name in inside if name != "lo"]
    return others[0] if len(others) == 1 else None


def _add_neighbors_and_sysctls(document: Document, drafts: _Drafts, notes: _Notes) -> None:
    for entry in sorted(document["netns_neighbor"], key=lambda entry: natural(facts.neighbor_text(entry))):
        device = optional(entry.get("device"))
        if device:
            drafts.at((_netns(entry), device)).facts.append(facts.neighbor_text(entry))
        else:
            notes[_netns(entry)].append(Note("neighbour", facts.neighbor_text(entry)))
    for entry in sorted(document["netns_sysctl"], key=lambda entry: natural(facts.sysctl_text(entry)[1])):
        device, text = facts.sysctl_text(entry)
        if device:
            drafts.at((_netns(entry), device)).facts.append(text)
        else:
            notes[_netns(entry)].append(Note("sysctl", text))


def _add_rules(document: Document, notes: _Notes) -> None:
    for kind, label, phrase in (
        ("masquerade", "NAT", facts.masquerade_text),
        ("forward_accept", "accept", facts.accept_text),
        ("fastpath", "fastpath", facts.fastpath_text),
    ):
        found = [(_netns(entry), phrase(entry)) for entry in document[kind]]
        for netns, text in sorted(found, key=lambda rule: natural(rule[1])):
            notes[netns].append(Note(label, text))


def _defaults(document: Document, netns: Optional[str]) -> list[Entry]:
    return [route for route in document["netns_route"] if _netns(route) == netns and facts.is_default(route)]


def _mark_uplinks(netns: Optional[str], defaults: list[Entry], rules: list[Entry], drafts: _Drafts) -> None:
    """Where packets leave for the outside.

    The device of the default route; failing that, what is masqueraded names it; failing that it is
    any link that is neither cable nor bridge, and on a host that shows none, one of unknown name.
    """
    inside = drafts.inside(netns)
    links = {name for name, draft in inside.items() if draft.kind == "link" and name != "lo"}
    routed = {device for device in (_route_device(route, inside) for route in defaults) if device}
    routed |= {name for name in links if inside[name].master in routed}
    if routed:
        chosen = links & routed
    elif rules or (defaults and netns is None):
        named = {optional(rule.get("out_interface")) for rule in rules}
        chosen = links & {name for name in named if name} or links
        if not chosen and netns is None:
            drafts.at((netns, "uplink"))
            chosen = {"uplink"}
    else:
        chosen = set()
    for name in chosen:
        drafts.at((netns, name)).uplink = True


def _box(netns: Optional[str], inside: dict[str, _Draft], notes: list[Note], rules: list[Entry]) -> Box:
    """The loopback device is drawn only where something particular is said of it."""
    devices = [
        Device(
            netns,
            name,
            draft.kind,
            tuple(draft.addresses),
            tuple(draft.marks),
            draft.master,
            tuple(draft.facts),
            draft.uplink,
        )
        for name, draft in sorted(inside.items(), key=lambda item: natural(item[0]))
        if name != "lo" or set(draft.addresses) - _LOOPBACK or draft.facts or "down" in draft.marks
    ]
    masquerades = tuple(
        Masquerade(*(optional(rule.get(option)) for option in ("source", "destination", "out_interface")))
        for rule in rules
    )
    return Box(netns, tuple(devices), tuple(notes), masquerades)
