# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.nsfabric.linux.plugins.module_utils._model import document as documents
from ansible_collections.nsfabric.linux.plugins.module_utils._model import link_local
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import HOST, Address, End
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touched import Touched

from .links import device, state

ETH1, OURS, AWAY = End(HOST, "eth1"), End(HOST, "ours"), End("n1", "eth1")
ABSENT = {"name": "eth1", "state": "absent"}
FOUND = {"name": "eth1", "addresses": [], "found": [{"text": "fe80::1/64", "kernel_made": True, "given": True}]}


def test_a_topologys_are_those_that_were_declared_and_not_found_wherever_the_device_is() -> None:
    given = ["10.1.0.1/24", "fe80::1/64", "fe80::2/64", "2001:db8::1/64"]
    moved = Touched("link", FOUND, ABSENT, {"name": "eth1", "netns": "n1"}, given=given)
    made = Touched("veth", None, {"name": "ours", "peer": {"name": "far"}, "state": "absent"}, given=["fe80::1/64"])
    mine = link_local.chosen([moved, made])
    assert mine == {
        ETH1: {"fe80::2/64"},
        AWAY: {"fe80::2/64"},
        OURS: {"fe80::1/64"},
        End(HOST, "far"): {"fe80::1/64"},
    }
    assert link_local.chosen([replace(moved, given=["10.1.0.1/24", "fe80::1/64"])]) == {}


def test_what_a_document_declares_is_told_and_nothing_else() -> None:
    own = Address("10.1.0.1/24")
    there = [Address(f"fe80::{number}/64", kernel_made=True, given=number < 3) for number in (1, 2, 3)]
    now = state(links={ETH1: replace(device("eth1"), addresses=(own, *there))})
    entry: dict[str, Any] = {"name": "eth1", "addresses": ["10.1.0.1/24", "fe80::2/64"]}
    document = documents.read({"link": [entry]}, Problems())
    assert link_local.held(now, document)["link"][0]["addresses"] == ["10.1.0.1/24", "fe80::2/64"]
    assert (now.link(ETH1) or device("")).own_addresses == ("10.1.0.1/24",)
    without = documents.read({"link": [{**entry, "addresses": ["10.1.0.1/24"]}]}, Problems())
    assert link_local.counted(now, without) is now
