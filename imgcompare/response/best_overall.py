"""Best overall response and date of progression, with and without confirmation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from imgcompare.model import Assessment, Category, CourseResponse, ReaderFinding, Reason
from imgcompare.response.base import Criterion, title
from imgcompare.response.readings import CourseReadings

MIN_SD_DAYS = 42
"""Shortest time from the start after which stable disease counts (protocols say 42 to 56)."""

CONFIRMATION_DAYS = 28
"""Shortest time between a response and the scan that confirms it."""

RESPONSES = (Category.CR, Category.PR, Category.MR)
"""Responses that confirmation may be asked for, best first."""

STABLE_OR_BETTER = (*RESPONSES, Category.SD, Category.NON_CR_NON_PD)
"""Categories that count as stable disease when they are not confirmed."""


@dataclass(frozen=True, slots=True)
class BestRules:
    """How the best overall response is found.

    Attributes
    ----------
    confirm : bool
        Whether responses must be seen again.
    min_sd_days : int
        Shortest time on study for stable disease.
    accept_sd : bool
        Whether PR, SD, PR confirms PR; PR, NE, PR always does.
    confirmation_days : int
        Shortest time between a response and its confirmation.
    """

    confirm: bool = False
    min_sd_days: int = MIN_SD_DAYS
    accept_sd: bool = False
    confirmation_days: int = CONFIRMATION_DAYS


@dataclass(frozen=True, slots=True)
class Seen:
    """A category and when it was seen: timepoint, and days on study (None if unknown)."""

    timepoint: int
    days: int | None
    category: Category
    overcalled: bool = False


@dataclass(frozen=True, slots=True)
class Best:
    """Best overall response, where it was first seen, and whether it was confirmed."""

    category: Category
    timepoint: int | None = None
    confirmed: bool | None = None
    flags: tuple[str, ...] = ()
    text: str = ""


def respond(
    criterion: Criterion,
    course: CourseReadings,
    *,
    assessments: Sequence[Assessment],
    rules: BestRules,
) -> CourseResponse:
    """Sum up a course whose progression is the first timepoint called PD."""
    seen = seen_categories(course, assessments)
    best = best_overall_response(seen, rules)
    progression = next((s.timepoint for s in seen if s.category is Category.PD), None)
    reasons = [Reason("best-overall", best.text)]
    if progression is not None:
        text = f"progression is dated {course.name(progression)}, the first PD"
        reasons.append(Reason("progression-date", text))
    flags = list(best.flags)
    if any(s.days is None for s in seen):
        flags.append("DATES_UNKNOWN")
    return CourseResponse(
        title(criterion),
        criterion.version,
        best.category.value,
        best.timepoint,
        best.confirmed,
        progression,
        None,
        tuple(reasons),
        tuple(dict.fromkeys(flags)),
    )


def seen_categories(course: CourseReadings, assessments: Sequence[Assessment]) -> tuple[Seen, ...]:
    """List the categories after the baseline with their days on study."""
    return tuple(
        Seen(
            a.timepoint_index,
            course.days_on_study(a.timepoint_index),
            Category(a.category),
            ReaderFinding.CR_OVERCALLED in course.found(a.timepoint_index),
        )
        for a in assessments
        if a.timepoint_index > course.baseline_index
    )


def with_confirmed_responses(
    course: CourseReadings, steps: Sequence[Assessment], *, accept_sd: bool = False
) -> Iterator[Assessment]:
    """Say of each response whether another scan in time bore it out."""
    for k, one in enumerate(steps):
        if one.category in RESPONSES:
            yield replace(one, confirmed=is_repeated(course, steps, of=k, accept_sd=accept_sd))
        else:
            yield one


def is_repeated(
    course: CourseReadings, steps: Sequence[Assessment], *, of: int, accept_sd: bool = False
) -> bool | None:
    """Whether a response is seen at least 28 days apart with nothing worse in between.

    None if that hangs on dates that are not known. NE in between is passed over, and SD if
    ``accept_sd``.
    """
    k, rank = of, RESPONSES.index(Category(steps[of].category))
    as_good = {c.value for c in RESPONSES[: rank + 1]}
    passed = {Category.NE.value, *([Category.SD.value] if accept_sd else [])}
    unsure = False
    for direction in (range(k + 1, len(steps)), range(k - 1, -1, -1)):
        for j in direction:
            if steps[j].category in passed:
                continue
            if steps[j].category not in as_good:
                break
            first, second = sorted((steps[k].timepoint_index, steps[j].timepoint_index))
            days = course.days(first, second)
            if days is None:
                unsure = True
            elif days >= CONFIRMATION_DAYS:
                return True
    return None if unsure else False


def best_overall_response(seen: Sequence[Seen], rules: BestRules) -> Best:
    """Best response from the start to the first progression.

    Parameters
    ----------
    seen : sequence of Seen
        In order of time.
    rules : BestRules

    Notes
    -----
    With confirmation, a complete response that is followed by less is taken as real: what comes
    back is progression, and the best response is SD if the complete response came late enough,
    else PD. If a reader says that it was overcalled, it counts as PR instead.

    References
    ----------
    Eisenhauer 2009, 10.1016/j.ejca.2008.10.026, table 3.
    """
    until, flags = _until_progression(seen, rules)
    for best in RESPONSES:
        found = next((s for s in until if s.category is best), None)
        if found is None:
            continue
        if not rules.confirm:
            return Best(best, found.timepoint, None, flags, f"{best} was the best before any PD")
        first, unsure = _first_confirmed(until, best, rules)
        if unsure:
            flags = (*flags, "CONFIRMATION_INTERVAL_UNKNOWN")
        if first is not None:
            return Best(best, first.timepoint, True, flags, f"{best}, confirmed in time")
    return _without_response(until, rules, flags)


def _until_progression(
    seen: Sequence[Seen], rules: BestRules
) -> tuple[list[Seen], tuple[str, ...]]:
    """Cut the course at the first progression, or at less after a complete response."""
    until: list[Seen] = []
    flags: tuple[str, ...] = ()
    real_cr = False
    for one in seen:
        category = one.category
        if rules.confirm and category is Category.CR and one.overcalled:
            category = Category.PR
        if rules.confirm and real_cr and category in STABLE_OR_BETTER[1:]:
            category, flags = Category.PD, ("REVIEW_CR_THEN_LESS",)
        real_cr |= category is Category.CR
        until.append(Seen(one.timepoint, one.days, category))
        if category is Category.PD:
            break
    return until, flags


def _first_confirmed(
    seen: Sequence[Seen], best: Category, rules: BestRules
) -> tuple[Seen | None, bool]:
    """First response seen again in time with nothing worse in between; and whether days lack."""
    same_or_better = RESPONSES[: RESPONSES.index(best) + 1]
    bridged = {Category.NE, *same_or_better, *((Category.SD,) if rules.accept_sd else ())}
    unsure = False
    for i, first in enumerate(seen):
        if first.category is not best:
            continue
        for later in seen[i + 1 :]:
            if later.category not in bridged:
                break
            if later.category not in same_or_better:
                continue
            if first.days is None or later.days is None:
                unsure = True
            elif later.days - first.days >= rules.confirmation_days:
                return first, unsure
    return None, unsure


def _without_response(seen: Sequence[Seen], rules: BestRules, flags: tuple[str, ...]) -> Best:
    """Stable disease if it was seen late enough, else progression or not evaluable."""
    stable = [s for s in seen if s.category in STABLE_OR_BETTER]
    late = [s for s in stable if s.days is not None and s.days >= rules.min_sd_days]
    if late:
        only_non_target = all(s.category is Category.NON_CR_NON_PD for s in stable)
        best = Category.NON_CR_NON_PD if only_non_target else Category.SD
        text = f"stable {late[0].days} days on study (at least {rules.min_sd_days})"
        unconfirmed = False if any(s.category in RESPONSES for s in stable) else None
        return Best(best, late[0].timepoint, unconfirmed, flags, text)
    if any(s.days is None for s in stable):
        flags = (*flags, "TIME_ON_STUDY_UNKNOWN")
    if seen and seen[-1].category is Category.PD:
        text = f"progression before {rules.min_sd_days} days of stable disease"
        return Best(Category.PD, seen[-1].timepoint, None, flags, text)
    if seen and all(s.category is Category.NED for s in seen):
        return Best(Category.NED, None, None, flags, "no disease at any time")
    return Best(Category.NE, None, None, flags, "nothing seen long enough to count")
