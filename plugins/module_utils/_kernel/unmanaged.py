# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others keep in a namespace beside its devices: only read, to tell what goes with it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress

from .._model.firewall import OWNER
from .._model.netns_route_actions import PROTOCOLS
from . import iptables, messages, programs
from .netlink import Query
from .session import Session

RTM_GETRULE = 34
# fib_rule_hdr: family, lengths, TOS, table, action, flags.
RULE = struct.Struct("=12x")
FRA_PROTOCOL = 21
ALL_RULES = Query(RTM_GETRULE, RULE, bytes(RULE.size))


def read(session: Session, netns: str) -> tuple[str, ...]:
    """In words; what a program would not list is not told."""
    by_others = [rule for rule in session.socket(netns).dump(ALL_RULES) if not _by_kernel(rule.attributes)]
    rules = [f"{len(by_others)} policy rule{'s' if len(by_others) > 1 else ''}"] if by_others else []
    with session.enter(netns):
        return (*rules, *_tables())


def _by_kernel(attributes: messages.Attributes) -> bool:
    """Whether a rule is one that every namespace starts with."""
    return messages.number(attributes.get(FRA_PROTOCOL)) == PROTOCOLS["kernel"]


def _tables() -> Iterator[str]:
    """The tables of nft and of iptables-legacy in the namespace the thread is in, but for our own."""
    nft = programs.installed().get("nft")
    with suppress(programs.ProgramFailed):
        for line in programs.run("list the nftables tables", nft, "list", "tables").splitlines() if nft else ():
            if line.split()[-1] != OWNER:
                yield f"nft {line}"
        for family in ("ip", "ip6"):
            yield from (f"iptables-legacy table {family} {name}" for name in iptables.legacy_tables(family))
