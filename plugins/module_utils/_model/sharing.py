# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several topologies on one host: what one has made or changed, and another one declares as well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from . import document as documents
from .attributes import Attributes
from .claims import claims_in
from .document import Config, Document
from .netns_sysctl import NAME as SYSCTL
from .netns_sysctl import follows
from .problems import Problems
from .state import HOST, LO, End
from .touched import LINKS, Touched, places_in

# An option of a device, whichever kind of entry speaks of it.
Option = tuple[End, str]


def shared(config: Config, objects: Sequence[Touched]) -> list[Touched]:
    """Those of another topology's objects that a configuration declares as well, that follow such, or hold its things.

    And what was found on a device, or in a namespace, that both want gone.
    """
    document = documents.read(config, Problems())
    declared, places, said = claims_in(document), _places(config), _Said(document)
    written = [subject for kind, subject in declared if kind == SYSCTL]
    alike = {
        id(item)
        for item in objects
        if item.claims & declared
        or (item.kind == SYSCTL and any(follows(key, written) for dummy, key in item.claims))
        or (item.kind == "netns" and item.absent["name"] in places)
        or (item.found is not None and said.speaks_of(item))
    }
    gone = [item for item in objects if id(item) in alike and item.found is not None and item.changed is None]
    devices = {end for item in gone if item.kind in LINKS for end in item.devices}
    namespaces = {item.absent["name"] for item in gone if item.kind == "netns"}
    return [item for item in objects if id(item) in alike or _stood_on(item, devices, namespaces)]


def _places(config: Config) -> set[str]:
    """The namespaces in which a configuration declares something."""
    kinds = config.keys() - {"netns"}
    return {place for kind in kinds for entry in config[kind] for place in places_in(entry)}


def _stood_on(item: Touched, devices: AbstractSet[End], namespaces: AbstractSet[str]) -> bool:
    """Whether what was found cannot come back before these devices and namespaces do."""
    return item.found is not None and bool(item.devices & devices or item.places & namespaces or _left(item) & devices)


def _left(item: Touched) -> set[End]:
    """The bridges that a device, or an end of a cable, was found in and was taken from."""
    parts = [("", item.found or {}), ("peer.", (item.found or {}).get("peer") or {})] if item.kind in LINKS else []
    left = (part for front, part in parts if f"{front}master" in (item.changed or ()) and part.get("master"))
    return {End(part.get("netns") or HOST, part["master"]) for part in left}


def _changed(item: Touched) -> Iterator[Option]:
    """What was changed of devices that were found."""
    if item.kind == "netns" and "lo_up" in (item.changed or ()):
        yield End(item.absent["name"], LO), "up"
    if item.kind in LINKS:
        near = End(item.absent.get("netns") or HOST, item.absent["name"])
        for name in item.changed or ():
            front, dummy, option = name.rpartition(".")
            for end in item.devices - {near} if front else {near}:
                yield end, option


class _Said:
    """What the entries of a document say of devices, beside the things that they are entries of."""

    def __init__(self, document: Document) -> None:
        self.options: set[Option] = set()
        # Bridges that have no other ports than those they are declared with, or are to be gone.
        self.bridges: set[End] = set()
        self.gone: set[End] = set()
        for kind, spec in document:
            if kind == "netns" and not spec.absent and spec.lo_up is not None:
                self.options.add((End(spec.name, LO), "up"))
            elif kind in LINKS and spec.absent:
                self.gone.update(end for end, *dummy in spec.ends)
            elif kind in LINKS:
                for end, wanted, dummy in spec.ends:
                    self.options.update((end, option) for option in _options(wanted))
            if kind == "bridge" and spec.ports is not None and not spec.absent:
                self.bridges.add(spec.end)
                self.options.update((End(spec.end.netns, name), "master") for name in spec.ports)

    def speaks_of(self, item: Touched) -> bool:
        """Whether they say what was changed of something that was found, or that it is gone."""
        if item.kind in LINKS and item.changed is None:
            return bool(item.devices & self.gone) and not item.moved_to
        return bool(self.options.intersection(_changed(item)) or _left(item) & (self.bridges | self.gone))


def _options(wanted: Attributes) -> list[str]:
    return [name for name, value in vars(wanted).items() if value is not None]
