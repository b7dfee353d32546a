# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a fast path: a filter of ours put at a device's tc ingress, and taken from there."""

from __future__ import annotations

import shlex
import zlib
from collections import Counter
from dataclasses import dataclass, replace

from .fastpath_program import HELPERS
from .state import Hook, Shortcut, State
from .step import CREATE, DELETE, Action, ip

OWNER = "nsfabric"
# Behind the filters of others, which tc numbers from 49152 downwards where nobody says otherwise.
PREFERENCE = 50000
HANDLE = 1
# Numbers of chains: 12 bits say that they are ours, 16 whose.
MARKS, MARK_BITS = 0xFAB, 16


def filter_name(path: str) -> str:
    """What a filter of a fast path is called in the kernel."""
    return f"{OWNER}:{path}"


def told_by(name: str) -> str:
    """The fast path that a filter's name speaks of; "" where it is none of ours."""
    owner, dummy, path = name.partition(":")
    return path if owner == OWNER and ":" not in path else ""


def mark(path: str) -> int:
    """The number of the chain that says a queueing discipline was made for a fast path.

    Nothing is ever in that chain. It stays when somebody deletes our filter, and goes with the discipline.
    """
    return MARKS << MARK_BITS | zlib.crc32(path.encode()) & (1 << MARK_BITS) - 1


def is_mark(chain: int) -> bool:
    return chain >> MARK_BITS == MARKS


def tc(netns: str, *words: object) -> str:
    """A `tc` command line, inside a namespace where one is named."""
    front = ["tc", "-n", netns] if netns else ["tc"]
    return " ".join(shlex.quote(str(word)) for word in [*front, *words])


def _place(device: str) -> list[object]:
    return ["dev", device, "ingress", "pref", PREFERENCE]


def _chain(device: str, number: int) -> list[object]:
    return ["dev", device, "ingress", "chain", number]


@dataclass(frozen=True)
class Attach(Action):
    """Puts a filter of ours at a device, in place of an older one; `clsact` where there is no discipline for it yet.

    `unqueued` is a device without a queue, which the kernel gives one of 1000 packets together with a discipline.
    """

    netns: str
    device: str
    shortcut: Shortcut
    clsact: bool = False
    unqueued: bool = False
    change: str = CREATE

    def what(self) -> str:
        counted = Counter(each.device for each in self.shortcut.table)
        others = ", ".join(f"{device} ({counted[device]})" for device in sorted(counted) if device != self.device)
        leads = f"lead to {others}" if others else "lead nowhere"
        return f"let {HELPERS[self.shortcut.mode]} at the ingress of {self.device} {leads}"

    def command(self) -> str:
        program = ["bpf", "object-pinned", f"/sys/fs/bpf/{filter_name(self.shortcut.name)}", "direct-action"]
        commands = [tc(self.netns, "filter", "replace", *_place(self.device), "handle", HANDLE, *program)]
        if self.clsact:
            qdisc = tc(self.netns, "qdisc", "add", "dev", self.device, "clsact")
            no_queue = ip(self.netns, "link", "set", "dev", self.device, "txqueuelen", 0)
            chain = tc(self.netns, "chain", "add", *_chain(self.device, mark(self.shortcut.name)))
            commands = [qdisc, *([no_queue] if self.unqueued else []), chain, *commands]
        return " && ".join(commands)

    def effect(self, state: State) -> None:
        hooks = state.namespaces[self.netns].hooks
        hooks[self.device] = replace(
            hooks.get(self.device, Hook(mark=mark(self.shortcut.name))), shortcut=self.shortcut
        )


@dataclass(frozen=True)
class Detach(Action):
    """Takes a filter of ours from a device, if it is still there, and what we made for it.

    That is the queueing discipline with `clsact`; where others use it, only our `mark` in it.
    """

    netns: str
    device: str
    filter: bool = True
    mark: int = 0
    clsact: bool = False
    change = DELETE

    def what(self) -> str:
        what = "the fast path" if self.filter else "what is left of the fast path"
        return f"take {what} from the ingress of {self.device}"

    def command(self) -> str:
        commands = []
        if self.filter:
            commands.append(tc(self.netns, "filter", "delete", *_place(self.device), "handle", HANDLE, "bpf"))
        if self.clsact:
            commands.append(tc(self.netns, "qdisc", "delete", "dev", self.device, "clsact"))
        elif self.mark:
            commands.append(tc(self.netns, "chain", "delete", *_chain(self.device, self.mark)))
        return " && ".join(commands)

    def effect(self, state: State) -> None:
        hooks = state.namespaces[self.netns].hooks
        if self.clsact:
            del hooks[self.device]
        else:
            hooks[self.device] = replace(hooks[self.device], shortcut=None, mark=0)
