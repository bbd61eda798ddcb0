"""One subject's visits in order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from imgcompare.model.images import Role, Series
from imgcompare.model.progress import Decision


@dataclass(frozen=True, slots=True, eq=False)
class Timepoint:
    """All series of one visit. ``series`` holds the one chosen for each role."""

    index: int
    date: dt.date | None
    study_uids: tuple[str, ...]
    series: Mapping[Role, Series]
    others: tuple[Series, ...] = ()
    time: dt.time | None = None
    label: str = ""

    def __post_init__(self) -> None:
        """Freeze the mapping."""
        object.__setattr__(self, "series", MappingProxyType(dict(self.series)))

    @property
    def name(self) -> str:
        """ISO date where known, else the label or position."""
        return self.date.isoformat() if self.date else (self.label or f"timepoint {self.index}")


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """One subject's timepoints in order of date. ``subject`` is a pseudonym unless identified.

    ``hide`` takes what identifies the subject out of a text that people wrote, such as the name of
    a file or of a structure.
    """

    subject: str
    timepoints: tuple[Timepoint, ...]
    baseline_index: int = 0
    problems: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    hide: Callable[[str], str] = field(default=str, repr=False)
