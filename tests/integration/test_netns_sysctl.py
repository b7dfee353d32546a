# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""netns_sysctl against the kernel: every spelling, every reason why not, and what the kernel changes along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from host import Host, until, warnings

Converge = Callable[..., dict[str, Any]]


@pytest.fixture
def wired(host: Host) -> Host:
    """A cable from v to x on the host, and a namespace n."""
    host.sh("ip netns add n; ip link add v type veth peer name x; ip link set v up; ip link set x up")
    return host


def set_up(host: Host, **values: Any) -> None:
    for key, value in values.items():
        host.sh(f"printf %s {value} > /proc/sys/net/{key.replace('__', '/')}")


def topology(host: Host, *settings: tuple[str, Any], **others: Any) -> dict[str, Any]:
    """The configuration of a topology."""
    return {"netns_sysctl": [{"name": name, "value": value} for name, value in settings], **others}


def settings(host: Host) -> str:
    """Every value below net/ipv4 and net/ipv6 that can be read."""
    return host.sh("cd /proc/sys/net; grep -rs '' ipv4 ipv6 | grep -v -e fib_multipath_hash_seed -e _secret | sort")


@pytest.mark.parametrize(
    ("name", "value", "file", "written", "shown"),
    [
        ("net.ipv4.ip_default_ttl", 65, "net/ipv4/ip_default_ttl", "65", "65"),
        ("net/ipv4/ip_default_ttl", "65", "net/ipv4/ip_default_ttl", "65", "65"),
        ("/proc/sys/net/ipv4/ip_default_ttl", " 0x41 ", "net/ipv4/ip_default_ttl", "65", "65"),
        ("net.ipv4.conf.v.rp_filter", True, "net/ipv4/conf/v/rp_filter", "1", "1"),
        ("net.ipv4.conf.v.rp_filter", "true", "net/ipv4/conf/v/rp_filter", "1", "1"),
        ("net.ipv4.conf.all.rp_filter", 2, "net/ipv4/conf/all/rp_filter", "2", "2"),
        (
            "net.ipv4.tcp_rmem",
            "4096  131072\t6291457",
            "net/ipv4/tcp_rmem",
            "4096\t131072\t6291457",
            "4096 131072 6291457",
        ),
        (
            "net.ipv4.tcp_rmem",
            [4096, 131072, 6291457],
            "net/ipv4/tcp_rmem",
            "4096\t131072\t6291457",
            "4096 131072 6291457",
        ),
        ("net.ipv4.ip_local_port_range", "20000 40000", "net/ipv4/ip_local_port_range", "20000\t40000", "20000 40000"),
        (
            "net.ipv4.ip_local_reserved_ports",
            "9000,8081,8080,8082-8090",
            "net/ipv4/ip_local_reserved_ports",
            "8080-8090,9000",
            "8080-8090,9000",
        ),
        ("net.ipv4.tcp_congestion_control", "reno", "net/ipv4/tcp_congestion_control", "reno", "reno"),
        ("net.ipv4.neigh.v.proxy_delay", 0, "net/ipv4/neigh/v/proxy_delay", "0", "0"),
        ("net.ipv6.neigh.v.retrans_time_ms", 2000, "net/ipv6/neigh/v/retrans_time_ms", "2000", "2000"),
        ("net.ipv6.conf.v.forwarding", 1, "net/ipv6/conf/v/forwarding", "1", "1"),
        (
            "net.ipv6.conf.v.stable_secret",
            "FD00::1",
            "net/ipv6/conf/v/stable_secret",
            "fd00:0000:0000:0000:0000:0000:0000:0001",
            "fd00::1",
        ),
        ("net.unix.max_dgram_qlen", 77, "net/unix/max_dgram_qlen", "77", "77"),
    ],
)
def test_set(wired: Host, converge: Converge, name: str, value: Any, file: str, written: str, shown: str) -> None:
    done = converge("netns_sysctl", name=name, value=value)
    assert wired.sysctl(file) == written
    key = file.replace("/", ".")
    assert done["netns_sysctl"] == {"netns": None, "name": key, "value": shown}
    assert done["diff"]["after"]["value"] == shown
    assert done["diff"]["before"].get("value") != shown
    assert len(done["steps"]) == 1


