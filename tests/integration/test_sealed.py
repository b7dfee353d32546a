# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A topology's own namespaces go without a look into them; what a failure brings back then."""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest
from host import Host, until
from snapshot import snapshot
from test_netns import impatient, process
from test_topology import STAR, apply
from test_transaction import after, plan_of, refuse

from ansible_collections.nsfabric.linux.plugins.module_utils._kernel import netns as kernel
from ansible_collections.nsfabric.linux.plugins.module_utils._kernel import session

REBUILT = "Namespaces that had gone already were built again as they are declared. "
RESTORED = "The host was put back as it was found."
BY_HAND = "ip -n ns1 route add 203.0.113.0/24 via 10.1.0.2; ip -n ns2 address add 192.0.2.1/24 dev veth2"


def opened(tell: int) -> Callable[[], None]:
    """Lets a module tell of every netlink socket that it opens."""
    real = session.netlink.Route

    def route() -> Any:
        os.write(tell, b".")
        return real()

    def inside() -> None:
        session.netlink.Route = route  # type: ignore[assignment,misc]

    return inside


def sockets(host: Host, **options: Any) -> int:
    """How many netlink sockets a run opens."""
    read, tell = os.pipe()
    done = host.module("topology", name="lab", inside=opened(tell), **options)
    assert not done.get("failed"), done["msg"]
    os.close(tell)
    with os.fdopen(read, "rb") as stream:
        return len(stream.read())


def namespaces(host: Host) -> str:
    return host.sh("stat -Lc '%n %i' /run/netns/*")


def test_no_socket_is_opened_inside(host: Host) -> None:
    before = snapshot(host)
    apply(host, STAR)
    # One on the host, one where a new namespace is tried.
    assert sockets(host, state="absent") == 2
    assert snapshot(host) == before


@pytest.mark.parametrize("meanwhile", ["ip netns delete ns2; ip netns add ns2", ""])
@pytest.mark.parametrize("found", ["ip netns add ns1", ""])
def test_what_was_found_or_replaced_is_looked_into(host: Host, found: str, meanwhile: str) -> None:
    host.sh(found)
    before = snapshot(host)
    apply(host, STAR)
    host.sh(meanwhile)
    assert (sockets(host, state="absent") > 2) == bool(found or meanwhile)
    host.sh("ip netns delete ns2" if meanwhile else "")
    assert snapshot(host) == before


def test_what_another_topology_declares_is_looked_into(host: Host) -> None:
    apply(host, STAR)
    alone = snapshot(host)
    apply(host, {"netns": [{"name": "ns2"}]}, name="other")
    assert sockets(host, state="absent") > 2
    assert "ns2" in namespaces(host)
    host.module("topology", name="other", state="absent")
    assert "ns2" in alone
    assert host.sh("ip netns list; ls /run/nsfabric || true") == ""


def test_before_they_go_nothing_in_them_changes(host: Host) -> None:
    apply(host, STAR)
    host.sh(BY_HAND)
    before, numbers = snapshot(host), namespaces(host)
    first = next(
        number
        for number, step in enumerate(host.module("topology", check=True, name="lab", state="absent")["steps"])
        if step["what"].startswith("delete namespace")
    )
    for steps in range(first + 1):
        failed = host.module("topology", name="lab", state="absent", inside=after(steps, refuse))
        assert failed["msg"].endswith(RESTORED)
        assert REBUILT not in failed["msg"]
        assert (snapshot(host), namespaces(host)) == (before, numbers), f"failed after {steps} steps"


