# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Source NAT on the way out: packets leave with the address of the device they leave by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Optional

from . import firewall_plan
from .firewall import FAMILY_NAME, MASQUERADE, NFT, OWNER, Firewall, Place, Rule
from .firewall_plan import RuleSpec, Wanted
from .planner import Planner
from .problems import Reader
from .state import State

NAME = MASQUERADE
IDENTITY = ("netns", "source", "destination", "out_interface")
OPTIONS: dict[str, Any] = dict(firewall_plan.OPTIONS)


def read(reader: Reader) -> RuleSpec:
    return firewall_plan.read(reader, NAME, "everything that leaves would be translated")


def subjects(state: State, netns: str) -> Iterator[Rule]:
    return firewall_plan.subjects(state, netns, NAME)


def locate(state: State, spec: RuleSpec) -> Rule:
    return spec.rule


def view(state: State, subject: Rule) -> Optional[dict[str, Any]]:
    return firewall_plan.view(state, subject)


def _places(firewall: Firewall, rule: Rule, backend: str) -> list[Place]:
    if backend == NFT:
        return [Place(NFT, "inet", OWNER, "postrouting")]
    return [Place(backend, FAMILY_NAME[family], "nat", "POSTROUTING") for family in firewall.families(rule)]


def _rules(planner: Planner, spec: RuleSpec) -> None:
    firewall = None if spec.absent else firewall_plan.observed(planner, spec)
    backend = firewall_plan.choose_backend(planner, spec, firewall) if firewall else ""
    if firewall is None or not backend:
        return
    rule = spec.rule
    places = _places(firewall, rule, backend)
    wanted = [Wanted(place, rule.comment(), rule.body(place)) for place in places]
    firewall_plan.converge(planner, spec, wanted)
    firewall_plan.tidy(planner, spec)


PLAN = {"remove rules": firewall_plan.remove, "rules": _rules}
