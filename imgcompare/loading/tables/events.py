"""Reads what happened to patients: therapies, steroids, status, markers, operations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from imgcompare.loading.tables.rows import TableRow, read_rows
from imgcompare.model import ClinicalEvent, ClinicalEventKind

COLUMNS = ("subject", "date", "event", "value")

STEROIDS = ("none", "physiologic", "stable", "decreased", "increased")
STATUS = ("better", "stable", "worse")
"""Words for steroids and clinical status (criteria of the RANO family)."""

MARKERS = ("normal", "elevated")


def read_events(path: Path) -> Mapping[str, tuple[ClinicalEvent, ...]]:
    """Read an events table with the columns subject, date, event and value.

    Returns
    -------
    mapping of subject to tuple of ClinicalEvent
        In order of date. Rows without a subject are under the empty name: they are about
        everyone in a run on one subject.

    Raises
    ------
    InputError
        Naming row and column, if an event is unknown, a date is missing or impossible, or a
        value does not fit its event.
    """
    found: dict[str, list[ClinicalEvent]] = {}
    for row in read_rows(Path(path), required=("date", "event"), known=COLUMNS):
        row.need("event", example="radiotherapy_end")
        kind = ClinicalEventKind(row.choice_in("event", list(ClinicalEventKind)))
        row.need("date", example="2024-01-10")
        date = row.date_in("date")
        assert date is not None
        event = ClinicalEvent(kind, date, _value(row, kind))
        found.setdefault(row.get("subject"), []).append(event)
    return {s: tuple(sorted(e, key=lambda one: one.date)) for s, e in found.items()}


def _value(row: TableRow, kind: ClinicalEventKind) -> str:
    """Check the value of an event that has a scale."""
    text = row.get("value")
    if kind is ClinicalEventKind.CLINICAL_STATUS:
        row.need("value", example="stable")
        return row.choice_in("value", STATUS)
    if kind is ClinicalEventKind.STEROID_DOSE:
        row.need("value", example="4 (mg dexamethasone a day) or stable")
        if text[0].isalpha():
            return row.choice_in("value", STEROIDS)
        dose = row.size_in("value")
        return f"{dose:g}"
    if kind is ClinicalEventKind.TUMOUR_MARKER:
        row.need("value", example="normal, elevated or 35")
        if text[0].isalpha():
            return row.choice_in("value", MARKERS)
        row.size_in("value")
    return text
