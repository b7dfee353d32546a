# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A table as listed, whoever keeps it, and what can be told from the order of its rules."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple, Optional

from .._model.firewall import OWNER, Chain, Found, Place, Table
from .._model.firewall_actions import HOOKS


class Line(NamedTuple):
    """One rule: whether it drops or rejects by itself, the chains it leads to, and what it is if it is ours."""

    drops: bool = False
    leads_to: tuple[str, ...] = ()
    found: Optional[Found] = None


class Base(NamedTuple):
    """What makes a chain a base chain."""

    kind: str
    hook: str
    policy: str


@dataclass
class Listing:
    """One table; `others` says that it holds more than chains, `flags` are nftables' (dormant, owner)."""

    backend: str
    family: str
    name: str
    bases: dict[str, Base] = field(default_factory=dict)
    lines: dict[str, list[Line]] = field(default_factory=dict)
    others: bool = False
    flags: tuple[str, ...] = ()

    def place(self, chain: str) -> Place:
        return Place(self.backend, self.family, self.name, chain)

    def dropping(self) -> set[str]:
        """The chains that may drop what enters them."""
        found: set[str] = set()
        while True:
            more = {chain for chain, lines in self.lines.items() if any(_may_drop(line, found) for line in lines)}
            if more == found:
                return found
            found = more

    def rules(self) -> list[Found]:
        """Our rules in it; one that stands behind a rule that may drop is shadowed."""
        dropping = self.dropping()
        rules = []
        for lines in self.lines.values():
            shadowed = False
            for line in lines:
                if line.found:
                    rules.append(replace(line.found, shadowed=shadowed))
                shadowed = shadowed or _may_drop(line, dropping)
        return rules

    def forward_chains(self) -> list[Chain]:
        """Its base chains at the forward hook; a dormant table has none in force."""
        dropping = self.dropping()
        return [
            Chain(self.place(name), base.policy, name in dropping, owned="owner" in self.flags)
            for name, base in self.bases.items()
            if base.hook == "forward" and "dormant" not in self.flags
        ]

    def table(self) -> Table:
        """The table as the planner sees it."""
        busy = {chain for chain, lines in self.lines.items() if any(not line.found for line in lines)}
        busy |= {name for name, base in self.bases.items() if base.policy == "drop"}
        wrong = frozenset(name for name in HOOKS if name in self.lines and not self._is_at_its_hook(name))
        allowed = HOOKS if self.name == OWNER else (*self.bases, OWNER)
        if self.others or any(chain not in allowed for chain in self.lines):
            busy.add("")
        dormant = "dormant" in self.flags
        return Table(self.backend, self.family, self.name, tuple(self.lines), frozenset(busy), wrong, dormant)

    def _is_at_its_hook(self, name: str) -> bool:
        base = self.bases.get(name)
        return base is not None and (base.kind, base.hook) == HOOKS[name][:2]


def _may_drop(line: Line, dropping: set[str]) -> bool:
    return line.found is None and (line.drops or any(chain in dropping for chain in line.leads_to))
