# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TCP connections attempted, many at a time, and closed again without a byte sent."""

from __future__ import annotations

import errno
import resource
import selectors
import socket
import time
from typing import Callable

from .._model.reachability import Check, said
from .._model.trial import Probe, Trial
from . import probe_socket
from .session import Session


class Connections:
    """All TCP probes of a run."""

    def __init__(self, session: Session, selector: selectors.BaseSelector, wake: Callable[[Trial], None]) -> None:
        self._session, self._selector, self._wake = session, selector, wake
        self._under_way: dict[int, list[socket.socket]] = {}
        self._room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2

    @property
    def full(self) -> bool:
        """Whether connections under way take half of the descriptors that this process may have."""
        return sum(map(len, self._under_way.values())) >= self._room

    def close(self) -> None:
        for sockets in self._under_way.values():
            for sock in sockets:
                sock.close()

    def send(self, trial: Trial) -> None:
        """Begins one connection; BlockingIOError where no descriptor is free now."""
        check = trial.check
        if check.reachable and not trial.probes:
            # Another attempt: what the one before has not reached does not count any more.
            self.forget(trial)
        now = time.monotonic()
        try:
            sock = probe_socket.sender(self._session, check, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            probe_socket.queue_errors(sock, check.family, True)
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise BlockingIOError(error.errno, error.strerror) from error
            trial.failed(trial.sent(now), said(error.errno or 0, check))
            return
        code = sock.connect_ex((check.to, check.port))
        probe = trial.sent(now)
        if code in (0, errno.EINPROGRESS):
            self._under_way.setdefault(id(trial), []).append(sock)
            self._selector.register(sock, selectors.EVENT_WRITE, lambda: self._settle(sock, trial, probe))
        else:
            trial.failed(probe, _why(sock, code, check))
            sock.close()

    def _settle(self, sock: socket.socket, trial: Trial, probe: Probe) -> None:
        """Made or refused: takes the outcome and closes."""
        now = time.monotonic()
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code == 0:
            code = _connected(sock)
        if code:
            trial.failed(probe, _why(sock, code, trial.check))
        else:
            probe.took = now - probe.sent
        self._under_way[id(trial)].remove(sock)
        self._end(sock)
        self._wake(trial)

    def forget(self, trial: Trial) -> None:
        """Gives up what a trial that is over has under way."""
        for sock in self._under_way.pop(id(trial), ()):
            self._end(sock)

    def _end(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)
        sock.close()


def _connected(sock: socket.socket) -> int:
    """0 for a connection to someone else; one that met itself on its own port reached nobody."""
    try:
        return errno.ECONNREFUSED if sock.getsockname() == sock.getpeername() else 0
    except OSError as error:
        return error.errno or errno.ENOTCONN


def _why(sock: socket.socket, code: int, check: Check) -> str:
    error = probe_socket.queued_error(sock, check.family)
    return error.complaint if error and error.complaint else said(code, check)
