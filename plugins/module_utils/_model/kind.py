# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a kind of thing is to the rest of the model: a module with these names, in capitals where they are values.

A subject is which thing of a kind is meant, as a state finds it: a device's place, a route's key. A view is a thing in
the user's words, under the names of its options; None where there is no such thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields
from types import ModuleType
from typing import Any, Callable, Optional

from .problems import Reader
from .state import State

View = Optional[dict[str, Any]]
RULES = ("mutually_exclusive", "required_if", "required_one_of", "required_together", "required_by")


@dataclass(frozen=True)
class Kind:
    """One kind, of which `KINDS` has all.

    `options` is its argument spec, `rules` are those between its options under AnsibleModule's names; `identity` are
    the options that say which thing is meant. `plan` has a function for each phase in which something is to do.

    `read` makes a specification of an entry, and `locate` tells which subject of a state that is about. `subjects` are
    those of a namespace, `everything` those of two states that may differ, where that takes a look at both.

    `record` is what of a thing there are no words for, and that is to come back; `compared` a view for a diff where
    the plain one says too little. `order` sorts the entries. `follows` tells whether a subject changes when one of
    others does, of those that `leads` says others change with; `inherited` whether it is what it is by itself once that
    appears which it is on, where some subjects are not steady.
    """

    name: str
    identity: Sequence[str]
    options: dict[str, Any]
    plan: Mapping[str, Any]
    read: Callable[[Reader], Any]
    subjects: Callable[[State, str], Iterable[Any]]
    locate: Callable[[State, Any], Any]
    view: Callable[[State, Any], View]
    everything: Optional[Callable[[State, State, str], Iterable[Any]]] = None
    record: Callable[[State, Any], dict[str, Any]] = lambda state, subject: {}
    compared: Optional[Callable[[State, Any], View]] = None
    order: Callable[[Any], int] = lambda spec: 0
    follows: Callable[[Any, Iterable[Any]], bool] = lambda subject, others: False
    leads: Callable[[Any], bool] = lambda subject: False
    inherited: Callable[[State, Any, AbstractSet[Any]], bool] = lambda state, subject, unsteady: False
    rules: Mapping[str, Sequence[Any]] = field(default_factory=dict)


def kind_of(module: ModuleType) -> Kind:
    """The kind that a module implements."""
    values = {each: getattr(module, each.upper()) for each in ("name", "identity", "options", "plan")}
    functions = {each.name: getattr(module, each.name) for each in fields(Kind) if hasattr(module, each.name)}
    rules = {rule: getattr(module, rule.upper()) for rule in RULES if hasattr(module, rule.upper())}
    return Kind(**values, **functions, rules=rules)
