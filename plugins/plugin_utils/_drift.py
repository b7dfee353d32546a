# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a host differs from what is declared: what is missing, changed, or foreign."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

Entry = Mapping[str, Any]
Config = Mapping[str, Sequence[Entry]]
Row = dict[str, Any]
Place = tuple[Optional[str], str]  # namespace (None is the host) and name

MISSING, CHANGED, FOREIGN = "missing", "changed", "foreign"
# By what becomes of the thing that a step is about.
STATES = {"create": MISSING, "change": CHANGED, "delete": FOREIGN}
UNDECLARED = "nobody declares it"
# A chain is nobody's, and the declared rules may need it.
TIDYING = ("delete chain ", "delete table ")
# What tells one route from another; two of them may have the same of it.
ROUTE_KEY = ("netns", "destination", "table", "metric")


@dataclass
class Declared:
    """What the topologies of a host declare, together."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    # What they found and would change or remove: their own steps tell of it.
    told: dict[str, list[Entry]] = field(default_factory=dict)

    @classmethod
    def by(cls, results: Iterable[Mapping[str, Any]]) -> Declared:
        """From what the topology module returned in check mode, once for each topology."""
        declared = cls()
        for result in results:
            for kind, entries in ((result.get("topology") or {}).get("config") or {}).items():
                declared.entries.setdefault(kind, []).extend(entries)
            for kind, entries in ((result.get("diff") or {}).get("before") or {}).items():
                declared.told.setdefault(kind, []).extend(entries)
        return declared

    @property
    def leaving(self) -> set[str]:
        """Namespaces that the topologies made and do not declare any more."""
        return {entry["name"] for entry in self.told.get("netns", ())} - self.namespaces

    @property
    def namespaces(self) -> set[str]:
        return {entry["name"] for entry in self.entries.get("netns", ())}

    @property
    def devices(self) -> set[Place]:
        return {place for place, dummy in _devices(self.entries)}

    @property
    def made(self) -> set[Place]:
        """Without links: these were there before, with what others have on them."""
        cables_and_bridges = {kind: self.entries.get(kind, []) for kind in ("veth", "bridge")}
        return {place for place, dummy in _devices(cables_and_bridges)}

    @property
    def bridges(self) -> set[Place]:
        return {(entry.get("netns"), entry["name"]) for entry in self.entries.get("bridge", ())}

    def concerns(self, entry: Entry) -> bool:
        """Whether an entry is about a declared namespace, or a declared cable or bridge."""
        netns = entry.get("netns")
        names = (str(entry.get(option) or "") for option in ("device", "in_interface", "out_interface"))
        return netns in self.namespaces or any((netns, name.lstrip("! ")) in self.made for name in names)


def _devices(config: Config) -> Iterator[tuple[Place, Entry]]:
    """Every device of a document with what is said of it, of a cable both ends."""
    for kind in ("link", "bridge", "veth"):
        for entry in config.get(kind, ()):
            for end in (entry, entry.get("peer")):
                if end:
                    yield (end.get("netns"), end["name"]), end


def undeclared(live: Config, results: Iterable[Mapping[str, Any]]) -> dict[str, list[Row]]:
    """A document that removes what is in declared namespaces and on declared devices without being declared."""
    declared = Declared.by(results)
    found = {
        **_undeclared_devices(live, declared),
        "netns_route": _undeclared_routes(live, declared),
        "netns_neighbor": _undeclared(live, declared, "netns_neighbor", ("netns", "device", "address", "proxy")),
        "masquerade": _undeclared(live, declared, "masquerade", ("netns", "source", "destination", "out_interface")),
        "forward_accept": _undeclared(
            live, declared, "forward_accept", ("netns", "source", "destination", "in_interface", "out_interface")
        ),
    }
    gone = {place for place, dummy in _devices({kind: found[kind] for kind in ("veth", "bridge")})}
    for kind in ("netns_route", "netns_neighbor"):
        # They go with their device.
        found[kind] = [entry for entry in found[kind] if (entry.get("netns"), entry.get("device")) not in gone]
    return {kind: entries for kind, entries in found.items() if entries}


def _undeclared_devices(live: Config, declared: Declared) -> dict[str, list[Row]]:
    """Devices in declared namespaces; on the host, the ports of declared bridges, which only leave these."""
    found: dict[str, list[Row]] = {"veth": [], "bridge": [], "link": []}
    for kind in ("veth", "bridge"):
        for entry in live.get(kind, ()):
            ends = [(end.get("netns"), end["name"]) for end in (entry, entry.get("peer")) if end]
            inside = any(netns in declared.namespaces for netns, dummy in ends)
            if inside and not declared.devices.intersection(ends):
                found[kind].append(_absent(entry, ("netns", "name", "peer")))
    known = declared.devices | {place for places in (found, declared.told) for place, dummy in _devices(places)}
    known |= _going(live, declared.leaving)
    for (netns, name), entry in _devices(live):
        bridge = (netns, str(entry.get("master") or ""))
        if bridge in declared.bridges and (netns, name) not in known:
            found["link"].append({**_only(entry, ("netns", "name")), "master": ""})
    return found


def _going(live: Config, namespaces: set[str]) -> set[Place]:
    """The ends of the cables that go with some namespaces."""
    cables = [{"veth": [entry]} for entry in live.get("veth", ())]
    ends = [{place for place, dummy in _devices(cable)} for cable in cables]
    return {place for pair in ends if any(netns in namespaces for netns, dummy in pair) for place in pair}


def _undeclared_routes(live: Config, declared: Declared) -> list[Row]:
    """A route with a declared one's key is that one, changed, unless that one is there as well."""
    wanted = list(declared.entries.get("netns_route", ()))
    keys = [_only(route, ROUTE_KEY) for route in [*wanted, *declared.told.get("netns_route", ())]]
    there = list(live.get("netns_route", ()))
    kept = [_only(route, ROUTE_KEY) for route in there if route in wanted]
    return [
        {**route, "state": "absent"}
        for route in there
        if declared.concerns(route) and route not in wanted
        if _only(route, ROUTE_KEY) not in keys or _only(route, ROUTE_KEY) in kept
    ]


