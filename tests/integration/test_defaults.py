# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A device that comes back has the settings it was found with, whatever `default` has become meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from host import Host, warnings
from snapshot import snapshot
from test_transaction import after, fail_after_each_step, kill, plan_of

AWAY = {"netns": [{"name": "ns1"}], "link": [{"netns": "ns1", "name": "eth0", "addresses": ["10.1.0.1/24"]}]}
BRIDGE_GONE = {"bridge": [{"name": "theirs", "state": "absent"}]}
KEYS = ("net.ipv4.conf.default.rp_filter", "net.ipv4.conf.default.forwarding", "net.ipv6.conf.default.disable_ipv6")
DEFAULTS = {"netns_sysctl": [{"name": name, "value": 1} for name in KEYS]}


@pytest.fixture
def host(host: Host) -> Host:
    host.sh("ip netns add far; ip link add eth0 type veth peer name far0 netns far; ip link set eth0 up")
    host.sh("ip address add 192.0.2.7/24 dev eth0; ip address add fd00:1::7/64 dev eth0 nodad")
    host.sh("ip link add theirs type bridge; ip link set theirs up; ip address add fd00:5::1/64 dev theirs nodad")
    return host


def run(host: Host, name: str, config: dict[str, Any] | None) -> None:
    done = host.do("topology", name=name, **({"state": "absent"} if config is None else {"config": config}))
    assert "cannot be put back" not in warnings(done)


def test_of_one_document(host: Host) -> None:
    before = snapshot(host)
    config = {**AWAY, **DEFAULTS}
    fail_after_each_step(host, config, snapshot)
    run(host, "lab", config)
    assert host.sysctl("net/ipv4/conf/default/rp_filter") == "1"
    run(host, "lab", None)
    assert snapshot(host) == before


@pytest.mark.parametrize("taken", [AWAY, BRIDGE_GONE], ids=["moved", "deleted"])
@pytest.mark.parametrize("order", [("taken", "defaults"), ("defaults", "taken")])
def test_of_two_topologies(host: Host, taken: dict[str, Any], order: tuple[str, str]) -> None:
    before = snapshot(host)
    for names in (("taken", "defaults"), ("defaults", "taken")):
        for name in names:
            run(host, name, {"taken": taken, "defaults": DEFAULTS}[name])
        for name in order:
            run(host, name, None)
        assert snapshot(host) == before, f"{names}, then without {order}"


def test_of_a_later_run(host: Host) -> None:
    before = snapshot(host)
    run(host, "lab", AWAY)
    run(host, "lab", {**AWAY, **DEFAULTS})
    run(host, "lab", DEFAULTS)
    names = ("net/ipv4/conf/eth0/rp_filter", "net/ipv4/conf/eth0/forwarding", "net/ipv6/conf/eth0/disable_ipv6")
    assert [host.sysctl(name) for name in names] == ["0", "0", "0"]
    run(host, "lab", None)
    assert snapshot(host) == before


def test_of_a_run_that_is_killed(host: Host) -> None:
    before = snapshot(host)
    config = {**AWAY, **DEFAULTS}
    for steps in range(plan_of(host, config=config)):
        host.module("topology", name="lab", config=config, inside=after(steps, kill))
        run(host, "lab", None)
        assert snapshot(host) == before, f"killed after {steps} steps"


def test_what_a_device_has_by_itself_is_not_written(host: Host) -> None:
    run(host, "lab", AWAY)
    done = host.do("topology", name="lab", state="absent")
    assert not [step["command"] for step in done["steps"] if "sysctl" in step["command"]]
