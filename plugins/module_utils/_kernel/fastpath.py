# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fast paths: filters of ours at tc ingress, their programs and tables."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import groupby
from typing import Any, Union

from .._errors import KernelError
from .._model import fastpath_table
from .._model.fastpath_actions import (
    HANDLE,
    OWNER,
    PREFERENCE,
    Attach,
    Detach,
    filter_name,
    is_mark,
    mark,
    told_by,
)
from .._model.fastpath_checks import feature
from .._model.fastpath_program import MODES, assemble
from .._model.fastpath_spec import numeric
from .._model.fastpath_table import EMPTY, LEAST_BITS
from .._model.state import Destination, Hook, Shortcut
from . import bpf, netlink, tc
from .link import index, without_queue
from .session import Session

VANISHED = (errno.ENODEV, errno.ENOENT)
# A filter whose discipline is gone is an invalid argument.
GONE = (*VANISHED, errno.EINVAL)
NEEDED = "it takes CAP_BPF and CAP_NET_ADMIN in the machine's first user namespace"
PROGRAM = "nsf_"
NO_TABLE: tuple[Destination, ...] = ()
NOTHING = [EMPTY] * (1 << LEAST_BITS)


def read(session: Session, netns: str, names: Mapping[int, str]) -> dict[str, Hook]:
    """The devices that have a discipline for filters at ingress, and what is there of ours."""
    route = session.socket(netns)
    programs: dict[int, tuple[str, tuple[Destination, ...]]] = {}
    found = {}
    blocks = tc.disciplines(route)
    for number in sorted(blocks.keys() & names.keys()):
        try:
            block = blocks[number]
            taken = Hook(taken=f"what comes in there passes the filters of block {block}")
            found[names[number]] = taken if block else _hook(route, number, names, programs)
        except OSError as error:
            if error.errno not in VANISHED:
                attempted, said = f"read what fast path begins at {names[number]}", error.strerror or str(error)
                hint = NEEDED if error.errno == errno.EPERM else ""
                raise KernelError(attempted, netns, said, hint) from error
    return found


def any_loaded() -> bool:
    """Whether this kernel has a program of a fast path, in whatever namespace; asked before a look at every device."""
    try:
        return any(name.startswith(PROGRAM) for name in bpf.names())
    except OSError as error:
        # Who may not ask has to look.
        return error.errno != errno.ENOSYS


def _hook(route: netlink.Route, number: int, names: Mapping[int, str], programs: dict[int, Any]) -> Hook:
    there = tc.filters(route, number, tc.INGRESS)
    place = [each for each in there if (each.chain, each.preference) == (0, PREFERENCE)]
    mine = next((each for each in place if told_by(each.name)), None)
    others = len(there) - bool(mine)
    chains = tc.chains(route, number, tc.INGRESS)
    left = next(filter(is_mark, chains), 0)
    if left:
        # In a discipline of ours also chains without filters, but not the one with ours.
        own = (left, 0) if mine else (left,)
        others += len([each for each in chains if each not in own]) + len(tc.chains(route, number, tc.EGRESS))
    if mine is None:
        return Hook(None, others, f"a filter of kind {place[0].kind} at pref {PREFERENCE}" if place else "", left)
    if mine.program not in programs:
        programs[mine.program] = _program(mine.program, names)
    return Hook(Shortcut(told_by(mine.name), *programs[mine.program]), others, mark=left)


def _program(number: int, names: Mapping[int, str]) -> tuple[str, tuple[Destination, ...]]:
    """A program's mode, and the destinations in its table."""
    with bpf.opened(bpf.PROG_GET_FD_BY_ID, number) as descriptor:
        told = bpf.told(descriptor)
    mode = _modes(bpf.length(told.maps[0])).get(told.tag, "") if told.maps else ""
    if not mode:
        return "", NO_TABLE
    entries = fastpath_table.read(bpf.contents(told.maps[0]))
    found = [Destination(address, names.get(device, ""), mac or None) for address, device, mac in entries]
    return mode, tuple(sorted(found, key=lambda each: numeric(each.address)))


