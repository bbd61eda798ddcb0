"""Patterns of a course: growth in a window, growth that recedes, rapid growth, fading response."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from imgcompare.model import (
    Assessment,
    Category,
    ClinicalEventKind,
    LesionRole,
    Observation,
    ReaderFinding,
    Tissue,
)
from imgcompare.response.base import FIRST_CHOICE
from imgcompare.response.clinical import ClinicalStatus, status_at
from imgcompare.response.pattern_figures import (
    CANNOT_TELL,
    WINDOW_UNKNOWN,
    Seen,
    fell,
    moved,
    percent_text,
    rose,
    total,
    weeks,
)
from imgcompare.response.rapid_growth import FIRST_SCAN_DAYS, Growth, definitions_met
from imgcompare.response.readings import PRODUCT, VOLUME, CourseReadings
from imgcompare.response.sum_criterion import OUTSIDE_ITS_ORGAN

RT_WINDOW_DAYS, ICI_EARLY_DAYS = 84, 84
"""12 weeks, inclusive, after radiotherapy, and what is early under immunotherapy."""

CONFIRM_DAYS = 28
RT_PRODUCT_PERCENT, RT_VOLUME_PERCENT = 25, 40
SHRINK_PERCENT, GROW_PERCENT, GROW_MM = 30, 20, Decimal(5)

ENHANCING = Tissue.ENHANCING.value

PROGRESSION = frozenset({Category.PD, Category.PRE_PD, Category.IUPD, Category.ICPD})
RESPONSE = frozenset({Category.CR, Category.PR, Category.ICR, Category.IPR})
NO_PROGRESSION = RESPONSE | {Category.SD, Category.ISD, Category.MR}
THERAPY = frozenset(
    {
        ClinicalEventKind.THERAPY_START,
        ClinicalEventKind.IMMUNOTHERAPY_START,
        ClinicalEventKind.SURGERY,
    }
)


Case = tuple[str, Assessment, Assessment]
"""A criterion with two of its assessments."""


def early_growth(seen: Seen, t: int) -> Iterator[Observation]:
    """Observe enhancing tissue that grows in the field within 12 weeks of radiotherapy."""
    course = seen.course
    if ReaderFinding.OUTSIDE_RADIATION_FIELD in course.found(t):
        return
    pair, unit, name = None, "", ""
    for quantity, limit in ((VOLUME, RT_VOLUME_PERCENT), (PRODUCT, RT_PRODUCT_PERCENT)):
        earlier = [
            (p, at)
            for at in range(course.baseline_index, t)
            if (p := total(course, t, at, quantity, ENHANCING))
            and rose(p, limit)
            and not _fell_in_volume(course, t, at)
        ]
        if earlier:
            pair = max((p for p, _ in earlier), key=lambda p: p[1] / p[0])
            unit, name = ("mL", "volume") if quantity == VOLUME else ("mm²", "product")
            break
    if pair is None:
        return
    said = moved(f"Enhancing {name}", pair, unit)
    days = course.days_since(ClinicalEventKind.RADIOTHERAPY_END, t)
    recheck = (
        "This measurement cannot separate treatment effect from tumour growth; a repeat scan at "
        "least 4 weeks later is what the criterion asks for (mRANO, RANO 2.0)."
    )
    if days is not None and days <= RT_WINDOW_DAYS:
        when = (
            f"{weeks(days)} after radiotherapy, within the 12-week window in which such "
            "increases can be treatment-related (they have been seen later as well)"
        )
        yield Observation("EARLY_GROWTH_RT", t, (), f"{said} {when}. {recheck}")
    elif days is None and not course.clinical and seen.is_head():
        when = "without an events table it is unknown whether radiotherapy ended within 12 weeks"
        text = f"{said}; {when}. {recheck}"
        yield Observation("EARLY_GROWTH_RT", t, (), text, (WINDOW_UNKNOWN,))


def _fell_in_volume(course: CourseReadings, t: int, at: int) -> bool:
    """Whether the enhancing volume did not rise, so that a longer product is one of a thin rim."""
    volumes = total(course, t, at, VOLUME, ENHANCING)
    return volumes is not None and volumes[1] <= volumes[0]


def dissociated(seen: Seen, t: int) -> Iterator[Observation]:
    """Observe lesions that shrink while others grow, or come up, during a response."""
    course, base = seen.course, seen.course.baseline_index
    down, up = [], []
    for i in sorted(course.by_id):
        quantity = course.size_quantity(i)
        before, now = course.number(i, base, quantity), course.number(i, t, quantity)
        if before is None or now is None or not before:
            continue
        if fell((before, now), SHRINK_PERCENT):
            down.append((i, (before, now)))
        elif rose((before, now), GROW_PERCENT) and now - before >= GROW_MM:
            up.append((i, (before, now)))
    if down and up:
        both = (*down, *up)
        parts = [
            f"lesion {course.called(i)} {percent_text(p)} ({p[0]:.1f} → {p[1]:.1f} mm)"
            for i, p in both
        ]
        text = (
            f"Lesions went different ways since the baseline: {'; '.join(parts)}. A sum hides "
            "this; each lesion is to be followed on its own at the next scheduled scan."
        )
        yield Observation("DISSOCIATED", t, tuple(i for i, _ in both), text)
    new = tuple(
        i for i, lesion in sorted(course.by_id.items())
        if lesion.role is LesionRole.NEW and course.first_seen(i, after=base) == t
    )  # fmt: skip
    if new and down:
        names = seen.name(*new)
        text = (
            f"{names} is first seen here while {len(down)} of the lesions of the baseline shrank "
            "by 30 % or more. Whether it is new disease is a reader's decision; immunotherapy "
            "criteria ask for a repeat scan in 4 to 8 weeks."
        )
        yield Observation("DISSOCIATED", t, (*(i for i, _ in down), *new), text)


def rapid_growth(seen: Seen) -> Iterator[Observation]:
    """Compare growth up to the first scan after the baseline with that before it."""
    growth, t = _growth(seen)
    if growth is None or t is None or growth.days_after > FIRST_SCAN_DAYS:
        return
    met = definitions_met(growth)
    if not met:
        return
    before, after = growth.rate_before, growth.rate_after
    ratio = f"{after / before:.1f} times as fast" if before > 0 else "no ratio, for it did not grow"
    yield Observation(
        "RAPID_GROWTH", t, (),
        f"Growth of the sum of diameters was {before:+.0f} % of volume a month before the baseline "
        f"({growth.before_mm:.1f} → {growth.base_mm:.1f} mm in {growth.days_before} days) and "
        f"{after:+.0f} % a month after it ({growth.base_mm:.1f} → {growth.after_mm:.1f} mm in "
        f"{growth.days_after} days): {ratio}. This meets the numeric definition of "
        f"{', '.join(met)}. {CANNOT_TELL} Immunotherapy criteria ask for a repeat scan in 4 to 8 "
        "weeks.",
    )  # fmt: skip


def _growth(seen: Seen) -> tuple[Growth | None, int | None]:
    """Add up the lesions that were measured on all three scans around the baseline."""
    course, base = seen.course, seen.course.baseline_index
    before, after = base - 1, base + 1
    if before < 0 or after >= course.count:
        return None, None
    days = course.days(before, base), course.days(base, after)
    sums = [Decimal(0)] * 3
    for i in course.by_id:
        sizes = [course.number(i, t, course.size_quantity(i)) for t in (before, base, after)]
        if not any(s is None for s in sizes):
            sums = [a + (b or 0) for a, b in zip(sums, sizes, strict=True)]
    if not all(sums) or days[0] is None or days[1] is None or min(days[0], days[1]) < 1:
        return None, None
    progression = any(
        a.criterion == FIRST_CHOICE and a.timepoint_index == after and a.category in PROGRESSION
        for a in seen.assessments
    )
    new = [i for i in course.reader.new_lesions.get(after, ())]
    known = {course.by_id[i].site for i in course.present_at(base)}
    fresh = {course.by_id[i].site for i in new} - known - {""}
    growth = Growth(
        float(sums[0]), float(sums[1]), float(sums[2]), days[0], days[1], progression,
        new_organs=len(fresh),
        new_in_involved=sum(course.by_id[i].site in known for i in new),
        worse=status_at(course.clinical, course.dates[after]) is ClinicalStatus.WORSE,
    )  # fmt: skip
    return growth, after


def _by_criterion(seen: Seen) -> Iterator[tuple[str, list[Assessment]]]:
    """Give the assessments of each criterion that is made for this organ, in order of time."""
    for name in dict.fromkeys(a.criterion for a in seen.assessments):
        own = [a for a in seen.assessments if a.criterion == name]
        if any(OUTSIDE_ITS_ORGAN in a.flags for a in own):
            continue
        yield name, sorted(own, key=lambda a: a.timepoint_index)


def growth_then_decline(seen: Seen) -> Iterator[Observation]:
    """Observe progression by a criterion, and at least 28 days later none any more."""
    course = seen.course
    found: dict[tuple[int, int], list[Case]] = {}
    for name, own in _by_criterion(seen):
        for first in own:
            if first.category not in PROGRESSION or first.value is None or not first.absolute:
                continue
            later = next(
                (
                    a
                    for a in own
                    if a.timepoint_index > first.timepoint_index
                    and a.category in NO_PROGRESSION
                    and a.value is not None
                    and a.value < first.value
                    and (course.days(first.timepoint_index, a.timepoint_index) or 0) >= CONFIRM_DAYS
                ),
                None,
            )
            if later is not None and not _therapy_between(course, first, later):
                key = first.timepoint_index, later.timepoint_index
                found.setdefault(key, []).append((name, first, later))
                break
    for (i, j), cases in found.items():
        _, first, later = _spokesman(cases)
        said = _said((f"{a.category}, then {b.category}", n) for n, a, b in cases)
        window, flags = _immunotherapy_window(course, i)
        yield Observation(
            "GROWTH_THEN_DECLINE", j, (),
            f"{first.quantity.capitalize()} rose to {first.value:.1f} {first.unit} "
            f"({first.percent or 0:+.0f} % against {first.reference}) on {course.name(i)} and was "
            f"{later.value:.1f} {later.unit} on {course.name(j)}, {course.days(i, j)} days later, "
            f"with no change of therapy recorded between: {said}. {window} Confirmation scans "
            f"(4 to 8 weeks in iRECIST, at least 4 weeks in mRANO) exist for such courses. "
            f"{CANNOT_TELL}",
            flags,
        )  # fmt: skip


def _spokesman(cases: Sequence[Case]) -> Case:
    """Case whose figures are told: that of RECIST, else the first."""
    return next((c for c in cases if c[0] == FIRST_CHOICE), cases[0])


def _said(found: Iterable[tuple[str, str]]) -> str:
    """Join criteria that say the same: ``PD by RECIST 1.1; iUPD by iRECIST 2017``."""
    groups: dict[str, list[str]] = {}
    for words, criterion in found:
        groups.setdefault(words, []).append(criterion)
    return "; ".join(f"{words} by {', '.join(names)}" for words, names in groups.items())


def _therapy_between(course: CourseReadings, first: Assessment, later: Assessment) -> bool:
    start, end = course.dates[first.timepoint_index], course.dates[later.timepoint_index]
    if start is None or end is None:
        return False
    return any(e.kind in THERAPY and start < e.date <= end for e in course.clinical)


def _immunotherapy_window(course: CourseReadings, t: int) -> tuple[str, tuple[str, ...]]:
    days = course.days_since(ClinicalEventKind.IMMUNOTHERAPY_START, t)
    if days is not None:
        word = "early, up to" if days <= ICI_EARLY_DAYS else "late, more than"
        return f"The rise came {weeks(days)} after immunotherapy began ({word} 12 weeks).", ()
    days = course.days_since(ClinicalEventKind.RADIOTHERAPY_END, t)
    if days is not None:
        return f"The rise came {weeks(days)} after radiotherapy ended.", ()
    if course.clinical:
        return "", ()
    return "How it relates to treatment is unknown without an events table.", (WINDOW_UNKNOWN,)


def fading(seen: Seen) -> Iterator[Observation]:
    """Observe a response, then progression against the nadir."""
    course = seen.course
    found: dict[tuple[int, int], list[Case]] = {}
    for name, own in _by_criterion(seen):
        best = next((a for a in own if a.category in RESPONSE), None)
        if best is None:
            continue
        lost = next(
            (
                a
                for a in own
                if a.timepoint_index > best.timepoint_index
                and a.category in PROGRESSION
                and a.value is not None
                and a.absolute
                and a.reference.startswith("nadir")
            ),
            None,
        )
        if lost is not None:
            key = best.timepoint_index, lost.timepoint_index
            found.setdefault(key, []).append((name, best, lost))
    for (i, j), cases in found.items():
        _, best, lost = _spokesman(cases)
        said = _said((b.category, n) for n, _, b in cases)
        still = _against_baseline(seen, lost)
        yield Observation(
            "RESPONSE_FADES", j, (),
            f"After {best.category} on {course.name(i)}, the {lost.quantity} is "
            f"{lost.value:.1f} {lost.unit} on {course.name(j)}, {lost.percent or 0:+.0f} % against "
            f"the {lost.reference}{still}: {said}, for progression counts from "
            "the smallest value, not from the baseline.",
        )  # fmt: skip


def _against_baseline(seen: Seen, lost: Assessment) -> str:
    """Say what the same figure is against the baseline."""
    base = next(
        (
            a.value
            for a in seen.assessments
            if a.criterion == lost.criterion and a.timepoint_index == seen.course.baseline_index
        ),
        None,
    )
    if not base or lost.value is None:
        return ""
    return f" and {100 * (lost.value / base - 1):+.0f} % against the baseline"
