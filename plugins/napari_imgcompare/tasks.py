"""Long work, split into what may run on another thread and what must not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from imgcompare.model import Steps, finish

T = TypeVar("T")

Chunks = Iterator[None]
"""Work on windows, in pieces short enough not to be noticed."""


@dataclass(frozen=True, slots=True, eq=False)
class Task(Generic[T]):
    """Long work: ``steps`` may run on another thread, ``take`` must run where windows live."""

    title: str
    steps: Steps[T]
    take: Callable[[T], None]

    def run(self) -> None:
        """Do it here and now."""
        self.take(finish(self.steps))
