"""WHO criteria: response from the sum of the products of two diameters."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from imgcompare.model import WHOLE
from imgcompare.response.exact import grown_limit, percent_text
from imgcompare.response.readings import PRODUCT, CourseReadings
from imgcompare.response.shapes import SumCriterion
from imgcompare.response.sum_criterion import SumRules, Visit
from imgcompare.response.sums import Limits, same_figure
from imgcompare.response.targets import Size

PRODUCTS = same_figure("sum of products", "mm2", compartment=WHOLE, quantity=PRODUCT)
LIMITS = Limits(response_percent=Decimal(50), progression_percent=Decimal(25))
ALL_LESIONS = 10_000
"""WHO sets no largest number of lesions: all that are measured count."""

RULE = "who"


class ProgressionBy(StrEnum):
    """What must grow by 25 % for progression."""

    ANY_LESION = "any_lesion"
    SUM = "sum"


@dataclass(frozen=True, slots=True)
class Who(SumCriterion):
    """Criteria of the World Health Organization.

    Attributes
    ----------
    progression_by : ProgressionBy
        ``any_lesion`` as published, or ``sum`` as many later trials had it.
    confirm : bool
        Whether the best response counts CR and PR only if they are seen again 28 days later.
    min_sd_days : int
        Shortest time on study after which no change counts.
    """

    progression_by: ProgressionBy = ProgressionBy.ANY_LESION
    confirm: bool = True
    min_sd_days: int = 28

    name: ClassVar[str] = "WHO"
    version: ClassVar[str] = "1981"
    requires: ClassVar[tuple[str, ...]] = (
        "whole bidimensional_product, or longest_diameter and perpendicular_diameter",
    )
    citations: ClassVar[tuple[str, ...]] = (
        "Miller AB et al. Cancer 1981;47:207-214. "
        "doi:10.1002/1097-0142(19810101)47:1<207::AID-CNCR2820470134>3.0.CO;2-6",
    )

    def rules(self) -> SumRules:
        """Give the rules, by the settings."""
        return SumRules(
            RULE,
            PRODUCTS,
            LIMITS,
            _size,
            most=ALL_LESIONS,
            most_per_organ=ALL_LESIONS,
            confirm=self.confirm,
            also_progression=self._has_grown_lesion,
        )

    def _has_grown_lesion(self, visit: Visit) -> bool:
        """Whether one lesion alone has grown by 25 % over its own smallest product."""
        if self.progression_by is ProgressionBy.SUM:
            return False
        course, found = visit.course, False
        for i in visit.choice.targets:
            earlier = [
                PRODUCTS.read(course, i, t) for t in range(course.baseline_index, visit.timepoint)
            ]
            known = [r.value for r in earlier if r.is_known]
            now = PRODUCTS.read(course, i, visit.timepoint).value
            if not known or not LIMITS.is_progression(min(known), now):
                continue
            growth = percent_text(min(known), now)
            text = f"lesion {course.called(i)} alone grew from {PRODUCTS.text(min(known))} to "
            limit = float(grown_limit(min(known), LIMITS.progression_percent))
            visit.notes.add(
                "one-lesion", f"{text}{PRODUCTS.text(now)} ({growth})", float(now), limit
            )
            found = True
        return found


def _size(course: CourseReadings, lesion_id: int) -> Size:
    """Every lesion with two diameters is measurable."""
    reading = PRODUCTS.read(course, lesion_id, course.baseline_index)
    if not reading.is_known:
        return Size.NOT_MEASURED
    return Size.MEASURABLE if reading.value else Size.NON_MEASURABLE
