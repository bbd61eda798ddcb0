"""What criteria say at a timepoint, as measurement groups of a structured report (TID 1501)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from highdicom import sr

from imgcompare.model import Assessment, Comparison
from imgcompare.reporting import dicom_codes as codes
from imgcompare.reporting.dicom_tracking import derived

SUM = codes.private("SUM", "Sum that a criterion adds up")
SUM_CHANGE = codes.private("SUM_PCT", "Percent change of the sum against its reference")


def response_groups(comparison: Comparison, index: int, when: sr.TimePointContext) -> list[Any]:
    """Give a group per criterion, and one on how comparable the acquisitions are."""
    own = [a for a in comparison.assessments if a.timepoint_index == index]
    groups = [_group(comparison, a, when) for a in own]
    return [*groups, *_comparability(comparison, index, when)]


def _group(comparison: Comparison, assessment: Assessment, when: sr.TimePointContext) -> Any:
    name = assessment.criterion
    category = codes.private(assessment.category, f"Response category {assessment.category}")
    said = [sr.QualitativeEvaluation(codes.CURRENT_RESPONSE, category)]
    for rule in (r.rule_id for r in assessment.reasons):
        if rule in codes.TARGET_RESPONSES:
            target = codes.TARGET_RESPONSES[rule]
            said.append(sr.QualitativeEvaluation(codes.TARGET_RESPONSE, target))
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_identifier(comparison, name),
        time_point_context=when,
        method=codes.criterion_code(name),
        measurements=list(_sums(assessment)),
        qualitative_evaluations=said,
    )


def _sums(assessment: Assessment) -> Iterator[sr.Measurement]:
    if assessment.value is not None and math.isfinite(assessment.value):
        yield sr.Measurement(SUM, float(assessment.value), codes.unit_of(assessment.unit))
    if assessment.percent is not None and math.isfinite(assessment.percent):
        yield sr.Measurement(SUM_CHANGE, float(assessment.percent), codes.PERCENT)


def _comparability(comparison: Comparison, index: int, when: sr.TimePointContext) -> Iterator[Any]:
    """Give the worst difference between this timepoint's images and each earlier one's."""
    found = [f for f in comparison.comparability if f.to_index == index]
    for earlier in sorted({f.from_index for f in found}):
        worst = max(f.severity for f in found if f.from_index == earlier)
        value = codes.private(worst.name, f"Difference of severity {worst.name}")
        yield sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=_identifier(comparison, f"comparability with timepoint {earlier}"),
            time_point_context=when,
            qualitative_evaluations=[sr.QualitativeEvaluation(codes.COMPARABILITY, value)],
        )


def _identifier(comparison: Comparison, name: str) -> sr.TrackingIdentifier:
    studies = comparison.course.timepoints[comparison.course.baseline_index].study_uids
    seed = studies[0] if studies else comparison.course.subject
    return sr.TrackingIdentifier(derived(seed, name), name)
