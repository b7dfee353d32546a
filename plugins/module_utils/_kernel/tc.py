# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queueing disciplines and filters."""

from __future__ import annotations

import errno
import struct
from typing import Any, NamedTuple

from . import messages, netlink
from .messages import Message, attribute
from .netlink import Query, Request

RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC = 36, 37, 38
RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER = 44, 45, 46
RTM_NEWCHAIN, RTM_DELCHAIN, RTM_GETCHAIN = 100, 101, 102
# tcmsg: family, index, handle, parent, info.
HEADER = struct.Struct("=BxxxiIII")
TCA_KIND, TCA_OPTIONS, TCA_CHAIN, TCA_INGRESS_BLOCK = 1, 2, 11, 13
TCA_BPF_FD, TCA_BPF_NAME, TCA_BPF_FLAGS, TCA_BPF_ID = 6, 7, 8, 11
DIRECT_ACTION = 1
# Both the older ingress and clsact are at this place of a device, which has one of them.
CLSACT_HANDLE, CLSACT = 0xFFFF0000, 0xFFFFFFF1
INGRESS, EGRESS = 0xFFFFFFF2, 0xFFFFFFF3
ROOT = 0xFFFFFFFF
ETH_P_ALL = 0x0003


class tcmsg(dict[str, Any]):
    """A message that changes something, with the interface of pyroute2's classes."""

    def __init__(self) -> None:
        super().__init__(header={}, ifindex=0, handle=0, parent=0, info=0, attrs=[])
        self.data = b""

    def encode(self) -> None:
        fields = HEADER.pack(0, *(self[name] for name in ("ifindex", "handle", "parent", "info")))
        body = fields + b"".join(attribute(kind, value) for kind, value in self["attrs"])
        header = self["header"]
        front = (netlink.HEADER.size + len(body), header["type"], header["flags"], header["sequence_number"], 0)
        self.data = netlink.HEADER.pack(*front) + body


class Filter(NamedTuple):
    """A filter as dumped; `name` and `program` of cls_bpf only. Each chain has its own preferences."""

    kind: str
    chain: int
    preference: int
    handle: int
    name: str
    program: int


def disciplines(route: netlink.Route) -> dict[int, int]:
    """The devices that have clsact or ingress, by number, and the block of filters that each shares; 0 for none."""
    return {
        message.header[1]: messages.number(message.attributes.get(TCA_INGRESS_BLOCK))
        for message in _dump(route)
        if message.header[2] == CLSACT_HANDLE
    }


def queues(route: netlink.Route) -> dict[int, str]:
    """The kinds of the queueing disciplines that somebody gave devices, by number; the kernel's own have no handle."""
    return {
        message.header[1]: messages.text(message.attributes.get(TCA_KIND))
        for message in _dump(route)
        if message.header[2] and message.header[3] == ROOT
    }


def _dump(route: netlink.Route) -> list[Message]:
    try:
        return route.dump(_query(RTM_GETQDISC))
    except OSError as error:
        # A kernel without any.
        if error.errno == errno.EOPNOTSUPP:
            return []
        raise


def filters(route: netlink.Route, index: int, parent: int) -> list[Filter]:
    """A device's filters in one direction."""
    # A message without a handle says only that there is a chain of filters.
    found = route.dump(_query(RTM_GETTFILTER, index, parent))
    return [_filter(message) for message in found if message.header[2]]


def chains(route: netlink.Route, index: int, parent: int) -> list[int]:
    """The numbers of a device's chains of filters in one direction, empty ones too."""
    found = route.dump(_query(RTM_GETCHAIN, index, parent))
    return [messages.number(message.attributes.get(TCA_CHAIN)) for message in found]


def _query(kind: int, index: int = 0, parent: int = 0) -> Query:
    return Query(kind, HEADER, HEADER.pack(0, index, 0, parent, 0))


def _filter(message: Message) -> Filter:
    dummy, dummy, handle, dummy, info = message.header
    kind = messages.text(message.attributes.get(TCA_KIND))
    options = messages.attributes(message.attributes.get(TCA_OPTIONS, b"")) if kind == "bpf" else {}
    name, program = messages.text(options.get(TCA_BPF_NAME)), messages.number(options.get(TCA_BPF_ID))
    return Filter(kind, messages.number(message.attributes.get(TCA_CHAIN)), info >> 16, handle, name, program)


def add_clsact(index: int) -> Request:
    header = {"ifindex": index, "handle": CLSACT_HANDLE, "parent": CLSACT}
    flags = netlink.NLM_F_CREATE | netlink.NLM_F_EXCL
    return Request(tcmsg, RTM_NEWQDISC, flags, header, [(TCA_KIND, b"clsact\0")])


def delete_clsact(index: int) -> Request:
    header = {"ifindex": index, "handle": CLSACT_HANDLE, "parent": CLSACT}
    return Request(tcmsg, RTM_DELQDISC, 0, header, [(TCA_KIND, b"clsact\0")])


def add_chain(index: int, number: int) -> Request:
    """An empty chain of filters, which stays empty until somebody puts one there."""
    flags = netlink.NLM_F_CREATE | netlink.NLM_F_EXCL
    return _chain(RTM_NEWCHAIN, flags, index, number)


def delete_chain(index: int, number: int) -> Request:
    return _chain(RTM_DELCHAIN, 0, index, number)


def _chain(kind: int, flags: int, index: int, number: int) -> Request:
    header = {"ifindex": index, "parent": INGRESS}
    return Request(tcmsg, kind, flags, header, [(TCA_CHAIN, struct.pack("=I", number))])


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
