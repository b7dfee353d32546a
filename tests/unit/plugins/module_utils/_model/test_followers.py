# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes back with things that are put back, though nobody declared it."""

from __future__ import annotations

from typing import Any

from ansible_collections.nsfabric.linux.plugins.module_utils._model.followers import followers
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touched import Touched


def cable(near: str, far: str) -> dict[str, Any]:
    return {"name": near, "peer": {"name": far}}


def found(kind: str, name: str, **more: Any) -> Touched:
    return Touched(kind, {"name": name, **more}, {"name": name, **more, "state": "absent"})


def test_a_bridge_that_loses_its_last_port_comes_back_with_it() -> None:
    bridge = found("bridge", "br9")
    first, second = (Touched("veth", None, {**cable(*ends), "state": "absent"}, cable(*ends)) for ends in ("ab", "cd"))
    config = {"veth": [{**cable("a", "b"), "master": "br9"}, {**cable("c", "d"), "master": "br9"}]}
    objects = [bridge, first, second]
    assert followers(objects, config, [first], set()) == []
    assert followers(objects, config, [first, second], set()) == [bridge]


def test_what_stood_in_a_namespace_that_was_deleted_comes_back_with_it() -> None:
    namespace = Touched("netns", {"name": "n"}, {"name": "n", "state": "absent"})
    route = {"netns": "n", "destination": "10.0.0.0/8", "type": "blackhole"}
    inside, outside = (Touched("netns_route", entry, entry) for entry in (route, {**route, "netns": None}))
    assert followers([namespace, inside, outside], {}, [namespace], set()) == [inside]


def test_a_setting_comes_back_with_its_device() -> None:
    link = found("link", "eth0")
    setting = Touched("netns_sysctl", {}, {"name": "net.ipv4.conf.eth0.rp_filter"})
    other = Touched("netns_sysctl", {}, {"name": "net.ipv4.conf.eth1.rp_filter"})
    assert followers([link, setting, other], {}, [link], set()) == [setting]
