# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a fast path is refused for, before anything changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from . import fastpath_rules, firewall_plan
from .attributes import kind_name
from .fastpath_program import HELPERS, MODES, PEER, REDIRECT
from .fastpath_spec import PathEnd, PathSpec
from .firewall import FORWARD_ACCEPT, MASQUERADE, Rule, firewall_of
from .planner import Planner
from .state import LO, End, Link


def feature(mode: str) -> str:
    """What the kernel is probed for."""
    return f"fastpath {mode}"


def mode(planner: Planner, wanted: Sequence[str]) -> str:
    """The first of the modes that this kernel has; "" after having said why there is none."""
    for each in wanted:
        if planner.has_feature(feature(each)):
            return each
    said = planner.state.lacking.get(feature(wanted[0])) or "it was not tried"
    there = [each for each in MODES if planner.has_feature(feature(each))]
    others = f"; what works here is {', '.join(there)}" if there else ""
    planner.refuse(f"{HELPERS[wanted[0]]} at tc ingress does not work on this host: {said}{others}", "mode")
    return ""


def allowed(planner: Planner, spec: PathSpec, mode: str) -> bool:
    """Whether nothing stands against the fast path; tells everything that does, unless it was there before."""
    if planner.as_found is not None:
        return True
    before = len(planner.problems.found)
    for end in spec.ends:
        _check_device(planner, spec, end, mode)
    _check_addresses(planner, spec)
    for rule in _rules(planner, spec):
        planner.refuse(
            f"the rule '{rule.comment()}' covers packets between its ends, which would pass it by; "
            "take them out of the rule, or out of the fast path",
            "ends",
        )
    for chain in firewall_of(planner.state, spec.netns).chains:
        if chain.drops:
            planner.warn(f"{chain.place} drops forwarded packets; those between the ends of {spec.name} pass it by")
    return len(planner.problems.found) == before


def _check_device(planner: Planner, spec: PathSpec, end: PathEnd, mode: str) -> None:
    place = End(spec.netns, end.device)
    link, namespace = planner.state.link(place), planner.state.namespaces[spec.netns]
    if link is None:
        return
    hook = namespace.hooks.get(end.device)
    if hook and hook.shortcut and hook.shortcut.name != spec.name:
        planner.refuse(f"{place} is an end of the fast path {hook.shortcut.name} already", end.option)
    elif hook and hook.taken:
        planner.refuse(f"the place of our filter at {place} is taken: {hook.taken}", end.option)
    if end.device == LO:
        planner.refuse(f"{place} is the loopback device, which nothing comes in by", end.option)
    elif mode == PEER and not link.assumed and link.kind != "veth":
        planner.refuse(f"{place} is {kind_name(link)}; mode peer goes to the far end of a veth", end.option)
    elif mode == PEER and link.peer and link.peer.netns == spec.netns:
        planner.refuse(f"{place} and its far end are in one namespace, where mode peer drops; use redirect", end.option)
    elif mode == REDIRECT and end.addresses and not (end.mac or link.assumed or _far_mac(planner, link)):
        planner.refuse(f"{place} has no far end in a named namespace, so its MAC is not known; give mac", end.option)


def _far_mac(planner: Planner, link: Link) -> bool:
    far = planner.state.link(link.peer) if link.peer else None
    return bool(far and (far.mac or far.assumed))


def _check_addresses(planner: Planner, spec: PathSpec) -> None:
    """What the host answers for itself must not be led away."""
    behind = {address: end.number for end in spec.ends for address in end.addresses}
    for name, link in planner.state.namespaces[spec.netns].links.items():
        for found in link.addresses:
            host = found.text.split("/")[0]
            if host in behind:
                wrong = f"{host} is an address of {End(spec.netns, name)} itself, behind no device"
                planner.refuse(wrong, f"ends[{behind[host]}].addresses")


def _rules(planner: Planner, spec: PathSpec) -> Iterator[Rule]:
    """Our rules that would see packets from one end to another, if these were routed or bridged."""
    ends = {end.device: set(end.addresses) for end in spec.ends}
    for kind in (MASQUERADE, FORWARD_ACCEPT):
        for rule in firewall_plan.subjects(planner.state, spec.netns, kind):
            if fastpath_rules.covers(planner.state, rule, ends):
                yield rule
