# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a pod's device sent its last packet of IPv4, and when it received one, by the kernel's clock.

A program at tc egress and one at tc ingress of the device note the time. Between the two lies the way alone: no system
call and nothing of the program that measures. The kernel's own stamps (SO_TIMESTAMPING, and with it what ping tells)
do not serve: a packet that bpf_redirect_peer hands over keeps the stamp of the host's device, where it came in first,
so that the host's work on it is not between the stamps, while a routed one is stamped anew.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from host import COLLECTION

tc, netlink, bpf = (import_module(f"{COLLECTION}.module_utils._kernel.{name}") for name in ("tc", "netlink", "bpf"))
model = import_module(f"{COLLECTION}.module_utils._model.bpf")
fastpath = import_module(f"{COLLECTION}.module_utils._model.fastpath_program")

ARRAY, MMAPABLE = 2, 1 << 10
KTIME_GET_NS = 5
STORE_8 = model.STORE | model.BYTES_8
SLOT = -4
DIRECTIONS = (tc.EGRESS, tc.INGRESS)
VALUE = struct.Struct("=Q")


class Stamps:
    """The times, in memory that the programs write to."""

    def __init__(self, table: int) -> None:
        self._memory = mmap.mmap(table, mmap.PAGESIZE, prot=mmap.PROT_READ)

    def way(self, source: int, target: int) -> int:
        """Nanoseconds from the device of one pod to that of another, or to the same one and back."""
        sent, received = self._read(source, tc.EGRESS), self._read(target, tc.INGRESS)
        if received <= sent:
            raise RuntimeError("the packet has not arrived: its stamp is older than that of its departure")
        return received - sent

    def _read(self, pod: int, direction: int) -> int:
        (value,) = VALUE.unpack_from(self._memory, VALUE.size * _slot(pod, direction))
        return int(value)


def _slot(pod: int, direction: int) -> int:
    return pod * len(DIRECTIONS) + DIRECTIONS.index(direction)


@contextmanager
def stamping(pods: Any) -> Iterator[Stamps]:
    """The programs are at both pods' devices as long as the body runs."""
    attributes = struct.pack("=IIIII", ARRAY, 4, VALUE.size, 4, MMAPABLE)
    table = bpf._call(bpf.MAP_CREATE, attributes)
    try:
        for pod in (0, 1):
            with pods.inside(pod):
                _attach(f"veth{pod + 1}a", pod, table)
        yield Stamps(table)
    finally:
        os.close(table)
        for pod in (0, 1):
            with pods.inside(pod):
                _send(lambda number: [tc.delete_clsact(number)], f"veth{pod + 1}a")


def _attach(device: str, pod: int, table: int) -> None:
    _send(lambda number: [tc.add_clsact(number)], device)
    for direction in DIRECTIONS:
        with bpf.program(_assemble(table, _slot(pod, direction)), "stamp") as program:

            def request(number: int, direction: int = direction, program: int = program) -> list[Any]:
                placed = tc.set_filter(number, 1, 1, program, "stamp")
                return [placed._replace(header={**placed.header, "parent": direction})]

            _send(request, device)


def _send(requests: Any, device: str) -> None:
    route = netlink.Route()
    try:
        for answer in route.send(requests(route.index(device))):
            if answer.code:
                raise OSError(answer.code, f"{device}: {answer.text}")
    finally:
        route.close()


def _assemble(table: int, slot: int) -> bytes:
    program = model.Assembler()
    program.load(7, 1, fastpath.PROTOCOL)
    program.jump_if(7, "!=", fastpath._network_order(fastpath.IPV4), "pass")
    program.store_value(SLOT, slot)
    program.map(1, table)
    program.address(2, SLOT)
    program.call(fastpath.LOOKUP)
    program.jump_if(0, "==", 0, "pass")
    program.copy(8, 0)
    program.call(KTIME_GET_NS)
    program._add(STORE_8, 8, 0)
    program.label("pass")
    program.move(0, fastpath.UNSPEC)
    program.exit()
    return bytes(program.assemble())
