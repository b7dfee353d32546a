# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes back when the entries that stood in its way are not declared any more."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils._model import document as documents
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.said import divided, released
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touched import Touched

Config = dict[str, list[dict[str, Any]]]
PORT = Touched("link", {"name": "nic", "master": "br"}, {"name": "nic", "state": "absent"}, changed=["master"])
CABLE = Touched(
    "veth",
    {"name": "a", "peer": {"netns": "n", "name": "b"}},
    {"name": "a", "peer": {"netns": "n", "name": "b"}, "state": "absent"},
)
TAKEN: Config = {"bridge": [{"name": "ours", "ports": ["nic"]}]}
PUSHED_OUT: Config = {"bridge": [{"name": "br", "ports": []}]}
NO_BRIDGE: Config = {"bridge": [{"name": "br", "state": "absent"}]}
NO_LINK: Config = {"link": [{"name": "a", "state": "absent"}]}
NO_NAMESPACE: Config = {"netns": [{"name": "n", "state": "absent"}]}
# What was changed or removed, as it was declared, and as it is declared now: whether it comes back.
CASES: list[tuple[Touched, Config, Config, bool]] = [
    (PORT, TAKEN, {}, True),
    (PORT, TAKEN, TAKEN, False),
    (PORT, TAKEN, {"bridge": [{"name": "ours"}]}, True),
    (PORT, TAKEN, {"link": [{"name": "nic", "mtu": 1400}]}, False),
    (PORT, PUSHED_OUT, {}, True),
    (PORT, PUSHED_OUT, {"bridge": [{"name": "br", "ports": ["other"]}]}, False),
    (PORT, NO_BRIDGE, {}, True),
    (PORT, NO_BRIDGE, PUSHED_OUT, False),
    (CABLE, NO_LINK, {}, True),
    (CABLE, NO_LINK, NO_NAMESPACE, False),
    (CABLE, NO_NAMESPACE, {}, True),
    (CABLE, NO_NAMESPACE, NO_NAMESPACE, False),
    (CABLE, {"netns": [{"name": "other", "state": "absent"}]}, {}, False),
    (Touched("veth", None, CABLE.absent), NO_LINK, {}, False),
    (Touched("veth", CABLE.found, CABLE.absent, {"name": "a"}), NO_LINK, {}, False),
]


@pytest.mark.parametrize(("item", "before", "now", "comes_back"), CASES)
def test_what_no_entry_speaks_of_any_more_is_released(
    item: Touched, before: Config, now: Config, comes_back: bool
) -> None:
    document = documents.read(now, Problems())
    assert released([item], before, document) == ([item] if comes_back else [])


MTU: Config = {"link": [{"name": "nic", "mtu": 1400}]}
# What was changed of a link, what another topology declares, what that says of it as well, and what it does not.
PARTS: list[tuple[list[str], Config, list[str] | None, list[str] | None]] = [
    (["mtu"], MTU, ["mtu"], None),
    (["mac", "mtu", "ports_mac"], MTU, ["mtu"], ["mac", "ports_mac"]),
    (["ipv6_mtu", "mtu", "up"], MTU, ["ipv6_mtu", "mtu"], ["up"]),
    (["addresses", "found"], MTU, None, ["addresses", "found"]),
    (["master", "port", "up"], TAKEN, ["master", "port"], ["up"]),
    (["master", "up"], PUSHED_OUT, ["master"], ["up"]),
    # What only entries of its own kind say.
    (["ports", "up"], MTU, ["ports", "up"], None),
]


@pytest.mark.parametrize(("changed", "config", "both", "alone"), PARTS)
def test_each_option_of_a_link_counts_by_itself(
    changed: list[str], config: Config, both: list[str] | None, alone: list[str] | None
) -> None:
    parts = divided([Touched("link", PORT.found, PORT.absent, changed=changed)], config)
    assert [[item.changed for item in part] for part in parts] == [[both] if both else [], [alone] if alone else []]


def test_what_was_moved_is_not_divided() -> None:
    moved = Touched("link", PORT.found, PORT.absent, {"netns": "n", "name": "nic"}, changed=["mtu", "up"])
    assert divided([moved, CABLE], MTU) == ([moved, CABLE], [])
