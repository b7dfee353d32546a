# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""By what a route or a neighbour is known again: the kernel has no numbers for these.

A route that leads elsewhere, or has another protocol or type, is another one, and so is a neighbour with another MAC
address. Whatever else differs is a change of the same one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Optional

from .state import Namespace, Neighbor, Route

Mark = Mapping[str, Any]


def of_route(route: Route, namespace: Namespace) -> Mark:
    """What a ledger writes of a route; the numbers are its devices'."""
    links = [namespace.links.get(hop.device or "") for hop in route.hops]
    return {
        "type": route.type,
        "protocol": route.protocol,
        "hops": [[hop.gateway, hop.device] for hop in route.hops],
        "numbers": [link.index if link else 0 for link in links],
    }


def of_neighbor(neighbor: Neighbor) -> Mark:
    return {"mac": neighbor.mac}


def unnumbered(mark: Mark) -> Mark:
    """The mark of what is only planned: which device the kernel finds to a gateway is not known before."""
    return {name: value for name, value in mark.items() if name != "numbers"}


def is_same(mark: Mark, now: Mark) -> bool:
    """Whether what stands now is what has a mark. A route loses hops with their devices, and is still the same."""
    if "mac" in mark:
        # One that was to be looked up at a device that was not there yet may be any.
        return mark["mac"] in (None, now["mac"])
    if (mark["type"], mark["protocol"], bool(mark["hops"])) != (now["type"], now["protocol"], bool(now["hops"])):
        return False
    planned, hops = "numbers" not in mark, list(_hops(mark))
    return all(any(_is_same_hop(hop, other, planned) for hop in hops) for other in _hops(now))


def is_any(marks: Iterable[Mark], now: Mark) -> bool:
    return any(is_same(mark, now) for mark in marks)


def union(one: Optional[Sequence[Mark]], other: Optional[Sequence[Mark]]) -> Optional[list[Mark]]:
    """The marks of what was made in two runs; None is not known."""
    if one is None or other is None:
        return None
    found: list[Mark] = []
    for mark in map(unnumbered, (*one, *other)):
        found += [] if mark in found else [mark]
    return found


class _Hop(NamedTuple):
    gateway: Optional[str]
    device: Optional[str]
    number: int


def _hops(mark: Mark) -> Iterator[_Hop]:
    numbers = mark.get("numbers") or [0] * len(mark["hops"])
    return (_Hop(gateway, device, number) for (gateway, device), number in zip(mark["hops"], numbers))


def _is_same_hop(hop: _Hop, now: _Hop, planned: bool) -> bool:
    """A device is known by its number, and where that is not known by its name."""
    if hop.gateway != now.gateway:
        return False
    if hop.number and now.number:
        return hop.number == now.number
    # Each device has link-local neighbours of its own; other gateways are on link of one.
    by_gateway = planned and hop.gateway and not ipaddress.ip_address(hop.gateway).is_link_local
    return hop.device == now.device or bool(by_gateway)