def _undeclared(live: Config, declared: Declared, kind: str, key: Sequence[str]) -> list[Row]:
    wanted = [_only(entry, key) for entries in (declared.entries, declared.told) for entry in entries.get(kind, ())]
    return [
        _absent(entry, (*key, "backend"))
        for entry in live.get(kind, ())
        if declared.concerns(entry) and _only(entry, key) not in wanted
    ]


def _absent(entry: Entry, options: Sequence[str]) -> Row:
    return {**_only(entry, options), "state": "absent"}


def _only(entry: Entry, options: Sequence[str]) -> Row:
    """The options that say which thing is meant; of a cable's far end only its place."""
    kept = {option: entry[option] for option in options if entry.get(option) not in (None, "")}
    if isinstance(kept.get("peer"), Mapping):
        kept["peer"] = _only(kept["peer"], ("netns", "name"))
    return kept


def differences(
    live: Config, recorded: Iterable[Entry], results: Sequence[Mapping[str, Any]], removal: Sequence[Entry] = ()
) -> list[Row]:
    """One row for each difference: from the topologies' own steps, from those that would remove what is undeclared,
    and from the topologies that are recorded on the host."""
    rows = []
    for result in results:
        absent = _missing(live, Declared.by([result]))
        name = (result.get("topology") or {}).get("name")
        rows += [{"state": _state(step, absent), "topology": name, **step} for step in result.get("steps", ())]
    foreign = [step for step in removal if not str(step.get("what", "")).startswith(TIDYING)]
    rows += [{"state": FOREIGN, "topology": None, **step, "why": UNDECLARED} for step in foreign]
    return rows + _recorded(recorded, {(result.get("topology") or {}).get("name") for result in results})


def _missing(live: Config, declared: Declared) -> set[Place]:
    """Declared namespaces and devices that are not there; a namespace counts as a device of every name in it."""
    there = {place for place, dummy in _devices(live)}
    namespaces = {entry["name"] for entry in live.get("netns", ())}
    lost = {(name, "") for name in declared.namespaces - namespaces}
    return lost | (declared.devices - there)


def _state(step: Entry, absent: set[Place]) -> str:
    """Whatever is to be set on something that is missing is missing with it."""
    netns, what = step.get("netns"), str(step.get("what", ""))
    for place, name in absent:
        if place == netns and (not name or re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", what)):
            return MISSING
    return STATES[step["change"]]


def _recorded(recorded: Iterable[Entry], names: set[Any]) -> list[Row]:
    rows = []
    for topology in recorded:
        name = topology["name"]
        row = {"topology": name, "resource": "topology", "netns": None}
        if name not in names:
            what, why = f"delete topology {name}", "it was built here, and the inventory does not declare it any more"
            command = f"ansible HOST -m nsfabric.linux.topology -a 'name={name} state=absent'"
            rows.append({"state": FOREIGN, **row, "what": what, "why": why, "command": command})
        elif not topology.get("complete", True):
            what, why = f"finish topology {name}", "its last run did not come to its end"
            command = "ansible-playbook nsfabric.linux.build --limit HOST"
            rows.append({"state": CHANGED, **row, "what": what, "why": why, "command": command})
    return rows
