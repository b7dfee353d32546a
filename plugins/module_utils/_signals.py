# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signals that ask for the end: a run ends where it says that it can, and never between two words of it.

A handler that raised would do so anywhere: between an unmount and the note of it, or while descriptors are closed.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_asked: list[str] = []


class Interrupted(Exception):
    """A signal asked for the end."""


def check() -> None:
    """A place where a run can end: raises `Interrupted` if it was asked to."""
    if _asked:
        name = _asked[0]
        _asked.clear()
        raise Interrupted(f"interrupted by {name}")


def commit() -> None:
    """From here on there is only the way forward: signals come too late to end it."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    _asked.clear()


@contextmanager
def told() -> Iterator[None]:
    """The whole run of a module: what `held` has guarded is told, whatever comes between that and the end."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


@contextmanager
def held() -> Iterator[None]:
    """Signals wait for the body's next `check`; after it they come too late."""

    def note(number: int, dummy: Any) -> None:
        _asked.append(signal.Signals(number).name)

    yield from _handled(note)


@contextmanager
def ignored() -> Iterator[None]:
    """No signal ends the body, nor does one that came before it."""
    yield from _handled(signal.SIG_IGN)


def _handled(handler: Any) -> Iterator[None]:
    for number in SIGNALS:
        signal.signal(number, handler)
    _asked.clear()
    try:
        yield
    finally:
        commit()
