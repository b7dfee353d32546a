# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be read from the kernel before a document can be planned."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from itertools import product

from .netns_sysctl_keys import DEFAULT, PER_DEVICE, accept_ra
from .state import HOST, LO, End

BOTH = (4, 6)


@dataclass
class Needs:
    """What to read of one namespace beside its links and their addresses.

    `routes` are the IP versions of which the routes are read. `hooks` are the devices' filters at ingress; for
    `shortcuts` it is enough to know those of fast paths. `queues` are their queueing disciplines. `nexthops` are the
    objects that routes may lead by.
    """

    routes: set[int] = field(default_factory=set)
    neighbors: bool = False
    firewall: bool = False
    hooks: bool = False
    shortcuts: bool = False
    queues: bool = False
    nexthops: bool = False
    sysctls: set[tuple[str, ...]] = field(default_factory=set)

    @property
    def with_losses(self) -> Needs:
        """And what devices take along when they change, leave or go."""
        return replace(self, routes=set(BOTH), neighbors=True, shortcuts=True, nexthops=True)


@dataclass
class Scope:
    """Collected from every entry of a document; the host is always looked at.

    `ends` are devices whose peer must be known wherever it is, `cables` those of them that are to have one. `searched`
    are devices that are looked for in every named namespace when they are not at their place. Nothing is read of what
    is in `sealed` namespaces: they go, with all of it. The kernel is probed for `kinds` of links, and with `fastpath`
    for what fast paths take. With `losses`, what a change would take along is read as well, so that it can be put back;
    to tell whether there is anything to change, the half of it is enough. `leaving` are devices that go with all that
    is set of them, and namespaces that do with all of theirs: ends without a name.
    """

    namespaces: dict[str, Needs] = field(default_factory=lambda: {HOST: Needs()})
    ends: set[End] = field(default_factory=set)
    cables: set[End] = field(default_factory=set)
    inside: set[str] = field(default_factory=set)
    searched: set[End] = field(default_factory=set)
    sealed: set[str] = field(default_factory=set)
    leaving: set[End] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    fastpath: bool = False
    losses: bool = True

    def namespace(self, name: str) -> Needs:
        return self.namespaces.setdefault(name, Needs())

    def end(self, end: End) -> None:
        """A device, and what a change of it would take along."""
        self.taken_along(end.netns)
        self.ends.add(end)

    def taken_along(self, netns: str) -> None:
        """What changes of a namespace's devices may cost it."""
        needs = self.namespace(netns)
        if self.losses:
            self.namespaces[netns] = needs.with_losses

    def traffic_control(self, netns: str) -> None:
        """What devices of a namespace lose when they leave it, and nothing brings back."""
        needs = self.namespace(netns)
        needs.hooks |= self.losses
        needs.queues |= self.losses

    def settings(self, end: End, families: Iterable[str]) -> None:
        """What a device loses when the kernel makes it anew for a namespace, or for a protocol."""
        for name, family, tree in product((end.name, DEFAULT, LO), families, PER_DEVICE) if self.losses else ():
            self.namespace(end.netns).sysctls.add(("net", family, tree, name, "*"))

    def advertised(self, netns: str) -> None:
        """What routers have told a namespace, and which of its devices keep it when it becomes a router itself."""
        if self.losses:
            self.namespace(netns).routes.add(6)
            self.namespace(netns).sysctls.add(accept_ra("*"))

    def seal(self, names: AbstractSet[str]) -> None:
        """Namespaces that go unseen, and with them devices of the host and what is on these."""
        self.sealed |= names
        self.inside -= names
        for name in (HOST, *names):
            needs = self.namespace(name)
            needs.routes = set(BOTH) if name == HOST else set()
            needs.neighbors = needs.shortcuts = needs.nexthops = name == HOST

    def every_end(self, name: str) -> None:
        """A namespace with all that is in it."""
        self.taken_along(name)
        self.inside.add(name)
