# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two topologies: what the plan of one undoes of the other."""

from __future__ import annotations

from typing import Any

from ansible_collections.nsfabric.linux.plugins.module_utils._model import document as documents
from ansible_collections.nsfabric.linux.plugins.module_utils._model import rivals
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import End, State
from ansible_collections.nsfabric.linux.tests.unit.plugins.module_utils._model.links import device, planned, state

NIC = End("", "nic")


def undone(host: State, theirs: dict[str, Any], **mine: Any) -> list[str]:
    scope = documents.read(mine, Problems()).scope()
    rivals.add_to(scope, theirs)
    return [str(found) for found in rivals.undone(theirs, planned(host, **mine), scope)]


def test_what_both_want_alike_or_only_one_speaks_of_is_left() -> None:
    host = state(links={NIC: device("nic")})
    theirs = {"link": [{"name": "nic", "mtu": 1400}]}
    assert undone(host, theirs, link=[{"name": "nic", "mtu": 1400}]) == []
    assert undone(host, theirs, link=[{"name": "nic", "txqueuelen": 7}]) == []
    assert undone(host, theirs, bridge=[{"name": "br0"}]) == []


def test_what_one_wants_otherwise_is_told_with_its_entry() -> None:
    host = state(links={NIC: device("nic", mtu=1400)})
    told = ["config.link[0]: it would have to set nic: mtu 1400 again (mtu is 1300, wanted 1400)"]
    assert undone(host, {"link": [{"name": "nic", "mtu": 1400}]}, link=[{"name": "nic", "mtu": 1300}]) == told


def test_what_was_undone_before_is_nobodys_doing() -> None:
    host = state(links={NIC: device("nic")})
    theirs = {"link": [{"name": "nic", "up": False}]}
    assert undone(host, theirs, link=[{"name": "nic", "mtu": 1300}]) == []


def test_what_could_not_be_had_before_is_nobodys_doing() -> None:
    theirs = {"veth": [{"name": "a", "master": "br0", "peer": {"name": "b"}}]}
    assert undone(state(), theirs, bridge=[{"name": "br1"}]) == []


def test_each_attribute_counts_alone() -> None:
    host = state(links={NIC: device("nic", mtu=1300, up=False)})
    theirs = {"link": [{"name": "nic", "mtu": 1400, "up": True}]}
    assert undone(host, theirs, link=[{"name": "nic", "mtu": 1400}]) == []


def test_a_device_is_missed_where_it_was_only_seen() -> None:
    host = state("ns1", "ns2", links={End("ns1", "nic"): device("nic")})
    theirs = {"link": [{"name": "nic", "netns": "ns1"}], "netns_sysctl": [{"netns": "ns1", "name": "a.b", "value": 1}]}
    assert undone(host, theirs, link=[{"name": "nic", "netns": "ns2"}]) == [
        "config.link[0]: it would have to move nic to namespace ns1 again "
        "(it is in namespace ns2, wanted in namespace ns1)",
        "config.link[0]: it would have to set nic: up again (it is down)",
    ]
