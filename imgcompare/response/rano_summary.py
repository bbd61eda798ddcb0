"""Which responses and progressions of a RANO course were confirmed, and its best response."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from imgcompare.model import Assessment, Category, CourseResponse, ReaderFinding, Reason
from imgcompare.response.base import Criterion, title
from imgcompare.response.best_overall import (
    RESPONSES,
    BestRules,
    Seen,
    best_overall_response,
    is_repeated,
)
from imgcompare.response.readings import CourseReadings


def with_confirmation(course: CourseReadings, steps: Sequence[Assessment]) -> Iterator[Assessment]:
    """Say of each response and preliminary progression whether another scan bore it out."""
    for k, one in enumerate(steps):
        if one.category == Category.PRE_PD:
            after = (s for s in steps[k + 1 :])
            end = next((s for s in after if s.category not in (Category.PRE_PD, Category.NE)), None)
            is_pd = end is not None and end.category == Category.PD and bool(end.confirmed)
            yield replace(one, confirmed=is_pd)
        elif one.category in RESPONSES:
            yield replace(one, confirmed=is_repeated(course, steps, of=k))
        else:
            yield one


def summarise_rano(
    criterion: Criterion,
    course: CourseReadings,
    *,
    assessments: Sequence[Assessment],
    rules: BestRules,
) -> CourseResponse:
    """Best overall response, and progression dated by its first sign.

    Preliminary progression that was not confirmed counts as stable disease, and as not evaluable
    while it waits for confirmation.
    """
    later = [a for a in assessments if a.timepoint_index > course.baseline_index]
    later = [a for a in later if a.category != Category.BASELINE]
    seen = [
        Seen(
            a.timepoint_index,
            course.days_on_study(a.timepoint_index),
            _as_seen(later, k),
            ReaderFinding.CR_OVERCALLED in course.found(a.timepoint_index),
        )
        for k, a in enumerate(later)
    ]
    best = best_overall_response(seen, rules)
    start, confirmed = _progression(later)
    category, at = best.category, best.timepoint
    if category is Category.NE and start is not None and confirmed is False:
        category, at = Category.PRE_PD, start
    reasons = [Reason("best-overall", best.text)]
    if start is not None:
        how = {True: "confirmed later", False: "not confirmed yet", None: "no confirmation asked"}
        text = f"progression is dated {course.name(start)}, {how[confirmed]}"
        reasons.append(Reason("progression-date", text))
    return CourseResponse(
        title(criterion),
        criterion.version,
        category.value,
        at,
        best.confirmed,
        start,
        confirmed,
        tuple(reasons),
        best.flags,
    )


def _as_seen(later: Sequence[Assessment], k: int) -> Category:
    """Category that counts for the best response."""
    category = Category(later[k].category)
    if category is not Category.PRE_PD:
        return category
    if later[k].confirmed:
        return Category.PD
    rest = {a.category for a in later[k + 1 :]} - {Category.NE.value, Category.PRE_PD.value}
    return Category.SD if rest else Category.NE


def _progression(later: Sequence[Assessment]) -> tuple[int | None, bool | None]:
    """Timepoint that dates progression, and whether it was confirmed."""
    start: int | None = None
    for one in later:
        if one.category == Category.PRE_PD:
            start = one.timepoint_index if start is None else start
        elif one.category == Category.PD:
            is_first = start is None or not one.confirmed
            return (one.timepoint_index if is_first else start), one.confirmed
        elif one.category != Category.NE:
            start = None
    return start, None if start is None else False
