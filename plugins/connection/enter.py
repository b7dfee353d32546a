# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: enter
short_description: Run tasks inside a sandbox host, a container or a named network namespace
version_added: 1.0.0
author:
  - nsfabric contributors (@nsfabric)
description:
  - Runs every command of a task inside namespaces of the machine that Ansible itself runs on, with C(nsenter).
  - Enters a sandbox host made by M(nsfabric.linux.sandbox), or a container, by the number of its first process,
    or a network namespace, as C(ip netns) knows it.
  - A network namespace may be named beside a sandbox host or a container, and is then looked for in there.
  - Nothing listens on the other side, and modules travel by pipelining, so that a task costs one fork.
requirements:
  - Root on the machine that Ansible runs on.
  - C(nsenter) of util-linux.
notes:
  - A sandbox host and a named namespace share the machine's files. A sandbox host has its own C(/run/netns),
    C(/run/nsfabric) and C(/sys). A container has all files of its own.
  - In a named namespace C(/sys) remains that of the surrounding host, so facts about interfaces that Ansible
    reads there are the surrounding host's.
  - A container needs a shell, and Python for all modules but M(ansible.builtin.raw).
options:
  remote_addr:
    description:
      - What messages call the host.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
  sandbox:
    description:
      - Name of a sandbox host.
      - Mutually exclusive with O(pidfile).
    type: str
    vars:
      - name: ansible_enter_sandbox
  pidfile:
    description:
      - File that holds the number of the container's first process, as written by C(podman run --pidfile).
      - A process in the machine's own namespaces is refused, since a stale file can name any process.
      - Mutually exclusive with O(sandbox).
    type: path
    vars:
      - name: ansible_enter_pidfile
  netns:
    description:
      - Name of a network namespace.
    type: str
    vars:
      - name: ansible_enter_netns
"""

EXAMPLES = r"""
# An inventory with one host of each kind.
all:
  vars:
    ansible_connection: nsfabric.linux.enter
    ansible_python_interpreter: /usr/bin/python3
  hosts:
    rack1:
      ansible_enter_sandbox: rack1
    client:
      ansible_enter_sandbox: rack1
      ansible_enter_netns: ns1
    node1:
      ansible_enter_pidfile: /run/node1.pid
    blue:
      ansible_enter_netns: blue
