"""Long work that tells how far it is, and the record of what it decided."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of long work: ``step`` of ``total`` is beginning, described by ``message``."""

    step: int
    total: int
    message: str


Steps = Generator[Progress, None, T]
"""Long work: yields Progress, returns its result."""


def finish(steps: Steps[T]) -> T:
    """Run long work to its end, ignoring its progress."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result


@dataclass(frozen=True, slots=True)
class Decision:
    """Something decided automatically, with its reason, so that a person can overrule it."""

    stage: str
    subject: str
    choice: str
    reason: str
