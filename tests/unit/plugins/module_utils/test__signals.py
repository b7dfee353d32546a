# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from ansible_collections.nsfabric.linux.plugins.module_utils import _signals


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    with _signals.told():
        yield


def ask(number: int = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", _signals.SIGNALS)
def test_a_signal_waits_until_it_is_asked_for(number: signal.Signals) -> None:
    with _signals.held():
        _signals.check()
        ask(number)
        with pytest.raises(_signals.Interrupted, match=f"^interrupted by {number.name}$"):
            _signals.check()
        _signals.check()


def test_while_things_are_put_back_nobody_ends_it() -> None:
    with _signals.held():
        ask()
        with _signals.ignored():
            _signals.check()
            ask()
            _signals.check()
        _signals.check()


def test_after_what_is_guarded_a_signal_comes_too_late() -> None:
    before = [signal.getsignal(number) for number in _signals.SIGNALS]
    with _signals.told():
        with _signals.held():
            ask()
        for number in _signals.SIGNALS:
            ask(number)
        _signals.check()
    assert [signal.getsignal(number) for number in _signals.SIGNALS] == before
