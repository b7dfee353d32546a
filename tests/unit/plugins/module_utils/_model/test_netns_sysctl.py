# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sysctls: their names and values by meaning, and plans from hand-made states."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nsfabric.linux.plugins.module_utils._model import document as documents
from ansible_collections.nsfabric.linux.plugins.module_utils._model.netns_sysctl import follows
from ansible_collections.nsfabric.linux.plugins.module_utils._model.netns_sysctl_actions import WriteSysctl
from ansible_collections.nsfabric.linux.plugins.module_utils._model.netns_sysctl_keys import (
    Key,
    device_of,
    key,
    key_name,
    normal,
)
from ansible_collections.nsfabric.linux.plugins.module_utils._model.problems import Problems
from ansible_collections.nsfabric.linux.plugins.module_utils._model.restoration import restoration
from ansible_collections.nsfabric.linux.plugins.module_utils._model.state import (
    HOST,
    Address,
    Hop,
    Link,
    Namespace,
    Route,
    State,
    Sysctl,
    loopback,
)
from ansible_collections.nsfabric.linux.plugins.module_utils._model.touching import touched

FORWARD = ("net", "ipv4", "ip_forward")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("net.ipv4.ip_forward", FORWARD),
        ("net/ipv4/ip_forward", FORWARD),
        ("/net/ipv4/ip_forward/", FORWARD),
        ("/proc/sys/net/ipv4/ip_forward", FORWARD),
        (" net.ipv4.ip_forward\n", FORWARD),
        ("net.nf_conntrack_max", ("net", "nf_conntrack_max")),
        ("net.ipv4.conf.eth0.forwarding", ("net", "ipv4", "conf", "eth0", "forwarding")),
        ("net.ipv4.conf.eth9.100.forwarding", ("net", "ipv4", "conf", "eth9.100", "forwarding")),
        ("net/ipv4/conf/eth9.100/forwarding", ("net", "ipv4", "conf", "eth9.100", "forwarding")),
        ("net.ipv4.conf.eth9/100.forwarding", ("net", "ipv4", "conf", "eth9.100", "forwarding")),
        ("net.ipv6.neigh.a.b.c.mcast_solicit", ("net", "ipv6", "neigh", "a.b.c", "mcast_solicit")),
        ("net.mpls.conf.eth0.1.input", ("net", "mpls", "conf", "eth0.1", "input")),
        ("net.ipv4.conf.all.forwarding", ("net", "ipv4", "conf", "all", "forwarding")),
    ],
)
def test_names(text: str, parts: Key) -> None:
    assert key(text) == parts
    assert key(key_name(parts)) == parts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kernel.hostname", "'kernel.hostname' is not a key below net., such as net.ipv4.ip_forward"),
        ("net", "'net' is not a key below net."),
        ("", "'' is not a key below net."),
        ("network.ipv4.x", "'network.ipv4.x' is not a key below net."),
        ("net..ip_forward", "'net..ip_forward' has an empty part, '.' or '..' in it"),
        ("net/ipv4/../ip_forward", "has an empty part, '.' or '..' in it"),
        ("net/./ip_forward", "has an empty part, '.' or '..' in it"),
        ("net.ipv4.conf.*.rp_filter", "is not one key: no white space, no"),
        ("net.ipv4.ip forward", "is not one key: no white space, no"),
        ("net.ipv4.conf." + "a" * 16 + ".rp_filter", "has 16 bytes; the kernel takes at most 15"),
        ("net." + "a" * 256, "no part longer than a file's name"),
        ("net.ipv4.ip_forward\0", "is not one key: no white space, no"),
    ],
)
def test_names_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        key(text)


@given(st.lists(st.text("abz019_-", min_size=1, max_size=4), min_size=1, max_size=3).map(".".join))
def test_devices_with_dots(name: str) -> None:
    for text in (f"net.ipv4.conf.{name}.forwarding", f"net/ipv4/conf/{name}/forwarding"):
        parts = key(text)
        assert device_of(parts) == name
        assert key(key_name(parts)) == parts
    assert device_of(("net", "ipv4", "conf", "all", "forwarding")) is None


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        (True, "1"),
        (False, "0"),
        ("True", "1"),
        (" false ", "0"),
        (1, "1"),
        ("1\n", "1"),
        ("+1", "1"),
        ("-1", "-1"),
        ("0x1F", "31"),
        ("010", "8"),
        ("00", "0"),
        ("09", "09"),
        ("4096\t131072  6291456\n", "4096 131072 6291456"),
        ([4096, "131072"], "4096 131072"),
        ("bbr", "bbr"),
        ("reno  bbr", "reno bbr"),
        ("", ""),
        (" \n", ""),
    ],
)
def test_values(value: Any, meaning: str) -> None:
    assert normal(value) == meaning
    assert normal(meaning) == meaning


