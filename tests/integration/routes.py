# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host for routes, what iproute2 shows of them, and what the kernel tells."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any

from host import Host, call

RTM_NEWROUTE = 24
RTMGRP_ROUTES = 0x40 | 0x400


def wire(host: Host) -> Host:
    """Two cables, both families on each: v1 and v2, whose far ends x1 and x2 are in namespace far."""
    host.sh(
        """
        ip netns add far
        for n in 1 2; do
            ip link add v$n type veth peer name x$n netns far
            ip link set v$n addrgenmode none
            ip -n far link set x$n up
            ip link set v$n up
            ip address add 10.$n.0.1/24 dev v$n
            ip address add fd00:$n::1/64 dev v$n nodad
        done
        # The kernel makes these a moment later.
        until [ "$(ip -6 route show table local | grep -c '^local fd00:')" = 2 ]; do sleep 0.01; done
        """
    )
    return host


def route(host: Host, destination: str, options: str = "", netns: str = "") -> dict[str, Any]:
    """The one route to a destination, as iproute2 shows it."""
    found = host.routes(netns, options, destination)
    assert len(found) == 1, found
    return found[0]


def text(host: Host, destination: str, options: str = "", netns: str = "") -> list[str]:
    """The routes to a destination, one line each, flags of the moment left out."""
    lines = host.sh(f"ip {options} route show {destination}", netns).replace("\n\t", " ").splitlines()
    return [" ".join(word for word in line.split() if word not in ("linkdown", "pref", "medium")) for line in lines]


def picture(host: Host) -> str:
    return host.sh("ip -d route show table all; ip -6 -d route show table all")


# What an earlier task of the same play may be about to change: a warning in check mode, an error in earnest.
LACKS = ("is not on link", "covers it", "by device", "is down; a route needs it up", "has the address")


def refused(host: Host, path: str, message: str, **options: Any) -> None:
    """Both in check mode and in earnest, with the option's name, and without a change."""
    before = picture(host)
    for check in (True, False):
        result = host.module("netns_route", check=check, **options)
        if check and any(lack in message for lack in LACKS):
            assert not result.get("failed"), result
            assert message in str(result["warnings"])
            continue
        assert result.get("failed"), result
        assert [problem["path"] for problem in result["problems"]] == [path], result
        assert message in result["msg"], result["msg"]
    assert picture(host) == before


@contextmanager
def watched(host: Host) -> Iterator[None]:
    """Whatever happens meanwhile, the kernel tells of new routes, and of none that is deleted."""
    made: list[socket.socket] = []

    def listen() -> None:
        # Only this thread enters the host's namespace; its socket stays there.
        descriptor = os.open(f"/proc/{host.pid}/ns/net", os.O_RDONLY)
        call(ctypes.CDLL(None, use_errno=True).setns(descriptor, 0))
        os.close(descriptor)
        made.append(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE))
        made[0].bind((0, RTMGRP_ROUTES))

    thread = Thread(target=listen)
    thread.start()
    thread.join()
    with made[0] as told:
        yield
        told.setblocking(False)
        kinds = set()
        with suppress(BlockingIOError):
            while True:
                kinds.add(struct.unpack_from("=LH", told.recv(65536))[1])
    assert kinds == {RTM_NEWROUTE}


def same_again(host: Host) -> None:
    """What topology_info tells of the host plans no step."""
    config = host.module("topology_info")["config"]
    result = host.module("topology", name="again", config=config, check=True)
    assert not result.get("failed"), result
    assert result["steps"] == []
