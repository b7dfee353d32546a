# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Few names in few places: any network makes way for any other, fails, is killed on the way, and goes."""

from __future__ import annotations

import random
from typing import Any

import pytest
from host import Host
from snapshot import snapshot
from test_topology import apply
from test_transaction import after, kill, plan_of, refuse

Config = dict[str, Any]
FORWARD = {"name": "net.ipv4.ip_forward", "value": 1}


class Networks:
    """Random documents whose cables and bridges have the names a, b and c, on the host and in two namespaces."""

    def __init__(self, seed: int) -> None:
        self.choice = random.Random(seed)

    def likely(self, probability: float) -> bool:
        return self.choice.random() < probability

    def subnet(self) -> list[str]:
        return [f"10.{self.choice.randint(1, 250)}.0.1/24"]

    def document(self) -> Config:
        spaces = self.choice.sample(["ns1", "ns2"], self.choice.randint(0, 2))
        places: list[Config] = [{}, *({"netns": name} for name in spaces)]
        ends = [{"name": name, **place} for name in "abc" for place in places]
        self.choice.shuffle(ends)
        cables = [{**ends.pop(), "peer": ends.pop()} for dummy in range(self.choice.randint(0, min(3, len(ends) // 2)))]
        bridges = [ends.pop() for dummy in range(self.choice.randint(0, min(2, len(ends))))]
        uplink = {"name": "eth1", **self.choice.choice(places)}
        links = [uplink] if self.likely(0.5) else []
        for end in (*cables, *(cable["peer"] for cable in cables), *links):
            self.attributes(end, [bridge["name"] for bridge in bridges if bridge.get("netns") == end.get("netns")])
        settings = [{**place, **FORWARD} for place in places if self.likely(0.3)]
        for cable in cables:
            if self.likely(0.3):
                place = {"netns": cable["netns"]} if "netns" in cable else {}
                settings.append({**place, "name": f"net/ipv4/conf/{cable['name']}/rp_filter", "value": 2})
        return {
            "netns": [{"name": name} for name in spaces],
            "veth": cables,
            "bridge": bridges,
            "link": links,
            "netns_sysctl": settings,
        }

    def attributes(self, end: Config, bridges: list[str]) -> None:
        if bridges and self.likely(0.5):
            end["master"] = self.choice.choice(bridges)
        elif self.likely(0.4):
            end["addresses"] = self.subnet()
        if self.likely(0.2):
            end["mtu"] = self.choice.choice([1000, 1400]) if "peer" in end else 1300


@pytest.fixture
def host(host: Host) -> Host:
    """With a device of its own."""
    host.sh(
        "ip netns add theirs; ip link add eth1 type veth peer name far netns theirs; ip link set eth1 up;"
        "ip address add 198.51.100.7/24 dev eth1; ip route add 203.0.113.0/24 via 198.51.100.1"
    )
    return host


def forwarding(host: Host, config: Config) -> dict[str, str]:
    places = ["", *(netns["name"] for netns in config["netns"])]
    return {place: host.sysctl("net/ipv4/ip_forward", place) for place in places}


@pytest.mark.parametrize("seed", [0, 10, 13, 27, 33, 44, 53, 68, 183])
def test_any_network_makes_way_for_any_other(host: Host, seed: int) -> None:
    networks, bare = Networks(seed), snapshot(host)
    for dummy in range(5):
        config, before = networks.document(), snapshot(host)
        steps = networks.choice.randint(0, plan_of(host, config=config))
        if networks.likely(0.6):
            failed = host.module("topology", name="lab", config=config, inside=after(steps, refuse))
            if failed.get("failed"):
                assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
                assert snapshot(host) == before, f"failed after {steps} steps"
        else:
            host.module("topology", name="lab", config=config, inside=after(steps, kill))
        apply(host, config)
        assert not apply(host, config)["changed"]
        wanted = {setting.get("netns", "") for setting in config["netns_sysctl"] if setting["name"] == FORWARD["name"]}
        found = forwarding(host, config)
        assert {place for place, value in found.items() if value == "1"} == wanted
    gone = host.do("topology", name="lab", state="absent")
    assert "warnings" not in gone
    assert snapshot(host) == bare
