# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sandbox hosts: what they are, and that they leave no trace."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from host import Host, _libc, call, until

from ansible_collections.nsfabric.linux.plugins.module_utils._kernel import sandbox as kernel

ROOT = "/run/nsfabric/sandboxes"


def run(host: Host, *names: str, **options: Any) -> dict[str, Any]:
    done = host.module("sandbox", names=list(names), **options)
    assert not done.get("failed"), done.get("msg")
    return done


def way_in(name: str) -> str:
    return f"nsenter --net={ROOT}/{name}/net --mount={ROOT}/{name}/mnt"


def at(host: Host, name: str, command: str, check: bool = True) -> str:
    """Runs a shell command on a sandbox host."""
    return host.sh(f"{way_in(name)} sh -ec {shlex.quote(command)}", check=check)


def pings(host: Host, name: str, target: str) -> bool:
    """Whether a target answers the first ping."""
    return "1 received" in at(host, name, f"ping -n -c1 -W2 {target} || true")


def trace(host: Host) -> str:
    """Everything that a sandbox host might leave behind."""
    mounts = [line.split(" ", 3)[3] for line in host.sh("cat /proc/self/mountinfo").splitlines()]
    settings = host.sh("sysctl -a --pattern '^net.ipv[46].(conf|ip_forward)' 2>&1")
    # mount(8) leaves /run/mount behind.
    rest = host.sh("find /run -not -path '/run/mount*'; ip address; ip route; nft list ruleset")
    return "\n".join([rest, *mounts, settings])


def entering(name: str) -> Callable[[], None]:
    """Takes a module into a sandbox host."""

    def enter() -> None:
        for descriptor in [os.open(f"{ROOT}/{name}/{kind}", os.O_RDONLY) for kind in ("net", "mnt")]:
            call(_libc.setns(descriptor, 0))
            os.close(descriptor)

    return enter


@contextmanager
def living(host: Host, command: str, comm: str) -> Iterator[str]:
    """A process on a host that runs until the end of the block: its number, once it is that program."""
    process = subprocess.Popen(["nsenter", "-t", str(host.pid), "-n", "-m", "sh", "-c", f"exec {command}"])
    try:
        assert until(lambda: Path(f"/proc/{process.pid}/comm").read_text().strip() == comm)
        yield str(process.pid)
    finally:
        process.kill()
        process.wait()


def test_hosts_reach_each_other_and_the_outside(host: Host, converge: Any) -> None:
    done = converge("sandbox", names=["h1", "h2", "h3"])
    assert done["sandboxes"][1] == {
        "name": "h2",
        "address": "10.211.55.11",
        "address6": "fd00:10:211:55::b",
        "net": f"{ROOT}/h2/net",
        "mnt": f"{ROOT}/h2/mnt",
    }
    assert done["lan"] == {
        "subnet": "10.211.55.0/24",
        "subnet6": "fd00:10:211:55::/64",
        "gateway": "10.211.55.1",
        "gateway6": "fd00:10:211:55::1",
    }
    for target in ("10.211.55.12", "fd00:10:211:55::c", "10.211.55.1", "8.8.8.8", "2001:4860:4860::8888"):
        assert pings(host, "h1", target), target
    assert pings(host, "outside", "10.211.55.10")
    assert "Unreachable" in at(host, "h1", "ping -n -c1 -W2 1.1.1.1", check=False), "there is a way out of the machine"
    converge("sandbox", names=["h1", "h2", "h3"], state="absent")


def test_nothing_is_left(host: Host) -> None:
    before = trace(host)
    run(host, "h1", "h2")
    # The far end of this cable is in a namespace that only h1 knows: it is there as long as that namespace is.
    at(host, "h1", "ip netns add ns1; ip -n ns1 link set lo up")
    host.sh("ip link add probe type veth peer name far")
    host.sh(f"ip link set far netns {ROOT}/h1/net")
    at(host, "h1", "ip link set far netns ns1")
    done = run(host, "h1", "h2", state="absent")
    assert (done["sandboxes"], done["lan"]) == ([], None)
    assert until(lambda: host.link("probe") is None), "a namespace inside h1 lives on"
    assert trace(host) == before


def test_the_machine_s_own_network_is_not_touched(host: Host) -> None:
    def network() -> str:
        return host.sh("ip -d address; ip rule; ip route show table all; ip neighbour; sysctl -a 2>&1")

    def stable() -> list[str]:
        changing = ("random", "fs.", "kernel.", "vm.", "net.netfilter", "dev.", "nf_conntrack")
        return [line for line in network().splitlines() if not any(word in line for word in changing)]

    before = stable()
    run(host, "h1")
    assert stable() == before


