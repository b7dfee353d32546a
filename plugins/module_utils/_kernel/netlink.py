# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rtnetlink on sockets of our own; pyroute2's message classes encode and decode.

pyroute2's sockets are not used: they fork for each namespace, and differ between 0.7 and 0.9.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import traceback
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Optional

__all__ = ["ifaddrmsg", "ifinfmsg", "ndmsg", "nsidmsg", "rtmsg"]

IMPORT_ERROR: Optional[str] = None
PYROUTE2 = ""
try:
    import pyroute2
    from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
    from pyroute2.netlink.rtnl.ndmsg import ndmsg
    from pyroute2.netlink.rtnl.nsidmsg import nsidmsg
    from pyroute2.netlink.rtnl.rtmsg import rtmsg

    PYROUTE2 = str(pyroute2.__version__)
except ImportError:
    IMPORT_ERROR = traceback.format_exc()

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
RTM_GETNSID = 90
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP_INTR = 0x01, 0x04, 0x10
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_DUMP = 0x100, 0x200, 0x400, 0x300
NLM_F_ACK_TLVS = 0x200
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLMSGERR_ATTR_MSG = 1
SOL_NETLINK = 270
NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK = 10, 11, 12
SIOCGIFINDEX = 0x8933
HEADER = struct.Struct("=LHHLL")
# More unread acknowledgements than this overflow the default receive buffer (ENOBUFS),
WINDOW = 128
# and more bytes at once the default send buffer (EMSGSIZE).
WINDOW_BYTES = 64 * 1024


class Answer(NamedTuple):
    """What the kernel said to one request; code 0 is success."""

    code: int
    text: str


class Request(NamedTuple):
    """A message to send: pyroute2 class, type, flags, header fields, attributes."""

    cls: Any
    type: int
    flags: int
    header: dict[str, Any]
    attrs: Sequence[tuple[Any, Any]]

    def encode(self, number: int) -> bytes:
        message = self.cls()
        message["header"]["type"] = self.type
        message["header"]["flags"] = NLM_F_REQUEST | self.flags
        message["header"]["sequence_number"] = number
        for name, value in self.header.items():
            message[name] = value
        message["attrs"] = list(self.attrs)
        message.encode()
        return bytes(message.data)


class Route:
    """An rtnetlink socket in the namespace the thread is in when it is made."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        for option in (NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK):
            self._socket.setsockopt(SOL_NETLINK, option, 1)
        self._socket.bind((0, 0))
        self._number = 0

    def close(self) -> None:
        self._socket.close()

    def index(self, name: str) -> int:
        """A device's number; 0 where there is no such device."""
        try:
            answer = fcntl.ioctl(self._socket.fileno(), SIOCGIFINDEX, struct.pack("16si12x", name.encode(), 0))
        except OSError as error:
            if error.errno == errno.ENODEV:
                return 0
            raise
        return int(struct.unpack("16si12x", answer)[1])

    def dump(self, request: Request) -> list[Any]:
        """Every object of a kind; asked again when the kernel says that it changed meanwhile."""
        for _attempt in range(16):
            messages, interrupted = self._dump(request)
            if not interrupted:
                return messages
        raise OSError(errno.EINTR, "the tables kept changing while they were read")

    def _dump(self, request: Request) -> tuple[list[Any], bool]:
        self._number += 1
        self._socket.send(request._replace(flags=request.flags | NLM_F_DUMP).encode(self._number))
        messages: list[Any] = []
        interrupted = False
        while True:
            for kind, flags, number, body in self._receive():
                if number != self._number:
                    continue
                interrupted |= bool(flags & NLM_F_DUMP_INTR)
                if kind == NLMSG_DONE:
                    _check_end(body)
                    return messages, interrupted
                if kind == NLMSG_ERROR:
                    answer = _answer(body, flags)
                    raise OSError(answer.code, answer.text)
                messages.append(_decode(request.cls, body))

    def get(self, request: Request) -> Any:
        """One object."""
        self._number += 1
        self._socket.send(request.encode(self._number))
        while True:
            for kind, flags, number, body in self._receive():
                if number != self._number:
                    continue
                if kind == NLMSG_ERROR:
                    answer = _answer(body, flags)
                    raise OSError(answer.code, answer.text)
                return _decode(request.cls, body)

    def send(self, requests: Sequence[Request]) -> list[Answer]:
        """Sends requests pipelined and returns the kernel's answer to each; it goes on after an error."""
        first = self._number + 1
        answers: dict[int, Answer] = {}
        window: list[bytes] = []
        for request in requests:
            self._number += 1
            message = request._replace(flags=request.flags | NLM_F_ACK).encode(self._number)
            if len(window) == WINDOW or sum(map(len, window)) + len(message) > WINDOW_BYTES:
                self._exchange(window, answers)
                window = []
            window.append(message)
        self._exchange(window, answers)
        return [answers[number] for number in range(first, self._number + 1)]

    def _exchange(self, window: Sequence[bytes], answers: dict[int, Answer]) -> None:
        """Sends messages and collects their answers by number."""
        if window:
            self._socket.send(b"".join(window))
        numbers = {HEADER.unpack_from(message)[3] for message in window}
        while numbers:
            for kind, flags, number, body in self._receive():
                if kind == NLMSG_ERROR and number in numbers:
                    answers[number] = _answer(body, flags)
                    numbers.remove(number)

    def _receive(self) -> Iterator[tuple[int, int, int, bytes]]:
        data = self._socket.recv(1 << 20)
        offset = 0
        while offset + HEADER.size <= len(data):
            length, kind, flags, number = HEADER.unpack_from(data, offset)[:4]
            yield kind, flags, number, data[offset : offset + length]
            offset += (length + 3) & ~3


def _check_end(body: bytes) -> None:
    """A dump that fails on its way says so in its last message."""
    if len(body) >= HEADER.size + 4:
        (code,) = struct.unpack_from("=i", body, HEADER.size)
        if code < 0:
            raise OSError(-code, os.strerror(-code))


def _decode(cls: Any, body: bytes) -> Any:
    message = cls(body)
    message.decode()
    return message


def _answer(body: bytes, flags: int) -> Answer:
    """The error code, and the kernel's own words where it has any (extended acknowledgement)."""
    (code,) = struct.unpack_from("=i", body, HEADER.size)
    text = os.strerror(-code) if code else ""
    offset = HEADER.size + 4 + HEADER.size
    while flags & NLM_F_ACK_TLVS and offset + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, offset)
        if kind == NLMSGERR_ATTR_MSG:
            said = body[offset + 4 : offset + length].rstrip(b"\0").decode(errors="replace")
            text = f"{said} ({text})" if code else said
        offset += max((length + 3) & ~3, 4)
    return Answer(-code, text)
