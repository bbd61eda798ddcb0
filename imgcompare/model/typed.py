"""A course known from a table of figures instead of images."""

from __future__ import annotations

from dataclasses import dataclass

from imgcompare.model.clinical import ReaderInput
from imgcompare.model.course import Course
from imgcompare.model.findings import Measurement
from imgcompare.model.lesions import Lesion, LesionEvent


@dataclass(frozen=True, slots=True, eq=False)
class TypedCourse:
    """One subject's figures as one reader typed them.

    Attributes
    ----------
    course : Course
        Timepoints without series.
    evaluator : str
        Reader the figures are from, empty where the table names none.
    lesions : tuple of Lesion
    measurements : tuple of Measurement
        In mm, mm2, mL or as they were typed; lesions that were not evaluated have none.
    reader : ReaderInput
        Targets, status of non-targets, new lesions and states as typed.
    modality : str
        ``CT`` or ``MR``, empty where the table does not say.
    slice_thickness_mm : tuple of float or None
        Per timepoint.
    warnings : tuple of str
        What to doubt about the table.
    events : tuple of LesionEvent
        Splits and mergers as typed.
    """

    course: Course
    evaluator: str
    lesions: tuple[Lesion, ...]
    measurements: tuple[Measurement, ...]
    reader: ReaderInput
    modality: str = ""
    slice_thickness_mm: tuple[float | None, ...] = ()
    warnings: tuple[str, ...] = ()
    events: tuple[LesionEvent, ...] = ()
