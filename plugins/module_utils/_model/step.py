# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A step: one change, why it is made, and the command a person would have typed."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from .state import State

# The last phase: others' things come back that went along with what was changed.
LOST = "what was lost"
# The order of work: first what goes, from the rules down to the namespaces, then what comes, upwards.
# New namespaces come before old ones go: a device may move from these into those. Namespaces take their cables along:
# a bridge that has lost its ports to them goes at once, where one with a thousand takes a second.
PHASES = (
    "remove rules",
    "remove neighbours",
    "remove routes",
    "remove links",
    "namespaces",
    "rescue links",
    "remove namespaces",
    "remove bridges",
    "settings",
    "create links",
    "place links",
    "bring IPv6 back",
    "device settings",
    "configure links",
    "ports",
    "addresses",
    "routes",
    "neighbours",
    "IPv6 MTUs",
    "rules",
    LOST,
)

# What becomes of the thing that a step is about.
CREATE, CHANGE, DELETE = "create", "change", "delete"


class Action:
    """What a step does. Subclasses are frozen dataclasses with a `netns`; `change` is one of the three words."""

    netns: str
    change: str

    def what(self) -> str:
        """The change in words."""
        raise NotImplementedError

    def command(self) -> str:
        """The change as a command line."""
        raise NotImplementedError

    def effect(self, state: State) -> None:
        """Edits the state as the kernel would."""
        raise NotImplementedError


@dataclass(frozen=True)
class Step:
    """An action at its place in the plan. `path` names the entry that asked for it."""

    phase: str
    kind: str
    path: str
    action: Action
    why: str

    def report(self) -> dict[str, Any]:
        """The step as a user reads it."""
        return {
            "resource": self.kind,
            "netns": self.action.netns or None,
            "change": self.action.change,
            "what": self.action.what(),
            "why": self.why,
            "command": self.action.command(),
        }


def ip(netns: str, *words: object) -> str:
    """An `ip` command line, inside a namespace where one is named."""
    front = ["ip", "-n", netns] if netns else ["ip"]
    return " ".join(shlex.quote(str(word)) for word in [*front, *words])


def inside(netns: str, command: str) -> str:
    """Any other command line, inside a namespace where one is named."""
    return f"ip netns exec {shlex.quote(netns)} {command}" if netns else command