def test_the_command_shown_does_the_same(wired: Host) -> None:
    for name, value in (("net.ipv4.tcp_rmem", "4096 131072 6291457"), ("net.ipv4.conf.v.rp_filter", 1)):
        for netns in ("", "n") if ".v." not in name else ("",):
            options = {"name": name, "value": value, **({"netns": netns} if netns else {})}
            wired.sh(wired.module("netns_sysctl", check=True, **options)["steps"][0]["command"])
            assert wired.module("netns_sysctl", **options)["changed"] is False


@pytest.mark.parametrize(
    "name",
    ["net.ipv4.conf.eth9.100.forwarding", "net/ipv4/conf/eth9.100/forwarding", "net.ipv4.conf.eth9/100.forwarding"],
)
def test_names_of_devices_with_dots(host: Host, converge: Converge, name: str) -> None:
    """The fault of ansible.posix.sysctl."""
    host.sh("ip link add eth9.100 type veth peer name x")
    done = converge("netns_sysctl", name=name, value=1)
    assert host.sysctl("net/ipv4/conf/eth9.100/forwarding") == "1"
    assert done["netns_sysctl"]["name"] == "net/ipv4/conf/eth9.100/forwarding"
    assert done["steps"][0]["command"] == "sysctl -w net/ipv4/conf/eth9.100/forwarding=1"
    host.sh("sysctl -w net.ipv4.conf.eth9/100.forwarding=0")
    host.sh(done["steps"][0]["command"])
    assert host.sysctl("net/ipv4/conf/eth9.100/forwarding") == "1"


def test_inside_a_namespace_and_nowhere_else(wired: Host, converge: Converge) -> None:
    done = converge("netns_sysctl", netns="n", name="net.ipv4.ip_default_ttl", value=77)
    assert done["netns_sysctl"]["netns"] == "n"
    assert wired.sysctl("net/ipv4/ip_default_ttl", "n") == "77"
    assert wired.sysctl("net/ipv4/ip_default_ttl") == "64"


def test_runtime_only(wired: Host) -> None:
    """No file is written, neither a new one nor an old one."""
    wired.sh("mount -t tmpfs none /etc/sysctl.d; touch /run/mark; sleep 0.01")
    assert wired.module("netns_sysctl", name="net.ipv4.ip_default_ttl", value=77)["changed"] is True
    assert wired.sh("find /etc -newer /run/mark; ls /etc/sysctl.d") == ""


def test_ip_forward_writes_through_to_every_device_and_back(wired: Host, converge: Converge) -> None:
    set_up(wired, ipv4__conf__v__forwarding=1, ipv4__conf__all__accept_redirects=0)
    before = settings(wired)
    converge("topology", name="t", config=topology(wired, ("net.ipv4.ip_forward", 1)))
    assert [wired.sysctl(f"net/ipv4/conf/{name}/forwarding") for name in ("all", "default", "v", "x")] == ["1"] * 4
    converge("topology", name="t", state="absent")
    assert settings(wired) == before


@pytest.mark.parametrize("name", ["forwarding", "disable_ipv6", "addr_gen_mode", "ignore_routes_with_linkdown"])
def test_ipv6_all_writes_through_and_back(wired: Host, converge: Converge, name: str) -> None:
    set_up(wired, **{f"ipv6__conf__v__{name}": 1})
    before = settings(wired)
    converge("topology", name="t", config=topology(wired, (f"net.ipv6.conf.all.{name}", 1)))
    assert wired.sysctl(f"net/ipv6/conf/x/{name}") == "1"
    converge("topology", name="t", state="absent")
    assert settings(wired) == before


