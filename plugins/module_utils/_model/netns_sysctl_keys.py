# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sysctl's name and its value, and which keys the kernel changes together."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any, Optional

from . import values
from .state import LO

Key = tuple[str, ...]
# Trees with a folder for each device: net/ipv4/conf/eth0/forwarding.
PER_DEVICE = ("conf", "neigh")
DEFAULT = "default"
EVERYWHERE = ("all", DEFAULT)
DISABLE_IPV6, FORWARDING, ACCEPT_RA, ACCEPT_DAD = "disable_ipv6", "forwarding", "accept_ra", "accept_dad"
# With a secret of its own a device makes its link-local address by that, until it is told otherwise.
STABLE_SECRET = "stable_secret"
BY_SECRET = "2"
# Two keys, one value: in packets and in bytes, in seconds and in milliseconds.
EXACT_TWINS = {
    "unres_qlen": "unres_qlen_bytes",
    "retrans_time": "retrans_time_ms",
    "base_reachable_time": "base_reachable_time_ms",
}
# Keys of net/ipv6/conf/all that write through to every device.
IPV6_THROUGH = (DISABLE_IPV6, "forwarding", "addr_gen_mode", "ignore_routes_with_linkdown", "force_forwarding")


def accept_ra(device: str) -> Key:
    """The key that says whether a device takes what routers advertise: 2 is also where it is a router itself."""
    return ("net", "ipv6", "conf", device, ACCEPT_RA)


def ipv6_mtu(device: str) -> Key:
    """The key of a device's MTU for IPv6 alone."""
    return ("net", "ipv6", "conf", device, "mtu")


def key(text: str) -> Key:
    """The parts of a key: dots separate, or slashes where the first separator is one.

    A device's name may have dots of its own: in net.ipv4.conf.eth9.100.forwarding it is eth9.100.
    """
    stripped = re.sub("^/proc/sys/", "", text.strip()).strip("/")
    separators = re.sub("[^./]", "", stripped)
    slashed = separators.startswith("/")
    parts = stripped.split("/" if slashed else ".")
    if not slashed:
        if "/" in separators:
            # procps' other spelling: among dots, a slash stands for a dot within a name.
            parts = [part.replace("/", ".") for part in parts]
        if len(parts) > 5 and parts[2] in PER_DEVICE:
            parts = [*parts[:3], ".".join(parts[3:-1]), parts[-1]]
    if parts[0] != "net" or len(parts) < 2:
        raise ValueError(f"{text!r} is not a key below net., such as net.ipv4.ip_forward")
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{text!r} has an empty part, '.' or '..' in it")
    if re.search(r"[\s\0*]", stripped) or max(map(len, parts)) > values.NAME_MAX:
        raise ValueError(f"{text[:80]!r} is not one key: no white space, no '*', no part longer than a file's name")
    device = device_of(tuple(parts))
    if device:
        values.interface_name(device)
    return tuple(parts)


def key_name(parts: Key) -> str:
    """A key as sysctl writes it: dotted, or with slashes where a part has a dot of its own."""
    return ("/" if any("." in part for part in parts) else ".").join(parts)


def device_of(parts: Key) -> Optional[str]:
    """The device a key belongs to."""
    return parts[3] if len(parts) == 5 and parts[2] in PER_DEVICE and parts[3] not in EVERYWHERE else None


def example_of(parts: Key) -> Key:
    """The same key of the one device that every namespace has."""
    return of_device(parts, LO)


def default_of(parts: Key) -> Key:
    """The key whose value a new device has in this one."""
    return of_device(parts, DEFAULT)


def of_device(parts: Key, name: str) -> Key:
    """The same key of another device."""
    return (*parts[:3], name, parts[4])


def exact_twin(parts: Key) -> Optional[Key]:
    """The key that tells the same value without rounding it; None where the key itself is exact."""
    return (*parts[:-1], EXACT_TWINS[parts[-1]]) if parts[-1] in EXACT_TWINS else None


