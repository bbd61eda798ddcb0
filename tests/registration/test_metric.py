import numpy as np
import pytest

from imgcompare.registration import TransformKind, engines, pyramid
from imgcompare.registration.metric import (
    make_metric,
    mutual_information,
    normalised_mutual_information,
)
from imgcompare.registration.motion import Motion
from imgcompare.registration.search import AlongMotion
from tests.registration.scenes import grid, rigid, scan


@pytest.fixture(scope="module")
def pyramids():
    fixed = scan(grid((20, 26, 22), spacing_mm=(8.0, 7.0, 7.5), oblique_deg=(5, 3, 8)), seed=1)
    moving = scan(grid((22, 24, 21), spacing_mm=(7.0, 7.0, 8.0), shear=0.1), contrast=1, seed=2)
    work = engines.choose(engines.Engine.NUMPY)
    return [pyramid.build(v, work, finest_mm=8.0, what="test") for v in (fixed, moving)]


@pytest.mark.parametrize("kind", list(TransformKind))
@pytest.mark.parametrize("reward_overlap", [False, True])
def test_gradient_against_finite_differences(pyramids, kind, reward_overlap):
    work = engines.choose(engines.Engine.NUMPY)
    metric = make_metric(*pyramids, 8.0, arithmetic=work, bins=16, reward_overlap=reward_overlap)
    motion = Motion(kind, rigid((3, -4, 5), (9, -40, 6)), pyramids[0].centre_mm, 60.0)
    along = AlongMotion(metric, motion)
    x = np.random.default_rng(0).normal(0.0, 2.0, motion.count)
    along.cost(x)
    exact = along.slope(x)
    step = 1e-5 * np.eye(motion.count)
    numeric = [(along.cost(x + s) - along.cost(x - s)) / 2e-5 for s in step]
    np.testing.assert_allclose(exact, numeric, rtol=1e-3, atol=1e-3 * np.abs(exact).max())


def test_compiled_gradient_agrees(pyramids):
    costs = []
    for engine in (engines.Engine.NUMPY, engines.Engine.NUMBA):
        metric = make_metric(*pyramids, 8.0, arithmetic=engines.choose(engine), bins=16)
        along = AlongMotion(metric, Motion(TransformKind.RIGID, np.eye(4), np.zeros(3), 60.0))
        x = np.array([3.0, -2.0, 1.0, 4.0, 5.0, -6.0])
        costs.append((along.cost(x), along.slope(x)))
    assert costs[0][0] == pytest.approx(costs[1][0], rel=1e-5)
    np.testing.assert_allclose(costs[0][1], costs[1][1], rtol=1e-3, atol=1e-5)


def test_information_of_known_histograms():
    diagonal = np.diag([1.0, 1.0, 1.0, 1.0])
    assert mutual_information(diagonal) == pytest.approx(np.log(4))
    assert normalised_mutual_information(diagonal) == pytest.approx(2.0)
    independent = np.ones((3, 5))
    assert mutual_information(independent) == pytest.approx(0.0, abs=1e-12)
    assert normalised_mutual_information(independent) == pytest.approx(1.0)
    nothing = np.zeros((3, 3))
    assert mutual_information(nothing) == 0.0
    assert normalised_mutual_information(nothing) == 1.0


def test_no_overlap_is_worthless(pyramids):
    metric = make_metric(*pyramids, 8.0, arithmetic=engines.choose(), bins=16, reward_overlap=True)
    far = rigid((0, 0, 0), (2000.0, 0.0, 0.0))
    match = metric.match(far)
    assert match.cost == 0.0
    assert not metric.slope(match).any()
    assert metric.match(np.eye(4)).cost < -0.1


def test_samples_are_spaced_evenly_and_few_enough(pyramids):
    work = engines.choose()
    level = pyramids[0].levels[8.0]
    every = make_metric(*pyramids, 8.0, arithmetic=work, bins=16)
    few = make_metric(*pyramids, 8.0, arithmetic=work, bins=16, most=2000)
    assert 500 < few.fixed.used <= 2000 < every.fixed.used
    spacing = np.linalg.norm(few.fixed_affine[:3, :3], axis=0)
    assert spacing.max() <= 2.0 * spacing.min()
    np.testing.assert_array_equal(few.fixed_affine[:, 3], level.affine[:, 3])
    assert few.match(np.eye(4)).information == pytest.approx(
        every.match(np.eye(4)).information, rel=0.3
    )