def test_what_stands_beside_them_is_looked_into(host: Host) -> None:
    """A device of the topology on the host, with a setting that does not start like this."""
    setting = {"name": "net/ipv6/conf/a/forwarding", "value": 1 - int(host.sysctl("net/ipv6/conf/default/forwarding"))}
    beside = {"veth": [{"name": "a", "peer": {"name": "b"}}], "netns_sysctl": [setting]}
    apply(host, {**beside, "netns": [{"name": "ns1"}]})
    before = snapshot(host)
    for steps in range(plan_of(host, state="absent") + 1):
        failed = host.module("topology", name="lab", state="absent", inside=after(steps, refuse))
        assert failed["msg"].endswith(RESTORED)
        assert snapshot(host) == before, f"failed after {steps} steps"


def test_a_fast_path_between_their_cables_comes_back(host: Host) -> None:
    """Which makes known where a cable of the host leads, although nobody looked there."""
    cables = [{"name": f"a{n}", "peer": {"netns": "ns1", "name": f"b{n}"}} for n in (1, 2)]
    path = {"name": "pods", "ends": [{"device": "a1"}, {"device": "a2"}]}
    apply(host, {"netns": [{"name": "ns1"}], "veth": cables, "fastpath": [path]})
    before = snapshot(host)
    for steps in range(plan_of(host, state="absent") + 1):
        failed = host.module("topology", name="lab", state="absent", inside=after(steps, refuse))
        assert failed["msg"].endswith(RESTORED), failed["msg"]
        assert snapshot(host) == before, f"failed after {steps} steps"


def test_afterwards_they_are_built_again_and_known(host: Host) -> None:
    bare = snapshot(host)
    apply(host, STAR)
    before = snapshot(host)
    host.sh(BY_HAND)
    failed = host.module("topology", name="lab", state="absent", inside=after(plan_of(host, state="absent"), refuse))
    assert failed["msg"].endswith(REBUILT + RESTORED)
    assert snapshot(host) == before
    assert not apply(host, STAR)["changed"]
    assert sockets(host, state="absent") == 2
    assert snapshot(host) == bare


def test_what_was_declared_of_the_hosts_ends_comes_back_too(host: Host) -> None:
    config = {
        **STAR,
        "netns_sysctl": [{"name": "net.ipv4.conf.br-veth1.forwarding", "value": 1}],
        "netns_neighbor": [{"device": "br-veth1", "address": "10.9.0.1", "mac": "02:00:00:00:00:01"}],
    }
    apply(host, config)
    before = snapshot(host)
    steps = plan_of(host, state="absent")
    failed = host.module("topology", name="lab", state="absent", inside=after(steps, refuse))
    assert failed["msg"].endswith(REBUILT + RESTORED)
    assert snapshot(host) == before


HOLDERS = {
    "a process inside": ("ip", "netns", "exec", "ns1", "sleep", "60"),
    "an open descriptor": ("sh", "-c", "exec 9</run/netns/ns1; exec sleep 60"),
}


@pytest.mark.parametrize("command", HOLDERS.values(), ids=HOLDERS)
def test_one_that_is_in_use_keeps_them_all(host: Host, command: tuple[str, ...]) -> None:
    apply(host, STAR)
    host.sh(BY_HAND)
    before, numbers = snapshot(host), namespaces(host)
    with process(host, *command) as user:
        assert until(lambda: "sleep" in host.sh(f"cat /proc/{user.pid}/comm"))
        failed = host.module("topology", name="lab", state="absent", inside=impatient)
        assert f"sleep (process {user.pid}) still uses it" in failed["msg"]
        assert REBUILT not in failed["msg"]
        assert failed["msg"].endswith(RESTORED)
        assert (snapshot(host), namespaces(host)) == (before, numbers)
    gone = host.module("topology", name="lab", state="absent")
    assert not gone.get("failed"), gone["msg"]


