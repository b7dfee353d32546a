# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fast path between devices: what comes in by one of them leaves by another without the host's IP stack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Optional

from . import fastpath_checks
from .fastpath_actions import Attach, Detach, mark
from .fastpath_program import MODES, REDIRECT
from .fastpath_spec import AUTO, OPTIONS, REQUIRED_IF, PathEnd, PathSpec, Subject, numeric, read
from .planner import Planner
from .state import Destination, End, Hook, Shortcut, State
from .step import CHANGE, CREATE

__all__ = ["IDENTITY", "NAME", "OPTIONS", "PLAN", "REQUIRED_IF", "locate", "read", "subjects", "view"]

NAME = "fastpath"
IDENTITY = ("netns", "name")


def subjects(state: State, netns: str) -> Iterator[Subject]:
    names = {hook.shortcut.name for hook in state.namespaces[netns].hooks.values() if hook.shortcut}
    yield from ((netns, name) for name in sorted(names))


def locate(state: State, spec: PathSpec) -> Subject:
    return spec.subject


def view(state: State, subject: Subject) -> Optional[dict[str, Any]]:
    """What the devices agree about; one whose filter says something else is not shown."""
    netns, name = subject
    found = _filters(state, netns, name)
    if not found:
        return None
    agreed = next((each for each in found.values() if each.mode), next(iter(found.values())))
    same = [device for device, each in found.items() if (each.mode, each.table) == (agreed.mode, agreed.table)]
    return {"netns": netns or None, "name": name, "mode": agreed.mode or None, "ends": _ends(agreed, same)}


def compared(state: State, subject: Subject) -> Optional[dict[str, Any]]:
    """The same for a diff, with the devices where the filter is gone and our discipline is left."""
    netns, name = subject
    namespace = state.namespaces.get(netns)
    hooks = sorted(namespace.hooks.items()) if namespace else []
    left = [device for device, hook in hooks if not hook.shortcut and _belongs(hook, name)]
    shown = view(state, subject)
    return {**(shown or {"netns": netns or None, "name": name}), "left": left} if left else shown


def _filters(state: State, netns: str, name: str) -> dict[str, Shortcut]:
    """The filters of one fast path, by device."""
    namespace = state.namespaces.get(netns)
    hooks = sorted(namespace.hooks.items()) if namespace else []
    return {device: hook.shortcut for device, hook in hooks if hook.shortcut and hook.shortcut.name == name}


def _ends(shortcut: Shortcut, devices: list[str]) -> list[dict[str, Any]]:
    ends = []
    for device in devices:
        behind = [each for each in shortcut.table if each.device == device]
        end: dict[str, Any] = {"device": device, "addresses": [each.address for each in behind]}
        if behind and behind[0].mac:
            end["mac"] = behind[0].mac
        ends.append(end)
    return ends


def _attach(planner: Planner, spec: PathSpec) -> None:
    namespace = None if spec.absent else planner.namespace(spec.netns)
    if namespace is None:
        return
    mode = fastpath_checks.mode(planner, MODES if spec.mode == AUTO else (spec.mode,))
    devices = {end.device: planner.link(End(spec.netns, end.device), end.option) for end in spec.ends}
    if not mode or not all(devices.values()) or not fastpath_checks.allowed(planner, spec, mode):
        return
    table = tuple(
        Destination(address, end.device, _mac(planner, spec, end) if mode == REDIRECT else None)
        for end in spec.ends
        for address in end.addresses
    )
    wanted = Shortcut(spec.name, mode, tuple(sorted(table, key=lambda each: numeric(each.address))))
    for end in spec.ends:
        hook = namespace.hooks.get(end.device)
        why = _why(hook, wanted)
        if why:
            change = CHANGE if hook and hook.shortcut else CREATE
            clsact, link = hook is None, devices[end.device]
            unqueued = bool(clsact and link and link.txqueuelen == 0)
            planner.do(Attach(spec.netns, end.device, wanted, clsact, unqueued, change), why)


def _mac(planner: Planner, spec: PathSpec, end: PathEnd) -> Optional[str]:
    """The MAC of a cable's far end; only in check mode is it not known."""
    link = planner.state.link(End(spec.netns, end.device))
    far = planner.state.link(link.peer) if link and link.peer else None
    return end.mac or (far.mac if far else None)


def _why(hook: Optional[Hook], wanted: Shortcut) -> str:
    """Why a device's filter has to be written; "" where it is as it should be."""
    if hook is None or hook.shortcut is None:
        return "the fast path does not begin here yet"
    found = hook.shortcut
    if found.mode != wanted.mode:
        return f"its mode is {found.mode}, wanted {wanted.mode}" if found.mode else "its program is another one"
    now, then = ({each.address: each for each in table} for table in (found.table, wanted.table))
    parts = []
    for word, addresses in (
        ("leads to {}, which is not wanted", now.keys() - then.keys()),
        ("does not lead to {}", then.keys() - now.keys()),
        ("leads {} another way", {address for address in now.keys() & then.keys() if now[address] != then[address]}),
    ):
        if addresses:
            names = sorted(addresses, key=numeric)
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            parts.append("it " + word.format(", ".join(names[:3]) + more))
    return "; ".join(parts)


def _detach(planner: Planner, spec: PathSpec) -> None:
    namespace = planner.state.namespaces.get(spec.netns)
    wanted = {end.device for end in spec.ends}
    for device, hook in sorted(namespace.hooks.items()) if namespace else []:
        if device in wanted or not _belongs(hook, spec.name):
            continue
        why = "the fast path is not wanted" if spec.absent else "it is no end of the fast path"
        made = bool(hook.mark and not hook.others)
        planner.do(Detach(spec.netns, device, bool(hook.shortcut), hook.mark, clsact=made), why)


def _belongs(hook: Hook, name: str) -> bool:
    """Whether a fast path's filter is there, or was in a discipline that we made for it."""
    return hook.shortcut.name == name if hook.shortcut else hook.mark == mark(name)


PLAN = {"remove rules": _detach, "rules": _attach}
