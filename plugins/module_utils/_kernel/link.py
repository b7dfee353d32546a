# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links: read with their addresses, changed, moved and deleted."""

from __future__ import annotations

import ipaddress
import random
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from .._errors import KernelError
from .._model.addresses import AddAddress, DeleteAddress
from .._model.attributes import SetLink
from .._model.following import LEFT_BEHIND, STACKED
from .._model.link import DeleteLink, MoveLink
from .._model.ports import SetPort
from .._model.state import LO, Address, End, Link
from . import messages, netlink, ports
from .messages import Attributes, Message
from .netlink import Query, Raw, Request
from .session import Session

IFF_UP, IFF_NOARP = 1, 0x80
IFA_F_SECONDARY, IFA_F_PERMANENT, IFA_F_MANAGETEMPADDR, IFA_F_TEMPORARY = 0x01, 0x80, 0x100, 0x01
RTEXT_FILTER_SKIP_STATS = 8
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_MASTER, IFLA_TXQLEN, IFLA_GROUP = 1, 3, 4, 5, 10, 13, 27
IFLA_LINKINFO, IFLA_AF_SPEC, IFLA_EXT_MASK, IFLA_LINK_NETNSID, IFLA_MIN_MTU, IFLA_MAX_MTU = 18, 26, 29, 37, 50, 51
IFLA_PROP_LIST, IFLA_ALT_IFNAME, IFLA_OPERSTATE, IFLA_CARRIER, IFLA_TARGET_NETNSID = 52, 53, 16, 33, 46
# Groups that nobody else is likely to give to devices.
OWN_GROUPS = 1 << 30, 1 << 31
# Not present, down, or what is below it is.
OPER_DOWN = (1, 2, 3)
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
IFLA_VLAN_FLAGS, VLAN_FLAG_LOOSE_BINDING, IFLA_VXLAN_LINK = 2, 0x04, 3
# Within IFLA_AF_SPEC the settings of IPv6 are numbers in a row; of a device without IPv6 there are none.
IFLA_INET6_CONF, DEVCONF_MTU, DEVCONF_DISABLE_IPV6, DEVCONF_KEEP_ADDR_ON_DOWN = 2, 2, 26, 42
IFA_ADDRESS, IFA_LOCAL, IFA_LABEL, IFA_CACHEINFO, IFA_FLAGS, IFA_PROTO = 1, 2, 3, 6, 8, 11
RT_SCOPE_HOST = 254
IFA_F_NODAD, IFA_F_HOMEADDRESS, IFA_F_NOPREFIXROUTE, IFA_F_MCAUTOJOIN = 0x02, 0x10, 0x200, 0x400
IFA_F_GIVEN = IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN
# How long an address is preferred and valid, in seconds.
LIFETIMES = struct.Struct("=II")
SETTING = struct.Struct("=i")
INFINITE = 0xFFFFFFFF
FOR_EVER = LIFETIMES.pack(INFINITE, INFINITE)
LOOPBACK = ("127.0.0.1/8", "::1/128")
# Who made an address (IFAPROT_KERNEL_RA).
BY_ROUTER = b"\2"
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
BRIDGE_NUMBERS = {
    "stp": 5,
    "priority": 6,
    "forward_delay": 1,
    "hello_time": 2,
    "max_age": 3,
    "ageing_time": 4,
    "vlan_filtering": 7,
}
IFLA_BR_ROOT_ID, IFLA_BR_BRIDGE_ID, IFLA_BR_TOPOLOGY_CHANGE = 10, 11, 14
WITHOUT_STATISTICS = messages.attribute(IFLA_EXT_MASK, messages.WORD.pack(RTEXT_FILTER_SKIP_STATS))
ALL_LINKS = Query(netlink.RTM_GETLINK, messages.LINK, bytes(messages.LINK.size) + WITHOUT_STATISTICS)
ALL_ADDRESSES = Query(netlink.RTM_GETADDR, messages.ADDRESS, bytes(messages.ADDRESS.size))


