# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks a topology's configuration with the modules' own argument specs: every error, each with its path."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import MutuallyExclusiveError, RequiredIfError

from ._model.document import entry_path
from ._model.kind import Kind
from ._model.problems import Problems
from ._model.registry import KINDS


def config(given: Mapping[str, Any], problems: Problems) -> dict[str, list[dict[str, Any]]]:
    """The configuration with its types converted and its defaults filled in."""
    result: dict[str, list[dict[str, Any]]] = {}
    for name, entries in given.items():
        if name not in KINDS:
            problems.add(f"config.{name}", f"there is no such kind of thing{_guess(name, KINDS)}")
        elif entries is None:
            continue
        elif not isinstance(entries, list):
            problems.add(f"config.{name}", f"is a list of entries, not {_type(entries)}")
        else:
            kind = KINDS[name]
            validator = ArgumentSpecValidator(kind.options, **kind.rules)
            result[name] = [
                _entry(validator, kind, entry, entry_path("config", name, number), problems)
                for number, entry in enumerate(entries)
            ]
    return result


def _entry(validator: Any, kind: Kind, entry: Any, path: str, problems: Problems) -> dict[str, Any]:
    """An entry, converted; where something is wrong with it, the options that are right."""
    if not isinstance(entry, dict):
        problems.add(path, f"is a mapping of options, not {_type(entry)}")
        return {}
    _check_spellings(kind.options, entry, path, problems)
    try:
        outcome = validator.validate(entry)
        errors = list(outcome.errors)
    except TypeError as misunderstood:
        # ansible-core 2.19 fails so where a dictionary with options of its own is something else.
        errors = [misunderstood]
    if not errors:
        return dict(outcome.validated_parameters)
    before = len(problems.found)
    right = _locate(kind.options, entry, path, problems)
    unlocated = len(problems.found) == before
    for error in errors:
        if unlocated or isinstance(error, (MutuallyExclusiveError, RequiredIfError)):
            problems.add(path, str(error))
    return right


def _check_spellings(options: Mapping[str, Any], entry: Mapping[str, Any], path: str, problems: Problems) -> None:
    """One option under two of its names: the validator would take either."""
    for name, spec in options.items():
        given = [spelling for spelling in [name, *spec.get("aliases", ())] if spelling in entry]
        for other in given[1:]:
            problems.add(f"{path}.{other}", f"is the same option as {given[0]}, which is given as well")
        inner = entry.get(given[0]) if given else None
        parts = enumerate(inner) if isinstance(inner, list) else [(None, inner)]
        for number, part in parts:
            if "options" in spec and isinstance(part, dict):
                within = f"{path}.{given[0]}" + ("" if number is None else f"[{number}]")
                _check_spellings(spec["options"], part, within, problems)


def _locate(options: Mapping[str, Any], entry: Any, path: str, problems: Problems) -> dict[str, Any]:
    """Finds the options that errors are about, which the validator's own messages do not always tell."""
    if not isinstance(entry, dict):
        problems.add(path, f"is a mapping of options, not {_type(entry)}")
        return {}
    names = {alias: name for name, spec in options.items() for alias in [name, *spec.get("aliases", ())]}
    for given in entry:
        if given not in names:
            problems.add(f"{path}.{given}", f"there is no such option{_guess(given, names)}")
    present = {names[given]: (given, value) for given, value in entry.items() if given in names}
    right = {}
    for name, spec in options.items():
        given, value = present.get(name, (name, spec.get("default")))
        if value is not None:
            right[name] = _option(name, spec, value, f"{path}.{given}", problems)
        elif spec.get("required"):
            problems.add(f"{path}.{name}", "is required")
    return right


def _option(name: str, spec: Mapping[str, Any], value: Any, path: str, problems: Problems) -> Any:
    """One option, converted; None where it is wrong."""
    inner = spec.get("options")
    flat = {key: part for key, part in spec.items() if key not in ("options", "aliases", "required")}
    outcome = ArgumentSpecValidator({name: flat}).validate({name: value})
    for message in outcome.error_messages:
        problems.add(path, message)
    if outcome.error_messages:
        return None
    converted = outcome.validated_parameters[name]
    if inner is None:
        return converted
    if isinstance(converted, dict):
        return _locate(inner, converted, path, problems)
    return [_locate(inner, part, f"{path}[{number}]", problems) for number, part in enumerate(converted)]


def _guess(word: Any, words: Any) -> str:
    close = difflib.get_close_matches(str(word), list(words), 1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(sorted(words))}"


def _type(value: Any) -> str:
    return {"str": "a string", "dict": "a mapping", "int": "a number"}.get(type(value).__name__, type(value).__name__)
