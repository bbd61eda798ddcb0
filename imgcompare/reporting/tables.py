"""The tidy tables: measurements, changes and assessments as rows of text."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
from collections.abc import Iterable
from typing import Any

from imgcompare.model import Assessment, Comparison, CourseResponse, Reason, SideBySide
from imgcompare.reporting.comparability import comparability_document

Row = tuple[str, ...]

MEASUREMENT_COLUMNS: Row = (
    *("subject", "timepoint", "date", "lesion", "role", "site", "compartment", "quantity"),
    *("value", "unit", "ci_low", "ci_high", "method", "series", "flags"),
)
TYPED_COLUMNS: Row = (*MEASUREMENT_COLUMNS, "nodal", "evaluator")
CHANGE_COLUMNS: Row = (
    *("subject", "lesion", "compartment", "quantity", "unit", "reference", "from_timepoint"),
    *("to_timepoint", "from_date", "to_date", "days", "from_value", "to_value", "absolute"),
    *("percent", "log_change", "ci_low", "ci_high", "growth_rate_percent_per_day"),
    *("doubling_time_days", "exceeds_error", "error_limit_percent", "published_limit_percent"),
    *("reason", "published", "flags", "evaluator"),
)
ASSESSMENT_COLUMNS: Row = (
    *("subject", "criterion", "version", "timepoint", "date", "category", "reference"),
    *("reasons", "flags", "confirmed", "quantity", "value", "unit", "percent", "absolute"),
    *("exceeds_error", "error_reason", "shares", "missing", "evaluator"),
)
RESPONSE_COLUMNS: Row = (
    *("subject", "evaluator", "criterion", "version", "best", "best_timepoint", "best_date"),
    *("best_confirmed", "progression_timepoint", "progression_date", "progression_confirmed"),
    *("reasons", "flags"),
)

OBSERVATION = "observation"
"""Stands in the criterion column for findings that belong to no criterion."""


def cell(value: object) -> str:
    """Write one value: numbers so that they read back exactly, empty where missing."""
    if value is None:
        return ""
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float):
        return repr(float(value)) if math.isfinite(value) else ""
    if isinstance(value, tuple | list):
        return ";".join(str(v) for v in value)
    return str(value)


def measurement_rows(comparison: Comparison) -> list[Row]:
    """One row per figure, columns MEASUREMENT_COLUMNS."""
    return [row[: len(MEASUREMENT_COLUMNS)] for row in typed_rows(comparison)]


def typed_rows(comparison: Comparison) -> list[Row]:
    """One row per figure, columns TYPED_COLUMNS."""
    dates = _dates(comparison)
    lesions = {lesion.id: lesion for lesion in comparison.lesions}
    rows = []
    for m in comparison.measurements:
        lesion = lesions.get(m.lesion_id)
        role, site = (lesion.role.value, lesion.site) if lesion else ("", "")
        nodal = "yes" if lesion and lesion.nodal else "no"
        when = (m.timepoint_index, dates.get(m.timepoint_index))
        figure = (m.value, m.unit, m.ci_low, m.ci_high, m.method, m.series_uid, m.flags)
        what = (m.lesion_id, role, site, m.compartment, m.quantity)
        own = (*when, *what, *figure, nodal, comparison.evaluator)
        rows.append(_row(comparison.course.subject, *own))
    return rows


def change_rows(comparison: Comparison) -> list[Row]:
    """One row per figure and pair of timepoints, columns CHANGE_COLUMNS."""
    dates = _dates(comparison)
    return [
        _row(
            *(comparison.course.subject, c.lesion_id, c.compartment, c.quantity, c.unit),
            *(c.reference, c.from_index, c.to_index, dates.get(c.from_index)),
            *(dates.get(c.to_index), c.days, c.from_value, c.to_value, c.absolute, c.percent),
            *(c.log_change, c.ci_low, c.ci_high, c.growth_rate_percent_per_day),
            *(c.doubling_time_days, c.exceeds_error.value, c.error_limit_percent),
            *(c.published_limit_percent, c.reason, c.published, c.flags, comparison.evaluator),
        )
        for c in comparison.changes
    ]


def assessment_rows(comparison: Comparison) -> list[Row]:
    """One row per criterion and timepoint, then one per observation."""
    dates, subject = _dates(comparison), comparison.course.subject
    rows = [
        _row(
            *(subject, a.criterion, a.version, a.timepoint_index, dates.get(a.timepoint_index)),
            *(a.category, a.reference, " | ".join(map(reason_text, a.reasons)), a.flags),
            *(_yes(a.confirmed), a.quantity, a.value, a.unit, a.percent, a.absolute),
            *(a.exceeds_error.value, a.error_reason, _shares(a), a.missing, comparison.evaluator),
        )
        for a in comparison.assessments
    ]
    noted = [
        _row(
            *(subject, OBSERVATION, "", o.timepoint_index, dates.get(o.timepoint_index), o.code),
            *("", o.text, o.flags, *[""] * 10, comparison.evaluator),
        )
        for o in comparison.observations
    ]
    return rows + noted


def response_rows(comparison: Comparison) -> list[Row]:
    """One row per criterion: best response and date of progression, columns RESPONSE_COLUMNS."""
    dates = _dates(comparison)

    def when(index: int | None) -> tuple[object, object]:
        return index, None if index is None else dates.get(index)

    return [
        _row(
            *(comparison.course.subject, comparison.evaluator, r.criterion, r.version, r.best),
            *(*when(r.best_index), _yes(r.best_confirmed), *when(r.progression_index)),
            *(_yes(r.progression_confirmed), " | ".join(map(reason_text, r.reasons)), r.flags),
        )
        for r in comparison.course_responses
    ]


def _yes(answer: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[answer]


def _shares(assessment: Assessment) -> str:
    return ";".join(f"{category} {share:.2f}" for category, share in assessment.probabilities)


def reason_text(reason: Reason) -> str:
    """Write a reason in one line: rule, words, value and threshold."""
    known = (("value", reason.value), ("threshold", reason.threshold))
    figures = "; ".join(f"{name} {value:g}" for name, value in known if value is not None)
    return f"{reason.rule_id}: {reason.text}" + (f" ({figures})" if figures else "")


def assessments_document(comparison: Comparison) -> dict[str, Any]:
    """Give the content of assessments.json: the same facts, structured."""
    dates = _dates(comparison)
    return {
        "subject": comparison.course.subject,
        "evaluator": comparison.evaluator,
        "notice": "Research tool, not for clinical use",
        "assessments": [_assessment(a, dates) for a in comparison.assessments],
        "responses": [_response(r, dates) for r in comparison.course_responses],
        "disagreements": [_side_by_side(one) for one in comparison.side_by_side if one.disagree],
        "comparability": comparability_document(comparison),
        "observations": [
            {
                "code": o.code,
                "timepoint": o.timepoint_index,
                "lesions": list(o.lesion_ids),
                "text": o.text,
                "flags": list(o.flags),
            }
            for o in comparison.observations
        ],
        "clinical_events": [
            {"event": e.kind.value, "date": e.date.isoformat(), "value": e.value}
            for e in comparison.clinical_events
        ],
        "events": [
            {
                "kind": e.kind.value,
                "timepoint": e.timepoint_index,
                "lesions": list(e.lesion_ids),
                "reason": e.reason,
            }
            for e in comparison.events
        ],
    }


def csv_text(columns: Row, rows: Iterable[Row]) -> str:
    """Write a table as comma-separated text with a header line."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return buffer.getvalue()


