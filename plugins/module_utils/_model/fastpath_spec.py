# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fast path as declared: its devices, and the addresses behind each."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from . import fastpath_table, values
from .fastpath_program import MODES, PEER
from .problems import Reader
from .scope import Scope
from .state import HOST, End

AUTO = "auto"
OPTIONS: dict[str, Any] = {
    "netns": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "name": {"type": "str", "required": True},
    "ends": {
        "type": "list",
        "elements": "dict",
        "options": {
            "device": {"type": "str", "required": True, "aliases": ["dev"]},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "mac": {"type": "str"},
        },
    },
    "mode": {"type": "str", "choices": [*MODES, AUTO], "default": PEER},
}
REQUIRED_IF = [("state", "present", ("ends",))]
Subject = tuple[str, str]


@dataclass(frozen=True)
class PathEnd:
    """A device that takes part, the addresses behind it, and the MAC there if it is told; `number` is its place."""

    device: str
    addresses: tuple[str, ...]
    mac: Optional[str]
    number: int = field(default=0, compare=False)

    @property
    def option(self) -> str:
        """Where its device stands."""
        return f"ends[{self.number}].device"


@dataclass(frozen=True)
class PathSpec:
    """A fast path as declared, its ends by the names of their devices."""

    path: str
    netns: str
    absent: bool
    name: str
    ends: tuple[PathEnd, ...]
    mode: str

    @property
    def subject(self) -> Subject:
        return self.netns, self.name

    def add_to(self, scope: Scope) -> None:
        needs = scope.namespace(self.netns)
        needs.hooks = True
        if not self.absent:
            needs.firewall = scope.fastpath = True
            scope.ends.update(End(self.netns, end.device) for end in self.ends)


def read(reader: Reader) -> PathSpec:
    absent = reader.get("state") == "absent"
    given = reader.options.get("ends")
    ends = [_read_end(reader, number, end) for number, end in enumerate(given or ())]
    if not absent and not given:
        reader.wrong("ends", "a fast path needs its devices, each with the addresses behind it")
    _check_unique(reader, ends)
    _check_room(reader, ends)
    return PathSpec(
        reader.path,
        reader.get("netns", values.netns_name) or HOST,
        absent,
        reader.get("name", _path_name) or "",
        () if absent else tuple(sorted(ends, key=lambda end: end.device)),
        reader.get("mode") or PEER,
    )


def _read_end(entry: Reader, number: int, given: Mapping[str, Any]) -> PathEnd:
    reader = Reader(given, entry.where(f"ends[{number}]"), entry.problems)
    addresses = reader.each("addresses", _address) or ()
    return PathEnd(
        reader.get("device", values.interface_name) or "",
        tuple(sorted(addresses, key=numeric)),
        reader.get("mac", values.mac),
        number,
    )


def _path_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", value):
        raise ValueError(f"{value!r} is not a fast path's name: letters, digits, '_', '-' and '.', at most 63")
    return value


def _address(value: str) -> str:
    """One address that packets are sent to from elsewhere."""
    interface = ipaddress.ip_interface(values.interface_address(value))
    found: Any = interface.ip
    if interface.network.prefixlen != found.max_prefixlen:
        raise ValueError(f"{value!r} is a subnet; an end has single addresses, such as {found}")
    # With those that stand for IPv4 addresses.
    reserved = found.version == 6 and not int(found) >> 64
    if found.is_loopback or found.is_link_local or reserved or str(found) == values.LIMITED_BROADCAST:
        raise ValueError(f"{value!r} is no address that is reached from elsewhere")
    return str(found)


def numeric(address: str) -> tuple[int, int]:
    found = ipaddress.ip_address(address)
    return found.version, int(found)


def _check_room(reader: Reader, ends: list[PathEnd]) -> None:
    try:
        fastpath_table.bits({address for end in ends for address in end.addresses})
    except ValueError as error:
        reader.wrong("ends", str(error))


def _check_unique(reader: Reader, ends: list[PathEnd]) -> None:
    """A device is one end, and an address is behind one of them."""
    devices: dict[str, int] = {}
    owners: dict[str, int] = {}
    for number, end in enumerate(ends):
        first = devices.setdefault(end.device, number)
        if first != number and end.device:
            reader.wrong(f"ends[{number}].device", f"{end.device} is declared already at ends[{first}]")
        for address in end.addresses:
            first = owners.setdefault(address, number)
            if first != number:
                reader.wrong(f"ends[{number}].addresses", f"{address} is behind {ends[first].device} already")
