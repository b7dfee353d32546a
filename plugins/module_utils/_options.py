# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options held against their argument spec: every error, each with its path, and with what would be right."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import MutuallyExclusiveError, RequiredIfError

from ._model.problems import Problems, below

RIGHT = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "dict": "a mapping of options",
    "list": "a list",
}


class Options:
    """An argument spec with the rules between its options, under AnsibleModule's names."""

    def __init__(self, spec: Mapping[str, Any], **rules: Any) -> None:
        self.spec = spec
        self._validator = ArgumentSpecValidator(spec, **rules)

    def read(self, given: Any, path: str, problems: Problems) -> dict[str, Any]:
        """Options, converted and with their defaults; where something is wrong, those that are right."""
        if not isinstance(given, dict):
            problems.add(path, f"must be {RIGHT['dict']}, not {told(given)}")
            return {}
        _check_spellings(self.spec, given, path, problems)
        try:
            outcome = self._validator.validate(given)
            errors = list(outcome.errors)
        except (TypeError, OverflowError) as misunderstood:
            # ansible-core 2.19 fails so where a dictionary with options of its own is something else, and where a
            # whole number is infinite.
            errors = [misunderstood]
        if not errors and not _is_misread(self.spec, given):
            return dict(outcome.validated_parameters)
        before = len(problems.found)
        right = _locate(self.spec, given, path, problems)
        unlocated = len(problems.found) == before
        for error in errors:
            if unlocated or isinstance(error, (MutuallyExclusiveError, RequiredIfError)):
                problems.add(path, str(error))
        return right


def _is_misread(spec: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Whether the validator would convert, without a word, what cannot be meant."""
    for name, option in spec.items():
        for value in (given[spelling] for spelling in (name, *option.get("aliases", ())) if spelling in given):
            if value is not None and _converts_wrongly(option.get("type", "str"), value):
                return True
            parts, inner = value if isinstance(value, list) else [], option.get("options", {})
            if any(_converts_wrongly(option.get("elements", "raw"), part) for part in parts):
                return True
            if any(_is_misread(inner, part) for part in (*parts, value) if isinstance(part, dict)):
                return True
    return False


def _converts_wrongly(kind: str, value: Any) -> bool:
    """A whole number is text as it is written; what is true may have been written as "on", and 1.1 as 1.10."""
    if kind == "str":
        return isinstance(value, bool) or not isinstance(value, (str, int))
    if kind in ("int", "float"):
        return isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value))
    return value is None or (kind == "list" and isinstance(value, (bool, float)))


def _check_spellings(spec: Mapping[str, Any], entry: Mapping[str, Any], path: str, problems: Problems) -> None:
    """One option under two of its names: the validator would take either."""
    for name, option in spec.items():
        given = [spelling for spelling in [name, *option.get("aliases", ())] if spelling in entry]
        for other in given[1:]:
            problems.add(below(path, other), f"is the same option as {given[0]}, which is given as well")
        inner = entry.get(given[0]) if given else None
        parts = enumerate(inner) if isinstance(inner, list) else [(None, inner)]
        for number, part in parts:
            if "options" in option and isinstance(part, dict):
                within = below(path, given[0]) + ("" if number is None else f"[{number}]")
                _check_spellings(option["options"], part, within, problems)


def _locate(spec: Mapping[str, Any], entry: Mapping[str, Any], path: str, problems: Problems) -> dict[str, Any]:
    """Finds the options that errors are about, which the validator's own messages do not always tell."""
    names = {alias: name for name, option in spec.items() for alias in [name, *option.get("aliases", ())]}
    for given in entry:
        if given not in names:
            problems.add(below(path, given), f"there is no such option{guess(given, names)}")
    present = {names[given]: (given, value) for given, value in entry.items() if given in names}
    right = {}
    for name, option in spec.items():
        given, value = present.get(name, (name, None))
        value = option.get("default") if value is None else value
        if value is not None:
            right[name] = _convert(option, value, below(path, given), problems)
        elif option.get("required"):
            problems.add(below(path, name), "is required")
    return right


def _convert(option: Mapping[str, Any], value: Any, path: str, problems: Problems) -> Any:
    """One option's value; None where it is wrong."""
    kind = option.get("type", "str")
    flat = {"type": kind, **{key: option[key] for key in ("choices",) if key in option}}
    outcome = None if _converts_wrongly(kind, value) else _validated(flat, value)
    if outcome is None or outcome.error_messages:
        problems.add(path, _wrong(option, value))
        return None
    converted = outcome.validated_parameters["value"]
    if kind == "list":
        return _elements(option, converted, path, problems)
    if kind == "dict" and "options" in option:
        return _locate(option["options"], converted, path, problems)
    return converted


def _validated(flat: Mapping[str, Any], value: Any) -> Any:
    """What the validator makes of one value; None where it fails itself."""
    try:
        return ArgumentSpecValidator({"value": flat}).validate({"value": value})
    except (TypeError, OverflowError):
        return None


def _elements(option: Mapping[str, Any], parts: list[Any], path: str, problems: Problems) -> Any:
    """A list's elements; those that are wrong are left out, but mappings keep their places."""
    each = {**option, "type": option.get("elements", "raw")}
    found = [_convert(each, part, f"{path}[{number}]", problems) for number, part in enumerate(parts)]
    if each["type"] == "dict":
        return [part or {} for part in found]
    return [part for part in found if part is not None]


def _wrong(option: Mapping[str, Any], value: Any) -> str:
    """What would be right, in words, and what was given."""
    kind = option.get("type", "str")
    right = f"one of {', '.join(map(str, option['choices']))}" if "choices" in option else RIGHT.get(kind, kind)
    shown = repr(value) if isinstance(value, str) and kind not in ("dict", "list") else told(value)
    hint = ""
    if kind == "str" and isinstance(value, bool):
        hint = "; quote it: YAML reads a bare on, off, yes and no as true and false"
    elif kind == "str" and isinstance(value, float):
        hint = "; quote it"
    return f"must be {right}, not {shown}{hint}"


def guess(word: Any, words: Any) -> str:
    """What may have been meant by a word that is none of those that there are."""
    close = difflib.get_close_matches(str(word), list(words), 1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(sorted(words))}"


def told(value: Any) -> str:
    """A value as a sentence about its type names it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    kinds = ((str, "a string"), (list, "a list"), (dict, "a mapping"))
    return next((words for kind, words in kinds if isinstance(value, kind)), type(value).__name__)
