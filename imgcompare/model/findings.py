"""Figures, their changes, categories, and the whole of one comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from imgcompare.model.agreement import Reason, SideBySide
from imgcompare.model.alignment import AlignedTimepoint
from imgcompare.model.clinical import ClinicalEvent, ReaderInput
from imgcompare.model.comparability import ComparabilityFinding
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
    ``calibrated`` tells whether the interval was calibrated on simulated scans: those of volumes
    that imgcompare itself outlined around enhancing tissue on MR.
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
    calibrated: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """Change of one figure between two timepoints.

    ``reference`` says what the earlier one is: ``baseline``, ``nadir`` or ``previous``.
    ``ci_low`` and ``ci_high`` bound the 95 % interval of ``absolute``. ``percent``, ``log_change``
    and the rates are NaN where undefined (zero or missing figures, less than 14 days apart).
    ``error_limit_percent`` is the change that measurement error alone would exceed 5 times in 100;
    ``published_limit_percent`` is what it would be by published repeatability, which ``published``
    says in words where something else decided. Both are NaN where not known.
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
    error_limit_percent: float = float("nan")
    published_limit_percent: float = float("nan")
    published: str = ""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one criterion says at one timepoint; NE (not evaluable) is a category.

    Attributes
    ----------
    criterion, version : str
        Name with its version, e.g. ``"RECIST 1.1"``, and the version alone.
    category : str
        One of `Category`.
    reference : str
        What the deciding figure was compared with, e.g. ``"nadir 2024-02-21"``.
    reasons : tuple of Reason
        Every rule that was looked at.
    confirmed : bool or None
        Whether a later scan, in time, bore the category out; None where nothing was asked for.
    rule_id : str
        The reason that decided.
    quantity, unit : str
        What was added up, in words, e.g. ``"sum of diameters"``, and its unit.
    value, percent, absolute : float or None
        The figure, and its change against ``reference``; for the eye, never to decide by.
    reference_index : int or None
        Timepoint of the reference.
    missing : tuple of str
        For NE: the inputs that were missing, in words.
    targets : tuple of int
        Lesions that were added up.
    target, non_target : str
        Category of the targets and of all other disease of the baseline; empty if there is none.
    new_lesion : bool or None
        Whether a reader has confirmed a new lesion that counts; None at the baseline.
    exceeds_error : Exceeds
        Whether the deciding figure changed by more than measurement error. Kept apart from the
        category: progression by rule, within measurement error, is a legal answer.
    error_reason : str
        What that rests on.
    probabilities : tuple of (category, share)
        How often each category comes out when every figure is measured anew with its error,
        likeliest first; empty where no error is known.
    """

    criterion: str
    version: str
    timepoint_index: int
    category: str
    reference: str
    reasons: tuple[Reason, ...]
    flags: tuple[str, ...] = ()
    confirmed: bool | None = None
    rule_id: str = ""
    quantity: str = ""
    unit: str = ""
    value: float | None = None
    percent: float | None = None
    absolute: float | None = None
    reference_index: int | None = None
    missing: tuple[str, ...] = ()
    targets: tuple[int, ...] = ()
    target: str = ""
    non_target: str = ""
    new_lesion: bool | None = None
    exceeds_error: Exceeds = Exceeds.UNKNOWN
    error_reason: str = ""
    probabilities: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """A pattern in the figures over time, in words that name no cause and make no diagnosis.

    Attributes
    ----------
    code : str
        Name of the pattern, e.g. ``GROWTH_THEN_DECLINE``.
    timepoint_index : int
        Timepoint at which it is seen.
    lesion_ids : tuple of int
        Lesions it is about; empty for all together.
    text : str
        Figures, window, and the recheck that the criterion asks for.
    flags : tuple of str
        E.g. ``WINDOW_UNKNOWN`` where an events table would be needed.
    """

    code: str
    timepoint_index: int
    lesion_ids: tuple[int, ...]
    text: str
    flags: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Give the words."""
        return self.text


@dataclass(frozen=True, slots=True)
class CourseResponse:
    """What one criterion says about a whole course.

    Attributes
    ----------
    best : str
        Best overall response, one of `Category`.
    best_index : int or None
        Timepoint at which it was first reached.
    best_confirmed : bool or None
        None where the criterion, as it is set, asks for no confirmation.
    progression_index : int or None
        Timepoint that dates progression (that of the first sign, where it was confirmed later).
    progression_confirmed : bool or None
        False for a first sign that no later scan has confirmed yet.
    reasons : tuple of Reason
    flags : tuple of str
    """

    criterion: str
    version: str
    best: str
    best_index: int | None = None
    best_confirmed: bool | None = None
    progression_index: int | None = None
    progression_confirmed: bool | None = None
    reasons: tuple[Reason, ...] = ()
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
    """Everything one comparison found; what reporting turns into files.

    ``results`` is empty where figures were typed and no image was read. ``evaluator`` names the
    reader of such a table, empty for one reader only. ``side_by_side`` sets the assessments of
    each timepoint beside each other. ``reader`` is what was typed beside the figures.
    """

    course: Course
    results: tuple[TimepointResult, ...]
    lesions: tuple[Lesion, ...]
    events: tuple[LesionEvent, ...]
    measurements: tuple[Measurement, ...]
    changes: tuple[Change, ...]
    assessments: tuple[Assessment, ...]
    observations: tuple[Observation, ...]
    decisions: tuple[Decision, ...]
    warnings: tuple[str, ...]
    configuration: Mapping[str, Any]
    timings_s: Mapping[str, float]
    course_responses: tuple[CourseResponse, ...] = ()
    clinical_events: tuple[ClinicalEvent, ...] = ()
    comparability: tuple[ComparabilityFinding, ...] = ()
    evaluator: str = ""
    side_by_side: tuple[SideBySide, ...] = ()
    reader: ReaderInput = field(default_factory=ReaderInput)
