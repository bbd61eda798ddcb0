"""The tidy tables: measurements, changes and assessments as rows of text."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
from collections.abc import Iterable
from typing import Any

from imgcompare.model import Assessment, Comparison, Reason

Row = tuple[str, ...]

MEASUREMENT_COLUMNS: Row = (
    *("subject", "timepoint", "date", "lesion", "role", "site", "compartment", "quantity"),
    *("value", "unit", "ci_low", "ci_high", "method", "series", "flags"),
)
CHANGE_COLUMNS: Row = (
    *("subject", "lesion", "compartment", "quantity", "unit", "reference", "from_timepoint"),
    *("to_timepoint", "from_date", "to_date", "days", "from_value", "to_value", "absolute"),
    *("percent", "log_change", "ci_low", "ci_high", "growth_rate_percent_per_day"),
    *("doubling_time_days", "exceeds_error", "reason", "flags"),
)
ASSESSMENT_COLUMNS: Row = (
    *("subject", "criterion", "version", "timepoint", "date", "category", "reference"),
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
    dates = _dates(comparison)
    lesions = {lesion.id: lesion for lesion in comparison.lesions}
    rows = []
    for m in comparison.measurements:
        lesion = lesions.get(m.lesion_id)
        role, site = (lesion.role.value, lesion.site) if lesion else ("", "")
        when = (m.timepoint_index, dates.get(m.timepoint_index))
        figure = (m.value, m.unit, m.ci_low, m.ci_high, m.method, m.series_uid, m.flags)
        what = (m.lesion_id, role, site, m.compartment, m.quantity)
        rows.append(_row(comparison.course.subject, *when, *what, *figure))
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
            *(c.doubling_time_days, c.exceeds_error.value, c.reason, c.flags),
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
        )
        for a in comparison.assessments
    ]
    noted = [_row(subject, OBSERVATION, *[""] * 5, text, "") for text in comparison.observations]
    return rows + noted


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
        "notice": "Research tool, not for clinical use",
        "assessments": [_assessment(a, dates) for a in comparison.assessments],
        "observations": list(comparison.observations),
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
    }


def _row(*values: object) -> Row:
    return tuple(cell(v) for v in values)


def _dates(comparison: Comparison) -> dict[int, dt.date | None]:
    return {t.index: t.date for t in comparison.course.timepoints}
