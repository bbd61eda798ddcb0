"""Courses of lesions made from a few numbers."""

import datetime as dt
from collections.abc import Mapping, Sequence

from imgcompare.model import (
    ClinicalEvent,
    ClinicalEventKind,
    Lesion,
    LesionRole,
    Measurement,
    ReaderInput,
    Timepoint,
)
from imgcompare.response import CourseReadings

START = dt.date(2024, 1, 10)
UNITS = {"volume": "mL", "bidimensional_product": "mm2", "mean_intensity": "HU"}

Rows = Mapping[int, Sequence[float | None]]


def on(day: int) -> dt.date:
    return START + dt.timedelta(days=day)


def timepoints(count: int, *, days: int = 42) -> tuple[Timepoint, ...]:
    return tuple(Timepoint(n, on(days * n), (f"1.{n}",), {}) for n in range(count))


def diameters(
    values: Rows, nodal: Sequence[int] = ()
) -> tuple[tuple[Lesion, ...], tuple[Measurement, ...]]:
    """Lesions by id, each in its own organ, and their diameters in mm; None is not evaluated."""
    lesions = tuple(
        Lesion(i, f"1.2.{i}", f"organ {i}", LesionRole.TARGET, i in nodal) for i in values
    )
    rows = [
        row
        for i in values
        for row in figures({i: values[i]}, "short_axis" if i in nodal else "longest_diameter")
    ]
    return lesions, tuple(rows)


def figures(values: Rows, quantity: str, compartment: str = "whole") -> tuple[Measurement, ...]:
    """Figures of lesions by id over time; None is not evaluated."""
    unit = UNITS.get(quantity, "mm")
    return tuple(
        Measurement(i, t, compartment, quantity, value, unit)
        for i, row in values.items()
        for t, value in enumerate(row)
        if value is not None
    )


def course(
    values: Rows,
    *,
    nodal: Sequence[int] = (),
    extra: Sequence[Measurement] = (),
    days: int | Sequence[int] = 42,
    slice_mm: float | None = 1.0,
    reader: ReaderInput | None = None,
    **more: object,
) -> CourseReadings:
    """A course of lesions with diameters in mm; ``days`` between scans, or since the first."""
    lesions, rows = diameters(values, nodal)
    return course_of(
        (*rows, *extra), lesions=lesions, days=days, slice_mm=slice_mm, reader=reader, **more
    )


def course_of(
    rows: Sequence[Measurement],
    *,
    lesions: Sequence[Lesion] = (),
    days: int | Sequence[int] = 42,
    slice_mm: float | None = 1.0,
    reader: ReaderInput | None = None,
    count: int = 0,
    **more: object,
) -> CourseReadings:
    """A course of any figures; lesions are made where none are given."""
    count = count or 1 + max((r.timepoint_index for r in rows), default=0)
    found = {r.lesion_id for r in rows} - {x.id for x in lesions}
    dates = [on(days * t) for t in range(count)] if isinstance(days, int) else list(map(on, days))
    return CourseReadings(
        lesions=(*lesions, *(Lesion(i, f"1.2.{i}", f"organ {i}") for i in sorted(found))),
        measurements=tuple(rows),
        dates=tuple(dates),
        slice_thickness_mm=(slice_mm,) * count,
        reader=reader or ReaderInput(),
        **more,
    )


def event(kind: str, day: int, value: str = "") -> ClinicalEvent:
    return ClinicalEvent(ClinicalEventKind(kind), on(day), value)


def categories(criterion: object, readings: CourseReadings) -> list[str]:
    """Categories after the baseline."""
    first, *rest = criterion.assess(readings)
    assert first.category == "baseline"
    return [a.category for a in rest]
