# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules really return, held against the RETURN of their documentation."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import yaml

# What Ansible and AnsibleModule add to every result.
COMMON = {"changed", "failed", "msg", "diff", "warnings", "deprecations", "invocation", "exception", "crashed"}
TYPES: dict[str, Any] = {
    "str": str,
    "bool": bool,
    "int": int,
    "float": (int, float),
    "list": list,
    "dict": dict,
    "raw": object,
}


@functools.cache
def documented(module: str) -> dict[str, Any]:
    text = import_module(f"ansible_collections.nsfabric.linux.plugins.modules.{module}").RETURN
    returned: dict[str, Any] = yaml.safe_load(text)
    return returned


def check(module: str, result: Mapping[str, Any]) -> None:
    """Fails when a result and its documentation differ."""
    values = {key: value for key, value in result.items() if key not in COMMON}
    wrong = sorted(set(differences(module, documented(module), values)))
    if not result.get("failed"):
        promised = {key for key, value in documented(module).items() if value["returned"] == "success"}
        wrong += [f"{module}.{key}: is not returned" for key in sorted(promised - set(values))]
    assert not wrong, wrong


def differences(path: str, contains: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        if key in contains:
            yield from _value(f"{path}.{key}", contains[key], value)
        else:
            yield f"{path}.{key}: is not documented"


def _value(path: str, documentation: Mapping[str, Any], value: Any) -> Iterator[str]:
    kind = documentation["type"]
    if value is None:
        if "null" not in str(documentation["description"]).lower():
            yield f"{path}: is null, and its description does not say so"
    elif not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind in ("int", "float")):
        yield f"{path}: is {value!r}, not of type {kind}"
    elif kind == "list":
        each = {**documentation, "type": documentation["elements"], "description": ""}
        for part in value:
            yield from _value(f"{path}[]", each, part)
    elif "contains" in documentation:
        yield from differences(path, documentation["contains"], value)


def documented_paths(contains: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Everything that is documented, however deep."""
    for key, documentation in contains.items():
        yield f"{path}{key}"
        yield from documented_paths(documentation.get("contains", {}), f"{path}{key}.")


def paths(contains: Mapping[str, Any], values: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """What of it has a value in a result."""
    for key, documentation in contains.items():
        value = values.get(key)
        if value is None:
            continue
        yield f"{path}{key}"
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                yield from paths(documentation.get("contains", {}), part, f"{path}{key}.")
