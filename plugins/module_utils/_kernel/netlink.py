# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rtnetlink on sockets of our own; pyroute2's message classes encode what changes something.

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
from functools import lru_cache
from typing import Any, NamedTuple, Optional, Union

from . import library
from .messages import Message, parse

__all__ = ["ifaddrmsg", "ifinfmsg", "ndmsg", "rtmsg"]

IMPORT_ERROR: Optional[str] = None
PYROUTE2 = ""
library.wait()
try:
    from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
    from pyroute2.netlink.rtnl.ndmsg import ndmsg
    from pyroute2.netlink.rtnl.rtmsg import rtmsg
except ImportError:
    IMPORT_ERROR = traceback.format_exc()
else:
    # Debian 12's package is without this file.
    try:
        from pyroute2.config import version

        PYROUTE2 = str(version.__version__)
    except ImportError:
        PYROUTE2 = "unknown"

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
RTM_GETNSID = 90
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP_INTR = 0x01, 0x04, 0x10
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_DUMP, NLM_F_APPEND = 0x100, 0x200, 0x400, 0x300, 0x800
NLM_F_ACK_TLVS = 0x200
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLMSGERR_ATTR_MSG = 1
SOL_NETLINK = 270
NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK = 10, 11, 12
SIOCGIFINDEX = 0x8933
SIOCGIFNAME = 0x8910
HEADER = struct.Struct("=LHHLL")
LENGTH = NUMBER = struct.Struct("=I")
# Where a message's number is, and in one of a link the device's.
AT_NUMBER, AT_INDEX = 8, 20
# More unread acknowledgements than this overflow the default receive buffer (ENOBUFS),
WINDOW = 128
# and more bytes at once the default send buffer (EMSGSIZE).
WINDOW_BYTES = 64 * 1024
# Twice what the kernel gives at once. To allocate a megabyte takes longer than many an answer.
BUFFER = 64 * 1024


class Answer(NamedTuple):
    """What the kernel said to one request; code 0 is success."""

    code: int
    text: str


class Request(NamedTuple):
    """A message to send: pyroute2 class, type, flags, header fields, attributes, and such that are encoded already."""

    cls: Any
    type: int
    flags: int
    header: dict[str, Any]
    attrs: Sequence[tuple[Any, Any]]
    more: bytes = b""

    def encode(self, number: int) -> bytes:
        """The message; what differs only by its number, or a setting by its device, is encoded once."""
        header, attrs = tuple(self.header.items()), tuple(self.attrs)
        index = None
        if self.type == RTM_SETLINK:
            header, index = tuple(each for each in header if each[0] != "index"), self.header["index"]
        try:
            encoded = _encode_once(self.cls, self.type, self.flags, header, attrs)
        except TypeError:
            # Nested attributes are dictionaries, which are no keys of a cache.
            encoded = _encode(self.cls, self.type, self.flags, header, attrs)
        message = bytearray(encoded)
        NUMBER.pack_into(message, AT_NUMBER, number)
        if index is not None:
            NUMBER.pack_into(message, AT_INDEX, index)
        LENGTH.pack_into(message, 0, len(message) + len(self.more))
        return bytes(message) + self.more


def _encode(cls: Any, kind: int, flags: int, header: Any, attrs: Sequence[Any]) -> bytes:
    message = cls()
    message["header"]["type"] = kind
    message["header"]["flags"] = NLM_F_REQUEST | flags
    message["header"]["sequence_number"] = 0
    for name, value in header:
        message[name] = value
    message["attrs"] = list(attrs)
    message.encode()
    return bytes(message.data)


_encode_once = lru_cache(maxsize=256)(_encode)


class Raw(NamedTuple):
    """A message to send whose header and attributes are there already."""

    type: int
    flags: int
    body: bytes

    def encode(self, number: int) -> bytes:
        message = HEADER.pack(HEADER.size + len(self.body), self.type, NLM_F_REQUEST | self.flags, number, 0)
        return message + self.body


