# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The attributes that every link has."""

from __future__ import annotations


class ModuleDocFragment:
    """The options that `link`, `veth` and `bridge` share."""

    DOCUMENTATION = r"""
options:
  addresses:
    description:
      - The addresses of the device, IPv4 and IPv6, each with its prefix length. One without it is a host address,
        V(/32) or V(/128).
      - The list is exact. Other addresses are deleted, and V([]) deletes all of them. Link-local addresses and
        those that the kernel made itself, on V(lo) or from router advertisements, do not count and stay;
        a link-local one that a topology declares is one of its addresses like any other.
      - Left out, the addresses are left as they are.
    type: list
    elements: str
  up:
    description: Whether the device is administratively up.
    type: bool
  mtu:
    description:
      - The largest packet that the device sends, in bytes. A device with IPv6 addresses needs at least 1280.
    type: int
  mac:
    description:
      - The Ethernet address, in either case, with colons or hyphens. Quote it, since YAML takes one that consists of
        decimal digits for a number.
    type: str
  txqueuelen:
    description: The length of the transmit queue in packets. V(0) is a length like any other.
    type: int
  master:
    description:
      - The bridge in the same namespace that the device is a port of.
      - The empty string takes the device out of its bridge. Left out, it stays where it is.
    type: str
"""
