# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All or nothing: runs that are killed, interrupted or refused half-way, and runs at the same time."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest
from host import Host, warnings
from snapshot import snapshot
from test_topology import STAR, apply

from ansible_collections.nsfabric.linux.plugins.module_utils import _lock, _transaction
from ansible_collections.nsfabric.linux.plugins.module_utils._errors import KernelError
from ansible_collections.nsfabric.linux.plugins.module_utils._kernel import netns
from ansible_collections.nsfabric.linux.plugins.module_utils._model.netns import DeleteNetns

real_apply = _transaction.apply


def after(steps: int, what: Callable[[], object]) -> Callable[[], object]:
    """Makes a module do something after so many steps.

    Namespaces go together, or none of them: only who is killed leaves some.
    """

    def at_once(step: Any) -> Any:
        return "namespaces" if isinstance(step.action, DeleteNetns) and what is not kill else step

    def step_by_step(session: Any, plan: Any) -> None:
        done = 0
        for dummy, group in groupby(plan, key=at_once):
            batch = list(group)
            if done <= steps < done + len(batch):
                _transaction.apply = real_apply
                what()
            real_apply(session, batch)
            done += len(batch)
        if done == steps:
            _transaction.apply = real_apply
            what()

    def inside() -> None:
        _transaction.apply = step_by_step

    return inside


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def plan_of(host: Host, **options: Any) -> int:
    return len(host.module("topology", check=True, name="lab", **options)["steps"])


def fail_after_each_step(host: Host, config: dict[str, Any], shown: Callable[[Host], Any]) -> None:
    """Lets a run fail after each of its steps; what is shown of the host stays the same, and the error says so."""
    before = shown(host)
    for steps in range(plan_of(host, config=config) + 1):
        failed = host.module("topology", name="lab", config=config, inside=after(steps, refuse))
        assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
        assert shown(host) == before, f"failed after {steps} steps"


def test_killed_after_any_step_of_the_way_up(host: Host) -> None:
    before = snapshot(host)
    for steps in range(plan_of(host, config=STAR) + 1):
        assert host.module("topology", name="lab", config=STAR, inside=after(steps, kill)) == {}
        apply(host, STAR)
        assert not apply(host, STAR)["changed"]
        taken_down = host.module("topology", name="lab", state="absent")
        assert not taken_down.get("failed"), (steps, taken_down["msg"])
        assert snapshot(host) == before, f"killed after {steps} steps"


def test_killed_after_any_step_and_then_taken_down(host: Host) -> None:
    before = snapshot(host)
    for steps in range(plan_of(host, config=STAR) + 1):
        host.module("topology", name="lab", config=STAR, inside=after(steps, kill))
        taken_down = host.module("topology", name="lab", state="absent")
        assert not taken_down.get("failed"), (steps, taken_down["msg"])
        assert snapshot(host) == before, f"killed after {steps} steps"


def test_killed_after_any_step_of_the_way_down(host: Host) -> None:
    before = snapshot(host)
    apply(host, STAR)
    for steps in range(plan_of(host, state="absent") + 1):
        apply(host, STAR)
        assert host.module("topology", name="lab", state="absent", inside=after(steps, kill)) == {}
        taken_down = host.module("topology", name="lab", state="absent")
        assert not taken_down.get("failed"), (steps, taken_down["msg"])
        assert snapshot(host) == before, f"killed after {steps} steps"


def test_killed_while_it_purges_and_then_run_without(host: Host) -> None:
    """What the killed run was about to put back is not forgotten by one that puts nothing back."""
    host.sh("ip link add eth9 type bridge; ip link set eth9 up; ip address add 192.0.2.1/24 dev eth9")
    host.sh("ip route add default via 192.0.2.9")
    before, stop = snapshot(host), 0
    default = {"netns_route": [{"destination": "default", "gateway": "192.0.2.8"}]}
    another = {"netns_neighbor": [{"device": "eth9", "address": "192.0.2.7", "mac": "02:00:00:00:00:07"}]}
    apply(host, default)
    while host.module("topology", name="lab", config=another, inside=after(stop, kill)) == {}:
        apply(host, another, purge=False)
        host.do("topology", name="lab", state="absent")
        assert snapshot(host) == before, f"killed after {stop} steps"
        apply(host, default)
        stop += 1
    assert stop > 1


def test_killed_while_a_cable_moves_and_then_taken_down(host: Host) -> None:
    before = snapshot(host)
    here = {"veth": [{"name": "veth1", "addresses": ["10.5.0.1/24"], "peer": {"name": "veth2"}}]}
    there = {
        "netns": [{"name": "ns1"}],
        "veth": [{"netns": "ns1", "name": "veth1", "peer": {"netns": "ns1", "name": "veth2"}}],
    }
    apply(host, here)
    for steps in range(plan_of(host, config=there) + 1):
        apply(host, here)
        assert host.module("topology", name="lab", config=there, inside=after(steps, kill)) == {}
        taken_down = host.module("topology", name="lab", state="absent")
        assert not taken_down.get("failed"), (steps, taken_down["msg"])
        assert snapshot(host) == before, f"killed after {steps} steps"


