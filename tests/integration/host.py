# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A throw-away host: a process with network and mount namespaces of its own, and modules run inside."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import returned
from ansible.module_utils import _internal, basic
from ansible.module_utils.common import warnings as global_warnings

COLLECTION = "ansible_collections.nsfabric.linux.plugins"
# Imported once, before any child is forked: pyroute2 alone takes a tenth of a second.
importlib.import_module(f"{COLLECTION}.module_utils._glue")
CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
PR_SET_PDEATHSIG = 1
# How many times as long as on a machine of its own everything may take: a processor that is emulated is slow.
PATIENCE = int(os.environ.get("NSFABRIC_PATIENCE", "1"))
_libc = ctypes.CDLL(None, use_errno=True)


def call(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def until(condition: Any, seconds: float = 30.0) -> Any:
    """Polls until the condition gives something true, and returns that."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        found = condition()
        if found or time.monotonic() > end:
            return found
        time.sleep(0.01)


class Host:
    """Made by forking; `/run` and `/sys` are its own, so nothing of the machine is touched."""

    def __init__(self) -> None:
        ready, tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self._live(tell)
        os.close(tell)
        told = os.read(ready, 200)
        os.close(ready)
        if told != b"ready":
            raise RuntimeError(f"a host could not be made: {told.decode()}")

    @staticmethod
    def _live(tell: int) -> None:
        """The child: separates itself, says so and waits for the end."""
        try:
            # A host that nobody closes does not outlive the tests.
            call(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
            call(_libc.unshare(CLONE_NEWNS | CLONE_NEWNET))
            call(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
            call(_libc.mount(b"tmpfs", b"/run", b"tmpfs", 0, b"mode=755"))
            call(_libc.mount(b"sysfs", b"/sys", b"sysfs", 0, None))
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            # What a new namespace inherits from the machine is not the tests' to depend on.
            for name in ("all", "default", "lo"):
                for key in ("forwarding", "rp_filter", "proxy_arp", "accept_local"):
                    with open(f"/proc/sys/net/ipv4/conf/{name}/{key}", "w", encoding="ascii") as stream:
                        stream.write("0")
            os.write(tell, b"ready")
            signal.pause()
        except BaseException as error:
            os.write(tell, repr(error).encode()[:200])
        os._exit(0)

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def sh(self, command: str, netns: str = "", check: bool = True) -> str:
        """Runs a shell command on the host, or in one of its namespaces, and returns what it printed."""
        inside = ["ip", "netns", "exec", netns] if netns else []
        done = subprocess.run(
            ["nsenter", "-t", str(self.pid), "-n", "-m", *inside, "sh", "-ec", command],
            capture_output=True,
            text=True,
            check=False,
            timeout=180 * PATIENCE,
        )
        if check and done.returncode:
            raise AssertionError(f"{command!r} failed: {done.stdout}{done.stderr}")
        return done.stdout

    def json(self, command: str, netns: str = "") -> Any:
        return json.loads(self.sh(command, netns) or "[]")

    def link(self, name: str, netns: str = "") -> dict[str, Any] | None:
        """One link as `ip -d -j` shows it, with its addresses."""
        found = [each for each in self.json("ip -d -j address show", netns) if each.get("ifname") == name]
        return found[0] if found else None

    def picture(self) -> dict[str, Any]:
        """Every namespace's links, addresses and routes, without what the kernel does in its own time."""
        show = "ip -d -j address; ip -j route; ip -j -6 route"
        inside = f'[ ! -e "$n" ] || {{ echo "@@$n"; ip netns exec "${{n##*/}}" sh -c "{show}" || :; }}'
        shown = self.sh(f"echo @@; {show}; for n in /run/netns/*; do {inside}; done")
        parts = (part.partition("\n") for part in shown.split("@@")[1:])
        return {name: _still([json.loads(line or "[]") for line in lines.splitlines()]) for name, dummy, lines in parts}

    def attributes(self, name: str, netns: str = "") -> dict[str, Any]:
        """A link's attributes under the options' names."""
        link = self.link(name, netns)
        assert link is not None, f"no link {name}"
        return {
            "up": "UP" in link["flags"],
            "mtu": link["mtu"],
            "mac": link["address"],
            "txqueuelen": link.get("txqlen", 0),
            "master": link.get("master", ""),
            "addresses": sorted(self.addresses(name, netns)),
        }

    def addresses(self, name: str, netns: str = "") -> list[str]:
        """A link's addresses, link-local ones left out."""
        link = self.link(name, netns)
        assert link is not None, f"no link {name}"
        return [
            f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["scope"] != "link" or "." in a["local"]
        ]

    def routes(self, netns: str = "", options: str = "", what: str = "") -> list[dict[str, Any]]:
        return [found for found in self.json(f"ip -j -d {options} route show {what}", netns) if found]

    def sysctl(self, name: str, netns: str = "") -> str:
        return self.sh(f"cat /proc/sys/{name}", netns).strip()

    def pings(self, target: str, netns: str = "", options: str = "") -> bool:
        """Whether a target answers, asked again until it does or ten seconds are over."""
        family = "-6" if ":" in target else "-4"

        def once() -> bool:
            return "1 received" in self.sh(f"ping {family} -n -c1 -W1 {options} {target} || true", netns)

        return bool(until(once))

    def module(
        self, module: str, /, check: bool = False, inside: Callable[[], object] | None = None, **options: Any
    ) -> dict[str, Any]:
        """Runs a module's main() on the host, in a forked child, and returns its result.

        `inside` is called in the child first: it may break what a test wants broken. A child that is killed
        has no result.
        """
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            try:
                # A test before this one may have left Ansible's in the process that was forked.
                global_warnings._global_warnings.clear()
                self._enter()
                if inside:
                    inside()
                result = json.dumps(_run(module, options, check))
            except BaseException as error:
                result = json.dumps({"failed": True, "msg": f"the module crashed: {error!r}", "crashed": True})
            # The run has ended: a signal that comes late does not cut its result short.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            with os.fdopen(write, "w") as stream:
                stream.write(result)
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as stream:
            result = stream.read()
        os.waitpid(pid, 0)
        if not result:
            return {}
        told = dict(json.loads(result))
        returned.check(module, told)
        return told

    def do(self, module: str, /, **options: Any) -> dict[str, Any]:
        """Runs a module that is to succeed."""
        done = self.module(module, **options)
        assert not done.get("failed"), done
        return done

    def _enter(self) -> None:
        for kind in ("net", "mnt"):
            descriptor = os.open(f"/proc/{self.pid}/ns/{kind}", os.O_RDONLY)
            call(_libc.setns(descriptor, 0))
            os.close(descriptor)


def warnings(done: dict[str, Any]) -> str:
    """What a module warned of."""
    return " ".join(map(str, done.get("warnings", ())))


def _still(shown: list[Any]) -> list[Any]:
    """The parts of what `ip` shows that do not change by themselves."""
    links, *routes = shown or [[]]
    told = ("ifname", "mtu", "master", "link", "address", "txqlen")
    settings = ("stp_state", "priority", "forward_delay", "hello_time", "max_age", "ageing_time", "vlan_filtering")
    still = []
    for link in filter(None, links):
        info = link.get("linkinfo", {})
        data = info.get("info_data", {})
        still.append({key: link.get(key) for key in told})
        still[-1]["up"] = "UP" in link["flags"]
        still[-1]["kind"] = info.get("info_kind"), {key: data[key] for key in settings if key in data}
        still[-1]["addresses"] = [(a["local"], a["prefixlen"]) for a in link["addr_info"] if a.get("scope") != "link"]
    found = [route for listed in routes for route in listed if route and not route["dst"].startswith(("fe80", "ff00"))]
    return [still, [{key: route[key] for key in route if key not in ("flags", "expires")} for route in found]]


def _run(name: str, options: dict[str, Any], check: bool) -> dict[str, Any]:
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True, "_ansible_remote_tmp": "/run"}
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    # The unit tests of plugins make a controller of the process, which shows warnings instead of returning them.
    _internal.is_controller = False
    module = importlib.import_module(f"{COLLECTION}.modules.{name}")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        sys.argv = [name]
        module.main()
    return dict(json.loads(printed.getvalue()))
