# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applies steps: netlink messages pipelined by phase and namespace, the rest one by one."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any

from .._errors import KernelError
from .._model.addresses import DeleteAddress
from .._model.bridge import CreateBridge
from .._model.fastpath_actions import Attach, Detach
from .._model.firewall_actions import FirewallAction
from .._model.link import DeleteLink, MoveLink
from .._model.netns import CreateNetns, DeleteNetns
from .._model.netns_neighbor_actions import DeleteNeighbor
from .._model.netns_route_actions import DeleteRoute
from .._model.netns_sysctl_actions import WriteSysctl
from .._model.state import HOST
from .._model.step import PHASES, Step
from .._model.veth_actions import CreateVeth
from .._signals import check
from . import bridge, fastpath, firewall, link, netns, netns_neighbor, netns_route, netns_sysctl, udev, veth
from .netlink import Request
from .session import Session

REQUESTS: dict[type, Any] = {
    **link.REQUESTS,
    **veth.REQUESTS,
    **bridge.REQUESTS,
    **netns_route.REQUESTS,
    **netns_neighbor.REQUESTS,
}
# What was to be deleted has vanished meanwhile: the kernel takes a namespace's devices down in the background.
DELETIONS = (DeleteLink, DeleteAddress, DeleteRoute, DeleteNeighbor)
GONE = (errno.ENODEV, errno.ENOENT, errno.ESRCH, errno.EADDRNOTAVAIL)

# Until here devices come and go; what follows writes to those that are there.
PLACING = frozenset(PHASES[: PHASES.index("device settings")])
BRIDGES = "remove bridges"
# To delete a device takes the kernel longer than all that is done to delete several together.
MANY = 3
# Nobody else changes a device of the machine meanwhile: for a second with as many bridges.
AT_ONCE = 64
# While the kernel takes namespaces down, it deletes bridges three times as fast as afterwards.
MEANWHILE = frozenset(("remove namespaces", BRIDGES))


def apply(session: Session, steps: Sequence[Step]) -> None:
    """Carries out steps in order; the first failure raises, naming the step."""
    bridges = [step.action for step in steps if step.phase == BRIDGES and isinstance(step.action, DeleteLink)]
    going = netns.Going(session, bridges)
    try:
        for placing, part in groupby(steps, key=lambda step: step.phase in PLACING):
            placed = list(part)
            for name, phase in groupby(placed, key=lambda step: step.phase):
                if name not in MEANWHILE:
                    going.wait()
                _apply_phase(session, phase, going)
            if placing and any(_appears_on_host(step.action) for step in placed):
                udev.settle()
    except BaseException:
        # What is still on its way out would stand in the way of putting things back.
        with suppress(KernelError):
            going.wait()
        raise
    going.wait()


def _apply_phase(session: Session, steps: Iterable[Step], going: netns.Going) -> None:
    for direct, group in groupby(steps, key=lambda step: type(step.action) not in REQUESTS):
        if direct:
            _apply_directly(session, list(group), going)
        else:
            _apply_requests(session, list(group))


def _appears_on_host(action: Any) -> bool:
    """Whether udev hears of a new device: it listens in the namespace that it runs in."""
    if isinstance(action, CreateVeth):
        return HOST in (action.near.netns, action.far.netns)
    return (isinstance(action, CreateBridge) and action.netns == HOST) or (
        isinstance(action, MoveLink) and action.target == HOST
    )


def _apply_requests(session: Session, steps: Sequence[Step]) -> None:
    """Within a phase the namespaces do not wait for each other: one queue for each."""
    queues: dict[str, list[tuple[Step, Request]]] = {}
    for step in steps:
        try:
            requests = REQUESTS[type(step.action)](session, step.action)
        except KernelError:
            if type(step.action) in DELETIONS:
                continue
            raise
        for netns_name, request in requests:
            queues.setdefault(netns_name, []).append((step, request))
        if session.is_full:
            _send(session, queues)
    _send(session, queues)


def _send(session: Session, queues: dict[str, list[tuple[Step, Request]]]) -> None:
    """Sends what is queued, and empties the queues."""
    for netns_name, queue in queues.items():
        check()
        if _deleted_together(session, netns_name, queue):
            continue
        answers = session.socket(netns_name).send([request for dummy, request in queue])
        for (step, dummy), answer in zip(queue, answers):
            if answer.code and not (type(step.action) in DELETIONS and answer.code in GONE):
                raise KernelError(
                    step.action.what(), step.action.netns, answer.text, f"by hand: {step.action.command()}"
                )
    queues.clear()
    session.release()


def _deleted_together(session: Session, netns_name: str, queue: Sequence[tuple[Step, Request]]) -> bool:
    """Whether all that is queued were devices to delete, and they are gone: the kernel waits once for all of them."""
    if len(queue) < MANY or not all(isinstance(step.action, DeleteLink) for step, dummy in queue):
        return False
    numbers = [request.header["index"] for dummy, request in queue]
    for start in range(0, len(numbers), AT_ONCE):
        check()
        if not link.delete_together(session, netns_name, numbers[start : start + AT_ONCE]):
            return False
    return True


def _apply_directly(session: Session, steps: Sequence[Step], going: netns.Going) -> None:
    check()
    actions = [step.action for step in steps]
    rules = sorted((action for action in actions if isinstance(action, FirewallAction)), key=lambda rule: rule.netns)
    for name, batch in groupby(rules, key=lambda rule: rule.netns):
        # One transaction: a rule that is replaced is never away.
        firewall.apply(session, name, list(batch))
    created = [action for action in actions if isinstance(action, CreateNetns)]
    if created:
        netns.create(session, created)
    deleted = [action for action in actions if isinstance(action, DeleteNetns)]
    if deleted:
        going.delete(deleted)
    for action in actions:
        if isinstance(action, WriteSysctl):
            going.be_told()
            netns_sysctl.write(session, action)
    fastpath.apply(session, [action for action in actions if isinstance(action, (Attach, Detach))])
