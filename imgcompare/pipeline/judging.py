"""What the figures of a course mean: changes, categories with their error, and patterns."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgcompare.measurement import error_model, judge, measure_changes, redraw
from imgcompare.model import (
    Assessment,
    Category,
    Change,
    ComparabilityFinding,
    CourseResponse,
    Measurement,
    Observation,
    Repeatability,
    counted_together,
    families,
)
from imgcompare.response import CourseReadings, Criterion
from imgcompare.response.comparability import withhold
from imgcompare.response.patterns import find_patterns

DRAWS = 100
"""Courses drawn anew, as mirrored pairs: a share of one half is then known to about ±10 points."""

LEAST_SHARE = 0.005
"""Categories that come out less often are not listed."""

_Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Judged:
    """What the figures of one course mean."""

    changes: tuple[Change, ...]
    assessments: tuple[Assessment, ...]
    course_responses: tuple[CourseResponse, ...]
    observations: tuple[Observation, ...]


def judge_course(
    readings: CourseReadings,
    criteria: Mapping[str, Criterion],
    *,
    comparability: Sequence[ComparabilityFinding] = (),
    local: Sequence[Repeatability] = (),
    modality: str = "",
    draws: int = DRAWS,
) -> Judged:
    """Compare, assess and observe.

    Parameters
    ----------
    readings : CourseReadings
        All figures; those that a comparability finding blocks are kept from the criteria.
    criteria : mapping of name to Criterion
    comparability : sequence of ComparabilityFinding
    local : sequence of Repeatability
        The user's own test-retest values.
    modality : str
        ``CT`` or ``MR``; told from the unit of intensities where left out.
    draws : int
        How often the course is drawn anew to find the shares of categories; 0 for never.
    """
    figures, base = readings.measurements, readings.baseline_index
    changes = [
        change
        for at, counted in _as_counted(readings)
        for change in measure_changes(
            counted,
            readings.dates,
            baseline_index=base,
            lesions=readings.lesions,
            modality=modality,
            local=local,
            comparability=comparability,
        )
        if at is None or change.to_index == at
    ]
    kept = withhold(figures, comparability, baseline_index=base)
    given = replace(readings, measurements=kept)
    assessed = {name: criterion.assess(given) for name, criterion in criteria.items()}
    errors = error_model(figures, lesions=readings.lesions, modality=modality, local=local)
    with_figure = [
        criteria[name]
        for name, found in assessed.items()
        if any(a.absolute is not None for a in found)
    ]
    drawn = [
        assessment
        for again in redraw(kept, errors, draws=draws if with_figure else 0,
                            comparability=comparability)
        for course in (replace(given, measurements=again),)
        for criterion in with_figure
        for assessment in criterion.assess(course)
    ]  # fmt: skip
    assessments = _with_error([a for found in assessed.values() for a in found], drawn, base)
    return Judged(
        tuple(changes),
        assessments,
        tuple(criteria[name].summarise(given, found) for name, found in assessed.items()),
        find_patterns(_joined(given), assessments, tuple(changes)),
    )


def _as_counted(
    readings: CourseReadings,
) -> Iterator[tuple[int | None, Sequence[Measurement]]]:
    """Give the figures that each timepoint is compared by; once (None) if all are the same.

    What has split or merged by a timepoint is counted together there, and in what it is compared
    with: a part alone would be compared with the whole.
    """
    if not families(readings.events, len(readings.dates)):
        yield None, readings.measurements
        return
    for at in range(len(readings.dates)):
        counted = counted_together(readings.measurements, readings.events, at)
        yield at, [m for m in counted if m.timepoint_index <= at]


def _joined(readings: CourseReadings) -> CourseReadings:
    """Give a course in which lesions that have split or merged are one lesion throughout."""
    last = len(readings.dates)
    found = families(readings.events, last)
    parts = {n for family in found.values() for n in family[1:]}
    if not parts:
        return readings
    counted = counted_together(readings.measurements, readings.events, last)
    joined = readings.without(parts)
    # What a reader said of the lesion that carries the sum was said of it alone.
    states = {key: s for key, s in joined.reader.states.items() if key[0] not in found}
    return replace(
        joined,
        measurements=tuple(m for m in counted if m.lesion_id not in parts),
        reader=replace(joined.reader, states=states),
    )


def _with_error(
    assessments: Sequence[Assessment], drawn: Sequence[Assessment], baseline: int
) -> tuple[Assessment, ...]:
    """Say of each category how sure its figure is, apart from what it is."""
    again: dict[_Key, list[Assessment]] = {}
    for a in drawn:
        again.setdefault((a.criterion, a.timepoint_index), []).append(a)
    return tuple(
        a
        if a.timepoint_index <= baseline
        else _with_own_error(
            a,
            again.get((a.criterion, a.timepoint_index), []),
            reference=again.get((a.criterion, a.reference_index or 0), []),
        )
        for a in assessments
    )


def _with_own_error(
    a: Assessment, drawn: Sequence[Assessment], *, reference: Sequence[Assessment]
) -> Assessment:
    """Judge the deciding figure by how it and its reference vary when they are drawn anew.

    The reference varies as the same figure at its own timepoint does: what one draw compares with
    depends on its category. Where the criterion adds up something else there, the draws that
    compare with the same kind of reference stand for it.
    """
    kind = a.reference.partition(" ")[0]
    alike = [d for d in drawn if d.value is not None and d.quantity == a.quantity]
    now = [d.value for d in alike if d.value is not None]
    then = [d.value for d in reference if d.value is not None and d.quantity == a.quantity] or [
        d.value - d.absolute
        for d in alike
        if d.value is not None and d.absolute is not None and d.reference.startswith(kind)
    ]
    too_few = min(len(now), len(then)) < 2
    if a.value is None or a.absolute is None or too_few or a.category == Category.NE:
        return a
    sd_now, sd_then = (float(np.std(np.array(v, dtype=np.float64))) for v in (now, then))
    if math.hypot(sd_now, sd_then) == 0.0:
        return replace(a, error_reason="no error is known for the figures it rests on")
    verdict = judge(
        a.value - a.absolute,
        a.value,
        sd=(sd_then, sd_now),
        source=f"{a.quantity}, its figures drawn anew within their error",
    )
    counts = Counter(d.category for d in drawn)
    shares = ((category, n / len(drawn)) for category, n in counts.most_common())
    return replace(
        a,
        exceeds_error=verdict.exceeds,
        error_reason=verdict.reason,
        probabilities=tuple((c, s) for c, s in shares if s >= LEAST_SHARE),
    )
