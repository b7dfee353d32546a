# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The topology document, checked as far as a drawing needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

SAMPLES = {
    "netns": "{name: ns1}",
    "link": "{name: eth0, addresses: [192.0.2.10/24]}",
    "veth": "{name: veth1, netns: ns1, peer: {name: br-veth1, master: br0}}",
    "bridge": "{name: br0, addresses: [10.1.0.254/24]}",
    "netns_route": "{netns: ns1, destination: default, gateway: 10.1.0.254}",
    "netns_neighbor": "{netns: ns1, device: veth1, address: 10.1.0.2, mac: '02:00:00:00:00:02'}",
    "netns_sysctl": "{name: net.ipv4.ip_forward, value: 1}",
    "masquerade": "{source: 10.1.0.0/24, out_interface: '!br0'}",
    "forward_accept": "{in_interface: br0, out_interface: eth0, replies: true}",
    "fastpath": "{name: fast, ends: [{device: veth1-host, addresses: [10.1.0.1]}]}",
}
ALIASES = {"dest": "destination", "via": "gateway", "dev": "device", "src": "source"}
NAMED = ("netns", "link", "veth", "bridge", "netns_sysctl")

Entry = Mapping[str, Any]
Document = dict[str, list[Entry]]


class DrawingError(ValueError):
    """The input is not a topology document; the message says what would be one."""


def read(config: object) -> Document:
    """The document's present entries, by kind."""
    if not isinstance(config, Mapping):
        raise DrawingError(
            f"a topology document is expected, that is, a dictionary such as {{veth: [{SAMPLES['veth']}]}}, "
            f"not {_kind_of(config)}"
        )
    unknown = sorted(str(key) for key in config if key not in SAMPLES)
    if unknown:
        hint = "; pass the value of its 'config' alone" if "config" in unknown else ""
        raise DrawingError(
            f"{', '.join(unknown)}: not part of a topology document, which has {', '.join(SAMPLES)}{hint}"
        )
    return {kind: _entries(kind, config.get(kind)) for kind in SAMPLES}


def _entries(kind: str, value: object) -> list[Entry]:
    if value is None:
        return []
    if not isinstance(value, (list, tuple)):
        raise DrawingError(f"{kind}: a list is expected, such as [{SAMPLES[kind]}], not {_kind_of(value)}")
    for index, entry in enumerate(value):
        _check(kind, f"{kind}[{index}]", entry)
    return [_by_full_names(entry) for entry in value if entry.get("state") != "absent"]


def _by_full_names(entry: Entry) -> Entry:
    named = {ALIASES.get(option, option): value for option, value in entry.items()}
    if isinstance(named.get("nexthops"), (list, tuple)):
        named["nexthops"] = [_by_full_names(hop) for hop in named["nexthops"] if isinstance(hop, Mapping)]
    return named


def _check(kind: str, where: str, entry: object) -> None:
    if not isinstance(entry, Mapping):
        raise DrawingError(f"{where}: a dictionary is expected, such as {SAMPLES[kind]}, not {_kind_of(entry)}")
    if kind in NAMED and optional(entry.get("name")) is None:
        raise DrawingError(f"{where}: name is missing; right would be {SAMPLES[kind]}")
    peer = entry.get("peer")
    if kind == "veth" and peer is not None and not (isinstance(peer, Mapping) and optional(peer.get("name"))):
        raise DrawingError(f"{where}: peer must be a dictionary with a name; right would be {SAMPLES[kind]}")


def _kind_of(value: object) -> str:
    if isinstance(value, str):
        return f"the string {str(value)!r}" if len(value) < 40 else "a string"
    if value is None:
        return "nothing (null)"
    return f"a value of type {type(value).__name__.lstrip('_')}"


def shown(value: object) -> str:
    """As text that can neither break a line nor command a terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in str(value))


def optional(value: object) -> Optional[str]:
    """The text of a value, None if it was not given."""
    return None if value is None or value == "" else shown(value)


def listed(value: object) -> list[Any]:
    """A list option, which may also be written as a comma-separated string."""
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return list(value)
    return [part.strip() for part in str(value).split(",") if part.strip()]


def is_true(value: object) -> bool:
    return value is True or str(value).lower() in ("true", "yes", "on", "1")


def is_false(value: object) -> bool:
    return value is False or str(value).lower() in ("false", "no", "off", "0")
