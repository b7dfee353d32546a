# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which capabilities this process lacks."""

from __future__ import annotations

CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}


def missing() -> list[str]:
    """The names of the capabilities that namespaces and netlink need and this process does not have."""
    with open("/proc/self/status", encoding="ascii") as stream:
        effective = next(int(line.split()[1], 16) for line in stream if line.startswith("CapEff:"))
    return [name for name, bit in CAPABILITIES.items() if not effective >> bit & 1]
