"""Areas of polygons are exact on any grid of pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.loading.polygons import coverage

SHAPE = (40, 50)


def ring(centre: tuple[float, float], radii: tuple[float, float], n: int = 60) -> np.ndarray:  # type: ignore[type-arg]
    turn = np.linspace(0, 2 * np.pi, n, endpoint=False)
    circle = np.stack([np.sin(turn), np.cos(turn)], axis=1)
    return np.asarray(circle * radii + centre)


def area(points: np.ndarray) -> float:  # type: ignore[type-arg]
    y, x = points.T
    return float(abs(y @ np.roll(x, -1) - x @ np.roll(y, -1)) / 2)


def test_box_covers_parts_of_pixels_exactly() -> None:
    box = np.array([[1.25, 2.0], [1.25, 4.5], [3.5, 4.5], [3.5, 2.0]])
    covered = coverage([box], (6, 7))
    rows = np.array([0, 0.25, 1, 1, 0, 0])
    columns = np.array([0, 0, 0.5, 1, 1, 0, 0])
    np.testing.assert_allclose(covered, np.outer(rows, columns), atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(
    st.tuples(st.floats(12, 28), st.floats(14, 36)),
    st.tuples(st.floats(0.3, 11), st.floats(0.3, 13)),
    st.integers(3, 90),
    st.booleans(),
)
def test_area_is_true_whatever_the_place_and_direction(
    centre: tuple[float, float], radii: tuple[float, float], corners: int, turned: bool
) -> None:
    points = ring(centre, radii, corners)
    covered = coverage([points[::-1] if turned else points], SHAPE)
    assert covered.sum() == pytest.approx(area(points), rel=2e-3, abs=2e-3)
    assert covered.min() >= 0
    assert covered.max() <= 1


def test_holes_keyholes_and_islands() -> None:
    outer, hole, island = (ring((20.3, 25.1), (r, 1.1 * r)) for r in (14.0, 8.0, 3.0))
    expected = area(outer) - area(hole) + area(island)
    covered = coverage([hole, island, outer], SHAPE)
    assert covered.sum() == pytest.approx(expected, rel=1e-3)
    assert covered[20, 25] == 1.0
    assert covered[20, 31] == 0.0
    keyhole = np.concatenate([outer, outer[:1], hole[:1], hole[::-1]])
    assert coverage([keyhole], SHAPE).sum() == pytest.approx(area(outer) - area(hole), rel=1e-3)


def test_parts_beyond_the_picture_count_for_nothing() -> None:
    covered = coverage([ring((-0.5, 20.0), (6.0, 6.0))], SHAPE)
    assert covered.sum() == pytest.approx(area(ring((0, 0), (6.0, 6.0))) / 2, rel=1e-2)
    assert coverage([ring((80.0, 20.0), (6.0, 6.0))], SHAPE).sum() == 0
    assert coverage([ring((20.0, 90.0), (6.0, 6.0))], SHAPE).sum() == 0


def test_a_line_covers_nothing() -> None:
    line = np.array([[3.0, 4.0], [9.0, 12.0], [3.0, 4.0]])
    assert coverage([line], SHAPE).sum() == pytest.approx(0, abs=1e-6)
