# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two pods, and what is measured between them."""

from __future__ import annotations

import ctypes
import os
import re
import socket
import statistics
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import stamps
from host import Host

PODS = ("10.244.1.3", "10.244.2.3")
PORT = 7
PREPARATION, REPETITIONS, SECONDS = 200, 2000, 0.6
# Seconds for an answer.
ANSWER, ATTEMPTS = 1, 3
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
        _pass_on(near, far)
        _pass_on(far, near)

    with near, far:
        return timed(once)


def tcp_on_the_way(pods: Pods) -> float:
    """The same from device to device, there and back."""
    near, far = pods.connection()

    def once() -> int:
        _pass_on(near, far)
        there = stamped.way(0, 1)
        _pass_on(far, near)
        return there + stamped.way(1, 0)

    with near, far, stamps.stamping(pods) as stamped:
        return repeated(once)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    source.send(b"x")
    target.recv(1)


def echo_socket(pods: Pods) -> tuple[socket.socket, bytes]:
    """A socket in the first pod that is connected to the second, and an ICMP echo request to send by it."""
    with pods.inside(0):
        end = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    end.connect((PODS[1], 0))
    end.settimeout(ANSWER)
    header = struct.pack("!BBHHH", 8, 0, 0, 0x6E73, 1)
    total = sum(struct.unpack("!4H", header))
    return end, header[:2] + struct.pack("!H", ~(total % 0xFFFF) & 0xFFFF) + header[4:]


def _exchange(end: socket.socket, request: bytes) -> None:
    """A request and its reply. One in a million is lost, by whatever way; it is sent again."""
    for dummy in range(ATTEMPTS):
        end.send(request)
        with suppress(TimeoutError):
            end.recv(100)
            return
    raise TimeoutError(f"{PODS[1]} does not answer")


def echo_round_trip(pods: Pods) -> float:
    """An ICMP echo request and its reply, for the program."""
    end, request = echo_socket(pods)

    def once() -> None:
        _exchange(end, request)

    with end:
        return timed(once)


def echo_on_the_way(pods: Pods) -> float:
    """The same from the pod's device back to it; the other pod's answer is in it."""
    end, request = echo_socket(pods)

    def once() -> int:
        _exchange(end, request)
        return stamped.way(0, 0)

    with end, stamps.stamping(pods) as stamped:
        return repeated(once)


def flood_ping(pods: Pods) -> float:
    """The average that `ping -f` tells, in whole microseconds.

    It is from ping's own stamp of the request to the kernel's of the reply; with redirect_peer that is of the host's
    device, where the reply came in first.
    """
    with pods.inside(0):
        command = ["ping", "-n", "-q", "-f", "-c", str(REPETITIONS), PODS[1]]
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    found = re.search(r"= [\d.]+/([\d.]+)/", told)
    if found is None:
        raise RuntimeError(f"ping told no times: {told}")
    return float(found[1]) * 1000


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