def refuse() -> None:
    raise KernelError("go on", "", "told to fail", "try again")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_half_way_puts_the_host_back(host: Host, number: signal.Signals) -> None:
    before = snapshot(host)
    failed = host.module("topology", name="lab", config=STAR, inside=after(9, lambda: os.kill(os.getpid(), number)))
    assert failed["msg"] == f"interrupted by {number.name}. The host was put back as it was found."
    assert snapshot(host) == before


def test_a_failure_after_any_step_puts_the_host_back(host: Host) -> None:
    before = snapshot(host)
    for steps in range(plan_of(host, config=STAR) + 1):
        failed = host.module("topology", name="lab", config=STAR, inside=after(steps, refuse))
        assert failed["msg"] == (
            "cannot go on in the host: told to fail; try again. The host was put back as it was found."
        )
        assert snapshot(host) == before, f"failed after {steps} steps"


def test_a_failure_on_the_way_down_keeps_the_topology(host: Host) -> None:
    apply(host, STAR)
    before = snapshot(host)
    for steps in range(plan_of(host, state="absent") + 1):
        failed = host.module("topology", name="lab", state="absent", inside=after(steps, refuse))
        assert failed["msg"].endswith("The host was put back as it was found."), (steps, failed["msg"])
        assert snapshot(host) == before, f"failed after {steps} steps"
    assert not apply(host, STAR)["changed"]


def test_a_failure_on_the_way_down_and_then_down(host: Host) -> None:
    before = snapshot(host)
    apply(host, STAR)
    for steps in range(plan_of(host, state="absent") + 1):
        apply(host, STAR)
        host.module("topology", name="lab", state="absent", inside=after(steps, refuse))
        taken_down = host.module("topology", name="lab", state="absent")
        assert not taken_down.get("failed"), (steps, taken_down["msg"])
        assert snapshot(host) == before, f"failed after {steps} steps"


@pytest.mark.parametrize("goes", ["all", "some"])
def test_rules_come_back_in_their_order(host: Host, goes: str) -> None:
    """nftables transactions are whole, but a step after one may fail, and purge takes rules from between others."""
    sources = [f"10.{number}.0.0/16" for number in range(4)]
    rules: dict[str, Any] = {kind: [{"source": each} for each in sources] for kind in ("masquerade", "forward_accept")}
    rules["forward_accept"][1]["replies"] = True
    apply(host, {**rules, "bridge": [{"name": "br0"}]})
    before = snapshot(host)
    fewer = {"config": {kind: entries[::2] for kind, entries in rules.items()}}
    wanted: dict[str, Any] = fewer if goes == "some" else {"state": "absent"}
    for steps in range(plan_of(host, **wanted) + 1):
        failed = host.module("topology", name="lab", inside=after(steps, refuse), **wanted)
        assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
        assert snapshot(host) == before, f"failed after {steps} steps"


def test_a_run_waits_for_another_and_names_it(host: Host) -> None:
    held, tell = os.pipe()
    holder = os.fork()
    if holder == 0:
        host._enter()
        with _lock.lock("topology other"):
            os.write(tell, b"x")
            signal.pause()
    os.read(held, 1)

    def impatient() -> None:
        _lock.lock.__wrapped__.__defaults__ = (0.1,)

    busy = host.module("topology", name="lab", config=STAR, inside=impatient)
    assert busy["msg"] == (
        f"process {holder} (topology other) has been changing this host's network for 0.1 seconds; try again later"
    )
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    apply(host, STAR)


def test_many_runs_at_once_come_one_after_the_other(host: Host) -> None:
    config = {"netns": [{"name": "ns1"}], "bridge": [{"name": "br0"}]}
    children = []
    for number in range(6):
        pid = os.fork()
        if pid == 0:
            done = host.module("topology", name=f"t{number % 2}", config=config)
            os._exit(int(bool(done.get("failed"))))
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 6
    assert not apply(host, config, name="t0")["changed"]


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        ("truncate -s 100", "it is damaged"),
        ("sh -c 'echo null > $0'", "it is damaged"),
        ("sh -c 'echo {} > $0'", "it is damaged"),
        ("sh -c 'printf \"\\377\\376\" > $0'", "it is damaged"),
        ('sed -i \'s/"config": {/"config": null, "more": {/\'', "it is damaged"),
        ('sed -i \'s/"netns"/"frob"/g\'', "it is damaged"),
        ("sed -i 's/ns1/ns3/g'", "it is damaged"),
        ('sed -i \'s/"version": 1/"version": 99/\'', "it is of version 99, and this release reads version 1"),
    ],
)
def test_a_ledger_that_cannot_be_read_is_told_and_nothing_changes(host: Host, spoil: str, wrong: str) -> None:
    apply(host, STAR)
    host.sh(f"{spoil} /run/nsfabric/topologies/lab.json")
    before = snapshot(host)
    for options in ({"config": {}}, {"state": "absent"}):
        failed = host.module("topology", name="lab", **options)
        assert failed["msg"] == (
            f"cannot read the ledger of topology lab in the host: {wrong}; what it had made is not known then; "
            "to go on without it: rm /run/nsfabric/topologies/lab.json"
        )
        assert snapshot(host) == before


