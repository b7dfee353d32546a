# Copyright (c) 2026, nsfabric contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was measured, as Markdown tables, as goals that hold or not, and as a plot."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, Optional

from tools import PHASES

MODULE, BATCH, IFSTATE = "topology module", "ip -batch", "ifstate"
TRIVIAL, TASK, LOOPED = (
    "ansible-playbook, one ping task",
    "ansible-playbook, one topology task",
    "ansible-playbook, modules in loops",
)
COUNTED = "descriptors"


class Measured(NamedTuple):
    """All samples, by tool, size and phase."""

    samples: dict[tuple[str, int, str], list[dict[str, float]]]

    def values(self, tool: str, size: int, phase: str, what: str = "wall") -> list[float]:
        return [sample[what] for sample in self.samples.get((tool, size, phase), ())]

    def median(self, tool: str, size: int, phase: str, what: str = "wall") -> Optional[float]:
        found = self.values(tool, size, phase, what)
        return median(found) if found else None

    def peak(self, tool: str, size: int, what: str) -> Optional[float]:
        found = [value for phase in PHASES for value in self.values(tool, size, phase, what)]
        return max(found) if found else None

    @property
    def sizes(self) -> list[int]:
        return sorted({size for dummy, size, dummy in self.samples})

    @property
    def tools(self) -> list[str]:
        return [name for name in dict.fromkeys(tool for tool, dummy, dummy in self.samples) if name != COUNTED]


class Goal(NamedTuple):
    """A figure, its bound, and whether it holds."""

    words: str
    found: Optional[float]
    bound: float
    at_least: bool = False

    @property
    def verdict(self) -> str:
        if self.found is None:
            return "not measured"
        return "holds" if (self.found >= self.bound if self.at_least else self.found <= self.bound) else "MISSED"

    def row(self) -> str:
        found = "" if self.found is None else f"{self.found:.2f}"
        return f"| {self.words} | {found} | {'≥' if self.at_least else '≤'} {self.bound:g} | {self.verdict} |"


def _ratio(one: Optional[float], other: Optional[float]) -> Optional[float]:
    return one / other if one is not None and other else None


def _less(one: Optional[float], other: Optional[float]) -> Optional[float]:
    return one - other if one is not None and other is not None else None


def goals(measured: Measured) -> list[Goal]:
    """The project's own goals, as ratios within one run."""
    own, time = measured.median, "planning"
    memory, descriptors = measured.peak(MODULE, 1000, "memory"), measured.peak(COUNTED, 1000, COUNTED)
    return [
        Goal("build, N = 1000: module / ip -batch", _versus(measured, 1000, "build"), 0.6),
        Goal("teardown, N = 1000: module / ip -batch", _versus(measured, 1000, "teardown"), 1.5),
        Goal("no-op, N = 1000: ms for each namespace", own(MODULE, 1000, "no-op", time), 1.5),
        Goal("build, N = 100: module / ip -batch", _versus(measured, 100, "build"), 1.0),
        Goal(
            "build, N = 100: seconds of ansible-playbook above a ping task",
            _less(own(TASK, 100, "build"), own(TRIVIAL, 100, "build")),
            1.0,
        ),
        Goal(
            "no-op, N = 100: ifstate / module",
            _ratio(own(IFSTATE, 100, "no-op"), own(MODULE, 100, "no-op", "module")),
            50,
            True,
        ),
        Goal(
            "build, N = 100: playbook of loops / playbook of one task",
            _ratio(own(LOOPED, 100, "build"), own(TASK, 100, "build")),
            20,
            True,
        ),
        Goal("memory at N = 1000: MB", memory and memory / 1e6, 150),
        Goal("open files at N = 1000, beside 64, for each namespace", descriptors and (descriptors - 64) / 1000, 1.0),
        Goal(
            "build: our own time (user space) for each namespace, N = 1000 / N = 100",
            _growth(measured, MODULE, "build", "own"),
            1.5,
        ),
        Goal(
            "no-op: time for each namespace, N = 1000 / N = 100",
            _growth(measured, MODULE, "no-op", time),
            1.5,
        ),
    ]


def growth(measured: Measured) -> Optional[str]:
    """How the whole build grows, and beside it what the kernel does to `ip`."""
    ours, others = _growth(measured, MODULE, "build", "planning"), _growth(measured, BATCH, "build", "wall")
    if ours is None or others is None:
        return None
    return (
        f"The kernel's own growth: with its work, a namespace in a build of 1000 takes {ours:.2f} times as long as in "
        f"one of 100; {BATCH}'s takes {others:.2f} times as long."
    )


def _growth(measured: Measured, tool: str, phase: str, what: str) -> Optional[float]:
    """The time for each namespace among 1000, in those for each among 100."""
    found = _ratio(measured.median(tool, 1000, phase, what), measured.median(tool, 100, phase, what))
    return found and found / 10


def _versus(measured: Measured, size: int, phase: str) -> Optional[float]:
    return _ratio(measured.median(MODULE, size, phase, "planning"), measured.median(BATCH, size, phase))


def _cell(values: list[float]) -> str:
    if not values:
        return ""
    middle = f"{median(values):.2f}" if median(values) < 10 else f"{median(values):.1f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.2f}-{max(values):.2f})"


def tables(measured: Measured) -> Iterable[str]:
    """One table for each size, in seconds: the median, and the spread where there were several rounds."""
    rows = [("topology module, from planning on", MODULE, "planning"), ("topology module, its process", MODULE, "wall")]
    rows += [(tool, tool, "wall") for tool in measured.tools if tool != MODULE]
    for size in measured.sizes:
        yield f"\n### N = {size}\n"
        yield f"| seconds | {' | '.join(PHASES)} |"
        yield "|---|" + "---:|" * len(PHASES)
        for title, tool, what in rows:
            cells = [_cell(measured.values(tool, size, phase, what)) for phase in PHASES]
            if any(cells):
                yield f"| {title} | {' | '.join(cells)} |"


def markdown(measured: Measured, conditions: str) -> str:
    """The whole report."""
    lines = [conditions, *tables(measured), "\n### Goals\n", "| figure | measured | goal | |", "|---|---:|---:|---|"]
    lines += [goal.row() for goal in goals(measured)]
    lines += ["", grown] if (grown := growth(measured)) else []
    return "\n".join(lines) + "\n"


def plot(measured: Measured, path: Path) -> None:
    """One panel for each phase, seconds by size, both on logarithmic scales."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(PHASES), figsize=(15, 4), sharey=True, layout="constrained")
    for axis, phase in zip(axes, PHASES):
        for tool in measured.tools:
            _curve(axis, measured, tool, phase)
        axis.set(title=phase, xscale="log", yscale="log", xlabel="namespaces", xticks=measured.sizes)
        axis.set_xticklabels(map(str, measured.sizes))
        axis.grid(True, alpha=0.3)
    axes[0].set_ylabel("seconds")
    handles: dict[str, Any] = {}
    for axis in axes:
        handles.update(zip(*reversed(axis.get_legend_handles_labels())))
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4)
    figure.savefig(path, metadata={"Date": None})


def _curve(axis: Any, measured: Measured, tool: str, phase: str) -> None:
    found = {size: measured.median(tool, size, phase) for size in measured.sizes}
    points = [(size, seconds) for size, seconds in found.items() if seconds is not None]
    if points:
        axis.plot(*zip(*points), marker="o", label=tool)
