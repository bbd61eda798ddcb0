"""Solids made of contours have their true volume on every grid, in every direction of planes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from imgcompare.errors import InputError
from imgcompare.geometry import Geometry
from imgcompare.loading.contours import fill
from tests.builders import make_geometry

GRID = make_geometry((24, 44, 50), spacing_mm=(2.0, 0.9, 0.8), oblique_deg=(12.0, -8.0, 20.0))
RADIUS = 13.0


def discs(grid: Geometry, normal: Any, levels: Sequence[float]) -> list[np.ndarray[Any, Any]]:
    """Circles of a ball about the middle of a grid, on planes of a direction."""
    normal = np.asarray(normal) / np.linalg.norm(normal)
    first = np.linalg.svd(normal[None])[2][1]
    second = np.cross(normal, first)
    turn = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    made = []
    for level in levels:
        radius = np.sqrt(RADIUS**2 - level**2)
        circle = np.cos(turn)[:, None] * first + np.sin(turn)[:, None] * second
        made.append(grid.centre_mm + level * normal + radius * circle)
    return made


def prisms_mm3(levels: Sequence[float], thickness: float) -> float:
    share = 120 / (2 * np.pi) * np.sin(2 * np.pi / 120)  # a polygon of 120 corners in its circle
    return float(sum(np.pi * (RADIUS**2 - z * z) * share for z in levels) * thickness)


def volume(filled: Any, grid: Geometry) -> float:
    return float(filled.fractions.sum(dtype=float)) * grid.voxel_volume_mm3


def centre_mm(filled: Any, grid: Geometry) -> np.ndarray[Any, Any]:
    index = np.stack(np.nonzero(filled.fractions), axis=1)
    weight = filled.fractions[filled.fractions > 0]
    start = [s.start for s in filled.box]
    return grid.index_to_world((index + start).T @ weight / weight.sum())


AXES = {name: GRID.directions[:, n] for n, name in enumerate(("slices", "rows", "columns"))}


@pytest.mark.parametrize("step", [1.0, 2.0, 3.1])
@pytest.mark.parametrize("offset", [0.0, 0.37])
@pytest.mark.parametrize("direction", ["slices", "rows", "columns", "oblique"])
def test_volume_and_place_are_true(direction: str, offset: float, step: float) -> None:
    normal = AXES.get(direction, np.array([0.5, -0.3, 0.8]))
    levels = [z for z in np.arange(-20, 21) * step + offset if abs(z) < RADIUS - 0.5]
    filled = fill(discs(GRID, normal, levels), GRID, name="GTV")
    exact = 5e-3 if direction == "oblique" else 1e-3
    assert volume(filled, GRID) == pytest.approx(prisms_mm3(levels, step), rel=exact)
    lean = sum(z * (RADIUS**2 - z * z) for z in levels) / sum(RADIUS**2 - z * z for z in levels)
    expected = GRID.centre_mm + lean * normal / np.linalg.norm(normal)
    np.testing.assert_allclose(centre_mm(filled, GRID), expected, atol=0.05)
    assert filled.fractions.max() <= 1
    assert filled.notes == ()


def test_sheared_grid() -> None:
    affine = GRID.affine.copy()
    affine[:3, 0] += 0.4 * affine[:3, 1]
    tilted = Geometry(GRID.shape, affine)
    normal = np.cross(affine[:3, 2], affine[:3, 1])
    levels = np.arange(-6, 7) * 2.0
    filled = fill(discs(tilted, normal, levels), tilted, name="GTV")
    assert volume(filled, tilted) == pytest.approx(prisms_mm3(levels, 2.0), rel=1e-3)


def test_contours_on_slices_fill_whole_slices_despite_rounding() -> None:
    levels = [z for z in np.arange(-5, 6) * 2.0 + 1.0 if abs(z) < RADIUS]
    rounded = [np.round(c, 2) for c in discs(GRID, AXES["slices"], levels)]
    filled = fill(rounded, GRID, name="GTV")
    assert filled.fractions.shape[0] == len(levels)
    assert filled.fractions[len(levels) // 2].max() == 1.0


def test_gap_stays_empty_and_is_said() -> None:
    levels = [z for z in np.arange(-5, 6) * 2.0 if abs(z) < RADIUS and not 2 < z < 7]
    filled = fill(discs(GRID, AXES["slices"], levels), GRID, name="GTV")
    assert volume(filled, GRID) == pytest.approx(prisms_mm3(levels, 2.0), rel=1e-3)
    (note,) = filled.notes
    assert "no contour for 6.0 mm" in note
    whole = fill(discs(GRID, AXES["slices"], np.arange(-5, 6) * 2.0), GRID, name="GTV")
    assert whole.notes == ()


def test_single_plane_is_one_slice_thick_or_as_stated() -> None:
    (disc,) = discs(GRID, AXES["slices"], [1.0])
    assert volume(fill([disc], GRID, name="GTV"), GRID) == pytest.approx(
        prisms_mm3([1.0], 2.0), rel=1e-3
    )
    thick = fill([disc], GRID, name="GTV", thickness_mm=5.0)
    assert volume(thick, GRID) == pytest.approx(prisms_mm3([1.0], 5.0), rel=1e-3)


def test_two_single_planes_far_apart_are_two_slices() -> None:
    filled = fill(discs(GRID, AXES["slices"], [-7.0, 7.0]), GRID, name="GTV")
    assert volume(filled, GRID) == pytest.approx(prisms_mm3([-7.0, 7.0], 2.0), rel=1e-3)
    assert len(filled.notes) == 1


def test_contour_written_twice_counts_once() -> None:
    once = discs(GRID, AXES["slices"], [-2.0, 0.0, 2.0])
    twice = [*once, once[1][::-1]]
    filled = fill(twice, GRID, name="GTV")
    np.testing.assert_array_equal(filled.fractions, fill(once, GRID, name="GTV").fractions)
    assert "written twice" in filled.notes[0]


def test_crossing_planes_beyond_and_lines_are_refused() -> None:
    axial, coronal = (discs(GRID, AXES[a], [0.0]) for a in ("slices", "rows"))
    with pytest.raises(InputError, match="do not lie on parallel planes"):
        fill([*axial, *coronal], GRID, name="GTV")
    with pytest.raises(InputError, match=r"GTV reaches .* mm beyond the image"):
        fill([c + 60.0 for c in axial], GRID, name="GTV")
    with pytest.raises(InputError, match="no area"):
        fill([axial[0][:2].repeat(2, axis=0)], GRID, name="GTV")
    bent = axial[0].copy()
    bent[::2] += 3.0 * AXES["slices"]
    with pytest.raises(InputError, match="parallel planes"):
        fill([bent], GRID, name="GTV")
