"""Where lesions are looked for: normal tissue, closed over what lesions leave out."""

import numpy as np

from imgcompare.segmentation.evidence import _domain_at
from tests.builders import ellipsoid, make_geometry

GRID = make_geometry((48, 56, 56), spacing_mm=(2.0, 2.0, 2.0), origin_mm=(0.0, 0.0, 0.0))
EVERYWHERE = np.ones(GRID.shape, dtype=bool)
BRAIN = ellipsoid(GRID, (20.0, 55.0, 47.0), (60.0, 50.0, 44.0))


def domain(radius_mm: float, at: tuple[int, int, int] | None) -> np.ndarray:
    """Look around a voxel of brain that lacks a ball at its surface."""
    lesion = ellipsoid(GRID, (62.0, 55.0, 47.0), (radius_mm,) * 3)
    return _domain_at(at, BRAIN & ~lesion, EVERYWHERE, GRID.spacing_mm)


def test_a_large_notch_at_the_surface_is_closed_where_a_lesion_is_known_to_be() -> None:
    inside = (24, 28, 31)
    assert not domain(20.0, None)[inside], "not by itself"
    assert domain(20.0, inside)[inside]
    assert domain(8.0, None)[inside], "a small one is closed anyway"


def test_air_is_never_taken_for_brain() -> None:
    outside = (24, 28, 50)
    assert not domain(20.0, outside)[outside]
