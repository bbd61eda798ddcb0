"""What stands beside a category: withheld figures, wider errors, and how sure it is."""

import datetime as dt

from imgcompare.model import (
    ComparabilityFinding,
    Concern,
    Exceeds,
    Lesion,
    Measurement,
    Severity,
)
from imgcompare.pipeline.judging import Judged, judge_course
from imgcompare.response import CourseReadings, Recist11


def judged(severity: Severity | None = None, later: float = 68.0, draws: int = 40) -> Judged:
    """One lesion of 50 mm that changes, on acquisitions that differ or not."""
    figures = tuple(
        Measurement(1, t, "whole", "longest_diameter", mm, "mm")
        for t, mm in enumerate((50.0, later))
    )
    readings = CourseReadings(
        (Lesion(1, "1.1", "liver"),), figures, (dt.date(2024, 1, 10), dt.date(2024, 3, 6))
    )
    findings = []
    if severity is not None:
        finding = ComparabilityFinding(
            "plane", severity, (Concern.DIAMETER,), 0, 1, "CT", "", "", "Planes differ."
        )
        findings.append(finding)
    return judge_course(readings, {"r": Recist11()}, comparability=findings, draws=draws)


def test_a_blocked_figure_is_kept_from_the_criterion() -> None:
    found = judged(Severity.BLOCK)
    last = found.assessments[-1]
    assert last.category == "NE"
    assert "longest diameter of lesion 1" in last.missing[0]
    assert last.probabilities == ()
    assert found.changes[0].reason == "withheld: Planes differ."


def test_a_major_difference_makes_the_same_category_less_sure() -> None:
    plain, doubtful = judged(draws=400), judged(Severity.MAJOR, draws=400)
    assert plain.assessments[-1].category == doubtful.assessments[-1].category == "PD"
    assert plain.assessments[-1].exceeds_error is Exceeds.YES
    assert doubtful.assessments[-1].exceeds_error is not Exceeds.YES
    sure, unsure = (dict(j.assessments[-1].probabilities)["PD"] for j in (plain, doubtful))
    assert sure > unsure
    assert judged(Severity.MINOR).assessments == judged().assessments


def test_without_draws_there_are_no_shares() -> None:
    last = judged(draws=0).assessments[-1]
    assert last.category == "PD"
    assert last.probabilities == ()
    assert last.exceeds_error is Exceeds.UNKNOWN


def test_an_unchanged_lesion_is_within_error() -> None:
    last = judged(later=50.0).assessments[-1]
    assert (last.category, last.exceeds_error) == ("SD", Exceeds.NO)


def test_draws_that_count_from_another_reference_do_not_blur_the_error() -> None:
    """Progression over the nadir: draws that are no progression count from the baseline."""
    rows = {1: (62.0, 33.0, 44.0), 2: (63.0, 33.0, 41.5)}
    figures = tuple(
        Measurement(i, t, "whole", "longest_diameter", mm, "mm")
        for i, sizes in rows.items()
        for t, mm in enumerate(sizes)
    )
    lesions = (Lesion(1, "1.1", "liver"), Lesion(2, "1.2", "lung"))
    dates = tuple(dt.date(2024, 1 + 2 * n, 10) for n in range(3))
    readings = CourseReadings(lesions, figures, dates)
    last = judge_course(readings, {"r": Recist11()}, draws=400).assessments[-1]
    assert last.reference == "nadir 2024-03-10"
    assert 0.0 < dict(last.probabilities).get("PR", 0.0) < 0.2  # some count from the baseline
    assert last.exceeds_error is Exceeds.YES
