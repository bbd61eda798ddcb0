"""RECIST 1.1: response from the sum of diameters of target lesions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import ClassVar

from imgcompare.model import WHOLE
from imgcompare.response.best_overall import MIN_SD_DAYS
from imgcompare.response.exact import TOO_SMALL_MM
from imgcompare.response.readings import NORMAL_NODE_MM, CourseReadings
from imgcompare.response.shapes import SumCriterion
from imgcompare.response.sum_criterion import SumRules, Visit
from imgcompare.response.sums import Limits, Measure
from imgcompare.response.targets import Size

MEASURABLE_MM = Decimal(10)
"""Smallest longest diameter of a measurable lesion on thin slices."""

MEASURABLE_ON_RADIOGRAPH_MM = Decimal(20)
"""The same on a chest radiograph."""

MEASURABLE_NODE_MM = Decimal(15)
"""Smallest short axis of a node that may be a target."""

THIN_SLICE_MM = Decimal(5)
"""Slices up to this thickness count as thin."""

SLICES_PER_LESION = 2
"""On thicker slices a measurable lesion spans this many of them."""

DIAMETERS = Measure("sum of diameters", "mm", lambda course, i: (WHOLE, course.size_quantity(i)))
"""Longest diameters and, of nodes, short axes of the whole lesion, necrosis included."""

LIMITS = Limits(
    response_percent=Decimal(30), progression_percent=Decimal(20), progression_least=TOO_SMALL_MM
)
"""-30 % of baseline is a response; +20 % and +5 mm over the nadir is progression."""

RULE = "recist-1.1"


@dataclass(frozen=True, slots=True)
class Recist11(SumCriterion):
    """Response Evaluation Criteria in Solid Tumours, version 1.1.

    Attributes
    ----------
    confirm : bool
        Whether the best response counts CR and PR only if they are seen again at least 28 days
        later, as trials without randomisation ask whose endpoint is response.
    min_sd_days : int
        Shortest time on study after which stable disease counts (protocols: 42 to 56).
    accept_sd : bool
        Whether PR, SD, PR confirms PR; PR, NE, PR always does.
    thick_slice_nodes : bool
        Whether nodes, too, must span two slices where those are thicker than 5 mm.
    """

    confirm: bool = False
    min_sd_days: int = MIN_SD_DAYS
    accept_sd: bool = False
    thick_slice_nodes: bool = True

    name: ClassVar[str] = "RECIST"
    version: ClassVar[str] = "1.1"
    requires: ClassVar[tuple[str, ...]] = ("whole longest_diameter", "whole short_axis (nodes)")
    citations: ClassVar[tuple[str, ...]] = (
        "Eisenhauer EA et al. Eur J Cancer 2009;45:228-247. doi:10.1016/j.ejca.2008.10.026",
        "Schwartz LH et al. Eur J Cancer 2009;45:261-267. doi:10.1016/j.ejca.2008.10.028",
        "Schwartz LH et al. Eur J Cancer 2016;62:132-137. doi:10.1016/j.ejca.2016.03.081",
    )

    def rules(self) -> SumRules:
        """Give the rules, by the settings."""
        size_of = partial(recist_size, thick_slice_nodes=self.thick_slice_nodes)
        return replace(
            RECIST_RULES, size_of=size_of, confirm=self.confirm, accept_sd=self.accept_sd
        )


def recist_size(course: CourseReadings, lesion_id: int, *, thick_slice_nodes: bool = True) -> Size:
    """Classify a lesion at baseline by its diameter (short axis of a node) and slice thickness."""
    base = course.baseline_index
    reading = DIAMETERS.read(course, lesion_id, base)
    if not reading.is_known:
        return Size.NOT_MEASURED
    nodal = course.by_id[lesion_id].nodal
    if course.is_on_radiograph(lesion_id, base) and not nodal:
        is_large = reading.value >= MEASURABLE_ON_RADIOGRAPH_MM
        return Size.MEASURABLE if is_large else Size.NON_MEASURABLE
    slice_mm = None if nodal and not thick_slice_nodes else course.slice_mm(base)
    return baseline_size(reading.value, nodal=nodal, slice_mm=slice_mm)


def baseline_size(mm: Decimal, *, nodal: bool, slice_mm: Decimal | None) -> Size:
    """Classify a diameter (short axis of a node); a slice thickness of None is taken as thin."""
    if nodal and mm < NORMAL_NODE_MM:
        return Size.NORMAL_NODE
    needed = MEASURABLE_NODE_MM if nodal else MEASURABLE_MM
    return Size.MEASURABLE if mm >= thick_slice_minimum(needed, slice_mm) else Size.NON_MEASURABLE


def thick_slice_minimum(needed: Decimal, slice_mm: Decimal | None) -> Decimal:
    """Smallest measurable diameter, which on thick slices is two of them."""
    if slice_mm is None or slice_mm <= THIN_SLICE_MM:
        return needed
    return max(needed, SLICES_PER_LESION * slice_mm)


def _review(visit: Visit) -> Iterator[str]:
    """Give what a reader must look at because the rules leave it open."""
    course, t = visit.course, visit.timepoint
    if course.slice_mm(course.baseline_index) is None:
        yield "SLICE_THICKNESS_UNKNOWN"
    for i, lesion in sorted(course.by_id.items()):
        size = course.size(i, t)
        if not size.value:
            continue
        before = course.size(i, course.baseline_index)
        normal_then = Decimal(0) < before.value < NORMAL_NODE_MM
        if lesion.nodal and size.value >= NORMAL_NODE_MM and (normal_then or visit.had_cr):
            yield "REVIEW_NODE_AFTER_CR" if visit.had_cr else "REVIEW_NODE_NORMAL_AT_BASELINE"
        elif not lesion.nodal and visit.had_cr and i in visit.choice.targets:
            name = course.called(i)
            text = f"lesion {name} is back after complete response: if that was real, progression"
            visit.notes.add("reappeared", text, float(size.value))
            yield "REVIEW_REAPPEARED_AFTER_CR"


RECIST_RULES = SumRules(RULE, DIAMETERS, LIMITS, recist_size, review=_review)
