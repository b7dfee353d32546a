# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""masquerade: what one entry becomes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils._model import masquerade
from ansible_collections.nsfabric.linux.plugins.module_utils._model.firewall import Firewall
from ansible_collections.nsfabric.linux.plugins.module_utils._model.planner import Planner
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems, Reader
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import Namespace, State


def plan(declared: dict[str, Any], firewall: Firewall, netns: str = "") -> Planner:
    problems = Problems()
    spec = masquerade.read(Reader({"netns": netns or None, **declared}, "", problems))
    assert not problems, problems.found
    planner = Planner(State({netns: Namespace(firewall=firewall)}), problems)
    planner.run({"masquerade": [spec]}, {"masquerade": masquerade.PLAN})
    assert not problems, problems.found
    return planner


NFT = "nft 'add rule inet nsfabric postrouting "
NEW = (
    "nft 'add table inet nsfabric; add chain inet nsfabric postrouting { type nat hook postrouting priority srcnat; }'"
)


@pytest.mark.parametrize(
    ("declared", "commands"),
    [
        (
            {"source": "10.1.0.0/24", "out_interface": "!br0"},
            [
                NEW,
                NFT + 'oifname != "br0" ip saddr 10.1.0.0/24 masquerade '
                'comment "nsfabric masquerade out !br0 from 10.1.0.0/24"\'',
            ],
        ),
        (
            {"source": "fd00::/64", "destination": "fd01::1"},
            [
                NEW,
                NFT + "ip6 saddr fd00::/64 ip6 daddr fd01::1/128 masquerade "
                'comment "nsfabric masquerade from fd00::/64 to fd01::1/128"\'',
            ],
        ),
        (
            {"source": "0.0.0.0/0"},
            [NEW, NFT + 'meta nfproto ipv4 masquerade comment "nsfabric masquerade family ipv4"\''],
        ),
        (
            {"out_interface": "eth0", "backend": "iptables"},
            [
                "iptables -t nat -N nsfabric",
                "iptables -t nat -A POSTROUTING -o eth0 -m comment --comment 'nsfabric masquerade out eth0' "
                "-j MASQUERADE",
                "ip6tables -t nat -N nsfabric",
                "ip6tables -t nat -A POSTROUTING -o eth0 -m comment --comment 'nsfabric masquerade out eth0' "
                "-j MASQUERADE",
            ],
        ),
    ],
)
def test_the_commands_a_person_would_type(declared: dict[str, Any], commands: list[str]) -> None:
    assert [step.action.command() for step in plan(declared, Firewall()).steps] == commands


def test_a_legacy_command_is_named_where_the_plain_one_is_another() -> None:
    steps = plan({"source": "10.0.0.0/8"}, Firewall(legacy=True), "ns1").steps
    assert len(steps) == 1
    assert steps[0].action.command().startswith("ip netns exec ns1 iptables-legacy -t nat -A POSTROUTING -s 10.0.0.0/8")


def test_a_step_says_what_and_why() -> None:
    report = plan({"source": "10.0.0.0/8"}, Firewall()).steps[-1].report()
    assert report["what"] == "add a rule to inet nsfabric postrouting: from 10.0.0.0/8 masquerade"
    assert report["why"] == "the rule is missing"
    assert report["resource"] == "masquerade"


def test_one_entry_is_one_rule_for_both_ip_versions_in_nftables() -> None:
    planner = plan({"out_interface": "eth0"}, Firewall())
    (rule,) = planner.state.namespaces[""].firewall.rules
    assert rule.body == {"out eth0", "masquerade"}


def test_nothing_is_left_of_an_absent_rule() -> None:
    made = plan({"source": "10.0.0.0/8"}, Firewall()).state.namespaces[""].firewall
    planner = plan({"source": "10.0.0.0/8", "state": "absent"}, made)
    assert [step.phase for step in planner.steps] == ["remove rules", "remove rules"]
    assert planner.state.namespaces[""].firewall == Firewall()
    assert plan({"source": "10.0.0.0/8", "state": "absent"}, Firewall()).steps == []


def test_absent_finds_the_rule_in_every_backend() -> None:
    made = plan({"source": "10.0.0.0/8", "backend": "iptables"}, Firewall()).state.namespaces[""].firewall
    planner = plan({"source": "10.0.0.0/8", "state": "absent", "backend": "nftables"}, made)
    assert planner.state.namespaces[""].firewall == Firewall()
