"""Two classes of one feature within bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.segmentation.mixture import MAX_EVIDENCE, Bounds, separate

BOUNDS = Bounds(low_cap=0.08, high_floor=0.15, gap=0.15, sd_floor=0.03)


def sample(*classes: tuple[int, float, float]) -> np.ndarray:
    random = np.random.default_rng(3)
    return np.concatenate([random.normal(m, s, n) for n, m, s in classes])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_two_classes_are_found_and_split_half_way(share):
    n = 20000
    values = sample((int(n * share), 0.0, 0.05), (int(n * (1 - share)), 0.8, 0.15))
    classes = separate(values, BOUNDS)
    assert classes.low == pytest.approx(0.0, abs=0.03)
    assert classes.high == pytest.approx(0.8, abs=0.05)
    assert classes.threshold == pytest.approx(0.4, abs=0.04)


def test_a_heterogeneous_high_class_is_not_split():
    classes = separate(sample((9000, 0.9, 0.25)), BOUNDS)
    assert not classes.has_low
    assert classes.threshold <= BOUNDS.low_cap


def test_nothing_enhances():
    classes = separate(sample((9000, 0.02, 0.04)), BOUNDS)
    assert not classes.has_high
    assert classes.threshold > 0.08


def test_a_weak_second_class_is_no_enhancement():
    classes = separate(sample((5000, -0.1, 0.03), (5000, 0.1, 0.03)), BOUNDS)
    assert not classes.has_high


@settings(max_examples=25, deadline=None)
@given(st.floats(-0.3, 0.05), st.floats(0.4, 2.0), st.floats(0.03, 0.1))
def test_evidence_rises_with_the_value_and_is_bounded(low, high, sd):
    classes = separate(sample((4000, low, sd), (4000, high, 2 * sd)), BOUNDS)
    evidence = classes.evidence(np.linspace(-3, 5, 500))
    assert (np.diff(evidence) >= 0).all()
    assert np.abs(evidence).max() <= MAX_EVIDENCE
    assert classes.evidence(np.array([classes.threshold]))[0] == pytest.approx(0, abs=1e-4)
