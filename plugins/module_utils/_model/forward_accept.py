# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Forwarded traffic accepted, in every chain that would drop it.

Each base chain at the forward hook has its own say: an accept in one does not undo a drop in another.
Where bridges pass packets to netfilter (br_netfilter), bridged traffic takes this hook too, and the
devices are then the bridges.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Optional

from . import firewall_plan
from .firewall import (
    FAMILY_NAME,
    FORWARD_ACCEPT,
    IPTABLES_NFT,
    NFT,
    OWNER,
    Firewall,
    Place,
    Rule,
    firewall_of,
)
from .firewall_plan import RuleSpec, Wanted
from .planner import Planner
from .problems import Reader
from .state import State

NAME = FORWARD_ACCEPT
IDENTITY = ("netns", "in_interface", "out_interface", "source", "destination")
OPTIONS: dict[str, Any] = {
    **firewall_plan.OPTIONS,
    "in_interface": {"type": "str"},
    "replies": {"type": "bool", "default": False},
}


def read(reader: Reader) -> RuleSpec:
    return firewall_plan.read(reader, NAME, "all forwarded traffic would be accepted")


def subjects(state: State, netns: str) -> Iterator[Rule]:
    return firewall_plan.subjects(state, netns, NAME)


def locate(state: State, spec: RuleSpec) -> Rule:
    return spec.rule


def view(state: State, subject: Rule) -> Optional[dict[str, Any]]:
    shown = firewall_plan.view(state, subject)
    if shown is None:
        return None
    intact = firewall_plan.intact_parts(firewall_of(state, subject.netns), subject)
    replies = any(found.comment == subject.comment(reply=True) for found in intact)
    return {**shown, "in_interface": subject.in_interface or None, "replies": replies}


def _places(firewall: Firewall, rule: Rule, backend: str) -> list[tuple[Place, str]]:
    """Where the rule belongs and why: every chain that drops, or one where it can be seen."""
    found = []
    for chain in firewall.chains:
        if chain.drops and chain.place.takes(rule.family):
            reason = "its policy is drop" if chain.policy == "drop" else "it holds rules that drop"
            found.append((chain.place, f"{chain.place} would drop the traffic: {reason}"))
    if found:
        return found
    if backend == NFT:
        return [(Place(NFT, "inet", OWNER, "forward"), "the rule is missing")]
    families = [FAMILY_NAME[family] for family in firewall.families(rule)]
    return [(Place(backend, family, "filter", "FORWARD"), "the rule is missing") for family in families]


def _rules(planner: Planner, spec: RuleSpec) -> None:
    firewall = None if spec.absent else firewall_plan.observed(planner, spec)
    backend = firewall_plan.choose_backend(planner, spec, firewall) if firewall else ""
    if firewall is None or not backend:
        return
    places = _places(firewall, spec.rule, backend)
    for place, why in places:
        _check(planner, spec, firewall, place, why)
    wanted = [
        Wanted(place, spec.rule.comment(reply), spec.rule.body(place, reply), why)
        for place, why in places
        for reply in ((False, True) if spec.replies else (False,))
    ]
    firewall_plan.converge(planner, spec, wanted)
    firewall_plan.tidy(planner, spec)


def _check(planner: Planner, spec: RuleSpec, firewall: Firewall, place: Place, why: str) -> None:
    """Refuses a chain that must not be written to."""
    if any(chain.place == place and chain.owned for chain in firewall.chains):
        planner.refuse(
            f"{why}, and only the program that made the table can change it (flag owner); "
            "let that program accept the traffic, or give the table up (firewalld: NftablesTableOwner=no)"
        )
    # A program that brings its own iptables keeps this chain, on a host without one.
    theirs = place.backend == NFT and place.family != "inet" and place.chain == "FORWARD"
    if spec.replies and theirs and IPTABLES_NFT not in firewall.tools:
        planner.refuse(
            f"{place} belongs to iptables, which could not read its own table any more if nft put a rule for "
            "established connections there; install the package iptables",
            "replies",
        )


PLAN = {"remove rules": firewall_plan.remove, "rules": _rules}
