"""Fractions in thick slices."""

import numpy as np
import pytest

from imgcompare.segmentation.partial_volume import Channels, unmix
from imgcompare.segmentation.thick_slices import is_thick, resolve
from tests.segmentation.test_partial_volume import ball

SPACING = (5.0, 1.0, 1.0)
OUTSIDE, RIM, CORE = 0, 1, 2

# Two images in which rim and outside, half and half, look much like core and rim.
PURE = {OUTSIDE: (0.9, 2.0), RIM: (2.2, 1.9), CORE: (0.7, 2.8)}


def scanned(radii, noise=0.03, seed=0):
    """Images, labels by the largest fraction, and true fractions [outside, rim, core]."""
    core, rim, outside = ball(SPACING, radii)
    truth = np.stack([outside, rim, core])
    pure = np.array([PURE[k] for k in (OUTSIDE, RIM, CORE)])
    random = np.random.default_rng(seed)
    images = np.tensordot(pure.T, truth, axes=(1, 0))
    images = images + noise * random.standard_normal(images.shape)
    labels = truth.argmax(axis=0).astype(np.uint8)
    return Channels(images.astype(np.float32), [noise, noise], SPACING), labels, truth


def solved(channels, labels):
    codes, start = unmix(channels, labels)
    return codes, start, resolve(channels, codes, start, cores=(CORE,))


@pytest.mark.parametrize("radii", [(4.0, 8.0), (7.0, 9.0), (9.0, 13.0)])
def test_volumes_of_small_rings(radii):
    channels, labels, truth = scanned(radii)
    codes, _, fractions = solved(channels, labels)
    assert list(codes) == [OUTSIDE, RIM, CORE]
    np.testing.assert_allclose(fractions.sum(axis=0), 1.0, atol=1e-4)
    assert fractions.min() >= 0.0
    for code, limit in ((RIM, 0.05), (CORE, 0.10)):
        assert fractions[code].sum() == pytest.approx(truth[code].sum(), rel=limit)


def test_half_filled_ends_are_not_taken_for_core():
    channels, labels, truth = scanned((4.0, 8.0))
    ends = (truth[CORE] == 0) & (labels == RIM)
    labels[ends & (truth[RIM] < 0.75)] = CORE
    _, start, fractions = solved(channels, labels)
    false_start, false = (f[CORE][truth[CORE] == 0].sum() for f in (start, fractions))
    assert false_start > 5.0
    assert false < 0.35 * false_start


def test_one_tissue_is_left_alone():
    channels, labels, _ = scanned((4.0, 8.0))
    codes = np.array([RIM], dtype=np.uint8)
    full = np.ones((1, *labels.shape), dtype=np.float32)
    np.testing.assert_array_equal(resolve(channels, codes, full), full)


@pytest.mark.parametrize(
    ("spacing", "thick"), [((1.0, 1.0, 1.0), False), ((1.5, 1.0, 1.0), False), (SPACING, True)]
)
def test_thick_means_much_thicker_than_pixels(spacing, thick):
    assert is_thick(spacing) is thick
