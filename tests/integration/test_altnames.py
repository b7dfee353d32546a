# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that a device has beside its own: the kernel gives them to no other."""

from __future__ import annotations

from typing import Any

import pytest
from host import Host
from snapshot import snapshot

TAKEN = "is an altname of eth1; say eth1 where that is meant, or take the altname from it"


@pytest.mark.parametrize(
    ("path", "config"),
    [
        ("bridge[0].name", {"bridge": [{"name": "second"}]}),
        ("veth[0].name", {"veth": [{"name": "second", "peer": {"name": "v1"}}]}),
        ("veth[0].peer.name", {"veth": [{"name": "v1", "peer": {"name": "second"}}]}),
        ("link[0].name", {"link": [{"name": "second", "mtu": 1400}]}),
        ("bridge[0].ports[0]", {"bridge": [{"name": "br0", "ports": ["second"]}]}),
        ("netns_route[0].device", {"netns_route": [{"destination": "10.0.0.0/8", "device": "second"}]}),
    ],
)
def test_an_altname_is_a_name_that_is_taken(host: Host, path: str, config: dict[str, Any]) -> None:
    host.sh("ip link add eth1 type veth peer name far1; ip link set eth1 up")
    host.sh("ip link property add dev eth1 altname first altname second")
    before = snapshot(host)
    for check in (True, False):
        failed = host.module("topology", name="lab", config=config, check=check)
        by_hand = "ip link property del dev eth1 altname second"
        assert failed["msg"] == f"config.{path}: second {TAKEN} ({by_hand})"
        assert snapshot(host) == before
    host.sh("ip link property del dev eth1 altname second")
    if path.startswith(("bridge[0].name", "veth")):
        assert host.do("topology", name="lab", config=config)["changed"]


@pytest.mark.parametrize(
    ("theirs", "wrong"),
    [
        (
            "ip link add zz type bridge; ip link property add dev zz altname eth1",
            "n9/eth1 is an altname of zz; say zz where that is meant, or take the altname from it "
            "(ip -n n9 link property del dev zz altname eth1)",
        ),
        ("ip link add second type bridge", "namespace n9 has another second already, a bridge"),
        (
            "ip link add zz type bridge; ip link property add dev zz altname second",
            "n9/second is an altname of zz; say zz where that is meant, or take the altname from it "
            "(ip -n n9 link property del dev zz altname second)",
        ),
    ],
)
def test_a_device_moves_with_its_altnames(host: Host, theirs: str, wrong: str) -> None:
    host.sh("ip link add eth1 type veth peer name far1; ip link property add dev eth1 altname second; ip netns add n9")
    host.sh(theirs, "n9")
    before = snapshot(host)
    config = {"link": [{"name": "eth1", "netns": "n9"}]}
    for check in (True, False):
        assert host.module("topology", name="lab", config=config, check=check)["msg"] == f"config.link[0]: {wrong}"
        assert snapshot(host) == before
    host.sh("for name in zz second; do ip link delete $name || true; done", "n9")
    before = snapshot(host)
    host.do("topology", name="lab", config=config)
    assert host.json("ip -j link show eth1", "n9")[0]["altnames"] == ["second"]
    host.do("topology", name="lab", state="absent")
    assert snapshot(host) == before
    assert host.json("ip -j link show eth1")[0]["altnames"] == ["second"]


def test_an_altname_goes_with_its_device(host: Host) -> None:
    """A name is free once the device that had it is out of the way."""
    first = {"bridge": [{"name": "br0"}]}
    host.do("topology", name="lab", config=first)
    host.sh("ip link property add dev br0 altname second")
    host.do("topology", name="lab", config={"bridge": [{"name": "second"}]})
    assert host.link("br0") is None
    host.do("topology", name="lab", config=first)
    assert host.link("second") is None
