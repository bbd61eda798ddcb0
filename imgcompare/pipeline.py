"""From folders of scans to a finished comparison: the only module that knows the order."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imgcompare.errors import InputError, RegistrationError
from imgcompare.loading import load_course, read_lesions
from imgcompare.measurement import absent_lesion, measure_changes, measure_lesion
from imgcompare.model import (
    AlignedTimepoint,
    Assessment,
    Comparison,
    Course,
    Decision,
    EventKind,
    LabelMap,
    Lesion,
    LesionEvent,
    LesionRole,
    LesionSegmentation,
    Measurement,
    Progress,
    Role,
    Steps,
    Timepoint,
    TimepointResult,
    Transform,
    finish,
)
from imgcompare.options import CompareOptions, Given, Seed, resolve
from imgcompare.registration import map_mask, register, resample
from imgcompare.reporting import write_comparison
from imgcompare.response import load_criteria
from imgcompare.segmentation import (
    Prepared,
    follow_lesion,
    lesion_from_seed,
    match_lesions,
    prepare,
    propose_lesions,
    segment_compartments,
)

__all__ = ["CompareOptions", "Seed", "compare", "compare_steps", "write_comparison"]

logger = logging.getLogger(__name__)

REFERENCE_ROLES = (
    Role.T1C,
    Role.CT_PORTAL,
    Role.CT_ARTERIAL,
    Role.CT_DELAYED,
    Role.CT,
    Role.CT_PRE,
    Role.FLAIR,
    Role.T1,
    Role.T2,
)
"""Series a timepoint is measured on, best first: living tumour shows after contrast."""

MR_CHANNELS = (Role.T1C, Role.T1, Role.T2, Role.FLAIR)
CT_CHANNELS = (Role.CT_PRE, Role.CT_ARTERIAL, Role.CT_PORTAL, Role.CT_DELAYED, Role.CT)

SAME_LESION_OVERLAP = 0.5
"""Two outlines of one timepoint that share this part of the smaller one are one lesion."""


class Clock:
    """Seconds spent in each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Add the time of a block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start


@dataclass(slots=True)
class Journal:
    """What was decided automatically, what to doubt, and how long it took."""

    decisions: list[Decision] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    def decide(self, subject: str, *, choice: str, reason: str) -> None:
        """Write down a decision of the pipeline."""
        self.decisions.append(Decision("pipeline", subject, choice, reason))

    def warn(self, text: str) -> None:
        """Write down a doubt."""
        logger.warning(text)
        self.warnings.append(text)


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """A lesion's region on the full reference grid, and where it comes from."""

    region: LabelMap
    source: str
    proposed: bool = False
    followed: int | None = None  # position of the baseline outline it was followed from


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
    criteria = load_criteria(options.criteria)
    yield Progress(1, 1, "reading headers")
    with journal.clock("scan"):
        course = load_course(
            [Path(p) for p in paths], roles=options.roles, identified=options.identified
        )
    count = _require_timepoints(course)
    given = resolve(course, options)
    total, step = 3 * count + 1, 1
    aligned: list[AlignedTimepoint] = []
    for timepoint in course.timepoints:
        yield Progress(step := step + 1, total, f"aligning the series of {timepoint.name}")
        aligned.append(_align_series(timepoint, journal))
    for n in range(1, count):
        yield Progress(step := step + 1, total, f"aligning {aligned[n].timepoint.name} to baseline")
        aligned[n] = _align_to_baseline(aligned[n], aligned[0], journal)
    outlines: list[list[Outline]] = []
    segmented: list[list[LesionSegmentation]] = []
    for one in aligned:
        yield Progress(step := step + 1, total, f"finding lesions of {one.timepoint.name}")
        baseline = (aligned[0], outlines[0]) if outlines else None
        with journal.clock("prepare"):
            prepared = prepare(one)
        journal.decisions.extend(prepared.decisions)
        with journal.clock("outline lesions"):
            found = _outline(prepared, given, baseline, options=options, journal=journal)
        with journal.clock("compartments"):
            segmented.append(
                [
                    segment_compartments(prepared, o.region, source=o.source, proposed=o.proposed)
                    for o in found
                ]
            )
        outlines.append(found)
        del prepared
    yield Progress(total, total, "measuring")
    return _conclude(course, aligned, outlines, segmented, options=options, journal=journal)


def _require_timepoints(course: Course) -> int:
    count = len(course.timepoints)
    if count < 2:
        found = f"only one timepoint ({course.timepoints[0].name})" if count else "none"
        raise InputError(
            f"A comparison needs two or more timepoints, and there is {found}. Add the folder "
            "of another visit, or list what is there with 'imgcompare scan'."
        )
    return count


def reference_role(timepoint: Timepoint) -> Role:
    """Choose the series a timepoint is measured on.

    Raises
    ------
    InputError
        If no series has a usable role.
    """
    for role in REFERENCE_ROLES:
        if role in timepoint.series:
            return role
    raise InputError(
        f"Timepoint {timepoint.name} has no series whose role is known. List its series with "
        "'imgcompare scan' and name one with --role SERIES=ROLE."
    )


