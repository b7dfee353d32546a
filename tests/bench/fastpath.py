# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a short cut is worth: round trips and throughput between two pods, by several ways.

Each way is a host of its own. In every round all ways are measured one after the other, in random order, so that
what else the machine does meets all of them; what counts are the ratios within a round.

A round trip is measured by one process with a socket in either pod: sending runs the whole way to the other socket,
so that no time of waking somebody up is in it. What is left beside the way are system calls and the pods' own IP
stacks; two pods with nothing but a cable between them show how much that is.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import socket
import statistics
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / ".venv" / "collections"), str(ROOT / "tests" / "integration")]

from host import Host  # noqa: E402  # found by the line above

PODS = ("10.244.1.3", "10.244.2.3")
PORT = 7
PREPARATION, REPETITIONS, SECONDS = 100, 2000, 0.6
CLONE_NEWNET = 0x40000000
LEAST = "one cable"
# The goals: at most so much of another way's round trip.
ROUTED, FILTERED = "routed", "routed, 50 rules, conntrack"
GOALS = (("peer", ROUTED, 0.75), ("peer", FILTERED, 0.5))
_libc = ctypes.CDLL(None, use_errno=True)


def routed() -> dict[str, Any]:
    """Two pods with a cable each to the host, which routes."""
    numbers = (1, 2)
    return {
        "netns": [{"name": f"ns{n}"} for n in numbers],
        "veth": [
            {
                "netns": f"ns{n}",
                "name": f"veth{n}a",
                "addresses": [f"10.244.{n}.3/24"],
                "peer": {"name": f"veth{n}b", "addresses": [f"10.244.{n}.2"]},
            }
            for n in numbers
        ],
        "netns_route": [
            *({"netns": f"ns{n}", "destination": "default", "gateway": f"10.244.{n}.2"} for n in numbers),
            *({"destination": f"10.244.{n}.3", "device": f"veth{n}b"} for n in numbers),
        ],
        "netns_sysctl": [{"name": "net.ipv4.ip_forward", "value": 1}],
    }


def bridged() -> dict[str, Any]:
    """Two pods on a bridge, in one subnet."""
    config = routed()
    config["bridge"] = [{"name": "br0"}]
    for n, cable in enumerate(config["veth"], 1):
        cable["addresses"] = [f"10.244.{n}.3/16"]
        cable["peer"] = {"name": f"veth{n}b", "addresses": [], "master": "br0"}
    return {kind: config[kind] for kind in ("netns", "bridge", "veth")}


def cabled() -> dict[str, Any]:
    """Two pods with one cable and no host between them: less is not to be had."""
    near, far = ({"netns": f"ns{n}", "name": f"veth{n}a", "addresses": [f"10.244.{n}.3/16"]} for n in (1, 2))
    return {"netns": routed()["netns"], "veth": [{**near, "peer": far}]}


def short(mode: str) -> dict[str, Any]:
    ends = [{"device": f"veth{n}b", "addresses": [address]} for n, address in enumerate(PODS, 1)]
    return {**routed(), "fastpath": [{"name": "pods", "mode": mode, "ends": ends}]}


def rules(host: Host) -> None:
    """50 rules that do not match, behind a look at the connection."""
    lines = [f"ip saddr 192.0.2.{n} tcp dport {1000 + n} drop" for n in range(50)]
    chain = "type filter hook forward priority 0; policy drop; ct state invalid drop;"
    text = "\n".join(["table inet bench {", "chain forward {", chain, *lines, "accept", "}", "}"])
    host.sh(f"nft -f - <<'END'\n{text}\nEND")


def nothing(host: Host) -> None:
    """No rules."""


WAYS: dict[str, tuple[dict[str, Any], Callable[[Host], object]]] = {
    ROUTED: (routed(), nothing),
    FILTERED: (routed(), rules),
    "bridged": (bridged(), nothing),
    LEAST: (cabled(), nothing),
    **{mode: (short(mode), nothing) for mode in ("peer", "redirect", "neigh")},
}


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


def repeated(once: Callable[[], object]) -> float:
    """Microseconds that something takes: the median, so that being interrupted by others does not count."""
    for dummy in range(PREPARATION):
        once()
    clock, took = time.perf_counter_ns, []
    for dummy in range(REPETITIONS):
        start = clock()
        once()
        took.append(clock() - start)
    return statistics.median(took) / 1000


