# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rules would see packets, if a fast path did not lead these past them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from . import values
from .firewall import Rule, split_negation
from .state import End, State

# The addresses behind each device of a fast path.
Ends = Mapping[str, AbstractSet[str]]


def covers(state: State, rule: Rule, ends: Ends) -> bool:
    """Whether a rule matches packets between two devices, if they were routed or bridged.

    Behind a device without addresses is somebody who only sends, from whatever address.
    """
    senders = {name: addresses or _anyone(rule.source) for name, addresses in ends.items()}
    sources = set(_matching(state, rule, senders, rule.source, rule.in_interface))
    destinations = set(_matching(state, rule, ends, rule.destination, rule.out_interface))
    return any(
        version == other and device != far
        for version in (4, 6)
        for device in {name for name, found in sources if found == version}
        for far, other in destinations
    )


def _anyone(prefix: str) -> AbstractSet[str]:
    """Addresses that stand for all that a rule may match."""
    return {prefix.partition("/")[0]} if prefix else {"0.0.0.0", "::"}


def _matching(state: State, rule: Rule, ends: Ends, prefix: str, device: str) -> Iterator[tuple[str, int]]:
    """(device, IP version) of the ends with an address that a rule's prefix and device match."""
    network = ipaddress.ip_network(prefix) if prefix else None
    negated, wanted = split_negation(device)
    for name, addresses in ends.items():
        link = state.link(End(rule.netns, name))
        # Netfilter sees a bridge in place of its ports.
        seen = (link.master if link else None) or name
        if wanted and (seen == wanted) == negated:
            continue
        for address in addresses:
            version = values.family(address)
            if rule.family in (0, version) and (network is None or ipaddress.ip_address(address) in network):
                yield name, version


def standing(state: State, rule: Rule) -> Iterator[str]:
    """The fast paths of a rule's namespace whose packets it would see."""
    found: dict[str, dict[str, set[str]]] = {}
    for device, hook in state.namespaces[rule.netns].hooks.items():
        if hook.shortcut:
            ends = found.setdefault(hook.shortcut.name, {})
            ends.setdefault(device, set())
            for each in hook.shortcut.table:
                ends.setdefault(each.device, set()).add(each.address)
    yield from (name for name, ends in sorted(found.items()) if covers(state, rule, ends))
