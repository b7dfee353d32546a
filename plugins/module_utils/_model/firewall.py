# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What masquerade and forward_accept share: rules by their meaning, and where a host keeps its own.

A rule is known by the comment it carries in the kernel, which spells out what it matches; its body
is a set of words, the same for nftables and iptables, so that both compare by meaning.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import NamedTuple, Optional

from . import values
from .state import State

MASQUERADE, FORWARD_ACCEPT = "masquerade", "forward_accept"
AUTO, NFT, IPTABLES = "auto", "nftables", "iptables"
IPTABLES_NFT, IPTABLES_LEGACY = "iptables-nft", "iptables-legacy"
OWNER = "nsfabric"
FAMILY_NAME = {4: "ip", 6: "ip6"}
# nft refuses longer comments when it reads a saved rule set.
LONGEST_COMMENT = 127
Body = frozenset[str]
# The order in which a body's words are written: as nft prints addresses and devices, the verdict last.
VERDICTS = ("accept", "masquerade")
ORDER = ("family", "in", "out", "from", "to", "ct", *VERDICTS)


def tool(backend: str, family: str) -> str:
    """The program of one iptables for an IP version, such as ip6tables-legacy."""
    return backend.replace(IPTABLES, "ip6tables") if family == "ip6" else backend


TOOLS = frozenset({"nft", *(tool(name, ip) for name in (IPTABLES_NFT, IPTABLES_LEGACY) for ip in ("ip", "ip6"))})


def split_negation(device: str) -> tuple[bool, str]:
    """Whether every other device is meant, and the name."""
    return device.startswith("!"), device[1:] if device.startswith("!") else device


class Place(NamedTuple):
    """A chain. `backend` is who writes it: nft, or one of the two iptables."""

    backend: str
    family: str
    table: str
    chain: str

    def __str__(self) -> str:
        front = "" if self.backend == NFT else f"{self.backend} "
        return f"{front}{self.family} {self.table} {self.chain}"

    def takes(self, family: int) -> bool:
        """Whether packets of an IP version (0: of either) pass here."""
        return not family or self.family in ("inet", FAMILY_NAME[family])


@dataclass(frozen=True)
class Rule:
    """What a rule matches; `family` is 4, 6, or 0 for both, and "" is anything."""

    kind: str
    netns: str
    family: int = 0
    source: str = ""
    destination: str = ""
    in_interface: str = ""
    out_interface: str = ""

    @property
    def _matches(self) -> tuple[tuple[str, str], ...]:
        return (
            ("in", self.in_interface),
            ("out", self.out_interface),
            ("from", self.source),
            ("to", self.destination),
        )

    @property
    def reply(self) -> Rule:
        """The same traffic on its way back."""
        return replace(
            self,
            source=self.destination,
            destination=self.source,
            in_interface=self.out_interface,
            out_interface=self.in_interface,
        )

    def comment(self, reply: bool = False) -> str:
        """The mark in the kernel: owner and meaning; a digest stands for a meaning that is too long."""
        words = [word for pair in self._matches if pair[1] for word in pair]
        if self.family and not (self.source or self.destination):
            words[:0] = ["family", f"ipv{self.family}"]
        text = " ".join(words)
        front, back = f"{OWNER} {self.kind} ", " replies" if reply else ""
        if len((front + text + back).encode()) > LONGEST_COMMENT:
            text = f"digest {hashlib.sha256(text.encode()).hexdigest()[:32]}"
        return front + text + back

    def body(self, place: Place, reply: bool = False) -> Body:
        """The words of the rule as it stands in a chain."""
        rule = self.reply if reply else self
        words = {f"{key} {value}" for key, value in rule._matches if value}
        if self.family and place.family == "inet" and not (self.source or self.destination):
            words.add(f"family ipv{self.family}")
        if reply:
            words.add("ct established,related")
        words.add("masquerade" if self.kind == MASQUERADE else "accept")
        return frozenset(words)