def tcp_round_trip(pods: Pods) -> float:
    """A byte there and a byte back on one connection."""
    near, far = pods.connection()

    def once() -> None:
        near.send(b"x")
        far.recv(1)
        far.send(b"x")
        near.recv(1)

    with near, far:
        return repeated(once)


def echo_round_trip(pods: Pods) -> float:
    """An ICMP echo request and its reply."""
    with pods.inside(0):
        end = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    end.connect((PODS[1], 0))
    end.settimeout(10)
    header = struct.pack("!BBHHH", 8, 0, 0, 0x6E73, 1)
    total = sum(struct.unpack("!4H", header))
    request = header[:2] + struct.pack("!H", ~(total % 0xFFFF) & 0xFFFF) + header[4:]

    def once() -> None:
        end.send(request)
        end.recv(100)

    with end:
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


MEASURES: dict[str, tuple[str, Callable[[Pods], float]]] = {
    "TCP round trip": ("µs", tcp_round_trip),
    "ICMP round trip": ("µs", echo_round_trip),
    "TCP throughput": ("Gbit/s", throughput),
}
Figures = dict[str, dict[str, list[float]]]


def measure(made: dict[str, Host], rounds: int) -> Figures:
    figures: Figures = {what: {way: [] for way in made} for what in MEASURES}
    pods = {way: Pods(host) for way, host in made.items()}
    for number in range(rounds):
        print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
        for what, (dummy, once) in MEASURES.items():
            for way in random.sample(sorted(made), len(made)):
                # A round trip stays on one processor, each round on another.
                os.sched_setaffinity(0, {number % (os.cpu_count() or 1)})
                figures[what][way].append(once(pods[way]))
    print(file=sys.stderr)
    return figures


def ratios(figures: dict[str, list[float]], way: str, base: str) -> list[float]:
    """Sorted, one for each round."""
    return sorted(here / there for here, there in zip(figures[way], figures[base]))


def spread(values: list[float]) -> str:
    """The median and the middle half."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def report(figures: Figures, rounds: int) -> None:
    print(f"Linux {os.uname().release}, {os.cpu_count()} processors, {rounds} rounds")
    print("Medians, and the middle half of the rounds")
    for what, by_way in figures.items():
        unit = MEASURES[what][0]
        print(f"\n{what + ', ' + unit:32}{'measured':>22}{'to routed':>22}{'to routed with rules':>24}")
        for way, values in by_way.items():
            columns = [spread(sorted(values)), *(spread(ratios(by_way, way, base)) for base in (ROUTED, FILTERED))]
            print(f"{way:32}{columns[0]:>22}{columns[1]:>22}{columns[2]:>24}")
    print()
    for what in list(MEASURES)[:2]:
        for way, base, goal in GOALS:
            found = ratios(figures[what], way, base)
            share = sum(each <= goal for each in found) / len(found)
            held = "met" if statistics.median(found) <= goal else "not met"
            print(f"{held}: {what}, {way} / {base} <= {goal}: {spread(found)}, in {share:.0%} of the rounds")
    for what in list(MEASURES)[:2]:
        for way, base, dummy in GOALS:
            print(f"{what}, what the host adds to one cable, {way} / {base}: {spread(added(figures[what], way, base))}")


def added(figures: dict[str, list[float]], way: str, base: str) -> list[float]:
    """Ratios of what is above the way that has no host in it."""
    least = figures[LEAST]
    return sorted((here - low) / (there - low) for here, there, low in zip(figures[way], figures[base], least))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the short cut against routing and bridging.")
    parser.add_argument("--rounds", type=int, default=15, help="how often each way is measured (default: 15)")
    rounds = max(parser.parse_args().rounds, 2)
    made: dict[str, Host] = {}
    try:
        for way, (config, also) in WAYS.items():
            made[way] = Host()
            made[way].do("topology", name="bench", config=config)
            also(made[way])
            if not made[way].pings(PODS[1], "ns1"):
                raise SystemExit(f"{way}: the pods do not reach each other")
        report(measure(made, rounds), rounds)
    finally:
        for host in made.values():
            host.close()


if __name__ == "__main__":
    main()
