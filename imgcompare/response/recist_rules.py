"""The tables and thresholds of RECIST 1.1, as pure functions on exact decimals.

References
----------
Eisenhauer 2009, 10.1016/j.ejca.2008.10.026; nodes: Schwartz 2009, 10.1016/j.ejca.2008.10.028;
clarifications: Schwartz 2016, 10.1016/j.ejca.2016.03.081.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from imgcompare.model import LesionState, Reason, Response
from imgcompare.response.base import mm_text

MEASURABLE_MM = Decimal(10)
"""Smallest longest diameter of a measurable lesion on thin slices."""

MEASURABLE_NODE_MM = Decimal(15)
"""Smallest short axis of a node that may be a target."""

NORMAL_NODE_MM = Decimal(10)
"""A node of a smaller short axis is normal."""

THIN_SLICE_MM = Decimal(5)
"""Slices up to this thickness count as thin."""

SLICES_PER_LESION = 2
"""On thicker slices a measurable lesion spans this many of them."""

TOO_SMALL_MM = Decimal(5)
"""Default for a lesion that is visible but too small to measure."""

PROGRESSION_PERCENT = 20
"""Growth of the sum over its nadir that is progression, together with PROGRESSION_MM."""

PROGRESSION_MM = Decimal(5)
"""Smallest absolute growth of the sum over its nadir that is progression."""

RESPONSE_PERCENT = 30
"""Decrease of the sum below baseline that is partial response."""

MISSING_MM = Decimal(0)
"""What an unevaluated lesion adds to a sum that may prove progression without it."""


class Size(StrEnum):
    """What the size of a lesion at baseline allows."""

    MEASURABLE = "measurable"
    NON_MEASURABLE = "non-measurable"
    NORMAL_NODE = "normal node"


@dataclass(frozen=True, slots=True)
class TargetReading:
    """One target lesion at one timepoint; ``mm`` is the short axis of a node.

    ``fragments_mm`` are further parts of a lesion that has split.
    """

    lesion_id: int
    nodal: bool
    state: LesionState
    mm: Decimal = Decimal(0)
    fragments_mm: tuple[Decimal, ...] = ()

    @property
    def contribution_mm(self) -> Decimal:
        """What the lesion adds to the sum of diameters; nothing if it was not evaluated."""
        if self.state in (LesionState.ABSENT, LesionState.MERGED, LesionState.NE):
            return MISSING_MM
        if self.state is LesionState.TOO_SMALL:
            return TOO_SMALL_MM
        return self.mm + sum(self.fragments_mm, Decimal(0))

    @property
    def is_gone(self) -> bool:
        """Whether the lesion allows complete response: gone, or a node of normal size."""
        if self.state is LesionState.NE:
            return False
        size = self.contribution_mm
        return size < NORMAL_NODE_MM if self.nodal else size == 0


@dataclass(frozen=True, slots=True)
class TargetSum:
    """Sum of the diameters of all target lesions at one timepoint."""

    mm: Decimal
    complete: bool
    all_gone: bool


def sum_of_diameters(readings: Sequence[TargetReading]) -> TargetSum:
    """Add up the target lesions; ``complete`` tells whether all were evaluated."""
    return TargetSum(
        sum((r.contribution_mm for r in readings), Decimal(0)),
        all(r.state is not LesionState.NE for r in readings),
        all(r.is_gone for r in readings),
    )


def baseline_size(mm: Decimal, *, nodal: bool, slice_mm: Decimal | None) -> Size:
    """Classify a lesion at baseline by its diameter (short axis of a node) and slice thickness.

    Thickness None is taken as thin.
    """
    if nodal and mm < NORMAL_NODE_MM:
        return Size.NORMAL_NODE
    needed = MEASURABLE_NODE_MM if nodal else MEASURABLE_MM
    if slice_mm is not None and slice_mm > THIN_SLICE_MM:
        needed = max(needed, SLICES_PER_LESION * slice_mm)
    return Size.MEASURABLE if mm >= needed else Size.NON_MEASURABLE


def is_progression(nadir_mm: Decimal, current_mm: Decimal) -> bool:
    """At least 20 % and at least 5 mm above the nadir, both inclusive."""
    growth = current_mm - nadir_mm
    return growth >= PROGRESSION_MM and 100 * growth >= PROGRESSION_PERCENT * nadir_mm


def is_partial_response(baseline_mm: Decimal, current_mm: Decimal) -> bool:
    """At least 30 % below baseline, inclusive."""
    return 100 * (baseline_mm - current_mm) >= RESPONSE_PERCENT * baseline_mm


def target_response(
    baseline_mm: Decimal,
    nadir_mm: Decimal,
    current_mm: Decimal,
    *,
    complete: bool = True,
    all_gone: bool = False,
) -> tuple[Response, Reason]:
    """Classify the sum of diameters: CR, then PD, then PR, then SD.

    Parameters
    ----------
    baseline_mm, nadir_mm, current_mm : Decimal
        Sums of diameters; the nadir is the smallest of baseline and all earlier timepoints at
        which every target was evaluated.
    complete : bool
        Whether every target was evaluated now. If not, the result is NE, unless the lesions
        that were evaluated already prove progression.
    all_gone : bool
        Whether all non-nodal targets are gone and all target nodes are below 10 mm.
    """
    now, base, low = mm_text(current_mm), mm_text(baseline_mm), mm_text(nadir_mm)
    if complete and all_gone:
        text = f"all targets are gone or normal nodes (sum {now} mm)"
        return Response.CR, Reason("recist-1.1/target-cr", text, float(current_mm), 0.0)
    growth = percent(nadir_mm, current_mm)
    if is_progression(nadir_mm, current_mm):
        text = (
            f"sum {now} mm is {growth} and +{mm_text(current_mm - nadir_mm)} mm against the nadir "
            f"{low} mm: at least +{PROGRESSION_PERCENT} % and +{PROGRESSION_MM} mm"
        )
        limit = progression_limit(nadir_mm)
        return Response.PD, Reason("recist-1.1/target-pd", text, float(current_mm), float(limit))
    if not complete:
        text = f"a target was not evaluated; the others add up to {now} mm"
        return Response.NE, Reason("recist-1.1/target-ne", text, float(current_mm))
    if is_partial_response(baseline_mm, current_mm):
        text = (
            f"sum {now} mm is {percent(baseline_mm, current_mm)} against the baseline "
            f"{base} mm: at least -{RESPONSE_PERCENT} %"
        )
        limit = baseline_mm * (100 - RESPONSE_PERCENT) / 100
        return Response.PR, Reason("recist-1.1/target-pr", text, float(current_mm), float(limit))
    text = (
        f"sum {now} mm is {percent(baseline_mm, current_mm)} against the baseline "
        f"{base} mm and {growth} against the nadir {low} mm: neither limit is met"
    )
    return Response.SD, Reason("recist-1.1/target-sd", text, float(current_mm))


def progression_limit(nadir_mm: Decimal) -> Decimal:
    """Smallest sum that is progression over a nadir."""
    return nadir_mm + max(PROGRESSION_MM, nadir_mm * PROGRESSION_PERCENT / 100)


def percent(reference: Decimal, current: Decimal) -> str:
    """Change in percent as text; it is never used to decide."""
    if not reference:
        return "not a percentage" if current else "unchanged"
    return f"{100 * (current - reference) / reference:+.1f} %"


def overall_response(
    target: Response | None, non_target: Response | None, *, new: bool
) -> Response:
    """Combine targets, non-targets and new lesions (RECIST 1.1 tables 1 and 2).

    Parameters
    ----------
    target : Response or None
        CR, PR, SD, PD or NE; None if there were no targets at baseline.
    non_target : Response or None
        CR, NON_CR_NON_PD, PD or NE; None if there were none at baseline.
    new : bool
        Whether a reader has confirmed a new lesion.
    """
    if new or Response.PD in (target, non_target):
        return Response.PD
    if target is None:
        return Response.NED if non_target is None else non_target
    if target is Response.CR and non_target not in (None, Response.CR):
        return Response.PR
    return target
