# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Namespaces: exact names, mixed with iproute2's, and taken away only when nothing uses them."""

from __future__ import annotations

import contextlib
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from host import Host, until, warnings
from snapshot import snapshot
from test_transaction import after, refuse

from ansible_collections.nsfabric.linux.plugins.module_utils._kernel import netns as kernel


def namespaces(host: Host) -> list[str]:
    return sorted(found["name"] for found in host.json("ip -j netns list"))


def mounted(host: Host) -> Counter[str]:
    """Where namespaces are mounted, and how often."""
    lines = host.sh("cat /proc/self/mounts").splitlines()
    return Counter(line.split()[1] for line in lines if " nsfs " in line)


@contextlib.contextmanager
def process(host: Host, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process on the host that runs meanwhile."""
    with subprocess.Popen(["nsenter", "-t", str(host.pid), "-n", "-m", *command]) as running:
        try:
            yield running
        finally:
            running.kill()


def impatient() -> None:
    kernel.VANISH_SECONDS = 0.3


def cabled(host: Host, name: str = "ns1") -> None:
    host.sh(
        f"ip netns add {name}; ip link add p1 type veth peer name eth0 netns {name}; ip addr add 10.0.0.1/24 dev p1"
    )


def test_made_configured_and_deleted(host: Host, converge: Any) -> None:
    made = converge("netns", name="ns1")
    assert made["diff"] == {"before": {}, "after": {"name": "ns1", "lo_up": True}}
    assert [step["command"] for step in made["steps"]] == ["ip netns add ns1", "ip -n ns1 link set dev lo up"]
    assert made["netns"] == {"name": "ns1", "lo_up": True}
    assert "UP" in host.link("lo", "ns1")["flags"]
    down = converge("netns", name="ns1", lo_up=False)
    assert (down["diff"]["before"], down["diff"]["after"]) == (
        {"name": "ns1", "lo_up": True},
        {"name": "ns1", "lo_up": False},
    )
    assert "UP" not in host.link("lo", "ns1")["flags"]
    gone = converge("netns", name="ns1", state="absent")
    assert (gone["netns"], gone["diff"]["after"]) == (None, {})
    assert host.sh("ls /run/netns") == ""


def test_made_with_lo_down(host: Host, converge: Any) -> None:
    assert len(converge("netns", name="ns1", lo_up=False)["steps"]) == 1
    assert "UP" not in host.link("lo", "ns1")["flags"]


@pytest.mark.parametrize(("first", "second"), [("mario", "mario2"), ("mario2", "mario")])
def test_a_name_is_not_found_in_another_one(host: Host, converge: Any, first: str, second: str) -> None:
    converge("netns", name=first)
    converge("netns", name=second)
    assert namespaces(host) == ["mario", "mario2"]
    converge("netns", name=second, state="absent")
    assert namespaces(host) == [first]


@pytest.mark.parametrize("name", ["-x", "a b", "ü.1", "n" * 255])
def test_a_name_is_a_file_name(host: Host, converge: Any, name: str) -> None:
    converge("netns", name=name)
    assert host.sh("ls -N /run/netns") == f"{name}\n"
    converge("netns", name=name, state="absent")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "n" * 256])
def test_a_name_that_is_no_file_name(refused: Any, name: str) -> None:
    assert refused("netns", name=name).startswith("name: ")


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_stale_file_is_an_error(host: Host, refused: Any, state: str) -> None:
    host.sh("mkdir /run/netns; touch -d -1hour /run/netns/ns1")
    assert "rm /run/netns/ns1" in refused("netns", name="ns1", state=state)
    assert host.sh("ls /run/netns") == "ns1\n"


def test_a_stale_file_is_told_to_whoever_needs_the_namespace(host: Host, refused: Any) -> None:
    host.sh("mkdir /run/netns; touch -d -1hour /run/netns/ns1")
    assert refused("veth", netns="ns1", name="a", peer={"name": "b"}).startswith(
        "netns: /run/netns/ns1 is a stale file"
    )


def test_a_namespace_that_is_being_made_is_waited_for(host: Host) -> None:
    host.module("netns", name="first")
    making = "touch /run/netns/ns1; sleep 0.3; mount --bind /proc/self/ns/net /run/netns/ns1; sleep 3"
    with process(host, "unshare", "-n", "sh", "-c", making):
        assert until(lambda: host.sh("ls /run/netns/ns1", check=False))
        done = host.do("netns", name="ns1")
    assert [step["what"] for step in done["steps"]] == ["set lo: up"]


def test_mixed_with_iproute2(host: Host, converge: Any) -> None:
    host.sh("ip netns add theirs; ip -n theirs link set lo up")
    assert not host.do("netns", name="theirs")["changed"]
    converge("netns", name="ours")
    assert namespaces(host) == ["ours", "theirs"]
    assert host.sh("ip -br link", "ours").startswith("lo ")
    converge("netns", name="theirs", state="absent")
    host.sh("ip netns delete ours")
    assert not host.do("netns", name="ours", state="absent")["changed"]
    assert namespaces(host) == []


def test_seen_from_another_mount_namespace(host: Host) -> None:
    host.do("netns", name="first")
    with process(host, "unshare", "-m", "--propagation", "unchanged", "sleep", "60") as other:
        root = f"nsenter -t {other.pid} -m -n"
        assert until(lambda: "sleep" in host.sh(f"cat /proc/{other.pid}/comm"))
        host.do("netns", name="ours")
        assert host.sh(f"{root} ip netns exec ours ip -br link").startswith("lo ")
        host.sh(f"{root} ip netns delete ours; {root} ip netns add theirs")
        assert namespaces(host) == ["first", "theirs"]
        assert host.do("netns", name="theirs", state="absent")["changed"]
        assert host.sh(f"{root} ls /run/netns") == "first\n"


def test_two_runs_make_the_same_one_at_once(host: Host) -> None:
    with ThreadPoolExecutor(3) as pool:
        for number in range(8):
            runs = [pool.submit(host.do, "netns", name=f"n{number}") for dummy in range(3)]
            assert sorted(run.result()["changed"] for run in runs) == [False, False, True]
    assert len(namespaces(host)) == 8


def test_iproute2_makes_the_same_one_at_once(host: Host) -> None:
    # Those of the machine, which are out of reach here.
    others = mounted(host)
    host.sh("mkdir /run/netns")
    for number in range(25):
        with process(host, "sh", "-c", f"ip netns add n{number} 2>/dev/null") as theirs:
            host.do("netns", name=f"n{number}")
            theirs.wait()
    assert len(namespaces(host)) == 25
    assert mounted(host) - others == Counter(f"/run/netns/n{number}" for number in range(25)), "mounted twice"


def test_iproute2_deletes_the_same_one_at_once(host: Host) -> None:
    for number in range(10):
        host.sh(f"ip netns add n{number}")
        with process(host, "sh", "-c", f"ip netns delete n{number} 2>/dev/null") as theirs:
            host.do("netns", name=f"n{number}", state="absent")
            theirs.wait()
    assert namespaces(host) == []


def test_namespaces_of_others_come_and_go_meanwhile(host: Host) -> None:
    host.sh("mkdir /run/netns; ip netns add ns1")
    loop = "while :; do for n in 1 2 3 4 5 6 7 8; do ip netns add t$n; ip netns delete t$n; done; done"
    with process(host, "sh", "-c", loop):
        for dummy in range(25):
            assert "there is no link nic in namespace ns1" in host.module("link", netns="ns1", name="nic")["msg"]


def test_deletion_waits_for_the_far_ends(host: Host) -> None:
    for dummy in range(5):
        cabled(host)
        host.do("netns", name="ns1", state="absent")
        assert host.link("p1") is None
        host.do("netns", name="ns1")
        host.do("veth", netns="ns1", name="eth0", peer={"name": "p1"})
        host.do("netns", name="ns1", state="absent")


def test_a_process_inside_keeps_it_and_is_named(host: Host, converge: Any) -> None:
    cabled(host)
    with process(host, "ip", "netns", "exec", "ns1", "sleep", "60") as user:
        assert until(lambda: "sleep" in host.sh(f"cat /proc/{user.pid}/comm"))
        before = host.picture()
        done = host.module("netns", name="ns1", state="absent", inside=impatient)
        assert done["failed"]
        assert f"sleep (process {user.pid}) still uses it" in done["msg"]
        assert "The host was put back as it was found." in done["msg"]
        assert host.picture() == before
        assert host.sh(f"stat -Lc %i /run/netns/ns1 /proc/{user.pid}/ns/net | uniq | wc -l") == "1\n"
    converge("netns", name="ns1", state="absent")


def test_another_name_keeps_it_and_is_told_at_once(host: Host, converge: Any) -> None:
    cabled(host)
    host.sh("touch '/run/netns/an alias'; mount --bind /run/netns/ns1 '/run/netns/an alias'")
    before = host.picture()
    done = host.module("netns", name="ns1", state="absent")
    assert "/run/netns/an alias is another name of it; take that away first" in done["msg"]
    assert "The host was put back as it was found." in done["msg"]
    assert host.picture() == before
    host.sh("ip netns delete 'an alias'")
    converge("netns", name="ns1", state="absent")


def test_an_open_descriptor_keeps_it_as_well(host: Host) -> None:
    cabled(host)
    with process(host, "sh", "-c", "exec 9</run/netns/ns1; exec sleep 60") as user:
        assert until(lambda: "sleep" in host.sh(f"cat /proc/{user.pid}/comm"))
        before = host.picture()
        done = host.module("netns", name="ns1", state="absent", inside=impatient)
        assert f"sleep (process {user.pid}) still uses it" in done["msg"]
        assert host.picture() == before


def test_a_process_that_ends_in_time_is_no_trouble(host: Host) -> None:
    cabled(host)
    with process(host, "ip", "netns", "exec", "ns1", "sleep", "0.5"):
        host.do("netns", name="ns1", state="absent")
    assert host.link("p1") is None


def test_a_process_inside_without_a_cable_does_not_matter(host: Host, converge: Any) -> None:
    host.sh("ip netns add ns1")
    with process(host, "ip", "netns", "exec", "ns1", "sleep", "60") as user:
        assert until(lambda: "sleep" in host.sh(f"cat /proc/{user.pid}/comm"))
        converge("netns", name="ns1", state="absent")
        assert namespaces(host) == []
        assert user.poll() is None


def test_what_cannot_be_made_says_why(host: Host, refused: Any) -> None:
    host.sh("mkdir /run/netns; mount -t tmpfs -o ro none /run/netns")
    message = refused("netns", name="ns1", checked=False)
    assert "cannot create namespace ns1 in the host: Read-only file system" in message
    assert "The host was put back as it was found." in message


@pytest.mark.parametrize("how", ["failed", "absent"])
def test_what_stood_on_the_far_end_of_a_cable_comes_back_with_the_namespace(host: Host, how: str) -> None:
    host.sh("ip netns add theirs; ip link add eth1 type veth peer name far netns theirs; ip -n theirs link set far up")
    host.sh(
        "ip link set eth1 up; ip address add 192.0.2.7/24 dev eth1; ip address add fd00:1::1/64 dev eth1 nodad;"
        "ip route add default via 192.0.2.1; ip -6 route add fd00:9::/64 via fd00:1::9;"
        "ip neighbor add 192.0.2.1 lladdr 02:00:00:00:00:01 dev eth1"
    )
    before = snapshot(host)
    config = {"netns": [{"name": "theirs", "state": "absent"}]}
    if how == "failed":
        failed = host.module("topology", name="lab", config=config, inside=after(1, refuse))
        assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
    else:
        assert not warnings(host.do("topology", name="lab", config=config))
        assert host.link("eth1") is None
        host.do("topology", name="lab", state="absent")
    assert snapshot(host) == before


# The kernel writes some of them through to others: in the order in which somebody set them.
SET_INSIDE = (
    "net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.far.forwarding=0 net.ipv6.conf.far.forwarding=0"
    " net.ipv4.conf.default.rp_filter=2 net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.lo.tag=9 net.ipv4.ip_default_ttl=33"
    " net.ipv4.ping_group_range='7 9' net.ipv6.conf.default.disable_ipv6=1 net.ipv4.neigh.far.mcast_solicit=9"
)


@pytest.mark.parametrize("how", ["failed", "absent", "purged"])
def test_what_is_set_of_a_namespace_comes_back_with_it(host: Host, how: str) -> None:
    host.sh("ip netns add theirs; ip link add eth1 type veth peer name far netns theirs; ip -n theirs link set far up")
    host.sh(f"ip netns exec theirs sysctl -qw {SET_INSIDE}; ip -n theirs address add 192.0.2.8/24 dev far")
    shown = "ip netns exec theirs sh -c 'cd /proc/sys/net; grep -rs . core ipv4 ipv6 | grep -v stable_secret | sort'"
    before, settings = snapshot(host), host.sh(shown)
    config = {"netns": [{"name": "theirs", "state": "absent"}]}
    if how == "failed":
        failed = host.module("topology", name="lab", config=config, inside=after(1, refuse))
        assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
    else:
        assert not warnings(host.do("topology", name="lab", config=config))
        host.do("topology", name="lab", **({"state": "absent"} if how == "absent" else {"config": {}}))
    assert host.sh(shown) == settings
    host.do("topology", name="lab", state="absent")
    assert snapshot(host) == before


@pytest.mark.parametrize("how", ["failed", "absent"])
def test_what_lo_has_beside_its_own_address_comes_back_with_a_namespace(host: Host, how: str) -> None:
    host.sh("ip netns add theirs; ip -n theirs link set lo up")
    host.sh("ip -n theirs address add 127.0.0.5/8 dev lo; ip -n theirs address add fd00::5/128 dev lo")
    before = snapshot(host)
    config = {"netns": [{"name": "theirs", "state": "absent"}]}
    if how == "failed":
        failed = host.module("topology", name="lab", config=config, inside=after(1, refuse))
        assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
    else:
        host.do("topology", name="lab", config=config)
        assert not warnings(host.do("topology", name="lab", state="absent"))
    assert snapshot(host) == before


def test_what_goes_with_a_namespace_and_does_not_come_back_is_told(host: Host) -> None:
    host.sh("ip netns add theirs; ip -n theirs link add vx type vxlan id 5 dstport 4789; ip -n theirs link set lo up")
    config = {"netns": [{"name": "theirs", "state": "absent"}]}
    told = host.do("topology", name="lab", config=config, check=True)
    said = "namespace theirs is deleted with what does not come back: device vx (a vxlan)"
    assert f"{said}'" in warnings(told)
    host.sh("ip -n theirs rule add from 10.0.0.1 table 7; ip -n theirs -6 rule add from fd00::1 table 7")
    host.sh("ip -n theirs nexthop add id 3 blackhole; tc -n theirs qdisc add dev vx root pfifo")
    host.sh("ip netns exec theirs nft add table bridge guard")
    told = host.do("topology", name="lab", config=config, check=True)
    rest = "the queueing discipline (pfifo) of vx, nexthop object 3, 2 policy rules, nft table bridge guard"
    assert f"{said}, {rest}'" in warnings(told)