class Seen:
    """A link as dumped: the value for the planner, and where its peer is said to be."""

    def __init__(self, message: Message) -> None:
        dummy, dummy, self.index, flags, dummy = message.header
        found = message.attributes
        self.name = messages.text(found.get(IFLA_IFNAME))
        self.altnames = messages.texts(found.get(IFLA_PROP_LIST, b""), IFLA_ALT_IFNAME)
        info = messages.attributes(found[IFLA_LINKINFO]) if IFLA_LINKINFO in found else {}
        self.kind, self.bridge = _kind(info)
        self.port = ports.read(info)
        self.master_index = messages.number(found.get(IFLA_MASTER))
        # Of a cable the other end, of what stands on a device that device; most others tell none or their own.
        other = messages.number(found.get(IFLA_LINK))
        self.peer_index = other if self.kind == "veth" else 0
        self.lower_index = _lower(self.kind, info, other)
        # Absent where the other is in the same namespace; -1 where its namespace is not known here.
        nsid = found.get(IFLA_LINK_NETNSID)
        self.peer_nsid: Optional[int] = None if nsid is None else messages.number(nsid)
        self.mac = messages.mac(found.get(IFLA_ADDRESS))
        self.mtu = messages.number(found.get(IFLA_MTU))
        self.min_mtu = messages.number(found.get(IFLA_MIN_MTU))
        self.max_mtu = messages.number(found.get(IFLA_MAX_MTU))
        self.txqueuelen = messages.number(found.get(IFLA_TXQLEN))
        self.up = bool(flags & IFF_UP)
        self.arp = not flags & IFF_NOARP
        settings = _ipv6_settings(found.get(IFLA_AF_SPEC))
        self.ipv6 = not _setting(settings, DEVCONF_DISABLE_IPV6)
        self.keeps_ipv6 = _setting(settings, DEVCONF_KEEP_ADDR_ON_DOWN) > 0
        self.ipv6_mtu = _setting(settings, DEVCONF_MTU)
        self.addresses: tuple[Address, ...] = ()

    def link(self, names: Mapping[int, str], peer: Optional[End]) -> Link:
        """The planner's value."""
        return Link(
            self.name,
            altnames=self.altnames,
            kind=self.kind,
            index=self.index,
            mac=self.mac,
            mtu=self.mtu,
            min_mtu=self.min_mtu,
            max_mtu=self.max_mtu,
            txqueuelen=self.txqueuelen,
            up=self.up,
            master=names.get(self.master_index),
            port=self.port,
            addresses=self.addresses,
            peer=peer,
            bridge=self.bridge,
            ipv6=self.ipv6,
            keeps_ipv6=self.keeps_ipv6,
            arp=self.arp,
            ipv6_mtu=self.ipv6_mtu,
        )


def _ipv6_settings(families: Optional[bytes]) -> bytes:
    inner = messages.attributes(families).get(socket.AF_INET6) if families else None
    return messages.attributes(inner).get(IFLA_INET6_CONF, b"") if inner else b""


def _setting(settings: bytes, number: int) -> int:
    return int(SETTING.unpack_from(settings, 4 * number)[0]) if len(settings) >= 4 * number + 4 else 0


def _lower(kind: str, info: Attributes, other: int) -> int:
    """The number of the device that a link stands on; 0 for a VLAN made not to follow it (`loose_binding`)."""
    if kind not in (*STACKED, *LEFT_BEHIND):
        return 0
    data = messages.attributes(info.get(IFLA_INFO_DATA, b""))
    if kind == "vxlan":
        return messages.number(data.get(IFLA_VXLAN_LINK))
    if kind == "vlan" and messages.number(data.get(IFLA_VLAN_FLAGS, b"")[:4]) & VLAN_FLAG_LOOSE_BINDING:
        return 0
    return other


def _kind(inner: Attributes) -> tuple[str, tuple[tuple[str, int], ...]]:
    kind = messages.text(inner.get(IFLA_INFO_KIND))
    if kind != "bridge" or IFLA_INFO_DATA not in inner:
        return kind, ()
    data = messages.attributes(inner[IFLA_INFO_DATA])
    found = {name: messages.number(data[where]) for name, where in BRIDGE_NUMBERS.items() if where in data}
    # 2 where a program of user space does the work.
    found["stp"] = min(found.get("stp", 0), 1)
    unknown = _hidden_times(data)
    return kind, tuple((name, value) for name, value in found.items() if name not in unknown)


def _hidden_times(data: Attributes) -> tuple[str, ...]:
    """The times of a bridge that the kernel does not tell: in their place it tells others.

    Those of the root of its spanning tree, which a bridge keeps when it leaves that; and twice the forward_delay as the
    ageing_time while a topology change is told.
    """
    is_root = data.get(IFLA_BR_ROOT_ID) == data.get(IFLA_BR_BRIDGE_ID)
    changes = messages.number(data.get(IFLA_BR_TOPOLOGY_CHANGE))
    return (*(() if is_root else ("forward_delay", "hello_time", "max_age")), *(("ageing_time",) if changes else ()))


def read(session: Session, netns: str) -> list[Seen]:
    """Every link of a namespace with its addresses: two dumps."""
    route = session.socket(netns)
    links = [Seen(message) for message in route.dump(ALL_LINKS)]
    addresses: dict[int, list[Address]] = {}
    names = {link.index: link.name for link in links}
    dump = route.dump(ALL_ADDRESSES)
    # Since Linux 5.18 the kernel signs the addresses that it makes itself.
    tells = any(IFA_PROTO in message.attributes for message in dump)
    for message in dump:
        number = message.header[4]
        addresses.setdefault(number, []).append(_address(message, names.get(number, ""), tells))
    for link in links:
        link.addresses = tuple(addresses.get(link.index, ()))
    return links


