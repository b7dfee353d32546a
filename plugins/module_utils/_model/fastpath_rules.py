# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rules would see packets, if a fast path did not lead these past them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from . import values
from .firewall import Rule, split_negation
from .state import Destination, End, State


def covers(state: State, rule: Rule, table: Iterable[Destination]) -> bool:
    """Whether a rule matches packets between two devices of a table, if they were routed or bridged."""
    table = tuple(table)
    sources = set(_matching(state, rule, table, rule.source, rule.in_interface))
    destinations = set(_matching(state, rule, table, rule.destination, rule.out_interface))
    return any(
        version == other and device != far
        for version in (4, 6)
        for device in {name for name, found in sources if found == version}
        for far, other in destinations
    )


def _matching(
    state: State, rule: Rule, table: Iterable[Destination], prefix: str, device: str
) -> Iterator[tuple[str, int]]:
    """(device, IP version) of the ends with an address that a rule's prefix and device match."""
    network = ipaddress.ip_network(prefix) if prefix else None
    negated, name = split_negation(device)
    for found in table:
        link = state.link(End(rule.netns, found.device))
        # Netfilter sees a bridge in place of its ports.
        seen = (link.master if link else None) or found.device
        version = values.family(found.address)
        if name and (seen == name) == negated:
            continue
        if rule.family in (0, version) and (network is None or ipaddress.ip_address(found.address) in network):
            yield found.device, version


def standing(state: State, rule: Rule) -> Iterator[str]:
    """The fast paths of a rule's namespace whose packets it would see."""
    hooks = state.namespaces[rule.netns].hooks.values()
    tables = {hook.shortcut.name: hook.shortcut.table for hook in hooks if hook.shortcut}
    yield from (name for name, table in sorted(tables.items()) if covers(state, rule, table))
