# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a packet left a device, and when it was received by one: the kernel's own stamps of it.

Between the two lies the way alone: no system call, no scheduler and nothing of the program that measures.
See timestamping.rst in the kernel's documentation.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

SO_TIMESTAMPING = 37
TX_SOFTWARE, RX_SOFTWARE, REPORT_SOFTWARE, STAMP_ONLY = 1 << 1, 1 << 3, 1 << 4, 1 << 11
SECONDS = 10
TIMESPEC = struct.Struct("=qq")


class Unstamped(Exception):
    """The kernel begins to stamp what is received a moment after it was asked for."""


def ask(end: socket.socket) -> None:
    """From here on what the socket sends and receives is stamped."""
    # The kernel's time limit does not hold for the queue of stamps, Python's would.
    end.settimeout(None)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, TIMESPEC.pack(SECONDS, 0))
    end.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, TX_SOFTWARE | RX_SOFTWARE | REPORT_SOFTWARE | STAMP_ONLY)


def way(source: socket.socket, target: socket.socket) -> int:
    """Nanoseconds from device to device, of what was just sent by one socket and is taken from the other here."""
    sent = _stamp(source, socket.MSG_ERRQUEUE)
    # Redirected, the same packet is stamped by the next device that sends it as well.
    with suppress(BlockingIOError):
        while True:
            _stamp(source, socket.MSG_ERRQUEUE)
    return _stamp(target, 0) - sent


def _stamp(end: socket.socket, flags: int) -> int:
    for level, kind, data in end.recvmsg(256, 512, flags)[1]:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPING):
            seconds, nanoseconds = TIMESPEC.unpack_from(data)
            return int(seconds * 10**9 + nanoseconds)
    raise Unstamped
