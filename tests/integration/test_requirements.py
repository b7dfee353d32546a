# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module needs on its host, and what it says where that is missing."""

from __future__ import annotations

import ctypes
import platform
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from host import Host, call

from ansible_collections.nsfabric.linux.plugins.module_utils._kernel import netlink

CAPSET_VERSION_3 = 0x20080522


def without_capability(*numbers: int) -> Callable[[], None]:
    """A process that gives some of its capabilities away."""

    def drop() -> None:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        kept = int(status.partition("CapPrm:")[2].split()[0], 16) & ~sum(1 << number for number in numbers)
        low, high = kept & 0xFFFFFFFF, kept >> 32
        header, data = struct.pack("Ii", CAPSET_VERSION_3, 0), struct.pack("6I", low, low, 0, high, high, 0)
        call(ctypes.CDLL(None, use_errno=True).capset(header, data))

    return drop


@pytest.mark.parametrize(
    ("numbers", "named"),
    [((12,), "CAP_NET_ADMIN"), ((21,), "CAP_SYS_ADMIN"), ((12, 21), "CAP_NET_ADMIN and CAP_SYS_ADMIN")],
)
def test_a_missing_capability_is_named(host: Host, numbers: tuple[int, ...], named: str) -> None:
    failed = host.module("netns", name="ns1", inside=without_capability(*numbers))
    assert failed["msg"] == f"this needs {named}, which the process does not have; run it as root"
    assert host.sh("ls /run/netns || true") == ""


def test_a_missing_library_is_named_with_its_interpreter(host: Host) -> None:
    failed = host.module("netns", name="ns1", inside=lambda: setattr(netlink, "IMPORT_ERROR", "No module"))
    told = f"the required Python library (pyroute2 >= 0.7) on {platform.node()}'s Python {sys.executable}."
    assert failed["msg"].startswith(f"Failed to import {told}")


@pytest.mark.parametrize("version", ["0.5.14", "0.6.13"])
def test_a_library_that_is_too_old_is_named_with_what_would_do(host: Host, version: str) -> None:
    failed = host.module("netns", name="ns1", inside=lambda: setattr(netlink, "PYROUTE2", version))
    assert failed["msg"] == (
        f"pyroute2 {version} on {platform.node()}'s Python {sys.executable} is too old; 0.7 or newer is right"
    )


@pytest.mark.parametrize("version", ["0.7", "0.10.1", "1.0rc1", "unknown"])
def test_another_version_is_taken(host: Host, version: str) -> None:
    assert host.do("netns", name="ns1", inside=lambda: setattr(netlink, "PYROUTE2", version))["changed"]
