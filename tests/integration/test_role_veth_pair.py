# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role `veth_pair`: what crosses the cable, and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from host import Host
from snapshot import snapshot

from roles import HOSTILE, WORLD, Count, apply_role, good, remove_role, there_and_back, uplink, verify_role


def test_as_in_the_document(host: Host) -> None:
    uplink(host)
    rows = there_and_back(host, "veth_pair", veth_pair_probe=[WORLD])
    assert [(row["device"], row["to"], row["reachable"], row["ttl"]) for row in rows] == [
        ("veth1a", "10.244.1.3", True, 64),
        ("veth1a", WORLD, False, None),
        ("veth1b", "10.244.1.2", True, 64),
        ("veth1b", WORLD, False, None),
    ]


def test_a_bound_ping_crosses_the_cable_and_an_unbound_one_does_not(host: Host) -> None:
    good(apply_role(host, "veth_pair"))
    asked, back, replied = (
        Count(host, "veth1b", "icmp type echo-request"),
        Count(host, "veth1a", "icmp type { echo-request, echo-reply }"),
        Count(host, "lo", "icmp type echo-reply"),
    )
    assert "3 received" in host.sh("ping -n -c3 -i.1 -W5 -I veth1a 10.244.1.3")
    assert (int(asked), int(back), int(replied)) == (3, 0, 3)
    assert "3 received" in host.sh("ping -n -c3 -i.1 -W5 10.244.1.3")
    assert (int(asked), int(back), int(replied)) == (3, 0, 6)


@pytest.mark.parametrize(
    ("key", "value"), [("accept_local", "0"), ("rp_filter", "1")], ids=["accept_local off", "rp_filter strict"]
)
def test_without_either_sysctl_the_proof_fails_and_the_role_repairs_it(host: Host, key: str, value: str) -> None:
    good(apply_role(host, "veth_pair"))
    host.sh(f"echo {value} > /proc/sys/net/ipv4/conf/veth1b/{key}; ip neighbor flush all")
    broken = verify_role(host, "veth_pair")
    assert broken["failed"]
    assert [(row["device"], row["ok"]) for row in broken["results"]] == [("veth1a", False), ("veth1b", True)]
    assert len(good(apply_role(host, "veth_pair"))["steps"]) == 1
    good(verify_role(host, "veth_pair"))


BOTH_WAYS = [("veth1a", "10.244.1.3", True), ("veth1b", "10.244.1.2", True)]
UNPREPARED = [("strict rp_filter", "FORWARD drop by nft"), ("loose rp_filter", "other defaults", "forwarding on")]


@pytest.mark.parametrize("ways", UNPREPARED, ids=" + ".join)
def test_on_an_unprepared_host(host: Host, ways: tuple[str, ...]) -> None:
    uplink(host)
    for way in ways:
        host.sh(HOSTILE[way])
    assert [(row["device"], row["to"], row["reachable"]) for row in there_and_back(host, "veth_pair")] == BOTH_WAYS


def test_lo_is_set_up_for_the_reply_and_down_again(host: Host) -> None:
    host.sh("ip link set lo down")
    assert [(row["device"], row["to"], row["reachable"]) for row in there_and_back(host, "veth_pair")] == BOTH_WAYS
    assert not host.attributes("lo")["up"]


def test_other_names_and_addresses_in_both_families(host: Host) -> None:
    names: dict[str, Any] = {
        "veth_pair_name": "mine",
        "veth_pair_device_a": "left.1",
        "veth_pair_device_b": "right.1",
        "veth_pair_subnet": "10.1.1.0/30",
        "veth_pair_subnet6": "fd00:1::/64",
        "veth_pair_number_a": 1,
        "veth_pair_number_b": 2,
        "veth_pair_mtu": 1400,
    }
    good(apply_role(host, "veth_pair", **names))
    assert sorted(host.addresses("left.1")) == ["10.1.1.1/30", "fd00:1::1/64"]
    assert sorted(host.addresses("right.1")) == ["10.1.1.2/30", "fd00:1::2/64"]
    assert host.link("right.1")["mtu"] == 1400
    good(verify_role(host, "veth_pair", **names))
    remove_role(host, "veth_pair", veth_pair_name="mine")
    assert host.link("left.1") is None


@pytest.mark.parametrize(
    "wrong", [{"veth_pair_state": "gone"}, {"veth_pair_number_a": "two"}, {"veth_pair_device_a": "x" * 16}], ids=str
)
def test_wrong_variables_are_refused_before_anything_changes(host: Host, wrong: dict[str, Any]) -> None:
    before = snapshot(host)
    assert apply_role(host, "veth_pair", **wrong)["failed"]
    assert snapshot(host) == before
