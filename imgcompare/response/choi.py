"""Choi and modified Choi: response from size and attenuation on contrast-enhanced CT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar

from imgcompare.model import (
    WHOLE,
    Category,
    LesionState,
    ReaderFinding,
    Reason,
    Role,
)
from imgcompare.response.best_overall import MIN_SD_DAYS
from imgcompare.response.exact import has_grown, percent_text
from imgcompare.response.mrecist import CT_ROLES
from imgcompare.response.readings import MEAN_HU, PRODUCT, CourseReadings
from imgcompare.response.recist import DIAMETERS, recist_size
from imgcompare.response.shapes import SumCriterion
from imgcompare.response.sum_criterion import SumRules, Visit
from imgcompare.response.sums import Limits, Outcome, Standing, same_figure

SIZE_PERCENT = Decimal(10)
"""Change of the sum of diameters that is a response or, upwards, progression."""

ATTENUATION_PERCENT = 15
"""Decrease of the mean attenuation that is a response."""

LIMITS = Limits(response_percent=SIZE_PERCENT, progression_percent=SIZE_PERCENT)

ATTENUATION = same_figure("mean attenuation", "HU", compartment=WHOLE, quantity=MEAN_HU)


class ProgressionReference(StrEnum):
    """What growth is compared with."""

    BASELINE = "baseline"
    NADIR = "nadir"


@dataclass(frozen=True, slots=True)
class Choi(SumCriterion):
    """Choi criteria: smaller by 10 % or less dense by 15 % is a response.

    Attributes
    ----------
    progression_reference : ProgressionReference
        ``baseline`` as published, or ``nadir``.
    area_weighted : bool
        Whether the mean attenuation weighs lesions by the product of their diameters.
    min_sd_days, confirm
        As in RECIST 1.1.
    """

    progression_reference: ProgressionReference = ProgressionReference.BASELINE
    area_weighted: bool = False
    min_sd_days: int = MIN_SD_DAYS
    confirm: bool = False

    name: ClassVar[str] = "Choi"
    version: ClassVar[str] = "2007"
    requires: ClassVar[tuple[str, ...]] = (
        "whole longest_diameter",
        "whole short_axis (nodes)",
        "whole mean_intensity in HU (portal-venous CT, same phase and kVp)",
    )
    citations: ClassVar[tuple[str, ...]] = (
        "Choi H et al. J Clin Oncol 2007;25:1753-1759. doi:10.1200/JCO.2006.07.3049",
    )

    def rules(self) -> SumRules:
        """Give the rules, by the settings."""
        return _rules(_Rule("choi", needs_both=False, criterion=self))


@dataclass(frozen=True, slots=True)
class ModifiedChoi(SumCriterion):
    """Modified Choi criteria: a response is both smaller by 10 % and less dense by 15 %.

    The attributes are those of `Choi`.
    """

    progression_reference: ProgressionReference = ProgressionReference.BASELINE
    area_weighted: bool = False
    min_sd_days: int = MIN_SD_DAYS
    confirm: bool = False

    name: ClassVar[str] = "modified Choi"
    version: ClassVar[str] = "2010"
    requires: ClassVar[tuple[str, ...]] = Choi.requires
    citations: ClassVar[tuple[str, ...]] = (
        "Nathan PD et al. Cancer Biol Ther 2010;9:15-19",
        *Choi.citations,
    )

    def rules(self) -> SumRules:
        """Give the rules, by the settings."""
        return _rules(_Rule("modified-choi", needs_both=True, criterion=self))


@dataclass(frozen=True, slots=True)
class _Rule:
    """One of the two criteria with its settings."""

    name: str
    needs_both: bool
    criterion: Choi | ModifiedChoi

    def category(self, standing: Standing, *, less_dense: bool) -> Category:
        """Category of the targets, given whether they are less dense by 15 %."""
        now, base = standing.now.value, standing.baseline
        if standing.now.complete and standing.now.gone:
            return Category.CR
        smaller = LIMITS.is_response(base, now)
        responds = smaller and less_dense if self.needs_both else smaller or less_dense
        if has_grown(self.reference_of(standing), now, SIZE_PERCENT) and not less_dense:
            return Category.PD
        if not standing.now.complete:
            return Category.NE
        return Category.PR if responds else Category.SD

    def reference_of(self, standing: Standing) -> Decimal:
        """Sum that growth is compared with."""
        by_nadir = self.criterion.progression_reference is ProgressionReference.NADIR
        return standing.nadir if by_nadir else standing.baseline


def _rules(rule: _Rule) -> SumRules:
    return SumRules(
        rule.name,
        DIAMETERS,
        LIMITS,
        recist_size,
        judge=lambda visit: _judge(visit, rule),
        also_progression=_has_nodule,
        confirm=rule.criterion.confirm,
        review=_review,
    )


def _judge(visit: Visit, rule: _Rule) -> Outcome:
    """Classify size and attenuation together; NE only if the answer hangs on what is missing."""
    assert visit.standing is not None
    standing, notes, course = visit.standing, visit.notes, visit.course
    base, now = (
        mean_attenuation(
            course, visit.choice.targets, at=t, area_weighted=rule.criterion.area_weighted
        )
        for t in (course.baseline_index, visit.timepoint)
    )
    if base is not None and base > 0 and now is not None:
        less_dense = 100 * (base - now) >= ATTENUATION_PERCENT * base
        change = f"{100 * float(now / base - 1):+.1f} %"
        limit = float(base) * (100 - ATTENUATION_PERCENT) / 100
        words = f"{float(now):.1f} HU is {change} against the baseline {float(base):.1f} HU"
        notes.add("attenuation", f"mean attenuation {words}", float(now), limit)
        category = rule.category(standing, less_dense=less_dense)
        density = f"attenuation {change}"
        smaller = LIMITS.is_response(standing.baseline, standing.now.value)
        if category is Category.PR and not smaller:
            return _by_attenuation(standing, rule, base=base, now=now, words=words, limit=limit)
    else:
        either = {rule.category(standing, less_dense=answer) for answer in (False, True)}
        category = either.pop() if len(either) == 1 else Category.NE
        density = "attenuation unknown"
        notes.missing.extend(_missing_attenuation(visit, base))
    return _outcome(standing, category, rule, density)


def _outcome(standing: Standing, category: Category, rule: _Rule, density: str) -> Outcome:
    """Say what decided, with the sum of diameters as the figure."""
    now, progresses = standing.now.value, category is Category.PD
    reference = rule.reference_of(standing) if progresses else standing.baseline
    by_nadir = rule.criterion.progression_reference is ProgressionReference.NADIR
    against_nadir = progresses and by_nadir
    text = (
        f"{DIAMETERS.words} {DIAMETERS.text(now)} is {percent_text(reference, now)} against the "
        f"{'nadir' if against_nadir else 'baseline'} {DIAMETERS.text(reference)}, {density}"
    )
    percent = {Category.PD: SIZE_PERCENT, Category.PR: -SIZE_PERCENT}.get(category)
    limit = None if percent is None else float(reference * (100 + percent) / 100)
    reason = Reason(f"{rule.name}/target-{category.lower()}", text, float(now), limit)
    return Outcome(category, reason, against_nadir, reference, now)


def _by_attenuation(
    standing: Standing, rule: _Rule, *, base: Fraction, now: Fraction, words: str, limit: float
) -> Outcome:
    """Say that the attenuation alone is the response, with it as the figure."""
    size = percent_text(standing.baseline, standing.now.value)
    text = (
        f"mean attenuation {words}: at least -{ATTENUATION_PERCENT} %; "
        f"{DIAMETERS.words} {DIAMETERS.text(standing.now.value)} is {size}"
    )
    reason = Reason(f"{rule.name}/target-pr", text, float(now), limit)
    then, since = (Decimal(hu.numerator) / Decimal(hu.denominator) for hu in (base, now))
    return Outcome(
        Category.PR, reason, against_nadir=False, reference=then, value=since, measure=ATTENUATION
    )


def mean_attenuation(
    course: CourseReadings, targets: Sequence[int], *, at: int, area_weighted: bool
) -> Fraction | None:
    """Mean over the lesions that are there of their mean attenuation, HU; None if one is missing.

    A lesion that is gone has no attenuation and is left out. A third of a sum is no decimal: a
    fraction keeps the limit exact.
    """
    total = weights = Decimal(0)
    for i in targets:
        if DIAMETERS.read(course, i, at).state in (LesionState.ABSENT, LesionState.MERGED):
            continue
        mean = course.number(i, at, MEAN_HU)
        area = course.number(i, at, PRODUCT) if area_weighted else Decimal(1)
        if mean is None or area is None:
            return None
        total, weights = total + mean * area, weights + area
    return Fraction(total) / Fraction(weights) if weights else None


def _missing_attenuation(visit: Visit, base: Fraction | None) -> Iterator[str]:
    """Name what the attenuation lacks."""
    course = visit.course
    if base is not None and base <= 0:
        yield f"an attenuation above 0 HU at {course.name(course.baseline_index)}"
        return
    at = course.baseline_index if base is None else visit.timepoint
    yield f"{WHOLE} mean intensity in HU of every target at {course.name(at)}"


def _has_nodule(visit: Visit) -> bool:
    """Whether a nodule is new or growing inside a lesion: progression, whatever the figures."""
    if ReaderFinding.INTRATUMOURAL_NODULE not in visit.course.found(visit.timepoint):
        return False
    visit.notes.add("nodule", "a new or growing nodule inside a lesion, by the reader")
    return True


def _review(visit: Visit) -> Iterator[str]:
    """Say where the attenuation is not that of the portal-venous phase."""
    roles = visit.course.roles[visit.timepoint] if visit.course.roles else frozenset()
    if roles & CT_ROLES and Role.CT_PORTAL not in roles:
        yield "PHASE_NOT_PORTAL"