def normal(value: Any, parts: Key = ()) -> str:
    """A value by its meaning: true is 1, numbers are numbers, white space is one blank."""
    if isinstance(value, dict):
        raise ValueError("a value is a number or a text, not a mapping")
    text = " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    text = {"true": "1", "false": "0"}.get(text.strip().lower(), text)
    form = FORMS.get(parts[-1] if parts else "", _number)
    return " ".join(form(word) for word in text.split())


def _number(word: str) -> str:
    """A number as the kernel reads it: 0x16 is hexadecimal, 010 octal."""
    if re.fullmatch("[+-]?0[xX][0-9a-fA-F]+", word):
        return str(int(word, 16))
    if re.fullmatch("[+-]?0[0-7]+", word):
        return str(int(word, 8))
    return str(int(word)) if re.fullmatch("[+-]?(0|[1-9][0-9]*)", word) else word


def _ranges(word: str) -> str:
    """A set of numbers as the kernel lists it: 7,8,9,11 is 7-9,11."""
    if not re.fullmatch("[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*", word):
        return word
    merged: list[list[int]] = []
    for low, high in sorted(_range(part) for part in word.split(",")):
        if merged and low <= merged[-1][1] + 1:
            merged[-1][1] = max(high, merged[-1][1])
        else:
            merged.append([low, high])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in merged)


def _range(text: str) -> tuple[int, int]:
    low, _dash, high = text.partition("-")
    return int(low), int(high or low)


def _mask(word: str) -> str:
    """A bit mask in hexadecimal, in groups of 32 bits."""
    if not re.fullmatch("[0-9a-fA-F]{1,8}(,[0-9a-fA-F]{8})*", word):
        return word
    return f"{int(word.replace(',', ''), 16):x}"


def _secret(word: str) -> str:
    """A secret that is written as an IPv6 address."""
    try:
        return str(ipaddress.ip_address(word))
    except ValueError:
        return word


# Keys that hold something else than numbers and names.
FORMS: dict[str, Callable[[str], str]] = {
    "ip_local_reserved_ports": _ranges,
    "ratemask": _ranges,
    "rps_default_mask": _mask,
    "flow_limit_cpu_bitmap": _mask,
    "stable_secret": _secret,
}


# Hosts take redirects and routers do not: the kernel changes this key together with ip_forward.
ACCEPT_REDIRECTS = ("net", "ipv4", "conf", "all", "accept_redirects")


def written_through(parts: Key) -> tuple[Key, ...]:
    """The keys that the kernel changes together with one that is written; "*" stands for every device."""
    ipv4 = ("net", "ipv4", "conf", "*", "forwarding")
    if parts == ("net", "ipv4", "ip_forward"):
        return ipv4, ACCEPT_REDIRECTS
    if parts == ("net", "ipv4", "conf", "all", "forwarding"):
        return ipv4, ("net", "ipv4", "ip_forward"), ACCEPT_REDIRECTS
    if parts[1:3] == ("ipv6", "conf") and parts[-1] == STABLE_SECRET:
        return ((*parts[:3], "*" if parts[3] == DEFAULT else parts[3], "addr_gen_mode"),)
    if parts[1:4] == ("ipv6", "conf", "all") and parts[-1] in IPV6_THROUGH:
        return (("net", "ipv6", "conf", "*", parts[-1]),)
    return ()


def followed(parts: Key, value: str, other: Key) -> Optional[str]:
    """What the kernel makes of another key when one is written; None where it leaves it alone."""
    if other == parts or not any(fits(other, pattern) for pattern in written_through(parts)):
        return None
    if other == ACCEPT_REDIRECTS:
        return "1" if value == "0" else "0"
    if parts[-1] == STABLE_SECRET:
        return None if other[3] in EVERYWHERE else BY_SECRET
    return None if parts[-1] == "force_forwarding" and other[3] == DEFAULT else value


def fits(parts: Key, pattern: Key) -> bool:
    """Whether a key is one that a pattern stands for."""
    return len(parts) == len(pattern) and all(wanted in ("*", part) for part, wanted in zip(parts, pattern))
