# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses and smaller subnets of a subnet, by their number."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from ansible.errors import AnsibleFilterError


def network_of(told: str, text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """The network that a filter was given, or the filter's error."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise AnsibleFilterError(f"{told}: {error}") from None
    if network.network_address != ipaddress.ip_interface(text).ip:
        raise AnsibleFilterError(f"{told}: '{text}' has bits set below its prefix length; the network is {network}")
    return network


def host_address(subnet: str, number: int, length: bool = True) -> str:
    """The address with a number in a subnet; negative numbers count back from its end."""
    network = network_of("host_address", subnet)
    if not -network.num_addresses <= number < network.num_addresses:
        raise AnsibleFilterError(
            f"host_address: {subnet} has no address number {number}: it has {network.num_addresses}"
        )
    address = network[number]
    return f"{address}/{network.prefixlen}" if length else str(address)


def subnet(supernet: str, number: int, length: int) -> str:
    """The subnet of a prefix length with a number; negative numbers count back from the end."""
    network = network_of("subnet", supernet)
    if not network.prefixlen <= length <= network.max_prefixlen:
        raise AnsibleFilterError(
            f"subnet: {supernet} has no subnets of length {length}, only of {network.prefixlen} to "
            f"{network.max_prefixlen}"
        )
    count = 2 ** (length - network.prefixlen)
    if not -count <= number < count:
        raise AnsibleFilterError(f"subnet: {supernet} has no /{length} number {number}: it has {count}")
    address = network[0] + (number % count << (network.max_prefixlen - length))
    return f"{address}/{length}"


def dual_stack(subnets: Sequence[str], *names: str) -> list[str]:
    """The subnets that are given of an IPv4 one and an IPv6 one, which a role's variables of these names say."""
    if isinstance(subnets, str) or len(subnets) != 2 or len(names) != 2:
        raise AnsibleFilterError("dual_stack: an IPv4 subnet and an IPv6 one are expected, and the names of both")
    for name, text, version in zip(names, subnets, (4, 6)):
        if text and not _is_of_version(text, version):
            raise AnsibleFilterError(f"{name} is {text}; an IPv{version} subnet is right")
        if text:
            network_of(name, text)
    return [text for text in subnets if text]


def _is_of_version(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_interface(text).version == version
    except ValueError:
        return False


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        return {"dual_stack": dual_stack, "host_address": host_address, "subnet": subnet}
