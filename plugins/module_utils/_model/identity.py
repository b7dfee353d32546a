# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which exactly of the things of a name were made: known by the kernel's numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Callable, Optional

from .state import HOST, End, State
from .touched import DEVICES, Touched

# Of a cable's two numbers: the near end's stand low, the far end's above.
HALF = 32
# What the kernel numbers.
NUMBERED = frozenset({"netns", *DEVICES})


def identity(item: Touched, state: State) -> int:
    """The number by which the kernel tells an object from its successor, a cable by one for each end; 0 is nothing."""
    if item.kind == "netns":
        found = state.namespaces.get(item.absent["name"])
        return found.number if found else 0
    if item.kind in DEVICES:
        return _index(item.absent, state) | _index(item.absent.get("peer"), state) << HALF
    return 0


def _index(entry: Optional[Mapping[str, Any]], state: State) -> int:
    link = state.link(End(entry.get("netns") or HOST, entry["name"])) if entry else None
    return link.index if link else 0


def device(number: int) -> int:
    """Of an identity: the number of a device, or of a cable's near end."""
    return number & ((1 << HALF) - 1)


def differ(item: Touched, made: int, now: int) -> bool:
    """Whether what stands there now is another one. A cable's far end tells only where the near one is gone."""
    if item.kind == "netns":
        return bool(made and now) and made != now
    near, far = (device(made), device(now)), (made >> HALF, now >> HALF)
    known = near if all(near) else far
    return all(known) and known[0] != known[1]


def namespace(name: str) -> Touched:
    """A namespace that was made."""
    return Touched("netns", None, {"name": name, "state": "absent"})


def namespaces_now(
    objects: Iterable[Touched],
    identities: Mapping[str, int],
    number: Callable[[str], int],
    others: Callable[[], Iterable[str]],
) -> dict[str, str]:
    """The namespaces that were made and have another name now, each with that."""
    made = [item for item in objects if item.kind == "netns" and item.found is None]
    known = {item.absent["name"]: identities.get(item.written, 0) for item in made}
    gone = {name: known[name] for name in sorted(known) if known[name] and not number(name)}
    names = {number(other): other for other in others()} if gone else {}
    return {name: names[inode] for name, inode in gone.items() if inode in names}
