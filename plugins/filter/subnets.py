# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses and smaller subnets of a subnet, by their number."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


def whole(told: str, value: object) -> int:
    """A whole number, or the text of one, as -e gives it."""
    if isinstance(value, bool) or not re.fullmatch(r"\s*[+-]?[0-9]{1,40}\s*", str(value)):
        raise AnsibleFilterError(f"{told} is {value!r}; a whole number is right")
    return int(str(value))


def network_of(told: str, text: object) -> Network:
    """The network that a filter was given, or the filter's error."""
    if not isinstance(text, str):
        raise AnsibleFilterError(f"{told}: {text!r} is not a subnet, such as '10.1.0.0/24'")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise AnsibleFilterError(f"{told}: {error}") from None
    if network.network_address != ipaddress.ip_interface(text).ip:
        raise AnsibleFilterError(f"{told}: '{text}' has bits set below its prefix length; the network is {network}")
    return network


def host_address(subnet: str, number: object, length: object = True) -> str:
    """The address with a number in a subnet; negative numbers count back from its end."""
    network = network_of("host_address", subnet)
    place = whole("host_address: number", number)
    try:
        with_length = boolean(length)
    except TypeError:
        raise AnsibleFilterError(f"host_address: length is {length!r}; true or false is right") from None
    if not -network.num_addresses <= place < network.num_addresses:
        raise AnsibleFilterError(
            f"host_address: {subnet} has no address number {place}: it has {network.num_addresses}"
        )
    return f"{network[place]}/{network.prefixlen}" if with_length else str(network[place])


def subnet(supernet: str, number: object, length: object) -> str:
    """The subnet of a prefix length with a number; negative numbers count back from the end."""
    network = network_of("subnet", supernet)
    place, prefix = whole("subnet: number", number), whole("subnet: length", length)
    if not network.prefixlen <= prefix <= network.max_prefixlen:
        raise AnsibleFilterError(
            f"subnet: {supernet} has no subnets of length {prefix}, only of {network.prefixlen} to "
            f"{network.max_prefixlen}"
        )
    count = 2 ** (prefix - network.prefixlen)
    if not -count <= place < count:
        raise AnsibleFilterError(f"subnet: {supernet} has no /{prefix} number {place}: it has {count}")
    address = network[0] + (place % count << (network.max_prefixlen - prefix))
    return f"{address}/{prefix}"


def bounded(value: object, name: str, least: int, most: int) -> int:
    """The number that a role's variable of this name has, from the least to the most that it may have."""
    number = whole(name, value)
    if not least <= number <= most:
        raise AnsibleFilterError(f"{name} is {number}; {least} to {most} is right")
    return number


def dual_stack(
    subnets: Sequence[str],
    *names: str,
    numbers: Optional[Mapping[str, object]] = None,
    lengths: Optional[Mapping[str, object]] = None,
    shares: Optional[Mapping[str, object]] = None,
) -> list[str]:
    """The subnets that are given of an IPv4 one and an IPv6 one, which a role's variables of these names say."""
    if isinstance(subnets, str) or len(subnets) != 2 or len(names) != 2:
        raise AnsibleFilterError("dual_stack: an IPv4 subnet and an IPv6 one are expected, and the names of both")
    cuts: list[Optional[tuple[str, object]]] = [*(lengths or {}).items()] or [None, None]
    for name, text, version, cut in zip(names, subnets, (4, 6), cuts):
        if text and not _is_of_version(text, version):
            raise AnsibleFilterError(f"{name} is {text}; an IPv{version} subnet is right")
        if text:
            network = network_of(name, text)
            where, first = f"{name} {text}", -network.num_addresses
            if cut:
                where, network, first = *_cut(where, network, cut, shares or {}), 0
            _has_addresses(where, network, first, numbers or {})
    return [text for text in subnets if text]


def _cut(where: str, network: Network, cut: tuple[str, object], shares: Mapping[str, object]) -> tuple[str, Network]:
    """The first subnet of a length in a network, which has to have so many that each share is one of them."""
    name, value = cut
    length = whole(name, value)
    if not network.prefixlen <= length <= network.max_prefixlen:
        wanted = f"{network.prefixlen} to {network.max_prefixlen}"
        raise AnsibleFilterError(f"{name} is {length}; {wanted} is right with {where}")
    most = 2 ** (length - network.prefixlen) - 1
    for told, share in shares.items():
        if whole(told, share) > most:
            raise AnsibleFilterError(f"{told} is {share}; {where} has the /{length} subnets number 0 to {most}")
    return f"a /{length} of {where}", network_of(where, f"{network[0]}/{length}")


def _has_addresses(where: str, network: Network, first: int, numbers: Mapping[str, object]) -> None:
    last = network.num_addresses - 1
    for told, value in numbers.items():
        number = whole(told, value)
        if not first <= number <= last:
            least = first if number < 0 else 0
            raise AnsibleFilterError(f"{told} is {number}; {where} has the addresses number {least} to {last}")


def _is_of_version(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_interface(text).version == version
    except ValueError:
        return False


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        return {"bounded": bounded, "dual_stack": dual_stack, "host_address": host_address, "subnet": subnet}
