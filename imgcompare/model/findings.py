"""Figures, their changes, categories, and the whole of one comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from imgcompare.model.alignment import AlignedTimepoint
from imgcompare.model.course import Course
from imgcompare.model.lesions import Lesion, LesionEvent, LesionSegmentation
from imgcompare.model.progress import Decision


class Exceeds(StrEnum):
    """Whether a change exceeds measurement error."""

    YES = "yes"
    NO = "no"
    BORDERLINE = "borderline"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure: a quantity of one compartment of one lesion at one timepoint.

    ``ci_low`` and ``ci_high`` bound the 95 % interval, NaN where none is known.
    ``endpoints_lps_mm`` are the ends of a diameter in native patient coordinates.
    """

    lesion_id: int
    timepoint_index: int
    compartment: str
    quantity: str
    value: float
    unit: str
    ci_low: float = float("nan")
    ci_high: float = float("nan")
    endpoints_lps_mm: tuple[tuple[float, float, float], ...] = ()
    method: str = ""
    series_uid: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """Change of one figure between two timepoints.

    ``reference`` says what the earlier one is: ``baseline``, ``nadir`` or ``previous``.
    ``ci_low`` and ``ci_high`` bound the 95 % interval of ``absolute``. ``percent``, ``log_change``
    and the rates are NaN where undefined (zero or missing figures, less than 14 days apart).
    """

    lesion_id: int
    compartment: str
    quantity: str
    unit: str
    reference: str
    from_index: int
    to_index: int
    days: int | None
    from_value: float
    to_value: float
    absolute: float
    percent: float
    log_change: float
    ci_low: float
    ci_high: float
    growth_rate_percent_per_day: float
    doubling_time_days: float
    exceeds_error: Exceeds
    reason: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a criterion gave its category: a rule, the value it saw, the threshold it met or not."""

    rule_id: str
    text: str
    value: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one criterion says at one timepoint; NE (not evaluable) is a category."""

    criterion: str
    version: str
    timepoint_index: int
    category: str
    reference: str
    reasons: tuple[Reason, ...]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class TimepointResult:
    """What was found at one timepoint: aligned images and a segmentation per lesion id."""

    aligned: AlignedTimepoint
    lesions: Mapping[int, LesionSegmentation]

    def __post_init__(self) -> None:
        """Freeze the mapping."""
        object.__setattr__(self, "lesions", MappingProxyType(dict(self.lesions)))

    @property
    def index(self) -> int:
        """Position of the timepoint in its course."""
        return self.aligned.timepoint.index


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Everything one comparison found; what reporting turns into files."""

    course: Course
    results: tuple[TimepointResult, ...]
    lesions: tuple[Lesion, ...]
    events: tuple[LesionEvent, ...]
    measurements: tuple[Measurement, ...]
    changes: tuple[Change, ...]
    assessments: tuple[Assessment, ...]
    observations: tuple[str, ...]
    decisions: tuple[Decision, ...]
    warnings: tuple[str, ...]
    configuration: Mapping[str, Any]
    timings_s: Mapping[str, float]
