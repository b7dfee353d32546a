# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses of a subnet by their number."""

from __future__ import annotations

import ipaddress
from typing import Any

from ansible.errors import AnsibleFilterError


def host_address(subnet: str, number: int, length: bool = True) -> str:
    """The address with a number in a subnet; negative numbers count back from its end."""
    try:
        network = ipaddress.ip_network(subnet)
    except ValueError as error:
        raise AnsibleFilterError(f"host_address: {error}") from None
    if not -network.num_addresses <= number < network.num_addresses:
        raise AnsibleFilterError(
            f"host_address: {subnet} has no address number {number}: it has {network.num_addresses}"
        )
    address = network[number]
    return f"{address}/{network.prefixlen}" if length else str(address)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        return {"host_address": host_address}
