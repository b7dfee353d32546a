# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan touches: which cables were there, which are there afterwards, and which stand in the way back."""

from __future__ import annotations

from typing import Any

from ansible_collections.nsfabric.linux.plugins.module_utils._model import document as documents
from ansible_collections.nsfabric.linux.plugins.module_utils._model.document import Plan
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import HOST, End
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touched import misplaced, restoration, touched
from ansible_collections.nsfabric.linux.tests.unit.plugins.module_utils._model.links import cable, state

PAIRED = {**cable(End(HOST, "a"), End(HOST, "b")), **cable(End(HOST, "c"), End(HOST, "d"))}


def entry(near: str, far: str, **more: Any) -> dict[str, Any]:
    return {"name": near, "peer": {"name": far}, **more}


def exchanged() -> Plan:
    """From a -- b and c -- d to a -- c and b -- d."""
    here = [entry("a", "c"), entry("b", "d")]
    gone = [entry("a", "b", state="absent"), entry("c", "d", state="absent")]
    problems = Problems()
    document = documents.merged(documents.read({"veth": here}, problems), documents.read({"veth": gone}, problems))
    planned = documents.plan(document, state(links=PAIRED), problems)
    assert not problems, problems.found
    return planned


def test_every_cable_that_was_and_every_one_that_is() -> None:
    found = {(item.absent["name"], item.absent["peer"]["name"], item.found is None) for item in touched(exchanged())}
    assert found == {("a", "b", False), ("c", "d", False), ("a", "c", True), ("b", "d", True)}


def test_what_stands_in_the_way_back_is_what_was_made() -> None:
    planned = exchanged()
    undo = documents.read(restoration(touched(planned)), Problems())
    assert misplaced(undo, planned, planned.before) == []
    made = {frozenset((made["name"], made["peer"]["name"])) for made in misplaced(undo, planned, planned.after)}
    assert made == {frozenset("ac"), frozenset("bd")}
