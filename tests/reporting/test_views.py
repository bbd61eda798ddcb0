import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.model import Comparison, Role
from imgcompare.reporting.views import (
    Plane,
    baseline_to_own,
    for_viewing,
    is_aligned,
    lesion_plane,
    plane_around,
    sample,
    trimmed,
)
from tests.builders import ellipsoid, make_geometry, world_grid


def test_pictures_show_the_patients_right_on_the_left() -> None:
    """A blob on the patient's right, in front, lands in the upper left of the picture."""
    for oblique in ((0.0, 0.0, 0.0), (10.0, -15.0, 30.0)):
        grid = make_geometry(
            (20, 40, 40), spacing_mm=(2, 2, 2), origin_mm=(-40, -40, -20), oblique_deg=oblique
        )
        blob = ellipsoid(grid, (-12.0, -14.0, 0.0), (6, 6, 6)).astype(np.float32)
        plane = plane_around((0.0, 0.0, 0.0), 70.0, 70)
        rows, columns = np.nonzero(sample(blob, grid, plane, outside=0.0) > 0.5)
        assert rows.mean() < 30
        assert columns.mean() < 30


@settings(max_examples=25, deadline=None)
@given(oblique=st.tuples(*[st.floats(-40, 40)] * 3), level=st.floats(-6, 6))
def test_sampling_reproduces_a_linear_field(
    oblique: tuple[float, float, float], level: float
) -> None:
    grid = make_geometry(
        (16, 18, 20), spacing_mm=(3, 2, 2.5), origin_mm=(-20, -20, -20), oblique_deg=oblique
    )
    slope = np.array([0.3, -0.7, 1.1])
    field = (world_grid(grid) @ slope).astype(np.float32)
    plane = plane_around((0, 0, level), 16.0, 9)
    points = plane.points()
    inner = grid.world_to_index(points)
    inside = ((inner >= 0) & (inner <= np.array(grid.shape) - 1)).all(axis=-1)
    values = sample(field, grid, plane)
    assert np.allclose(values[inside], (points @ slope)[inside], atol=1e-3)


def test_outside_is_marked_and_the_border_half_voxel_is_not() -> None:
    grid = make_geometry((1, 4, 4), spacing_mm=(5, 1, 1), origin_mm=(0, 0, 0))
    ones = np.ones(grid.shape, np.float32)
    for corner, outside in (
        ((0.0, 0.0, 2.4), False),
        ((0.0, 0.0, 2.6), True),
        ((-0.4, 0.0, 0.0), False),
        ((-0.6, 0.0, 0.0), True),
    ):
        assert np.isnan(sample(ones, grid, Plane(corner, 1.0, 1))).item() is outside


def test_planes_know_their_size() -> None:
    plane = plane_around((1.0, 2.0, 3.0), 50.0, 100)
    assert plane.side_mm == pytest.approx(50.0)
    assert plane.level_mm == 3.0
    assert np.allclose(plane.points().mean(axis=(0, 1)), (1, 2, 3))
    assert np.allclose(plane.points()[0, 1] - plane.points()[0, 0], (0.5, 0, 0))


def test_the_plane_goes_through_the_lesion_in_baseline_space(comparison: Comparison) -> None:
    plane = lesion_plane(comparison, 1)
    assert plane is not None
    centre = np.array(plane.corner_mm) + plane.step_mm * (plane.pixels - 1) / 2 * np.array(
        [1, 1, 0]
    )
    assert np.abs(centre - (34.0, -12.0, 30.0)).max() < 6.0
    assert lesion_plane(comparison, 99) is None


def test_follow_up_is_shown_at_the_same_anatomy(comparison: Comparison) -> None:
    """The rim at follow-up lies around the core at baseline, though the head has moved."""
    plane = lesion_plane(comparison, 1)
    assert plane is not None
    first, second = comparison.results
    flair = [r.aligned.images[Role.FLAIR] for r in (first, second)]
    images = [
        sample(v.array, v.geometry, plane, to_own=baseline_to_own(r))
        for v, r in zip(flair, (first, second), strict=True)
    ]
    similarity = np.corrcoef(images[0].ravel(), images[1].ravel())[0, 1]
    unmoved = sample(flair[1].array, flair[1].geometry, plane)
    assert similarity > 0.85
    known = np.isfinite(unmoved)
    assert np.corrcoef(images[0][known], unmoved[known])[0, 1] < similarity - 0.2


def test_failed_alignments_are_shifted_to_show_the_lesion_and_known(
    comparison: Comparison,
) -> None:
    last = comparison.results[1]
    quality = last.aligned.to_baseline.quality
    assert quality is not None
    failed = dataclasses.replace(
        last.aligned.to_baseline, quality=dataclasses.replace(quality, succeeded=False)
    )
    broken = dataclasses.replace(
        last, aligned=dataclasses.replace(last.aligned, to_baseline=failed)
    )
    shown = for_viewing(dataclasses.replace(comparison, results=(comparison.results[0], broken)))
    assert not is_aligned(shown.results[1])
    own, there = (r.lesions[1].geometry.centre_mm for r in shown.results)
    assert np.allclose(shown.results[1].aligned.to_baseline.apply(there), own)
    assert for_viewing(comparison) is comparison


def test_trimming_keeps_all_that_is_bright() -> None:
    plane = Plane((-50.0, -50.0, 0.0), 1.0, 100)
    image = np.full((100, 100), np.nan, np.float32)
    image[20:60, 30:50] = 5.0
    cut = trimmed(plane, image, 1.0)
    assert cut.side_mm == pytest.approx(51.0)
    ends = cut.points()[[0, -1], [0, -1]]
    assert (ends[0][:2] < (-20, -30)).all()
    assert (ends[1][:2] > (-1, 9)).all()
    assert trimmed(plane, image, 9.0) is plane
