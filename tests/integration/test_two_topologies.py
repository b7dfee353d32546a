# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two topologies of random networks on one host: whatever one does, and wherever it fails, the other stays."""

from __future__ import annotations

from typing import Any

import pytest
from host import Host, warnings
from hypothesis import given, settings
from hypothesis import strategies as st
from snapshot import snapshot
from test_crowded import Networks, host
from test_properties import BOUNDED, draw, habits, lines
from test_properties_faults import assert_same, throw_away
from test_transaction import after, kill, refuse

from ansible_collections.nsfabric.linux.plugins.module_utils._model.claims import claims

Config = dict[str, Any]
__all__ = ["host"]
# What both may declare, alike.
SHARED: Config = {
    "netns": {"name": "both"},
    "bridge": {"name": "br", "stp": True},
    "link": {"name": "eth1", "mtu": 1300, "addresses": ["198.51.100.7/24", "10.251.0.1/24"]},
    "netns_sysctl": {"name": "net.ipv4.ip_forward", "value": 1},
}
# What they may declare otherwise: it is refused to the one that comes later.
OTHERWISE: dict[str, Config] = {
    "netns": {"lo_up": False},
    "bridge": {"stp": False},
    "link": {"mtu": 1400},
    "netns_sysctl": {"value": 0},
}
# The second one's names for what the first one calls so.
NAMES = {"a": "d", "b": "e", "c": "f", "ns1": "ns3", "ns2": "ns4"}


def renamed(value: Any, option: str = "") -> Any:
    """A document of the second topology, with other names and addresses."""
    if isinstance(value, dict):
        return {name: renamed(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [renamed(each, option) for each in value]
    if option == "addresses":
        return value.replace(".0.1/", ".1.1/")
    if "conf/" in str(value):
        return "/".join(NAMES.get(word, word) for word in value.split("/"))
    return NAMES.get(value, value) if option in ("netns", "name", "master") else value


def document(networks: Networks, name: str) -> Config:
    config = {**networks.document(), "link": []}
    config = config if name == "left" or networks.likely(0.1) else renamed(config)
    for kind, entry in SHARED.items():
        if entry not in config[kind] and networks.likely(0.5):
            config[kind].append({**entry, **(OTHERWISE[kind] if networks.likely(0.1) else {})})
    return config


def is_possible(host: Host, name: str, **options: Any) -> bool:
    """Whether a run would begin: nothing changes, neither by one that is refused nor by one that ends at once."""
    before = snapshot(host)
    tried = host.module("topology", name=name, inside=after(0, refuse), **options)
    if tried.get("failed"):
        assert_same(snapshot(host), before)
    return "problems" not in tried


def disturb(host: Host, networks: Networks, name: str, options: Config) -> None:
    """A run that may fail, or be killed, after any of its steps."""
    before = snapshot(host)
    steps = networks.choice.randint(0, len(host.module("topology", check=True, name=name, **options)["steps"]))
    how = networks.choice.choice([refuse, kill, None])
    if how:
        failed = host.module("topology", name=name, inside=after(steps, how), **options)
        if failed.get("failed"):
            assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
            assert snapshot(host) == before, f"failed after {steps} steps"


@pytest.mark.parametrize("seed", [2, 6])
def test_neither_disturbs_the_other(host: Host, seed: int) -> None:
    networks, bare = Networks(seed), snapshot(host)
    wanted: dict[str, Config] = {}
    for dummy in range(5):
        name = networks.choice.choice(["left", "right"])
        gone = networks.likely(0.2)
        options: Config = {"state": "absent"} if gone else {"config": document(networks, name)}
        if not is_possible(host, name, **options):
            continue
        wanted[name] = options
        disturb(host, networks, name, wanted[name])
        host.do("topology", name=name, **wanted[name])
        for each, options in wanted.items():
            again = host.do("topology", name=each, **options)
            assert not again["changed"], (each, [step["command"] for step in again["steps"]])
    for name in networks.choice.sample(["left", "right"], 2):
        told = warnings(host.do("topology", name=name, state="absent"))
        assert "left alone" not in told
        assert "cannot be put back" not in told
    assert snapshot(host) == bare


def beside(data: Any, config: Config, other: Config) -> Config:
    """A document without most of what another one declares as well."""
    theirs = claims(other)

    def kept(kind: str, entry: Config) -> bool:
        return not claims({kind: [entry]}) & theirs or data.draw(st.integers(0, 9)) == 0

    return {kind: [entry for entry in entries if kept(kind, entry)] for kind, entries in config.items()}


@given(st.data())
@settings(BOUNDED, max_examples=5)
def test_neither_disturbs_the_other_with_all_kinds_of_things(data: Any) -> None:
    wanted: dict[str, Config] = {"left": {}, "right": {}}
    with throw_away(data.draw(habits())) as host:
        found = snapshot(host)
        for name in data.draw(st.lists(st.sampled_from(sorted(wanted)), min_size=3, max_size=5)):
            other = wanted["right" if name == "left" else "left"]
            config = beside(data, draw(data), other)
            if not is_possible(host, name, config=config):
                continue
            wanted[name] = config
            steps = len(host.module("topology", check=True, name=name, config=config)["steps"])
            how = data.draw(st.sampled_from([refuse, kill]))
            host.module("topology", name=name, config=config, inside=after(data.draw(st.integers(0, steps)), how))
            host.do("topology", name=name, config=config)
            for each in wanted:
                assert lines(host.do("topology", name=each, config=wanted[each])) == "", each
        for name in data.draw(st.permutations(sorted(wanted))):
            host.do("topology", name=name, state="absent")
        assert_same(snapshot(host), found)
