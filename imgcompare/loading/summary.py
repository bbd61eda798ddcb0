"""Says what a scan found: as rows of a table and as a dictionary for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imgcompare.loading.objects import ListedObject
from imgcompare.loading.scanning import ScanResult
from imgcompare.model import Course, Series, Timepoint


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One series or listed object of a scan, as text for people.

    ``chosen`` tells whether a series fills its role; ``listed`` marks what is no image volume, with
    its kind as role.
    """

    subject: str
    timepoint: str
    number: str
    description: str
    modality: str
    role: str
    reason: str
    chosen: bool
    size: str
    spacing_mm: str
    plane: str
    problems: str
    listed: bool = False


def summary_rows(result: ScanResult) -> tuple[SummaryRow, ...]:
    """List all series of a scan: subject by subject, in order of time, chosen ones first.

    Objects that are no images come after the series of their timepoint, or last.
    """
    rows = [
        _row(course, timepoint, series, chosen)
        for course in result.courses
        for timepoint in course.timepoints
        for series, chosen in _series_of(timepoint)
    ]
    rows += map(_object_row, result.objects)
    order = {place: n for n, place in enumerate(dict.fromkeys(map(_place, rows)))}
    return tuple(sorted(rows, key=lambda row: order[_place(row)]))


def _place(row: SummaryRow) -> tuple[str, str]:
    return row.subject, row.timepoint


def _object_row(item: ListedObject) -> SummaryRow:
    return SummaryRow(
        subject=item.subject,
        timepoint=item.timepoint,
        number="" if item.number is None else str(item.number),
        description=item.description,
        modality=item.modality,
        role=item.kind,
        reason="no image volume; listed, not stacked",
        chosen=False,
        size=f"{item.count} file{'s' * (item.count > 1)}",
        spacing_mm="",
        plane="",
        problems="",
        listed=True,
    )


def _series_of(timepoint: Timepoint) -> list[tuple[Series, bool]]:
    chosen = [(s, True) for s in timepoint.series.values()]
    return chosen + [(s, False) for s in timepoint.others]


def _row(course: Course, timepoint: Timepoint, series: Series, chosen: bool) -> SummaryRow:
    grid = series.geometry
    spacing = (grid.slice_spacing_mm, *grid.spacing_mm[1:])
    return SummaryRow(
        subject=course.subject,
        timepoint=timepoint.name,
        number="" if series.number is None else str(series.number),
        description=series.description,
        modality=series.modality,
        role=str(series.role),
        reason=series.role_reason,
        chosen=chosen,
        size="×".join(map(str, grid.shape)),
        spacing_mm="×".join(f"{s:.3g}" for s in spacing),
        plane=grid.plane,
        problems="; ".join(series.problems),
    )


def scan_as_dict(result: ScanResult, identified: bool = False) -> dict[str, Any]:
    """Give a scan as plain values for JSON.

    Parameters
    ----------
    result : ScanResult
        What `scan` found; scan with ``identified=True`` for identifiers.
    identified : bool
        Add the files of each series, whose names may hold patients' names.

    Returns
    -------
    dict
        ``subjects`` (each with timepoints, series, problems, decisions), ``objects`` that are no
        image volumes, and ``problems``.
    """
    return {
        "subjects": [_course_dict(course, identified) for course in result.courses],
        "objects": [_object_dict(item, identified) for item in result.objects],
        "problems": list(result.problems),
    }


def _object_dict(item: ListedObject, identified: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "kind": item.kind,
        "subject": item.subject,
        "timepoint": item.timepoint,
        "modality": item.modality,
        "description": item.description,
        "number": item.number,
        "count": item.count,
        "study_uid": item.study_uid,
        "series_uid": item.series_uid,
    }
    if identified:
        shown["files"] = [str(path) for path in item.files]
    return shown


def _course_dict(course: Course, identified: bool) -> dict[str, Any]:
    return {
        "subject": course.subject,
        "baseline_index": course.baseline_index,
        "timepoints": [
            {
                "index": t.index,
                "name": t.name,
                "date": t.date.isoformat() if t.date else None,
                "time": t.time.isoformat() if t.time else None,
                "study_uids": list(t.study_uids),
                "series": [_series_dict(s, chosen, identified) for s, chosen in _series_of(t)],
            }
            for t in course.timepoints
        ],
        "problems": list(course.problems),
        "decisions": [
            {"stage": d.stage, "choice": d.choice, "reason": d.reason} for d in course.decisions
        ],
    }


def _series_dict(series: Series, chosen: bool, identified: bool) -> dict[str, Any]:
    grid = series.geometry
    shown: dict[str, Any] = {
        "uid": series.uid,
        "number": series.number,
        "description": series.description,
        "modality": series.modality,
        "role": str(series.role),
        "role_reason": series.role_reason,
        "chosen": chosen,
        "loadable": not series.refusal,
        "refusal": series.refusal,
        "shape": list(grid.shape),
        "spacing_mm": [round(s, 6) for s in grid.spacing_mm],
        "slice_spacing_mm": round(grid.slice_spacing_mm, 6),
        "slice_thickness_mm": series.acquisition.slice_thickness_mm,
        "orthogonal": grid.is_orthogonal,
        "plane": grid.plane,
        "affine_lps_mm": [[round(float(v), 6) for v in row] for row in grid.affine],
        "frame_of_reference_uid": grid.frame_of_reference_uid,
        "file_count": len(series.files),
        "values": series.values,
        "other_values": list(series.alternatives),
        "problems": list(series.problems),
    }
    if identified:
        shown["files"] = [str(path) for path in series.files]
    return shown
