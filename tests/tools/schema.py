# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write docs/schema/topology.schema.json: the JSON Schema of a topology's document, from the argument specs.

An editor needs it to complete and to check; so what Ansible would convert as well, such as "yes" for true, is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.nsfabric.linux.plugins.module_utils._model.registry import KINDS

COLLECTION = "nsfabric.linux"
PATH = Path(__file__).parents[2] / "docs" / "schema" / "topology.schema.json"
ADDRESS = "https://raw.githubusercontent.com/nsfabric/linux/main/docs/schema/topology.schema.json"
TEMPLATE = {"type": "string", "pattern": r"\{\{"}
TYPES: dict[str, Any] = {
    "str": {"type": ["string", "integer"]},
    "int": {"type": ["integer", "string"], "pattern": TEMPLATE["pattern"]},
    "bool": {"type": ["boolean", "string"], "pattern": TEMPLATE["pattern"]},
    "raw": {},
}
Json = dict[str, Any]


def documentation(module: str) -> Json:
    """A module's documentation with its fragments; where both have an option, the module's words win."""
    doc: Json = yaml.safe_load(_load("modules", module).DOCUMENTATION)
    for reference in doc.pop("extends_documentation_fragment", []):
        fragment, *part = reference[len(COLLECTION) + 1 :].split(".")
        text = getattr(_load("doc_fragments", fragment).ModuleDocFragment, part[0].upper() if part else "DOCUMENTATION")
        for section in ("options", "attributes"):
            own = doc.setdefault(section, {})
            for key, value in yaml.safe_load(text).get(section, {}).items():
                own[key] = {**value, **own.get(key, {})}
    return doc


def _load(folder: str, name: str) -> Any:
    return import_module(f"ansible_collections.{COLLECTION}.plugins.{folder}.{name}")


def schema() -> Json:
    kinds = {name: (kind, documentation(name)) for name, kind in KINDS.items()}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": ADDRESS,
        "title": "A topology of nsfabric.linux",
        "description": "The option config of the module nsfabric.linux.topology.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: {
                "description": f"{_plain(doc['short_description'])}.",
                "type": ["array", "null"],
                "items": {"$ref": f"#/definitions/{name}"},
            }
            for name, (kind, doc) in kinds.items()
        },
        "definitions": {name: _entry(kind, doc["options"]) for name, (kind, doc) in kinds.items()},
    }


def _entry(kind: Any, options: Mapping[str, Any]) -> Json:
    """One entry of a kind, with the rules between its options."""
    mapping = _mapping(kind.options, options)
    rules = [*mapping.get("allOf", ()), *_rules(kind)]
    return {**mapping, "allOf": rules} if rules else mapping


def _rules(kind: Any) -> Iterator[Json]:
    for option, value, needed in kind.rules.get("required_if", ()):
        given = {"properties": {option: {"const": value}}}
        if kind.options[option].get("default") != value:
            given["required"] = [option]
        yield {"if": given, "then": {"required": list(needed)}}
    for together in kind.rules.get("mutually_exclusive", ()):
        yield {"not": {"required": list(together)}}


def _mapping(specs: Mapping[str, Any], options: Mapping[str, Any]) -> Json:
    properties: Json = {}
    required, rules = [], []
    for name, spec in specs.items():
        names = [name, *spec.get("aliases", ())]
        properties.update(dict.fromkeys(names, _described(spec, options[name])))
        if spec.get("required") and len(names) == 1:
            required.append(name)
        elif spec.get("required"):
            rules.append({"anyOf": [{"required": [each]} for each in names]})
    result: Json = {"type": "object", "additionalProperties": False, "properties": properties}
    if required:
        result["required"] = required
    return {**result, "allOf": rules} if rules else result


def _described(spec: Mapping[str, Any], option: Mapping[str, Any]) -> Json:
    text = option["description"]
    result = {"description": _plain(" ".join(text) if isinstance(text, list) else text)}
    if "default" in spec:
        result["default"] = spec["default"]
    found = _typed(spec, option)
    if not spec.get("required") and "type" in found:
        kinds = found["type"] if isinstance(found["type"], list) else [found["type"]]
        found = {**found, "type": [*kinds, "null"]}
    return {**result, **found}


def _typed(spec: Mapping[str, Any], option: Mapping[str, Any]) -> Json:
    kind = spec.get("type", "str")
    if "choices" in spec:
        return {"anyOf": [{"enum": list(spec["choices"])}, TEMPLATE]}
    if kind == "dict":
        return _mapping(spec["options"], option["suboptions"])
    if kind == "list":
        items = {"elements": None, **spec, "type": spec["elements"]}
        return {"type": ["array", "string"], "pattern": TEMPLATE["pattern"], "items": _typed(items, option)}
    return dict(TYPES[kind])


def _plain(text: str) -> str:
    """Ansible's markup taken off: O(name) is name."""
    return re.sub(r"\b[A-Z]{1,3}\(((?:[^()\\]|\\.)*)\)", r"\1", text)


def text() -> str:
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
