# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The netfilter rules of a namespace: read and changed by whichever programs keep them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .._errors import KernelError
from .._model.firewall import (
    IPTABLES_LEGACY,
    IPTABLES_NFT,
    NFT,
    OWNER,
    Firewall,
    tool,
)
from .._model.firewall_actions import DropTable
from .._model.state import HOST, place
from . import iptables, nftables, programs
from .listing import Listing
from .programs import ProgramFailed
from .session import Session

# The tables that iptables keeps by these names.
IPTABLES_TABLES = ("filter", "nat", "mangle", "raw", "security")
IPTABLES_CHAINS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")


def observe(session: Session, netns: str) -> Firewall:
    """What a namespace's rules are; not being able to look is an error."""
    with session.enter(netns):
        return observe_here(netns)


def observe_here(netns: str = HOST) -> Firewall:
    """The same for the namespace that this thread is in; `netns` is its name for messages."""
    with _told(netns):
        return _Look(netns).firewall()


def apply(session: Session, netns: str, actions: Sequence[Any]) -> None:
    """A batch of changes: one transaction for each of the programs that keep the chains."""
    with session.enter(netns), _told(netns):
        found = programs.installed()
        by_iptables: dict[tuple[str, str], list[Any]] = {}
        by_nft = []
        for action in actions:
            if isinstance(action, DropTable) or action.place.backend == NFT:
                by_nft.append(action)
            else:
                by_iptables.setdefault((action.place.backend, action.place.family), []).append(action)
        for (backend, family), batch in by_iptables.items():
            iptables.write(backend, found[tool(backend, family)], batch)
        if by_nft:
            nftables.write(found["nft"], by_nft)


@contextmanager
def _told(netns: str) -> Iterator[None]:
    try:
        yield
    except ProgramFailed as error:
        raise KernelError(error.attempted, netns, error.said, error.hint) from error


class _Look:
    """One observation, put together from what each program lists."""

    def __init__(self, netns: str) -> None:
        self.netns = netns
        self.programs = dict(programs.installed())
        self.listings: list[Listing] = []
        self.unseen = ""
        self.nft_said = ""
        self.legacy = {family: iptables.legacy_tables(family) for family in ("ip", "ip6")}

    def firewall(self) -> Firewall:
        self._look_by_nft()
        self._look_at_legacy()
        return Firewall(
            tools=frozenset(self.programs),
            iptables=programs.default_iptables(),
            legacy=any(self.legacy.values()),
            ipv6=os.path.exists("/proc/sys/net/ipv6"),
            chains=tuple(chain for listing in self.listings for chain in listing.forward_chains()),
            tables=tuple(listing.table() for listing in self.listings if _concerns_us(listing)),
            rules=tuple(found for listing in self.listings for found in listing.rules()),
            unseen=self.unseen,
            nft_said=self.nft_said,
        )

    def _look_by_nft(self) -> None:
        native = self._native()
        for family in ("ip", "ip6"):
            theirs = [listing for listing in native if listing.family == family and _is_kept_by_iptables(listing)]
            program = self.programs.get(tool(IPTABLES_NFT, family))
            if program and (theirs or "nft" not in self.programs):
                read = iptables.read(IPTABLES_NFT, family, program)
                native = [listing for listing in native if listing not in theirs or listing.name not in read]
                self._take(read, theirs)
        self.listings += native

    def _native(self) -> list[Listing]:
        if "nft" not in self.programs:
            return []
        try:
            return list(nftables.read(self.programs["nft"]).values())
        except ProgramFailed as error:
            if "not supported" not in error.said:
                raise
            # A kernel without nf_tables: there are no such rules, and there cannot be any.
            self.nft_said = error.said
            del self.programs["nft"]
            return []

    def _take(self, read: dict[str, Listing], theirs: list[Listing]) -> None:
        """Tables as iptables-save has them; it lists built-in chains that the kernel does not have yet."""
        for name, listing in read.items():
            seen = next((other for other in theirs if other.name == name), None)
            if seen is not None:
                listing.lines = {chain: lines for chain, lines in listing.lines.items() if chain in seen.lines}
                listing.bases = {chain: base for chain, base in listing.bases.items() if chain in seen.lines}
                listing.others = seen.others
            self.listings.append(listing)
        for listing in theirs:
            if listing.name not in read and nftables.has_unreadable_comments(listing, self.programs["nft"]):
                self.unseen = (
                    f"table {listing.family} {listing.name} in {place(self.netns)} cannot be read: nft has put rules "
                    "into it that iptables does not know, and nft cannot read the comments of iptables' rules; "
                    f"move nft's rules to a table of their own (nft list table {listing.family} {listing.name})"
                )

    def _look_at_legacy(self) -> None:
        for family, names in self.legacy.items():
            if not names:
                continue
            name = tool(IPTABLES_LEGACY, family)
            if name in self.programs:
                self.listings += iptables.read(IPTABLES_LEGACY, family, self.programs[name]).values()
            else:
                self.unseen = (
                    f"legacy iptables rules are in use in {place(self.netns)} (tables {', '.join(names)}) and "
                    f"{name} is not installed to read them; install the package iptables"
                )


def _is_kept_by_iptables(listing: Listing) -> bool:
    return listing.name in IPTABLES_TABLES and any(chain in IPTABLES_CHAINS for chain in listing.bases)


def _concerns_us(listing: Listing) -> bool:
    """Our own table, and iptables-nft's, which we may have made."""
    own = (listing.family, listing.name) == ("inet", OWNER)
    return own if listing.backend == NFT else listing.backend == IPTABLES_NFT
