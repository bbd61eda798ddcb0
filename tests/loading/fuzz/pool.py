"""Runs cases in workers that may crash, hang or eat memory without harm, and says which did.

Each worker is a process with a limit on its memory; a case that takes longer than the time limit,
twice in a row, is a hang, and its worker is replaced.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

SECONDS_PER_CASE = 10.0
"""Longer than this is a hang."""

MEMORY_PER_CASE = 1 << 30
"""Bytes of address space that a case may take beyond what the loaded program has."""


Start = Callable[[str | None], Callable[[int], tuple[str, Callable[[], str]]]]


@dataclass(frozen=True)
class Finding:
    """A case that ended as none may: its number, how, where, and which case it was in order."""

    number: int
    what: str
    detail: str
    at: int


@dataclass
class Report:
    """How cases ended, and each finding with the number that repeats it."""

    endings: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0
    slowest: tuple[float, int] = (0.0, -1)


def limit_memory(extra: int = MEMORY_PER_CASE) -> None:
    """Forbid this process to grow by more than ``extra`` bytes of address space (Linux only)."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return
    most = pages * os.sysconf("SC_PAGE_SIZE") + extra
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def _work(channel: Connection, start: Start, argument: str | None) -> None:
    """Run cases one after the other as their numbers come in."""
    warnings.simplefilter("ignore")
    make = start(argument)
    limit_memory()
    channel.send(None)
    while True:
        number = channel.recv()
        ending, what, detail = "", f"case {number}", ""
        try:
            what, run_it = make(number)
            channel.send(what)  # the clock starts here
            ending = run_it()
        except BaseException as error:
            ending = type(error).__name__
            detail = "".join(traceback.format_exception(error)[-6:])
        channel.send((ending, what, detail))


class _Worker:
    """One process and what it is at."""

    def __init__(self, start: Start, argument: str | None, spare: int | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self.channel, far = context.Pipe()
        self.process = context.Process(target=_work, args=(far, start, argument), daemon=True)
        self.process.start()
        far.close()
        self.spare = spare  # the case to begin with
        self.number: int | None = None
        self.what = ""
        self.since = time.monotonic()
        self.loading = False  # rather than still making its case

    def give(self, number: int) -> None:
        self.number, self.since = number, time.monotonic()
        self.what, self.loading = f"case {number}", False
        self.channel.send(number)

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.channel.close()


def run(
    numbers: Iterable[int],
    *,
    start: Start,
    argument: str | None = None,
    workers: int = 1,
    seconds: float = SECONDS_PER_CASE,
    progress: Callable[[Report, int], Any] | None = None,
) -> Report:
    """Run cases by number; give how they ended.

    Parameters
    ----------
    numbers : iterable of int
        The cases.
    start : callable
        Called with ``argument`` once in each worker, before its memory is limited; gives a function
        that makes the case of a number: its name, and what runs it and says how it ended.
    workers : int
        Processes at a time.
    seconds : float
        A case that takes longer, twice, is a hang.
    progress : callable
        Called after each case.
    """
    report, begun = Report(), time.monotonic()
    todo = iter(numbers)
    crew = [_Worker(start, argument) for _ in range(workers)]
    done = 0
    repeated: set[int] = set()
    while crew:
        ready = wait([w.channel for w in crew] + [w.process.sentinel for w in crew], timeout=0.5)
        for worker in list(crew):
            late = worker.loading and time.monotonic() - worker.since > seconds
            if worker.channel in ready:
                try:
                    answer = worker.channel.recv()
                except (EOFError, OSError):
                    answer = ("crash", worker.what, f"exit {worker.process.exitcode}")
            elif worker.process.sentinel in ready:
                answer = ("crash", worker.what, f"exit {worker.process.exitcode}")
            elif worker.number is not None and late and worker.number not in repeated:
                repeated.add(worker.number)  # a busy machine may have been the reason
                worker.end()
                crew[crew.index(worker)] = _Worker(start, argument, spare=worker.number)
                continue
            elif worker.number is not None and late:
                answer = ("hang", worker.what, f"more than {seconds:g} s")
            else:
                continue
            dead = answer is not None and answer[0] in ("crash", "hang")
            if isinstance(answer, str):
                worker.what, worker.since, worker.loading = answer, time.monotonic(), True
                continue
            if answer is not None:
                if worker.number is None:
                    raise RuntimeError("A worker died before its first case.")
                done += 1
                _count(report, worker, answer)
                if progress is not None:
                    progress(report, done)
            following = next(todo, None) if worker.spare is None else worker.spare
            if dead or following is None:
                worker.end()
                crew.remove(worker)
            if following is None:
                continue
            if dead:
                crew.append(_Worker(start, argument, spare=following))
            else:
                worker.spare = None
                worker.give(following)
    report.seconds = time.monotonic() - begun
    return report


def _count(report: Report, worker: _Worker, answer: tuple[str, str, str]) -> None:
    ending, what, detail = answer
    assert worker.number is not None
    report.endings[ending] += 1
    report.slowest = max(report.slowest, (time.monotonic() - worker.since, worker.number))
    if ending not in ("volume", "refused"):
        at = report.endings.total()
        report.findings.append(Finding(worker.number, f"{ending}: {what}", detail, at))
