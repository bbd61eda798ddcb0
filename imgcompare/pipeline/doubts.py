"""What makes outlines doubtful: edges of images, and outlines that rest on different things."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from imgcompare.measurement import AT_IMAGE_EDGE
from imgcompare.model import (
    ComparabilityFinding,
    Concern,
    EventKind,
    Lesion,
    LesionEvent,
    LesionSegmentation,
    Measurement,
    Severity,
    TimepointResult,
)
from imgcompare.pipeline.aligning import succeeded
from imgcompare.pipeline.journal import Journal
from imgcompare.segmentation import Found, is_imaged

DRAWN = "mask"
"""Source of an outline that a person drew, which rests on what the person saw."""


def compare_outlines(results: Sequence[TimepointResult]) -> tuple[ComparabilityFinding, ...]:
    """Find visits whose lesions are outlined by enhancement at one, by attenuation at the other.

    On a single CT phase, what has the attenuation of the organ is missing from the outline, not
    from the lesion. Outlines drawn by a person are not concerned.
    """
    found = []
    for first, second in combinations(results, 2):
        shared = sorted(first.lesions.keys() & second.lesions.keys())
        if any(_differ(first.lesions[n], second.lesions[n]) for n in shared):
            earlier, later = (_basis(r.lesions[shared[0]]) for r in (first, second))
            found.append(
                ComparabilityFinding(
                    "outline", Severity.BLOCK, (Concern.SIZE,), first.index, second.index,
                    second.aligned.reference_role.value, earlier, later,
                    f"Lesions are outlined on {earlier}, then on {later}.",
                )
            )  # fmt: skip
    return tuple(found)


def _differ(a: LesionSegmentation, b: LesionSegmentation) -> bool:
    if a.attenuation_classes_only == b.attenuation_classes_only:
        return False
    return (a if a.attenuation_classes_only else b).source != DRAWN


def _basis(segmentation: LesionSegmentation) -> str:
    return "one CT phase" if segmentation.attenuation_classes_only else "the gain between CT phases"


def warn_of_edges(
    results: Sequence[TimepointResult],
    lesions: Sequence[Lesion],
    measurements: Sequence[Measurement],
    events: Sequence[LesionEvent],
    *,
    journal: Journal,
) -> None:
    """Warn of lesions that an image cuts off, or does not show at all."""
    cut = {(m.lesion_id, m.timepoint_index) for m in measurements if AT_IMAGE_EDGE in m.flags}
    gone = {(i, e.timepoint_index) for e in events
            if e.kind is EventKind.VANISHED for i in e.lesion_ids}  # fmt: skip
    for lesion in lesions:
        for result in results:
            name = result.aligned.timepoint.name
            if (lesion.id, result.index) in cut:
                journal.warn(
                    f"Lesion {lesion.id} reaches the edge of the image of {name}: part of it may "
                    "be missing, so that its change is not known."
                )
            elif lesion.id in result.lesions or (lesion.id, result.index) in gone:
                continue
            elif not _is_imaged(lesion.id, result, results):
                journal.warn(f"The image of {name} does not show the place of lesion {lesion.id}.")


def _is_imaged(lesion_id: int, there: TimepointResult, results: Sequence[TimepointResult]) -> bool:
    """Tell whether a timepoint shows where a lesion is at others; yes if that is not known."""
    if not succeeded(there.aligned.to_baseline):
        return True
    view = there.aligned.geometry, there.aligned.to_baseline
    return any(
        is_imaged(Found(r.lesions[lesion_id].labels, r.aligned.to_baseline), view)
        for r in results
        if lesion_id in r.lesions and succeeded(r.aligned.to_baseline)
    )