@pytest.mark.parametrize(
    ("leaf", "value", "meaning"),
    [
        ("ip_local_reserved_ports", "9000,8081,8080", "8080-8081,9000"),
        ("ip_local_reserved_ports", "1-5,3-9,10", "1-10"),
        ("ip_local_reserved_ports", 8080, "8080"),
        ("ip_local_reserved_ports", "", ""),
        ("ip_local_reserved_ports", "a,b", "a,b"),
        ("ratemask", "0-1,3-127", "0-1,3-127"),
        ("rps_default_mask", "00000000,0000000F", "f"),
        ("rps_default_mask", "x", "x"),
        ("rps_default_mask", "10", "10"),
        ("stable_secret", "fd00:0000:0000:0000:0000:0000:0000:0001", "fd00::1"),
        ("stable_secret", "secret", "secret"),
    ],
)
def test_values_of_keys_that_hold_something_else(leaf: str, value: Any, meaning: str) -> None:
    assert normal(value, ("net", leaf)) == meaning
    assert normal(meaning, ("net", leaf)) == meaning


def test_a_mapping_is_no_value() -> None:
    with pytest.raises(ValueError, match=r"^a value is a number or a text, not a mapping$"):
        normal({"a": 1})


@given(st.integers(-(2**63), 2**64), st.sampled_from(["{}", " {} ", "{:+}", "{:#x}", "{}\n"]))
def test_every_spelling_of_a_number_is_one(number: int, spelling: str) -> None:
    assert normal(spelling.format(number)) == normal(number) == str(number)


@given(st.sets(st.integers(1, 40)), st.randoms())
def test_every_spelling_of_a_set_is_one(ports: set[int], random: Any) -> None:
    listed = sorted(ports)
    random.shuffle(listed)
    leaf = ("net", "ipv4", "ip_local_reserved_ports")
    canonical = normal(",".join(map(str, listed)), leaf)
    spans = [part.split("-") for part in canonical.split(",") if part]
    assert {port for span in spans for port in range(int(span[0]), int(span[-1]) + 1)} == ports
    assert normal(canonical, leaf) == canonical


@given(st.text(max_size=30))
def test_a_value_by_its_meaning_keeps_it(text: str) -> None:
    assert normal(normal(text)) == normal(text)


def conf(tree: str, device: str, leaf: str) -> Key:
    return ("net", tree, "conf", device, leaf)


def host(values: dict[Key, Sysctl] | None = None) -> State:
    """A device v that exists, and one, w, that has just been planned; both families' forwarding everywhere."""
    links = {"lo": loopback(), "v": Link("v", "veth", 2, up=True), "w": Link("w", "veth")}
    found = {FORWARD: Sysctl("0"), conf("ipv4", "all", "accept_redirects"): Sysctl("0")}
    for device in ("all", "default", "lo", "v"):
        for leaf in ("forwarding", "rp_filter"):
            found[conf("ipv4", device, leaf)] = Sysctl("0")
        found[conf("ipv6", device, "disable_ipv6")] = Sysctl("0")
    return State({HOST: Namespace(1, links, sysctls={**found, **(values or {})})})


def plan(
    state: State, *entries: tuple[str, Any], netns: str | None = None, assume: bool = False
) -> tuple[documents.Plan, list[str]]:
    problems = Problems()
    config = [{"name": name, "value": value, "netns": netns} for name, value in entries]
    document = documents.read({"netns_sysctl": config}, problems)
    planned = documents.Plan() if problems else documents.plan(document, state, problems, assume)
    return planned, [str(problem) for problem in problems.found]


def steps(state: State, *entries: tuple[str, Any]) -> list[str]:
    planned, problems = plan(state, *entries)
    assert problems == []
    again, problems = plan(planned.after, *entries)
    assert (again.steps, problems) == ((), [])
    return [f"{step.action.what()} ({step.why})" for step in planned.steps]


