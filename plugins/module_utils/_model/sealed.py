# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Namespaces that go with all that a topology made in them: nobody has to look into them before.

Should the run fail when they are gone, they are built again as they were declared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from .document import Config
from .netns_sysctl_keys import device_of, key
from .scope import Scope
from .state import HOST, State
from .touched import INSEPARABLE, Touched, namespaces_made, places_in

Entry = Mapping[str, Any]


def sealed(objects: Sequence[Touched]) -> frozenset[str]:
    """The namespaces that were made, unless something that was found, or that stands elsewhere as well, is bound up.

    Sysctls that were found come back by themselves, whatever goes.
    """
    made = namespaces_made(objects)
    for item in objects:
        places = {place for entry in (item.absent, item.owner, *item.former) if entry for place in places_in(entry)}
        found = item.found is not None and item.kind != "netns_sysctl"
        if not places <= (made if found else made | {HOST}):
            return frozenset()
    return made


def leads_astray(objects: Sequence[Touched], state: State) -> bool:
    """Whether an end on the host of a cable that was made is there, and leads into none of the namespaces that go."""
    led = {end for namespace in state.namespaces.values() if namespace.sealed for end in namespace.far_ends}
    cables = (item for item in objects if item.kind == "veth" and item.found is None and item.places != {HOST})
    return any(end.netns == HOST and state.link(end) and end not in led for item in cables for end in item.devices)


def outside(config: Config, names: AbstractSet[str]) -> Config:
    """What of a configuration does not stand in sealed namespaces."""
    return {
        kind: [entry for entry in entries if not _stands_in(kind, entry, names)] for kind, entries in config.items()
    }


def scope(before: State) -> Scope:
    """What has to be read to know whether they are still there."""
    found = Scope()
    found.seal({name for name, namespace in before.namespaces.items() if namespace.sealed})
    return found


def is_gone(before: State, now: State) -> bool:
    """Whether a namespace that was not looked into is not there any more, or another one is."""
    return any(
        namespace.sealed and (name not in now.namespaces or now.namespaces[name].inode != namespace.inode)
        for name, namespace in before.namespaces.items()
    )


def rebuilt(config: Config, former: Config, before: State) -> Config:
    """What puts a host back, with what was declared in place of what had not been looked into."""
    lost = {name for name, namespace in before.namespaces.items() if namespace.sealed}
    ends = {end.name for name in lost for end in before.namespaces[name].far_ends}
    merged = {
        kind: [entry for entry in entries if not _stands_in(kind, entry, lost) and not _is_end(kind, entry, ends)]
        for kind, entries in config.items()
    }
    for kind, entries in former.items():
        inside = [entry for entry in entries if _stands_in(kind, entry, lost) or _is_end(kind, entry, ends)]
        merged[kind] = [*merged.get(kind, ()), *inside]
    return merged


def _stands_in(kind: str, entry: Entry, lost: AbstractSet[str]) -> bool:
    return entry["name"] in lost if kind == "netns" else not lost.isdisjoint(places_in(entry))


def _is_end(kind: str, entry: Entry, ends: set[str]) -> bool:
    """Whether an entry is about an end on the host that went as well, alone, or a setting that it took along."""
    alone = kind in INSEPARABLE or (kind == "veth" and "peer" not in entry)
    if entry.get("netns") or not alone:
        return False
    return (device_of(key(entry["name"])) if kind == "netns_sysctl" else entry["name"]) in ends