def _align_series(timepoint: Timepoint, journal: Journal) -> AlignedTimepoint:
    """Read a timepoint's series and bring them onto the grid of its reference."""
    chosen = reference_role(timepoint)
    reason = timepoint.series[chosen].role_reason
    journal.decide(timepoint.name, choice=f"measured on {chosen}", reason=reason)
    with journal.clock("read"):
        reference = timepoint.series[chosen].load()
    frame = reference.geometry.frame_of_reference_uid
    images, transforms = {chosen: reference}, {chosen: Transform.identity(frame)}
    for role in CT_CHANNELS if chosen in CT_CHANNELS else MR_CHANNELS:
        if role == chosen or role not in timepoint.series:
            continue
        with journal.clock("read"):
            moving = timepoint.series[role].load()
        with journal.clock("register"):
            transform = register(moving, reference)
        if not _succeeded(transform):
            journal.warn(
                f"{role} of {timepoint.name} could not be aligned to {chosen}"
                f"{_why(transform)}; it is left out."
            )
            continue
        with journal.clock("resample"):
            images[role] = resample(moving, reference.geometry, transform)
        transforms[role] = transform
    return AlignedTimepoint(timepoint, chosen, images, transforms, Transform.identity(frame))


def _align_to_baseline(
    follow_up: AlignedTimepoint, baseline: AlignedTimepoint, journal: Journal
) -> AlignedTimepoint:
    """Register a follow-up's reference to the baseline's."""
    with journal.clock("register"):
        transform = register(follow_up.reference, baseline.reference)
    if not _succeeded(transform):
        journal.warn(
            f"{follow_up.timepoint.name} could not be aligned to the baseline{_why(transform)}; "
            "lesions cannot be followed to it by position."
        )
    return replace(follow_up, to_baseline=transform)


def _succeeded(transform: Transform) -> bool:
    return transform.quality is None or transform.quality.succeeded


def _why(transform: Transform) -> str:
    return f" ({transform.quality.reason})" if transform.quality else ""


def _outline(
    prepared: Prepared,
    given: Given,
    baseline: tuple[AlignedTimepoint, list[Outline]] | None,
    *,
    options: CompareOptions,
    journal: Journal,
) -> list[Outline]:
    """Find the lesions of one timepoint from what was given, from baseline, or by proposal."""
    aligned = prepared.aligned
    index, name = aligned.timepoint.index, aligned.timepoint.name
    if index in given.masks:
        return [
            Outline(region, "mask")
            for path in given.masks[index]
            for region in read_lesions(
                path, onto=aligned.geometry, what=name, label_scheme=options.label_scheme
            )
        ]
    if index in given.seeds:
        seeded = [
            Outline(lesion_from_seed(prepared, s.point_mm, radius_mm=s.radius_mm), "seed")
            for s in given.seeds[index]
        ]
        return _distinct(seeded, name, journal)
    followed = _follow(prepared, baseline, journal) if baseline else []
    if given:
        return followed
    proposals = propose_lesions(prepared)
    labels = [n for n in np.unique(proposals.array) if n]
    journal.decide(
        name,
        choice=f"{len(labels)} lesion(s) proposed",
        reason="no mask and no seed was given; check every proposal",
    )
    proposed = [
        Outline(LabelMap(proposals.array == n, aligned.geometry), "proposal", proposed=True)
        for n in labels
    ]
    return _distinct([*followed, *proposed], name, journal)


def _follow(
    prepared: Prepared, baseline: tuple[AlignedTimepoint, list[Outline]], journal: Journal
) -> list[Outline]:
    """Find the baseline's lesions again at a follow-up, through the transform."""
    reference, outlines = baseline
    aligned = prepared.aligned
    if not outlines:
        return []
    if not _succeeded(aligned.to_baseline):
        raise RegistrationError(
            f"{aligned.timepoint.name} could not be aligned to the baseline"
            f"{_why(aligned.to_baseline)}, so its lesions cannot be found from the baseline's. "
            f"Give --seed or --mask for {aligned.timepoint.name}."
        )
    found = []
    for position, outline in enumerate(outlines):
        expected = map_mask(
            np.asarray(outline.region.array, dtype=bool),
            reference.geometry,
            aligned.geometry,
            aligned.to_baseline.inverse(),
        )
        region = follow_lesion(prepared, expected)
        if region.array.any():
            source = f"{outline.source} carried from baseline"
            found.append(Outline(region, source, outline.proposed, followed=position))
    return _distinct(found, aligned.timepoint.name, journal)


def _distinct(outlines: Sequence[Outline], name: str, journal: Journal) -> list[Outline]:
    """Drop outlines that repeat an earlier one, and let no voxel belong to two lesions."""
    kept: list[Outline] = []
    for outline in outlines:
        mask = np.asarray(outline.region.array, dtype=bool)
        for other in kept:
            shared = mask & np.asarray(other.region.array, dtype=bool)
            smaller = min(int(mask.sum()), int(np.count_nonzero(other.region.array)))
            if shared.sum() > SAME_LESION_OVERLAP * smaller:
                if not outline.proposed:
                    journal.warn(
                        f"Two outlines at {name} cover the same lesion; the first is kept."
                    )
                mask = np.zeros_like(mask)
                break
            mask = mask & ~shared
        if mask.any():
            kept.append(replace(outline, region=LabelMap(mask, outline.region.geometry)))
    return kept
