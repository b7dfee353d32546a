# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sockets for probes: opened where a check starts, and what the kernel's error queue says about one."""

from __future__ import annotations

import errno
import socket
import struct
from typing import NamedTuple, Optional

from .._errors import KernelError
from .._model import icmp
from .._model.reachability import Check
from .session import Session

IP_RECVERR, IPV6_RECVERR = 11, 25
RECEIVE_ERRORS = {4: (socket.IPPROTO_IP, IP_RECVERR), 6: (socket.IPPROTO_IPV6, IPV6_RECVERR)}
ADDRESS_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
# struct sock_extended_err; behind it, the address of the one who complained.
EXTENDED_ERROR = struct.Struct("=IBBBBII")
ORIGIN_ICMP, ORIGIN_ICMP6 = 2, 3
NO_RIGHT = "it needs CAP_NET_RAW, which root has"


class QueuedError(NamedTuple):
    """What the error queue holds: `info` is the MTU where a packet was too big."""

    code: int
    info: int
    complaint: str


def new(session: Session, netns: str, family: int, kind: int, protocol: int) -> socket.socket:
    """A non-blocking socket inside a namespace."""
    try:
        with session.enter(netns):
            made = socket.socket(ADDRESS_FAMILY[family], kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, protocol)
    except PermissionError as error:
        raise KernelError("open a socket for probes", netns, error.strerror or str(error), NO_RIGHT) from error
    return made


def sender(session: Session, check: Check, kind: int, protocol: int) -> socket.socket:
    """A socket that sends through the device and from the address that a check asks for."""
    made = new(session, check.netns, check.family, kind, protocol)
    try:
        if check.device:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, check.device.encode())
        if check.source:
            made.bind((check.source, 0))
    except OSError as error:
        made.close()
        if error.errno == errno.EPERM:
            raise KernelError("bind a socket for probes", check.netns, error.strerror or "", NO_RIGHT) from error
        raise
    return made


def queue_errors(sock: socket.socket, family: int, wanted: bool) -> None:
    """Has the kernel keep errors with their details, or throws away what it kept."""
    sock.setsockopt(*RECEIVE_ERRORS[family], int(wanted))


def queued_error(sock: socket.socket, family: int) -> Optional[QueuedError]:
    """The oldest error in the queue."""
    try:
        extra = sock.recvmsg(1, 512, socket.MSG_ERRQUEUE)[1]
    except OSError:
        return None
    for level, kind, data in extra:
        if (level, kind) == RECEIVE_ERRORS[family] and len(data) >= EXTENDED_ERROR.size:
            code, origin, type_, number, dummy, info, dummy = EXTENDED_ERROR.unpack_from(data)
            complaint = ""
            if origin in (ORIGIN_ICMP, ORIGIN_ICMP6):
                complaint = icmp.complaint(family, type_, number, info) + _offender(data[EXTENDED_ERROR.size :])
            return QueuedError(code, info, complaint)
    return None


def _offender(address: bytes) -> str:
    """Who complained, out of a struct sockaddr."""
    (family,) = struct.unpack_from("=H", address) if len(address) >= 2 else (socket.AF_UNSPEC,)
    if family == socket.AF_INET and len(address) >= 8:
        return " from " + socket.inet_ntop(family, address[4:8])
    if family == socket.AF_INET6 and len(address) >= 24:
        return " from " + socket.inet_ntop(family, address[8:24])
    return ""
