# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two pods, and what is measured between them."""

from __future__ import annotations

import ctypes
import os
import socket
import statistics
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import stamps
from host import Host

PODS = ("10.244.1.3", "10.244.2.3")
PORT = 7
PREPARATION, REPETITIONS, SECONDS = 200, 2000, 0.6
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Pods:
    """Descriptors of a host's two pods, for sockets inside."""

    def __init__(self, host: Host) -> None:
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        folder = f"/proc/{host.pid}/root/run/netns"
        self._inside = [os.open(f"{folder}/ns{n}", os.O_RDONLY) for n in (1, 2)]

    @contextmanager
    def inside(self, number: int) -> Iterator[None]:
        self._enter(self._inside[number])
        try:
            yield
        finally:
            self._enter(self._home)

    @staticmethod
    def _enter(descriptor: int) -> None:
        if _libc.setns(descriptor, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    def connection(self) -> tuple[socket.socket, socket.socket]:
        """Both ends of a TCP connection between the pods."""
        with self.inside(1):
            listening = socket.create_server((PODS[1], PORT))
        with self.inside(0):
            near = socket.create_connection((PODS[1], PORT), timeout=10)
        far = listening.accept()[0]
        listening.close()
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.settimeout(None)
        return near, far


def repeated(once: Callable[[], float]) -> float:
    """Microseconds that something takes: the median, so that being interrupted by others does not count."""
    for dummy in range(PREPARATION):
        with suppress(stamps.Unstamped):
            once()
    return statistics.median(once() for dummy in range(REPETITIONS)) / 1000


def timed(once: Callable[[], object]) -> float:
    """The same, by the clock of the program."""

    def took() -> float:
        start = time.perf_counter_ns()
        once()
        return time.perf_counter_ns() - start

    return repeated(took)


def tcp_round_trip(pods: Pods) -> float:
    """A byte there and a byte back on one connection, for the programs."""
    near, far = pods.connection()

    def once() -> None:
        near.send(b"x")
        far.recv(1)
        far.send(b"x")
        near.recv(1)

    with near, far:
        return timed(once)


def tcp_on_the_way(pods: Pods) -> float:
    """The same from device to device, there and back."""
    near, far = pods.connection()

    def one_way(source: socket.socket, target: socket.socket) -> int:
        source.send(b"x")
        return stamps.way(source, target)

    with near, far:
        for end in (near, far):
            stamps.ask(end)
        return repeated(lambda: one_way(near, far) + one_way(far, near))


def echo_socket(pods: Pods) -> tuple[socket.socket, bytes]:
    """A socket in the first pod that is connected to the second, and an ICMP echo request to send by it."""
    with pods.inside(0):
        end = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    end.connect((PODS[1], 0))
    end.settimeout(10)
    header = struct.pack("!BBHHH", 8, 0, 0, 0x6E73, 1)
    total = sum(struct.unpack("!4H", header))
    return end, header[:2] + struct.pack("!H", ~(total % 0xFFFF) & 0xFFFF) + header[4:]


def echo_round_trip(pods: Pods) -> float:
    """An ICMP echo request and its reply, for the program."""
    end, request = echo_socket(pods)

    def once() -> None:
        end.send(request)
        end.recv(100)

    with end:
        return timed(once)


def echo_on_the_way(pods: Pods) -> float:
    """The same from the moment the pod's device sends the request until it receives the reply."""
    end, request = echo_socket(pods)

    def once() -> int:
        end.send(request)
        return stamps.way(end, end)

    with end:
        stamps.ask(end)
        return repeated(once)


def throughput(pods: Pods) -> float:
    """Gbit/s of one TCP connection."""
    near, far = pods.connection()
    # Two processes, on any processor.
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    child = os.fork()
    if child == 0:
        far.close()
        data = bytes(1 << 17)
        end = time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            near.sendall(data)
        os._exit(0)
    near.close()
    buffer, received, start = bytearray(1 << 18), 0, time.perf_counter()
    while size := far.recv_into(buffer):
        received += size
    took = time.perf_counter() - start
    far.close()
    os.waitpid(child, 0)
    return received * 8 / took / 1e9