def test_a_host_has_its_own_namespaces_devices_and_records(host: Host) -> None:
    run(host, "h1", "h2")
    assert at(host, "h1", "ls /sys/class/net").split() == ["eth0", "lo"]
    at(host, "h1", "ip netns add ns1; ip netns exec ns1 true")
    assert [at(host, name, "ip netns; ls -A /run/nsfabric") for name in ("h2", "outside")] == ["", ""]
    assert host.sh("ip netns") == ""
    done = host.module("netns", name="ns2", inside=entering("h1"))
    assert done["changed"] is True, done
    assert at(host, "h1", "ls /run/netns").split() == ["ns1", "ns2"]


def test_what_is_changed_inside_is_left_alone(host: Host) -> None:
    run(host, "h1")
    at(host, "h1", "sysctl -qw net.ipv4.ip_forward=1; ip address add 10.9.9.9/24 dev eth0; ip route delete default")
    assert run(host, "h1")["changed"] is False
    at(host, "h1", "ip netns add ns1; ip link set eth0 netns ns1")
    assert run(host, "h1", "h2")["changed"] is True
    assert run(host, "h1", "h2")["changed"] is False


def test_a_cut_cable_is_made_again(host: Host, converge: Any) -> None:
    run(host, "h1", "h2")
    at(host, "h1", "ip link delete eth0")
    assert run(host, "h2")["changed"] is False
    converge("sandbox", names=["h1", "h2"])
    assert pings(host, "h1", "10.211.55.11")
    assert pings(host, "h1", "2001:4860:4860::8888")


@pytest.mark.parametrize("pin", ["net", "mnt"])
def test_a_lost_pin(host: Host, pin: str) -> None:
    before = trace(host)
    run(host, "h1", "h2")
    host.sh(f"umount -l {ROOT}/h1/{pin}")
    assert run(host, "h1")["changed"] is True
    assert run(host, "h1", "h2")["changed"] is False
    assert pings(host, "h1", "10.211.55.11")
    run(host, "h1", "h2", state="absent")
    assert trace(host) == before


def test_pins_that_a_restart_made_plain_files(host: Host) -> None:
    before = trace(host)
    run(host, "h1", "h2")
    host.sh(f"cp {ROOT}/.record.json /run/kept; umount -l {ROOT}; mv /run/kept {ROOT}/.record.json")
    assert host.sh(f"wc -c <{ROOT}/h1/net") == "0\n"
    run(host, "h1", subnet="10.7.0.0/24")
    assert run(host, "h1")["lan"]["subnet"] == "10.7.0.0/24"
    assert pings(host, "h1", "8.8.8.8")
    run(host, "h1", state="absent")
    assert trace(host) == before


def test_other_subnets(host: Host) -> None:
    run(host, "h1", subnet="192.168.7.0/24", subnet6="")
    assert "inet6 fd" not in at(host, "h1", "ip address")
    assert pings(host, "h1", "192.168.7.1")
    refused = host.module("sandbox", names=["h2"], subnet="10.0.0.0/24")
    assert refused["msg"] == "subnet: the LAN is 192.168.7.0/24; remove its sandbox hosts first: h1"
    assert run(host, "h2")["sandboxes"][0]["address6"] is None


def test_wrong_names(host: Host) -> None:
    refused = host.module("sandbox", names=["a/b", "outside", "ok"])
    assert [problem["path"] for problem in refused["problems"]] == ["names[0]", "names[1]"]
    assert host.sh("ls -A /run") == ""


@pytest.fixture
def one_processor() -> Iterator[None]:
    """Where mount namespaces are numbered in order: unshare(1) does not know what to do about Linux 6.18 otherwise."""
    all_of_them = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(all_of_them)})
    yield
    os.sched_setaffinity(0, all_of_them)


def test_the_commands_of_the_steps_do_the_same(one_processor: None, host: Host) -> None:
    before = trace(host)
    commands = [step["command"] for step in run(host, "h1", "h2", check=True)["steps"]]
    host.sh("set -e\n" + "\n".join(commands))
    assert pings(host, "h1", "10.211.55.11")
    assert pings(host, "h2", "2001:4860:4860::8888")
    assert at(host, "h1", "ls -A /sys/class/net /run/netns /run/nsfabric").split() == [
        "/run/netns:",
        "/run/nsfabric:",
        "/sys/class/net:",
        "eth0",
        "lo",
    ]
    run(host, "h1", "h2")
    commands = [step["command"] for step in run(host, "h1", "h2", state="absent", check=True)["steps"]]
    host.sh("set -e\n" + "\n".join(commands) + "\nrmdir /run/nsfabric; rmdir /run/netns || true")
    assert trace(host) == before


