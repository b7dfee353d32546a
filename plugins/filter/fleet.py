# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for plays over many hosts: how each differs from what is declared, and what became of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.nsfabric.linux.plugins.plugin_utils import _declared, _drift, _report


def declaration_errors(roles: object, topologies: object = None) -> list[str]:
    return _declared.errors(roles, topologies)


def undeclared(live: object, results: object) -> dict[str, list[dict[str, Any]]]:
    return _drift.undeclared(_read("undeclared", live), _results("undeclared", results))


def drift(live: object, results: object, removal: object = ()) -> list[dict[str, Any]]:
    info = live if isinstance(live, Mapping) else {}
    config, found = _read("drift", live), _results("drift", results)
    if not isinstance(removal, Sequence):
        raise AnsibleFilterError(f"drift: removal is a list of steps, not {removal!r}")
    return _drift.differences(config, info["topologies"], found, removal)


def fleet_report(outcomes: object, shown: object = 40) -> list[str]:
    if isinstance(shown, bool) or not str(shown).isdecimal():
        raise AnsibleFilterError(f"fleet_report: shown is a number of differences, not {shown!r}")
    if not isinstance(outcomes, Mapping) or not all(isinstance(each, Mapping) for each in outcomes.values()):
        raise AnsibleFilterError("fleet_report: a dictionary of hosts is expected, each with a dictionary")
    return _report.report(outcomes, int(str(shown)))


def _read(name: str, live: object) -> Mapping[str, Any]:
    if not isinstance(live, Mapping) or not {"config", "topologies"} <= set(live):
        raise AnsibleFilterError(f"{name}: what nsfabric.linux.topology_info returned is expected")
    config: Mapping[str, Any] = live["config"]
    return config


def _results(name: str, results: object) -> Sequence[Mapping[str, Any]]:
    if isinstance(results, (str, Mapping)) or not isinstance(results, Sequence):
        raise AnsibleFilterError(f"{name}: a list of what nsfabric.linux.topology returned is expected")
    if not all(isinstance(result, Mapping) and "topology" in result for result in results):
        raise AnsibleFilterError(f"{name}: one of the results is not what nsfabric.linux.topology returned")
    return results


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "declaration_errors": declaration_errors,
            "undeclared": undeclared,
            "drift": drift,
            "fleet_report": fleet_report,
        }
