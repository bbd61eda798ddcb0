"""RANO for brain metastases: response from the longest diameters within the brain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import ClassVar

from imgcompare.model import (
    WHOLE,
    Assessment,
    Category,
    ClinicalEventKind,
)
from imgcompare.response.best_overall import MIN_SD_DAYS
from imgcompare.response.exact import has_shrunk, percent_text
from imgcompare.response.other_disease import Notes, confirmed_new
from imgcompare.response.rano_measures import Metric, Scale
from imgcompare.response.rano_rules import Part, RanoRules, RanoVisit, Sign
from imgcompare.response.rano_shape import RanoCriterion
from imgcompare.response.rano_walk import assess_rano
from imgcompare.response.readings import LONGEST, PERPENDICULAR, VOLUME, CourseReadings
from imgcompare.response.recist import thick_slice_minimum
from imgcompare.response.sites import BRAIN, is_elsewhere
from imgcompare.response.sum_criterion import Visit
from imgcompare.response.sums import Limits, Outcome, judge_sum, same_figure
from imgcompare.response.targets import Size

MEASURABLE_MM, MEASURABLE_ACROSS_MM = Decimal(10), Decimal(5)
"""Longest and perpendicular diameter of a measurable metastasis."""

SMALL_MM, SMALL_SLICE_MM = Decimal(5), Decimal("1.5")
"""Where a protocol allows it, lesions from 5 mm on slices up to 1.5 mm are measurable."""

ONE_LESION_MM = Decimal(5)
"""Growth that at least one lesion must show for progression."""

VOLUME_PERCENT = Decimal(65)
"""Decrease of the volume that is an exploratory partial response."""

DIAMETERS = same_figure(
    "sum of longest diameters in the brain", "mm", compartment=WHOLE, quantity=LONGEST
)
LIMITS = Limits(response_percent=Decimal(30), progression_percent=Decimal(20))
RULE = "rano-bm"


@dataclass(frozen=True, slots=True)
class RanoBm(RanoCriterion):
    """Response Assessment in Neuro-Oncology, brain metastases.

    Attributes
    ----------
    small_targets : bool
        Whether lesions from 5 mm may be targets on slices of at most 1.5 mm.
    most_targets : int
        Largest number of target lesions that are proposed.
    confirm, min_sd_days
        As in `RanoHgg2010`.
    """

    small_targets: bool = False
    most_targets: int = 5
    confirm: bool = True
    min_sd_days: int = MIN_SD_DAYS

    name: ClassVar[str] = "RANO-BM"
    version: ClassVar[str] = "2015"
    requires: ClassVar[tuple[str, ...]] = (
        "whole longest_diameter and perpendicular_diameter of lesions in the brain",
        "steroid_dose, clinical_status (events; else radiographic only)",
        "new lesions and status of the non-targets from a reader",
    )
    citations: ClassVar[tuple[str, ...]] = (
        "Lin NU et al. Lancet Oncol 2015;16:e270-e278. doi:10.1016/S1470-2045(15)70057-4",
    )

    def rules(self) -> RanoRules:
        """Give the rules, by the settings."""
        return RanoRules(
            rule=RULE,
            parts=(Part({Metric.PRODUCT: Scale(DIAMETERS, LIMITS)}, self._size),),
            most=self.most_targets,
            t2_flair=True,
            new_lesions_count=_new_lesions,
            more_signs=_exploratory_volume,
            judge=_judge,
        )

    def assess(self, course: CourseReadings) -> tuple[Assessment, ...]:
        """Classify every timepoint from the baseline on, by the lesions in the brain alone."""
        inside, rules = brain_only(course), self.rules()
        if course.lesions and not inside.lesions:
            rules = replace(rules, missing=("a lesion in the brain",))
        return assess_rano(self, inside, rules)

    def _size(self, course: CourseReadings, lesion_id: int) -> Size:
        """Classify a lesion at baseline by both diameters, if both are known."""
        base = course.baseline_index
        long, across = (course.number(lesion_id, base, q) for q in (LONGEST, PERPENDICULAR))
        if long is None:
            return Size.NOT_MEASURED
        slice_mm = course.slice_mm(base)
        needed, needed_across = MEASURABLE_MM, MEASURABLE_ACROSS_MM
        if self.small_targets and slice_mm is not None and slice_mm <= SMALL_SLICE_MM:
            needed = needed_across = SMALL_MM
        wide = across is None or across >= needed_across
        is_measurable = wide and long >= thick_slice_minimum(needed, slice_mm)
        return Size.MEASURABLE if is_measurable else Size.NON_MEASURABLE


def brain_only(course: CourseReadings) -> CourseReadings:
    """Leave out nodes and lesions of a site that is known and not in the brain."""
    return course.without(
        i for i, x in course.by_id.items() if x.nodal or is_elsewhere(x.site, BRAIN)
    )


def _judge(visit: Visit, scale: Scale, rule: str) -> Outcome:
    """Judge the sum as RECIST does; progression also needs one lesion that grew by 5 mm."""
    assert visit.standing is not None
    standing, course = visit.standing, visit.course
    outcome = judge_sum(standing, scale.limits, measure=scale.measure, rule=rule)
    if outcome.category is not Category.PD:
        return outcome
    growth = {}
    for i in visit.choice.targets:
        before = scale.measure.read(course, i, standing.nadir_at).value
        growth[i] = scale.measure.read(course, i, visit.timepoint).value - before
    most = max(growth, key=lambda i: (growth[i], -i))
    text = f"lesion {course.called(most)} grew most, by {scale.measure.text(growth[most])}"
    limit = float(ONE_LESION_MM)
    if growth[most] >= ONE_LESION_MM:
        visit.notes.add("one-lesion", f"{text}: at least +5 mm", float(growth[most]), limit)
        return outcome
    visit.notes.add("one-lesion", f"{text}: less than +5 mm", float(growth[most]), limit)
    return judge_sum(standing, scale.limits, measure=scale.measure, rule=rule, may_progress=False)


def _new_lesions(course: CourseReadings, timepoint: int, notes: Notes) -> frozenset[int]:
    """Count new lesions, but not alone under immunotherapy, where they are flagged."""
    found = frozenset(confirmed_new(course, timepoint))
    days = course.days_since(ClinicalEventKind.IMMUNOTHERAPY_START, timepoint)
    if found and days is not None:
        notes.flags.append("NEW_LESION_UNDER_IMMUNOTHERAPY")
        text = "new lesions alone are not progression under immunotherapy"
        notes.add("new-lesion-immunotherapy", text)
        return frozenset()
    return found


def _exploratory_volume(visit: RanoVisit) -> Iterator[Sign]:
    """Note a decrease of the volume by 65 %; it is exploratory and decides nothing."""
    course, targets = visit.course, visit.visit.choice.targets

    def total(t: int) -> Decimal | None:
        readings = [course.read(i, t, VOLUME) for i in targets]
        known = all(r.is_known for r in readings)
        return sum((r.value for r in readings), Decimal(0)) if known else None

    base, now = total(course.baseline_index), total(visit.timepoint)
    if base and now is not None and has_shrunk(base, now, VOLUME_PERCENT):
        change = percent_text(base, now)
        text = f"volume {change} against the baseline: exploratory partial response"
        visit.visit.notes.add("volume", text, float(now))
    yield from ()
