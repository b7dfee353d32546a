# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel accepts and an Ethernet does not bear: a loop of one cable, and one MAC address twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from .planner import Planner
from .state import End, State, place


def warn(planner: Planner, cables: Sequence[Any]) -> None:
    """Looks at the cables that a document declares, once all of them are in their bridges."""
    stations: dict[tuple[End, str], End] = {}
    for spec in cables:
        if spec.absent or spec.far is None or planner.state.link(spec.near) is None:
            continue
        _warn_of_loop(planner, spec)
        near, far = spec.near_wanted.mac, spec.far_wanted.mac
        if near and near == far:
            planner.warn(f"{spec.near} and {spec.far} are the ends of one cable and have one MAC address, {near}")
        for port, end, mac in ((spec.near, spec.far, far), (spec.far, spec.near, near)):
            bridge = _bridge(planner.state, port)
            first = stations.setdefault((bridge, mac), end) if bridge and mac else end
            if first != end:
                planner.warn(f"{first} and {end} have one MAC address, {mac}: bridge {bridge} takes one for the other")


def _bridge(state: State, port: End) -> Optional[End]:
    link = state.link(port)
    return End(port.netns, link.master) if link and link.master else None


def _warn_of_loop(planner: Planner, spec: Any) -> None:
    bridge = _bridge(planner.state, spec.near)
    if bridge is None or bridge != _bridge(planner.state, spec.far):
        return
    link = planner.state.link(bridge)
    settings = dict(link.bridge) if link else {}
    # With VLANs it may lead from one to another, which is no loop.
    if settings.get("stp") == 0 and not settings.get("vlan_filtering"):
        planner.warn(
            f"both ends of the cable {spec.near.name} -- {spec.far.name} are ports of {bridge.name} in "
            f"{place(bridge.netns)}, which runs no spanning tree: its frames go round for ever"
        )