def test_a_bridge_stays_up_while_one_is_in_use(host: Host) -> None:
    """It is taken down before its ports go, but not before they can go."""
    apply(host, STAR)
    with process(host, *HOLDERS["a process inside"]) as user:
        assert until(lambda: "sleep" in host.sh(f"cat /proc/{user.pid}/comm"))
        with process(host, "sh", "-c", "exec ip monitor link >/run/said") as monitor:
            assert until(lambda: re.search(rf" {monitor.pid} +(?!00000000)", host.sh("cat /proc/net/netlink")))
            failed = host.module("topology", name="lab", state="absent", inside=impatient)
            assert failed["msg"].endswith(RESTORED)
            host.sh("ip link set br0 promisc on")
            assert until(lambda: "PROMISC" in host.sh("cat /run/said"))
            said = re.findall(r": br0: <([A-Z,_-]+)>", host.sh("cat /run/said"))
    assert said
    assert all("UP" in flags.split(",") for flags in said)


def test_a_signal_ends_the_wait_for_who_uses_one(host: Host) -> None:
    apply(host, STAR)
    host.sh(BY_HAND)
    before, numbers = snapshot(host), namespaces(host)
    looked = kernel.users.of

    def inside() -> None:
        kernel.users.of = lambda wanted: (os.kill(os.getpid(), signal.SIGTERM), looked(wanted))[1]

    with process(host, *HOLDERS["a process inside"]) as user:
        assert until(lambda: "sleep" in host.sh(f"cat /proc/{user.pid}/comm"))
        failed = host.module("topology", name="lab", state="absent", inside=inside)
    assert failed["msg"] == f"interrupted by SIGTERM. {RESTORED}"
    assert (snapshot(host), namespaces(host)) == (before, numbers)


def test_one_that_cannot_be_unmounted_keeps_them_all(host: Host) -> None:
    apply(host, STAR)
    host.sh(BY_HAND)
    before, numbers = snapshot(host), namespaces(host)
    unmount = kernel.unmount

    def all_but_ns2(target: str) -> None:
        if target.endswith("ns2"):
            raise PermissionError(errno.EPERM, "no")
        unmount(target)

    failed = host.module("topology", name="lab", state="absent", inside=lambda: setattr(kernel, "unmount", all_but_ns2))
    assert failed["msg"] == f"cannot delete namespace ns2 in the host: no. {RESTORED}"
    assert (snapshot(host), namespaces(host)) == (before, numbers)


def test_when_they_are_gone_a_signal_is_too_late(host: Host) -> None:
    before = snapshot(host)
    apply(host, STAR)
    wait = kernel.Going.wait

    def waiting(going: kernel.Going) -> None:
        if going._leaving:
            os.kill(os.getpid(), signal.SIGTERM)
        wait(going)

    gone = host.module("topology", name="lab", state="absent", inside=lambda: setattr(kernel.Going, "wait", waiting))
    assert gone["changed"], gone["msg"]
    assert snapshot(host) == before


HOLD_A_SOCKET = """
import ctypes, os, socket
libc, here = ctypes.CDLL(None), os.open("/proc/self/ns/net", os.O_RDONLY)
inside = os.open("/run/netns/ns1", os.O_RDONLY)
assert libc.setns(inside, 0) == 0
held = socket.socket()
held.set_inheritable(True)
assert libc.setns(here, 0) == 0
os.close(inside)
os.execvp("sleep", ("sleep", "60"))
"""


def test_a_socket_that_nobody_can_see_does_not_hold_the_cable(host: Host) -> None:
    before = snapshot(host)
    apply(host, STAR)
    with process(host, sys.executable, "-c", HOLD_A_SOCKET) as user:
        assert until(lambda: "sleep" in host.sh(f"cat /proc/{user.pid}/comm"))
        gone = host.module("topology", name="lab", state="absent", inside=impatient)
        assert gone["changed"], gone["msg"]
        assert snapshot(host) == before


def test_a_cable_that_somebody_has_led_into_one_goes_with_it(host: Host) -> None:
    apply(host, STAR)
    host.sh("ip link add theirs type veth peer name inside netns ns1")
    gone = host.module("topology", name="lab", state="absent")
    assert "theirs" not in host.sh("ip -o link"), gone
