# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks a topology's configuration with the modules' own argument specs: every error, each with its path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._model.document import entry_path
from ._model.problems import Problems
from ._model.registry import KINDS
from ._options import Options, guess, told


def config(given: Mapping[str, Any], problems: Problems) -> dict[str, list[dict[str, Any]]]:
    """The configuration with its types converted and its defaults filled in."""
    result: dict[str, list[dict[str, Any]]] = {}
    for name, entries in given.items():
        if name not in KINDS:
            problems.add(f"config.{name}", f"there is no such kind of thing{guess(name, KINDS)}")
        elif entries is None:
            continue
        elif not isinstance(entries, list):
            problems.add(f"config.{name}", f"must be a list of entries, not {told(entries)}")
        else:
            kind = KINDS[name]
            options = Options(kind.options, **kind.rules)
            result[name] = [
                options.read(entry, entry_path("config", name, number), problems)
                for number, entry in enumerate(entries)
            ]
    return result
