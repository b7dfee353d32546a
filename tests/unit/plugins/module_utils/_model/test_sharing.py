# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of one topology's objects another one declares as well."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils._model.sharing import shared
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touched import Touched

NIC = {"name": "nic", "state": "absent"}
CABLE = {"name": "a", "peer": {"name": "b"}, "state": "absent"}
ROUTE = Touched("netns_route", {"destination": "10.0.0.0/8", "device": "b"}, {"destination": "10.0.0.0/8"})


def nic(*changed: str, **found: Any) -> Touched:
    return Touched("link", {"name": "nic", **found}, NIC, changed=changed)


def cable(changed: list[str] | None, **more: Any) -> Touched:
    return Touched("veth", {"name": "a", "peer": {"name": "b"}}, CABLE, changed=changed, **more)


GONE: dict[str, Any] = {"link": [{"name": "b", "state": "absent"}]}
# What one topology has changed, what another one declares, and whether that is shared.
CASES: list[tuple[Touched, dict[str, Any], bool]] = [
    (nic("mtu"), {"link": [{"name": "nic"}]}, True),
    (nic("master", "port"), {"bridge": [{"name": "br", "ports": ["nic"]}]}, True),
    (nic("mtu"), {"bridge": [{"name": "br", "ports": ["nic"]}]}, False),
    (nic("master", master="br"), {"bridge": [{"name": "br", "ports": []}]}, True),
    (nic("master", master="br"), {"bridge": [{"name": "br"}]}, False),
    (nic("mtu", master="br"), {"bridge": [{"name": "br", "ports": []}]}, False),
    (nic("master", master="br"), {"bridge": [{"name": "br", "state": "absent"}]}, True),
    (cable(["mtu"]), {"link": [{"name": "a", "mtu": 1400}]}, True),
    (cable(["mtu"]), {"link": [{"name": "b", "mtu": 1400}]}, False),
    (cable(["peer.mtu"]), {"link": [{"name": "b", "mtu": 1400}]}, True),
    (cable(["peer.mtu"]), {"link": [{"name": "b", "up": True}]}, False),
    (cable(["peer.mtu"]), GONE, False),
    (cable(None), GONE, True),
    (cable(None, owner={**CABLE, "netns": "ns1", "state": "present"}), GONE, False),
    (Touched("veth", None, CABLE), {"link": [{"name": "a", "mtu": 1400}]}, False),
    (Touched("netns", {"name": "n"}, {"name": "n"}, changed=["lo_up"]), {"link": [{"netns": "n", "name": "lo"}]}, True),
    (
        Touched("link", {}, {"netns": "n", "name": "lo"}, changed=["up"]),
        {"netns": [{"name": "n", "lo_up": True}]},
        True,
    ),
    (
        Touched("link", {}, {"netns": "n", "name": "lo"}, changed=["mtu"]),
        {"netns": [{"name": "n", "lo_up": True}]},
        False,
    ),
]


@pytest.mark.parametrize(("item", "config", "expected"), CASES)
def test_shared(item: Touched, config: dict[str, Any], expected: bool) -> None:
    assert shared(config, [item]) == ([item] if expected else [])


def test_what_cannot_come_back_before_a_device_or_a_namespace_is_shared_with_it() -> None:
    assert shared(GONE, [cable(None), ROUTE]) == [cable(None), ROUTE]
    assert shared(GONE, [cable(["mtu"]), ROUTE]) == []
    inside = Touched("netns_route", {"destination": "10.0.0.0/8"}, {"netns": "n", "destination": "10.0.0.0/8"})
    namespace = Touched("netns", {"name": "n"}, {"name": "n", "state": "absent"})
    config = {"netns": [{"name": "n", "state": "absent"}]}
    assert shared(config, [namespace, inside, ROUTE]) == [namespace, inside]
