# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of topology_info and is not there: an error, or in check mode what an earlier task would have made."""

from __future__ import annotations

from typing import Any

import pytest
from host import Host, warnings

MISSING_TOPOLOGY = "topology later does not exist yet; it is left out in check mode"
MISSING_NAMESPACE = "namespace ns2 does not exist yet; it is left out in check mode"


def checked(host: Host, **options: Any) -> dict[str, Any]:
    told = host.module("topology_info", check=True, **options)
    assert not told.get("failed"), told
    return told


def test_in_check_mode_on_a_bare_host(host: Host) -> None:
    told = checked(host, names=["later"])
    assert (told["config"], told["topologies"]) == ({}, [])
    assert MISSING_TOPOLOGY in warnings(told)
    told = checked(host, namespaces=["ns2"])
    assert "netns" not in told["config"]
    assert MISSING_NAMESPACE in warnings(told)
    assert "does not exist yet" not in warnings(checked(host))


def test_in_check_mode_what_is_there_is_read_all_the_same(host: Host) -> None:
    host.do("topology", name="lab", config={"netns": [{"name": "ns1"}]})
    told = checked(host, names=["later", "lab"])
    assert [found["name"] for found in told["topologies"]] == ["lab"]
    assert [entry["name"] for entry in told["config"]["netns"]] == ["ns1"]
    assert MISSING_TOPOLOGY in warnings(told)
    told = checked(host, namespaces=["ns2", "ns1", "ns1"])
    assert [entry["name"] for entry in told["config"]["netns"]] == ["ns1"]
    assert MISSING_NAMESPACE in warnings(told)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ["later", "afterwards"]}, "no topology on this host is named afterwards, later"),
        ({"namespaces": ["ns2", "ns3"]}, "namespaces: there is no namespace ns2, ns3"),
    ],
    ids=["topology", "namespace"],
)
def test_outside_check_mode(host: Host, options: dict[str, Any], message: str) -> None:
    told = host.module("topology_info", **options)
    assert (told["failed"], told["msg"]) == (True, message)


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
def test_a_stale_file_is_nothing_that_a_task_would_make(host: Host, check: bool) -> None:
    host.sh("mkdir -p /run/netns; touch /run/netns/ns2")
    told = host.module("topology_info", check=check, namespaces=["ns2"])
    assert told["msg"].startswith("namespaces: /run/netns/ns2 is a stale file: no namespace is mounted on it")
