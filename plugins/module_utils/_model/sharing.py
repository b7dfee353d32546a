# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several topologies on one host: what one has made or changed, and another one declares as well."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from . import document as documents
from .claims import claims_in
from .document import Config
from .netns_sysctl import NAME as SYSCTL
from .netns_sysctl import follows
from .problems import Problems
from .said import Said, left
from .state import End
from .touched import LINKS, Touched, places_in


def shared(config: Config, objects: Sequence[Touched]) -> list[Touched]:
    """Those of another topology's objects that a configuration declares as well, that follow such, or hold its things.

    And what was found on a device, or in a namespace, that both want gone.
    """
    document = documents.read(config, Problems())
    declared, places, said = claims_in(document), _places(config), Said(document)
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
    return item.found is not None and bool(item.devices & devices or item.places & namespaces or left(item) & devices)
