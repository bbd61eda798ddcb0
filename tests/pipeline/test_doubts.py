"""What makes outlines doubtful is said: edges of images, and outlines that rest on other things."""

import dataclasses

import numpy as np
import pytest

from imgcompare.measurement import AT_IMAGE_EDGE
from imgcompare.model import Comparison, Concern, Quantity, Severity, TimepointResult, Volume
from imgcompare.pipeline.doubts import compare_outlines, warn_of_edges
from imgcompare.pipeline.journal import Journal


def test_lesions_cut_off_or_not_shown_are_warned_of(followed: Comparison) -> None:
    first, last = followed.results
    grid = last.aligned.geometry.crop((0, 0, 0), (1, 2, 2))
    image = Volume(np.zeros(grid.shape, dtype=np.float32), grid, Quantity.MR_SIGNAL)
    corner = dataclasses.replace(last.aligned, images={last.aligned.reference_role: image})
    figures = [
        dataclasses.replace(m, flags=(AT_IMAGE_EDGE,))
        for m in followed.measurements
        if m.timepoint_index == 0
    ]
    journal = Journal()
    warn_of_edges(
        [first, TimepointResult(corner, {})], followed.lesions[:1], figures, (), journal=journal
    )
    cut, hidden = journal.warnings
    assert cut.startswith("Lesion 1 reaches the edge of the image of 2024-01-10")
    assert hidden == "The image of 2024-03-06 does not show the place of lesion 1."
    none = Journal()
    warn_of_edges(followed.results, followed.lesions, followed.measurements, (), journal=none)
    assert none.warnings == []


def outlined(result: TimepointResult, *, attenuation: bool, source: str) -> TimepointResult:
    lesions = {
        n: dataclasses.replace(s, attenuation_classes_only=attenuation, source=source)
        for n, s in result.lesions.items()
    }
    return TimepointResult(result.aligned, lesions)


@pytest.mark.parametrize("source", ["seed carried from baseline", "mask carried from baseline"])
def test_outlines_by_enhancement_and_by_attenuation_are_not_compared(
    followed: Comparison, source: str
) -> None:
    first, last = followed.results
    (found,) = compare_outlines([first, outlined(last, attenuation=True, source=source)])
    assert (found.severity, found.concerns) == (Severity.BLOCK, (Concern.SIZE,))
    assert (found.from_index, found.to_index, found.later) == (0, 1, "one CT phase")


def test_what_a_person_drew_is_compared(followed: Comparison) -> None:
    first, last = followed.results
    assert compare_outlines([first, outlined(last, attenuation=True, source="mask")]) == ()
    assert compare_outlines([first, last]) == ()
