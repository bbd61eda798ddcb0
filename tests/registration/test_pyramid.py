import numpy as np
import pytest

from imgcompare.geometry import Geometry
from imgcompare.model import Quantity, Volume
from imgcompare.registration import engines, pyramid
from imgcompare.registration.foreground import find_foreground, otsu_threshold
from tests.builders import ellipsoid
from tests.registration.scenes import grid, scan


def _build(volume, finest_mm=1.0):
    return pyramid.build(volume, engines.choose(), finest_mm=finest_mm, what="test")


def test_levels_cover_the_same_box_and_keep_thick_slices():
    geometry = grid((9, 64, 65), spacing_mm=(5.0, 1.0, 1.0), oblique_deg=(10, 5, 3))
    values = np.random.default_rng(0).random(geometry.shape, dtype=np.float32)
    levels = _build(Volume(values, geometry)).levels
    assert list(sorted(levels)) == [1.0, 2.0, 4.0, 8.0]
    assert levels[1.0].values is not None
    assert levels[2.0].values.shape == (9, 32, 33)
    assert levels[8.0].values.shape == (5, 8, 9)
    for level in levels.values():
        corner = level.affine @ np.array([-0.5, -0.5, -0.5, 1.0])
        expected = geometry.affine @ np.array([-0.5, -0.5, -0.5, 1.0])
        np.testing.assert_allclose(corner, expected, atol=1e-9)


def test_copies_take_a_byte_a_voxel_over_the_range_of_tissue():
    volume = scan(grid())
    spoiled = volume.array.copy()
    spoiled[0, 0, 0] = 1e9
    for array in (volume.array, spoiled):
        finest = _build(Volume(array, volume.geometry), 4.0).levels[4.0].values
        assert finest.dtype == np.uint8
        assert finest.min() == 0
        assert finest.max() == 255
        inner = volume.array[10:26, 12:36, 10:32]
        assert np.corrcoef(finest[10:26, 12:36, 10:32].ravel(), inner.ravel())[0, 1] > 0.99


def test_a_pattern_that_averages_out_does_not_stop_the_build():
    checks = (np.indices((32, 32, 32)).sum(axis=0) % 2).astype(np.int16)
    levels = _build(Volume(checks, grid((32, 32, 32), spacing_mm=(1.0, 1.0, 1.0)))).levels
    assert set(np.unique(levels[1.0].values)) <= {0, 128, 255}


def test_very_large_images_are_worked_on_at_a_coarser_size():
    tall = np.broadcast_to(np.arange(600, dtype=np.int16)[:, None, None], (600, 300, 300))
    volume = Volume(tall, Geometry((600, 300, 300), np.diag([1.0, 1.0, 1.0, 1.0])))
    assert pyramid._finest(volume, 1.0) != (1, 1, 1)
    small = Volume(tall[:100], Geometry((100, 300, 300), np.eye(4)))
    assert pyramid._finest(small, 1.0) == (1, 1, 1)


def test_foreground_of_a_shaded_noisy_head():
    geometry = grid((48, 64, 56), spacing_mm=(4.0, 4.0, 4.0))
    head = ellipsoid(geometry, (0, 0, 0), (70, 85, 75))
    shading = np.linspace(0.5, 1.5, 64)[None, :, None]
    noise = np.abs(np.random.default_rng(0).normal(0, 20, geometry.shape))
    image = (head * shading * 500.0 + noise).astype(np.float32)
    image[ellipsoid(geometry, (10, 5, 0), (20, 20, 20))] = 5.0
    found = find_foreground(image)
    assert 2.0 * (found & head).sum() / (found.sum() + head.sum()) > 0.97
    assert not find_foreground(np.zeros((5, 5, 5), np.float32)).any()


def test_padding_far_below_air_does_not_hide_the_body():
    geometry = grid((30, 50, 50), spacing_mm=(6.0, 4.0, 4.0))
    body = ellipsoid(geometry, (0, 0, 0), (70, 60, 300))
    image = np.where(body, 40, -1000).astype(np.int16)
    image[:, :6] = -3024
    found = _build(Volume(image, geometry, Quantity.HU), 4.0).tight
    assert 2.0 * (found & body).sum() / (found.sum() + body.sum()) > 0.95


def test_otsu_splits_two_classes():
    values = np.concatenate([np.full(900, 10.0), np.full(100, 200.0)])
    assert otsu_threshold(values) == pytest.approx(105.0, abs=10.0)