"""

import fcntl
import os
import shutil
import subprocess
from typing import Any, Optional

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

display = Display()

NAMESPACES = "/run/netns"
SANDBOXES = "/run/nsfabric/sandboxes"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
}
NS_GET_NSTYPE = 0xB703


def names_in(way_in: list[str], folder: str) -> str:
    """For messages: the names in a folder, seen from inside."""
    found = subprocess.run([*way_in, "ls", folder], capture_output=True, text=True, check=False, env=ENVIRONMENT)
    return ", ".join(found.stdout.split()) or "none"


def check_name(option: str, name: str) -> None:
    if "/" in name or name in (".", ".."):
        raise AnsibleConnectionFailure(f"ansible_enter_{option}: '{name}' is a name, not a path, so has no '/' or '..'")


def check_namespace_file(path: str, cure: str) -> None:
    """Only a file of the namespace file system answers this ioctl."""
    try:
        with open(path, "rb") as stream:
            fcntl.ioctl(stream, NS_GET_NSTYPE)
    except OSError as error:
        if isinstance(error, (FileNotFoundError, PermissionError)):
            raise AnsibleConnectionFailure(f"{path}: {error.strerror}. {cure}") from None
        raise AnsibleConnectionFailure(f"{path} is stale: an ordinary file, no namespace. {cure}") from None


def into_sandbox(name: str) -> list[str]:
    check_name("sandbox", name)
    folder = f"{SANDBOXES}/{name}"
    if not os.path.isdir(folder):
        raise AnsibleConnectionFailure(
            f"there is no sandbox host '{name}' ({folder}). Sandbox hosts here: {names_in([], SANDBOXES)}. "
            "The module nsfabric.linux.sandbox makes one."
        )
    cure = f"Make the sandbox host '{name}' again with nsfabric.linux.sandbox."
    check_namespace_file(f"{folder}/mnt", cure)
    check_namespace_file(f"{folder}/net", cure)
    return ["nsenter", f"--mount={folder}/mnt", f"--net={folder}/net"]


def into_container(pidfile: str) -> list[str]:
    try:
        with open(pidfile, encoding="ascii") as stream:
            pid = int(stream.read())
    except OSError as error:
        raise AnsibleConnectionFailure(
            f"pid file {pidfile}: {error.strerror}. A container started with --pidfile={pidfile} writes it."
        ) from None
    except ValueError:
        raise AnsibleConnectionFailure(f"pid file {pidfile} holds no process number") from None
    try:
        theirs = [os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("net", "mnt")]
    except OSError:
        raise AnsibleConnectionFailure(
            f"pid file {pidfile}: process {pid} is gone. Is the container running?"
        ) from None
    if theirs == [os.readlink(f"/proc/self/ns/{kind}") for kind in ("net", "mnt")]:
        raise AnsibleConnectionFailure(
            f"pid file {pidfile}: process {pid} is in this machine's own namespaces, so is no container. "
            "The file is stale."
        )
    return ["nsenter", "--target", str(pid), "--mount", "--uts", "--ipc", "--net", "--pid"]


def into_namespace(name: str, way_in: list[str]) -> list[str]:
    check_name("netns", name)
    path = f"{NAMESPACES}/{name}"
    seen = subprocess.run([*way_in, "test", "-e", path], capture_output=True, check=False, env=ENVIRONMENT)
    if seen.returncode == 1 and not seen.stderr:
        raise AnsibleConnectionFailure(
            f"there is no network namespace '{name}' ({path}). "
            f"Network namespaces there: {names_in(way_in, NAMESPACES)}. The module nsfabric.linux.netns makes one."
        )
    if not way_in:
        check_namespace_file(path, f"Remove it with: ip netns delete {name}")
    return [*way_in, "nsenter", f"--net={path}"]


class Connection(ConnectionBase):
    """One nsenter for each command, modules on its standard input."""

    transport = "nsfabric.linux.enter"
    has_pipelining = True
    _connected: bool

    def _connect(self) -> Connection:
        if not self._connected:
            self._way_in = self._find_way_in()
            # Whatever is wrong shall be known before a task's own words.
            tried = self._run(["/bin/sh", "-c", ":"])
            if tried.returncode != 0:
                raise AnsibleConnectionFailure(f"{' '.join(self._way_in)}: {self._complaint(tried)}")
            self._connected = True
        return self

    def _find_way_in(self) -> list[str]:
        sandbox, pidfile, netns = (self.get_option(name) for name in ("sandbox", "pidfile", "netns"))
        if not (sandbox or pidfile or netns):
            raise AnsibleConnectionFailure(
                "nothing to enter: set ansible_enter_sandbox, ansible_enter_pidfile or ansible_enter_netns"
            )
        if sandbox and pidfile:
            raise AnsibleConnectionFailure("ansible_enter_sandbox and ansible_enter_pidfile are both set: unset one")
        if os.geteuid() != 0:
            raise AnsibleConnectionFailure("entering namespaces needs root (CAP_SYS_ADMIN): run Ansible as root")
        if not shutil.which("nsenter", path=ENVIRONMENT["PATH"]):
            raise AnsibleConnectionFailure("nsenter is missing: install the package util-linux")
        way_in: list[str] = []
        if sandbox:
            way_in = into_sandbox(sandbox)
        elif pidfile:
            way_in = into_container(pidfile)
        return into_namespace(netns, way_in) if netns else way_in

    def _run(self, command: list[Any], **options: Any) -> subprocess.CompletedProcess[bytes]:
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **options}
        if "input" in options:
            del options["stdin"]
        return subprocess.run(
            [*self._way_in, *command], stderr=subprocess.PIPE, check=False, cwd="/", env=ENVIRONMENT, **options
        )

    def _complaint(self, done: subprocess.CompletedProcess[bytes]) -> str:
        return done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"

    def exec_command(
        self, cmd: str, in_data: Optional[bytes] = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        display.vvv(f"ENTER {' '.join(self._way_in)} {cmd}", host=self.get_option("remote_addr"))
        done = self._run(["/bin/sh", "-c", cmd], input=in_data or b"")
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path: str, out_path: str) -> None:
        super().put_file(in_path, out_path)
        display.vvv(f"PUT {in_path} TO {out_path}", host=self.get_option("remote_addr"))
        try:
            with open(in_path, "rb") as stream:
                done = self._run(["/bin/sh", "-c", 'cat > "$1"', "sh", out_path], stdin=stream)
        except FileNotFoundError:
            raise AnsibleFileNotFound(f"no such file: {in_path}") from None
        if done.returncode != 0:
            raise AnsibleError(f"could not write {out_path}: {self._complaint(done)}")

    def fetch_file(self, in_path: str, out_path: str) -> None:
        super().fetch_file(in_path, out_path)
        display.vvv(f"FETCH {in_path} TO {out_path}", host=self.get_option("remote_addr"))
        with open(out_path, "wb") as stream:
            done = self._run(["cat", "--", in_path], stdout=stream)
        if done.returncode != 0:
            os.unlink(out_path)
            raise AnsibleError(f"could not read {in_path}: {self._complaint(done)}")

    def reset(self) -> None:
        self.close()
        self._connect()

    def close(self) -> None:
        self._connected = False