def test_a_ledger_that_is_a_directory_is_told_and_nothing_changes(host: Host) -> None:
    path = "/run/nsfabric/topologies/lab.json"
    host.sh(f"mkdir -p {path}")
    before = snapshot(host)
    for check in (True, False):
        assert host.module("topology", name="lab", config=STAR, check=check)["msg"] == (
            f"cannot read the ledger of topology lab in the host: {path} is a directory, and a regular file is right; "
            f"what it had made is not known then; to go on without it: rm -r {path}"
        )
    assert snapshot(host) == before
    host.sh(f"rm -r {path}")
    apply(host, STAR)


def test_a_ledger_that_cannot_be_written_stops_the_run_before_anything_changes(host: Host) -> None:
    host.sh("mkdir /run/nsfabric; mount -t tmpfs -o size=4k tmpfs /run/nsfabric")
    failed = host.module("topology", name="lab", config=STAR)
    assert failed["msg"] == (
        "cannot write the ledger /run/nsfabric/topologies/lab.json in the host: No space left on device; "
        "make room for it, and run again. The host was put back as it was found."
    )
    assert "ns1" not in host.sh("ip netns list")
    host.sh("mount -o remount,size=1m /run/nsfabric")
    assert apply(host, STAR)["changed"]
    built = snapshot(host)
    host.sh("head -c 2M /dev/zero > /run/nsfabric/full || true")
    failed = host.module("topology", name="lab", state="absent")
    assert failed["msg"].endswith("The host was put back as it was found."), failed["msg"]
    host.sh("rm /run/nsfabric/full")
    assert snapshot(host) == built


def test_a_ledger_that_cannot_be_written_in_the_end_is_told_and_finished_by_the_next_run(host: Host) -> None:
    """There is room for the one that is written first, and none for another beside it."""
    before = snapshot(host)
    config = {"veth": [{"name": "v0", "peer": {"name": "v1"}}]}
    host.sh("mkdir -p /run/nsfabric/topologies; mount -t tmpfs -o size=4k tmpfs /run/nsfabric/topologies")
    path = "/run/nsfabric/topologies/lab.json"
    for dummy in range(2):
        assert host.module("topology", name="lab", config=config)["msg"] == (
            f"cannot write the ledger {path} in the host: No space left on device; topology lab stands as it is "
            "declared, but is not noted to be complete; make room for it, and run again"
        )
        assert host.link("v0") is not None
        assert host.json(f"cat {path}")["complete"] is False
    host.sh("mount -o remount,size=1m /run/nsfabric/topologies")
    assert not apply(host, config)["changed"]
    assert host.json(f"cat {path}")["complete"] is True
    host.do("topology", name="lab", state="absent")
    host.sh("umount /run/nsfabric/topologies; rm -r /run/nsfabric")
    assert snapshot(host) == before


def test_without_a_place_for_the_lock_nothing_is_done(host: Host) -> None:
    host.sh("mount -o remount,ro /run")
    for module, options in (("topology", {"name": "lab", "config": STAR}), ("netns", {"name": "ns1"})):
        assert host.module(module, **options)["msg"] == (
            "cannot lock the network in the host: Read-only file system; "
            "make /run/nsfabric writable: locks and ledgers are there"
        )
    assert not host.sh("ip netns list")


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("place", ["mount", "unmount", "unlink"])
def test_a_run_that_was_killed_within_a_step_of_a_namespace(host: Host, place: str, state: str) -> None:
    """It leaves a file that no namespace is mounted on, or is mounted on no more."""
    # The directory is a mount of its own from the first namespace on.
    host.sh("ip netns add theirs")
    before = snapshot(host)
    config = {"netns": [{"name": "ns1"}, {"name": "ns2"}]}
    other = {"netns": [{"name": "ns2"}]}

    def inside() -> None:
        target = os if place == "unlink" else netns
        real = getattr(target, place)

        def killed(*arguments: Any) -> None:
            if "/run/netns/ns1" in arguments:
                kill()
            real(*arguments)

        setattr(target, place, killed)

    if place != "mount":
        apply(host, config)
    host.module("topology", name="lab", config=config if place == "mount" else other, inside=inside)
    if place != "unmount":
        assert host.sh("cat /run/netns/ns1 2>&1 || true") == ""
    if state == "present":
        apply(host, config)
        assert host.sh("ip netns list | cut -d' ' -f1 | sort") == "ns1\nns2\ntheirs\n"
    gone = host.do("topology", name="lab", state="absent")
    assert warnings(gone) == ""
    assert snapshot(host) == before
    assert host.sh("ls /run/netns") == "theirs\n"


def test_a_file_of_somebody_else_is_left_alone(host: Host) -> None:
    """One with something in it is no remainder of ours."""
    apply(host, {"netns": [{"name": "ns1"}]})
    host.sh("ip netns delete ns1; echo theirs > /run/netns/ns1")
    host.module("topology", name="lab", state="absent")
    assert host.sh("cat /run/netns/ns1") == "theirs\n"
