"""Patterns in figures over time, phrased as observations: numbers, window, and what to recheck.

No sentence names a cause or makes a diagnosis. Where a window depends on treatment and there is
no events table, it says so. Rules and thresholds: criteria.md §7.
"""

from __future__ import annotations

from collections.abc import Sequence

from imgcompare.model import Assessment, Change, Observation
from imgcompare.response.pattern_figures import Seen
from imgcompare.response.patterns_course import (
    dissociated,
    early_growth,
    fading,
    growth_then_decline,
    rapid_growth,
)
from imgcompare.response.patterns_tissues import fluid_around, only_oedema, shares_of_tissues
from imgcompare.response.readings import CourseReadings


def find_patterns(
    course: CourseReadings,
    assessments: Sequence[Assessment],
    changes: Sequence[Change],
) -> tuple[Observation, ...]:
    """Find the patterns of a course, in order of time.

    Parameters
    ----------
    course : CourseReadings
    assessments : sequence of Assessment
        Of any criteria.
    changes : sequence of Change
        Say what exceeds measurement error.
    """
    seen = Seen(course, assessments, changes)
    found: list[Observation] = []
    for t in course.later:
        for pattern in (early_growth, dissociated, shares_of_tissues, fluid_around, only_oedema):
            found += pattern(seen, t)
    for pattern_of_course in (rapid_growth, growth_then_decline, fading):
        found += pattern_of_course(seen)
    return tuple(sorted(found, key=lambda o: (o.timepoint_index, o.code, o.lesion_ids)))
