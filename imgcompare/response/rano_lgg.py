"""RANO for low-grade glioma: response from products of diameters on T2/FLAIR."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from imgcompare.response.best_overall import MIN_SD_DAYS
from imgcompare.response.rano_measures import ENHANCING, NON_ENHANCING, Metric, two_diameters_size
from imgcompare.response.rano_rules import Part, RanoRules, RanoVisit, Sign
from imgcompare.response.rano_shape import RanoCriterion
from imgcompare.response.readings import T2_FLAIR
from imgcompare.response.t2_flair import gains_no_contrast

RULE = "rano-lgg"


@dataclass(frozen=True, slots=True)
class RanoLgg(RanoCriterion):
    """Response Assessment in Neuro-Oncology, diffuse low-grade glioma.

    Attributes
    ----------
    new_enhancement_mm2 : Decimal
        Smallest enhancing product that is new enhancement, and so progression, in a lesion in
        which nothing enhanced at baseline (house default: 10 by 10 mm).
    most_targets, confirm, min_sd_days
        As in `RanoHgg2010`.
    """

    new_enhancement_mm2: Decimal = Decimal(100)
    most_targets: int = 5
    confirm: bool = True
    min_sd_days: int = MIN_SD_DAYS

    name: ClassVar[str] = "RANO-LGG"
    version: ClassVar[str] = "2011"
    requires: ClassVar[tuple[str, ...]] = (
        "t2_flair bidimensional_product, or longest_diameter and perpendicular_diameter",
        "enhancing bidimensional_product (for new enhancement)",
        "steroid_dose, clinical_status (events; else radiographic only)",
        "new lesions from a reader",
    )
    citations: ClassVar[tuple[str, ...]] = (
        "van den Bent MJ et al. Lancet Oncol 2011;12:583-593. doi:10.1016/S1470-2045(11)70057-2",
    )

    def rules(self) -> RanoRules:
        """Give the rules, by the settings."""
        scales = {Metric.PRODUCT: NON_ENHANCING[Metric.PRODUCT]}
        return RanoRules(
            rule=RULE,
            parts=(Part(scales, two_diameters_size(T2_FLAIR)),),
            most=self.most_targets,
            t2_flair=True,
            more_signs=self._new_enhancement,
        )

    def _new_enhancement(self, visit: RanoVisit) -> Iterator[Sign]:
        """Find lesions that enhance and did not at baseline; small ones are flagged."""
        measure, course = ENHANCING[Metric.PRODUCT].measure, visit.course
        if any(course.is_t2_flair_outline(i, visit.timepoint) for i in visit.visit.choice.targets):
            visit.visit.notes.flags.append("T2_FLAIR_FROM_OUTLINE")
        for i in (*visit.visit.choice.targets, *visit.visit.choice.others):
            before = measure.read(course, i, course.baseline_index)
            now = measure.read(course, i, visit.timepoint)
            if not before.is_known and not gains_no_contrast(course, i, course.baseline_index):
                visit.visit.notes.flags.append("ENHANCEMENT_UNKNOWN")
            elif not before.value and now.value >= self.new_enhancement_mm2:
                said = f"lesion {course.called(i)} enhances ({measure.text(now.value)})"
                text = f"{said}, as it did not at baseline"
                limit = float(self.new_enhancement_mm2)
                yield Sign("new-enhancement", text, float(now.value), limit)
            elif not before.value and now.value:
                visit.visit.notes.flags.append("REVIEW_NEW_ENHANCEMENT")
