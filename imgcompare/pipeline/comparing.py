"""The order of the main job, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from imgcompare.errors import InputError
from imgcompare.loading import check_mask, load_course
from imgcompare.loading.tables import read_events, read_judgements, read_repeatability
from imgcompare.model import (
    AlignedTimepoint,
    ClinicalEvent,
    Comparison,
    Course,
    LesionSegmentation,
    Progress,
    Steps,
    finish,
)
from imgcompare.options import CompareOptions, resolve
from imgcompare.pipeline.aligning import align_series, align_to_baseline
from imgcompare.pipeline.concluding import conclude
from imgcompare.pipeline.journal import Journal
from imgcompare.pipeline.outlining import outline_lesions, require_contrast, tell_compartments
from imgcompare.pipeline.replaying import given_transforms, kept_outlines, take_transform
from imgcompare.pipeline.tracking import Outline, Tracking, find_overlooked
from imgcompare.response import load_criteria
from imgcompare.segmentation import Prepared, prepare


def compare(paths: Sequence[str | Path], *, options: CompareOptions | None = None) -> Comparison:
    """Compare the timepoints of one subject.

    Parameters
    ----------
    paths : sequence of paths
        Folders that hold two or more timepoints of one subject.
    options : CompareOptions, optional
        What a person decided.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If the folders hold less than two usable timepoints, or an option does not fit them.
    RegistrationError
        If a lesion must be followed through a registration that failed.
    SegmentationError
        If no mask or seed is given and the images do not allow a proposal.
    """
    return finish(compare_steps(paths, options=options))


def compare_steps(
    paths: Sequence[str | Path], *, options: CompareOptions | None = None
) -> Steps[Comparison]:
    """Do what `compare` does, yielding Progress before each step."""
    options = options or CompareOptions()
    journal = Journal()
    criteria = load_criteria(options.criteria, settings=options.settings)
    events = read_events(options.clinical) if options.clinical else {}
    local = read_repeatability(options.repeatability) if options.repeatability else ()
    judgements = read_judgements(options.reader) if options.reader else ()
    yield Progress(1, 1, "reading headers")
    with journal.clock("scan"):
        course = load_course(
            [Path(p) for p in paths],
            roles=options.roles,
            identified=options.identified,
            regrid=options.regrid,
        )
    count = _require_timepoints(course)
    clinical = _events_of(course, events)
    journal.hide = course.hide
    given, placed = resolve(course, options), given_transforms(course, options)
    if not given and not options.outlines:
        require_contrast(course.timepoints[0])
    for mask in (m for masks in given.masks.values() for m in masks):
        check_mask(mask, label_scheme=options.label_scheme, hide=course.hide)
    total, step = 3 * count + 1, 1
    aligned: list[AlignedTimepoint] = []
    tracking = Tracking(aligned, journal)
    outlines = tracking.outlines
    tissues: list[list[Future[LesionSegmentation]]] = []
    # Preparing the next visit and telling tissues of the last one apart fill the second core.
    with ThreadPoolExecutor(max_workers=2) as pool:
        for timepoint in course.timepoints:
            yield Progress(step := step + 1, total, f"aligning the series of {timepoint.name}")
            aligned.append(align_series(timepoint, journal))
            if len(aligned) == 1 and not options.outlines:
                ahead = pool.submit(_prepare, aligned[0], journal)
        for n in range(1, count):
            name = aligned[n].timepoint.name
            yield Progress(step := step + 1, total, f"aligning {name} to baseline")
            if n in placed:
                aligned[n] = take_transform(aligned[n], aligned[0], placed[n], journal)
            else:
                aligned[n] = align_to_baseline(aligned[n], aligned[0], journal)
        for n, one in enumerate(aligned):
            yield Progress(step := step + 1, total, f"finding lesions of {one.timepoint.name}")
            if options.outlines:
                kept = kept_outlines(one, course, options)
                outlines.append([outline for outline, _ in kept])
                tissues.append([pool.submit(lambda found: found, found) for _, found in kept])
                continue
            prepared = ahead.result()
            if n + 1 < count:
                ahead = pool.submit(_prepare, aligned[n + 1], journal)
            with journal.clock("outline lesions"):
                found = outline_lesions(prepared, given, tracking, options=options, journal=journal)
            outlines.append(found)
            tissues.append([pool.submit(_tell, prepared, o, options, journal) for o in found])
            del prepared
        segmented = [[future.result() for future in found] for found in tissues]
    if not options.outlines:
        overlooked = find_overlooked(
            tracking,
            closed=set(given.masks),
            prepare=lambda one: _prepare(one, journal),
            tell=lambda prepared, outline: _tell(prepared, outline, options, journal),
        )
        segmented = [[*own, *more] for own, more in zip(segmented, overlooked, strict=True)]
    yield Progress(total, total, "measuring")
    return conclude(
        course, aligned, outlines, segmented, criteria=criteria, options=options, journal=journal,
        clinical=clinical, local=local, looked_for=tracking.looked_for,
        judgements=judgements,
    )  # fmt: skip


def _events_of(
    course: Course, events: Mapping[str, Sequence[ClinicalEvent]]
) -> tuple[ClinicalEvent, ...]:
    """Pick the events of the course's subject; rows without a subject are about it as well."""
    strangers = sorted(set(events) - {"", course.subject})
    if strangers:
        raise InputError(
            f"The events table is about {strangers[0]!r}, and these scans are of "
            f"{course.subject!r}; write that, or leave the column subject empty."
        )
    return tuple(sorted((e for own in events.values() for e in own), key=lambda e: e.date))


def _prepare(aligned: AlignedTimepoint, journal: Journal) -> Prepared:
    with journal.clock("prepare"):
        prepared = prepare(aligned)
    journal.note(prepared.decisions, about=aligned.timepoint.name)
    return prepared


def _tell(
    prepared: Prepared, outline: Outline, options: CompareOptions, journal: Journal
) -> LesionSegmentation:
    with journal.clock("compartments"):
        return tell_compartments(prepared, outline, options.label_scheme)


def _require_timepoints(course: Course) -> int:
    count = len(course.timepoints)
    if count < 2:
        found = f"only one timepoint ({course.timepoints[0].name})" if count else "none"
        raise InputError(
            f"A comparison needs two or more timepoints, and there is {found}. Add the folder "
            "of another visit, or list what is there with 'imgcompare scan'."
        )
    return count
