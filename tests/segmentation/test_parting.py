"""One region is divided where it has a waist between two points, and nowhere else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.segmentation.parting import part_at_waist
from tests.builders import ellipsoid, make_geometry

ISO = make_geometry((40, 44, 60), spacing_mm=(1.0, 1.0, 1.0), origin_mm=(0.0, 0.0, 0.0))
THICK = make_geometry((10, 44, 60), spacing_mm=(4.0, 1.0, 1.0), origin_mm=(0.0, 0.0, 0.0))


def balls(grid, *centres_and_radii) -> np.ndarray:
    found = np.zeros(grid.shape, dtype=bool)
    for x, y, z, radius in centres_and_radii:
        found |= ellipsoid(grid, (x, y, z), (radius, radius, radius))
    return found


def index(grid, x: float, y: float, z: float) -> list[int]:
    return [int(n) for n in np.rint(grid.world_to_index((x, y, z)))]


@pytest.mark.parametrize("grid", [ISO, THICK])
@pytest.mark.parametrize("small", [10, 7])
def test_two_touching_balls_are_parted_at_their_waist(grid, small: int) -> None:
    region = balls(grid, (18, 20, 20, 10), (26 + small, 20, 20, small))
    points = [index(grid, 14, 20, 20), index(grid, 26 + small, 22, 20)]
    parts = part_at_waist(region, points, grid.spacing_mm)
    assert parts.of == (1, 2)
    assert ((parts.labels > 0) == region).all(), "nothing is lost"
    assert (parts.labels == 2).sum() == pytest.approx(
        balls(grid, (26 + small, 20, 20, small)).sum(), rel=0.06
    )


@given(st.floats(0.0, 6.28), st.floats(0.0, 0.95), st.floats(0.6, 1.7))
@settings(max_examples=15, deadline=None)
def test_two_points_in_one_body_stay_one_lesion(angle: float, out: float, long: float) -> None:
    region = ellipsoid(ISO, (28, 20, 20), (12.0 * long, 12.0, 10.0))
    x, y = 28 + 12.0 * long * out * np.cos(angle), 20 + 12.0 * out * np.sin(angle)
    parts = part_at_waist(region, [index(ISO, x, y, 20), index(ISO, 28, 20, 22)], ISO.spacing_mm)
    assert parts.of == (1, 1)


def test_three_points_in_two_bodies() -> None:
    region = balls(ISO, (18, 20, 20, 10), (36, 20, 20, 10))
    points = [index(ISO, 37, 20, 20), index(ISO, 12, 20, 20), index(ISO, 36, 24, 18)]
    assert part_at_waist(region, points, ISO.spacing_mm).of == (1, 2, 1)


def test_three_bodies_in_a_row() -> None:
    region = balls(ISO, (12, 20, 20, 8), (26, 20, 20, 8), (40, 20, 20, 8))
    points = [index(ISO, x, 20, 20) for x in (12, 26, 40)]
    parts = part_at_waist(region, points, ISO.spacing_mm)
    assert parts.of == (1, 2, 3)
    sizes = np.bincount(parts.labels.ravel())[1:]
    assert sizes.max() < 1.15 * sizes.min()


def test_a_point_beside_the_region_stands_for_the_nearest_part() -> None:
    region = balls(ISO, (18, 20, 20, 8), (38, 20, 20, 8))
    parts = part_at_waist(region, [index(ISO, 18, 33, 20), index(ISO, 38, 33, 20)], ISO.spacing_mm)
    assert parts.of == (1, 2)
