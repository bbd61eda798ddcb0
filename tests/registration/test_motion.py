import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imgcompare.registration.motion import (
    Motion,
    rotation_degrees,
    rotation_derivatives,
    rotation_matrix,
)
from imgcompare.registration.optimise import minimise
from imgcompare.registration.settings import TransformKind
from tests.registration.scenes import rigid

component = st.floats(-2.0, 2.0)


@given(st.tuples(component, component, component))
def test_rotation_agrees_with_scipy(vector):
    matrix = rotation_matrix(vector)
    np.testing.assert_allclose(matrix, Rotation.from_rotvec(vector).as_matrix(), atol=1e-12)
    # An arc cosine near 1 resolves no angle below 1e-6 degrees.
    assert rotation_degrees(matrix) == pytest.approx(
        np.degrees(Rotation.from_rotvec(vector).magnitude()), abs=1e-4
    )


@given(st.tuples(component, component, component))
def test_rotation_derivatives_against_finite_differences(vector):
    exact = rotation_derivatives(vector)
    for n, step in enumerate(np.eye(3) * 1e-6):
        numeric = (rotation_matrix(vector + step) - rotation_matrix(vector - step)) / 2e-6
        np.testing.assert_allclose(exact[n], numeric, atol=1e-5)


@pytest.mark.parametrize("kind", list(TransformKind))
def test_motion_starts_at_its_base_and_pulls_back_slopes(kind):
    base = rigid((10, 20, -5), (3, 4, 5))
    motion = Motion(kind, base, np.array([10.0, -5.0, 8.0]), 50.0)
    np.testing.assert_allclose(motion.matrix(np.zeros(motion.count)), base, atol=1e-12)
    weights = np.random.default_rng(0).normal(size=(3, 4))
    x = np.random.default_rng(1).normal(size=motion.count)
    exact = motion.pull_back(x, weights)
    for n, step in enumerate(np.eye(motion.count) * 1e-6):
        difference = motion.matrix(x + step)[:3] - motion.matrix(x - step)[:3]
        assert exact[n] == pytest.approx((weights * difference).sum() / 2e-6, abs=1e-5)


class Rosenbrock:
    calls = 0

    def cost(self, x):
        self.calls += 1
        return float((1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2)

    def slope(self, x):
        return np.array(
            [-2 * (1 - x[0]) - 400 * x[0] * (x[1] - x[0] ** 2), 200 * (x[1] - x[0] ** 2)]
        )


def test_minimise_follows_a_curved_valley():
    start = np.array([-1.2, 1.0])
    limits = {"first_step": 0.1, "longest_step": 1.0}
    found = minimise(Rosenbrock(), start, tolerance=1e-8, **limits)
    np.testing.assert_allclose(found.x, [1.0, 1.0], atol=1e-5)
    early = minimise(Rosenbrock(), start, tolerance=1e-8, most_evaluations=5, **limits)
    assert early.evaluations <= 30
    assert early.cost > found.cost


def test_minimise_reuses_curvature():
    limits = {"first_step": 0.1, "longest_step": 1.0, "tolerance": 1e-6}
    first = minimise(Rosenbrock(), np.array([0.9, 0.8]), **limits)
    again = minimise(
        Rosenbrock(), np.array([1.001, 1.002]), inverse_hessian=first.inverse_hessian, **limits
    )
    assert again.evaluations < first.evaluations


def test_minimise_stays_at_a_minimum_and_survives_a_flat_cost():
    limits = {"first_step": 0.1, "longest_step": 1.0, "tolerance": 1e-6}
    there = minimise(Rosenbrock(), np.array([1.0, 1.0]), **limits)
    np.testing.assert_array_equal(there.x, [1.0, 1.0])
