# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each test that enters something does so in a forked child with a mount namespace and a /run of its own."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import traceback
from pathlib import Path

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.playbook.play_context import PlayContext

from ansible_collections.nsfabric.linux.plugins.connection import enter

CLONE_NEWNS = 0x00020000

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="enters namespaces")


def connection(**options):
    made = enter.Connection(PlayContext())
    made._options = {"remote_addr": "here", "sandbox": None, "pidfile": None, "netns": None, **options}
    return made


def sh(script):
    subprocess.run(["/bin/sh", "-ec", script], check=True, env=enter.ENVIRONMENT)


def privately(test):
    """Run a test in a child whose mounts are its own."""

    def wrapped():
        child = os.fork()
        if child == 0:
            status = 1
            try:
                # Linux 6.18 numbers namespaces per CPU, and pins a mount namespace only in one with a lower number.
                os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
                assert ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) == 0
                sh("mount --make-rprivate /; mount -t tmpfs run /run; mkdir /run/netns")
                test()
                status = 0
            except BaseException:
                traceback.print_exc()
            os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    wrapped.__name__ = test.__name__
    return needs_root(wrapped)


@contextlib.contextmanager
def process(*unshare, mounting):
    """A process in namespaces of its own, with a tmpfs mounted somewhere."""
    command = ["unshare", *unshare, "sh", "-c", f"mount -t tmpfs own {mounting} && echo ready && exec cat"]
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=enter.ENVIRONMENT)
    try:
        assert running.stdout.readline() == b"ready\n"
        yield running.pid
    finally:
        running.kill()
        running.communicate()


def make_sandbox(name):
    """As the module pins one: a network and a mount namespace, with a /run/netns of its own."""
    folder = f"/run/nsfabric/sandboxes/{name}"
    sh(f"mkdir -p {folder}; touch {folder}/net {folder}/mnt")
    with process("--net", "--mount", mounting="/run/netns") as pid:
        sh(f"mount --bind /proc/{pid}/ns/net {folder}/net; mount --bind /proc/{pid}/ns/mnt {folder}/mnt")


@contextlib.contextmanager
def container(pidfile):
    """A container's namespaces, its own /mnt, and its pid file."""
    kinds = ("--net", "--mount", "--uts", "--ipc", "--pid")
    with process(*kinds, "--fork", "--kill-child", "--mount-proc", mounting="/mnt") as pid:
        Path(pidfile).write_text(Path(f"/proc/{pid}/task/{pid}/children").read_text())
        yield


def failure(**options):
    with pytest.raises(AnsibleConnectionFailure) as caught:
        connection(**options)._connect()
    return str(caught.value)


def output(made, command):
    code, out, err = made.exec_command(command)
    assert (code, err) == (0, b"")
    return out.decode().strip()


def network_of(made):
    return output(made, "readlink /proc/self/ns/net")


def transfers(made, folder):
    """A file goes in unseen from outside, and comes back whole."""
    content = bytes(range(256)) * 5000
    Path("/run/sent").write_bytes(content)
    made.put_file("/run/sent", f"{folder}/it's here")
    assert not os.path.exists(f"{folder}/it's here")
    made.fetch_file(f"{folder}/it's here", "/run/back")
    assert Path("/run/back").read_bytes() == content


def test_nothing_to_enter():
    assert failure() == ("nothing to enter: set ansible_enter_sandbox, ansible_enter_pidfile or ansible_enter_netns")


def test_two_ways_in():
    assert failure(sandbox="a", pidfile="/b") == (
        "ansible_enter_sandbox and ansible_enter_pidfile are both set: unset one"
    )


def test_not_root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert failure(netns="blue") == "entering namespaces needs root (CAP_SYS_ADMIN): run Ansible as root"


@needs_root
def test_no_nsenter(monkeypatch):
    monkeypatch.setitem(enter.ENVIRONMENT, "PATH", "/nowhere")
    assert failure(netns="blue") == "nsenter is missing: install the package util-linux"


@needs_root
@pytest.mark.parametrize("option", ["sandbox", "netns"])
@pytest.mark.parametrize("name", ["../net", "..", "a/b"])
def test_a_name_is_no_path(option, name):
    assert failure(**{option: name}) == (
        f"ansible_enter_{option}: '{name}' is a name, not a path, so has no '/' or '..'"
    )


@privately
def test_missing_sandbox():
    make_sandbox("left")
    make_sandbox("right")
    assert failure(sandbox="middle") == (
        "there is no sandbox host 'middle' (/run/nsfabric/sandboxes/middle). Sandbox hosts here: left, right. "
        "The module nsfabric.linux.sandbox makes one."
    )


