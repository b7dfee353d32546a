# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a topology made goes with it, wherever somebody has put it meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from host import Host

CABLE: dict[str, Any] = {
    "netns": [{"name": "n1"}],
    "veth": [
        {
            "netns": "n1",
            "name": "v1",
            "addresses": ["10.0.0.1/24"],
            "peer": {"name": "p1", "addresses": ["10.0.0.2/24"]},
        }
    ],
}
HERE = "mkdir -p /run/netns; touch /run/netns/n1; mount --bind /proc/self/ns/net /run/netns/n1"


@pytest.mark.parametrize("kind", ["netns", "veth", "netns_sysctl", "link"])
def test_a_name_of_the_hosts_own_namespace_is_refused(host: Host, refused: Callable[..., str], kind: str) -> None:
    host.sh(HERE)
    entries = {
        **CABLE,
        "netns_sysctl": [{"netns": "n1", "name": "net.ipv4.ip_forward", "value": 1}],
        "link": [{"netns": "n1", "name": "lo", "mtu": 1500}],
    }
    message = refused("topology", name="lab", config={kind: entries[kind]})
    assert "/run/netns/n1 is the host's own network namespace" in message