def test_a_device_that_differs_from_all(wired: Host, converge: Converge) -> None:
    """What is declared of a device holds, whatever `ip_forward`, `all` or `default` did to it before."""
    config = topology(
        wired,
        ("net.ipv4.conf.v.forwarding", 0),
        ("net.ipv4.ip_forward", 1),
        ("net.ipv4.conf.x.rp_filter", 0),
        ("net.ipv4.conf.v.rp_filter", 1),
        ("net.ipv4.conf.default.rp_filter", 1),
        ("net.ipv6.conf.v.forwarding", 0),
        ("net.ipv6.conf.all.forwarding", 1),
    )
    before = settings(wired)
    converge("topology", name="t", config=config)
    assert [wired.sysctl(f"net/ipv4/conf/{name}/forwarding") for name in ("v", "x")] == ["0", "1"]
    assert [wired.sysctl(f"net/ipv4/conf/{name}/rp_filter") for name in ("v", "x")] == ["1", "0"]
    assert [wired.sysctl(f"net/ipv6/conf/{name}/forwarding") for name in ("v", "x")] == ["0", "1"]
    converge("topology", name="t", state="absent")
    assert settings(wired) == before


def test_default_is_copied_by_the_kernel_and_given_back(wired: Host, converge: Converge) -> None:
    wired.sh("ip address add 10.1.0.1/24 dev v")
    before = settings(wired)
    converge("topology", name="t", config=topology(wired, ("net.ipv4.conf.default.arp_ignore", 1)))
    assert [wired.sysctl(f"net/ipv4/conf/{name}/arp_ignore") for name in ("v", "x")] == ["0", "1"]
    converge("topology", name="t", state="absent")
    assert settings(wired) == before


def test_devices_made_in_the_same_run(host: Host, converge: Converge) -> None:
    names = (
        "ipv4.conf.{}.proxy_arp",
        "ipv4.neigh.{}.proxy_delay",
        "ipv6.conf.{}.disable_ipv6",
        "ipv4.conf.{}.rp_filter",
    )
    values = ("1", "0", "1", "2")
    config: dict[str, Any] = {
        "netns_sysctl": [
            {"netns": netns, "name": f"net.{name.format(device)}", "value": value}
            for netns, device in (("n", "eth0.1"), (None, "br0"), (None, "cali1"))
            for name, value in zip(names, values)
        ],
        "veth": [{"name": "eth0.1", "netns": "n", "peer": {"name": "cali1"}}],
        "bridge": [{"name": "br0"}],
        "netns": [{"name": "n"}],
    }
    before = settings(host)
    done = converge("topology", name="t", config=config)
    assert len([step for step in done["steps"] if step["resource"] == "netns_sysctl"]) == 12
    for netns, device in (("n", "eth0.1"), ("", "br0"), ("", "cali1")):
        found = [host.sysctl("net/" + name.replace(".", "/").format(device), netns) for name in names]
        assert found == list(values)
    again = host.module("topology", check=True, name="again", config=host.module("topology_info")["config"])
    assert again["steps"] == []
    converge("topology", name="t", state="absent")
    assert settings(host) == before


def test_a_misspelt_key_of_a_device_made_in_the_same_run(host: Host) -> None:
    config = {
        "bridge": [{"name": "br0"}],
        "netns_sysctl": [{"name": "net.ipv4.conf.br0.proxy_arpp", "value": 1}],
    }
    for check in (True, False):
        result = host.module("topology", name="t", config=config, check=check)
        assert result["problems"][0]["path"] == "config.netns_sysctl[0].name"
        assert "net.ipv4.conf.br0.proxy_arpp does not exist here: it is misspelt" in result["msg"]
    assert host.link("br0") is None


def words(shown: str) -> list[str]:
    """What iproute2 shows, without the state of an address."""
    return [word for word in shown.split() if word not in ("tentative", "nodad")]


