# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ports of bridges: declared by the bridge, or by the port as its master."""

from __future__ import annotations

from .attributes import Attributes, SetLink, kind_name
from .planner import Planner
from .state import LO, End, State


def ports_of(state: State, end: End) -> list[str]:
    """The names of a bridge's ports, sorted."""
    return sorted(port.name for port in state.namespaces[end.netns].links.values() if port.master == end.name)


def enslave(planner: Planner, end: End, wanted: Attributes, option: str = "") -> None:
    """Plans a link's bridge, or that it has none."""
    link = planner.state.link(end)
    if wanted.master is None or link is None or wanted.master == (link.master or ""):
        return
    where = f"{option}.master" if option else "master"
    if wanted.master:
        master = planner.link(End(end.netns, wanted.master), where)
        if master is None or not can_be_port(planner, end, where):
            return
        if master.kind != "bridge" and not master.assumed:
            planner.refuse(f"{wanted.master} is not a bridge but {kind_name(master)}: it takes no ports", where)
            return
    set_master(planner, end, wanted.master)


def can_be_port(planner: Planner, end: End, option: str) -> bool:
    """Whether the kernel puts a device into a bridge; says so where it does not."""
    link = planner.state.link(end)
    if link is None or (end.name != LO and link.kind != "bridge"):
        return True
    planner.refuse(f"{end} is {kind_name(link)}, which cannot be a bridge port", option)
    return False


def set_master(planner: Planner, end: End, master: str) -> None:
    """Plans one change of a link's bridge."""
    link = planner.state.link(end)
    now = link.master if link else None
    why = f"it is in no bridge, wanted in {master}" if not now else f"it is in {now}, wanted in {master or 'none'}"
    planner.do(SetLink(end.netns, end.name, (("master", master),)), why)
