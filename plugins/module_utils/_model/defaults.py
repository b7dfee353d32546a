# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What devices that come back had by default, where a topology has set the default otherwise meanwhile.

Of a device that leaves or goes only those settings are kept that differ from the default: a device that appears has
that by itself, as long as nobody changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Optional

from .document import Claim
from .found import by_device
from .netns_sysctl import NAME as SYSCTL
from .netns_sysctl_keys import DEFAULT, Key, key_name, of_device
from .state import State
from .touched import Touched

Values = Mapping[tuple[str, Key], str]


def changed(objects: Iterable[Touched]) -> Values:
    """What topologies found in the keys of `default` that they set: the first of them."""
    found: dict[tuple[str, Key], str] = {}
    for item in sorted(objects, key=lambda item: item.since):
        if item.kind == SYSCTL and item.found is not None:
            for dummy, (netns, key) in item.claims:
                if len(key) == 5 and key[3] == DEFAULT:
                    found.setdefault((netns, key), item.found["value"])
    return found


def settings(
    back: Sequence[Touched], objects: Iterable[Touched], declared: AbstractSet[Claim], state: Optional[State] = None
) -> dict[str, list[Mapping[str, Any]]]:
    """A configuration for devices that were found; with a state, only for those that are not where they were found."""
    ends = by_device(back)
    was = changed(objects) if ends else {}
    if not was:
        return {}
    known = set(declared).union(*(item.claims for item in back))
    away = [end for end in ends if state is None or not state.link(end)]
    own = {
        (netns, of_device(key, end.name)): value
        for end in away
        for (netns, key), value in was.items()
        if netns == end.netns
    }
    return {
        SYSCTL: [
            {"netns": netns or None, "name": key_name(key), "value": value}
            for (netns, key), value in own.items()
            if (SYSCTL, (netns, key)) not in known
        ]
    }
