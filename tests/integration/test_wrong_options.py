# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the wrong type: every module tells all of them, each with its path, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from host import Host, warnings

from ansible_collections.nsfabric.linux.tests.unit.declared import MODULES, of_module

INFINITE = float("inf")


def told(host: Host, module: str, **options: Any) -> dict[str, str]:
    """What is wrong with each option, in check mode as in earnest; the message has all of it."""
    before = host.picture()
    found = [host.module(module, check=check, **options) for check in (True, False)]
    assert host.picture() == before
    assert found[0]["problems"] == found[1]["problems"]
    problems = {problem["path"]: problem["message"] for problem in found[1]["problems"]}
    assert len(problems) == len(found[1]["problems"])
    assert all((f"{path}: " if path else "") + problems[path] in found[1]["msg"] for path in problems)
    return problems


@pytest.mark.parametrize("module", [name for name in MODULES if name != "topology_info"])
def test_every_module_tells_everything(host: Host, module: str) -> None:
    """An unknown option, what is missing and the type of an option; what comes of them is not told."""
    spec = of_module(module)["argument_spec"]
    required = [name for name, option in spec.items() if option.get("required")]
    switch = next((name for name, option in spec.items() if option["type"] in ("bool", "int")), None)
    given = {"nonsense": 1, **({switch: "perhaps"} if switch else {})}
    problems = told(host, module, **given)
    assert problems.pop("nonsense").startswith("there is no such option; ")
    if switch:
        assert problems.pop(switch).startswith("must be ")
    assert [problems.pop(name) for name in required] == ["is required"] * len(required)
    # What is required because of another option.
    assert list(problems) in ([], [""])


def test_types_and_meanings_are_told_together(host: Host) -> None:
    problems = told(host, "bridge", name="br0", mtu="x", priority=True, mac="zz", forward_delay=3001, up="perhaps")
    assert problems == {
        "mtu": "must be a whole number, not 'x'",
        "priority": "must be a whole number, not true",
        "up": "must be true or false, not 'perhaps'",
        "mac": "'zz' is not a MAC address such as 02:00:00:00:00:01",
        "forward_delay": "3001 is out of range: 0 to 3000 hundredths of a second is right",
    }


def test_an_infinite_number(host: Host) -> None:
    wrong = "must be a whole number, not .inf"
    assert told(host, "bridge", name="a/b", mtu=INFINITE) == {
        "mtu": wrong,
        "name": "'a/b' is not an interface name: no white space, '/' or ':', and neither '.' nor '..'",
    }
    config = {"bridge": [{"name": "br0", "mtu": INFINITE}], "netns": [{"name": "a/b"}]}
    assert list(told(host, "topology", name="lab", config=config)) == ["config.bridge[0].mtu", "config.netns[0].name"]
    assert told(host, "topology", name="lab", config=config)["config.bridge[0].mtu"] == wrong
    checks = [{"to": "10.0.0.1", "expected_ttl": INFINITE}, {"to": "nowhere", "count": -INFINITE}]
    assert list(told(host, "reachability", checks=checks)) == [
        "checks[0].expected_ttl",
        "checks[1].count",
        "checks[1].to",
    ]


@pytest.mark.parametrize("value", [True, 1.5, {"a": 1}, ["a"]])
def test_text_that_is_none(host: Host, value: Any) -> None:
    assert told(host, "netns", name=value)["name"].startswith("must be text, not ")
    assert told(host, "topology", name=value, config={})["name"].startswith("must be text, not ")
    assert told(host, "sandbox", names=[value])["names[0]"].startswith("must be text, not ")
    assert told(host, "masquerade", out_interface=value)["out_interface"].startswith("must be text, not ")
    config = {"netns": [{"name": value}]}
    assert told(host, "topology", name="lab", config=config)["config.netns[0].name"].startswith("must be text, not ")


def test_numbers_are_names_too(host: Host) -> None:
    host.do("netns", name=1)
    host.do("veth", netns=1, name=2, peer={"name": 3})
    host.do("topology", name=4, config={"netns": [{"name": 5}]})
    assert host.sh("ls /run/netns").split() == ["1", "5"]
    assert host.link("2", "1")


def test_the_address_of_the_loopback_device(host: Host) -> None:
    """The kernel refuses ::1 elsewhere; what it takes of others that are odd, it may have."""
    host.do("netns", name="ns1")
    host.sh("ip link add nic type veth peer name far", "ns1")
    assert "Cannot assign loopback address" in host.sh("ip address add ::1/64 dev nic 2>&1 || :", "ns1")
    wrong = "::1/64 cannot be given to ns1/nic: the kernel takes ::1 on lo and on a VRF alone"
    assert told(host, "link", netns="ns1", name="nic", addresses=["::1/64"]) == {"addresses[0]": wrong}
    host.do("link", netns="ns1", name="lo", addresses=["::1/128"])
    odd = ["0.1.2.3/8", "255.255.255.255/32", "127.0.0.2/8"]
    host.do("link", netns="ns1", name="nic", addresses=odd)
    assert host.attributes("nic", "ns1")["addresses"] == sorted(odd)


def test_a_loop_is_warned_of(host: Host) -> None:
    config: dict[str, Any] = {
        "bridge": [{"name": "br0", "up": False}],
        "veth": [{"name": "a", "master": "br0", "up": False, "peer": {"name": "b", "master": "br0", "up": False}}],
    }
    predicted = host.module("topology", check=True, name="lab", config=config)
    done = host.do("topology", name="lab", config=config)
    for result in (predicted, done):
        assert "both ends of the cable a -- b are ports of br0 in the host" in warnings(result)
    config["bridge"][0]["stp"] = True
    assert not warnings(host.do("topology", name="lab", config=config))


def test_without_checks_nothing_is_proved(host: Host) -> None:
    done = host.do("reachability", checks=[])
    assert (done["ok"], done["results"]) == (True, [])
    assert "nothing is proved" in warnings(done)