@privately
def test_half_a_sandbox():
    make_sandbox("left")
    sh("umount /run/nsfabric/sandboxes/left/net")
    assert failure(sandbox="left") == (
        "/run/nsfabric/sandboxes/left/net is stale: an ordinary file, no namespace. "
        "Make the sandbox host 'left' again with nsfabric.linux.sandbox."
    )
    sh("umount /run/nsfabric/sandboxes/left/mnt; rm /run/nsfabric/sandboxes/left/mnt")
    assert failure(sandbox="left") == (
        "/run/nsfabric/sandboxes/left/mnt: No such file or directory. "
        "Make the sandbox host 'left' again with nsfabric.linux.sandbox."
    )


@privately
def test_missing_netns():
    assert failure(netns="blue") == (
        "there is no network namespace 'blue' (/run/netns/blue). Network namespaces there: none. "
        "The module nsfabric.linux.netns makes one."
    )
    sh("touch /run/netns/blue")
    assert failure(netns="blue") == (
        "/run/netns/blue is stale: an ordinary file, no namespace. Remove it with: ip netns delete blue"
    )


@privately
def test_missing_netns_in_a_sandbox():
    make_sandbox("left")
    sh("ip netns add outside")
    assert failure(sandbox="left", netns="outside") == (
        "there is no network namespace 'outside' (/run/netns/outside). Network namespaces there: none. "
        "The module nsfabric.linux.netns makes one."
    )


@privately
def test_bad_pidfile():
    assert failure(pidfile="/run/pid") == (
        "pid file /run/pid: No such file or directory. A container started with --pidfile=/run/pid writes it."
    )
    Path("/run/pid").write_text("soon")
    assert failure(pidfile="/run/pid") == "pid file /run/pid holds no process number"
    Path("/run/pid").write_text("4194305")
    assert failure(pidfile="/run/pid") == ("pid file /run/pid: process 4194305 is gone. Is the container running?")
    Path("/run/pid").write_text(str(os.getpid()))
    assert failure(pidfile="/run/pid") == (
        f"pid file /run/pid: process {os.getpid()} is in this machine's own namespaces, so is no container. "
        "The file is stale."
    )


@privately
def test_into_a_sandbox():
    make_sandbox("left")
    made = connection(sandbox="left")
    assert network_of(made) != os.readlink("/proc/self/ns/net")
    # The machine's own may be mounted below.
    below = Path("/proc/self/mounts").read_text().count(" /run/netns ")
    assert output(made, "ls /sys >/dev/null; cat /proc/self/mounts").count(" /run/netns ") == below + 1
    assert output(made, "pwd") == "/"
    transfers(made, "/run/netns")


@privately
def test_into_a_netns():
    sh("ip netns add blue")
    made = connection(netns="blue")
    inode = os.stat("/run/netns/blue").st_ino
    assert network_of(made) == f"net:[{inode}]"
    made.put_file("/proc/self/status", "/run/put")
    assert Path("/run/put").read_text().startswith("Name:")


@privately
def test_into_a_netns_of_a_sandbox():
    make_sandbox("left")
    sandbox = connection(sandbox="left")
    output(sandbox, "ip netns add blue")
    made = connection(sandbox="left", netns="blue")
    assert network_of(made) == f"net:[{output(sandbox, 'stat -c %i /run/netns/blue')}]"
    transfers(made, "/run/netns")


@privately
def test_into_a_container():
    with container("/run/pid"):
        made = connection(pidfile="/run/pid")
        assert network_of(made) != os.readlink("/proc/self/ns/net")
        assert output(made, "cat /proc/1/comm") == "cat"
        transfers(made, "/mnt")


@privately
def test_input_and_exit_code():
    sh("ip netns add blue")
    made = connection(netns="blue")
    assert made.exec_command("cat; echo oops >&2; exit 7", in_data=b"module") == (7, b"module", b"oops\n")
    assert made.exec_command("cat") == (0, b"", b"")


@privately
def test_files_that_fail():
    sh("ip netns add blue")
    made = connection(netns="blue")
    with pytest.raises(AnsibleFileNotFound, match="no such file: /run/none"):
        made.put_file("/run/none", "/run/there")
    with pytest.raises(AnsibleError, match=r"could not write /run/none/there: .*cannot create /run/none/there"):
        made.put_file("/proc/self/status", "/run/none/there")
    with pytest.raises(AnsibleError, match="could not read /run/none: cat: /run/none: No such file or directory"):
        made.fetch_file("/run/none", "/run/back")
    assert not os.path.exists("/run/back")


@privately
def test_reset_sees_what_changed():
    sh("ip netns add blue")
    made = connection(netns="blue")
    made._connect()
    sh("ip netns delete blue")
    with pytest.raises(AnsibleConnectionFailure, match="there is no network namespace 'blue'"):
        made.reset()
