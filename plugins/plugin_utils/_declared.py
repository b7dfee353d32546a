# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the words by which an inventory says what a host has: its roles and its topologies."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

OWN = "nsfabric.linux"


def errors(roles: object, topologies: object) -> list[str]:
    """One line for each; of nothing at all, nothing is wrong."""
    return [*_of_roles(roles), *_of_topologies(topologies)]


def _of_roles(roles: object) -> Iterator[str]:
    if roles is None:
        return
    if isinstance(roles, (str, Mapping)) or not isinstance(roles, Sequence):
        yield f"nsfabric_roles is {_shown(roles)}; a list of roles is right"
        return
    for role in roles:
        if not isinstance(role, str):
            yield f"nsfabric_roles has {_shown(role)}; the name of a role is right"
        elif not re.fullmatch(r"\w+(\.\w+\.\w+(\.\w+)*)?", role):
            yield f"nsfabric_roles: '{role}' is not the name of a role, such as bridged or namespace.collection.role"
        else:
            yield from _missing(role)


def _missing(role: str) -> Iterator[str]:
    """A role's name alone is that of one of this collection's."""
    namespace, collection, name = (role if "." in role else f"{OWN}.{role}").split(".", 2)
    package = f"ansible_collections.{namespace}.{collection}"
    try:
        found = importlib.util.find_spec(f"{package}.roles.{name}")
    except ModuleNotFoundError:
        found = None
    if found is None:
        known = _roles(package)
        there = f"there are {', '.join(known)}" if known else f"{namespace}.{collection} is not installed or has none"
        yield f"nsfabric_roles: there is no role {role}; {there}"


def _roles(package: str) -> list[str]:
    """The names of a collection's roles."""
    try:
        folders = importlib.import_module(f"{package}.roles").__path__
    except ModuleNotFoundError:
        return []
    return sorted({path.parent.name for folder in folders for path in Path(folder).glob("*/tasks")})


def _of_topologies(topologies: object) -> Iterator[str]:
    if topologies is None:
        return
    if not isinstance(topologies, Mapping):
        yield f"nsfabric_topologies is {_shown(topologies)}; documents by the names of their topologies are right"
        return
    for name, document in topologies.items():
        if not isinstance(document, Mapping):
            yield f"nsfabric_topologies: {name} is {_shown(document)}; a document is right"


def _shown(value: object) -> str:
    """A value of the wrong type, in the words of YAML."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, str):
        return f"the text '{value}'"
    if isinstance(value, Sequence):
        return "a list"
    return "null" if value is None else str(value).lower()
