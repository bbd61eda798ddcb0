"""Criteria on typed tables, without images: from tables to one comparison per subject."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from imgcompare.errors import ConfigurationError, InputError
from imgcompare.loading.tables import (
    read_events,
    read_measurements,
    read_repeatability,
    read_sdtm,
)
from imgcompare.model import (
    ClinicalEvent,
    Comparison,
    Decision,
    Progress,
    Repeatability,
    Steps,
    TypedCourse,
    finish,
)
from imgcompare.options import AssessOptions
from imgcompare.pipeline.judging import judge_course
from imgcompare.response import CourseReadings, Criterion, load_criteria
from imgcompare.response.side_by_side import side_by_side


def assess(
    table: str | Path | None = None, *, options: AssessOptions | None = None
) -> tuple[Comparison, ...]:
    """Apply response criteria to a typed table of measurements.

    Parameters
    ----------
    table : path, optional
        A table with the columns of measurements.csv; see docs/assess.md.
    options : AssessOptions, optional
        ``sdtm`` is read instead of, or beside, a table.

    Returns
    -------
    tuple of Comparison
        One per subject and evaluator, without images.

    Raises
    ------
    InputError
        Naming row and column of the first thing that is missing or impossible.
    """
    return finish(assess_steps(table, options=options))


def assess_steps(
    table: str | Path | None = None, *, options: AssessOptions | None = None
) -> Steps[tuple[Comparison, ...]]:
    """Do what `assess` does, yielding Progress before each subject."""
    options = options or AssessOptions()
    criteria = load_criteria(options.criteria, settings=options.settings)
    local = read_repeatability(options.repeatability) if options.repeatability else ()
    courses = _read(table, options)
    events = read_events(options.events) if options.events else {}
    _refuse_events_of_nobody(events, courses, options.events)
    configuration = _configuration(table, options)
    comparisons = []
    for number, course in enumerate(courses):
        yield Progress(number, len(courses), f"assessing {_name(course)}")
        comparisons.append(
            _assess(
                course, criteria, events, local=local, draws=options.draws,
                configuration=configuration,
            )
        )  # fmt: skip
    return tuple(comparisons)


def _read(table: str | Path | None, options: AssessOptions) -> tuple[TypedCourse, ...]:
    if table is None and options.sdtm is None:
        raise ConfigurationError("Give a table of measurements, or --sdtm with a folder.")
    courses = read_measurements(Path(table)) if table is not None else ()
    return (*courses, *(read_sdtm(options.sdtm) if options.sdtm is not None else ()))


def _name(course: TypedCourse) -> str:
    return " ".join(p for p in (course.course.subject, course.evaluator) if p) or "the course"


def _refuse_events_of_nobody(
    events: Mapping[str, Sequence[ClinicalEvent]],
    courses: Sequence[TypedCourse],
    table: Path | None,
) -> None:
    """Refuse events whose subject is not in the table: a typing error would hide them."""
    known = {c.course.subject for c in courses}
    strangers = sorted(set(events) - known - {""})
    if strangers and table is not None:
        raise InputError(
            f"{table.name}, column subject: {strangers[0]!r} is not among the subjects of the "
            f"table ({', '.join(sorted(known)) or 'none is named'})."
        )
    if "" in events and len(known) > 1 and table is not None:
        raise InputError(
            f"{table.name}, column subject: is empty, and the table has {len(known)} subjects."
        )


def _assess(
    typed: TypedCourse,
    criteria: Mapping[str, Criterion],
    events: Mapping[str, Sequence[ClinicalEvent]],
    *,
    local: Sequence[Repeatability],
    draws: int,
    configuration: Mapping[str, object],
) -> Comparison:
    course = typed.course
    clinical = (*events.get(course.subject, ()), *(events.get("", ()) if course.subject else ()))
    readings = CourseReadings(
        lesions=typed.lesions,
        measurements=typed.measurements,
        dates=tuple(t.date for t in course.timepoints),
        names=tuple(t.name for t in course.timepoints),
        baseline_index=course.baseline_index,
        slice_thickness_mm=typed.slice_thickness_mm,
        events=typed.events,
        reader=typed.reader,
        clinical=clinical,
    )
    judged = judge_course(readings, criteria, local=local, modality=typed.modality, draws=draws)
    return Comparison(
        course=course,
        results=(),
        lesions=typed.lesions,
        events=typed.events,
        measurements=typed.measurements,
        changes=judged.changes,
        assessments=judged.assessments,
        observations=judged.observations,
        decisions=(
            Decision(
                "assess",
                _name(typed),
                "measurements as typed",
                "no image was read, so acquisitions were not checked for comparability",
            ),
        ),
        warnings=typed.warnings,
        configuration=configuration,
        timings_s={},
        course_responses=judged.course_responses,
        clinical_events=clinical,
        evaluator=typed.evaluator,
        reader=typed.reader,
        side_by_side=side_by_side(judged.assessments, baseline_index=course.baseline_index),
    )


def _configuration(table: str | Path | None, options: AssessOptions) -> dict[str, object]:
    """Record what the person decided; of files only their names and hashes."""
    given = [Path(table)] if table is not None else []
    given += [path for path in (options.events, options.repeatability) if path is not None]
    given += sorted(options.sdtm.glob("*.csv")) if options.sdtm is not None else []
    return {
        "criteria": list(options.criteria),
        "settings": {name: dict(values) for name, values in options.settings.items()},
        "draws": options.draws,
        "inputs": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in given},
    }