@cache
def _modes(buckets: int) -> dict[bytes, str]:
    """The tags of our programs for so many buckets. Kernels compute them differently, so this one is asked."""
    tags = {}
    for mode in MODES:
        with suppress(OSError), _loaded(mode, NOTHING, buckets) as program:
            tags[bpf.told(program).tag] = mode
    return tags


@contextmanager
def _loaded(mode: str, values: Sequence[bytes], buckets: int = 0) -> Iterator[int]:
    """A program with a table of these values; for the program's sake alone, it can be for another number of them."""
    with bpf.table(values, OWNER) as table, _compiled(mode, table, buckets or len(values)) as program:
        bpf.freeze(table)
        yield program


def _compiled(mode: str, table: int, buckets: int) -> Any:
    # Longer names than 15 bytes are refused.
    return bpf.program(assemble(mode, table, buckets.bit_length() - 1), f"{PROGRAM}{mode}")


def probe() -> dict[str, str]:
    """Each feature, and why this kernel lacks it; "" where it has it. Tried on `lo` of the thread's namespace."""
    route = netlink.Route()
    number = route.index("lo")
    try:
        said = _said(route, [tc.add_clsact(number)])
        if said:
            return {feature(mode): f"clsact: {said}" for mode in MODES}
        return {feature(mode): _try(route, number, mode) for mode in MODES}
    finally:
        route.close()


def _try(route: netlink.Route, number: int, mode: str) -> str:
    try:
        with _loaded(mode, NOTHING) as program:
            said = _said(route, [tc.set_filter(number, PREFERENCE, HANDLE, program, OWNER)])
            return f"cls_bpf: {said}" if said else ""
    except PermissionError as error:
        return f"bpf(2): {error.strerror}; {NEEDED}"
    except OSError as error:
        return f"bpf(2): {error.strerror}"


def _said(route: netlink.Route, requests: Sequence[netlink.Request]) -> str:
    """The first error."""
    return next((answer.text for answer in route.send(requests) if answer.code), "")


def apply(session: Session, actions: Sequence[Union[Attach, Detach]]) -> None:
    """Carries out actions in order; devices whose filters are the same share one program."""
    for (netns, shortcut), group in groupby(actions, key=_content):
        try:
            if shortcut is None:
                _detach(session, netns, list(group))
            else:
                _attach(session, netns, shortcut, list(group))
        except OSError as error:
            raise KernelError(f"load the program of {shortcut.name}", netns, error.strerror or str(error)) from error


def _content(action: Any) -> Any:
    return action.netns, None if isinstance(action, Detach) else action.shortcut


def _attach(session: Session, netns: str, shortcut: Shortcut, actions: Sequence[Any]) -> None:
    values = fastpath_table.fill((each, index(session, netns, each.device)) for each in shortcut.table)
    route = session.socket(netns)
    with _loaded(shortcut.mode, values) as program:
        for action in actions:
            number = index(session, netns, action.device)
            requests = [tc.add_clsact(number), tc.add_chain(number, mark(shortcut.name))] if action.clsact else []
            if action.unqueued:
                requests.append(without_queue(number))
            requests.append(tc.set_filter(number, PREFERENCE, HANDLE, program, filter_name(shortcut.name)))
            answers = route.send(requests)
            if any(answer.code for answer in answers):
                if action.clsact and not answers[0].code:
                    route.send([tc.delete_clsact(number)])
                said = next(answer.text for answer in answers if answer.code)
                raise KernelError(action.what(), netns, said, f"by hand: {action.command()}")


def _detach(session: Session, netns: str, actions: Sequence[Any]) -> None:
    route = session.socket(netns)
    for action in actions:
        number = route.index(action.device)
        requests = [tc.delete_filter(number, PREFERENCE, HANDLE)] if action.filter else []
        if action.clsact:
            requests.append(tc.delete_clsact(number))
        elif action.mark:
            requests.append(tc.delete_chain(number, action.mark))
        for answer in route.send(requests) if number else ():
            if answer.code and answer.code not in GONE:
                raise KernelError(action.what(), netns, answer.text, f"by hand: {action.command()}")