class Chain(NamedTuple):
    """A base chain at the forward hook; `owned` is one that only the program that made it can change."""

    place: Place
    policy: str = "accept"
    holds_drops: bool = False
    owned: bool = False

    @property
    def drops(self) -> bool:
        return self.policy == "drop" or self.holds_drops


@dataclass(frozen=True)
class Found:
    """A rule of ours in the kernel.

    `handle` (nft) and `text` (iptables-save) are how it is named for deletion; `shadowed` says that
    someone else's rule that drops stands before it.
    """

    place: Place
    comment: str
    body: Body
    handle: int = 0
    text: str = ""
    shadowed: bool = False


def rule_of(found: Found, netns: str) -> Optional[Rule]:
    """The rule that something of ours is part of: told by its comment, or by its body where that has a digest."""
    kind, dummy, text = found.comment.partition(" ")[2].partition(" ")
    told = _pairs(text)
    reply, digest = "replies" in told, "digest" in told
    if digest:
        told = _pairs(" ".join(found.body))
    source, destination = told.get("from", ""), told.get("to", "")
    family = {"ipv4": 4, "ipv6": 6}.get(told.get("family", ""), 0)
    if source or destination:
        family = values.family(source or destination)
    rule = Rule(kind, netns, family, source, destination, told.get("in", ""), told.get("out", ""))
    if digest and reply:
        rule = rule.reply
    known = kind in (MASQUERADE, FORWARD_ACCEPT) and rule.comment(reply) == found.comment
    return rule if known else None


def _pairs(text: str) -> dict[str, str]:
    """Each key with the word that follows it; some stand alone."""
    words = iter(text.split())
    return {word: "" if word in ("replies", *VERDICTS) else next(words, "") for word in words}


@dataclass(frozen=True)
class Table:
    """A table of ours, or one that iptables-nft keeps, where we may stand beside others.

    `busy` names the chains with something that is not ours, "" standing for anything outside the chains;
    `wrong` chains of our names that are not at the hook they should be at. No packet reaches the chains of a `dormant`
    one.
    """

    backend: str
    family: str
    name: str
    chains: tuple[str, ...] = ()
    busy: frozenset[str] = frozenset()
    wrong: frozenset[str] = frozenset()
    dormant: bool = False

    @property
    def ours(self) -> bool:
        """Whether we made it: by its name, or by the empty chain that marks a table of iptables-nft."""
        return self.name == OWNER or OWNER in self.chains

    def holds(self, place: Place) -> bool:
        return (self.backend, self.family, self.name) == place[:3]


@dataclass(frozen=True)
class Firewall:
    """A namespace's netfilter rules, as far as they concern us.

    `tools` are the programs that work here, `iptables` the kind the plain command is, `legacy` whether
    legacy tables are in use, and `unseen` why there may be rules that could not be looked at.
    """

    tools: frozenset[str] = TOOLS
    iptables: str = IPTABLES_NFT
    legacy: bool = False
    ipv6: bool = True
    chains: tuple[Chain, ...] = ()
    tables: tuple[Table, ...] = ()
    rules: tuple[Found, ...] = ()
    unseen: str = ""
    nft_said: str = ""

    def ours(self, rule: Rule) -> list[Found]:
        """The parts of a rule that are there."""
        marks = (rule.comment(), rule.comment(reply=True))
        return [found for found in self.rules if found.comment in marks]

    def table(self, place: Place) -> Optional[Table]:
        return next((table for table in self.tables if table.holds(place)), None)

    def families(self, rule: Rule) -> tuple[int, ...]:
        """The IP versions a rule is for, on this host."""
        if rule.family:
            return (rule.family,)
        return (4, 6) if self.ipv6 else (4,)

    def program(self, place: Place) -> str:
        """The command a person types to change a chain."""
        if place.backend == NFT:
            return "nft"
        name = tool(place.backend, place.family)
        return name.split("-")[0] if place.backend == self.iptables else name


def firewall_of(state: State, netns: str) -> Firewall:
    """A namespace's rules; one that is only taken for granted is like a new one."""
    found: Optional[Firewall] = state.namespaces[netns].firewall or state.fresh.firewall
    return found or Firewall()
