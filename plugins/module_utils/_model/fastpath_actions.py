# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a fast path: a filter of ours put at a device's tc ingress, and taken from there."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import dataclass, replace

from .fastpath_program import HELPERS
from .state import Hook, Shortcut, State
from .step import CREATE, DELETE, Action

OWNER = "nsfabric"
MADE = "clsact"
# Behind the filters of others, which tc numbers from 49152 downwards where nobody says otherwise.
PREFERENCE = 50000
HANDLE = 1


def filter_name(shortcut: Shortcut) -> str:
    """What a filter of ours is called in the kernel; the name says as well who made its queueing discipline."""
    return ":".join([OWNER, shortcut.name, *([MADE] if shortcut.clsact else [])])


def told_by(name: str) -> tuple[str, bool]:
    """The fast path that a filter's name speaks of ("": none of ours), and whether we made its clsact."""
    owner, dummy, rest = name.partition(":")
    path, dummy, made = rest.partition(":")
    return (path, made == MADE) if owner == OWNER and made in ("", MADE) else ("", False)


def tc(netns: str, *words: object) -> str:
    """A `tc` command line, inside a namespace where one is named."""
    front = ["tc", "-n", netns] if netns else ["tc"]
    return " ".join(shlex.quote(str(word)) for word in [*front, *words])


def _place(device: str) -> list[object]:
    return ["dev", device, "ingress", "pref", PREFERENCE]


@dataclass(frozen=True)
class Attach(Action):
    """Puts a filter of ours at a device, in place of an older one; `clsact` where there is no discipline for it yet."""

    netns: str
    device: str
    shortcut: Shortcut
    clsact: bool = False
    change: str = CREATE

    def what(self) -> str:
        counted = Counter(each.device for each in self.shortcut.table)
        others = ", ".join(f"{device} ({counted[device]})" for device in sorted(counted) if device != self.device)
        leads = f"lead to {others}" if others else "lead nowhere"
        return f"let {HELPERS[self.shortcut.mode]} at the ingress of {self.device} {leads}"

    def command(self) -> str:
        qdisc = tc(self.netns, "qdisc", "add", "dev", self.device, "clsact") + " && " if self.clsact else ""
        program = ["bpf", "object-pinned", f"/sys/fs/bpf/{filter_name(self.shortcut)}", "direct-action"]
        return qdisc + tc(self.netns, "filter", "replace", *_place(self.device), "handle", HANDLE, *program)

    def effect(self, state: State) -> None:
        hooks = state.namespaces[self.netns].hooks
        hooks[self.device] = replace(hooks.get(self.device, Hook()), shortcut=self.shortcut)


@dataclass(frozen=True)
class Detach(Action):
    """Takes a filter of ours from a device, and with it the queueing discipline if we made it and it is empty."""

    netns: str
    device: str
    clsact: bool = False
    change = DELETE

    def what(self) -> str:
        return f"take the fast path from the ingress of {self.device}"

    def command(self) -> str:
        qdisc = " && " + tc(self.netns, "qdisc", "delete", "dev", self.device, "clsact") if self.clsact else ""
        return tc(self.netns, "filter", "delete", *_place(self.device), "handle", HANDLE, "bpf") + qdisc

    def effect(self, state: State) -> None:
        hooks = state.namespaces[self.netns].hooks
        if self.clsact:
            del hooks[self.device]
        else:
            hooks[self.device] = replace(hooks[self.device], shortcut=None)
