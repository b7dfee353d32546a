# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links: read with their addresses, changed, moved and deleted."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any, Optional

from .._errors import KernelError
from .._model.addresses import AddAddress, DeleteAddress
from .._model.attributes import SetLink
from .._model.link import DeleteLink, MoveLink
from .._model.state import LO, Address, Link
from . import netlink
from .netlink import Request
from .session import Session

IFF_UP = 1
IFA_F_SECONDARY, IFA_F_PERMANENT, IFA_F_MANAGETEMPADDR, IFA_F_TEMPORARY = 0x01, 0x80, 0x100, 0x01
RTEXT_FILTER_SKIP_STATS = 8
SCOPE_LINK, SCOPE_HOST = 253, 254
SCALARS = {"mac": "IFLA_ADDRESS", "mtu": "IFLA_MTU", "txqueuelen": "IFLA_TXQLEN"}
BRIDGE = {
    "stp": "IFLA_BR_STP_STATE",
    "priority": "IFLA_BR_PRIORITY",
    "forward_delay": "IFLA_BR_FORWARD_DELAY",
    "hello_time": "IFLA_BR_HELLO_TIME",
    "max_age": "IFLA_BR_MAX_AGE",
    "ageing_time": "IFLA_BR_AGEING_TIME",
    "vlan_filtering": "IFLA_BR_VLAN_FILTERING",
}


class Seen:
    """A link as dumped: the value for the planner, and where its peer is said to be."""

    def __init__(self, message: Any) -> None:
        self.index: int = message["index"]
        self.name: str = message.get_attr("IFLA_IFNAME")
        self.kind, self.bridge = _kind(message)
        self.master_index: int = message.get_attr("IFLA_MASTER") or 0
        self.peer_index: int = (message.get_attr("IFLA_LINK") or 0) if self.kind == "veth" else 0
        # Absent where the peer is in the same namespace; -1 where its namespace is not known here.
        self.peer_nsid: Optional[int] = message.get_attr("IFLA_LINK_NETNSID")
        self.mac: Optional[str] = message.get_attr("IFLA_ADDRESS")
        self.mtu: int = message.get_attr("IFLA_MTU")
        self.min_mtu: int = message.get_attr("IFLA_MIN_MTU") or 0
        self.max_mtu: int = message.get_attr("IFLA_MAX_MTU") or 0
        self.txqueuelen: int = message.get_attr("IFLA_TXQLEN")
        self.up = bool(message["flags"] & IFF_UP)
        self.addresses: tuple[Address, ...] = ()

    def link(self, names: dict[int, str]) -> Link:
        """The planner's value; its peer is set by whoever knows the other namespaces."""
        return Link(
            self.name,
            kind=self.kind,
            index=self.index,
            mac=self.mac,
            mtu=self.mtu,
            min_mtu=self.min_mtu,
            max_mtu=self.max_mtu,
            txqueuelen=self.txqueuelen,
            up=self.up,
            master=names.get(self.master_index),
            addresses=self.addresses,
            bridge=self.bridge,
        )


def _kind(message: Any) -> tuple[str, tuple[tuple[str, int], ...]]:
    info = message.get_attr("IFLA_LINKINFO")
    kind = (info.get_attr("IFLA_INFO_KIND") if info else None) or ""
    data = info.get_attr("IFLA_INFO_DATA") if kind == "bridge" else None
    if not data:
        return kind, ()
    found = {name: data.get_attr(attribute) for name, attribute in BRIDGE.items()}
    # 2 where a program of user space does the work.
    found["stp"] = min(found["stp"] or 0, 1)
    return kind, tuple((name, value) for name, value in found.items() if value is not None)


def read(session: Session, netns: str) -> list[Seen]:
    """Every link of a namespace with its addresses: two dumps."""
    route = session.socket(netns)
    mask = [("IFLA_EXT_MASK", RTEXT_FILTER_SKIP_STATS)]
    links = [Seen(message) for message in route.dump(Request(netlink.ifinfmsg, netlink.RTM_GETLINK, 0, {}, mask))]
    addresses: dict[int, list[Address]] = {}
    for message in route.dump(Request(netlink.ifaddrmsg, netlink.RTM_GETADDR, 0, {}, ())):
        addresses.setdefault(message["index"], []).append(_address(message))
    for link in links:
        found = addresses.get(link.index, ())
        # What the kernel gives `lo` when it comes up is not anybody's to declare.
        own = ("127.0.0.1/8", "::1/128") if link.name == LO else ()
        link.addresses = tuple(Address(a.text, a.kernel_made or a.text in own, a.secondary) for a in found)
    return links


