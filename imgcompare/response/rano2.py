"""RANO 2.0: gliomas of adults, enhancing, non-enhancing or mixed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from imgcompare.model import Tissue
from imgcompare.response.best_overall import CONFIRMATION_DAYS, MIN_SD_DAYS
from imgcompare.response.exact import grown_limit, percent_text
from imgcompare.response.other_disease import Notes, confirmed_new
from imgcompare.response.rano_measures import (
    ENHANCING,
    MINOR_VOLUME_PERCENT,
    Metric,
    non_enhancing,
    radiotherapy_window,
    size_at,
    two_diameters_size,
)
from imgcompare.response.rano_rules import (
    ConfirmBy,
    Part,
    Policy,
    RanoRules,
    RanoVisit,
    Sign,
)
from imgcompare.response.rano_shape import PostRadiotherapyCriterion
from imgcompare.response.readings import T2_FLAIR, CourseReadings
from imgcompare.response.targets import Size

RULE = "rano-2.0"


class Tumour(StrEnum):
    """What the tumour consists of, which says what is measured."""

    ENHANCING = "enhancing"
    NON_ENHANCING = "non_enhancing"
    MIXED = "mixed"


def parts_of(tumour: Tumour, minor_volume_percent: Decimal) -> tuple[Part, ...]:
    """Give the parts of a tumour that are measured, each with a sum of its own."""
    bright = Part(ENHANCING, two_diameters_size(Tissue.ENHANCING))
    dark = Part(non_enhancing(minor_volume_percent), two_diameters_size(T2_FLAIR))
    parts = {Tumour.ENHANCING: (bright,), Tumour.NON_ENHANCING: (dark,)}
    return parts.get(tumour, (bright, dark))


@dataclass(frozen=True, slots=True)
class Rano2(PostRadiotherapyCriterion):
    """Response Assessment in Neuro-Oncology 2.0.

    Attributes
    ----------
    tumour : Tumour
        ``enhancing``, ``non_enhancing`` (measured on T2/FLAIR, with minor response) or ``mixed``.
    antiangiogenic : bool
        Whether the agent acts on vessels, so that an increase on T2/FLAIR that a reader sees is
        progression of enhancing tumours as well.
    primary_metric : Metric
        ``product`` or ``volume``, where both are known; the other one is reported beside it.
    minor_volume_percent : Decimal
        Loss of T2/FLAIR volume that is a minor response.
    confirm_reference : ConfirmBy
        Whether early progression is confirmed by growth that is still there against the
        ``original`` reference, or by further growth over the ``preliminary`` scan.
    confirm_always : bool
        Whether progression later than 12 weeks after radiotherapy must be confirmed as well, as
        is recommended for agents that often cause pseudoprogression.
    confirmation_days, post_radiotherapy_baseline
        As in `MRano`.
    most_targets : int
        Largest number of target lesions that are proposed.
    confirm, min_sd_days
        As in `RanoHgg2010`.
    """

    tumour: Tumour = Tumour.ENHANCING
    antiangiogenic: bool = False
    primary_metric: Metric = Metric.PRODUCT
    minor_volume_percent: Decimal = MINOR_VOLUME_PERCENT
    confirm_reference: ConfirmBy = ConfirmBy.ORIGINAL
    confirm_always: bool = False
    confirmation_days: int = CONFIRMATION_DAYS
    post_radiotherapy_baseline: bool = True
    most_targets: int = 3
    confirm: bool = True
    min_sd_days: int = MIN_SD_DAYS

    name: ClassVar[str] = "RANO"
    version: ClassVar[str] = "2.0"
    requires: ClassVar[tuple[str, ...]] = (
        "enhancing bidimensional_product, or both diameters, or volume",
        "t2_flair bidimensional_product, or both diameters, or volume (non-enhancing, mixed)",
        "steroid_dose, clinical_status (events; else radiographic only)",
        "radiotherapy_end (events; moves the baseline and opens the window)",
        "new lesions from a reader",
    )
    citations: ClassVar[tuple[str, ...]] = (
        "Wen PY et al. J Clin Oncol 2023;41:5187-5199. doi:10.1200/JCO.23.01059",
    )

    def rules(self) -> RanoRules:
        """Give the rules, by the settings."""
        return RanoRules(
            rule=RULE,
            parts=parts_of(self.tumour, self.minor_volume_percent),
            primary=self.primary_metric,
            most=self.most_targets,
            policy=Policy.ALWAYS if self.confirm_always else Policy.IN_WINDOW,
            confirm_by=self.confirm_reference,
            confirmation_days=self.confirmation_days,
            window=radiotherapy_window,
            field_proves=True,
            t2_flair=self.antiangiogenic or self.tumour is not Tumour.ENHANCING,
            more_signs=grown_non_targets,
            new_lesions_count=measurable_new,
            non_target_by_figures=True,
        )


def measurable_new(course: CourseReadings, timepoint: int, notes: Notes) -> frozenset[int]:
    """Keep the new lesions that are measurable by now; others are followed."""
    found = set()
    for i in confirmed_new(course, timepoint):
        sizes = [
            size_at(course, i, at=timepoint, compartment=part)
            for part in (Tissue.ENHANCING, T2_FLAIR)
        ]
        known = [size for size in sizes if size is not Size.NOT_MEASURED]
        if Size.MEASURABLE in known:
            found.add(i)
        elif known:
            notes.flags.append("NEW_LESION_NOT_MEASURABLE")
        else:
            found.add(i)
            notes.flags.append("NEW_LESION_SIZE_UNKNOWN")
    return frozenset(found)


def grown_non_targets(visit: RanoVisit) -> Iterator[Sign]:
    """Add non-targets that have grown to the targets: progression if the sum has grown enough.

    A non-target progresses by the same percentage as a sum, and one that was not measurable
    must have become so.
    """
    standing, limits = visit.visit.standing, visit.scale.limits
    if standing is None:
        return
    measure, now_sum, low_sum = visit.scale.measure, standing.now.value, standing.nadir
    grown = []
    for i in visit.visit.choice.others:
        before = measure.read(visit.course, i, standing.nadir_at)
        now = measure.read(visit.course, i, visit.timepoint)
        if _has_progressed(visit, i, before.value if before.is_known else Decimal(0), now.value):
            grown.append(i)
            now_sum += now.value
            low_sum += before.value
    if grown and limits.is_progression(low_sum, now_sum):
        change = percent_text(low_sum, now_sum)
        names = visit.course.called(*grown)
        text = f"with non-target lesion {names}, which grew, {measure.text(now_sum)} is {change}"
        limit = float(grown_limit(low_sum, limits.progression_percent))
        yield Sign("grown-non-target", f"{text} against the nadir", float(now_sum), limit)


def _has_progressed(visit: RanoVisit, lesion_id: int, before: Decimal, now: Decimal) -> bool:
    """Whether one non-target has grown enough, and is measurable by now if it was not before."""
    course, tissue = visit.course, visit.scale.measure.pick(visit.course, lesion_id)[0]
    times = (course.baseline_index, visit.timepoint)
    measurable = any(
        size_at(course, lesion_id, at=t, compartment=tissue) is Size.MEASURABLE for t in times
    )
    return measurable and visit.scale.limits.is_progression(before, now)
