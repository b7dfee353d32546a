# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a topology made goes with it, wherever somebody has put it meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from host import Host, warnings
from snapshot import snapshot
from test_topology import apply

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


BY_HAND = {
    "an end": "ip -n n1 link set v1 netns $$; ip link set v1 up",
    "the other end": "ip netns add other; ip link set p1 netns other",
    "an end to a namespace": "ip netns add other; ip -n n1 link set v1 netns other",
    "the namespace's name": (
        "touch /run/netns/n7; mount --bind /run/netns/n1 /run/netns/n7; umount /run/netns/n1; rm /run/netns/n1"
    ),
}


@pytest.mark.parametrize("how", ["absent", "purged"])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("what", BY_HAND)
def test_what_was_made_goes_wherever_it_is(host: Host, what: str, turned: bool, how: str) -> None:
    host.sh("ip netns add other" if "other" in BY_HAND[what] else "true")
    before = snapshot(host)
    near, peer = dict(CABLE["veth"][0]), dict(CABLE["veth"][0]["peer"])
    del near["peer"]
    apply(host, {**CABLE, "veth": [{**peer, "peer": near} if turned else {**near, "peer": peer}]})
    host.sh(BY_HAND[what].replace("ip netns add other; ", ""))
    done = apply(host, {}) if how == "purged" else host.do("topology", name="lab", state="absent")
    assert not warnings(done)
    assert snapshot(host).replace("/run/nsfabric/topologies/lab.json\n", "") == before
    if how == "purged":
        host.do("topology", name="lab", state="absent")
    assert snapshot(host) == before


def test_a_device_that_was_found_comes_home_from_a_namespace_that_was_renamed(host: Host) -> None:
    host.sh("ip netns add peer; ip link add eth1 type veth peer name far1 netns peer; ip link set eth1 up")
    before = snapshot(host)
    apply(host, {**CABLE, "link": [{"netns": "n1", "name": "eth1", "addresses": ["10.1.0.1/24"]}]})
    host.sh(BY_HAND["the namespace's name"])
    assert not warnings(host.do("topology", name="lab", state="absent"))
    assert snapshot(host) == before


def test_a_namespace_that_is_declared_and_has_another_name_is_told(host: Host) -> None:
    apply(host, CABLE)
    host.sh(BY_HAND["the namespace's name"])
    told = warnings(apply(host, CABLE))
    assert "namespace n1 that this topology made is called n7 now; it is left alone" in told