def _address(message: Any) -> Address:
    flags = message.get_attr("IFA_FLAGS") or message["flags"]
    text = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
    address = ipaddress.ip_interface(f"{text}/{message['prefixlen']}")
    if message["family"] == socket.AF_INET6:
        advertised = not flags & IFA_F_PERMANENT or bool(flags & (IFA_F_MANAGETEMPADDR | IFA_F_TEMPORARY))
        return Address(str(address), kernel_made=advertised or address.is_link_local)
    return Address(str(address), secondary=bool(flags & IFA_F_SECONDARY))


def index(session: Session, netns: str, name: str) -> int:
    """A device's number in its namespace."""
    found = session.socket(netns).index(name)
    if not found:
        raise KernelError(f"find device {name}", netns, "there is no such device any more")
    return found


def _set(session: Session, action: SetLink) -> list[tuple[str, Request]]:
    header: dict[str, Any] = {"index": index(session, action.netns, action.name)}
    attrs: list[tuple[str, Any]] = []
    for option, value in action.changes:
        if option == "up":
            header["flags"], header["change"] = (IFF_UP if value else 0), IFF_UP
        elif option == "master":
            attrs.append(("IFLA_MASTER", index(session, action.netns, value) if value else 0))
        else:
            attrs.append((SCALARS[option], value))
    return [(action.netns, Request(netlink.ifinfmsg, netlink.RTM_SETLINK, 0, header, attrs))]


def _move(session: Session, action: MoveLink) -> list[tuple[str, Request]]:
    # Back to the host by a descriptor of the host's own namespace: a process number 1 may be another's.
    attrs = [("IFLA_NET_NS_FD", session.descriptor(action.target))]
    header = {"index": index(session, action.netns, action.name)}
    return [(action.netns, Request(netlink.ifinfmsg, netlink.RTM_SETLINK, 0, header, attrs))]


def _delete(session: Session, action: DeleteLink) -> list[tuple[str, Request]]:
    header = {"index": index(session, action.netns, action.name)}
    return [(action.netns, Request(netlink.ifinfmsg, netlink.RTM_DELLINK, 0, header, ()))]


def _address_request(session: Session, action: Any, kind: int, flags: int, far: str = "") -> list[tuple[str, Request]]:
    address = ipaddress.ip_interface(action.address)
    header = {
        "index": index(session, action.netns, action.name),
        "family": socket.AF_INET6 if address.version == 6 else socket.AF_INET,
        "prefixlen": address.network.prefixlen,
    }
    attrs = [("IFA_LOCAL", str(address.ip)), ("IFA_ADDRESS", far or str(address.ip))]
    return [(action.netns, Request(netlink.ifaddrmsg, kind, flags, header, attrs))]


def _add_address(session: Session, action: AddAddress) -> list[tuple[str, Request]]:
    # REPLACE, not EXCL: with promote_secondaries the kernel may have kept a secondary that was to be added again.
    flags = netlink.NLM_F_CREATE | netlink.NLM_F_REPLACE
    return _address_request(session, action, netlink.RTM_NEWADDR, flags)


def _delete_address(session: Session, action: DeleteAddress) -> list[tuple[str, Request]]:
    return _address_request(session, action, netlink.RTM_DELADDR, 0, _far_address(session, action))


def _far_address(session: Session, action: DeleteAddress) -> str:
    """The peer's address of a point-to-point one, by which the kernel knows it; "" for any other."""
    number = index(session, action.netns, action.name)
    of_device = Request(netlink.ifaddrmsg, netlink.RTM_GETADDR, 0, {"index": number}, ())
    for message in session.socket(action.netns).dump(of_device):
        local, far = message.get_attr("IFA_LOCAL"), message.get_attr("IFA_ADDRESS")
        if local and local != far and message["index"] == number and _address(message).text == action.address:
            return str(far)
    return ""


REQUESTS = {
    SetLink: _set,
    MoveLink: _move,
    DeleteLink: _delete,
    AddAddress: _add_address,
    DeleteAddress: _delete_address,
}