def test_planned() -> None:
    assert steps(host(), ("net.ipv4.ip_forward", "0")) == []
    assert steps(host(), ("net.ipv4.ip_forward", True)) == ["set net.ipv4.ip_forward = 1 (it is 0, wanted 1)"]
    secret = conf("ipv6", "v", "stable_secret")
    assert steps(host({secret: Sysctl(None)}), ("net.ipv6.conf.v.stable_secret", "fd00::1")) == [
        "set net.ipv6.conf.v.stable_secret = fd00::1 (it is unset, wanted fd00::1)"
    ]
    ports = ("net", "ipv4", "ip_local_reserved_ports")
    assert steps(host({ports: Sysctl("80")}), ("net.ipv4.ip_local_reserved_ports", "")) == [
        "set net.ipv4.ip_local_reserved_ports =  (it is 80, wanted empty)"
    ]


def test_of_a_device_that_is_only_planned() -> None:
    assert steps(host(), ("net.ipv4.conf.w.rp_filter", 1)) == [
        "set net.ipv4.conf.w.rp_filter = 1 (its value is not known before)"
    ]
    misspelt = conf("ipv4", "lo", "rp_filterr")
    planned, problems = plan(host({misspelt: Sysctl(exists=False)}), ("net.ipv4.conf.w.rp_filterr", 1))
    assert planned.steps == ()
    assert problems[0].startswith("config.netns_sysctl[0].name: net.ipv4.conf.w.rp_filterr does not exist here")


def test_the_kernel_changes_along() -> None:
    planned, dummy = plan(host(), ("net.ipv4.ip_forward", 1))
    after = planned.after.namespaces[HOST].sysctls
    for device in ("all", "default", "lo", "v"):
        assert after[conf("ipv4", device, "forwarding")].value == "1"
    back, dummy = plan(planned.after, ("net.ipv4.ip_forward", 0), ("net.ipv4.conf.all.accept_redirects", 0))
    assert [step.action.key[-1] for step in back.steps] == ["ip_forward", "accept_redirects"]


def test_what_was_changed_along_is_given_back() -> None:
    state = host({conf("ipv4", "v", "forwarding"): Sysctl("1")})
    planned, dummy = plan(state, ("net.ipv4.conf.all.forwarding", 1))
    undo = documents.read(restoration(touched(planned)), Problems())
    back = documents.plan(undo, planned.after, Problems())
    assert back.after.namespaces[HOST].sysctls == state.namespaces[HOST].sysctls


def test_a_default_may_be_followed() -> None:
    """What is declared of a device is written, whatever the kernel did with it."""
    for value in (0, 1):
        planned, problems = plan(host(), ("net.ipv4.conf.v.rp_filter", value), ("net.ipv4.conf.default.rp_filter", 1))
        assert problems == []
        assert [step.action.key[3] for step in planned.steps] == ["default", "v"]
    other = host({conf("ipv4", "v", "rp_filter"): Sysctl("2")})
    assert len(steps(other, ("net.ipv4.conf.v.rp_filter", 2), ("net.ipv4.conf.default.rp_filter", 1))) == 1


def test_disable_ipv6_takes_addresses_and_routes() -> None:
    state = host()
    here = state.namespaces[HOST]
    here.links["v"] = Link("v", "veth", 2, up=True, addresses=(Address("10.1.0.1/24"), Address("fd00::1/64")))
    here.routes = [
        Route("fd00:9::/48", metric=1024, hops=(Hop("fd00::2", "v"),)),
        Route("10.0.0.0/8", hops=(Hop(None, "v"),)),
    ]
    for name, gone in (("v", True), ("all", True), ("default", False), ("lo", False)):
        planned, problems = plan(state, (f"net.ipv6.conf.{name}.disable_ipv6", 1))
        assert problems == []
        after = planned.after.namespaces[HOST]
        assert (len(after.links["v"].addresses), len(after.routes)) == ((1, 1) if gone else (2, 2))


def test_followers() -> None:
    v = (HOST, conf("ipv4", "v", "forwarding"))
    assert follows(v, [(HOST, FORWARD)])
    assert not follows(v, [("ns1", FORWARD)])
    assert not follows(v, [(HOST, conf("ipv4", "default", "forwarding"))])
    assert follows((HOST, FORWARD), [(HOST, conf("ipv4", "all", "forwarding"))])
    assert follows((HOST, conf("ipv6", "v", "addr_gen_mode")), [(HOST, conf("ipv6", "all", "addr_gen_mode"))])


