"""What RECIST says at each timepoint, before iRECIST asks whether progression is confirmed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from imgcompare.model import Assessment, Category, ReaderFinding
from imgcompare.response.base import Criterion
from imgcompare.response.other_disease import (
    confirmed_new,
    has_new_lesion,
    non_target_status,
)
from imgcompare.response.readings import CourseReadings
from imgcompare.response.recist import DIAMETERS, LIMITS, RECIST_RULES, baseline_size
from imgcompare.response.sum_criterion import (
    Visit,
    baseline_assessment,
    judge_targets,
    overall_response,
    visits_of,
)
from imgcompare.response.sums import Outcome, Total, total_at
from imgcompare.response.targets import MAX_TARGETS, MAX_TARGETS_PER_ORGAN, Size, organ_of


class Driver(StrEnum):
    """Part of the disease that progresses."""

    TARGETS = "targets"
    NON_TARGETS = "non-targets"
    NEW_LESIONS = "new lesions"


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """One timepoint by the rules of RECIST 1.1, with new lesions in a sum of their own.

    Attributes
    ----------
    visit, outcome
        The timepoint with its notes, and what the targets' sum means.
    target, non_target : Category or None
        Status of both, None where there are none.
    new_ids : frozenset of int
        New lesions that a reader has confirmed by now.
    new_target_ids : frozenset of int
        Those of them that are measured: at most five, two per organ.
    new_targets : Total
        Their sum.
    known_new_progress : bool
        Whether those known before have grown by 20 % and 5 mm over their nadir.
    """

    visit: Visit
    outcome: Outcome | None
    target: Category | None
    non_target: Category | None
    new_ids: frozenset[int]
    new_target_ids: frozenset[int]
    new_targets: Total
    known_new_progress: bool

    @property
    def timepoint(self) -> int:
        """Position in the course."""
        return self.visit.timepoint

    @property
    def findings(self) -> frozenset[ReaderFinding]:
        """What a reader saw."""
        return self.visit.course.found(self.timepoint)

    @property
    def target_sum(self) -> Decimal:
        """Sum of the targets."""
        return Decimal(0) if self.visit.standing is None else self.visit.standing.now.value

    @property
    def targets_progress(self) -> Driver | None:
        """Whether the targets progress."""
        return Driver.TARGETS if self.target is Category.PD else None

    @property
    def non_targets_progress(self) -> Driver | None:
        """Whether the non-targets progress."""
        return Driver.NON_TARGETS if self.non_target is Category.PD else None

    @property
    def overall(self) -> Category:
        """Overall response without new lesions."""
        return overall_response(self.target, self.non_target, new=False)

    @property
    def new_lesions_remain(self) -> bool:
        """Whether a new lesion is still there, or was not evaluated."""
        readings = [self.visit.course.size(i, self.timepoint) for i in self.new_ids]
        return any(not r.is_known or r.value > 0 for r in readings)

    def new_sum_of(self, ids: Collection[int]) -> Decimal:
        """Sum of some of the new targets."""
        return total_at(self.visit.course, ids, at=self.timepoint, measure=DIAMETERS).value


def facts_of(
    criterion: Criterion, course: CourseReadings, *, rule: str
) -> tuple[Assessment, list[Facts]]:
    """Assess every timepoint by RECIST 1.1, the baseline and then the later ones."""
    rules = RECIST_RULES.named(rule)
    choice, total, visits = visits_of(course, rules)
    baseline = baseline_assessment(criterion, course, choice=choice, total=total, rules=rules)
    had_cr, facts = False, []
    for visit in visits:
        one = _facts(course, visit.after(had_cr), rules_name=rule)
        facts.append(one)
        had_cr |= one.overall is Category.CR
    return baseline, facts


def _facts(course: CourseReadings, visit: Visit, *, rules_name: str) -> Facts:
    rules, t, notes = RECIST_RULES.named(rules_name), visit.timepoint, visit.notes
    target, outcome = judge_targets(visit, rules)
    non_target = non_target_status(course, visit.choice.others, t, measure=DIAMETERS, notes=notes)
    has_new_lesion(course, t, would_be=Category.IUPD, notes=notes)
    notes.flags.extend(rules.review(visit))
    new_targets = new_targets_at(course, t)
    before = new_targets_at(course, t - 1)
    return Facts(
        visit,
        outcome,
        target,
        non_target,
        frozenset(confirmed_new(course, t)),
        new_targets,
        total_at(course, sorted(new_targets), at=t, measure=DIAMETERS),
        bool(before) and _grew_over_nadir(course, before, t),
    )


def new_targets_at(course: CourseReadings, timepoint: int) -> frozenset[int]:
    """Choose new lesions to measure: by first appearance, then size; five, two per organ."""
    return frozenset(_new_targets(course, timepoint))


def _new_targets(course: CourseReadings, timepoint: int) -> Iterator[int]:
    found = confirmed_new(course, timepoint)
    chosen: Counter[str] = Counter()
    order = sorted(found, key=lambda i: (found[i], -course.size(i, found[i]).value, i))
    for i in order:
        lesion, first = course.by_id[i], course.size(i, found[i])
        size = baseline_size(first.value, nodal=lesion.nodal, slice_mm=course.slice_mm(found[i]))
        organ = organ_of(lesion)
        full = chosen.total() >= MAX_TARGETS or chosen[organ] >= MAX_TARGETS_PER_ORGAN
        if first.is_known and size is Size.MEASURABLE and not full:
            chosen[organ] += 1
            yield i


def _grew_over_nadir(course: CourseReadings, ids: Collection[int], t: int) -> bool:
    """Whether new targets known before have grown by RECIST's limits over their own nadir."""
    found = confirmed_new(course, t)
    since = max(found[i] for i in ids)
    earlier = [total_at(course, ids, at=at, measure=DIAMETERS) for at in range(since, t)]
    known = [total.value for total in earlier if total.complete]
    now = total_at(course, ids, at=t, measure=DIAMETERS)
    return bool(known) and LIMITS.is_progression(min(known), now.value)
