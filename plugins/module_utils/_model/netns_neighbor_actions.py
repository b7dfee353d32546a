# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The changes to a namespace's neighbours, and the commands a person would type for them."""

from __future__ import annotations

from dataclasses import dataclass

from .state import Neighbor, NeighborKey, State
from .step import CREATE, DELETE, Action, ip


def _words(key: NeighborKey) -> list[object]:
    return ["proxy", key.address] if key.proxy else [key.address]


@dataclass(frozen=True)
class SetNeighbor(Action):
    """Adds or replaces a permanent entry."""

    netns: str
    neighbor: Neighbor
    change: str = CREATE

    def what(self) -> str:
        key = self.neighbor.key
        leads = "" if key.proxy else f" at {self.neighbor.mac or 'a MAC not known yet'}"
        return f"set {'proxy ' if key.proxy else ''}neighbour {key.address}{leads} on {key.device}"

    def command(self) -> str:
        key = self.neighbor.key
        mac = [] if key.proxy else ["lladdr", self.neighbor.mac or "?", "nud", "permanent"]
        return ip(self.netns, "neighbor", "replace", *_words(key), "dev", key.device, *mac)

    def effect(self, state: State) -> None:
        state.namespaces[self.netns].neighbors[self.neighbor.key] = self.neighbor


@dataclass(frozen=True)
class DeleteNeighbor(Action):
    """Deletes an entry."""

    netns: str
    key: NeighborKey
    change = DELETE

    def what(self) -> str:
        return f"delete {'proxy ' if self.key.proxy else ''}neighbour {self.key.address} on {self.key.device}"

    def command(self) -> str:
        return ip(self.netns, "neighbor", "delete", *_words(self.key), "dev", self.key.device)

    def effect(self, state: State) -> None:
        del state.namespaces[self.netns].neighbors[self.key]