def test_a_sandbox_host_inside_a_sandbox_host(host: Host) -> None:
    before = trace(host)
    run(host, "h1")
    inner = run(host, "x", "y", inside=entering("h1"))
    assert [each["address"] for each in inner["sandboxes"]] == ["10.211.55.10", "10.211.55.11"]
    assert "1 received" in at(host, "h1", f"{way_in('x')} ping -n -c1 -W2 10.211.55.11")
    assert "1 received" in at(host, "h1", f"{way_in('x')} ping -n -c1 -W2 8.8.8.8")
    assert run(host, "x", inside=entering("h1"))["changed"] is False
    with living(host, f"{way_in('h1')} {way_in('x')} sleep 60", "sleep") as pid:
        refused = host.module("sandbox", names=["h1"], state="absent")
        assert f"in h1 there still runs sleep (process {pid})" in refused["msg"]
    run(host, "h1", state="absent")
    assert trace(host) == before


@pytest.mark.parametrize("inside", ["", "ip netns exec ns1 "])
@pytest.mark.parametrize("check", [True, False])
def test_a_host_that_a_process_lives_in_is_not_removed(host: Host, inside: str, check: bool) -> None:
    run(host, "h1", "h2")
    at(host, "h1", "ip netns add ns1")
    before = trace(host)
    with living(host, f"{way_in('h1')} {inside}sleep 60", "sleep") as pid:
        refused = host.module("sandbox", names=["h1", "h2"], state="absent", check=check)
        assert refused["failed"]
        assert f"remove sandbox host h1 in the host: in h1 there still runs sleep (process {pid});" in refused["msg"]
        assert trace(host) == before
        assert pings(host, "h2", "10.211.55.10")
    run(host, "h1", "h2", state="absent")


def test_a_host_that_is_held_open(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    before = trace(host)
    run(host, "h1")
    monkeypatch.setattr(kernel, "VANISH_SECONDS", 0.3)
    with living(host, f"sleep 60 3<{ROOT}/h1/net", "sleep"):
        refused = host.module("sandbox", names=["h1"], state="absent")
        assert "its pins are gone, but port10 on the LAN is still there; a process holds it open" in refused["msg"]
    run(host, "h1", state="absent")
    assert trace(host) == before


def test_a_mount_namespace_made_later_holds_nothing(host: Host) -> None:
    before = trace(host)
    run(host, "h1", "h2")
    with living(host, "unshare --mount --propagation slave sleep 60", "sleep") as pid:
        assert f"{ROOT}/h1/net" in Path(f"/proc/{pid}/mountinfo").read_text()
        run(host, "h1", state="absent")
        run(host, "h2", state="absent")
        assert trace(host) == before


def test_a_machine_whose_mounts_are_shared(host: Host) -> None:
    """As systemd makes them: what a sandbox host mounts must not come out, nor a service hold a sandbox host."""
    host.sh("mount --make-rshared /")
    before = trace(host)
    with living(host, "unshare --mount --propagation slave sleep 60", "sleep"):
        run(host, "h1", "h2")
        host.sh("ip netns add ns1")
        at(host, "h1", "ip netns add ns2")
        assert (host.sh("ip netns").split(), at(host, "h1", "ip netns").split()) == (["ns1"], ["ns2"])
        host.sh("ip netns delete ns1; umount /run/netns")
        with living(host, "unshare --mount --propagation slave sleep 61", "sleep"):
            run(host, "h1", "h2", state="absent")
    assert trace(host) == before


def test_a_host_does_not_hold_the_machine_s_namespaces(host: Host) -> None:
    host.sh("ip netns add ns1; ip link add near type veth peer name far netns ns1")
    run(host, "h1")
    assert run(host, "h1")["changed"] is False
    assert at(host, "h1", "ip netns; grep -c nsfs /proc/self/mountinfo || true").split() == ["0"]
    host.sh("ip netns delete ns1")
    assert until(lambda: host.link("near") is None), "ns1 lives on in h1"


def test_a_hundred_hosts(host: Host) -> None:
    names = [f"h{number}" for number in range(100)]
    made = run(host, *names)["sandboxes"]
    assert (made[0]["address"], made[99]["address"]) == ("10.211.55.10", "10.211.55.109")
    assert pings(host, "h0", made[99]["address"])
    assert pings(host, "h99", made[0]["address6"])
    assert run(host, *names)["changed"] is False
    run(host, *names, state="absent")
    assert host.sh("ls -A /run") == ""
