"""Voxels are shown where they are, the right way round, and labels find their way back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari_imgcompare.spaces import (
    display_grid,
    is_parallel,
    native_labels,
    show_labels,
    show_volume,
    to_patient,
    to_world,
)

from imgcompare.geometry import Geometry
from imgcompare.model import LabelMap, Quantity, Volume
from tests.builders import make_geometry, make_volume


def turned(order: tuple[int, ...], signs: tuple[int, ...]) -> Geometry:
    """A grid whose slice, row and column axes run along any patient axes, any way."""
    spacing = (2.0, 1.5, 0.7)
    affine = np.eye(4)
    affine[:3, :3] = 0.0
    for axis, (world, sign) in enumerate(zip(order, signs, strict=True)):
        affine[world, axis] = sign * spacing[axis]
    affine[:3, 3] = (-12.0, 7.0, 31.0)
    return Geometry((5, 7, 9), affine, "1.2.3")


orders = st.permutations([0, 1, 2]).map(tuple)
signs = st.tuples(*[st.sampled_from([-1, 1])] * 3)


@settings(max_examples=40, deadline=None)
@given(order=orders, sign=signs, seed=st.integers(0, 99))
def test_every_voxel_of_an_aligned_series_is_shown_where_it_is(order, sign, seed):
    volume = make_volume(turned(order, sign), seed=seed)
    shown = show_volume(volume)
    assert not shown.resampled
    rng = np.random.default_rng(seed)
    for _ in range(10):
        index = tuple(int(rng.integers(0, n)) for n in volume.geometry.shape)
        world = to_world(volume.geometry.index_to_world(index))
        there = np.rint((world - shown.translate) / shown.scale).astype(int)
        assert shown.array[tuple(there)] == volume.array[index]


@settings(max_examples=40, deadline=None)
@given(order=orders, sign=signs)
def test_labels_of_an_aligned_series_come_back_unchanged(order, sign):
    grid = turned(order, sign)
    labels = LabelMap(np.random.default_rng(3).integers(0, 4, grid.shape).astype(np.uint8), grid)
    shown = show_labels(labels)
    back = native_labels(shown.array, shown.grid, grid)
    np.testing.assert_array_equal(back.array, labels.array)
    assert back.geometry == grid


def test_the_patients_left_is_on_the_right_and_the_back_below():
    geometry = make_geometry((6, 8, 10), spacing_mm=(2, 1, 1), origin_mm=(-5, -4, 0))
    array = np.zeros(geometry.shape)
    left_back = tuple(np.rint(geometry.world_to_index((4.0, 3.0, 4.0))).astype(int))
    array[left_back] = 1.0
    shown = show_volume(Volume(array, geometry, Quantity.MR_SIGNAL))
    _, row, column = np.argwhere(shown.array == 1.0)[0]
    assert row > shown.array.shape[1] / 2  # rows go down the screen: the back is below
    assert column > shown.array.shape[2] / 2  # columns go right: the patient's left


def test_an_oblique_series_is_shown_on_an_orthogonal_copy():
    geometry = make_geometry((20, 30, 30), spacing_mm=(2, 1, 1), oblique_deg=(15, 5, 0))
    assert not is_parallel(geometry)
    z = np.stack(np.indices(geometry.shape), axis=-1)
    height = geometry.index_to_world(z)[..., 2]
    shown = show_volume(Volume(height.astype(np.float32), geometry, Quantity.MR_SIGNAL))
    assert shown.resampled
    inside = np.array(shown.array.shape) // 2
    expected = shown.translate[0] + inside[0] * shown.scale[0]
    assert shown.array[tuple(inside)] == pytest.approx(expected, abs=0.05)
    assert np.allclose(np.abs(shown.grid.directions).max(axis=0), 1.0)


def test_an_oblique_grid_is_covered_whole():
    geometry = make_geometry((20, 30, 30), spacing_mm=(2, 1, 1), oblique_deg=(15, 5, 30))
    grid = display_grid(geometry)
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in geometry.shape])).reshape(3, -1).T
    assert grid.contains(geometry.index_to_world(corners)).all()


def test_a_huge_oblique_grid_is_made_coarser():
    grid = display_grid(make_geometry((400, 900, 900), oblique_deg=(20, 10, 0)))
    assert np.prod(grid.shape) < 90_000_000


def test_world_and_patient_order_are_each_others_inverse():
    np.testing.assert_array_equal(to_world([1.0, 2.0, 3.0]), [3.0, 2.0, 1.0])
    np.testing.assert_array_equal(to_patient(to_world([[1.0, 2.0, 3.0]])), [[1.0, 2.0, 3.0]])
