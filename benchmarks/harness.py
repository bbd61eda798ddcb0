"""Run contestants side by side: one process per run, interleaved, medians, peak memory.

A contestant is a piece of Python text that prints one JSON object. It runs in its own interpreter,
so that imports, caches and memory of one do not help or hurt another. Contestants take turns, so
that a busy minute of the machine hits all of them.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

TIMEOUT_S = 600
"""A run that takes longer counts as failed."""

PRELUDE = """
import json, resource, sys, time
def report(**figures):
    try:
        status = open("/proc/self/status").read()
        peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(json.dumps(dict(figures, peak_mb=max(peak, children))))
"""
"""Offered to every contestant: ``report(seconds=..., ...)`` prints figures and peak memory.

On Linux ``ru_maxrss`` starts at the size of the parent process; VmHWM does not.
"""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to do the job: its name, its text, and the interpreter that has its library."""

    name: str
    code: str
    python: str = sys.executable


@dataclass(slots=True)
class Outcome:
    """What the runs of one contestant gave."""

    runs: list[dict[str, float]] = field(default_factory=list)
    error: str = ""

    def median(self, key: str) -> float:
        """Median of one figure over the runs; NaN where no run gave it."""
        values = [run[key] for run in self.runs if key in run]
        return statistics.median(values) if values else float("nan")


def run_once(contestant: Contestant) -> dict[str, float] | str:
    """Run a contestant in its own process; its figures, or why it failed."""
    command = [contestant.python, "-c", PRELUDE + contestant.code]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"took longer than {TIMEOUT_S} s"
    except OSError as error:
        return str(error.strerror)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return lines[-1] if lines else f"exit code {done.returncode}"
    figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def contest(contestants: Sequence[Contestant], *, repeats: int = 5) -> dict[str, Outcome]:
    """Let contestants take turns; one that fails is not asked again."""
    outcomes = {c.name: Outcome() for c in contestants}
    for _ in range(repeats):
        for contestant in contestants:
            outcome = outcomes[contestant.name]
            if outcome.error:
                continue
            result = run_once(contestant)
            if isinstance(result, str):
                outcome.error = result
            else:
                outcome.runs.append(result)
    return outcomes


def table(title: str, outcomes: Mapping[str, Outcome], *, columns: Sequence[str] = ()) -> str:
    """Write medians, and each contestant's time as a ratio to the first (imgcompare)."""
    first = next(iter(outcomes.values())).median("seconds")
    header = f"{'':32s}{'median':>10s}{'ratio':>9s}{'peak MB':>10s}"
    lines = [title, header + "".join(f"{c:>14s}" for c in columns)]
    for name, outcome in outcomes.items():
        if outcome.error:
            lines.append(f"{name:32s}  not run: {outcome.error[:80]}")
            continue
        seconds = outcome.median("seconds")
        line = f"{name:32s}{seconds:9.3f}s{seconds / first:8.1f}x{outcome.median('peak_mb'):10.0f}"
        lines.append(line + "".join(f"{outcome.median(c):14.4g}" for c in columns))
    return "\n".join(lines)