REFUSED: list[tuple[str, Any, Sysctl, str]] = [
    ("net.ipv4.tcp_rmem", "1", Sysctl("1 2 3"), "value: net.ipv4.tcp_rmem holds 3 numbers (1 2 3), not 1"),
    ("net.ipv4.x", "", Sysctl("1"), "value: net.ipv4.x needs a value; it is 1"),
    ("net.ipv4.x", "on", Sysctl("1"), "value: net.ipv4.x holds numbers (1), which 'on' is not"),
    (
        "net.ipv4.x",
        1,
        Sysctl("0", read_only_mount=True),
        "name: /proc/sys is mounted read-only here; in a container, run it privileged",
    ),
    ("net.ipv4.x", 1, Sysctl("0", writable=False), "name: net.ipv4.x is read-only in the host; it is 0"),
    (
        "net.ipv4.x",
        1,
        Sysctl(readable=False),
        "name: net.ipv4.x can only be written, not read: it holds no value to declare",
    ),
    (
        "net.ipv6.x",
        1,
        Sysctl(exists=False, tree_exists=False),
        "name: net.ipv6.x does not exist: IPv6 is switched off (ipv6.disable=1)",
    ),
    (
        "net.bridge.x",
        1,
        Sysctl(exists=False, tree_exists=False),
        "name: net.bridge.x does not exist: module br_netfilter is not loaded",
    ),
    (
        "net.netfilter.x",
        1,
        Sysctl(exists=False, tree_exists=False),
        "name: net.netfilter.x does not exist: module nf_conntrack is not loaded",
    ),
    (
        "net.nf_conntrack_max",
        1,
        Sysctl(exists=False, tree_exists=False),
        "name: net.nf_conntrack_max does not exist: module nf_conntrack is not loaded",
    ),
    (
        "net.cow.x",
        1,
        Sysctl(exists=False, tree_exists=False),
        "name: net.cow.x does not exist: nothing provides net.cow here (a kernel module that is not loaded)",
    ),
    (
        "net.netfilter.x",
        1,
        Sysctl(exists=False),
        "name: net.netfilter.x does not exist here: it is misspelt, "
        "or the module that provides it is not loaded (ls /proc/sys/net/netfilter)",
    ),
    (
        "net.core.x",
        1,
        Sysctl(exists=False),
        "name: net.core.x does not exist here: it is misspelt, "
        "or only the machine's initial namespace has it (ls /proc/sys/net/core)",
    ),
    (
        "net.ipv6.conf.v.disable_ipv6",
        1,
        Sysctl(exists=False),
        "name: net.ipv6.conf.v.disable_ipv6 does not exist, although other devices have it; IPv6 needs an MTU of 1280",
    ),
    ("net.ipv4.conf.u.rp_filter", 1, Sysctl(exists=False), "name: there is no link u in the host; it has lo, v, w"),
]


@pytest.mark.parametrize(("name", "value", "found", "message"), REFUSED)
def test_refused(name: str, value: Any, found: Sysctl, message: str) -> None:
    planned, problems = plan(host({key(name): found}), (name, value))
    assert problems == [f"config.netns_sysctl[0].{message}"]
    assert planned.steps == ()


def test_not_kept_per_namespace() -> None:
    state = host()
    missing = Sysctl(exists=False, on_host=True)
    state.namespaces["ns1"] = Namespace(2, {"lo": loopback()}, sysctls={key("net.core.netdev_max_backlog"): missing})
    planned, problems = plan(state, ("net.core.netdev_max_backlog", 1), netns="ns1")
    assert planned.steps == ()
    name = "config.netns_sysctl[0].name: net.core.netdev_max_backlog"
    assert problems == [f"{name} is not kept per namespace: only the machine's initial namespace has it"]


def test_read_only_and_right_already_is_no_error() -> None:
    for found in (Sysctl("1", read_only_mount=True), Sysctl("1", writable=False)):
        assert steps(host({FORWARD: found}), ("net.ipv4.ip_forward", 1)) == []


def test_check_mode_takes_what_is_missing_for_granted() -> None:
    for name, netns in (("net.ipv4.ip_forward", "later"), ("net.ipv4.conf.u.rp_filter", None)):
        planned, problems = plan(host(), (name, 1), netns=netns, assume=True)
        assert problems == []
        assert [step.why for step in planned.steps] == ["its value is not known before"]
        assert planned.warnings


def test_commands() -> None:
    planned, dummy = plan(host({key("net.ipv4.tcp_rmem"): Sysctl("1 2 3")}), ("net.ipv4.tcp_rmem", [4, 5, 6]))
    assert planned.steps[0].action.command() == 'sysctl -w net.ipv4.tcp_rmem="4 5 6"'
    odd = WriteSysctl("", ("net", "ipv4", "conf", "h;x", "rp_filter"), "2")
    assert odd.command() == "sysctl -w 'net.ipv4.conf.h;x.rp_filter=2'"
