"""EASL: response from the products of diameters of the enhancing part of liver lesions."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from imgcompare.model import LesionState, Tissue
from imgcompare.response.best_overall import MIN_SD_DAYS
from imgcompare.response.exact import number_text
from imgcompare.response.readings import PRODUCT, CourseReadings
from imgcompare.response.shapes import SumCriterion
from imgcompare.response.sites import LIVER
from imgcompare.response.sum_criterion import SumRules, Visit
from imgcompare.response.sums import Limits, same_figure
from imgcompare.response.targets import Size

ENHANCING_PRODUCTS = same_figure(
    "sum of enhancing products", "mm2", compartment=Tissue.ENHANCING, quantity=PRODUCT
)
RULE = "easl"


@dataclass(frozen=True, slots=True)
class Easl(SumCriterion):
    """Criteria of the European Association for the Study of the Liver.

    Attributes
    ----------
    progression_above : bool
        Whether progression needs more than +25 %, as some tables print, not at least.
    new_enhancement_mm2 : Decimal
        Smallest enhancing product that is new enhancement in a treated lesion, in which nothing
        enhanced any more, and so progression (house default: 10 by 10 mm).
    min_sd_days, confirm
        As in RECIST 1.1.
    """

    progression_above: bool = False
    new_enhancement_mm2: Decimal = Decimal(100)
    min_sd_days: int = MIN_SD_DAYS
    confirm: bool = False

    name: ClassVar[str] = "EASL"
    version: ClassVar[str] = "2001"
    requires: ClassVar[tuple[str, ...]] = (
        "enhancing bidimensional_product, or longest_diameter and perpendicular_diameter",
    )
    citations: ClassVar[tuple[str, ...]] = (
        "Bruix J et al. J Hepatol 2001;35:421-430. doi:10.1016/S0168-8278(01)00130-1",
    )

    def rules(self) -> SumRules:
        """Give the rules, by the settings."""
        limits = Limits(Decimal(50), Decimal(25), progression_above=self.progression_above)
        return SumRules(
            RULE,
            ENHANCING_PRODUCTS,
            limits,
            _size,
            organ=LIVER,
            organ_only=True,
            confirm=self.confirm,
            also_progression=self._has_new_enhancement,
        )

    def _has_new_enhancement(self, visit: Visit) -> bool:
        """Whether a lesion enhances again in which nothing enhanced; small ones are flagged."""
        course, found = visit.course, False
        for i in visit.choice.targets:
            earlier = range(course.baseline_index + 1, visit.timepoint)
            was_gone = any(
                ENHANCING_PRODUCTS.read(course, i, t).state is LesionState.ABSENT for t in earlier
            )
            now = ENHANCING_PRODUCTS.read(course, i, visit.timepoint).value
            if not was_gone or not now:
                continue
            if now < self.new_enhancement_mm2:
                visit.notes.flags.append("REVIEW_NEW_ENHANCEMENT")
                continue
            name = course.called(i)
            text = f"lesion {name} enhances again ({number_text(now)} mm2) after it had not"
            visit.notes.add("new-enhancement", text, float(now), float(self.new_enhancement_mm2))
            found = True
        return found


def _size(course: CourseReadings, lesion_id: int) -> Size:
    """Every lesion in which something enhances is measured."""
    reading = ENHANCING_PRODUCTS.read(course, lesion_id, course.baseline_index)
    if not reading.is_known:
        return Size.NOT_MEASURED
    return Size.MEASURABLE if reading.value else Size.NON_MEASURABLE
