# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that is wrong with a document, each with the place where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Problem:
    """One error in what was declared: `path` such as "config.veth[3].peer.name"."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


@dataclass
class Problems:
    """A list that collects, so that every error is told at once."""

    found: list[Problem] = field(default_factory=list)

    def add(self, path: str, message: str) -> None:
        problem = Problem(path, message)
        if problem not in self.found:
            self.found.append(problem)

    def concern(self, path: str) -> bool:
        """Whether something is wrong at a path or below it, or with all that it is a part of."""
        parts = (f"{path}.", f"{path}[")
        return any(
            not path or path == found or found.startswith(parts) or path.startswith((f"{found}.", f"{found}["))
            for found in (problem.path for problem in self.found)
        )

    def __bool__(self) -> bool:
        return bool(self.found)


def below(path: str, name: str) -> str:
    """The path of an option of what stands at a path; either may be ""."""
    return ".".join(part for part in (path, name) if part)


class Reader:
    """Takes the options of one entry, notes what cannot be understood and goes on.

    Where an option was wrong before, what the others would mean without it is not told.
    """

    def __init__(self, options: Mapping[str, Any], path: str, problems: Problems) -> None:
        self.options = options
        self.path = path
        self.problems = problems
        self.incomplete = problems.concern(path)

    def where(self, name: str) -> str:
        return below(self.path, name)

    def wrong(self, name: str, message: str) -> None:
        """Notes what is wrong with an option because of others, or because it is missing."""
        if not self.incomplete:
            self.problems.add(self.where(name), message)

    def get(self, name: str, parse: Optional[Callable[[Any], T]] = None) -> Any:
        """The option's canonical value; None where it was not given or cannot be understood."""
        value = self.options.get(name)
        if value is None or parse is None:
            return value
        try:
            return parse(value)
        except ValueError as error:
            self.problems.add(self.where(name), str(error))
            return None

    def each(self, name: str, parse: Callable[[Any], T]) -> Optional[tuple[T, ...]]:
        """A list option without repetitions, in the order given; None where it was not given."""
        values = self.options.get(name)
        if values is None:
            return None
        taken: dict[T, None] = {}
        for number, value in enumerate(values):
            try:
                taken[parse(value)] = None
            except ValueError as error:
                self.problems.add(f"{self.where(name)}[{number}]", str(error))
        return tuple(taken)

    def inner(self, name: str) -> Optional[Reader]:
        """A reader for a nested dictionary."""
        value = self.options.get(name)
        return None if value is None else Reader(value, self.where(name), self.problems)
