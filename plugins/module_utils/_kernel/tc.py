# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queueing disciplines and filters: pyroute2 does not decode the tag and identifier of a filter's program."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from . import netlink
from .netlink import Request

RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC = 36, 37, 38
RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER = 44, 45, 46
HEADER = struct.Struct("=BxxxiIII")
ATTRIBUTE = struct.Struct("=HH")
TCA_KIND, TCA_OPTIONS = 1, 2
TCA_BPF_FD, TCA_BPF_NAME, TCA_BPF_FLAGS, TCA_BPF_ID = 6, 7, 8, 11
DIRECT_ACTION = 1
# Both the older ingress and clsact are at this place of a device, which has one of them.
CLSACT_HANDLE, CLSACT = 0xFFFF0000, 0xFFFFFFF1
INGRESS, EGRESS = 0xFFFFFFF2, 0xFFFFFFF3
ETH_P_ALL = 0x0003


class tcmsg(dict[str, Any]):
    """A message about traffic control, with the interface of pyroute2's classes."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__(header={}, ifindex=0, handle=0, parent=0, info=0, attrs=[])
        self.data = data

    def encode(self) -> None:
        fields = HEADER.pack(0, *(self[name] for name in ("ifindex", "handle", "parent", "info")))
        body = fields + b"".join(attribute(kind, value) for kind, value in self["attrs"])
        header = self["header"]
        front = (netlink.HEADER.size + len(body), header["type"], header["flags"], header["sequence_number"], 0)
        self.data = netlink.HEADER.pack(*front) + body

    def decode(self) -> None:
        start = netlink.HEADER.size
        names = ("ifindex", "handle", "parent", "info")
        self.update(zip(names, HEADER.unpack_from(self.data, start)[1:]))
        self["attrs"] = list(attributes(self.data[start + HEADER.size :]).items())

    def get_attr(self, kind: int) -> bytes:
        return bytes(dict(self["attrs"]).get(kind, b""))


def attribute(kind: int, value: bytes) -> bytes:
    length = ATTRIBUTE.size + len(value)
    return ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    offset = 0
    while offset + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, offset)
        # The two upper bits are marks.
        found[kind & 0x3FFF] = data[offset + ATTRIBUTE.size : offset + length]
        offset += max((length + 3) & ~3, ATTRIBUTE.size)
    return found


class Filter(NamedTuple):
    """A filter as dumped; `name` and `program` of cls_bpf only."""

    kind: str
    preference: int
    handle: int
    name: str
    program: int


def disciplines(route: netlink.Route) -> set[int]:
    """The numbers of the devices that have clsact or ingress."""
    found = route.dump(Request(tcmsg, RTM_GETQDISC, 0, {}, ()))
    return {message["ifindex"] for message in found if message["handle"] == CLSACT_HANDLE}


def filters(route: netlink.Route, index: int, parent: int) -> list[Filter]:
    """A device's filters in one direction."""
    messages = route.dump(Request(tcmsg, RTM_GETTFILTER, 0, {"ifindex": index, "parent": parent}, ()))
    # A message without a handle says only that there is a chain of filters.
    return [_filter(message) for message in messages if message["handle"]]


def _filter(message: tcmsg) -> Filter:
    kind = text(message.get_attr(TCA_KIND))
    options = attributes(message.get_attr(TCA_OPTIONS)) if kind == "bpf" else {}
    program = options.get(TCA_BPF_ID, bytes(4))
    return Filter(
        kind,
        message["info"] >> 16,
        message["handle"],
        text(options.get(TCA_BPF_NAME, b"")),
        struct.unpack("=I", program)[0],
    )


def text(value: bytes) -> str:
    return value.split(b"\0")[0].decode(errors="replace")


def add_clsact(index: int) -> Request:
    header = {"ifindex": index, "handle": CLSACT_HANDLE, "parent": CLSACT}
    flags = netlink.NLM_F_CREATE | netlink.NLM_F_EXCL
    return Request(tcmsg, RTM_NEWQDISC, flags, header, [(TCA_KIND, b"clsact\0")])


def delete_clsact(index: int) -> Request:
    header = {"ifindex": index, "handle": CLSACT_HANDLE, "parent": CLSACT}
    return Request(tcmsg, RTM_DELQDISC, 0, header, [(TCA_KIND, b"clsact\0")])


def _place(index: int, preference: int, handle: int) -> dict[str, int]:
    protocol = struct.unpack("=H", struct.pack("!H", ETH_P_ALL))[0]
    return {"ifindex": index, "parent": INGRESS, "handle": handle, "info": preference << 16 | protocol}


def set_filter(index: int, preference: int, handle: int, program: int, name: str) -> Request:
    """Adds a filter, or replaces its program, which the packets that are on their way do not notice."""
    options = attribute(TCA_BPF_FD, struct.pack("=I", program))
    options += attribute(TCA_BPF_NAME, name.encode() + b"\0")
    options += attribute(TCA_BPF_FLAGS, struct.pack("=I", DIRECT_ACTION))
    attrs = [(TCA_KIND, b"bpf\0"), (TCA_OPTIONS, options)]
    return Request(tcmsg, RTM_NEWTFILTER, netlink.NLM_F_CREATE, _place(index, preference, handle), attrs)


def delete_filter(index: int, preference: int, handle: int) -> Request:
    return Request(tcmsg, RTM_DELTFILTER, 0, _place(index, preference, handle), [(TCA_KIND, b"bpf\0")])
