# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an option's text means: each function returns the canonical value or raises ValueError.

The messages say what is wrong and what would be right; the caller adds where.
"""

from __future__ import annotations

import ipaddress
import re
from functools import cache
from typing import Any, Union

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

IFNAMSIZ = 16
NAME_MAX = 255
LIMITED_BROADCAST = "255.255.255.255"
DEFAULT = {4: "0.0.0.0/0", 6: "::/0"}


def interface_name(value: str) -> str:
    """A name the kernel's dev_valid_name() accepts."""
    size = len(value.encode())
    if not value:
        raise ValueError("an interface name is empty")
    if size >= IFNAMSIZ:
        raise ValueError(f"the interface name {value!r} has {size} bytes; the kernel takes at most {IFNAMSIZ - 1}")
    # The kernel looks at bytes: 0xa0 is white space to it, also within a character such as "à".
    if value in (".", "..") or re.search(rb"[\x09-\x0d \xa0/:\0]", value.encode()):
        raise ValueError(f"{value!r} is not an interface name: no white space, '/' or ':', and neither '.' nor '..'")
    if "%" in value:
        raise ValueError(f"{value!r} is not an interface name: the kernel would put a number in place of '%'")
    if value in ("all", "default"):
        raise ValueError(f"{value!r} is not an interface name: it is the name of the settings for every device")
    return value


def netns_name(value: str) -> str:
    """The name of a file below /run/netns."""
    if not value:
        raise ValueError("a namespace name is empty; leave netns out to mean the host")
    if value in (".", "..") or "/" in value or "\0" in value:
        raise ValueError(f"{value!r} is not a namespace name: it becomes a file name, so no '/', and not '.' or '..'")
    if len(value.encode()) > NAME_MAX:
        raise ValueError(f"the namespace name {value[:20]!r}... is longer than {NAME_MAX} bytes")
    return value


def address(value: str) -> str:
    """One IPv4 or IPv6 address, in its canonical spelling."""
    if "%" in value:
        raise ValueError(f"{value!r} names a device after '%'; write the address alone, the device has its own option")
    try:
        return str(ipaddress.ip_address(value.strip()))
    except ValueError:
        raise ValueError(f"{value!r} is not an IPv4 or IPv6 address") from None


def gateway(value: str) -> str:
    """The address of a next router."""
    text = address(value)
    found = ipaddress.ip_address(text)
    if found.is_multicast or found.is_unspecified or found.is_loopback or text == LIMITED_BROADCAST:
        raise ValueError(f"{value!r} cannot be a router's address")
    return text


def interface_address(value: str) -> str:
    """An address with its prefix length; without one it is a host address (/32, /128)."""
    text = value.strip()
    head, slash, length = text.partition("/")
    host = ipaddress.ip_address(address(head))
    if slash:
        _check_prefix_length(text, host, length)
    if host.is_multicast or host.is_unspecified:
        raise ValueError(f"{value!r} cannot be given to a device: it is a multicast or the unspecified address")
    return str(ipaddress.ip_interface(f"{host}/{length}" if slash else host))


def network(value: str, default: bool = False) -> str:
    """A prefix without host bits; a bare address is a host prefix; "default" where a route allows it."""
    text = value.strip()
    if default and text in ("default", "any"):
        return "default"
    head, slash, length = text.partition("/")
    host = ipaddress.ip_address(address(head))
    if not slash:
        return str(ipaddress.ip_network(host))
    _check_prefix_length(text, host, length)
    try:
        return str(ipaddress.ip_network(f"{host}/{length}"))
    except ValueError:
        right = ipaddress.ip_network(f"{host}/{length}", strict=False)
        raise ValueError(f"{value!r} has bits set below its prefix length; the network is {right}") from None


def _check_prefix_length(text: str, host: Address, length: str) -> None:
    try:
        ipaddress.ip_network(f"{host}/{length}", strict=False)
    except ValueError:
        raise ValueError(f"{text!r} has a bad prefix length: 0 to {host.max_prefixlen} is right") from None


@cache
def on_link(text: str) -> Network:
    """The network of a canonical interface address; a thousand devices are often in one, and are planned thrice."""
    return ipaddress.ip_interface(text).network


def family(text: str) -> int:
    """4 or 6, of a canonical address or prefix."""
    return 6 if ":" in text else 4


def is_link_local(text: str) -> bool:
    """Of an interface address, with its prefix length: whether it is an IPv6 one that is unique on its link alone."""
    return family(text) == 6 and ipaddress.ip_interface(text).is_link_local


def mac(value: str) -> str:
    """A unicast Ethernet address, lower case with colons."""
    text = ethernet(value)
    if int(text[:2], 16) & 1:
        raise ValueError(f"{value!r} cannot be a device's MAC address: it is a group address")
    return text


def ethernet(value: str) -> str:
    """An Ethernet address, of one device or of a group, lower case with colons."""
    text = value.strip().lower().replace("-", ":")
    if not re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", text):
        raise ValueError(f"{value!r} is not a MAC address such as 02:00:00:00:00:01{_unquoted(text)}")
    if text == "00:00:00:00:00:00":
        raise ValueError(f"{value!r} is no device's MAC address")
    return text


def _unquoted(text: str) -> str:
    """A hint for a MAC of decimal digits: YAML 1.1 reads it as a number to the base of 60."""
    if not re.fullmatch("[0-9]{1,11}", text):
        return ""
    groups: list[str] = []
    left = int(text)
    for _power in range(5):
        left, digit = divmod(left, 60)
        groups.insert(0, f"{digit:02}")
    return f'; YAML read a number, so quote it: "{left:02}:{":".join(groups)}"' if 0 < left < 100 else ""


def between(low: float, high: float, unit: str = "") -> Any:
    """A checker of numbers from `low` to `high`, both included."""

    def check(value: float) -> float:
        if not low <= value <= high:
            raise ValueError(f"{value} is out of range: {low} to {high}{unit and ' ' + unit} is right")
        return value

    return check


def out_interface(value: str) -> str:
    """A device name, with a leading "!" for every other device."""
    name = value.strip()
    if name.startswith("!"):
        return "!" + interface_name(name[1:].strip())
    return interface_name(name)
