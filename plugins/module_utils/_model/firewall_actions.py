# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The changes to a namespace's rules, and the commands a person would type for them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import Any, Optional

from . import values
from .firewall import (
    FAMILY_NAME,
    NFT,
    ORDER,
    Body,
    Chain,
    Firewall,
    Found,
    Place,
    Table,
    firewall_of,
    split_negation,
)
from .state import State
from .step import CREATE, DELETE, Action, inside

HOOKS = {"postrouting": ("nat", "postrouting", 100), "forward": ("filter", "forward", 0)}
PRIORITY_NAMES = {100: "srcnat", 0: "filter"}


def ordered(body: Body) -> list[str]:
    """A body's words in the order in which they are written."""
    return sorted(body, key=lambda word: (ORDER.index(word.split()[0]), word))


def nft_text(body: Body, comment: str) -> str:
    """A rule in nft's language."""
    parts = [_nft_word(*word.partition(" ")[::2]) for word in ordered(body)]
    return " ".join([*parts, f'comment "{comment}"'])


def _nft_word(key: str, value: str) -> str:
    if key in ("in", "out"):
        negated, name = split_negation(value)
        return f'{key[0]}ifname {"!= " if negated else ""}"{name}"'
    if key in ("from", "to"):
        return f"{FAMILY_NAME[values.family(value)]} {'saddr' if key == 'from' else 'daddr'} {value}"
    return {"family": f"meta nfproto {value}", "ct": f"ct state {value}"}.get(key, key)


def iptables_words(body: Body, comment: str) -> list[str]:
    """A rule as arguments of iptables."""
    words: list[str] = []
    for word in ordered(body):
        key, dummy, value = word.partition(" ")
        if key in ("in", "out"):
            negated, name = split_negation(value)
            words += ["!"] * negated + [f"-{key[0]}", name]
        elif key in ("from", "to"):
            words += ["-s" if key == "from" else "-d", value]
        elif key == "ct":
            words += ["-m", "conntrack", "--ctstate", value.upper()]
        else:
            words += ["-m", "comment", "--comment", comment, "-j", key.upper()]
    return words


def change(state: State, netns: str, **changes: Any) -> None:
    """Puts other values into a namespace's planned firewall."""
    state.namespaces[netns].firewall = replace(firewall_of(state, netns), **changes)


class FirewallAction(Action):
    """A change to a namespace's rules; those of one namespace that follow each other are one transaction."""


@dataclass(frozen=True)
class AddRule(FirewallAction):
    """Puts a rule into a chain: NAT at the end, an accept at the top.

    Where rules of ours are put back, it goes before the rule with the handle `follower`; 0 is at the end.
    """

    netns: str
    place: Place
    comment: str
    body: Body
    program: str = "nft"
    follower: Optional[int] = None
    change = CREATE

    @property
    def at_top(self) -> bool:
        return "accept" in self.body and self.follower is None

    def what(self) -> str:
        return f"add a rule to {self.place}: {' '.join(ordered(self.body))}"

    def command(self) -> str:
        if self.place.backend == NFT:
            verb = "insert" if self.at_top or self.follower else "add"
            where = " ".join([*self.place[1:], *(["handle", str(self.follower)] if self.follower else [])])
            text = f"{verb} rule {where} {nft_text(self.body, self.comment)}"
            return inside(self.netns, f"nft {shlex.quote(text)}")
        words = [self.program, "-t", self.place.table, "-I" if self.at_top else "-A", self.place.chain]
        words += iptables_words(self.body, self.comment)
        return inside(self.netns, " ".join(word if word == "!" else shlex.quote(word) for word in words))

    def effect(self, state: State) -> None:
        rules = firewall_of(state, self.netns).rules
        change(state, self.netns, rules=(*rules, Found(self.place, self.comment, self.body)))


