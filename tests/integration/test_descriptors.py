# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open files: one for each namespace at most, and fewer where the limit is lower."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from typing import Any

import pytest
from host import Host
from test_topology import star

from ansible_collections.nsfabric.linux.plugins.module_utils._kernel import session

SIZE = 100
STAR = star(SIZE)
# A chain has no socket on the host to send from, and a cable in it needs descriptors of two namespaces.
CHAIN: dict[str, Any] = {
    "netns": [{"name": f"ns{n}"} for n in range(SIZE)],
    "veth": [
        {"name": "right", "netns": f"ns{n}", "peer": {"name": "left", "netns": f"ns{n + 1}"}} for n in range(SIZE - 1)
    ],
}


def limited(limit: int) -> Callable[[], None]:
    """Lets a module open so many files at most."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


def counted(tell: int) -> Callable[[], None]:
    """Lets a module tell how many files are open whenever it has opened one inside a namespace."""
    real, most = session.netlink.Route, [0]

    def opened() -> Any:
        made = real()
        now = len(os.listdir("/proc/self/fd"))
        if now > most[0]:
            most[0] = now
            os.write(tell, bytes([min(now, 255)]))
        return made

    def inside() -> None:
        session.netlink.Route = opened  # type: ignore[assignment,misc]

    return inside


@pytest.mark.parametrize("config", [STAR, CHAIN], ids=["star", "chain"])
def test_a_hundred_namespaces_with_64_open_files(host: Host, config: dict[str, Any]) -> None:
    built = host.module("topology", name="lab", config=config, inside=limited(64))
    assert not built.get("failed"), built["msg"]
    again = host.module("topology", name="lab", config=config, inside=limited(64))
    assert again["changed"] is False
    gone = host.module("topology", name="lab", state="absent", inside=limited(64))
    assert not gone.get("failed"), gone["msg"]
    assert host.sh("ip netns list; ip -br link | grep -v ^lo || true") == ""


def test_a_soft_limit_is_raised_and_given_back(host: Host) -> None:
    limits: list[tuple[int, int]] = []

    def inside() -> None:
        # What is open already does not count: a number below the limit is what is lacking.
        highest = max(map(int, os.listdir("/proc/self/fd")))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 8, 4096))

    built = host.module("topology", name="lab", config=STAR, inside=inside)
    assert not built.get("failed"), built["msg"]
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with session.Session():
        limits.append(resource.getrlimit(resource.RLIMIT_NOFILE))
    assert limits == [(before[1], before[1])]
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def test_too_low_a_limit_is_told_before_anything_changes(host: Host) -> None:
    before = host.picture()
    failed = host.module("topology", name="lab", config=STAR, inside=limited(24))
    assert failed["msg"].startswith("cannot open namespaces in the host: the limit of open files is 24, and ")
    assert "; raise it: ulimit -n " in failed["msg"]
    assert host.picture() == before


@pytest.mark.parametrize("config", [STAR, CHAIN], ids=["star", "chain"])
def test_one_open_file_for_each_namespace(host: Host, config: dict[str, Any]) -> None:
    read, tell = os.pipe()
    for options in ({"config": config}, {"config": config}, {"state": "absent"}):
        done = host.module("topology", name="lab", **options, inside=counted(tell))
        assert not done.get("failed"), done["msg"]
    os.close(tell)
    with os.fdopen(read, "rb") as stream:
        assert SIZE < max(stream.read()) < SIZE + 50
