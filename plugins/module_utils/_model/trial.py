# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One check while it runs: when to send the next probe, when to ask again, and what it all proves.

Time comes in as an argument, in seconds of whatever clock; nothing here waits or sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Optional

from .reachability import TCP, Check

# Between the beginnings of two attempts, and between two probes of one attempt.
PACE = 0.25
GAP = 0.01


@dataclass
class Probe:
    """One echo request or one connection. Neither answered nor failed: still on its way."""

    sent: float
    took: Optional[float] = None
    ttl: Optional[int] = None
    reason: str = ""

    @property
    def pending(self) -> bool:
        return self.took is None and not self.reason


class Turn(NamedTuple):
    """What is to be done: send a probe now, look again at a time, or nothing any more."""

    send: bool = False
    until: float = 0.0
    over: bool = False


class Trial:
    """A check under way.

    A check that expects reachable asks again until an attempt holds: all of it answered. One that expects
    unreachable keeps asking throughout its window, and the first answer ends it.
    """

    def __init__(self, check: Check) -> None:
        self.check = check
        self.attempts = 0
        self.probes: list[Probe] = []
        self.remark = ""
        self.over = False
        self._earlier = ""
        self._unsent = 0
        self._began = self._attempt_began = 0.0

    def turn(self, now: float) -> Turn:
        """What is to be done now."""
        if not self.attempts:
            self._began = now
            self._attempt(now)
        turn = self._turn(now)
        self.over = turn.over
        return turn

    def sent(self, now: float) -> Probe:
        """Notes that a probe has left."""
        self._unsent -= 1
        self.probes.append(Probe(now))
        return self.probes[-1]

    def failed(self, probe: Probe, reason: str) -> None:
        """Notes why a probe will not be answered; of an earlier attempt's probe, it may be all we learn."""
        if probe.pending:
            probe.reason = reason
            if not any(probe is current for current in self.probes):
                self._earlier = reason

    def late(self, now: float) -> bool:
        """Whether a probe that cannot be sent yet has waited for too long."""
        return now >= self._attempt_began + self.check.wait

    def _attempt(self, now: float) -> None:
        if self.check.reachable:
            self._earlier = self._first_reason() or self._earlier
            self.probes = []
        self.attempts += 1
        self._attempt_began = now
        self._unsent = self.check.count

    def _turn(self, now: float) -> Turn:
        if not self.check.reachable and self.received:
            return Turn(over=True)
        if self._unsent:
            due = self._attempt_began + GAP * (self.check.count - self._unsent)
            return Turn(send=True) if now >= due else Turn(until=due)
        return self._insist(now) if self.check.reachable else self._exclude(now)

    def _insist(self, now: float) -> Turn:
        """Reachable is expected and all probes are out."""
        last = max((probe.sent for probe in self.probes if probe.pending), default=None)
        if last is not None and now < last + self.check.wait:
            return Turn(until=last + self.check.wait)
        again = max(now, self._attempt_began + PACE)
        retries = self.check.retries
        if self.ok or again >= self._began + self.check.timeout or (retries is not None and self.attempts > retries):
            return Turn(over=True)
        return self._again(now, again)

    def _exclude(self, now: float) -> Turn:
        """Unreachable is expected and all probes of this attempt are out."""
        end = self._began + self.check.wait + GAP * (self.check.count - 1)
        again = self._attempt_began + PACE
        if now >= end:
            return Turn(over=True)
        return self._again(now, again) if again < end else Turn(until=end)

    def _again(self, now: float, when: float) -> Turn:
        if now < when:
            return Turn(until=when)
        self._attempt(now)
        return Turn(send=True)

    @property
    def answered(self) -> list[Probe]:
        return [probe for probe in self.probes if probe.took is not None]

    @property
    def received(self) -> int:
        return len(self.answered)

    @property
    def reachable(self) -> bool:
        """Whether any answer came."""
        return self.received > 0

    @property
    def ok(self) -> bool:
        """Whether it is as expected: all probes answered, by the TTL that was expected, or none at all."""
        if not self.check.reachable:
            return not self.reachable
        return len(self.answered) == len(self.probes) > 0 and not self._other_ttl()

    @property
    def reason(self) -> str:
        """Why the check failed, or why what should be unreachable is so; "" where there is nothing to explain."""
        lost = len(self.probes) - self.received
        if not self.reachable:
            return self._silence()
        if not self.check.reachable:
            return f"{self.check.to} answered"
        if lost:
            return f"{lost} of {len(self.probes)} probes lost: {self._silence()}"
        ttl = self._other_ttl()
        return f"the TTL of the answer is {ttl}, not {self.check.ttl}" if ttl else ""

    def _silence(self) -> str:
        reason = self._first_reason()
        if reason:
            return reason
        reason = f"no answer within {self.check.wait:g} s"
        if self.remark:
            reason += f"; {self.remark}"
        return reason + (f"; before that: {self._earlier}" if self._earlier else "")

    def _first_reason(self) -> str:
        return next((probe.reason for probe in self.probes if probe.reason), "")

    def _other_ttl(self) -> Optional[int]:
        """A TTL seen that is not the one expected."""
        seen = (probe.ttl for probe in self.answered)
        return next((ttl for ttl in seen if ttl and self.check.ttl and ttl != self.check.ttl), None)

    def row(self) -> dict[str, Any]:
        """The check and its outcome, for the result."""
        times = [probe.took * 1000 for probe in self.answered if probe.took is not None]
        mean = round(sum(times) / len(times), 3) if times else None
        span = {"min": round(min(times), 3), "avg": mean, "max": round(max(times), 3)} if times else None
        tcp = self.check.protocol == TCP
        return {
            **asked(self.check),
            "reachable": self.reachable,
            "ok": self.ok,
            "skipped": False,
            "attempts": self.attempts,
            "sent": len(self.probes),
            "received": self.received,
            "loss": round(1 - self.received / len(self.probes), 4) if self.probes else None,
            "rtt_ms": None if tcp else span,
            "ttl": next((probe.ttl for probe in reversed(self.answered) if probe.ttl), None),
            "connect_ms": mean if tcp else None,
            "reason": self.reason or None,
        }


def asked(check: Check) -> dict[str, Any]:
    """The part of a row that says what was asked."""
    return {
        "name": check.name,
        "from": check.netns or None,
        "to": check.to,
        "protocol": check.protocol,
        "port": check.port,
        "device": check.device,
        "source": check.source,
        "size": check.size,
        "expected": check.expected,
        "expected_ttl": check.ttl,
    }


def skipped(check: Check, reason: str) -> dict[str, Any]:
    """The row of a check that could not be made yet."""
    unknown = ("reachable", "ok", "attempts", "sent", "received", "loss", "rtt_ms", "ttl", "connect_ms")
    row = dict.fromkeys(unknown)
    return {**asked(check), **row, "skipped": True, "reason": reason}
