# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing is documented in RETURN that no call returns. (That nothing else is returned, `Host.module` checks.)"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import returned
from host import Host

from ansible_collections.nsfabric.linux.tests.unit.declared import MODULES

# Calls that together return everything that their module documents.
CALLS: dict[str, list[dict[str, Any]]] = {
    "bridge": [{"name": "br0", "netns": "ns1", "ports": ["a"]}, {"name": "too-long-for-a-bridge"}],
    "fastpath": [
        {
            "name": "fast",
            "netns": "ns1",
            "ends": [{"device": "a", "addresses": ["10.0.0.2"]}, {"device": "b", "addresses": ["10.0.1.2"]}],
        },
        {"name": "fast", "ends": [{"device": "a", "addresses": ["nowhere"]}]},
    ],
    "forward_accept": [
        {
            "netns": "ns1",
            "in_interface": "a",
            "out_interface": "b",
            "source": "10.0.0.0/24",
            "destination": "10.0.1.0/24",
        },
        {"source": "10.0.0.0/33"},
    ],
    "link": [{"name": "a", "netns": "ns1", "mtu": 1400}, {"name": "too-long-for-a-link"}],
    "masquerade": [
        {"netns": "ns1", "source": "10.0.0.0/24", "destination": "10.1.0.0/24", "out_interface": "b"},
        {"source": "10.0.0.0/33"},
    ],
    "netns": [{"name": "ns2"}, {"name": "a/b"}],
    "netns_neighbor": [
        {"netns": "ns1", "device": "a", "address": "10.0.0.9", "mac": "02:00:00:00:00:09"},
        {"netns": "ns1", "device": "a", "address": "nowhere", "mac": "02:00:00:00:00:09"},
    ],
    "netns_route": [
        {
            "netns": "ns1",
            "destination": "10.9.0.0/24",
            "gateway": "10.0.0.9",
            "device": "a",
            "source": "10.0.0.1",
            "mtu": 1400,
        },
        {"netns": "ns1", "destination": "10.8.0.0/24", "nexthops": [{"device": "a"}, {"device": "b"}]},
        {"destination": "nowhere"},
    ],
    "netns_sysctl": [
        {"netns": "ns1", "name": "net.ipv4.ip_forward", "value": 1},
        {"name": "kernel.hostname", "value": "x"},
    ],
    "reachability": [
        {
            "checks": [
                {
                    "name": "itself",
                    "from": "ns1",
                    "to": "10.0.0.1",
                    "device": "lo",
                    "source": "10.0.0.1",
                    "size": 100,
                    "expected_ttl": 64,
                },
                {"from": "ns1", "to": "10.0.0.1", "protocol": "tcp", "port": 7},
                {"from": "ns1", "to": "192.0.2.1", "expected": "unreachable", "wait": 0.05},
            ]
        },
        {"checks": [{"to": "nowhere"}]},
    ],
    "sandbox": [{"names": ["rack1"], "subnet6": "fd00:9::/64"}, {"names": ["a/b"]}],
    "topology": [{"name": "lab", "config": {"netns": [{"name": "ns3"}]}}, {"name": "lab", "config": {"nets": []}}],
    "topology_info": [{}, {"namespaces": ["nowhere"]}],
    "veth": [
        {"name": "c", "netns": "ns1", "peer": {"name": "d"}},
        {"name": "c", "peer": {"name": "too-long-for-a-link"}},
    ],
}


SERVER = "import socket; s = socket.create_server(('10.0.0.1', 7)); input()"


@pytest.fixture
def network(host: Host) -> Iterator[Host]:
    """A namespace between two cables, where something listens."""
    cables = [
        {"name": name, "netns": "ns1", "addresses": [f"10.0.{n}.1/24"], "peer": {"name": name, "netns": "ns0"}}
        for n, name in enumerate("ab")
    ]
    host.do("topology", name="before", config={"netns": [{"name": "ns0"}, {"name": "ns1"}], "veth": cables})
    inside = ["nsenter", "-t", str(host.pid), "-n", "-m", "ip", "netns", "exec", "ns1"]
    with subprocess.Popen([*inside, sys.executable, "-c", SERVER], stdin=subprocess.PIPE) as server:
        yield host
        server.kill()


@pytest.mark.parametrize("module", MODULES)
def test_everything_documented_is_returned(module: str, network: Host) -> None:
    documented = returned.documented(module)
    seen = {path for call in CALLS[module] for path in returned.paths(documented, network.module(module, **call))}
    assert set(returned.documented_paths(documented)) - seen == set()
