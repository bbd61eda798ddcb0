"""Fractions of voxels."""

import numpy as np
import pytest

from imgcompare.segmentation.partial_volume import Channels, unmix

OUTSIDE, RIM, CORE = 0.0, 1.0, 0.2


def ball(spacing: tuple[float, float, float], radii: tuple[float, float]) -> np.ndarray:
    """Fractions of core, rim and outside of a ring, supersampled."""
    sub = 5
    shape = [int(np.ceil(44.0 / s)) for s in spacing]
    axes = [
        (((np.arange(n * sub) + 0.5) / sub - 0.5) - (n - 1) / 2) * s
        for n, s in zip(shape, spacing, strict=True)
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    radius = np.sqrt((z - 0.7) ** 2 + (y + 0.3) ** 2 + (x - 0.2) ** 2)
    parts = [radius < radii[0], (radius >= radii[0]) & (radius < radii[1]), radius >= radii[1]]
    split = (shape[0], sub, shape[1], sub, shape[2], sub)
    return np.stack([p.reshape(split).mean(axis=(1, 3, 5)) for p in parts])


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 1.0, 1.0), (5.0, 1.0, 1.0)])
@pytest.mark.parametrize("noise", [0.0, 0.04])
def test_volumes_are_right_though_voxels_are_mixed(spacing, noise):
    truth = ball(spacing, (10.0, 14.0))
    image = np.tensordot([CORE, RIM, OUTSIDE], truth, axes=(0, 0))
    image = image + noise * np.random.default_rng(0).standard_normal(image.shape)
    labels = np.array([2, 1, 0], dtype=np.uint8)[truth.argmax(axis=0)]
    channels = Channels(image.astype(np.float32)[None], [max(noise, 0.01)], spacing)
    codes, fractions = unmix(channels, labels)
    assert list(codes) == [0, 1, 2]
    np.testing.assert_allclose(fractions.sum(axis=0), 1.0, atol=1e-4)
    assert fractions.min() >= 0.0
    assert fractions[1].sum() == pytest.approx(truth[1].sum(), rel=0.04)
    assert fractions[2].sum() == pytest.approx(truth[0].sum(), rel=0.06)


def test_fractions_beat_counting_where_labels_are_biased():
    spacing = (1.0, 1.0, 1.0)
    truth = ball(spacing, (10.0, 14.0))
    image = np.tensordot([CORE, RIM, OUTSIDE], truth, axes=(0, 0)).astype(np.float32)
    labels = np.where(truth[0] > 0.5, 2, np.where(truth[2] < 0.8, 1, 0)).astype(np.uint8)
    _, fractions = unmix(Channels(image[None], [0.01], spacing), labels)
    true = truth[1].sum()
    assert abs(fractions[1].sum() - true) < 0.5 * abs((labels == 1).sum() - true)


def test_one_label_is_left_alone():
    image = np.random.default_rng(0).random((1, 5, 6, 7)).astype(np.float32)
    labels = np.full((5, 6, 7), 3, dtype=np.uint8)
    codes, fractions = unmix(Channels(image, [0.1], (1.0, 1.0, 1.0)), labels)
    assert list(codes) == [3]
    assert (fractions == 1.0).all()


def test_signal_gain_changes_no_fraction():
    truth = ball((1.0, 1.0, 1.0), (6.0, 9.0))
    image = np.tensordot([CORE, RIM, OUTSIDE], truth, axes=(0, 0)).astype(np.float32)
    labels = np.array([2, 1, 0], dtype=np.uint8)[truth.argmax(axis=0)]
    _, first = unmix(Channels(image[None], [0.02], (1.0, 1.0, 1.0)), labels)
    _, second = unmix(Channels(8 * image[None], [0.16], (1.0, 1.0, 1.0)), labels)
    np.testing.assert_allclose(first, second, atol=1e-3)