def far_end(session: Session, netns: str, nsid: int, number: int) -> Seen:
    """A device of the namespace that is called `nsid` in another one, without its addresses."""
    target = messages.attribute(IFLA_TARGET_NETNSID, messages.WORD.pack(nsid))
    body = messages.LINK.pack(0, 0, number, 0, 0) + target + WITHOUT_STATISTICS
    return Seen(session.socket(netns).get(Query(netlink.RTM_GETLINK, messages.LINK, body)))


def _address(message: Message, device: str, tells: bool = False) -> Address:
    family, length, flags = message.header[:3]
    found = message.attributes
    flags = messages.number(found[IFA_FLAGS]) if IFA_FLAGS in found else flags
    far = found.get(IFA_ADDRESS, b"")
    raw = found.get(IFA_LOCAL) or far
    written = f"{messages.host(raw)}/{length}"
    # What the kernel gives `lo` when it comes up is not anybody's to declare.
    own = device == LO and written in LOOPBACK
    rest: dict[str, Any] = {
        "bare": bool(flags & IFA_F_NOPREFIXROUTE),
        "details": _details(message, flags & IFA_F_GIVEN, device),
        "lifetime": _lifetime(found.get(IFA_CACHEINFO, FOR_EVER)),
        "peer": str(messages.host(far)) if far not in (b"", raw) else "",
        "seen": True,
    }
    if family == socket.AF_INET6:
        # What a router gives is never permanent; others may want temporary addresses beside one of their own.
        by_router = flags & (IFA_F_MANAGETEMPADDR | IFA_F_PERMANENT) == IFA_F_MANAGETEMPADDR
        advertised = by_router or bool(flags & IFA_F_TEMPORARY) or found.get(IFA_PROTO) == BY_ROUTER
        # fe80::/10
        link_local = raw[0] == 0xFE and raw[1] & 0xC0 == 0x80
        for_a_time = not flags & IFA_F_PERMANENT
        given = tells and not advertised and IFA_PROTO not in found if link_local else for_a_time and not advertised
        return Address(written, own or advertised or link_local or for_a_time, given=given, **rest)
    # Beside the address that the kernel gives `lo`, whichever of them came first.
    is_beside_own = device == LO and raw[0] == 127
    return Address(written, own, bool(flags & IFA_F_SECONDARY) and not is_beside_own, **rest)


def _lifetime(times: bytes) -> str:
    """Until when an address is preferred and valid; empty for ever."""
    if times[:8] == FOR_EVER:
        return ""
    left = LIFETIMES.unpack_from(times)
    return " ".join(str(seconds if seconds == INFINITE else round(time.monotonic()) + seconds) for seconds in left)


def _left(lifetime: str) -> bytes:
    """How long an address is still preferred and valid: a second at least, and then it goes as it would have gone."""
    preferred, valid = (
        until if until == INFINITE else until - round(time.monotonic()) for until in map(int, lifetime.split())
    )
    return LIFETIMES.pack(max(preferred, 0), max(valid, 1)) + bytes(8)


def _details(message: Message, given: int, device: str) -> str:
    """What an address has that one would not have for which nothing else was said: scope and attributes, in hex."""
    scope, found = message.header[3], message.attributes
    four = message.header[0] == socket.AF_INET
    kept = {kind: value for kind, value in found.items() if kind not in (IFA_LOCAL, IFA_CACHEINFO, IFA_FLAGS)}
    if found.get(IFA_LOCAL, found.get(IFA_ADDRESS)) == kept.get(IFA_ADDRESS):
        del kept[IFA_ADDRESS]
    if messages.text(kept.get(IFA_LABEL)) == device:
        del kept[IFA_LABEL]
    if given:
        kept[IFA_FLAGS] = messages.WORD.pack(given)
    if not kept and not (four and scope):
        return ""
    return bytes([scope]).hex() + messages.packed(kept).hex()


def index(session: Session, netns: str, name: str) -> int:
    """A device's number in its namespace."""
    found = session.socket(netns).index(name)
    if not found:
        raise KernelError(f"find device {name}", netns, "there is no such device any more")
    return found


def is_settled(session: Session, netns: str, name: str) -> bool:
    """Whether the kernel has taken note of a device's carrier, which it does some time after the device came up."""
    body = messages.LINK.pack(0, 0, index(session, netns, name), 0, 0) + WITHOUT_STATISTICS
    message = session.socket(netns).get(Query(netlink.RTM_GETLINK, messages.LINK, body))
    runs = message.header[3] & IFF_UP and messages.number(message.attributes.get(IFLA_CARRIER))
    return not runs or messages.number(message.attributes.get(IFLA_OPERSTATE)) not in OPER_DOWN


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


