"""Agreement of neighbours."""

import numpy as np

from imgcompare.segmentation.regularise import smooth_probability

SPACING = (1.0, 1.0, 1.0)


def half_and_half(noise: float) -> tuple[np.ndarray, np.ndarray]:
    truth = np.zeros((20, 20, 20), dtype=bool)
    truth[:, :, 10:] = True
    clean = np.where(truth, 1.0, -1.0)
    random = np.random.default_rng(0)
    evidence = clean + noise * random.standard_normal(truth.shape)
    return truth, evidence.astype(np.float32)


def test_noise_is_overruled_by_neighbours():
    truth, evidence = half_and_half(1.0)
    region = np.ones(truth.shape, dtype=bool)
    before = ((evidence > 0) != truth).mean()
    after = ((smooth_probability(evidence, region, SPACING) > 0.5) != truth).mean()
    assert before > 0.1
    assert after < before / 3


def test_strong_evidence_wins_over_neighbours():
    evidence = np.full((9, 9, 9), -1.0, dtype=np.float32)
    evidence[4, 4, 4] = 8.0
    region = np.ones(evidence.shape, dtype=bool)
    assert smooth_probability(evidence, region, SPACING)[4, 4, 4] > 0.5


def test_weak_evidence_does_not():
    evidence = np.full((9, 9, 9), -1.0, dtype=np.float32)
    evidence[4, 4, 4] = 0.5
    region = np.ones(evidence.shape, dtype=bool)
    assert smooth_probability(evidence, region, SPACING)[4, 4, 4] < 0.5


def test_what_lies_outside_the_region_has_no_say():
    truth, evidence = half_and_half(0.5)
    region = np.zeros(truth.shape, dtype=bool)
    region[5:15, 5:15, 5:15] = True
    changed = np.where(region, evidence, np.float32(99.0))
    first = smooth_probability(evidence, region, SPACING)
    np.testing.assert_array_equal(first, smooth_probability(changed, region, SPACING))
    assert not first[~region].any()


def test_far_slices_count_less():
    evidence = np.full((3, 9, 9), -2.0, dtype=np.float32)
    evidence[1] = 0.3
    region = np.ones(evidence.shape, dtype=bool)
    assert smooth_probability(evidence, region, (5.0, 1.0, 1.0))[1, 4, 4] > 0.5
    assert smooth_probability(evidence, region, (1.0, 5.0, 5.0))[1, 4, 4] < 0.5
