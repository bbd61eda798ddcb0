"""Courses of lesions made from a few numbers."""

import datetime as dt
from collections.abc import Mapping, Sequence

from imgcompare.model import Lesion, LesionRole, Measurement, Timepoint

START = dt.date(2024, 1, 10)


def timepoints(count: int, *, days: int = 42) -> tuple[Timepoint, ...]:
    return tuple(
        Timepoint(n, START + dt.timedelta(days=days * n), (f"1.{n}",), {}) for n in range(count)
    )


def diameters(
    values: Mapping[int, Sequence[float | None]], nodal: Sequence[int] = ()
) -> tuple[tuple[Lesion, ...], tuple[Measurement, ...]]:
    """Lesions by id, each in its own organ, and their diameters in mm; None is not evaluated."""
    lesions = tuple(
        Lesion(i, f"1.2.{i}", f"organ {i}", LesionRole.TARGET, i in nodal) for i in values
    )
    rows = [
        Measurement(i, t, "whole", "short_axis" if i in nodal else "longest_diameter", mm, "mm")
        for i, row in values.items()
        for t, mm in enumerate(row)
        if mm is not None
    ]
    return lesions, tuple(rows)
