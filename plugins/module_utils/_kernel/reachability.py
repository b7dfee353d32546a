# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs checks all at once: one thread, one loop, sockets inside the namespaces."""

from __future__ import annotations

import heapq
import os
import selectors
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Optional, Union

from .._model.reachability import TCP, Check
from .._model.state import HOST
from .._model.trial import Probe, Trial
from .icmp import Echoes
from .neighbor_cache import NeighborCache
from .session import Session, is_mounted
from .tcp import Connections

# How long to wait where the kernel has no room for a packet or a socket.
BREATH = 0.01
# No check begins while so many probes of so few seconds are unanswered. A network that answers answers at once;
# one that is behind, as a bridge that floods every question to a thousand ports, loses what is sent on top.
FRESH, CROWD = 0.01, 16


def absent(session: Session, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Which namespaces do not exist, and which are only stale files."""
    wanted = sorted(set(names) - {HOST})
    missing = [name for name in wanted if not os.path.exists(session.path(name))]
    return missing, [name for name in wanted if name not in missing and not is_mounted(session.path(name))]


def probe(session: Session, checks: Sequence[Check]) -> tuple[list[Trial], Optional[int]]:
    """Makes the checks, in the order given; and the size of the machine's neighbour table where it was full.

    Those that expect unreachable begin when the others have come to their end: a network that is still settling
    is not taken for one that keeps apart.
    """
    trials = [Trial(check) for check in checks]
    places = {(check.netns, check.family) for check in checks}
    with selectors.DefaultSelector() as selector:
        loop = _Loop(session, selector, NeighborCache(session, places, len(checks)))
        try:
            for reachable in (True, False):
                loop.run([trial for trial in trials if trial.check.reachable is reachable])
        finally:
            loop.close()
    return trials, loop.cache.overflow or None


class _Loop:
    """Gives each trial its turn when its time has come, and reads what arrives in between."""

    def __init__(self, session: Session, selector: selectors.BaseSelector, cache: NeighborCache) -> None:
        self._selector = selector
        self.cache = cache
        self._echoes = Echoes(session, selector, self._wake)
        self._connections = Connections(session, selector, self._wake)
        self._due: dict[int, float] = {}
        self._queue: list[tuple[float, int, Trial]] = []
        self._entered = 0
        self._fresh: list[Probe] = []

    def close(self) -> None:
        self._echoes.close()
        self._connections.close()
        self.cache.close()

    def run(self, trials: Sequence[Trial]) -> None:
        """Until all of them are over. Answers are read between any two probes, so that their times are true."""
        waiting = deque(trials)
        while waiting or self._due:
            now = time.monotonic()
            trial = self._next(now)
            held = self._held(now)
            if trial is None and waiting and not held:
                trial = waiting.popleft()
            if trial is not None:
                self._turn(trial, now)
            idle = 0.0 if trial is not None else self._idle(now, bool(waiting))
            for key, dummy in self._selector.select(idle):
                key.data()

    def _held(self, now: float) -> bool:
        """Whether further checks should wait."""
        if len(self._fresh) >= CROWD:
            self._fresh = [probe for probe in self._fresh if probe.pending and probe.sent > now - FRESH]
        return len(self._fresh) >= CROWD or self._connections.full or self.cache.crowded(now)

    def _next(self, now: float) -> Optional[Trial]:
        """The trial whose turn it is. Entries that were overtaken by another time are dropped."""
        while self._queue and self._queue[0][0] <= now:
            when, dummy, trial = heapq.heappop(self._queue)
            if self._due.get(id(trial)) == when:
                return trial
        return None

    def _idle(self, now: float, held: bool) -> float:
        """How long nothing is to be done but to read."""
        rest = max(0.0, self._queue[0][0] - now) if self._queue else BREATH
        return min(rest, BREATH / 4) if held else rest

    def _turn(self, trial: Trial, now: float) -> None:
        turn = trial.turn(now)
        if turn.over:
            self._due.pop(id(trial), None)
            self._connections.forget(trial)
            self.cache.done(trial.check.netns, trial.check.family, trial.check.to)
        elif turn.send:
            self._schedule(trial, now if self._send(trial, now) else now + BREATH)
        else:
            self._schedule(trial, turn.until)

    def _send(self, trial: Trial, now: float) -> bool:
        """Whether a probe has left, or never will."""
        sender: Union[Connections, Echoes] = self._connections if trial.check.protocol == TCP else self._echoes
        try:
            sender.send(trial)
        except BlockingIOError as error:
            if not trial.late(now):
                return False
            trial.failed(trial.sent(now), f"it could not be sent: {error.strerror}")
        self.cache.sent()
        self._fresh.append(trial.probes[-1])
        return True

    def _wake(self, trial: Trial) -> None:
        """Something arrived for it."""
        if id(trial) in self._due:
            self._schedule(trial, time.monotonic())

    def _schedule(self, trial: Trial, when: float) -> None:
        self._due[id(trial)] = when
        self._entered += 1
        heapq.heappush(self._queue, (when, self._entered, trial))
