# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others flush: rules of ours that are left, and rules that the next run brings back."""

from __future__ import annotations

from typing import Any

import pytest
from host import Host
from snapshot import snapshot
from test_topology import apply

RULES: dict[str, Any] = {
    "bridge": [{"name": "br0", "addresses": ["10.1.0.254/24"]}],
    "masquerade": [{"source": "10.1.0.0/24", "out_interface": "!br0", "backend": "nftables"}],
    "forward_accept": [{"in_interface": "br0", "replies": True, "backend": "nftables"}],
}


@pytest.mark.parametrize(
    "flush",
    [
        "iptables -F; iptables -t nat -F; iptables -X; ip6tables -F",
        # What firewalld does when it is reloaded: it deletes its own table.
        "nft 'add table inet firewalld; delete table inet firewalld'; iptables -F; iptables -t nat -F",
    ],
    ids=["iptables", "firewalld"],
)
def test_a_flush_by_others_leaves_our_rules(host: Host, flush: str) -> None:
    apply(host, RULES)
    before = host.sh("nft -s list table inet nsfabric")
    host.sh(flush)
    assert host.sh("nft -s list table inet nsfabric") == before
    assert not apply(host, RULES)["changed"]


def test_the_next_run_mends_a_flushed_ruleset(host: Host) -> None:
    apply(host, RULES)
    before = host.sh("nft -s list ruleset")
    host.sh("nft flush ruleset")
    predicted = host.module("topology", name="lab", config=RULES, check=True)
    assert {step["resource"] for step in predicted["steps"]} == {"masquerade", "forward_accept"}
    assert apply(host, RULES)["steps"] == predicted["steps"]
    assert host.sh("nft -s list ruleset") == before
    assert not apply(host, RULES)["changed"]


def test_a_namespace_that_was_just_deleted_is_made_anew_with_its_cables(host: Host) -> None:
    """The kernel takes its cables away some time after its name."""
    names = ("ns1", "ns2", "ns3")
    config: dict[str, Any] = {
        "netns": [{"name": name} for name in names],
        "bridge": [{"name": "br0", "up": True}],
        "veth": [
            {"name": f"v-{name}", "master": "br0", "up": True, "peer": {"netns": name, "name": "eth0", "up": True}}
            for name in names
        ],
    }
    apply(host, config)
    before = snapshot(host)
    for dummy in range(3):
        host.sh("ip netns delete ns2")
        again = host.do("topology", name="lab", config=config)
        assert {(step["resource"], step["change"]) for step in again["steps"]} >= {
            ("netns", "create"),
            ("veth", "create"),
        }
        assert snapshot(host) == before
