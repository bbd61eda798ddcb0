"""Takes the scan after radiotherapy as baseline, as mRANO and RANO 2.0 do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from imgcompare.model import Assessment, Category, ClinicalEventKind, LesionRole, Reason
from imgcompare.response.base import Criterion, title
from imgcompare.response.readings import CourseReadings

FIRST_DAY, LAST_DAY = 21, 35
"""Days after radiotherapy in which the baseline scan of newly diagnosed glioma is due."""


def from_post_radiotherapy(
    criterion: Criterion,
    course: CourseReadings,
    assess: Callable[[CourseReadings], tuple[Assessment, ...]],
    *,
    rule: str,
) -> tuple[Assessment, ...]:
    """Assess a course from its scan after radiotherapy, if radiotherapy ended within it.

    Timepoints before that scan are not evaluable by the criterion, and say so.
    """
    moved, flags = post_radiotherapy_course(course)
    found = assess(moved)
    if moved is course:
        return found
    text = (
        f"before the baseline of this criterion, the scan after radiotherapy "
        f"({course.name(moved.baseline_index)})"
    )
    before = tuple(
        Assessment(
            title(criterion),
            criterion.version,
            t,
            Category.NE.value,
            "",
            (Reason(f"{rule}/before-baseline", text),),
            ("BEFORE_BASELINE",),
            rule_id=f"{rule}/before-baseline",
        )
        for t in range(course.baseline_index, moved.baseline_index)
    )
    first = replace(found[0], flags=(*found[0].flags, "POST_RADIOTHERAPY_BASELINE", *flags))
    return (*before, first, *found[1:])


def post_radiotherapy_course(course: CourseReadings) -> tuple[CourseReadings, tuple[str, ...]]:
    """Move the baseline to the first scan 21 to 35 days after radiotherapy, else the first after.

    The course is returned as it is if radiotherapy did not end between its baseline and a later
    scan. Lesions that a reader called new before the moved baseline belong to it.
    """
    days = {t: d for t, d in _days_after(course)}
    if not days:
        return course, ()
    due = [t for t, d in days.items() if FIRST_DAY <= d <= LAST_DAY]
    base = min(due) if due else min(days)
    flags = () if due else ("BASELINE_NOT_3_TO_5_WEEKS_AFTER_RADIOTHERAPY",)
    new = {t: ids for t, ids in course.reader.new_lesions.items() if t > base}
    later = {i for ids in new.values() for i in ids}
    lesions = tuple(
        replace(x, role=LesionRole.TARGET)
        if x.role is LesionRole.NEW and x.id not in later and course.is_seen(x.id, base)
        else x
        for x in course.lesions
    )
    reader = replace(course.reader, new_lesions=new)
    return replace(course, lesions=lesions, baseline_index=base, reader=reader), flags


def _days_after(course: CourseReadings) -> Iterator[tuple[int, int]]:
    """Give later timepoints with their days after the radiotherapy that ended since baseline."""
    base = course.dates[course.baseline_index]
    kind = ClinicalEventKind.RADIOTHERAPY_END
    ends = [e.date for e in course.clinical if e.kind is kind and base and e.date >= base]
    if not ends:
        return
    for t in course.later:
        date = course.dates[t]
        if date is not None and date > min(ends):
            yield t, (date - min(ends)).days
