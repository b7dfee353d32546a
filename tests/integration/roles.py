# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles run on a throw-away host, and what is around that host.

Their variables are Ansible's own engine's to evaluate, and their modules run on the host. The labs' pages, the
playbooks and molecule's scenarios run the same roles by `ansible-playbook`.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from host import PATIENCE, Host, until
from snapshot import snapshot

from ansible_collections.nsfabric.linux.plugins.module_utils import _glue
from ansible_collections.nsfabric.linux.tests.tools import labs

# The way things are on the labs' pages: the host's uplink, and the world behind it.
UPLINK, UPLINK6 = "10.211.55.10", "fd00:10:211:55::a"
GATEWAY, GATEWAY6 = "10.211.55.1", "fd00:10:211:55::1"
WORLD, WORLD6 = "8.8.8.8", "2001:4860:4860::8888"
OUTSIDE = "outside"

Runs = list[dict[str, Any]]


def apply_role(host: Host, role: str, /, **variables: Any) -> dict[str, Any]:
    """Runs a role on the host and returns what its topology call returned, or how it failed."""
    return play(host, role, ["main"], variables)[0]


def verify_role(host: Host, role: str, /, **variables: Any) -> dict[str, Any]:
    """Runs a role's checks and returns what its reachability call returned, or how it failed."""
    return play(host, role, ["verify"], variables)[0]


def remove_role(host: Host, role: str, /, **variables: Any) -> dict[str, Any]:
    """Takes a role's topology down."""
    return good(play(host, role, ["absent"], variables)[0])


def converge_role(host: Host, role: str, /, verify: bool = True, **variables: Any) -> None:
    """Check, run, check, run and the role's own proof, in one go.

    The prediction is the run, the second run finds nothing to do, and what must hold does.
    """
    runs = ["check", "main", "check", "main"] + (["verify"] if verify else [])
    predicted, done, *again = [good(result) for result in play(host, role, runs, variables)]
    assert done["changed"] is True
    assert done["steps"] == predicted["steps"]
    assert [(run["changed"], run["steps"]) for run in again[:2]] == [(False, []), (False, [])]
    assert not verify or again[2]["ok"]


def there_and_back(host: Host, role: str, /, **variables: Any) -> list[dict[str, Any]]:
    """Run, run, proof and removal in one go; the host is then as it was found. Returns the proof's rows."""
    before = snapshot(host)
    results = play(host, role, ["main", "main", "verify", "absent", "absent"], variables)
    done, again, proof, removed, gone = [good(result) for result in results]
    assert (done["changed"], again["changed"], again["steps"]) == (True, False, [])
    assert (removed["changed"], gone["changed"]) == (True, False)
    assert snapshot(host) == before
    assert proof["results"]
    return list(proof["results"])


def good(result: dict[str, Any]) -> dict[str, Any]:
    assert not result.get("failed"), result.get("msg", result)
    return result


def play(host: Host, role: str, runs: Iterable[str], variables: dict[str, Any]) -> Runs:
    """Runs a role on the host several times: `main`, `check` (in check mode), `verify` or `absent`.

    Returns what each run returned. The first that fails is the last one, as Ansible has it.
    """
    results: Runs = []
    for run in runs:
        state = {f"{role}_state": "absent"} if run == "absent" else {}
        try:
            module, options = labs.task(role, "verify" if run == "verify" else "main", **{**variables, **state})
        except labs.Refused as refused:
            return [*results, {"failed": True, "msg": str(refused)}]
        results.append(host.module(module, check=run == "check", **options))
        if results[-1].get("failed"):
            break
    return results


def facts(host: Host) -> dict[str, Any]:
    """What a play that gathers facts knows of the host's network."""
    setup = f"{sys.executable} -m ansible adhoc localhost -c local -m setup -a 'gather_subset=!all,network'"
    told = host.sh(f"ANSIBLE_CALLBACK_RESULT_FORMAT=json {setup}")
    found = json.loads(told.partition("=>")[2])["ansible_facts"]
    return {"ansible_facts": {name.removeprefix("ansible_"): fact for name, fact in found.items()}}


def collections() -> str:
    """The folder that the collection under test was imported from; Ansible finds it there as well."""
    # Not resolved: the checkout is a link in there.
    return str(next(up.parent for up in Path(_glue.__file__).absolute().parents if up.name == "ansible_collections"))