def test_disable_ipv6_takes_the_addresses_along_and_gives_them_back(wired: Host, converge: Converge) -> None:
    wired.sh(
        """
        ip address add fd00:1::1/64 dev v nodad; ip address add 10.1.0.1/24 dev v
        ip -6 route add fd00:9::/48 via fd00:1::2
        ip neighbor add fd00:1::2 dev v lladdr 02:00:00:00:00:02 nud permanent
        """
    )
    shown = "ip -6 route show proto boot; ip neighbor show nud permanent; ip -6 address show dev v scope global"
    before = words(wired.sh(shown))
    done = converge("topology", name="t", config=topology(wired, ("net.ipv6.conf.all.disable_ipv6", 1)))
    assert len(done["steps"]) == 1
    assert "inet6" not in wired.sh("ip address")
    assert wired.addresses("v") == ["10.1.0.1/24"]
    gone = wired.module("topology", name="t", state="absent")
    assert not gone.get("failed"), gone
    assert words(wired.sh(shown)) == before


def test_a_switch_back_on_before_the_addresses(wired: Host, converge: Converge) -> None:
    set_up(wired, ipv6__conf__all__disable_ipv6=1)
    config = topology(wired, ("net.ipv6.conf.all.disable_ipv6", 0), link=[{"name": "v", "addresses": ["fd00:1::1/64"]}])
    converge("topology", name="t", config=config)
    assert wired.addresses("v") == ["fd00:1::1/64"]


BROKEN: list[tuple[str, Any, str, str]] = [
    ("kernel.hostname", "x", "name", "is not a key below net."),
    ("net", 1, "name", "is not a key below net."),
    ("net.ipv4", 1, "name", "net.ipv4 does not exist here"),
    ("net.ipv4.conf", 1, "name", "net.ipv4.conf does not exist here"),
    ("net..ipv4.ip_forward", 1, "name", "has an empty part"),
    ("net/ipv4/../../kernel/hostname", 1, "name", "has an empty part, '.' or '..' in it"),
    ("net.ipv4.conf.*.forwarding", 1, "name", "is not one key"),
    ("net.ipv4.ip forward", 1, "name", "is not one key"),
    ("net.ipv4.ip_forward\0", 1, "name", "is not one key"),
    ("net.ipv4.ip_forwad", 1, "name", "net.ipv4.ip_forwad does not exist here: it is misspelt"),
    (
        "net.ipv4.conf.v.forwad",
        1,
        "name",
        "net.ipv4.conf.v.forwad does not exist here: it is misspelt (ls /proc/sys/net/ipv4/conf/v)",
    ),
    ("net.core.netdev_max_backlog", 1, "name", "or only the machine's initial namespace has it"),
    ("net.nonsense.key", 1, "name", "nothing provides net.nonsense here (a kernel module that is not loaded)"),
    ("net.ipv4.route.flush", 1, "name", "can only be written, not read"),
    ("net.ipv4.tcp_available_congestion_control", "reno", "name", "is read-only in the host"),
    ("net.ipv4.ip_forward", "", "value", "net.ipv4.ip_forward needs a value; it is 0"),
    ("net.ipv4.ip_forward", "on", "value", "holds numbers (0), which 'on' is not"),
    ("net.ipv4.ip_forward", {"a": 1}, "value", "a value is a number or a text, not a mapping"),
    ("net.ipv4.ip_forward", "1 1", "value", "holds 1 number (0), not 2"),
    ("net.ipv4.tcp_rmem", 4096, "value", "holds 3 numbers"),
]


@pytest.mark.parametrize(
    ("name", "value", "path", "message"), BROKEN, ids=[f"{case[0]!r} {case[1]!r}" for case in BROKEN]
)
def test_refused_before_anything_changes(wired: Host, name: str, value: Any, path: str, message: str) -> None:
    before = settings(wired)
    for check in (True, False):
        result = wired.module("netns_sysctl", check=check, name=name, value=value)
        assert result.get("failed"), result
        assert [problem["path"] for problem in result["problems"]] == [path], result
        assert message in result["msg"]
    assert settings(wired) == before


