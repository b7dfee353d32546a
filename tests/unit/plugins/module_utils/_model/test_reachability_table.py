# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table and the matrix, character by character."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

from ansible_collections.nsfabric.linux.plugins.module_utils._model.reachability import Check
from ansible_collections.nsfabric.linux.plugins.module_utils._model.reachability_table import failure, matrix, table
from ansible_collections.nsfabric.linux.plugins.module_utils._model.trial import Trial, skipped

CHECK = Check("checks[0]", None, "ns1", "10.0.0.2", retries=0)


def row(check: Check, took: Optional[float] = None, reason: str = "") -> dict[str, Any]:
    """The row of a check whose one probe was answered, failed or was lost."""
    trial = Trial(check)
    trial.turn(0)
    probe = trial.sent(0)
    probe.took, probe.ttl = took, 64 if took and check.protocol == "icmp" else None
    probe.reason = reason
    return trial.row()


ROWS = [
    row(CHECK, took=0.0000426),
    row(replace(CHECK, netns="", to="fd00::2", protocol="tcp", port=80), took=0.0015),
    row(replace(CHECK, to="10.9.0.1"), reason="no route"),
    row(replace(CHECK, netns="ns2", to="10.9.0.1", reachable=False), reason="No route to host"),
    skipped(replace(CHECK, netns="ns3"), "there is no namespace ns3 yet"),
]


def test_the_table() -> None:
    assert table(ROWS) == "\n".join(
        [
            "RESULT   FROM      TO        PROTOCOL  EXPECTED     FOUND        LOSS   TIME      TTL  REASON",
            "ok       ns1       10.0.0.2  icmp      reachable    reachable    0 %    0.043 ms  64",
            "ok       the host  fd00::2   tcp/80    reachable    reachable    0 %    1.500 ms",
            "FAILED   ns1       10.9.0.1  icmp      reachable    unreachable  100 %                 no route",
            "ok       ns2       10.9.0.1  icmp      unreachable  unreachable  100 %                 No route to host",
            "skipped  ns3       10.0.0.2  icmp      reachable                                       "
            "there is no namespace ns3 yet",
        ]
    )


def test_columns_come_when_they_say_something() -> None:
    check = replace(CHECK, name="big", device="veth1", source="10.0.0.1", size=1472)
    assert table([row(check, took=0.001)]).splitlines() == [
        "RESULT  NAME  FROM  SOURCE    DEVICE  TO        PROTOCOL  SIZE  EXPECTED   FOUND      LOSS  TIME      TTL",
        "ok      big   ns1   10.0.0.1  veth1   10.0.0.2  icmp      1472  reachable  reachable  0 %   1.000 ms  64",
    ]


def test_no_checks_no_table() -> None:
    assert (table([]), matrix([])) == ("", "")


def test_a_failure_shows_what_failed() -> None:
    assert failure(ROWS) == "1 of 5 checks did not hold:\n" + table([ROWS[2]])
    assert failure([ROWS[2]]).startswith("the check did not hold:\nRESULT")


def test_the_matrix() -> None:
    names = [f"ns{number}" for number in range(1, 13)]
    rows = [
        row(replace(CHECK, netns=one, to=f"10.0.0.{number}"), took=0.001)
        for one in ("ns1", "ns12")
        for number, other in enumerate(names, 1)
        if one != other
    ]
    rows += [ROWS[2], ROWS[3], ROWS[4]]
    assert matrix(rows) == "\n".join(
        [
            " ns1 ++++++++++ +.X",
            "ns12 ++++++++++ .+.",
            " ns2 .......... ..-",
            " ns3 ?......... ...",
            "columns: 1 10.0.0.2, 2 10.0.0.3, 3 10.0.0.4, 4 10.0.0.5, 5 10.0.0.6, 6 10.0.0.7, 7 10.0.0.8,",
            "8 10.0.0.9, 9 10.0.0.10, 10 10.0.0.11, 11 10.0.0.12, 12 10.0.0.1, 13 10.9.0.1",
            "+ reachable, - unreachable, both as expected; X not as expected; ? skipped; . not checked",
        ]
    )


def test_the_worst_of_a_pair_shows() -> None:
    many = [row(CHECK, took=0.001)] * 12
    assert matrix([*many, row(CHECK, reason="refused")]).startswith("ns1 X\n")


def test_a_short_table_needs_no_matrix() -> None:
    assert matrix(ROWS) == ""
