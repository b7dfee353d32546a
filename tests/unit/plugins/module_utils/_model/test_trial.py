# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A check while it runs, against a network that is a function and a clock that is a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nsfabric.linux.plugins.module_utils._model.reachability import Check
from ansible_collections.nsfabric.linux.plugins.module_utils._model.trial import GAP, PACE, Probe, Trial, skipped

CHECK = Check("checks[0]", None, "ns1", "10.0.0.1")
AWAY = replace(CHECK, reachable=False)
START = 1000.0
# What happens to a probe: the time it takes and its TTL, a reason why it fails, or nothing at all.
Fate = tuple[Optional[float], Any]
ANSWERED: Fate = (0.002, 64)
LOST: Fate = (None, None)


def run(check: Check, network: Callable[[float], Fate]) -> tuple[Trial, float]:
    """Runs a check to its end; the network is asked with the time since the start."""
    trial, now, arriving = Trial(check), START, list[tuple[float, Probe, Fate]]()
    for dummy in range(100000):
        for when, probe, (dummy, outcome) in [item for item in arriving if item[0] <= now]:
            if isinstance(outcome, str):
                trial.failed(probe, outcome)
            else:
                probe.took, probe.ttl = when - probe.sent, outcome
        arriving = [item for item in arriving if item[0] > now]
        turn = trial.turn(now)
        if turn.over:
            return trial, now - START
        if turn.send:
            fate = network(now - START)
            probe = trial.sent(now)
            if fate[0] is not None:
                arriving.append((now + fate[0], probe, fate))
        else:
            assert turn.until > now
            now = min([turn.until, *(when for when, dummy, dummy in arriving)])
    raise AssertionError("it never ends")


def test_an_answer_is_enough() -> None:
    trial, took = run(CHECK, lambda now: ANSWERED)
    assert (trial.ok, trial.reachable, trial.reason, trial.attempts) == (True, True, "", 1)
    assert took == pytest.approx(0.002)
    row = trial.row()
    assert (row["from"], row["sent"], row["received"], row["loss"], row["ttl"]) == ("ns1", 1, 1, 0, 64)
    assert row["rtt_ms"] == {"min": 2.0, "avg": 2.0, "max": 2.0}
    assert (row["connect_ms"], row["reason"]) == (None, None)


def test_reachable_is_asked_again_until_it_holds() -> None:
    trial, took = run(CHECK, lambda now: ANSWERED if now > 2.5 else LOST)
    assert (trial.ok, trial.attempts, took) == (True, 4, pytest.approx(3.002))


def test_reachable_gives_up_when_the_time_is_over() -> None:
    trial, took = run(CHECK, lambda now: LOST)
    assert (trial.ok, trial.attempts, took) == (False, 5, pytest.approx(5))
    assert trial.reason == "no answer within 1 s"


def test_what_fails_at_once_is_asked_again_at_a_pace() -> None:
    trial, took = run(replace(CHECK, timeout=1), lambda now: (0.0, "Network is unreachable"))
    assert (trial.ok, trial.attempts, took) == (False, 4, pytest.approx(1 - PACE))
    assert trial.reason == "Network is unreachable"


@pytest.mark.parametrize(("retries", "timeout", "attempts"), [(0, 5, 1), (2, 5, 3), (None, 0, 1), (9, 2, 2)])
def test_retries_are_bounded_by_number_and_time(retries: Optional[int], timeout: float, attempts: int) -> None:
    trial, took = run(replace(CHECK, retries=retries, timeout=timeout), lambda now: LOST)
    assert (trial.attempts, took) == (attempts, pytest.approx(attempts))


def test_loss_is_counted_over_an_attempt() -> None:
    fates = iter([ANSWERED, LOST, ANSWERED, LOST])
    trial, dummy = run(replace(CHECK, count=4, retries=0), lambda now: next(fates))
    row = trial.row()
    assert (row["reachable"], row["ok"], row["sent"], row["received"], row["loss"]) == (True, False, 4, 2, 0.5)
    assert row["reason"] == "2 of 4 probes lost: no answer within 1 s"


def test_the_probes_of_an_attempt_are_spread() -> None:
    asked: list[float] = []
    run(replace(CHECK, count=3), lambda now: asked.append(now) or ANSWERED)  # type: ignore[func-returns-value]
    assert asked == pytest.approx([0, GAP, 2 * GAP])


def test_another_ttl_is_not_as_expected() -> None:
    trial, dummy = run(replace(CHECK, ttl=63, timeout=1), lambda now: ANSWERED)
    assert (trial.ok, trial.reachable, trial.reason) == (False, True, "the TTL of the answer is 64, not 63")
    trial, dummy = run(replace(CHECK, ttl=64), lambda now: ANSWERED)
    assert trial.ok


