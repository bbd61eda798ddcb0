"""Match, measure and assess what was segmented."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from imgcompare.loading.tables import Judgement
from imgcompare.measurement import absent_lesion, measure_lesion
from imgcompare.model import (
    AlignedTimepoint,
    ClinicalEvent,
    ComparabilityFinding,
    Comparison,
    Course,
    EventKind,
    Lesion,
    LesionEvent,
    LesionRole,
    LesionSegmentation,
    Measurement,
    Repeatability,
    TimepointResult,
)
from imgcompare.options import CompareOptions
from imgcompare.pipeline.aligning import succeeded
from imgcompare.pipeline.anatomy import site_of_images
from imgcompare.pipeline.doubts import compare_outlines, warn_of_edges
from imgcompare.pipeline.journal import Journal
from imgcompare.pipeline.judgements import with_judgements
from imgcompare.pipeline.judging import judge_course
from imgcompare.pipeline.reading import with_given_diameters
from imgcompare.pipeline.tracking import Outline, match_outlines
from imgcompare.response import CourseReadings, Criterion
from imgcompare.response.comparability import compare_acquisitions
from imgcompare.response.side_by_side import side_by_side
from imgcompare.segmentation import Matching, Place, share_oedema


def conclude(
    course: Course,
    aligned: Sequence[AlignedTimepoint],
    outlines: Sequence[Sequence[Outline]],
    segmented: Sequence[Sequence[LesionSegmentation]],
    *,
    criteria: Mapping[str, Criterion],
    options: CompareOptions,
    journal: Journal,
    clinical: Sequence[ClinicalEvent] = (),
    local: Sequence[Repeatability] = (),
    looked_for: Mapping[int, Collection[Place]] | None = None,
    judgements: Sequence[Judgement] = (),
) -> Comparison:
    """Match, measure and assess what was segmented.

    ``clinical`` are the patient's events, ``local`` the user's own test-retest values,
    ``looked_for`` the earlier outlines that were looked for per timepoint (by default all), and
    ``judgements`` what a reader decided.
    """
    clinical = tuple(clinical)
    with journal.clock("measure"):
        matching = match_outlines(aligned, outlines, looked_for=looked_for)
        results = tuple(
            TimepointResult(one, dict(zip(ids, share_oedema(found), strict=True)))
            for one, ids, found in zip(aligned, matching.ids, segmented, strict=True)
        )
        matching = _with_given_events(matching, options.events)
        site = site_of_images(course.timepoints, options.site, journal)
        lesions = _lesions(course, matching, options.lesions, site=site)
        first_seen = {i: n for n, ids in reversed([*enumerate(matching.ids)]) for i in ids}
        lesions, reader = with_judgements(lesions, judgements, course, first_seen=first_seen)
        measurements = with_given_diameters(
            _measure(results, lesions, matching.events), options.diameters, course
        )
        readings = CourseReadings.of(
            lesions,
            measurements,
            course.timepoints,
            baseline_index=course.baseline_index,
            events=matching.events,
            reader=reader,
            clinical=clinical,
        )
        findings = _comparability(course, results)
        warn_of_edges(results, lesions, measurements, matching.events, journal=journal)
    with journal.clock("assess"):
        judged = judge_course(readings, criteria, comparability=findings, local=local)
    for result in results:
        for identity, segmentation in sorted(result.lesions.items()):
            about = f"{result.aligned.timepoint.name}, lesion {identity}"
            journal.note(segmentation.decisions, about=about)
    return Comparison(
        course=course,
        results=results,
        lesions=lesions,
        events=matching.events,
        measurements=measurements,
        changes=judged.changes,
        assessments=judged.assessments,
        observations=judged.observations,
        decisions=(*course.decisions, *dict.fromkeys(journal.decisions)),
        warnings=(*course.problems, *dict.fromkeys(journal.warnings)),
        configuration=_configuration(options, course.hide),
        timings_s=journal.clock.seconds,
        course_responses=judged.course_responses,
        clinical_events=clinical,
        comparability=findings,
        reader=reader,
        side_by_side=side_by_side(judged.assessments, baseline_index=course.baseline_index),
    )


def _comparability(
    course: Course, results: Sequence[TimepointResult]
) -> tuple[ComparabilityFinding, ...]:
    """Check the series that were measured against each other."""
    measured = [r.aligned.timepoint.series.get(r.aligned.reference_role) for r in results]
    failed = {n for n, r in enumerate(results) if not succeeded(r.aligned.to_baseline)}
    found = compare_acquisitions(course.timepoints, measured, misaligned=failed)
    return (*compare_outlines(results), *found)


def _with_given_events(matching: Matching, given: Sequence[LesionEvent]) -> Matching:
    """Add the events a person declared; they replace what was found about the same lesions."""
    said = {(e.timepoint_index, i) for e in given for i in e.lesion_ids}
    kept = [e for e in matching.events
            if not any((e.timepoint_index, i) in said for i in e.lesion_ids)]  # fmt: skip
    events = sorted([*kept, *given], key=lambda e: e.timepoint_index)
    return Matching(matching.ids, tuple(events))


def _lesions(
    course: Course, matching: Matching, known: Sequence[Lesion] = (), *, site: str = ""
) -> tuple[Lesion, ...]:
    """Give each identity a tracking UID and a role; what appears after baseline is new.

    What a person said of a lesion stands; an empty tracking UID or site is filled in. A part of a
    lesion that has split is no newer than that one.
    """
    baseline = set(matching.ids[0])
    splits = [e.lesion_ids for e in matching.events if e.kind is EventKind.SPLIT]
    for parent, *parts in splits:
        baseline |= set(parts) if parent in baseline else set()
    study = course.timepoints[0].study_uids[0] if course.timepoints[0].study_uids else ""
    seed = study or course.subject
    said = {lesion.id: lesion for lesion in known}

    def one(identity: int) -> Lesion:
        uid = f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'{seed}/{identity}').int}"
        role = LesionRole.TARGET if identity in baseline else LesionRole.NEW
        found = said.get(identity, Lesion(identity, uid, role=role))
        return replace(found, tracking_uid=found.tracking_uid or uid, site=found.site or site)

    return tuple(one(i) for i in sorted({i for ids in matching.ids for i in ids}))


def _measure(
    results: Sequence[TimepointResult],
    lesions: Sequence[Lesion],
    events: Sequence[LesionEvent],
) -> tuple[Measurement, ...]:
    """Measure every lesion wherever it was found, and as zero where it has vanished."""
    same_images = len({frozenset(r.aligned.images) for r in results}) == 1
    figures: list[Measurement] = []
    for lesion in lesions:
        tissues = {
            t for r in results if lesion.id in r.lesions for t in r.lesions[lesion.id].fractions
        }
        gone = {e.timepoint_index for e in events
                if e.kind is EventKind.VANISHED and lesion.id in e.lesion_ids}  # fmt: skip
        absent = False
        for result in results:
            absent = result.index in gone or (absent and lesion.id not in result.lesions)
            if lesion.id in result.lesions:
                figures += measure_lesion(
                    result.lesions[lesion.id],
                    result.aligned,
                    lesion=lesion,
                    looked_for=tissues if same_images else (),
                )
            elif absent:
                uid = result.aligned.timepoint.series[result.aligned.reference_role].uid
                figures += absent_lesion(lesion, result.index, tissues=tissues, series_uid=uid)
    return tuple(figures)


def _configuration(options: CompareOptions, hide: Callable[[str], str]) -> dict[str, object]:
    """Record what the person decided; of mask files only their names, without the patient's."""
    return {
        "mask": [f"{timepoint}={hide(path.name)}" for timepoint, path in options.masks],
        "seed": [
            {"timepoint": s.timepoint, "point_lps_mm": s.point_mm, "radius_mm": s.radius_mm}
            for s in options.seeds
        ],
        "role": {hide(series): str(role) for series, role in options.roles.items()},
        "criteria": list(options.criteria),
        "settings": {name: dict(given) for name, given in options.settings.items()},
        "events": hide(options.clinical.name) if options.clinical else None,
        "repeatability": hide(options.repeatability.name) if options.repeatability else None,
        "reader": hide(options.reader.name) if options.reader else None,
        "label_scheme": options.label_scheme,
        "identified": options.identified,
        "site": options.site,
    }
