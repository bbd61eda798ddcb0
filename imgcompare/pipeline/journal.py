"""What was decided automatically, what to doubt, and how long each stage took."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from imgcompare.model import Decision

logger = logging.getLogger(__name__)


class Clock:
    """Seconds spent in each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Add the time of a block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start


@dataclass(slots=True)
class Journal:
    """What was decided automatically, what to doubt, and how long it took.

    ``hide`` takes what identifies the patient out of names of files and structures.
    """

    decisions: list[Decision] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    hide: Callable[[str], str] = str

    def decide(self, subject: str, *, choice: str, reason: str) -> None:
        """Write down a decision of the pipeline."""
        self.decisions.append(Decision("pipeline", subject, choice, reason))

    def note(self, decisions: Iterable[Decision], *, about: str) -> None:
        """Write down decisions of a stage, and what they are about."""
        self.decisions += [replace(d, subject=f"{about}: {d.subject}") for d in decisions]

    def warn(self, text: str) -> None:
        """Write down a doubt."""
        logger.warning(text)
        self.warnings.append(text)
