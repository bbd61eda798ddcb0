"""Uneven slices become even ones only where they touch, in the open, and if the caller agrees."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.errors import ConfigurationError, SeriesError
from imgcompare.geometry import Geometry
from imgcompare.loading import deskew, load_course
from imgcompare.loading.regridding import apply_regrid, plan_regrid
from imgcompare.model import Quantity, Volume
from tests.builders import make_geometry
from tests.loading.scanned import only_series, sheared, write_at

UNEVEN = (0.0, 2.5, 5.5, 8.5, 11.2, 14.2, 17.0)


def test_uneven_slices_that_touch_are_interpolated_and_it_is_said(tmp_path: Path) -> None:
    write_at(tmp_path, UNEVEN, tags={k: {"SliceThickness": "3"} for k in range(7)})
    series = only_series(tmp_path)
    assert not series.refusal
    (text,) = series.problems
    assert text.startswith(
        "resampled: 7 slices of 3 mm with gaps of 2.50 to 3.00 mm put on 7 every"
    )
    volume = series.load()
    assert volume.geometry.slice_spacing_mm == pytest.approx(17.0 / 6)
    heights = volume.geometry.index_to_world([(k, 0, 0) for k in range(7)])[:, 2]
    # values are linear in height, so that linear interpolation is exact
    np.testing.assert_allclose(volume.array[:, 1, 2], 10 * heights, atol=1e-3)
    course = load_course(tmp_path)
    assert any("put on even slices" in d.choice and d.reason == text for d in course.decisions)


def test_a_caller_can_refuse(tmp_path: Path) -> None:
    write_at(tmp_path, UNEVEN)
    series = only_series(tmp_path, regrid="refuse")
    assert "unevenly spaced slices: gaps of" in series.refusal
    assert "regridding was refused" in series.refusal
    with pytest.raises(SeriesError, match="unevenly spaced"):
        series.load()
    with pytest.raises(ConfigurationError, match="'allow' or 'refuse', not 'maybe'"):
        only_series(tmp_path, regrid="maybe")


def test_even_slices_are_untouched_whatever_the_caller_says(tmp_path: Path) -> None:
    write_at(tmp_path, (0.0, 3.0, 6.0, 9.0))
    for regrid in ("allow", "refuse"):
        series = only_series(tmp_path, regrid=regrid)
        assert series.problems == ()
        assert series.load().array.dtype == np.int16


def test_gaps_larger_than_the_slices_are_never_bridged(tmp_path: Path) -> None:
    write_at(tmp_path, UNEVEN, tags={k: {"SliceThickness": "2.5"} for k in range(7)})
    assert "tissue in the larger gaps was not imaged" in only_series(tmp_path).refusal


def test_slices_of_unknown_thickness_are_taken_as_thin_as_the_smallest_gap(tmp_path: Path) -> None:
    write_at(tmp_path, UNEVEN, tags={k: {"SliceThickness": None} for k in range(7)})
    assert "of unknown thickness" in only_series(tmp_path).refusal


@given(st.lists(st.floats(0.5, 3.0), min_size=1, max_size=20), st.floats(1.0, 4.0))
def test_plans_keep_the_ends_and_interpolate_between_neighbours(
    gaps: list[float], thickness: float
) -> None:
    heights = np.concatenate([[5.0], 5.0 + np.cumsum(gaps)])
    plan = plan_regrid(heights, thickness)
    if plan is None:
        stretched = round(sum(gaps) / float(np.median(gaps))) + 1 > 2 * len(heights)
        assert max(gaps) > 1.1 * thickness or stretched
        return
    assert max(gaps) <= 1.1 * thickness + 1e-9
    made = apply_regrid(heights[:, None, None].astype(np.float32), plan)
    np.testing.assert_allclose(
        made[:, 0, 0], np.linspace(heights[0], heights[-1], plan.count), rtol=1e-5
    )
    assert plan.spacing_mm * (plan.count - 1) == pytest.approx(heights[-1] - heights[0])


def test_a_thickness_that_lies_makes_no_endless_volume() -> None:
    heights = np.array([0.0, 0.02, 0.04, 0.06, 1e7])
    assert plan_regrid(heights, 1e9) is None


def linear(grid: Geometry) -> Volume:
    """Values that are linear in space, which linear interpolation keeps."""
    world = grid.index_to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
    values = (world @ np.array([1.5, -2.0, 0.75]) + 400.0).astype(np.float32)
    return Volume(values, grid, Quantity.HU)


@settings(deadline=None)
@given(
    st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
    st.tuples(*[st.floats(-180, 180)] * 3),
)
def test_deskewing_keeps_every_value_at_its_place(
    slide: tuple[float, float], angles: tuple[float, float, float]
) -> None:
    grid = make_geometry((5, 9, 11), spacing_mm=(3.0, 0.9, 0.7), oblique_deg=angles)
    affine = grid.affine.copy()
    affine[:3, 0] += slide[0] * grid.directions[:, 1] + slide[1] * grid.directions[:, 2]
    volume = linear(Geometry(grid.shape, affine, "1.2"))
    straight = deskew(volume, outside=-1e6)
    assert straight.geometry.is_orthogonal
    assert straight.quantity is Quantity.HU
    there = straight.array > -1e5
    np.testing.assert_allclose(
        straight.array[there], linear(straight.geometry).array[there], atol=0.02
    )
    # interpolation loses at most the edge of each slice
    assert there.sum() >= 5 * 8 * 10
    assert straight.geometry.frame_of_reference_uid == "1.2"


def test_deskewing_by_whole_voxels_changes_no_value() -> None:
    volume = linear(sheared((4, 6, 7), (1.4, -0.9, 3.0)))  # two columns and minus one row a slice
    straight = deskew(volume)
    assert straight.geometry.shape == (4, 9, 13)
    for k in range(4):
        np.testing.assert_array_equal(
            straight.array[k, 3 - k : 9 - k, 2 * k : 2 * k + 7], volume.array[k]
        )
    assert straight.array[0, 8, 12] == volume.array.min()


def test_an_orthogonal_volume_is_not_touched() -> None:
    volume = linear(make_geometry())
    assert deskew(volume) is volume


def test_a_different_shear_is_not_taken_for_the_same_place() -> None:
    one, other = sheared((4, 6, 7), (0.3, 0.0, 3.0)), sheared((4, 6, 7), (0.0, 0.4, 3.0))
    assert deskew(linear(one)).geometry != deskew(linear(other)).geometry