def test_what_is_missing(wired: Host) -> None:
    cases = [
        ({"netns": "none", "name": "net.ipv4.ip_forward"}, "netns", "namespace none does not exist"),
        ({"name": "net.ipv4.conf.w.forwarding"}, "name", "there is no link w in the host; it has lo, v, x"),
        ({"netns": "n", "name": "net.ipv4.conf.v.forwarding"}, "name", "there is no link v in namespace n"),
    ]
    for options, path, message in cases:
        predicted = wired.module("netns_sysctl", check=True, value=1, **options)
        assert predicted["changed"] is True
        assert predicted["warnings"]
        result = wired.module("netns_sysctl", value=1, **options)
        assert [problem["path"] for problem in result["problems"]] == [path]
        assert message in result["msg"]


def test_a_device_without_ipv6(wired: Host) -> None:
    wired.sh("ip link set v mtu 1000")
    result = wired.module("netns_sysctl", name="net.ipv6.conf.v.forwarding", value=1)
    assert "net.ipv6.conf.v.forwarding does not exist, although other devices have it" in result["msg"]
    assert "IPv6 needs an MTU of 1280" in result["msg"]


def test_one_bad_key_is_named_and_the_others_are_not_touched(wired: Host) -> None:
    before = settings(wired)
    config = topology(wired, ("net.ipv4.ip_forward", 1), ("net.ipv4.tcp_rmemm", 1), ("net.ipv4.tcp_wmem", 1))
    for check in (True, False):
        result = wired.module("topology", name="t", config=config, check=check)
        paths = [problem["path"] for problem in result["problems"]]
        assert paths == ["config.netns_sysctl[1].name", "config.netns_sysctl[2].value"]
    assert settings(wired) == before


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("net.ipv4.conf.v.medium_id", "99999999999999", "Invalid argument; the kernel does not take this value"),
        ("net.ipv4.tcp_congestion_control", "cow", "No such file or directory; the kernel knows nothing of that name"),
        ("net.ipv4.ip_default_ttl", 256, "Invalid argument"),
    ],
)
def test_a_value_the_kernel_refuses(wired: Host, name: str, value: Any, said: str) -> None:
    before = settings(wired)
    config = topology(wired, ("net.ipv4.ip_forward", 1), (name, value))
    result = wired.module("topology", name="t", config=config)
    assert f"cannot set {name} to '{value}' in the host: {said}" in result["msg"]
    assert "The host was put back as it was found" in result["msg"]
    assert settings(wired) == before
    assert wired.sh("find /run -name '*.json*'") == ""


def test_a_read_only_mount(wired: Host) -> None:
    """As in a container without privileges: what is right already is no error."""
    wired.sh("mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys")
    assert wired.module("netns_sysctl", name="net.ipv4.ip_forward", value=0)["changed"] is False
    for check in (True, False):
        result = wired.module("netns_sysctl", name="net.ipv4.ip_forward", value=1, check=check)
        assert "/proc/sys is mounted read-only here; in a container, run it privileged" in result["msg"]
        assert [problem["path"] for problem in result["problems"]] == ["name"]


def test_what_is_set_for_the_first_time_stays(wired: Host) -> None:
    """A secret cannot be unset again: a topology that is removed leaves it."""
    config = topology(wired, ("net.ipv6.conf.v.stable_secret", "fd00::1"))
    assert not wired.module("topology", name="t", config=config).get("failed")
    gone = wired.module("topology", name="t", state="absent")
    assert not gone.get("failed"), gone


def test_a_secret_does_not_change_how_addresses_are_made(wired: Host, converge: Converge) -> None:
    """The kernel gives a device a secret that makes its addresses at random, and writing one changes that."""
    set_up(wired, ipv6__conf__default__addr_gen_mode=3, ipv6__conf__v__addr_gen_mode=3)
    wired.sh("ip link set v down; ip link set v up")
    keys = ("net/ipv6/conf/v/stable_secret", "net/ipv6/conf/v/addr_gen_mode")
    before = [wired.sysctl(key) for key in keys]
    assert before[1] == "3"
    converge("topology", name="t", config={"netns": [{"name": "n"}], "link": [{"netns": "n", "name": "v"}]})
    converge("topology", name="t", state="absent")
    assert [wired.sysctl(key) for key in keys] == before
    default = topology(wired, ("net.ipv6.conf.default.stable_secret", "fd00::1"))
    converge("topology", name="t", config=default)
    assert wired.sysctl(keys[1]) == "2"
    converge("topology", name="t", state="absent")
    assert wired.sysctl(keys[1]) == "3"


