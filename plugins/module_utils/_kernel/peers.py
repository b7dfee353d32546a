# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which namespace holds the far end of each cable."""

from __future__ import annotations

import errno
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Optional

from .._errors import KernelError
from .._model.scope import Scope
from .._model.state import HOST, End, Link, State
from .._signals import check
from . import link, messages, netlink, wait
from .link import Seen
from .netlink import Query
from .netns import VANISH_SECONDS
from .session import Session

UNKNOWN = 0xFFFFFFFF
NETNSA_NSID, NETNSA_FD = 1, 3
# To ask for as many namespaces' numbers costs less than to ask what a far end is like.
FEW = 3
# A netlink socket that was closed holds its namespace for a moment.
HELD_SECONDS = 0.5


@contextmanager
def foreign(session: Session, name: str, seen: Mapping[str, list[Seen]]) -> Iterator[None]:
    """Looks into a namespace that nobody declared: its owner may delete it meanwhile."""
    with suppress(KernelError):
        yield
    if name not in seen:
        session.leave(name)


class Peers:
    """Finds out which namespace holds the far end of each cable.

    The kernel gives the far end's number and a number for its namespace that is valid only in the near
    one; RTM_GETNSID tells that number of any namespace that we hold a descriptor of.
    """

    def __init__(self, session: Session, seen: dict[str, list[Seen]]) -> None:
        self.session = session
        self.seen = seen
        self.numbers: dict[tuple[str, str], int] = {}

    def resolve(self, scope: Scope) -> dict[str, dict[int, Link]]:
        places = self._known()
        unknown = self._unknown(scope, places)
        if unknown:
            self._look_everywhere(unknown)
            places = self._known()
            if self._have_vanished(scope, self._unknown(scope, places)):
                places = self._known()
        names = {name: {found.index: found.name for found in links} for name, links in self.seen.items()}
        return {name: self._links(name, names, places) for name in self.seen}

    def _unknown(self, scope: Scope, places: Mapping[tuple[str, int], tuple[str, int]]) -> list[tuple[str, Seen]]:
        """The near ends that matter, and of which it is not known where their far ends are."""
        return [
            (name, found)
            for name, links in self.seen.items()
            for found in links
            if found.peer_index and (name, found.index) not in places
            if End(name, found.name) in scope.ends or name in scope.inside
        ]

    def _have_vanished(self, scope: Scope, unknown: Sequence[tuple[str, Seen]]) -> bool:
        """Waits for the cables into namespaces that are being taken down, and looks again where there were some."""
        cables = [(name, found) for name, found in unknown if End(name, found.name) in scope.cables]
        wait.until(lambda: not any(self._is_alive(*near) for near in cables), HELD_SECONDS)
        going = [(name, found) for name, found in unknown if not self._is_alive(name, found)]
        if not going:
            return False

        def are_gone() -> bool:
            check()
            return not any(self.session.socket(name).index(found.name) == found.index for name, found in going)

        wait.until(are_gone, VANISH_SECONDS)
        for name in {name for name, dummy in going}:
            self.seen[name] = link.read(self.session, name)
        return True

    def _is_alive(self, name: str, near: Seen) -> bool:
        """Whether the namespace of a far end is still one; the kernel finds none by the number of one that goes."""
        if near.peer_nsid is None:
            return True
        if near.peer_nsid & UNKNOWN == UNKNOWN:
            return False
        wanted = messages.attribute(NETNSA_NSID, messages.WORD.pack(near.peer_nsid))
        try:
            self.session.socket(name).get(Query(netlink.RTM_GETNSID, messages.NSID, bytes(messages.NSID.size) + wanted))
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
            return False
        return True

    def _links(
        self, name: str, names: Mapping[str, Mapping[int, str]], places: Mapping[tuple[str, int], tuple[str, int]]
    ) -> dict[int, Link]:
        links = {}
        for found in self.seen[name]:
            where, index = places.get((name, found.index), (name, 0))
            peer = End(where, names[where][index]) if index in names[where] else None
            links[found.index] = found.link(names[name], peer)
        return links

    def _known(self) -> dict[tuple[str, int], tuple[str, int]]:
        """(namespace, number) of each near end whose far end is among what was read, to that of its far end."""
        by_pair: dict[tuple[int, int], dict[tuple[str, Optional[str]], list[str]]] = {}
        for name, links in self.seen.items():
            for found in links:
                if found.peer_index:
                    alike = by_pair.setdefault((found.index, found.peer_index), {})
                    alike.setdefault((found.name, found.mac), []).append(name)
        places: dict[tuple[str, int], tuple[str, int]] = {}
        for name, links in self.seen.items():
            for found in links:
                near = (name, found.index)
                if not found.peer_index or near in places:
                    continue
                if found.peer_nsid is None:
                    places[near] = (name, found.peer_index)
                    continue
                for other in self._possible(name, found, by_pair.get((found.peer_index, found.index), {})):
                    if other != name and self._number(name, other) == found.peer_nsid & UNKNOWN:
                        far = (other, found.peer_index)
                        places[near], places[far] = far, near
        return places

    def _possible(
        self, name: str, near: Seen, ends: Mapping[tuple[str, Optional[str]], Sequence[str]]
    ) -> Sequence[str]:
        """The namespaces that may hold the far end of a cable, of those in which both ends have its numbers.

        In a chain of routers all cables have the same: there the kernel is asked what the far end is like.
        """
        places = list(chain.from_iterable(ends.values()))
        if len(places) > FEW and near.peer_nsid is not None and near.peer_nsid & UNKNOWN != UNKNOWN:
            with suppress(OSError):
                far = link.far_end(self.session, name, near.peer_nsid, near.peer_index)
                return ends.get((far.name, far.mac), ())
        return places

    def leading_into(self, names: Sequence[str]) -> Mapping[str, list[End]]:
        """The host's ends of the cables that lead into namespaces, of each."""
        outward: dict[int, list[End]] = defaultdict(list)
        for found in self.seen[HOST]:
            if found.peer_index and found.peer_nsid is not None:
                outward[found.peer_nsid & UNKNOWN].append(End(HOST, found.name))
        outward.pop(UNKNOWN, None)
        return {name: outward.get(self._number(HOST, name), []) if outward else [] for name in names}

    def lowers(self) -> dict[End, End]:
        """The devices that others stand on, each by what stands on it, as far as it is among what was read."""
        found: dict[End, End] = {}
        for name, links in self.seen.items():
            for upper in (each for each in links if each.lower_index):
                nsid = upper.peer_nsid
                others = [name] if nsid is None else [each for each in self.seen if each != name]
                place = next((o for o in others if nsid is None or self._number(name, o) == nsid & UNKNOWN), None)
                lower = next((each for each in self.seen.get(place or "", ()) if each.index == upper.lower_index), None)
                if place is not None and lower:
                    found[End(name, upper.name)] = End(place, lower.name)
        return found

    def above(self, state: State, devices: Iterable[End]) -> set[str]:
        """The named namespaces, but for those of a state, in which something stands on devices of that state."""
        found: set[str] = set()
        lowers = [(end.netns, lower.index) for end in devices if (lower := state.link(end))]
        for name in self.session.named() if lowers else ():
            if name not in state.namespaces:
                with foreign(self.session, name, self.seen):
                    uppers = [each for each in link.read(self.session, name) if each.lower_index]
                    places = {
                        (each.peer_nsid & UNKNOWN, each.lower_index) for each in uppers if each.peer_nsid is not None
                    }
                    if any((self._number(name, netns), index) in places for netns, index in lowers if places):
                        found.add(name)
        return found

    def _number(self, name: str, other: str) -> int:
        """What the namespace `name` calls the namespace `other`."""
        if (name, other) not in self.numbers:
            with self.session.opened(other) as descriptor:
                wanted = messages.attribute(NETNSA_FD, messages.WORD.pack(descriptor))
                query = Query(netlink.RTM_GETNSID, messages.NSID, bytes(messages.NSID.size) + wanted)
                answer = self.session.socket(name).get(query)
            number = answer.attributes.get(NETNSA_NSID)
            self.numbers[name, other] = UNKNOWN if number is None else messages.number(number)
        return self.numbers[name, other]

    def _look_everywhere(self, unknown: list[tuple[str, Seen]]) -> None:
        wanted = {(name, found.peer_nsid & UNKNOWN) for name, found in unknown if found.peer_nsid is not None}
        for other in self.session.named():
            if other not in self.seen:
                with foreign(self.session, other, self.seen):
                    if any(self._number(name, other) == number for name, number in wanted if number != UNKNOWN):
                        self.seen[other] = link.read(self.session, other)