def test_a_reason_that_comes_late_is_told() -> None:
    trial, dummy = run(CHECK, lambda now: (3.1, "Destination Host Unreachable from 10.0.0.9") if now < 0.5 else LOST)
    assert trial.reason == "no answer within 1 s; before that: Destination Host Unreachable from 10.0.0.9"


def test_a_late_answer_to_an_earlier_attempt_does_not_count() -> None:
    trial, dummy = run(replace(CHECK, timeout=2), lambda now: (1.5, 64) if now < 0.5 else LOST)
    assert (trial.ok, trial.received) == (False, 0)


def test_a_remark_is_told_with_the_silence() -> None:
    trial = Trial(replace(CHECK, timeout=0))
    trial.remark = "10.0.0.9 answered instead"
    trial.turn(START)
    trial.sent(START)
    assert trial.turn(START + 1).over
    assert trial.reason == "no answer within 1 s; 10.0.0.9 answered instead"


def test_unreachable_asks_throughout_its_window() -> None:
    asked: list[float] = []
    trial, took = run(AWAY, lambda now: asked.append(now) or LOST)  # type: ignore[func-returns-value]
    assert asked == pytest.approx([0, PACE, 2 * PACE, 3 * PACE])
    assert (trial.ok, trial.reachable, took, trial.row()["sent"]) == (True, False, pytest.approx(1), 4)
    assert trial.reason == "no answer within 1 s"


@pytest.mark.parametrize("since", [0.0, 0.3, 0.7])
def test_one_answer_in_the_window_breaks_unreachable(since: float) -> None:
    trial, took = run(AWAY, lambda now: ANSWERED if now >= since else (0.0, "Network is unreachable"))
    assert (trial.ok, trial.reachable, trial.reason) == (False, True, "10.0.0.1 answered")
    assert took < 1


def test_a_slow_answer_breaks_unreachable_as_well() -> None:
    """As proxy_arp, which answers after up to 0.8 seconds."""
    trial, took = run(AWAY, lambda now: (0.9, 64) if now == 0 else LOST)
    assert (trial.ok, took) == (False, pytest.approx(0.9))


def test_unreachable_keeps_its_window_when_all_probes_fail_at_once() -> None:
    trial, took = run(AWAY, lambda now: (0.0, "Network is unreachable"))
    assert (trial.ok, took, trial.reason) == (True, pytest.approx(1), "Network is unreachable")


def test_a_connection_has_a_time_of_its_own() -> None:
    row = run(replace(CHECK, protocol="tcp", port=80), lambda now: (0.004, None))[0].row()
    assert (row["connect_ms"], row["rtt_ms"], row["ttl"], row["port"]) == (4.0, None, None, 80)


def test_a_skipped_row_has_the_shape_of_a_row() -> None:
    row = skipped(CHECK, "there is no namespace ns1 yet")
    assert set(row) == set(run(CHECK, lambda now: ANSWERED)[0].row())
    assert (row["skipped"], row["ok"], row["reachable"]) == (True, None, None)


@given(
    st.builds(
        Check,
        path=st.just("checks[0]"),
        name=st.none(),
        netns=st.just(""),
        to=st.just("10.0.0.1"),
        reachable=st.booleans(),
        count=st.integers(1, 5),
        wait=st.floats(0.05, 3),
        timeout=st.floats(0, 5),
        retries=st.none() | st.integers(0, 3),
    ),
    st.lists(st.sampled_from([ANSWERED, LOST, (0.0, "refused"), (1.4, "late"), (2.5, 64)]), min_size=1),
)
def test_it_ends_in_time_and_its_verdict_is_what_was_seen(check: Check, fates: list[Fate]) -> None:
    turns = iter(range(10**6))
    trial, took = run(check, lambda now: fates[next(turns) % len(fates)])
    spread = GAP * (check.count - 1)
    # The last attempt may begin just before the end.
    limit = max(check.timeout, PACE) + check.wait + spread if check.reachable else check.wait + 2 * spread
    assert took <= limit + 1e-6
    row = trial.row()
    assert row["sent"] == (check.count if check.reachable else check.count * trial.attempts) or row["reachable"]
    assert row["reachable"] == (row["received"] > 0)
    assert row["ok"] == (row["received"] == row["sent"] if check.reachable else row["received"] == 0)
    assert (row["reason"] is None) == (check.reachable and row["ok"])
