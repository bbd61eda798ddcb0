"""Reads measurements as exact numbers, by lesion, timepoint, compartment and quantity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from imgcompare.errors import InputError
from imgcompare.model import OUTLINED_ON_WATER, Lesion, Measurement, Timepoint
from imgcompare.response.exact import QUANTITY_UNITS, exact_value

TOO_SMALL_FLAG = "TOO_SMALL"
"""Flag of a measurement: the lesion is visible, but too small to measure reliably."""

HU = "HU"

RADIOGRAPH_WORDS = ("x-ray", "xray", "radiograph")
"""Words in the method of a measurement that was made on a plain film."""

Key = tuple[int, int, str, str]
"""Lesion, timepoint, compartment and quantity."""


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """What was measured, exactly.

    Attributes
    ----------
    values : mapping of (lesion, timepoint, compartment, quantity) to Decimal
        In mm, mm2, mL or HU.
    seen : frozenset of (lesion, timepoint)
        Where a size above zero was measured.
    too_small : frozenset of (lesion, timepoint, compartment, quantity)
        Measurements that are flagged as too small to be reliable.
    on_radiograph : frozenset of (lesion, timepoint)
        Where a plain film was measured.
    on_water : frozenset of (lesion, timepoint)
        Where a lesion that gains no contrast was outlined on FLAIR or T2.
    """

    values: Mapping[Key, Decimal]
    seen: frozenset[tuple[int, int]]
    too_small: frozenset[Key]
    on_radiograph: frozenset[tuple[int, int]]
    on_water: frozenset[tuple[int, int]]


def exact_figures(
    measurements: Sequence[Measurement], by_id: Mapping[int, Lesion], count: int
) -> Figures:
    """Read the figures of a course of so many timepoints.

    An arbitrary MR signal is passed over, for it means nothing to any criterion.

    Raises
    ------
    InputError
        If a measurement belongs to no lesion or timepoint, is impossible, or is given twice.
    """
    values: dict[Key, Decimal] = {}
    for m in measurements:
        if m.lesion_id not in by_id or not 0 <= m.timepoint_index < count:
            raise InputError(
                f"A {m.quantity} belongs to lesion {m.lesion_id} at timepoint "
                f"{m.timepoint_index}, which is not in the course."
            )
        if math.isnan(m.value) or (m.quantity not in QUANTITY_UNITS and m.unit != HU):
            continue
        key = (m.lesion_id, m.timepoint_index, m.compartment, m.quantity)
        if key in values:
            raise InputError(
                f"Lesion {m.lesion_id} has two values of {m.compartment} {m.quantity} at "
                f"timepoint {m.timepoint_index}."
            )
        what = f"{m.quantity} of lesion {m.lesion_id} at timepoint {m.timepoint_index}"
        values[key] = exact_value(m.value, m.unit, what=what, quantity=m.quantity)
    return Figures(
        values,
        frozenset(k[:2] for k, value in values.items() if value > 0 and k[3] in QUANTITY_UNITS),
        frozenset(
            (m.lesion_id, m.timepoint_index, m.compartment, m.quantity)
            for m in measurements
            if TOO_SMALL_FLAG in m.flags
        ),
        frozenset((m.lesion_id, m.timepoint_index) for m in measurements if _is_film(m)),
        frozenset(
            (m.lesion_id, m.timepoint_index) for m in measurements if OUTLINED_ON_WATER in m.flags
        ),
    )


def _is_film(measurement: Measurement) -> bool:
    method = measurement.method.lower()
    return any(word in method for word in RADIOGRAPH_WORDS)


def slice_thickness_of(
    measurements: Sequence[Measurement], timepoints: Sequence[Timepoint]
) -> tuple[float | None, ...]:
    """Slice thickness or spacing, the larger, of the series measured at each timepoint, mm."""
    used = {(m.timepoint_index, m.series_uid) for m in measurements if m.series_uid}
    found: list[float | None] = []
    for index, timepoint in enumerate(timepoints):
        values = [
            max(s.acquisition.slice_thickness_mm or 0.0, s.geometry.slice_spacing_mm)
            for s in (*timepoint.series.values(), *timepoint.others)
            if (index, s.uid) in used
        ]
        found.append(max(values) if values else None)
    return tuple(found)