def finite(value: float | None) -> float | None:
    """None for NaN and infinities, which JSON cannot hold."""
    return None if value is None or not math.isfinite(value) else float(value)


def _assessment(a: Assessment, dates: dict[int, dt.date | None]) -> dict[str, Any]:
    date = dates.get(a.timepoint_index)
    return {
        "criterion": a.criterion,
        "version": a.version,
        "timepoint": a.timepoint_index,
        "date": date.isoformat() if date else None,
        "category": a.category,
        "reference": a.reference,
        "reasons": [
            {
                "rule_id": r.rule_id,
                "text": r.text,
                "value": finite(r.value),
                "threshold": finite(r.threshold),
            }
            for r in a.reasons
        ],
        "flags": list(a.flags),
        "confirmed": a.confirmed,
        "quantity": a.quantity,
        "value": finite(a.value),
        "unit": a.unit,
        "percent": finite(a.percent),
        "absolute": finite(a.absolute),
        "missing": list(a.missing),
        "targets": list(a.targets),
        "target_response": a.target,
        "non_target_response": a.non_target,
        "new_lesion": a.new_lesion,
        "exceeds_error": a.exceeds_error.value,
        "error_reason": a.error_reason,
        "shares": {category: round(share, 3) for category, share in a.probabilities},
    }


def _side_by_side(one: SideBySide) -> dict[str, Any]:
    """Which way each criterion with a say points at a timepoint, and why some differ."""
    return {
        "timepoint": one.timepoint_index,
        "directions": {o.criterion: o.direction.value for o in one.opinions if o.counts},
        "differing": [o.criterion for o in one.differing],
        "causes": [
            {"ground": c.ground.name, "criteria": list(c.criteria), "text": c.text}
            for c in one.causes
        ],
    }


def _response(r: CourseResponse, dates: dict[int, dt.date | None]) -> dict[str, Any]:
    def when(index: int | None) -> dict[str, Any] | None:
        if index is None:
            return None
        date = dates.get(index)
        return {"timepoint": index, "date": date.isoformat() if date else None}

    return {
        "criterion": r.criterion,
        "version": r.version,
        "best": r.best,
        "best_at": when(r.best_index),
        "best_confirmed": r.best_confirmed,
        "progression_at": when(r.progression_index),
        "progression_confirmed": r.progression_confirmed,
        "reasons": [reason.text for reason in r.reasons],
        "flags": list(r.flags),
    }


def _row(*values: object) -> Row:
    return tuple(cell(v) for v in values)


def _dates(comparison: Comparison) -> dict[int, dt.date | None]:
    return {t.index: t.date for t in comparison.course.timepoints}