def test_an_empty_list_is_a_value(wired: Host, converge: Converge) -> None:
    name = "net.ipv4.ip_local_reserved_ports"
    converge("topology", name="t", config=topology(wired, (name, "8080")))
    converge("topology", name="t", state="absent")
    assert wired.sysctl("net/ipv4/ip_local_reserved_ports") == ""
    set_up(wired, ipv4__ip_local_reserved_ports="8080")
    converge("netns_sysctl", name=name, value="")
    assert wired.sysctl("net/ipv4/ip_local_reserved_ports") == ""


def test_a_new_namespace_is_observed_not_guessed(host: Host, converge: Converge) -> None:
    """New namespaces inherit IPv4 settings of the machine: whatever those are, one run is enough."""
    config = {
        "netns": [{"name": "n"}],
        "netns_sysctl": [
            {"netns": "n", "name": f"net.ipv4.conf.{device}.{key}", "value": value}
            for device in ("all", "default", "lo")
            for key, value in (("rp_filter", 1), ("forwarding", 0), ("accept_local", 1))
        ],
    }
    converge("topology", name="t", config=config)
    assert host.sysctl("net/ipv4/conf/lo/accept_local", "n") == "1"


def test_contradictions_are_told_before_anything_changes(wired: Host) -> None:
    """Two names of one thing cannot have two values."""
    before = settings(wired)
    config = topology(wired, ("net.ipv4.ip_forward", 1), ("net.ipv4.conf.all.forwarding", 0))
    result = wired.module("topology", name="t", config=config)
    assert result.get("failed"), result
    assert settings(wired) == before


# A router's advertisement, sent once: a lifetime of half an hour, and nothing else.
ADVERTISE = """
import socket, struct
device = socket.if_nametoindex("far")
sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, device)
sender.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0), ("ff02::1", 0, 0, device))
"""
FORWARDING = ("net.ipv6.conf.all.forwarding", "net.ipv6.conf.eth1.forwarding")


@pytest.fixture
def advised(host: Host) -> Host:
    """A host whose IPv6 default route comes from a router."""
    host.sh(
        "ip netns add isp; for n in '' 'ip netns exec isp'; do $n sysctl -qw net.ipv6.conf.default.accept_dad=0; done;"
        "ip link add eth1 type veth peer name far netns isp; ip -n isp link set far up; ip link set eth1 up"
    )

    def has_heard() -> str:
        host.sh(f"python3 -c '{ADVERTISE}'", "isp", check=False)
        return default(host)

    assert until(has_heard)
    return host


def default(host: Host) -> str:
    return host.sh("ip -6 route show default")


@pytest.mark.parametrize("name", FORWARDING)
def test_a_default_route_that_a_router_advertised_goes_with_forwarding(advised: Host, name: str) -> None:
    config = topology(advised, (name, 1))
    for check in (True, False):
        said = warnings(advised.do("topology", name="t", config=config, check=check))
        assert "eth1 has a default route that a router advertised" in said
        assert "declare net.ipv6.conf.eth1.accept_ra: 2" in said
        assert bool(default(advised)) == check


@pytest.mark.parametrize("name", FORWARDING)
def test_it_stays_where_that_is_declared(advised: Host, converge: Converge, name: str) -> None:
    before = settings(advised)
    converge("topology", name="t", config=topology(advised, (name, 1), ("net.ipv6.conf.eth1.accept_ra", 2)))
    assert "proto ra" in default(advised)
    converge("topology", name="t", state="absent")
    assert "proto ra" in default(advised)
    assert settings(advised) == before
