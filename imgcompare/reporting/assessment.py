"""Write what criteria say about typed tables: tables, SDTM export and one page to read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgcompare.model import Comparison, Lesion, LesionRole, Measurement, Progress, Steps
from imgcompare.reporting import tables
from imgcompare.reporting.atomic import MANIFEST, staged
from imgcompare.reporting.course_plots import (
    cohort_spider,
    cohort_swimmer,
    cohort_waterfall,
    evaluator_codes,
)
from imgcompare.reporting.course_view import course_view
from imgcompare.reporting.lookup import find_change
from imgcompare.reporting.page import NOTICE, environment
from imgcompare.reporting.provenance import versions
from imgcompare.reporting.sdtm import sdtm_files
from imgcompare.reporting.summary import EXCEEDS_TEXT, against
from imgcompare.reporting.wording import (
    COMPARTMENT_NAMES,
    LESION_ROLE_NAMES,
    MISSING,
    lesion_name,
    number,
    percent,
    timepoint_name,
)

TYPED_ROLES = {**LESION_ROLE_NAMES, LesionRole.NEW: "new, confirmed by the reader"}
"""Roles as a table means them."""


@dataclass(frozen=True, slots=True)
class TypedRow:
    """One figure of one lesion over time."""

    lesion: str
    about: str
    figure: str
    values: tuple[str, ...]
    change: str
    exceeds: str
    against: str
    reason: str


def write_assessment(comparisons: Sequence[Comparison], folder: Path) -> Steps[Path]:
    """Write tables, SDTM export, provenance and the report of typed courses.

    Parameters
    ----------
    comparisons : sequence of Comparison
        One per subject and evaluator, without images.
    folder : Path
        Where to write; made if missing.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OutputError
        If the folder cannot be written to; it is then left as it was.
    """
    folder = Path(folder).absolute()
    with staged(folder) as staging:
        yield Progress(0, 2, "writing tables")
        for name, text in _tables(comparisons).items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
        yield Progress(1, 2, "drawing the report")
        (staging / "report.html").write_text(assessment_html(comparisons), encoding="utf-8")
        files = [p.relative_to(staging).as_posix() for p in staging.rglob("*") if p.is_file()]
        document = _provenance(comparisons, sorted([*files, MANIFEST]))
        (staging / MANIFEST).write_text(_json(document), encoding="utf-8")
    return folder


def assessment_html(comparisons: Sequence[Comparison]) -> str:
    """Write the page; it holds no address of any other file or site."""
    subjects = list(dict.fromkeys(c.course.subject for c in comparisons))
    plain = environment(lambda value: value)
    several = len(comparisons) > 1
    pictures = [
        (cohort_waterfall(comparisons), "Best change of each sum of diameters (RECIST 1.1)"),
        (cohort_spider(comparisons), "Sum of diameters against the baseline (RECIST 1.1)"),
    ]
    return plain.get_template("assess.html").render(
        title=", ".join(s for s in subjects if s) or "typed table",
        summary=_summary(comparisons),
        notice=NOTICE,
        cohort={
            "plots": [p for p in pictures if p[0]] if several else [],
            "swimmer": cohort_swimmer(comparisons) if several else "",
            "readers": {code: name for name, code in evaluator_codes(comparisons).items()},
        },
        views=[(course_view(c), _typed(c)) for c in comparisons],
        versions=versions(),
    )


def _summary(comparisons: Sequence[Comparison]) -> str:
    subjects = {c.course.subject for c in comparisons}
    readers = {c.evaluator for c in comparisons if c.evaluator}
    visits = sum(len(c.course.timepoints) for c in comparisons)
    parts = [
        f"{len(subjects)} subject{'s' if len(subjects) != 1 else ''}",
        *([f"{len(readers)} evaluators"] if len(readers) > 1 else []),
        f"{visits} timepoints",
    ]
    return ", ".join(parts) + ", from a table of measurements."


def _typed(comparison: Comparison) -> dict[str, Any]:
    indices = [t.index for t in comparison.course.timepoints]
    return {
        "timepoints": [timepoint_name(comparison, i) for i in indices],
        "rows": [
            row for lesion in comparison.lesions for row in _rows(comparison, lesion, indices)
        ],
    }


def _rows(comparison: Comparison, lesion: Lesion, indices: Sequence[int]) -> list[TypedRow]:
    own: dict[tuple[str, str], dict[int, Measurement]] = {}
    for m in comparison.measurements:
        if m.lesion_id == lesion.id:
            own.setdefault((m.compartment, m.quantity), {})[m.timepoint_index] = m
    about = ", ".join(
        p for p in (TYPED_ROLES[lesion.role], lesion.site, "node" if lesion.nodal else "") if p
    )
    return [_row(comparison, lesion, about, key, values, indices) for key, values in own.items()]


def _row(
    comparison: Comparison,
    lesion: Lesion,
    about: str,
    key: tuple[str, str],
    values: dict[int, Measurement],
    indices: Sequence[int],
) -> TypedRow:
    compartment, quantity = key
    unit = next(iter(values.values())).unit
    change = find_change(
        comparison, lesion.id, max(values), compartment=compartment, quantity=quantity
    )
    part = COMPARTMENT_NAMES.get(compartment, compartment.replace("_", " "))
    return TypedRow(
        lesion_name(lesion),
        about,
        f"{part}: {quantity.replace('_', ' ')}, {unit}",
        tuple(number(values[i].value) if i in values else MISSING for i in indices),
        percent(change.percent) if change else MISSING,
        EXCEEDS_TEXT[change.exceeds_error] if change else MISSING,
        against(change),
        change.reason if change else "",
    )


def _tables(comparisons: Sequence[Comparison]) -> dict[str, str]:
    kinds = (
        ("measurements.csv", tables.TYPED_COLUMNS, tables.typed_rows),
        ("changes.csv", tables.CHANGE_COLUMNS, tables.change_rows),
        ("assessments.csv", tables.ASSESSMENT_COLUMNS, tables.assessment_rows),
        ("responses.csv", tables.RESPONSE_COLUMNS, tables.response_rows),
    )
    found = {
        name: tables.csv_text(columns, (row for c in comparisons for row in rows(c)))
        for name, columns, rows in kinds
    }
    documents = [tables.assessments_document(c) for c in comparisons]
    found["assessments.json"] = _json(documents[0] if len(documents) == 1 else documents)
    return found | {f"sdtm/{name}": text for name, text in sdtm_files(comparisons).items()}


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _provenance(comparisons: Sequence[Comparison], files: Sequence[str]) -> dict[str, Any]:
    return {
        "notice": NOTICE,
        "versions": versions(),
        "configuration": dict(comparisons[0].configuration) if comparisons else {},
        "courses": [
            {
                "subject": c.course.subject,
                "evaluator": c.evaluator,
                "baseline": c.course.baseline_index,
                "timepoints": [t.name for t in c.course.timepoints],
                "lesions": [
                    {
                        "id": lesion.id,
                        "name": lesion.name,
                        "tracking_uid": lesion.tracking_uid,
                        "site": lesion.site,
                        "role": lesion.role.value,
                        "nodal": lesion.nodal,
                    }
                    for lesion in c.lesions
                ],
                "decisions": [
                    {"stage": d.stage, "subject": d.subject, "choice": d.choice, "reason": d.reason}
                    for d in c.decisions
                ],
                "warnings": list(c.warnings),
            }
            for c in comparisons
        ],
        "files": list(files),
    }
