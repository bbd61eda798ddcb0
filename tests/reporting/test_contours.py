import dataclasses

import numpy as np
import pytest

from imgcompare.model import Comparison, Tissue
from imgcompare.reporting.contours import tissue_outlines, whole_outline
from imgcompare.reporting.views import baseline_to_own, lesion_plane, plane_around, sample


def area(lines: list[np.ndarray]) -> float:
    """Area inside outlines, holes counted negative by their direction."""
    total = 0.0
    for points in lines:
        y, x = points[:, 0], points[:, 1]
        total += 0.5 * float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))
    return abs(total)


def test_outlines_enclose_the_area_of_the_fractions(comparison: Comparison) -> None:
    plane = lesion_plane(comparison, 1)
    assert plane is not None
    for result in comparison.results:
        lesion = result.lesions[1]
        own = baseline_to_own(result)
        inside = sample(lesion.fraction(), lesion.geometry, plane, to_own=own, outside=0.0)
        lines = whole_outline(result, lesion, plane)
        assert area(lines) == pytest.approx(float(inside.sum()), rel=0.02)
        found = tissue_outlines(result, lesion, plane)
        assert set(found) == {Tissue.ENHANCING, Tissue.NECROTIC, Tissue.OEDEMA}


def test_labels_without_fractions_are_outlined_too(comparison: Comparison) -> None:
    plane = lesion_plane(comparison, 1)
    assert plane is not None
    result = comparison.results[0]
    labels_only = dataclasses.replace(result.lesions[1], fractions={})
    found = tissue_outlines(result, labels_only, plane)
    assert Tissue.NECROTIC in found
    with_fractions = area(whole_outline(result, result.lesions[1], plane))
    assert area(whole_outline(result, labels_only, plane)) == pytest.approx(
        with_fractions, rel=0.08
    )


def test_far_from_the_lesion_nothing_is_drawn(comparison: Comparison) -> None:
    result = comparison.results[0]
    plane = plane_around((-60.0, 60.0, 0.0), 20.0, 40)
    assert tissue_outlines(result, result.lesions[1], plane) == {}
    assert whole_outline(result, result.lesions[1], plane) == []
