# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcome of checks as text for a person: a table, and a matrix of who reaches whom."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from .reachability import REACHABLE, UNREACHABLE

Row = Mapping[str, Any]
HOST_WORD = "the host"
WIDTH = 100
# From this many checks on, a matrix says more than a table.
MANY = 13
REACHED, APART, FAILED, SKIPPED, NOTHING = "+", "-", "X", "?", "."
LEGEND = (
    f"{REACHED} reachable, {APART} unreachable, both as expected; "
    f"{FAILED} not as expected; {SKIPPED} skipped; {NOTHING} not checked"
)


def table(rows: Sequence[Row]) -> str:
    """One line for each check; columns that would be empty are left out."""
    lines = [_cells(row) for row in rows]
    heads = [head for head in lines[0] if any(line[head] for line in lines)] if lines else []
    text = [heads, *([line[head] for head in heads] for line in lines)]
    widths = [max(len(cells[number]) for cells in text) for number in range(len(heads))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip() for cells in text)


def _cells(row: Row) -> dict[str, str]:
    found = {True: REACHABLE, False: UNREACHABLE, None: ""}[row["reachable"]]
    time = (row["rtt_ms"] or {}).get("avg") if row["connect_ms"] is None else row["connect_ms"]
    return {
        "RESULT": "skipped" if row["skipped"] else "ok" if row["ok"] else "FAILED",
        "NAME": row["name"] or "",
        "FROM": _from(row),
        "SOURCE": row["source"] or "",
        "DEVICE": row["device"] or "",
        "TO": row["to"],
        "PROTOCOL": row["protocol"] + (f"/{row['port']}" if row["port"] else ""),
        "SIZE": "" if row["size"] is None else str(row["size"]),
        "EXPECTED": row["expected"],
        "FOUND": found,
        "LOSS": "" if row["loss"] is None else f"{row['loss'] * 100:.0f} %",
        "TIME": "" if time is None else f"{time:.3f} ms",
        "TTL": str(row["ttl"] or ""),
        "REASON": row["reason"] or "",
    }


def _from(row: Row) -> str:
    return row["from"] or HOST_WORD


def matrix(rows: Sequence[Row]) -> str:
    """Sources by destinations, one character each; "" where the table is short enough to be read."""
    if len(rows) < MANY:
        return ""
    sources = list(dict.fromkeys(_from(row) for row in rows))
    targets = list(dict.fromkeys(row["to"] for row in rows))
    cells: dict[tuple[str, str], str] = {}
    for row in rows:
        place = (_from(row), row["to"])
        cells[place] = _worse(cells.get(place, NOTHING), _mark(row))
    width = max(map(len, sources))
    lines = [
        f"{source.rjust(width)} {_tens(''.join(cells.get((source, target), NOTHING) for target in targets))}"
        for source in sources
    ]
    numbered = ", ".join(f"{number} {target}".replace(" ", "\xa0") for number, target in enumerate(targets, 1))
    columns = textwrap.wrap(f"columns: {numbered}", WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join([*lines, *columns, LEGEND]).replace("\xa0", " ")


def _mark(row: Row) -> str:
    if row["skipped"]:
        return SKIPPED
    if not row["ok"]:
        return FAILED
    return REACHED if row["reachable"] else APART


def _worse(one: str, other: str) -> str:
    """What several checks of one pair come to."""
    return max(one, other, key=[NOTHING, REACHED, APART, SKIPPED, FAILED].index)


def _tens(text: str) -> str:
    return " ".join(text[start : start + 10] for start in range(0, len(text), 10))


def failure(rows: Sequence[Row]) -> str:
    """What a failed task says."""
    failed = [row for row in rows if row["ok"] is False]
    count = f"{len(failed)} of {len(rows)} checks" if len(rows) > 1 else "the check"
    return f"{count} did not hold:\n{table(failed)}"
