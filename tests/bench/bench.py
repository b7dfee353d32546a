# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures `topology` beside other ways to the same star: bench.py [--sizes 10,100,1000] [--rounds 3] [--quick]."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

import report
import star
from place import Place
from plays import Looped, OneTask, Trivial
from tools import CountingModule, Ifstate, IpBatch, Module, Sample, Shell, Tool

TOOLS: tuple[type[Tool], ...] = (Module, IpBatch, Shell, OneTask, Trivial, Looped, Ifstate, CountingModule)
SLOW: tuple[type[Tool], ...] = (Shell, Looped, Ifstate)
LARGEST = 1000


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(kind: type[Tool], size: int) -> dict[str, Sample]:
    """All phases of one tool on a host of its own, in order."""
    samples = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        place = Place(Path(folder), size)
        try:
            tool = kind(place)
            for phase in kind.phases_at(size):
                place.settle()
                samples[phase] = tool.run(phase)
                _check(kind, place, phase)
        finally:
            place.close()
    return samples


def _check(kind: type[Tool], place: Place, phase: str) -> None:
    if kind is Trivial:
        return
    if phase == "build":
        place.check_built()
    elif phase == "one MTU":
        place.check_changed()
    elif phase == "teardown":
        place.await_empty()


def run(sizes: list[int], rounds: int, quick: bool) -> report.Measured:
    """Interleaved: in each round every tool has its turn, and each round begins with another one."""
    measured = report.Measured({})
    kinds = [kind for kind in TOOLS if not (quick and kind in SLOW) and not _left_out(kind)]
    for size in sizes:
        for number in range(rounds):
            start = number % len(kinds)
            for kind in [*kinds[start:], *kinds[:start]]:
                if size > kind.largest or number >= kind.rounds:
                    continue
                samples = measure(kind, size)
                told = ", ".join(f"{phase} {sample['wall']:.2f} s" for phase, sample in samples.items())
                say(f"N = {size}, round {number + 1}, {kind.name}: {told}")
                for phase, sample in samples.items():
                    measured.samples.setdefault((kind.name, size, phase), []).append(sample)
    return measured


def _left_out(kind: type[Tool]) -> bool:
    missing = kind.missing()
    if missing:
        say(f"{kind.name} is left out: {missing}")
    return bool(missing)


def conditions(rounds: int) -> str:
    """What the figures depend on."""
    return (
        f"Linux {platform.release()}, {os.cpu_count()} cores, load {os.getloadavg()[1]:.1f} at the end; "
        f"Python {platform.python_version()}, pyroute2 {version('pyroute2')}, ansible-core {version('ansible-core')}; "
        f"medians of {rounds} interleaved rounds, with the fastest and the slowest; "
        f"one round of {Looped.name} and of {Ifstate.name}."
    )


def _sizes(text: str) -> list[int]:
    sizes = [int(word) for word in text.split(",")]
    if not all(1 <= size <= LARGEST for size in sizes):
        raise argparse.ArgumentTypeError(f"sizes are numbers from 1 to {LARGEST}: a bridge takes 1023 ports")
    return sizes


def main() -> None:
    parser = argparse.ArgumentParser(prog="./run bench", description=f"Stars of namespaces on {star.BRIDGE}, measured")
    parser.add_argument("--sizes", type=_sizes, default=[10, 100, 1000], help="numbers of namespaces (10,100,1000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often (3)")
    parser.add_argument("--out", type=Path, default=Path("tests/output/bench"), help="the folder for the results")
    parser.add_argument("--quick", action="store_true", help="without the shell, the looped playbook and ifstate")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    measured = run(given.sizes, given.rounds, given.quick)
    samples = [[*key, found] for key, found in measured.samples.items()]
    (given.out / "samples.json").write_text(json.dumps(samples, indent=1), encoding="utf-8")
    table = report.markdown(measured, conditions(given.rounds))
    (given.out / "table.md").write_text(table, encoding="utf-8")
    report.plot(measured, given.out / "plot.svg")
    print(table)
    say(f"written to {given.out}: table.md, plot.svg, samples.json")


if __name__ == "__main__":
    main()
