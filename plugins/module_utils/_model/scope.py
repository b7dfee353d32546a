# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be read from the kernel before a document can be planned."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import product

from .netns_sysctl_keys import PER_DEVICE
from .state import HOST, End


@dataclass
class Needs:
    """What to read of one namespace beside its links and their addresses.

    `hooks` are the devices' filters at ingress; for `shortcuts` it is enough to know those of fast paths. `queues` are
    their queueing disciplines.
    """

    routes: bool = False
    neighbors: bool = False
    firewall: bool = False
    hooks: bool = False
    shortcuts: bool = False
    queues: bool = False
    sysctls: set[tuple[str, ...]] = field(default_factory=set)


@dataclass
class Scope:
    """Collected from every entry of a document; the host is always looked at.

    `ends` are devices whose peer must be known wherever it is, `cables` those of them that are to have one. `searched`
    are devices that are looked for in every named namespace when they are not at their place. Nothing is read of what
    is in `sealed` namespaces: they go, with all of it. The kernel is probed for `kinds` of links, and with `fastpath`
    for what fast paths take.
    """

    namespaces: dict[str, Needs] = field(default_factory=lambda: {HOST: Needs()})
    ends: set[End] = field(default_factory=set)
    cables: set[End] = field(default_factory=set)
    inside: set[str] = field(default_factory=set)
    searched: set[End] = field(default_factory=set)
    sealed: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    fastpath: bool = False

    def namespace(self, name: str) -> Needs:
        return self.namespaces.setdefault(name, Needs())

    def end(self, end: End) -> None:
        """A device: with what a change of it would take along, so that it can be put back."""
        needs = self.namespace(end.netns)
        needs.routes = needs.neighbors = needs.shortcuts = True
        self.ends.add(end)

    def traffic_control(self, netns: str) -> None:
        """What devices of a namespace lose when they leave it, and nothing brings back."""
        needs = self.namespace(netns)
        needs.hooks = needs.queues = True

    def settings(self, end: End, families: Iterable[str]) -> None:
        """What a device loses when the kernel makes it anew for a namespace, or for a protocol."""
        for name, family, tree in product((end.name, "default"), families, PER_DEVICE):
            self.namespace(end.netns).sysctls.add(("net", family, tree, name, "*"))

    def seal(self, names: AbstractSet[str]) -> None:
        """Namespaces that go unseen, and with them devices of the host and what is on these."""
        self.sealed |= names
        self.inside -= names
        for name in (HOST, *names):
            needs = self.namespace(name)
            needs.routes = needs.neighbors = needs.shortcuts = name == HOST

    def every_end(self, name: str) -> None:
        """A namespace with all that is in it."""
        needs = self.namespace(name)
        needs.routes = needs.neighbors = needs.shortcuts = True
        self.inside.add(name)
