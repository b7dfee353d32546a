# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A topology's configuration against the modules' argument specs: every error at once, each with its path."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils import _validate
from ansible_collections.nsfabric.linux.plugins.module_utils._model import document
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
        ({"veth": {}}, ["config.veth: must be a list of entries, not a mapping"]),
        ({"veth": "x"}, ["config.veth: must be a list of entries, not a string"]),
        (
            {"netns": ["ns1", 3, {}]},
            [
                "config.netns[0]: must be a mapping of options, not a string",
                "config.netns[1]: must be a mapping of options, not the number 3",
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


QUOTE = "quote it: YAML reads a bare on, off, yes and no as true and false"


@pytest.mark.parametrize(
    ("kind", "options", "wrong"),
    [
        ("netns", {"name": True}, [f".name: must be text, not true; {QUOTE}"]),
        ("netns", {"name": 1.1}, [".name: must be text, not the number 1.1; quote it"]),
        ("netns", {"name": ["a"]}, [".name: must be text, not a list"]),
        ("netns", {"name": {}}, [".name: must be text, not a mapping"]),
        ("netns", {"name": "a", "state": True}, [f".state: must be one of present, absent, not true; {QUOTE}"]),
        ("netns", {"name": "a", "state": "gone"}, [".state: must be one of present, absent, not 'gone'"]),
        ("netns", {"name": "a", "lo_up": []}, [".lo_up: must be true or false, not a list"]),
        ("netns_route", {"dest": "default", "dev": False}, [f".dev: must be text, not false; {QUOTE}"]),
        (
            "netns_route",
            {"dest": "default", "nexthops": [{"via": "10.0.0.1", "weight": True}, {"via": 1.5}, 5]},
            [
                ".nexthops[0].weight: must be a whole number, not true",
                ".nexthops[1].via: must be text, not the number 1.5; quote it",
                ".nexthops[2]: must be a mapping of options, not the number 5",
            ],
        ),
        (
            "bridge",
            {
                "name": "b",
                "mtu": float("inf"),
                "max_age": float("nan"),
                "forward_delay": float("-inf"),
                "priority": "x",
            },
            [
                ".mtu: must be a whole number, not .inf",
                ".priority: must be a whole number, not 'x'",
                ".forward_delay: must be a whole number, not -.inf",
                ".max_age: must be a whole number, not .nan",
            ],
        ),
        ("bridge", {"name": "b", "mtu": 1.5}, [".mtu: must be a whole number, not the number 1.5"]),
        ("bridge", {"name": "b", "mtu": "Infinity"}, [".mtu: must be a whole number, not 'Infinity'"]),
        (
            "bridge",
            {"name": "b", "ports": ["a", True, 7, None]},
            [f".ports[1]: must be text, not true; {QUOTE}", ".ports[3]: must be text, not null"],
        ),
        ("bridge", {"name": "b", "ports": False}, [".ports: must be a list, not false"]),
        ("bridge", {"name": "b", "ports": {"a": 1}}, [".ports: must be a list, not a mapping"]),
        ("veth", {"name": "a", "peer": 5}, [".peer: must be a mapping of options, not the number 5"]),
    ],
)
def test_what_has_a_wrong_type(kind: str, options: dict[str, Any], wrong: list[str]) -> None:
    """Nothing else is told of it, though the model finds things missing."""
    found = Problems()
    document.read(_validate.config({kind: [options]}, found), found)
    assert [str(problem) for problem in found.found] == [f"config.{kind}[0]{message}" for message in wrong]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_entry_that_is_no_mapping_is_told_once(kind: str) -> None:
    for entry, name in (("x", "a string"), (None, "null"), ([], "a list"), (True, "true")):
        found = Problems()
        document.read(_validate.config({kind: [entry]}, found), found)
        assert [str(problem) for problem in found.found] == [
            f"config.{kind}[0]: must be a mapping of options, not {name}"
        ]


def test_numbers_are_text_as_they_are_written() -> None:
    config, wrong = check(
        netns=[{"name": 1}], bridge=[{"name": 2, "ports": [3]}], netns_route=[{"dest": "::/0", "dev": 4}]
    )
    assert not wrong
    assert (config["netns"][0]["name"], config["bridge"][0]["ports"]) == ("1", ["3"])
    assert config["netns_route"][0]["device"] == "4"


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