def uplink(host: Host) -> None:
    """Gives a host an uplink `eth0`, and behind it another machine that answers for 8.8.8.8.

    That machine is the namespace `outside`. It knows the host's uplink address, and nothing behind it.
    """
    host.sh(
        f"ip netns add {OUTSIDE}; ip -n {OUTSIDE} link set lo up;"
        f" ip link add eth0 type veth peer name lan netns {OUTSIDE};"
        # No waiting for the detection of duplicate addresses.
        " echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad;"
        f" ip netns exec {OUTSIDE} sh -c 'echo 0 > /proc/sys/net/ipv6/conf/lan/accept_dad';"
        f" ip -n {OUTSIDE} address add {GATEWAY}/24 dev lan; ip -n {OUTSIDE} address add {GATEWAY6}/64 dev lan nodad;"
        f" ip -n {OUTSIDE} address add {WORLD}/32 dev lo; ip -n {OUTSIDE} address add {WORLD6}/128 dev lo nodad;"
        f" ip -n {OUTSIDE} link set lan up;"
        f" ip address add {UPLINK}/24 dev eth0; ip address add {UPLINK6}/64 dev eth0 nodad; ip link set eth0 up;"
        f" ip route add default via {GATEWAY}; ip -6 route add default via {GATEWAY6}"
    )
    assert host.pings(WORLD)
    assert host.pings(WORLD6)
    assert until(lambda: "fe80::" in host.sh("ip -6 address show dev eth0"))
    settle(host)


def settle(host: Host) -> None:
    """Waits until every IPv6 address is in force: what a snapshot shows would change by itself."""

    def settled(netns: str) -> bool:
        addresses = host.sh("ip -6 -o address show", netns)
        local = host.sh("ip -6 route show table local type local", netns)
        return "tentative" not in addresses and len(addresses.splitlines()) == len(local.splitlines())

    for netns in ["", *host.sh("ip netns list | cut -d' ' -f1").split()]:
        assert until(lambda netns=netns: settled(netns), seconds=30), netns


# Hosts that are not prepared for anything. Each is a shell command.
HOSTILE = {
    "strict rp_filter": "for d in all default eth0; do echo 1 > /proc/sys/net/ipv4/conf/$d/rp_filter; done",
    "loose rp_filter": "for d in all default eth0; do echo 2 > /proc/sys/net/ipv4/conf/$d/rp_filter; done",
    "forwarding on": "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
    "forwarding half on": "echo 1 > /proc/sys/net/ipv4/ip_forward;"
    " for d in default eth0; do echo 0 > /proc/sys/net/ipv4/conf/$d/forwarding; done",
    "other defaults": "cd /proc/sys/net/ipv4/conf/default; echo 1 > proxy_arp; echo 1 > accept_local;"
    " echo 1 > rp_filter; echo 1 > forwarding; echo 0 > send_redirects",
    "FORWARD drop by iptables-nft": "iptables-nft -P FORWARD DROP; ip6tables-nft -P FORWARD DROP",
    "FORWARD drop by nft": "nft 'add table inet wall; add chain inet wall forward"
    " { type filter hook forward priority 0; policy drop; }'",
}


class Capture:
    """Packets that pass a device, as tcpdump tells them, until enough have come or the time is over."""

    def __init__(self, host: Host, device: str, what: str, netns: str = "", count: int = 1, seconds: int = 10) -> None:
        inside = ["ip", "netns", "exec", netns] if netns else []
        self._process = subprocess.Popen(
            [
                *("nsenter", "-t", str(host.pid), "-n", "-m", *inside, "timeout", str(seconds * PATIENCE)),
                *("tcpdump", "-i", device, "-n", "-e", "-v", "-l", "--immediate-mode", "-c", str(count), what),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr
        said = ""
        for line in self._process.stderr:
            said += line
            if "listening on" in line:
                return
        raise AssertionError(f"tcpdump does not listen: {said}")

    def packets(self) -> list[str]:
        """One line for each packet."""
        out, dummy = self._process.communicate(timeout=30 * PATIENCE)
        # What tcpdump says of the inner part of a packet stands on lines of its own.
        return [line for line in re.sub(r"\n\s+", " ", out).splitlines() if line]


class Count:
    """Counts the packets that come in by a device and match, in the kernel: nothing is missed, nothing else counted."""

    _numbers = itertools.count()

    def __init__(self, host: Host, device: str, match: str, netns: str = "") -> None:
        self._host, self._netns, self._table = host, netns, f"count_{next(self._numbers)}"
        hook = f'{{ type filter hook ingress device "{device}" priority 0; }}'
        host.sh(
            f"nft 'add table netdev {self._table}; add chain netdev {self._table} ingress {hook};"
            f" add rule netdev {self._table} ingress {match} counter'",
            netns,
        )

    def __int__(self) -> int:
        """How many there were up to now."""
        found = self._host.json(f"nft -j list table netdev {self._table}", self._netns)["nftables"]
        rules = [each["rule"] for each in found if "rule" in each]
        return sum(part["counter"]["packets"] for rule in rules for part in rule["expr"] if "counter" in part)

    def stop(self) -> None:
        self._host.sh(f"nft delete table netdev {self._table}", self._netns)
