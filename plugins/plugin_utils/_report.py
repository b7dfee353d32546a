# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of the hosts of a play, in text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

Outcome = Mapping[str, Any]
COLUMNS = {"STATE": "state", "WHERE": "netns", "REASON": "why", "MEND WITH": "command"}
WIDTH = 110


def report(outcomes: Mapping[str, Outcome], shown: int) -> list[str]:
    """The lines: what there is to say of single hosts first, then who fared alike.

    An outcome has `differences` (rows of a drift), `steps` (how many were done) or `checks` (how many hold), or else
    `failure`; an empty one is that of a host which could not be reached. Of a host at most so many differences are
    `shown`.
    """
    lines = []
    for host, outcome in outcomes.items():
        if outcome.get("differences"):
            lines += _drifted(host, outcome["differences"], shown)
    changed = {host: outcome["steps"] for host, outcome in outcomes.items() if outcome.get("steps")}
    lines += _listed("changed", [f"{host} ({_count(steps, 'step')})" for host, steps in changed.items()])
    proven = {host: outcome["checks"] for host, outcome in outcomes.items() if "checks" in outcome}
    lines += _listed("proven", [f"{host} ({_count(checks, 'check')})" for host, checks in proven.items()])
    lines += _listed("nothing to do", [host for host, outcome in outcomes.items() if outcome.get("steps") == 0])
    lines += _listed("as declared", [host for host, outcome in outcomes.items() if outcome.get("differences") == []])
    for host, outcome in outcomes.items():
        if "failure" in outcome:
            first, *rest = str(outcome["failure"]).splitlines() or [""]
            lines += [f"failed: {host}: {first}", *(f"  {line}" for line in rest)]
    lines += _listed("unreachable", [host for host, outcome in outcomes.items() if not outcome])
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _listed(title: str, hosts: Sequence[str]) -> list[str]:
    if not hosts:
        return []
    return textwrap.wrap(
        f"{title}: {', '.join(hosts)}", WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _drifted(host: str, rows: Sequence[Mapping[str, Any]], shown: int) -> list[str]:
    """A table under the host's name; what stands last is as long as it is."""
    cells = [list(COLUMNS)]
    cells += [[str(row.get(key) or "host") for key in COLUMNS.values()] for row in rows[:shown]]
    sizes = [max(len(row[column]) for row in cells) for column in range(len(COLUMNS) - 1)]
    lines = [f"{host}: {_count(len(rows), 'difference')} from what is declared"]
    for *front, last in cells:
        lines.append("  " + "  ".join([*(text.ljust(size) for text, size in zip(front, sizes)), last]))
    more = [f"  ... and {len(rows) - shown} more; -e nsfabric_shown={len(rows)} shows all"] if len(rows) > shown else []
    return [*lines, *more, ""]
