# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the entries of a document say of things that were found, beside those that they are entries of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from . import document as documents
from .attributes import Attributes
from .claims import claims_in
from .document import Config, Document
from .problems import Problems
from .state import HOST, LO, End
from .touched import LINKS, Touched

# What any entry may change of a device that it speaks of; what goes with which option.
OPTIONS = {"port": "master", "found": "addresses", "ipv6_mtu": "mtu", "ports_mac": "mac"}
OPTIONS.update({name: name for name in ("up", "mtu", "mac", "txqueuelen", "master", "addresses")})
# An option of a device, whichever kind of entry speaks of it.
Option = tuple[End, str]


def released(objects: Sequence[Touched], config: Config, document: Document) -> list[Touched]:
    """What was found that entries of a configuration had changed or removed, and that no entry of a document speaks of.

    Not what entries were themselves about, but what stood in the way of such.
    """
    found = [item for item in objects if item.owner is None and item.found is not None and item.kind in LINKS]
    if not found:
        return []
    before, now, declared = Said(documents.read(config, Problems())), Said(document), claims_in(document)
    return [item for item in found if before.speaks_of(item) and not now.speaks_of(item) and not item.claims & declared]


def divided(items: Sequence[Touched], config: Config) -> tuple[list[Touched], list[Touched]]:
    """Of things that a configuration speaks of: what that says of them as well, and what it does not."""
    parts = [item for item in items if _has_parts(item)]
    both = [item for item in items if not _has_parts(item)]
    alone: list[Touched] = []
    said = Said(documents.read(config, Problems()) if parts else Document({}))
    for item in parts:
        names = item.changed or ()
        mine = [name for name in names if not said.speaks_of(replace(item, changed=[_option(name)]))]
        both += _narrowed(item, [name for name in names if name not in mine])
        alone += _narrowed(item, mine)
    return both, alone


def _has_parts(item: Touched) -> bool:
    """Whether it is a device that was found, of which some options were changed that any entry may speak of."""
    changed = {*map(_bare, item.changed or ())}
    known = bool(changed) and changed <= OPTIONS.keys()
    return known and item.found is not None and item.kind in LINKS and not item.moved_to


def _narrowed(item: Touched, changed: Sequence[str]) -> list[Touched]:
    passing = [name for name in item.passing if name in changed]
    return [replace(item, changed=changed, passing=passing)] if changed else []


def _bare(name: str) -> str:
    """An option without the end of a cable that it is of."""
    return name.rpartition(".")[2]


def _option(name: str) -> str:
    """What entries say of a device where this is changed, of the same end."""
    return name.removesuffix(_bare(name)) + OPTIONS[_bare(name)]


def left(item: Touched) -> set[End]:
    """The bridges that a device, or an end of a cable, was found in and was taken from."""
    parts = [("", item.found or {}), ("peer.", (item.found or {}).get("peer") or {})] if item.kind in LINKS else []
    masters = (part for front, part in parts if f"{front}master" in (item.changed or ()) and part.get("master"))
    return {End(part.get("netns") or HOST, part["master"]) for part in masters}


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


class Said:
    """What the entries of a document say of devices, beside the things that they are entries of."""

    def __init__(self, document: Document) -> None:
        self.options: set[Option] = set()
        # Bridges that have no other ports than those they are declared with; what is to be gone.
        self.bridges: set[End] = set()
        self.gone: set[End] = set()
        self.emptied: set[str] = set()
        for kind, spec in document:
            if kind == "netns" and not spec.absent and spec.lo_up is not None:
                self.options.add((End(spec.name, LO), "up"))
            elif kind == "netns" and spec.absent:
                self.emptied.add(spec.name)
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
            return bool(item.devices & self.gone or item.places & self.emptied) and not item.moved_to
        return bool(self.options.intersection(_changed(item)) or left(item) & (self.bridges | self.gone))


def _options(wanted: Attributes) -> list[str]:
    return [name for name, value in vars(wanted).items() if value is not None]
