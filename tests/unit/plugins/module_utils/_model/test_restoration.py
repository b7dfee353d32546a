# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back from a plan, and what stands in it."""

from __future__ import annotations

from ansible_collections.nsfabric.linux.plugins.module_utils._model import document as documents
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.restoration import misplaced, restoration
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touching import touched
from ansible_collections.nsfabric.linux.tests.unit.plugins.module_utils._model.links import exchanged


def test_what_stands_in_the_way_back_is_what_was_made() -> None:
    planned = exchanged()
    undo = documents.read(restoration(touched(planned)), Problems())
    assert misplaced(undo, planned, planned.before) == []
    made = {frozenset((made["name"], made["peer"]["name"])) for made in misplaced(undo, planned, planned.after)}
    assert made == {frozenset("ac"), frozenset("bd")}
