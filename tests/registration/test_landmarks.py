import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imgcompare.errors import RegistrationError
from imgcompare.registration.landmarks import rigid_from_landmarks


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), count=st.integers(3, 8))
def test_the_motion_is_found_again(seed, count):
    rng = np.random.default_rng(seed)
    fixed = rng.uniform(-80, 80, (count, 3))
    if np.linalg.svd(fixed - fixed.mean(0), compute_uv=False)[1] < 10 * np.sqrt(count):
        return
    turn = Rotation.random(random_state=seed).as_matrix()
    moving = fixed @ turn.T + rng.uniform(-50, 50, 3)
    found = rigid_from_landmarks(moving, fixed)
    np.testing.assert_allclose(found.apply(moving), fixed, atol=1e-8)
    assert np.linalg.det(found.matrix[:3, :3]) == pytest.approx(1.0)


def test_a_mirror_image_is_not_made_to_fit():
    points = np.array([[0, 0, 0], [30, 0, 0], [0, 40, 0], [0, 0, 50.0]])
    found = rigid_from_landmarks(points * [-1, 1, 1], points)
    assert np.linalg.det(found.matrix[:3, :3]) == pytest.approx(1.0)
    assert np.abs(found.apply(points * [-1, 1, 1]) - points).max() > 5


def test_the_distance_that_is_left_is_named():
    points = np.array([[0, 0, 0], [30, 0, 0], [0, 40, 0], [0, 0, 50.0]])
    found = rigid_from_landmarks(points + np.array([[2, 0, 0], [-2, 0, 0]] * 2), points)
    assert "4 landmarks" in found.quality.reason
    assert "0.0 mm" not in found.quality.reason


@pytest.mark.parametrize(
    ("moving", "fixed", "words"),
    [
        (np.zeros((2, 3)), np.zeros((2, 3)), "too few"),
        (np.eye(3) * 50, np.eye(3)[:2] * 50, "3 landmarks in one image and 2"),
        (np.outer(range(4), [10, 0, 0]), np.outer(range(4), [10, 0, 0]), "on a line"),
    ],
)
def test_what_determines_no_motion_is_refused(moving, fixed, words):
    with pytest.raises(RegistrationError, match=words):
        rigid_from_landmarks(moving, fixed)
