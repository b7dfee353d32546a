# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who should reach whom, and who should not: the checks as declared."""

from __future__ import annotations

import errno
import ipaddress
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from . import values
from .problems import Problems, Reader
from .state import HOST, place

ICMP, TCP = "icmp", "tcp"
REACHABLE, UNREACHABLE = "reachable", "unreachable"
# What ping sends.
DEFAULT_SIZE = 56
# What fits into one IP packet behind the IP and the ICMP header.
LARGEST = {4: 65507, 6: 65527}

CHECK_OPTIONS: dict[str, Any] = {
    "name": {"type": "str"},
    "from": {"type": "str"},
    "to": {"type": "str", "required": True},
    "protocol": {"type": "str", "choices": [ICMP, TCP], "default": ICMP},
    "port": {"type": "int"},
    "expected": {"type": "str", "choices": [REACHABLE, UNREACHABLE], "default": REACHABLE},
    "device": {"type": "str"},
    "source": {"type": "str"},
    "size": {"type": "int"},
    "expected_ttl": {"type": "int"},
    "count": {"type": "int", "default": 1},
    "wait": {"type": "float", "default": 1.0},
    "timeout": {"type": "float", "default": 5.0},
    "retries": {"type": "int"},
}
OPTIONS: dict[str, Any] = {
    "checks": {"type": "list", "elements": "dict", "required": True, "options": CHECK_OPTIONS},
    "fail": {"type": "bool", "default": True},
}


@dataclass(frozen=True)
class Check:
    """One question to the network, and the answer it should give. Times are in seconds."""

    path: str
    name: Optional[str]
    netns: str
    to: str
    protocol: str = ICMP
    port: Optional[int] = None
    reachable: bool = True
    device: Optional[str] = None
    source: Optional[str] = None
    size: Optional[int] = None
    ttl: Optional[int] = None
    count: int = 1
    wait: float = 1.0
    timeout: float = 5.0
    retries: Optional[int] = None

    @property
    def family(self) -> int:
        return values.family(self.to)

    @property
    def expected(self) -> str:
        return REACHABLE if self.reachable else UNREACHABLE


def read(given: Sequence[Mapping[str, Any]], problems: Problems) -> list[Check]:
    """The checks; what is wrong with them goes to `problems`, all of it."""
    return [_check(Reader(options, f"checks[{number}]", problems)) for number, options in enumerate(given)]


def _check(reader: Reader) -> Check:
    check = Check(
        path=reader.path,
        name=reader.get("name"),
        netns=reader.get("from", _netns) or HOST,
        to=reader.get("to", destination) or "",
        protocol=reader.get("protocol"),
        port=reader.get("port", values.between(1, 65535)),
        reachable=reader.get("expected") == REACHABLE,
        device=reader.get("device", values.interface_name),
        source=reader.get("source", destination),
        size=reader.get("size", values.between(0, LARGEST[6], "bytes")),
        ttl=reader.get("expected_ttl", values.between(1, 255)),
        count=reader.get("count", values.between(1, 1000)),
        wait=reader.get("wait", _seconds(0.05, 60)),
        timeout=reader.get("timeout", _seconds(0, 3600)),
        retries=reader.get("retries", values.between(0, 10000)),
    )
    _check_protocol(reader)
    if check.to:
        _check_addresses(reader, check)
    if reader.get("expected_ttl") is not None and not check.reachable:
        reader.wrong("expected_ttl", "an answer that must not come has no TTL; leave it out or expect reachable")
    return check


def _check_protocol(reader: Reader) -> None:
    """Options that belong to one protocol only."""
    if reader.get("protocol") == TCP:
        if reader.get("port") is None:
            reader.wrong("port", "is required with protocol tcp")
        for name in ("size", "expected_ttl"):
            if reader.get(name) is not None:
                reader.wrong(name, "is of protocol icmp only")
    elif reader.get("port") is not None:
        reader.wrong("port", "is of protocol tcp only; echo requests have no port")


def _check_addresses(reader: Reader, check: Check) -> None:
    if check.source and values.family(check.source) != check.family:
        reader.wrong("source", f"{check.source} cannot be the source of packets to {check.to}: one is IPv4, one IPv6")
    if reader.get("device") is None and ipaddress.ip_address(check.to).is_link_local and check.family == 6:
        reader.wrong("device", f"is required: {check.to} is link-local, and each device has link-local neighbours")
    most = LARGEST[check.family]
    if check.size is not None and check.size > most:
        reader.wrong("size", f"{check.size} bytes do not fit into one IPv{check.family} packet: {most} do")


def _seconds(low: float, high: float) -> Callable[[float], float]:
    """A checker of times."""

    def check(value: float) -> float:
        if not low <= value <= high:
            raise ValueError(f"{value:g} is out of range: {low:g} to {high:g} seconds is right")
        return value

    return check


def _netns(value: str) -> str:
    if not value:
        raise ValueError("a namespace name is empty; leave it out to mean the host")
    return values.netns_name(value)


def destination(value: str) -> str:
    """A unicast address, in its canonical spelling."""
    text, percent, device = value.strip().partition("%")
    if percent:
        raise ValueError(f"{value!r} names a device; write {text} here, and device: {device}")
    try:
        host = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(_no_address(value)) from None
    if host.is_multicast or host.is_unspecified or str(host) == "255.255.255.255":
        raise ValueError(f"{value!r} is not the address of one host: it is multicast, broadcast or unspecified")
    mapped = getattr(host, "ipv4_mapped", None)
    if mapped:
        raise ValueError(f"{value!r} is an IPv4 address in IPv6 spelling; write {mapped}")
    return str(host)


def _no_address(value: str) -> str:
    head, slash, dummy = value.strip().partition("/")
    try:
        right = str(ipaddress.ip_address(head)) if slash else ""
    except ValueError:
        right = ""
    hint = f"write {right}, without the prefix length" if right else "names are not looked up"
    return f"{value!r} is not an IPv4 or IPv6 address; {hint}"


def said(code: int, check: Check, mtu: Optional[int] = None) -> str:
    """Why a probe could not be sent or a connection not be made: the kernel's words and what they mean here."""
    where = place(check.netns)
    meaning = {
        errno.EMSGSIZE: "" if mtu is None else f"MTU {mtu}",
        errno.ENETUNREACH: f"{where} has no route to {check.to}",
        errno.EACCES: f"a route of type prohibit in {where}",
        errno.EPERM: f"a firewall's output rule in {where} drops it",
        errno.EINVAL: f"what a blackhole route in {where} says",
        errno.ENODEV: f"there is no device {check.device} in {where}" if check.device else "",
        errno.ENETDOWN: f"a device in {where} is down",
        errno.EADDRNOTAVAIL: f"{check.source or 'the source address'} is not, or not yet, an address of {where}",
        errno.ECONNREFUSED: f"nothing listens on port {check.port} of {check.to}, or a firewall rejects it",
        errno.EAFNOSUPPORT: f"this kernel runs without IPv{check.family}",
    }.get(code, "")
    return os.strerror(code) + (f": {meaning}" if meaning else "")
