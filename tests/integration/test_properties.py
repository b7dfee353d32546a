# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random topologies on the real kernel: built twice, changed into another, taken down; the host is as before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from host import Host
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st
from snapshot import snapshot
from strategies import documents, rarely

from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import HOST, Link, Namespace, State, loopback

EXAMPLES = 10
# An example takes a second: a failing one is shown as it is.
PHASES = (Phase.explicit, Phase.generate)
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=PHASES,
)
SYSTEMD = {"rp_filter": 2, "accept_source_route": 0, "promote_secondaries": 1}
ROUTER = ("forwarding", "ignore_routes_with_linkdown")
RANDOM = 3
# What hosts are set to: as the kernel is, as systemd does it, as a router, and as one that keeps its addresses.
HABITS: tuple[dict[str, int], ...] = (
    {},
    {f"ipv4/conf/{on}/{key}": value for on in ("all", "default") for key, value in SYSTEMD.items()},
    {f"{ip}/conf/{on}/{key}": 1 for ip in ("ipv4", "ipv6") for on in ("all", "default") for key in ROUTER},
    {"ipv6/conf/all/keep_addr_on_down": 1, "ipv6/conf/default/addr_gen_mode": RANDOM},
)
UPLINKS = {"eth0": ("192.0.2.10/24", "2001:db8:2::10/64"), "eth1": ("198.51.100.7/24",)}


def bare() -> State:
    """The host that `made` makes, for the strategies."""
    links = {"lo": replace(loopback(), up=True), **{name: Link(name, up=True) for name in UPLINKS}}
    return State({HOST: Namespace(links=links)})


def habits() -> Any:
    """What a host is set to."""
    return st.sampled_from(HABITS)


def made(settled: Mapping[str, int]) -> Host:
    """A host with two uplinks, their far ends out of the way; others have put things on one, and one in a bridge."""
    host = Host()
    host.sh(";".join(f"echo {value} > /proc/sys/net/{key}" for key, value in settled.items()))
    # No duplicate address detection: link-local addresses are there at once or not at all.
    host.sh("echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad")
    for name, addresses in UPLINKS.items():
        host.sh(
            f"ip netns add far-{name}; ip link add {name} type veth peer name far netns far-{name};"
            f"ip -n far-{name} link set far up; ip link set {name} up"
        )
        for address in addresses:
            host.sh(f"ip address add {address} dev {name} nodad")
    host.sh(
        "ip link add theirs type bridge; ip link set eth1 master theirs;"
        "ip link set eth1 type bridge_slave hairpin on learning off cost 55;"
        "ip route add default via 192.0.2.1; ip route add 203.0.113.0/24 dev eth0;"
        "ip route add 10.247.0.0/16 nexthop via 192.0.2.1 dev eth0 nexthop dev eth1;"
        "ip route add 2001:db8:247::/64 nexthop via fe80::2 dev eth0 nexthop via fe80::3 dev eth1;"
        "ip link add link eth0 name upper type macvlan mode bridge; ip link set upper up;"
        "ip address add 10.248.0.1/24 dev upper; ip address add 2001:db8:248::1/64 dev upper nodad;"
        "nft add table inet theirs; nft add chain inet theirs forward '{type filter hook forward priority 0;}'"
    )
    return host


def possible(config: dict[str, Any]) -> dict[str, Any]:
    """Without IPv6 sources: an address on a device without a carrier stays tentative and cannot be one.

    And without settings of the device that is moved: each move starts them from `default` again.
    """
    for route in config.get("netns_route", ()):
        if ":" in route.get("source", ""):
            del route["source"]
    config["netns_sysctl"] = [entry for entry in config.get("netns_sysctl", ()) if "eth1" not in entry["name"]]
    return config


def draw(data: Any) -> dict[str, Any]:
    """A document that the host can have; fast paths take their time."""
    return possible(data.draw(documents(bare(), fastpaths=data.draw(rarely()))))


def lines(result: dict[str, Any]) -> str:
    return "\n".join(f"{step['command']}  # {step['why']}" for step in result["steps"])


def held(host: Host, config: dict[str, Any]) -> None:
    """Applies a document; the prediction is the run, and a second run has nothing to do.

    A document that cannot be had here is refused with the reason, and nothing has changed.
    """
    predicted = host.module("topology", check=True, name="lab", config=config)
    if "problems" in predicted:
        assert all(problem["path"].startswith("config.") for problem in predicted["problems"])
        before = snapshot(host)
        assert host.module("topology", name="lab", config=config)["problems"] == predicted["problems"]
        assert snapshot(host) == before
        reject()
    assert not predicted.get("failed"), predicted["msg"]
    done = host.module("topology", name="lab", config=config)
    assert not done.get("failed"), done["msg"]
    assert lines(done) == lines(predicted)
    assert (done["steps"], done["diff"]) == (predicted["steps"], predicted["diff"])
    again = host.module("topology", name="lab", config=config)
    assert not again.get("failed"), again["msg"]
    assert lines(again) == ""


@given(st.data())
@BOUNDED
def test_from_one_topology_to_another_and_back_to_the_host_as_it_was(data: Any) -> None:
    first, second = draw(data), draw(data)
    host = made(data.draw(habits()))
    try:
        before = snapshot(host)
        held(host, first)
        held(host, second)
        gone = host.module("topology", name="lab", state="absent")
        assert not gone.get("failed"), gone["msg"]
        assert snapshot(host) == before
    finally:
        host.close()


@given(st.data())
@BOUNDED
def test_a_live_host_declared_as_it_is_plans_nothing(data: Any) -> None:
    config = draw(data)
    host = made(data.draw(habits()))
    try:
        held(host, config)
        live = host.module("topology_info")["config"]
        copied = host.module("topology", name="copy", config=live)
        assert not copied.get("failed"), copied["msg"]
        assert lines(copied) == ""
    finally:
        host.close()
