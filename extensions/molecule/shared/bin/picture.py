# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What iproute2 and nft see of the host and its namespaces, in the words of the scenarios' inventories.

The uplink, and lo unless it is down, are the host's own and left out. Arguments are names of sysctls to show,
with the namespace and a colon before them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any


def run(*command: str) -> Any:
    shown = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return json.loads(shown or "[]")


def device(link: dict[str, Any]) -> str:
    words = [f"in {link['master']}"] if "master" in link else []
    words += [] if "UP" in link["flags"] else ["down"]
    words += [f"{each['local']}/{each['prefixlen']}" for each in link["addr_info"] if each["scope"] != "link"]
    return " ".join(words) or "up"


def route(found: dict[str, Any]) -> str:
    gateway = f" via {found['gateway']}" if "gateway" in found else ""
    return f"{found['dst']}{gateway} dev {found['dev']}"


def rule(found: dict[str, Any]) -> str:
    return f"{found['chain']}: " + ", ".join(map(expression, found["expr"]))


def expression(found: dict[str, Any]) -> str:
    if "match" not in found:
        return next(iter(found))
    left, right = found["match"]["left"], found["match"]["right"]
    what = next(iter(left.values()))
    if isinstance(right, dict):
        right = f"{right['prefix']['addr']}/{right['prefix']['len']}"
    name = what.get("key") or f"{what['protocol']} {what['field']}"
    value = ",".join(right) if isinstance(right, list) else right
    return f"{name} {'not ' if found['match']['op'] == '!=' else ''}{value}"


def filters(netns: str, name: str) -> list[str]:
    """Filters that packets pass as they come in by a device, in their order."""
    inside = [] if netns == "host" else ["-n", netns]
    found = run("tc", "-j", *inside, "filter", "show", "dev", name, "ingress")
    return [f"{netns} {name} {each['options'].get('bpf_name', each['kind'])}" for each in found if "options" in each]


def sysctl(name: str) -> str:
    netns, dummy, key = name.partition(":")
    inside = [] if netns == "host" else ["ip", "netns", "exec", netns]
    return subprocess.check_output([*inside, "cat", f"/proc/sys/{key}"], text=True).strip()


def each_netns() -> Iterator[tuple[str, list[str]]]:
    yield "host", ["ip", "-j"]
    for found in run("ip", "-j", "netns"):
        yield found["name"], ["ip", "-j", "-n", found["name"]]


def picture(names: list[str]) -> dict[str, Any]:
    devices, routes, ingress = {}, [], []
    for netns, ip in each_netns():
        for link in run(*ip, "address"):
            ingress += filters(netns, link["ifname"])
            if link["ifname"] not in ("lo", "eth0") or "UP" not in link["flags"]:
                devices[f"{netns} {link['ifname']}"] = device(link)
        for found in run(*ip, "route") + run(*ip, "-6", "route"):
            if found.get("protocol") != "kernel" and found["dev"] != "eth0":
                routes.append(f"{netns} {route(found)}")
    rules = [rule(found["rule"]) for found in run("nft", "-j", "list", "ruleset")["nftables"] if "rule" in found]
    subnet = run("ip", "-j", "route", "show", "dev", "eth0", "proto", "kernel")[0]
    return {
        "devices": devices,
        "routes": sorted(routes),
        "rules": sorted(rules),
        "filters": sorted(ingress),
        "sysctls": {name: sysctl(name) for name in names},
        "uplink": {"address": subnet["prefsrc"], "subnet": subnet["dst"]},
    }


if __name__ == "__main__":
    print(json.dumps(picture(sys.argv[1:])))