@dataclass(frozen=True)
class DeleteRule(FirewallAction):
    """Takes a rule of ours out of a chain."""

    netns: str
    found: Found
    program: str = "nft"
    change = DELETE

    @property
    def place(self) -> Place:
        return self.found.place

    def what(self) -> str:
        return f"delete a rule from {self.place}: {self.found.comment}"

    def command(self) -> str:
        if self.place.backend == NFT:
            words = f"nft delete rule {' '.join(self.place[1:])} handle {self.found.handle}"
        else:
            words = f"{self.program} -t {self.place.table} -D {self.place.chain} {self.found.text}"
        return inside(self.netns, words)

    def effect(self, state: State) -> None:
        rules = list(firewall_of(state, self.netns).rules)
        rules.remove(self.found)
        change(state, self.netns, rules=tuple(rules))


@dataclass(frozen=True)
class MakeChain(FirewallAction):
    """Makes a chain of our own, and its table where there is none.

    In a table of iptables-nft it stays empty: it is the mark that we made the table.
    """

    netns: str
    place: Place
    program: str = "nft"
    change = CREATE

    def what(self) -> str:
        return f"create chain {self.place}"

    def command(self) -> str:
        if self.place.backend != NFT:
            return inside(self.netns, f"{self.program} -t {self.place.table} -N {self.place.chain}")
        kind, hook, priority = HOOKS[self.place.chain]
        text = (
            f"add table {self.place.family} {self.place.table}; add chain {' '.join(self.place[1:])} "
            f"{{ type {kind} hook {hook} priority {PRIORITY_NAMES[priority]}; }}"
        )
        return inside(self.netns, f"nft {shlex.quote(text)}")

    def effect(self, state: State) -> None:
        firewall = firewall_of(state, self.netns)
        table = firewall.table(self.place) or Table(*self.place[:3])
        others = tuple(other for other in firewall.tables if not other.holds(self.place))
        base = (Chain(self.place),) if self.place.chain == "forward" else ()
        table = replace(table, chains=(*table.chains, self.place.chain))
        change(state, self.netns, tables=(*others, table), chains=(*firewall.chains, *base))


@dataclass(frozen=True)
class DropChain(FirewallAction):
    """Deletes a chain of our own that holds nothing any more."""

    netns: str
    place: Place
    program: str = "nft"
    change = DELETE

    def what(self) -> str:
        return f"delete chain {self.place}"

    def command(self) -> str:
        if self.place.backend != NFT:
            return inside(self.netns, f"{self.program} -t {self.place.table} -X {self.place.chain}")
        return inside(self.netns, f"nft delete chain {' '.join(self.place[1:])}")

    def effect(self, state: State) -> None:
        firewall = firewall_of(state, self.netns)
        tables = tuple(
            replace(table, chains=tuple(name for name in table.chains if name != self.place.chain))
            if table.holds(self.place)
            else table
            for table in firewall.tables
        )
        _forget(state, self.netns, firewall, tables, (self.place,))


@dataclass(frozen=True)
class DropTable(FirewallAction):
    """Deletes a table that we made and that holds nothing any more."""

    netns: str
    table: Table
    change = DELETE

    def what(self) -> str:
        return f"delete table {self.table.family} {self.table.name}"

    def command(self) -> str:
        return inside(self.netns, f"nft delete table {self.table.family} {self.table.name}")

    @property
    def places(self) -> tuple[Place, ...]:
        table = self.table
        return tuple(Place(table.backend, table.family, table.name, chain) for chain in table.chains)

    def effect(self, state: State) -> None:
        firewall = firewall_of(state, self.netns)
        tables = tuple(table for table in firewall.tables if table != self.table)
        _forget(state, self.netns, firewall, tables, self.places)


def _forget(state: State, netns: str, firewall: Firewall, tables: tuple[Table, ...], gone: tuple[Place, ...]) -> None:
    chains = tuple(chain for chain in firewall.chains if chain.place not in gone)
    change(state, netns, tables=tables, chains=chains)
