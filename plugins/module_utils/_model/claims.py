# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What documents and objects speak of, by what identifies it, and which entry of a document an object belongs to."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from . import document as documents
from .document import Claim, Config, Document
from .problems import Problems
from .state import State
from .touched import LINKS, Touched


def claims(config: Config) -> set[Claim]:
    """What a configuration speaks of."""
    return claims_in(documents.read(config, Problems()))


def claims_in(document: Document) -> set[Claim]:
    """What a document speaks of."""
    return {(kind, claim) for kind, spec in document for claim in documents.claims(spec)}


def removed_by(document: Document) -> set[Claim]:
    """What a document wants gone."""
    return {(kind, claim) for kind, spec in document if spec.absent for claim in documents.claims(spec)}


def places_of(document: Document, kinds: AbstractSet[str], state: State) -> set[Claim]:
    """What a document speaks of, of some kinds, wherever it stands."""
    return {(kind, claim) for kind, spec in document if kind in kinds for claim in documents.origins(kind, spec, state)}


def claims_of(item: Touched, state: State) -> set[Claim]:
    """What an object is, where it was found, where it was declared and where it stands now."""
    return {(item.kind, claim) for spec in item.specs for claim in documents.origins(item.kind, spec, state)}


Owners = dict[tuple[str, Any], tuple[Any, list[str]]]


def owners_of(document: Document, state: State) -> Owners:
    """What a document speaks of, wherever it stands: the entry that names a device that can be moved, and addresses.

    Where one entry would move what another declares as it stands, it is the other's.
    """
    owners: Owners = {}
    for kind, spec in document:
        owners.update(
            dict.fromkeys(((kind, claim) for claim in documents.origins(kind, spec, state)), _owner(kind, spec))
        )
    for kind, spec in document:
        owners.update(dict.fromkeys(((kind, claim) for claim in documents.claims(spec)), _owner(kind, spec)))
    return owners


def _owner(kind: str, spec: Any) -> tuple[Any, list[str]]:
    told = spec.ends if kind in LINKS else ()
    return getattr(spec, "entry", None), [text for dummy, wanted, dummy in told for text in wanted.addresses or ()]


def owned(item: Touched, owners: Owners, state: State) -> Touched:
    """An object as a document declares it."""
    mine = claims_of(item, state) & owners.keys() or item.by_one_end & owners.keys()
    if not mine:
        return item
    entry, addresses = owners[min(mine, key=str)]
    return item.owned_by(entry or item.absent, addresses)
