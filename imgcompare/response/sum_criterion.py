"""Assesses a course by a criterion that adds up one figure of each target lesion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from imgcompare.model import Assessment, Category, ClinicalEventKind
from imgcompare.response.base import BASELINE_CATEGORY, Criterion, title
from imgcompare.response.best_overall import with_confirmed_responses
from imgcompare.response.other_disease import Notes, has_new_lesion, non_target_status
from imgcompare.response.readings import CourseReadings
from imgcompare.response.sites import is_elsewhere, is_known
from imgcompare.response.sums import (
    Limits,
    Measure,
    Outcome,
    Standing,
    Total,
    judge_sum,
    standings,
    total_at,
)
from imgcompare.response.targets import (
    MAX_TARGETS,
    MAX_TARGETS_PER_ORGAN,
    Choice,
    Size,
    choose_targets,
)

BASELINE_DAYS = 28
"""Longest time between the baseline and the start of treatment."""


OUTSIDE_ITS_ORGAN = "OUTSIDE_ITS_ORGAN"
"""Flag of a criterion whose organ is not that of the lesions."""


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """One later timepoint: what a special rule of a criterion may look at."""

    course: CourseReadings
    choice: Choice
    timepoint: int
    standing: Standing | None
    notes: Notes
    had_cr: bool = False

    def after(self, had_cr: bool) -> Visit:
        """Give the same visit, with whether complete response was reached before."""
        return replace(self, had_cr=had_cr)


@dataclass(frozen=True, slots=True, eq=False)
class SumRules:
    """Rules of a criterion that adds up one figure of each target.

    Attributes
    ----------
    rule : str
        Start of all rule ids.
    measure, limits
        What is added up, and what its changes mean.
    size_of : callable
        What the size of a lesion, by id, allows at baseline.
    most, most_per_organ : int
        Largest numbers of targets that are proposed.
    organ : str
        Organ that the criterion is made for, empty for any.
    organ_only : bool
        Whether lesions of the baseline that lie elsewhere are left out, if some lie in the organ.
    missing_at : callable
        Inputs, in words, that are missing at a timepoint whatever the figures say.
    judge : callable, optional
        Classifies the targets instead of `judge_sum`; it may note reasons and missing inputs.
    also_progression : callable
        Whether a special rule, which it notes, makes the targets progress.
    confirm : bool
        Whether responses ask to be seen again, so that each says whether it was.
    accept_sd : bool
        Whether stable disease between two responses does not keep the one from confirming.
    counts_as_new : callable
        Whether a new lesion, by id, that a reader confirmed is progression at a timepoint.
    review : callable
        Flags of what a reader must look at.
    """

    rule: str
    measure: Measure
    limits: Limits
    size_of: Callable[[CourseReadings, int], Size]
    most: int = MAX_TARGETS
    most_per_organ: int = MAX_TARGETS_PER_ORGAN
    organ: str = ""
    organ_only: bool = False
    confirm: bool = False
    accept_sd: bool = False
    missing_at: Callable[[CourseReadings, int], tuple[str, ...]] = lambda course, t: ()
    judge: Callable[[Visit], Outcome] | None = None
    also_progression: Callable[[Visit], bool] = lambda visit: False
    counts_as_new: Callable[[CourseReadings, int, int], bool] = lambda course, i, t: True
    review: Callable[[Visit], Iterable[str]] = lambda visit: ()

    def named(self, rule: str) -> SumRules:
        """Give the same rules under other rule ids."""
        return replace(self, rule=rule)


def assess_sums(
    criterion: Criterion, course: CourseReadings, rules: SumRules
) -> tuple[Assessment, ...]:
    """Classify every timepoint from the baseline on.

    New lesions and unequivocal progression of non-targets are a reader's to decide: without one
    the category rests on the targets, and each proposed new lesion is a flag and a reason that
    says what the category would be.
    """
    found = tuple(_assess(criterion, within_organ(course, rules), rules))
    if not rules.confirm:
        return found
    return tuple(with_confirmed_responses(course, found, accept_sd=rules.accept_sd))


def within_organ(course: CourseReadings, rules: SumRules) -> CourseReadings:
    """Leave out lesions outside the organ of a criterion; what is new counts wherever it is."""
    if not rules.organ_only:
        return course
    old = [x for x in course.lesions if not course.is_new(x.id)]
    outside = [x.id for x in old if x.nodal or is_elsewhere(x.site, rules.organ)]
    return course if len(outside) == len(old) else course.without(outside)


def overall_response(
    target: Category | None, non_target: Category | None, *, new: bool
) -> Category:
    """Combine targets, non-targets and new lesions (RECIST 1.1 tables 1 and 2).

    Parameters
    ----------
    target : Category or None
        CR, PR, MR, SD, PD or NE; None if there were no targets at baseline.
    non_target : Category or None
        CR, NON_CR_NON_PD, PD or NE; None if there were none at baseline.
    new : bool
        Whether a reader has confirmed a new lesion.
    """
    if new or Category.PD in (target, non_target):
        return Category.PD
    if target is None:
        return Category.NED if non_target is None else non_target
    if target is Category.CR and non_target not in (None, Category.CR):
        return Category.PR
    return target


def _assess(criterion: Criterion, course: CourseReadings, rules: SumRules) -> Iterator[Assessment]:
    choice, total, visits = visits_of(course, rules)
    yield baseline_assessment(criterion, course, choice=choice, total=total, rules=rules)
    had_cr = False
    for visit in visits:
        assessment = _assess_visit(criterion, visit.after(had_cr), rules)
        yield assessment
        had_cr |= assessment.category == Category.CR


def visits_of(course: CourseReadings, rules: SumRules) -> tuple[Choice, Total, list[Visit]]:
    """Choose the targets; add them up at baseline and beside it at every later timepoint."""
    choice = choose_targets(
        course,
        rules.measure,
        lambda i: rules.size_of(course, i),
        rule=rules.rule,
        most=rules.most,
        most_per_organ=rules.most_per_organ,
    )
    missing = (*choice.missing, *rules.missing_at(course, course.baseline_index))
    totals = [
        total_at(course, choice.targets, at=t, measure=rules.measure) for t in range(course.count)
    ]
    totals = [
        replace(total, missing=choice.targets) if rules.missing_at(course, t) else total
        for t, total in enumerate(totals)
    ]
    beside = standings(course, totals) if choice.targets and not missing else {}
    outside = tuple(outside_flags(course, rules.organ))
    visits = [
        Visit(
            course,
            choice,
            t,
            beside.get(t),
            Notes(rules.rule, flags=[*choice.flags, *outside], missing=list(missing)),
        )
        for t in course.later
    ]
    return choice, totals[course.baseline_index], visits


def baseline_assessment(
    criterion: Criterion, course: CourseReadings, *, choice: Choice, total: Total, rules: SumRules
) -> Assessment:
    """Say which lesions were chosen, and what they add up to."""
    notes = Notes(rules.rule, list(choice.reasons))
    value = None if choice.missing else float(total.value)
    if choice.missing:
        notes.add("missing-input", f"missing: {'; '.join(choice.missing)}")
    else:
        text = f"{rules.measure.words} {rules.measure.text(total.value)}"
        notes.add("baseline-sum", text, value)
    return Assessment(
        title(criterion),
        criterion.version,
        course.baseline_index,
        BASELINE_CATEGORY,
        "",
        tuple(notes.reasons),
        (*choice.flags, *_baseline_flags(course), *outside_flags(course, rules.organ)),
        rule_id=notes.reasons[-1].rule_id,
        quantity=rules.measure.words,
        unit=rules.measure.unit,
        value=value,
        missing=choice.missing,
        targets=choice.targets,
    )


def _baseline_flags(course: CourseReadings) -> Iterator[str]:
    """Say if the baseline is older than 4 weeks when treatment starts (RECIST 1.1)."""
    base = course.dates[course.baseline_index]
    kind = ClinicalEventKind.THERAPY_START
    starts = [e.date for e in course.clinical if e.kind is kind and base and e.date >= base]
    if base and starts and (min(starts) - base).days > BASELINE_DAYS:
        yield "BASELINE_OLDER_THAN_4_WEEKS"


def outside_flags(course: CourseReadings, organ: str) -> Iterator[str]:
    """Say if all lesions lie outside the organ that a criterion is made for, or nobody knows."""
    sites = [x.site for x in course.lesions] if organ else []
    if sites and all(is_elsewhere(site, organ) for site in sites):
        yield OUTSIDE_ITS_ORGAN
    elif sites and not any(map(is_known, sites)):
        yield "ORGAN_UNKNOWN"


def judge_targets(visit: Visit, rules: SumRules) -> tuple[Category | None, Outcome | None]:
    """Classify the targets of one timepoint; None where there are none."""
    category, outcome = _judged_targets(visit, rules)
    visit.notes.target = category
    return category, outcome


def _judged_targets(visit: Visit, rules: SumRules) -> tuple[Category | None, Outcome | None]:
    notes = visit.notes
    missing = rules.missing_at(visit.course, visit.timepoint)
    notes.missing.extend(m for m in missing if m not in notes.missing)
    if notes.missing:
        notes.add("missing-input", f"missing: {'; '.join(notes.missing)}")
        return Category.NE, None
    if visit.standing is None:
        return None, None
    if rules.judge is not None:
        outcome = rules.judge(visit)
    else:
        rule = f"{rules.rule}/target"
        outcome = judge_sum(visit.standing, rules.limits, measure=rules.measure, rule=rule)
    notes.reasons.append(outcome.reason)
    if not visit.standing.now.complete:
        notes.missing.extend(
            rules.measure.input_of(visit.course, i, visit.timepoint)
            for i in visit.standing.now.missing
        )
    return outcome.category, outcome


def _assess_visit(criterion: Criterion, visit: Visit, rules: SumRules) -> Assessment:
    course, t, notes = visit.course, visit.timepoint, visit.notes
    target, outcome = judge_targets(visit, rules)
    decisive = notes.reasons[-1].rule_id if notes.reasons else ""
    if target is not Category.PD and rules.also_progression(visit):
        target, decisive = Category.PD, notes.reasons[-1].rule_id
        notes.target = target
    non_target = non_target_status(
        course, visit.choice.others, t, measure=rules.measure, notes=notes
    )
    new = has_new_lesion(course, t, would_be=Category.PD, notes=notes, counts=rules.counts_as_new)
    notes.flags.extend(rules.review(visit))
    category = overall_response(target, non_target, new=new)
    text = f"targets {target or 'none'}, non-targets {non_target or 'none'}, new {_yes(new)}"
    notes.add("overall", f"{text}: {category}")
    if category is not target:
        decisive = notes.reasons[-1].rule_id
    return make_assessment(
        criterion,
        visit,
        category=category,
        measure=rules.measure,
        outcome=outcome,
        decisive=decisive,
    )


def make_assessment(
    criterion: Criterion,
    visit: Visit,
    *,
    category: Category,
    measure: Measure,
    outcome: Outcome | None,
    decisive: str,
    confirmed: bool | None = None,
) -> Assessment:
    """Put together what one timepoint came to."""
    course, notes, standing = visit.course, visit.notes, visit.standing
    reference, at = "", None
    if outcome is not None and outcome.measure is not None:
        measure = outcome.measure
    if outcome is not None and standing is not None:
        at = standing.nadir_at if outcome.against_nadir else course.baseline_index
        reference = f"{'nadir' if outcome.against_nadir else 'baseline'} {course.name(at)}"
    return Assessment(
        title(criterion),
        criterion.version,
        visit.timepoint,
        category.value,
        reference,
        tuple(notes.reasons),
        tuple(dict.fromkeys(notes.flags)),
        confirmed=confirmed,
        rule_id=decisive,
        quantity=measure.words,
        unit=measure.unit,
        value=None if outcome is None else float(outcome.value),
        percent=None if outcome is None else outcome.percent,
        absolute=None if outcome is None else float(outcome.value - outcome.reference),
        reference_index=at,
        missing=tuple(notes.missing) if category is Category.NE else (),
        targets=visit.choice.targets,
        target=(notes.target or "") if visit.choice.targets else "",
        non_target=notes.non_target or "",
        new_lesion=notes.new_lesion,
    )


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"
