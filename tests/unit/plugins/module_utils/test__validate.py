# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A topology's configuration against the modules' argument specs: every error at once, each with its path."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils import _validate
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.registry import KINDS


def check(**given: Any) -> tuple[dict[str, Any], list[str]]:
    problems = Problems()
    return _validate.config(given, problems), [str(problem) for problem in problems.found]


def test_types_are_converted_and_defaults_filled_in() -> None:
    config, wrong = check(
        netns=[{"name": 7}],
        veth=[{"name": "a", "mtu": "1400", "addresses": "10.0.0.1/24,10.0.0.2/24", "peer": {"name": "b", "up": "no"}}],
        netns_sysctl=[{"name": "net.ipv4.ip_forward", "value": True}],
    )
    assert not wrong
    assert config["netns"] == [{"name": "7", "state": "present", "lo_up": True}]
    entry = config["veth"][0]
    assert (entry["mtu"], entry["addresses"], entry["up"]) == (1400, ["10.0.0.1/24", "10.0.0.2/24"], True)
    assert entry["peer"]["up"] is False
    assert config["netns_sysctl"][0]["value"] is True


def test_aliases_are_taken_for_their_options() -> None:
    config, wrong = check(netns_route=[{"dest": "default", "via": "10.0.0.1", "dev": "eth0", "src": "10.0.0.2"}])
    assert not wrong
    names = ("destination", "gateway", "device", "source")
    assert [config["netns_route"][0][name] for name in names] == ["default", "10.0.0.1", "eth0", "10.0.0.2"]


def test_a_key_without_entries_is_nothing() -> None:
    assert check(veth=None, netns=[]) == ({"netns": []}, [])


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"vethh": []}, ["config.vethh: there is no such kind of thing; did you mean veth?"]),
        (
            {"quantum": []},
            [f"config.quantum: there is no such kind of thing; there are {', '.join(sorted(KINDS))}"],
        ),
        (
            {"netns_route": [{"destination": "default", "device": "a", "dev": "b"}]},
            ["config.netns_route[0].dev: is the same option as device, which is given as well"],
        ),
        (
            {
                "netns_route": [
                    {"dest": "default", "nexthops": [{"via": "10.0.0.1"}, {"gateway": "10.0.0.1", "via": "::"}]}
                ]
            },
            ["config.netns_route[0].nexthops[1].via: is the same option as gateway, which is given as well"],
        ),
        ({"veth": {}}, ["config.veth: is a list of entries, not a mapping"]),
        ({"veth": "x"}, ["config.veth: is a list of entries, not a string"]),
        (
            {"netns": ["ns1", 3, {}]},
            [
                "config.netns[0]: is a mapping of options, not a string",
                "config.netns[1]: is a mapping of options, not a number",
                "config.netns[2].name: is required",
            ],
        ),
        ({"veth": [{"name": "a", "peer": {}}]}, ["config.veth[0].peer.name: is required"]),
        (
            {"veth": [{"name": "a", "peer": {"nme": "b"}}]},
            [
                "config.veth[0].peer.nme: there is no such option; did you mean name?",
                "config.veth[0].peer.name: is required",
            ],
        ),
        (
            {"veth": [{"name": "a"}]},
            ["config.veth[0]: state is present but all of the following are missing: peer"],
        ),
        (
            {"netns_neighbor": [{"device": "a", "address": "::1", "mac": "x", "mac_of": {"name": "b"}}]},
            ["config.netns_neighbor[0]: parameters are mutually exclusive: mac|mac_of"],
        ),
    ],
)
def test_errors_are_told_with_their_paths(given: dict[str, Any], wrong: list[str]) -> None:
    assert check(**given)[1] == wrong


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"link": [{"name": "a", "up": "perhaps", "mtu": "1k"}]}, ["config.link[0].up", "config.link[0].mtu"]),
        ({"netns": [{"name": "a"}, {"name": "b", "state": "gone"}]}, ["config.netns[1].state"]),
        ({"netns_route": [{"dest": "default", "nexthops": [{"via": "::1"}, {"weight": "x"}]}]}, ["nexthops[1].weight"]),
        ({"veth": [{"name": "a", "peer": "b"}], "netns": [{}]}, ["config.veth[0].peer", "config.netns[0].name"]),
        ({"veth": [{"mtu": "x", "peer": {"mtu": "y"}}]}, ["veth[0].mtu", "veth[0].name", "peer.mtu", "peer.name"]),
    ],
)
def test_every_error_is_told_at_once(given: dict[str, Any], paths: list[str]) -> None:
    found = [message.split(":")[0] for message in check(**given)[1]]
    assert len(found) == len(paths)
    assert all(any(path.endswith(end) for path in found) for end in paths), found


def test_what_is_right_beside_an_error_is_read_on() -> None:
    config, wrong = check(veth=[{"name": "a", "mtu": "x", "mac": "zz", "peer": {"name": "b"}}])
    assert len(wrong) == 1
    assert config["veth"][0]["name"] == "a"
    assert config["veth"][0]["mac"] == "zz"
    assert config["veth"][0]["mtu"] is None
    assert config["veth"][0]["peer"]["name"] == "b"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_modules_own_specs_are_used(kind: str) -> None:
    required = [name for name, spec in KINDS[kind].options.items() if spec.get("required")]
    wrong = check(**{kind: [{"nonsense": 1}]})[1]
    assert wrong[0].startswith(f"config.{kind}[0].nonsense: there is no such option; ")
    assert wrong[1 : 1 + len(required)] == [f"config.{kind}[0].{name}: is required" for name in required]
