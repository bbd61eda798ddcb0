"""Disease beyond the targets: status of the non-targets, and new lesions."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from decimal import Decimal

from imgcompare.model import Category, LesionState, Reason
from imgcompare.response.clinical import markers_normal_at
from imgcompare.response.exact import has_grown, number_text, percent_change
from imgcompare.response.readings import NORMAL_NODE_MM, VOLUME, CourseReadings, Reading
from imgcompare.response.sums import Measure, is_gone

NON_TARGET_GROWTH_PERCENT = Decimal(73)
"""Volume growth that is usual for unequivocal progression of non-targets (EORTC FAQ)."""


@dataclass(slots=True)
class Notes:
    """Reasons, flags and missing inputs that gather while one timepoint is assessed.

    ``target``, ``non_target`` and ``new_lesion`` are what the parts of the disease came to.
    """

    rule: str
    reasons: list[Reason] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    target: Category | None = None
    non_target: Category | None = None
    new_lesion: bool | None = None

    def add(
        self, rule: str, text: str, value: float | None = None, threshold: float | None = None
    ) -> None:
        """Note a reason under the criterion's own rule ids."""
        self.reasons.append(Reason(f"{self.rule}/{rule}", text, value, threshold))


def non_target_status(
    course: CourseReadings, others: Collection[int], t: int, *, measure: Measure, notes: Notes
) -> Category | None:
    """Status of the non-targets: the reader's, or one proposed that is never progression.

    Returns CR, NON_CR_NON_PD, PD or NE; None if there are no non-targets. A followed tumour
    marker that is elevated counts as remaining disease.
    """
    status = _status(course, others, t, measure, notes)
    if status is Category.NE:
        notes.missing.append(f"status of the non-targets at {course.name(t)}")
    elevated = markers_normal_at(course.clinical, course.dates[t]) is False
    if elevated and status in (None, Category.CR):
        notes.add("marker", "the tumour marker is elevated: no complete response")
        status = Category.NON_CR_NON_PD
    notes.non_target = status
    return status


def _status(
    course: CourseReadings, others: Collection[int], t: int, measure: Measure, notes: Notes
) -> Category | None:
    given = course.reader.non_target.get(t)
    if given is not None:
        notes.add("non-target-reader", f"non-targets {given} by the reader")
        return Category(given.value)
    if not others:
        if course.reader.non_target:
            notes.add("non-target-reader", "the reader gave no status of the non-targets")
            return Category.NE
        return None
    notes.flags.append("NON_TARGET_STATUS_PROPOSED")
    for i in others:
        _note_growth(course, i, t, notes)
    readings = [_remains(course, i, t, measure) for i in others]
    nodal = [course.by_id[r.lesion_id].nodal for r in readings]
    if all(is_gone(r, nodal=n) for r, n in zip(readings, nodal, strict=True)):
        status = Category.CR
    elif any(not r.is_known for r in readings):
        status = Category.NE
    else:
        status = Category.NON_CR_NON_PD
    notes.add("non-target-proposed", f"non-targets {status} by their sizes")
    return status


def _remains(course: CourseReadings, lesion_id: int, t: int, measure: Measure) -> Reading:
    """Read what is left of a non-target: by the criterion's measure, else by size or state."""
    reading = measure.read(course, lesion_id, t)
    if reading.is_known and not course.by_id[lesion_id].nodal:
        return reading
    size = course.size(lesion_id, t)
    if size.is_known:
        return size
    if course.is_seen(lesion_id, t):
        return Reading(lesion_id, LesionState.MEASURED, NORMAL_NODE_MM)
    return size


def _note_growth(course: CourseReadings, lesion_id: int, t: int, notes: Notes) -> None:
    """Ask whether a growth in volume is unequivocal, over the smallest earlier volume."""
    earlier = [
        v
        for at in range(course.baseline_index, t)
        if (v := course.number(lesion_id, at, VOLUME)) is not None
    ]
    now = course.number(lesion_id, t, VOLUME)
    if now is None or not earlier or not min(earlier):
        return
    if has_grown(min(earlier), now, NON_TARGET_GROWTH_PERCENT):
        growth = percent_change(min(earlier), now)
        notes.flags.append("NON_TARGET_GROWTH_REVIEW")
        name = course.called(lesion_id)
        text = f"non-target lesion {name} grew {growth:+.0f} % in volume: is it unequivocal?"
        notes.add("non-target-growth", text, growth, float(NON_TARGET_GROWTH_PERCENT))


def confirmed_new(course: CourseReadings, t: int) -> dict[int, int]:
    """Lesions a reader has confirmed as new by a timepoint, with the one they first appeared at.

    A node is one from 10 mm on: smaller ones are normal (RECIST 1.1).
    """
    found: dict[int, int] = {}
    for at, ids in sorted(course.reader.new_lesions.items()):
        for i in ids:
            first = next((k for k in range(at, t + 1) if not _is_normal_node(course, i, k)), None)
            if first is not None:
                found.setdefault(i, first)
    return found


def _is_normal_node(course: CourseReadings, lesion_id: int, t: int) -> bool:
    """Whether a lesion is a node whose short axis is known to be below 10 mm."""
    size = course.size(lesion_id, t)
    nodal = course.by_id[lesion_id].nodal
    return nodal and size.state is LesionState.MEASURED and size.value < NORMAL_NODE_MM


def has_new_lesion(
    course: CourseReadings,
    t: int,
    *,
    would_be: Category | None,
    notes: Notes,
    counts: Callable[[CourseReadings, int, int], bool] = lambda course, i, t: True,
) -> bool:
    """Whether a reader has confirmed a new lesion by now; others are proposed, never decided.

    ``would_be`` is the category that a confirmed new lesion would give, None for no remark.
    ``counts`` tells whether one that was confirmed, by id, counts at a timepoint.
    """
    confirmed = confirmed_new(course, t)
    equivocal = {i for i in confirmed if not counts(course, i, t)}
    for i, at in sorted(confirmed.items()):
        since = f"lesion {course.called(i)} is new since {course.name(at)}"
        if i in equivocal:
            notes.add("new-lesion-equivocal", f"{since}, but equivocal by this criterion so far")
            notes.flags.append("NEW_LESION_EQUIVOCAL")
        else:
            notes.add("new-lesion", f"{since}, confirmed by the reader")
    ever = {i for ids in course.reader.new_lesions.values() for i in ids}
    for i in sorted(set(course.by_id) - ever):
        first = course.first_seen(i, after=course.baseline_index) if course.is_new(i) else None
        if first is None or first > t:
            continue
        size = course.size(i, first)
        seen = f"{number_text(size.value)} mm" if size.is_known else "no diameter given"
        text = (
            f"lesion {course.called(i)} ({seen}) is proposed as new since {course.name(first)}; "
            "a reader has not confirmed it"
        )
        if would_be is not None:
            text += f". If confirmed: {would_be}"
        notes.add("new-lesion-proposed", text, float(size.value) if size.is_known else None)
        notes.flags.append("NEW_LESION_PROPOSED")
    notes.new_lesion = len(confirmed) > len(equivocal)
    return notes.new_lesion
