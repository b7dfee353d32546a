# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Optional

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils._model.found import agreeing, by_device
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touched import Touched

EARLIER = {"name": "eth1", "up": True, "mtu": 9000, "addresses": ["192.0.2.1/24"]}
LATER = {"name": "eth1", "up": False, "mtu": 1400, "addresses": []}
FAR = {"netns": "far", "name": "eth0", "up": True, "mtu": 1500}


def known(kind: str, found: Optional[dict[str, Any]]) -> Touched:
    return Touched(kind, found, {"name": "eth1", "state": "absent"})


CASES: dict[str, tuple[Touched, Touched, Optional[dict[str, Any]]]] = {
    "a cable's end that was a link": (
        known("link", EARLIER),
        known("veth", {**LATER, "peer": FAR}),
        {**EARLIER, "peer": FAR},
    ),
    "a cable's far end that was a link": (
        known("link", EARLIER),
        known("veth", {**FAR, "peer": LATER}),
        {**FAR, "peer": EARLIER},
    ),
    "a link that was a cable's far end": (
        known("veth", {**FAR, "peer": EARLIER}),
        known("link", LATER),
        EARLIER,
    ),
    "a bridge keeps what only bridges have": (
        known("link", EARLIER),
        known("bridge", {**LATER, "stp": False}),
        {**EARLIER, "stp": False},
    ),
    "a link of the same name elsewhere": (
        known("link", {**EARLIER, "netns": "ns1"}),
        known("veth", {**LATER, "peer": FAR}),
        {**LATER, "peer": FAR},
    ),
    "what was made was not found": (known("link", None), known("veth", {**LATER, "peer": FAR}), {**LATER, "peer": FAR}),
    "what is made was not found": (known("link", EARLIER), known("veth", None), None),
    "a route is no device": (known("netns_route", EARLIER), known("link", LATER), LATER),
}


@pytest.mark.parametrize(("before", "item", "found"), CASES.values(), ids=CASES)
def test_what_was_found_first(before: Touched, item: Touched, found: Optional[dict[str, Any]]) -> None:
    assert agreeing(item, by_device([before])).found == found
