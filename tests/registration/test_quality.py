from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from imgcompare.model import Volume
from imgcompare.registration import RegistrationSettings, register
from imgcompare.registration.quality import (
    CLEARLY_MIRRORED,
    LARGEST_INCONSISTENCY_MM,
    LARGEST_MIRRORED,
    LARGEST_REMAINDER,
    LEAST_INFORMATION,
    LEAST_OVERLAP,
    SMALLEST_FOREGROUND_ML,
    Evidence,
    verdict,
)
from tests.registration.scenes import grid, rigid, scan

COARSE = RegistrationSettings(finest_mm=4.0)
FIXED = scan(grid(), seed=1)
MOVED = scan(grid(), rigid((6.0, -4.0, 8.0), (5.0, 9.0, -4.0)), contrast=1, seed=2)


def _noise():
    array = np.random.default_rng(3).normal(100.0, 20.0, FIXED.array.shape)
    return Volume(array.astype(np.float32), FIXED.geometry)


def _smooth_noise():
    array = np.random.default_rng(4).normal(0.0, 100.0, FIXED.array.shape)
    return Volume(ndimage.gaussian_filter(array, 2.0).astype(np.float32), FIXED.geometry)


def _almost_empty():
    array = np.zeros(FIXED.array.shape, np.float32)
    array[10:13, 20:23, 20:23] = 100.0
    return Volume(array, FIXED.geometry)


def _flipped(axis):
    return Volume(np.flip(MOVED.array, axis), MOVED.geometry)


def _other_body():
    # Vessels through a wide box: nothing of the scene is in it.
    world = FIXED.geometry.index_to_world(np.stack(np.indices(FIXED.array.shape), axis=-1))
    array = np.where(np.abs(world[..., 1]) < 60, 500.0, 20.0)
    array[np.hypot(world[..., 0] - 20, world[..., 1]) < 12] = 900.0
    array[np.hypot(world[..., 0] + 30, world[..., 2] + 10) < 9] = 100.0
    array += np.random.default_rng(5).normal(0.0, 10.0, array.shape)
    return Volume(array.astype(np.float32), FIXED.geometry)


def test_the_true_pair_succeeds():
    quality = register(MOVED, FIXED, settings=COARSE).quality
    assert quality.succeeded, quality.reason
    assert quality.reason


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (_noise(), "almost no information"),
        (_smooth_noise(), "information"),
        (_almost_empty(), "mL of tissue"),
        (_flipped(0), "mirrored"),
        (_flipped(1), "mirrored"),
        (_flipped(2), "mirrored"),
        (_other_body(), ""),
    ],
    ids=["noise", "smooth", "empty", "upside down", "back to front", "left-right", "other"],
)
def test_false_pairs_are_called_failed(image, words):
    for moving, fixed in ((image, FIXED), (FIXED, image)):
        quality = register(moving, fixed, settings=COARSE).quality
        assert not quality.succeeded
        assert words in quality.reason


GOOD = Evidence(
    foreground_ml=1500.0,
    information=0.5,
    remainder=0.3,
    mirrored=0.7,
    inconsistency_mm=0.1,
    largest_spacing_mm=1.0,
    overlap=0.9,
    turned_deg=10.0,
    shifted_mm=20.0,
)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"foreground_ml": SMALLEST_FOREGROUND_ML - 1}, "tissue"),
        ({"information": LEAST_INFORMATION - 0.001}, "information"),
        ({"information": float("nan")}, "information"),
        ({"remainder": LARGEST_REMAINDER + 0.01}, "distinctive"),
        ({"mirrored": LARGEST_MIRRORED + 0.01}, "mirrored"),
        ({"mirrored": CLEARLY_MIRRORED + 0.01, "remainder": 0.9}, "mirrored"),
        ({"inconsistency_mm": LARGEST_INCONSISTENCY_MM + 0.1}, "back"),
        ({"overlap": LEAST_OVERLAP - 0.01}, "tissue is in the other"),
        ({"turned_deg": 45.0}, "turned"),
        ({"shifted_mm": 95.0}, "shifted"),
    ],
)
def test_each_threshold(change, words):
    settings = RegistrationSettings()
    assert verdict(GOOD, settings)[0]
    succeeded, reason = verdict(replace(GOOD, **change), settings)
    assert not succeeded
    assert words in reason


def test_thick_slices_may_be_less_consistent():
    thick = replace(GOOD, inconsistency_mm=3.0, largest_spacing_mm=8.0)
    assert verdict(thick, RegistrationSettings())[0]
    assert not verdict(replace(thick, largest_spacing_mm=3.0), RegistrationSettings())[0]
    assert verdict(replace(GOOD, inconsistency_mm=None), RegistrationSettings())[0]


def test_inverse_check_can_be_left_out():
    settings = RegistrationSettings(finest_mm=4.0, inverse_check=False)
    quality = register(MOVED, FIXED, settings=settings).quality
    assert quality.inverse_consistency_mm is None
    assert quality.succeeded