class Query(NamedTuple):
    """A question: its type, its header and attributes, and the layout of the answers' headers."""

    type: int
    layout: struct.Struct
    body: bytes

    def encode(self, number: int, flags: int = 0) -> bytes:
        return HEADER.pack(HEADER.size + len(self.body), self.type, NLM_F_REQUEST | flags, number, 0) + self.body


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

    def fileno(self) -> int:
        return self._socket.fileno()

    def index(self, name: str) -> int:
        """A device's number; 0 where there is no such device."""
        try:
            answer = fcntl.ioctl(self, SIOCGIFINDEX, struct.pack("16si12x", name.encode(), 0))
        except OSError as error:
            if error.errno == errno.ENODEV:
                return 0
            raise
        return int(struct.unpack("16si12x", answer)[1])

    def name(self, index: int) -> str:
        """The name of the device that has a number; "" where there is no such device."""
        try:
            answer = fcntl.ioctl(self, SIOCGIFNAME, struct.pack("16si12x", b"", index))
        except OSError as error:
            if error.errno == errno.ENODEV:
                return ""
            raise
        return bytes(answer[:16]).rstrip(b"\0").decode()

    def dump(self, query: Query) -> list[Message]:
        """Every object of a kind; asked again when the kernel says that it changed meanwhile."""
        for _attempt in range(16):
            messages, interrupted = self._dump(query)
            if not interrupted:
                return messages
        raise OSError(errno.EINTR, "the tables kept changing while they were read")

    def _dump(self, query: Query) -> tuple[list[Message], bool]:
        self._number += 1
        self._socket.send(query.encode(self._number, NLM_F_DUMP))
        messages: list[Message] = []
        interrupted = False
        while True:
            data = self._socket.recv(BUFFER)
            for kind, flags, start, end in self._split(data):
                interrupted |= bool(flags & NLM_F_DUMP_INTR)
                if kind == NLMSG_DONE:
                    _check_end(data, start, end)
                    return messages, interrupted
                if kind == NLMSG_ERROR:
                    raise _error(data, start, end, flags)
                messages.append(parse(query.layout, data, start + HEADER.size, end))

    def get(self, query: Query) -> Message:
        """One object."""
        self._number += 1
        self._socket.send(query.encode(self._number))
        while True:
            data = self._socket.recv(BUFFER)
            for kind, flags, start, end in self._split(data):
                if kind == NLMSG_ERROR:
                    raise _error(data, start, end, flags)
                return parse(query.layout, data, start + HEADER.size, end)

    def send(self, requests: Sequence[Union[Request, Raw]]) -> list[Answer]:
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
            data = self._socket.recv(BUFFER)
            for number, kind, flags, start, end in _messages(data):
                if kind == NLMSG_ERROR and number in numbers:
                    answers[number] = _answer(data[start:end], flags)
                    numbers.remove(number)

    def _split(self, data: bytes) -> list[tuple[int, int, int, int]]:
        """The messages that answer the last question: type, flags, and where they are."""
        return [found[1:] for found in _messages(data) if found[0] == self._number]


def _messages(data: bytes) -> Iterator[tuple[int, int, int, int, int]]:
    """What was received: each message's number, type, flags, and where it is."""
    start = 0
    while start + HEADER.size <= len(data):
        length, kind, flags, number = HEADER.unpack_from(data, start)[:4]
        if start + length > len(data):
            raise OSError(errno.EMSGSIZE, "the kernel's answer is longer than any was expected to be")
        yield number, kind, flags, start, start + length
        start += (length + 3) & ~3


def _check_end(data: bytes, start: int, end: int) -> None:
    """A dump that fails on its way says so in its last message."""
    if end - start >= HEADER.size + 4:
        (code,) = struct.unpack_from("=i", data, start + HEADER.size)
        if code < 0:
            raise OSError(-code, os.strerror(-code))


def _error(data: bytes, start: int, end: int, flags: int) -> OSError:
    answer = _answer(data[start:end], flags)
    return OSError(answer.code, answer.text)


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
