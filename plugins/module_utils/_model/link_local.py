# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IPv6 addresses that are unique on their link alone: every device makes itself one, so only what is declared counts.

One that the kernel did not make may be a network manager's as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from . import document as documents
from . import values
from .addresses import AddAddress
from .document import Document, Plan
from .found import ends
from .state import End, State
from .touched import LINKS, Touched

Chosen = dict[End, AbstractSet[str]]


def chosen(objects: Iterable[Touched]) -> Chosen:
    """Those that documents have declared, and that were not found, by device."""
    result: Chosen = {}
    for item in objects:
        mine = set(filter(values.is_link_local, item.given))
        for dummy, was in ends(replace(item, changed=None)) if mine else ():
            mine -= {each["text"] for each in was.get("found") or ()}
        for spec in item.specs if mine else ():
            _add(result, [end for end, *dummy in spec.ends], mine)
    return result


def added(planned: Plan) -> Chosen:
    """Those that a plan adds, by device."""
    result: Chosen = {}
    for action in (step.action for step in planned.steps):
        if isinstance(action, AddAddress) and values.is_link_local(action.address):
            _add(result, [End(action.netns, action.name)], {action.address})
    return result


def _add(result: Chosen, ends: Iterable[End], texts: AbstractSet[str]) -> None:
    result.update({end: result.get(end, frozenset()) | texts for end in ends})


def held(state: State, document: Document) -> dict[str, list[dict[str, Any]]]:
    """What the kernel holds of a document, with those that it declares."""
    return documents.held(counted(state, document), document)


def counted(state: State, document: Document) -> State:
    """A state in which those that a document declares are addresses like any other."""
    result = state
    for end, texts in _declared(document):
        link = result.link(end)
        if link and any(found.kernel_made and found.text in texts for found in link.addresses):
            result = result.copy() if result is state else result
            own = (
                replace(found, kernel_made=found.kernel_made and found.text not in texts) for found in link.addresses
            )
            result.change_link(end, addresses=tuple(own))
    return result


def _declared(document: Document) -> Iterator[tuple[End, set[str]]]:
    specs = (spec for kind in LINKS for spec in document.specs[kind] if not spec.absent)
    for end, wanted, dummy in (told for spec in specs for told in spec.ends):
        texts = set(filter(values.is_link_local, wanted.addresses or ()))
        if texts:
            yield end, texts
