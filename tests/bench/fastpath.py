# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a short cut is worth: round trips and throughput between two pods, by several ways.

Each way is a host of its own. In every round all ways are measured one after the other, in random order, so that
what else the machine does meets all of them; what counts are the ratios within a round.

A round trip is measured twice. On the way: by stamps at the pods' devices, which is what the network takes; with ICMP
the other pod's answer is in it. For the program: by the clock of one process with a socket in either pod, so that no
time of waking somebody up is in it; beside the way there are system calls and the pods' own IP stacks. Two pods with
nothing but a cable between them show how much is there in any case. `ping -f` stands beside it as everybody's measure;
it is no goal's, because its stamps do not mean the same for every way.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / ".venv" / "collections"), str(ROOT / "tests" / "integration")]

from host import Host  # noqa: E402  # found by the line above
from pods import (  # noqa: E402
    PODS,
    Pods,
    echo_on_the_way,
    echo_round_trip,
    flood_ping,
    tcp_on_the_way,
    tcp_round_trip,
    throughput,
)

LEAST = "one cable"
# The goals: at most so much of another way's round trip.
ROUTED, FILTERED = "routed", "routed, 50 rules, conntrack"
GOALS = (("peer", ROUTED, 0.75), ("peer", FILTERED, 0.5))


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


MEASURES: dict[str, tuple[str, Callable[[Pods], float]]] = {
    "TCP on the way": ("µs", tcp_on_the_way),
    "ICMP on the way": ("µs", echo_on_the_way),
    "TCP round trip": ("µs", tcp_round_trip),
    "ICMP round trip": ("µs", echo_round_trip),
    "ping -f": ("µs", flood_ping),
    "TCP throughput": ("Gbit/s", throughput),
}
ROUND_TRIPS = list(MEASURES)[:4]
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
    for what in ROUND_TRIPS:
        for way, base, goal in GOALS:
            found = ratios(figures[what], way, base)
            share = sum(each <= goal for each in found) / len(found)
            held = "met" if statistics.median(found) <= goal else "not met"
            print(f"{held}: {what}, {way} / {base} <= {goal}: {spread(found)}, in {share:.0%} of the rounds")
    for what in ROUND_TRIPS:
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