def _set_port(session: Session, action: SetPort) -> list[tuple[str, Raw]]:
    body = messages.LINK.pack(0, 0, index(session, action.netns, action.name), 0, 0)
    body += messages.attribute(IFLA_LINKINFO, ports.info(action.changes))
    # The kernel does not look for settings of ports in RTM_SETLINK.
    return [(action.netns, Raw(netlink.RTM_NEWLINK, 0, body))]


def without_queue(number: int) -> Request:
    """Sets a device's queue length to 0."""
    return Request(netlink.ifinfmsg, netlink.RTM_SETLINK, 0, {"index": number}, [("IFLA_TXQLEN", 0)])


def _move(session: Session, action: MoveLink) -> list[tuple[str, Request]]:
    # Back to the host by a descriptor of the host's own namespace: a process number 1 may be another's.
    attrs = [("IFLA_NET_NS_FD", session.descriptor(action.target))]
    header = {"index": index(session, action.netns, action.name)}
    return [(action.netns, Request(netlink.ifinfmsg, netlink.RTM_SETLINK, 0, header, attrs))]


def _delete(session: Session, action: DeleteLink) -> list[tuple[str, Request]]:
    header = {"index": index(session, action.netns, action.name)}
    return [(action.netns, Request(netlink.ifinfmsg, netlink.RTM_DELLINK, 0, header, ()))]


def delete_together(session: Session, netns: str, numbers: Sequence[int]) -> bool:
    """Deletes devices by a group that nothing else is in; whether the kernel did. Otherwise their groups are as before.

    One that has vanished meanwhile is gone as well.
    """
    route = session.socket(netns)
    groups = {seen.header[2]: messages.number(seen.attributes.get(IFLA_GROUP)) for seen in route.dump(ALL_LINKS)}
    here = [number for number in numbers if number in groups]
    group = random.randrange(*OWN_GROUPS)
    if not here or group in groups.values():
        return False
    by_group = Request(netlink.ifinfmsg, netlink.RTM_DELLINK, 0, {"index": 0}, [("IFLA_GROUP", group)])
    joined = route.send([_join(number, group) for number in here])
    if any(answer.code for answer in joined) or route.send([by_group])[0].code:
        route.send([_join(number, groups[number]) for number in here])
        return False
    return True


def _join(number: int, group: int) -> Request:
    return Request(netlink.ifinfmsg, netlink.RTM_SETLINK, 0, {"index": number}, [("IFLA_GROUP", group)])


def _add_address(session: Session, action: AddAddress) -> list[tuple[str, Raw]]:
    """An address with all that was read of it, if it was there before."""
    # REPLACE, not EXCL: with promote_secondaries the kernel may have kept a secondary that was to be added again.
    flags = netlink.NLM_F_CREATE | netlink.NLM_F_REPLACE
    found = action.found or Address(action.address)
    address = ipaddress.ip_interface(action.address)
    # A loopback address is the host's alone: where lo has another of the network, the kernel takes no other scope.
    narrow = action.found is None and address.version == 4 and address.ip.is_loopback
    details = bytes([RT_SCOPE_HOST]) if narrow else bytes.fromhex(found.details or "00")
    number = index(session, action.netns, action.name)
    body = messages.ADDRESS.pack(messages.FAMILIES[address.version], address.network.prefixlen, 0, details[0], number)
    body += messages.attribute(IFA_LOCAL, address.ip.packed)
    if IFA_ADDRESS not in messages.attributes(details, 1):
        body += messages.attribute(IFA_ADDRESS, address.ip.packed)
    if found.lifetime:
        body += messages.attribute(IFA_CACHEINFO, _left(found.lifetime))
    return [(action.netns, Raw(netlink.RTM_NEWADDR, flags, body + details[1:]))]


def _delete_address(session: Session, action: DeleteAddress) -> list[tuple[str, Request]]:
    address = ipaddress.ip_interface(action.address)
    header = {
        "index": index(session, action.netns, action.name),
        "family": messages.FAMILIES[address.version],
        "prefixlen": address.network.prefixlen,
    }
    # The kernel knows a point-to-point address by its peer.
    attrs = [("IFA_LOCAL", str(address.ip)), ("IFA_ADDRESS", action.peer or str(address.ip))]
    return [(action.netns, Request(netlink.ifaddrmsg, netlink.RTM_DELADDR, 0, header, attrs))]


REQUESTS: dict[type, Any] = {
    SetLink: _set,
    SetPort: _set_port,
    MoveLink: _move,
    DeleteLink: _delete,
    AddAddress: _add_address,
    DeleteAddress: _delete_address,
}
