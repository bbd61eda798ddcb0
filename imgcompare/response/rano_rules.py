"""What a criterion of the RANO family is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from imgcompare.model import Category
from imgcompare.response.best_overall import CONFIRMATION_DAYS
from imgcompare.response.other_disease import Notes, confirmed_new
from imgcompare.response.rano_measures import Metric, Scale, Window, choose_scale
from imgcompare.response.readings import CourseReadings
from imgcompare.response.sum_criterion import Visit
from imgcompare.response.sums import Outcome, Total, total_at
from imgcompare.response.targets import MAX_TARGETS, Choice, Size, choose_targets


class Policy(StrEnum):
    """When progression must be confirmed by a later scan."""

    NEVER = "never"
    WAIT_IN_WINDOW = "wait_in_window"
    """Within the window there is no progression, but a recheck (RANO 2010)."""
    IN_WINDOW = "in_window"
    ALWAYS = "always"


class ConfirmBy(StrEnum):
    """What a later scan must show to confirm progression."""

    PRELIMINARY = "preliminary"
    """Further growth by the same percentage over the scan that raised the question."""
    ORIGINAL = "original"
    """Growth that is still there against the original reference."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign of progression; ``at_once`` if it needs neither window nor confirmation."""

    rule: str
    text: str
    value: float | None = None
    threshold: float | None = None
    at_once: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of the tumour with a sum of its own: enhancing, or T2/FLAIR."""

    scales: Mapping[Metric, Scale]
    size_of: Callable[[CourseReadings, int], Size]


@dataclass(frozen=True, slots=True, eq=False)
class RanoVisit:
    """One timepoint with its scale: what a special rule may look at."""

    visit: Visit
    scale: Scale

    @property
    def course(self) -> CourseReadings:
        """All readings."""
        return self.visit.course

    @property
    def timepoint(self) -> int:
        """Position in the course."""
        return self.visit.timepoint


@dataclass(frozen=True, slots=True, eq=False)
class RanoRules:
    """Rules of one criterion of the RANO family.

    Attributes
    ----------
    rule : str
        Start of all rule ids.
    parts : tuple of Part
        What is added up; more than one for mixed tumours.
    primary : Metric
        Products or volumes, where both are known.
    most : int
        Largest number of targets that are proposed.
    policy, confirm_by, confirmation_days
        Whether, how and after how many days progression is confirmed.
    window : callable
        Where a scan lies with respect to the time in which treatment may look like growth.
    t2_flair : bool
        Whether a significant increase on T2/FLAIR, which a reader sees, is progression.
    can_vanish : bool
        Whether non-measurable disease that is gone is a complete response.
    field_proves : bool
        Whether growth outside the high-dose field, by a reader, needs no waiting.
    more_signs : callable
        Further signs of progression.
    new_lesions_count : callable
        Which of the new lesions that a reader confirmed are progression.
    non_target_by_figures : bool
        Whether a reader's progression of non-targets counts only where none of them is measured.
    missing : tuple of str
        Inputs that are missing whatever the figures say.
    judge : callable, optional
        Classifies a sum instead of `judge_sum`.
    """

    rule: str
    parts: tuple[Part, ...]
    primary: Metric = Metric.PRODUCT
    most: int = MAX_TARGETS
    policy: Policy = Policy.NEVER
    confirm_by: ConfirmBy = ConfirmBy.PRELIMINARY
    confirmation_days: int = CONFIRMATION_DAYS
    window: Callable[[CourseReadings, int], Window] = lambda course, t: Window.OUTSIDE
    t2_flair: bool = False
    can_vanish: bool = True
    field_proves: bool = False
    more_signs: Callable[[RanoVisit], Iterable[Sign]] = lambda visit: ()
    new_lesions_count: Callable[[CourseReadings, int, Notes], frozenset[int]] = (
        lambda course, t, notes: frozenset(confirmed_new(course, t))
    )
    non_target_by_figures: bool = False
    missing: tuple[str, ...] = ()
    judge: Callable[[Visit, Scale, str], Outcome] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PartCourse:
    """One part with its targets and its sum at every timepoint."""

    scale: Scale
    other: Scale | None
    choice: Choice
    totals: tuple[Total, ...]

    @property
    def is_usable(self) -> bool:
        """Whether it has targets whose baseline is known."""
        return bool(self.choice.targets) and not self.choice.missing


def part_course(course: CourseReadings, part: Part, rules: RanoRules) -> PartCourse:
    """Choose the targets of one part and add them up at every timepoint."""
    scale, other = choose_scale(course, part.scales, rules.primary)
    choice = choose_targets(
        course,
        scale.measure,
        lambda i: part.size_of(course, i),
        rule=rules.rule,
        most=rules.most,
        most_per_organ=rules.most,
        by_organ=False,
    )
    totals = tuple(
        total_at(course, choice.targets, at=t, measure=scale.measure) for t in range(course.count)
    )
    return PartCourse(scale, other, choice, totals)


def combine_parts(found: Sequence[Category]) -> Category | None:
    """Combine the parts of a mixed tumour: PD wins, then NE; CR yields; MR over PR.

    Wen 2023 leaves PR with MR open; it is taken as MR, the lesser response.
    """
    if not found:
        return None
    if Category.PD in found:
        return Category.PD
    if Category.NE in found:
        return Category.NE
    rest = set(found) - {Category.CR}
    if not rest:
        return Category.CR
    responses = rest & {Category.PR, Category.MR}
    if not responses:
        return Category.SD
    return Category.MR if Category.MR in responses else Category.PR
