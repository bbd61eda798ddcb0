"""Shape operations in mm."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from imgcompare.segmentation import morphology as shape

SPACING = (2.5, 1.0, 1.5)


def ball(radius_mm: float, *, inner_mm: float = 0.0, size: int = 31) -> np.ndarray:
    axes = [(np.arange(size) - size // 2) * s for s in SPACING]
    far = np.sqrt(sum(a**2 for a in np.meshgrid(*axes, indexing="ij")))
    return (far <= radius_mm) & (far >= inner_mm)


@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.5))
def test_depth_is_the_euclidean_distance(seed, share):
    mask = np.random.default_rng(seed).random((5, 9, 7)) > share
    expected = ndimage.distance_transform_edt(mask, sampling=SPACING)
    if mask.all():
        assert shape.depth_mm(mask, SPACING).min() == shape.FAR_MM
    else:
        np.testing.assert_allclose(shape.depth_mm(mask, SPACING), expected, atol=1e-4)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_dilation_adds_what_is_within_reach(seed, halves):
    radius = halves / 2 + 0.13  # never a distance between two voxels
    mask = np.random.default_rng(seed).random((7, 11, 9)) > 0.98
    expected = (
        ndimage.distance_transform_edt(~mask, sampling=SPACING) <= radius if mask.any() else mask
    )
    np.testing.assert_array_equal(shape.dilate(mask, radius, SPACING), expected)


def test_closing_bridges_narrow_gaps_only():
    walls = np.zeros((5, 40, 12), dtype=bool)
    walls[:, 4:8], walls[:, 12:16], walls[:, 30:34] = True, True, True
    closed = shape.close(walls, 3.0, SPACING)
    assert closed[2, 10, 6]
    assert not closed[2, 22, 6]


def test_only_a_closed_shell_has_a_hole():
    shell = ball(12.0, inner_mm=8.0)
    hole = shape.enclosed_holes(shell)
    assert hole[15, 15, 15]
    np.testing.assert_array_equal(hole, ball(12.0) & ~shell)
    shell[15, 15, 15:] = False
    assert not shape.enclosed_holes(shell).any()


def test_enclosure_is_one_inside_and_half_at_a_wall():
    shell = ball(12.0, inner_mm=9.0)
    seen = shape.enclosure(shell, SPACING, 30.0)
    assert seen[15, 15, 15] == pytest.approx(1.0)
    assert seen[0, 0, 0] < 0.3
    wall = np.zeros((21, 41, 41), dtype=bool)
    wall[:, 20] = True
    beside = shape.enclosure(wall, SPACING, 200.0)[10, 24, 20]
    assert 0.3 < beside < 0.55
    assert shape.enclosure(shell, SPACING, 3.0)[15, 15, 15] == 0.0


def test_thick_slices_are_seen_in_the_content():
    random = np.random.default_rng(0)
    fine = ndimage.gaussian_filter(random.random((96, 64, 64)), 4.0).astype(np.float32)
    body = np.ones_like(fine, dtype=bool)
    assert shape.effective_spacing(fine, body, (1.0, 1.0, 1.0)) == (1.0, 1.0, 1.0)
    lost = fine[::6]
    slice_mm, *plane = shape.effective_spacing(lost, body[::6], (1.0, 1.0, 1.0))
    assert slice_mm > 3.0
    assert plane == [1.0, 1.0]


def test_labels_of_a_zone_leave_the_background_out():
    labels, count = shape.components(np.array([[[1, 0, 1, 1]]], dtype=bool))
    assert count == 2
    assert shape.touched(labels, np.ones((1, 1, 4), dtype=bool)).tolist() == [1, 2]
    assert shape.keep_labels(labels, [0, 2]).tolist() == [[[False, False, True, True]]]
