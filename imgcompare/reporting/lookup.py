"""Look up figures and changes of a comparison, and the direction of a change."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import Enum

from imgcompare.model import (
    WHOLE,
    Change,
    Comparison,
    Exceeds,
    Measurement,
    Tissue,
    counted_together,
    families,
)

ENHANCING = Tissue.ENHANCING.value
VOLUME = "volume"
BASELINE = "baseline"
PREVIOUS = "previous"
UNCHANGED = "unchanged within measurement error"


class Trend(Enum):
    """Direction of a change, as far as its measurement error allows."""

    UP = "grew"
    DOWN = "shrank"
    SAME = UNCHANGED
    MAYBE_UP = "possibly grew (at the limit of measurement error)"
    MAYBE_DOWN = "possibly shrank (at the limit of measurement error)"
    UNSURE = "changed by an amount whose measurement error is not known"
    MISSING = "could not be compared"


def last_index(comparison: Comparison) -> int:
    """Index of the latest timepoint with results."""
    return max((r.index for r in comparison.results), default=comparison.course.baseline_index)


def find_measurement(
    comparison: Comparison,
    lesion_id: int,
    timepoint_index: int,
    *,
    compartment: str = WHOLE,
    quantity: str = VOLUME,
) -> Measurement | None:
    """Look up one figure; None if it was not measured or is NaN."""
    key = (lesion_id, timepoint_index, compartment, quantity)
    return _find(comparison.measurements, key)


def find_total(
    comparison: Comparison,
    lesion_id: int,
    timepoint_index: int,
    *,
    compartment: str = WHOLE,
    quantity: str = VOLUME,
) -> Measurement | None:
    """Look up one figure of a lesion together with those it split into or merged with."""
    figures = comparison.measurements
    if lesion_id in families_of(comparison):
        figures = counted_together(figures, comparison.events, _latest(comparison))
    return _find(figures, (lesion_id, timepoint_index, compartment, quantity))


def families_of(comparison: Comparison) -> Mapping[int, tuple[int, ...]]:
    """Lesions that are counted together at the end of the course, by the one that carries it."""
    return families(comparison.events, _latest(comparison))


def _latest(comparison: Comparison) -> int:
    return max(t.index for t in comparison.course.timepoints)


def _find(figures: Sequence[Measurement], key: tuple[int, int, str, str]) -> Measurement | None:
    for m in figures:
        if (m.lesion_id, m.timepoint_index, m.compartment, m.quantity) == key:
            return None if math.isnan(m.value) else m
    return None


def find_change(
    comparison: Comparison,
    lesion_id: int,
    to_index: int,
    *,
    compartment: str = WHOLE,
    quantity: str = VOLUME,
    reference: str = BASELINE,
) -> Change | None:
    """Look up one change; None if it was not computed or has no figures."""
    for c in comparison.changes:
        same_what = (c.compartment, c.quantity) == (compartment, quantity)
        same_who = (c.lesion_id, c.to_index, c.reference) == (lesion_id, to_index, reference)
        if same_what and same_who:
            return None if math.isnan(c.absolute) else c
    return None


def trend(change: Change | None) -> Trend:
    """Direction of a change, as far as its measurement error allows."""
    if change is None:
        return Trend.MISSING
    if change.exceeds_error is Exceeds.NO or change.absolute == 0:
        return Trend.SAME
    if change.exceeds_error is Exceeds.UNKNOWN:
        return Trend.UNSURE
    if change.exceeds_error is Exceeds.BORDERLINE:
        return Trend.MAYBE_UP if change.absolute > 0 else Trend.MAYBE_DOWN
    return Trend.UP if change.absolute > 0 else Trend.DOWN
