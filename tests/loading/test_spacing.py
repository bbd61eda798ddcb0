"""Grids come from positions and cosines: every way to lie, tilt, gaps, overlap, one slice."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgcompare.geometry import Geometry
from imgcompare.loading.spacing import fit_grid
from tests.builders import make_geometry, world_grid
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.instances import plane
from tests.loading.scanned import only_series, sheared, write_at

IN_THE_SCANNER = {
    "HFS": ((1, 0, 0), (0, 1, 0)),
    "HFP": ((-1, 0, 0), (0, -1, 0)),
    "HFDR": ((0, 1, 0), (-1, 0, 0)),
    "HFDL": ((0, -1, 0), (1, 0, 0)),
    "FFS": ((-1, 0, 0), (0, 1, 0)),
    "FFP": ((1, 0, 0), (0, -1, 0)),
    "FFDR": ((0, -1, 0), (-1, 0, 0)),
    "FFDL": ((0, 1, 0), (1, 0, 0)),
}
"""Patient direction of the scanner's axes to the right and down (PS3.3 C.7.3.1.1.2, seen from the
front): where the columns and rows of an untilted CT image grow."""


def anatomy(grid: Geometry) -> npt.NDArray[np.int16]:
    """Values that grow to the left, to the back and to the head of the patient, differently."""
    return np.rint(world_grid(grid) @ np.array([1.0, 10.0, 30.0])).astype(np.int16)


@pytest.mark.parametrize("position", IN_THE_SCANNER)
@pytest.mark.parametrize("table", [1.0, -1.0])
def test_patients_are_placed_right_however_they_lie(
    tmp_path: Path, position: str, table: float
) -> None:
    right, down = (np.array(v, float) for v in IN_THE_SCANNER[position])
    affine = np.eye(4)
    affine[:3, :3] = np.stack([table * np.cross(right, down) * 3.0, down * 0.9, right * 0.7], 1)
    affine[:3, 3] = (-12.0, 7.0, 31.0)
    grid = Geometry((6, 7, 8), affine, "1.2.9")
    spec = SeriesSpec(geometry=grid, array=anatomy(grid), tags={"PatientPosition": position})
    write_series(tmp_path, spec)
    volume = only_series(tmp_path).load()
    np.testing.assert_array_equal(volume.array, anatomy(volume.geometry))
    assert volume.geometry.voxel_volume_mm3 == pytest.approx(3.0 * 0.9 * 0.7)
    assert np.linalg.det(volume.geometry.directions) == pytest.approx(-1.0)  # never mirrored


def test_a_mirrored_reading_would_be_seen(tmp_path: Path) -> None:
    grid = make_geometry((6, 7, 8))
    write_series(tmp_path, SeriesSpec(geometry=grid, array=anatomy(grid)[:, :, ::-1].copy()))
    volume = only_series(tmp_path).load()
    assert (volume.array != anatomy(volume.geometry)).any()


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    tilt=st.floats(-30, 30).filter(lambda t: abs(t) > 0.1),  # less is rounding of headers
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    spacing=st.tuples(st.floats(0.5, 8), st.floats(0.3, 6), st.floats(0.3, 6)),
)
def test_tilted_grids_are_exact(
    tmp_path_factory: pytest.TempPathFactory,
    tilt: float,
    angles: tuple[float, float, float],
    spacing: tuple[float, float, float],
) -> None:
    folder = tmp_path_factory.mktemp("tilt")
    straight = make_geometry((4, 3, 5), spacing_mm=spacing, oblique_deg=angles)
    affine = straight.affine.copy()
    affine[:3, 0] += np.tan(np.radians(tilt)) * spacing[0] * straight.directions[:, 1]
    grid = Geometry(straight.shape, affine, "1.2.9")
    write_series(folder, SeriesSpec(geometry=grid))
    series = only_series(folder)
    assert not series.refusal
    assert series.geometry == grid


@pytest.mark.parametrize(
    ("stated", "problems"),
    [
        (None, ["slices are sheared by 18.4° (gantry tilt); the exact sheared grid is kept"]),
        ("-18.5", ["slices are sheared by 18.4° (gantry tilt); the exact sheared grid is kept"]),
        (
            "10",
            [
                "slices are sheared by 18.4° (gantry tilt); the exact sheared grid is kept",
                "its header says 10° of gantry tilt, its slice positions 18.4°; the positions are "
                "used",
            ],
        ),
    ],
)
def test_tilt_with_and_without_its_tag(
    tmp_path: Path, stated: str | None, problems: list[str]
) -> None:
    grid = sheared((5, 6, 7), (0.0, 1.0, 3.0))
    tags = {} if stated is None else {"GantryDetectorTilt": stated}
    write_series(tmp_path, SeriesSpec("head", geometry=grid, modality="CT", tags=tags))
    series = only_series(tmp_path)
    assert series.geometry == grid
    assert list(series.problems) == problems


def test_a_tilt_tag_on_straight_slices_is_doubted(tmp_path: Path) -> None:
    write_series(tmp_path, SeriesSpec("head", modality="CT", tags={"GantryDetectorTilt": "15"}))
    series = only_series(tmp_path)
    assert series.geometry.is_orthogonal
    assert (
        "its header says 15° of gantry tilt, its slice positions 0.0°; the positions are used"
        in series.problems
    )


def test_overlapping_slices_are_exact(tmp_path: Path) -> None:
    spec = SeriesSpec(tags={"SliceThickness": "6"})
    write_series(tmp_path, spec)
    series = only_series(tmp_path)
    assert series.geometry == spec.geometry
    assert series.acquisition.slice_thickness_mm == 6.0
    assert series.problems == ()


def test_gaps_between_slices_are_exact_and_said(tmp_path: Path) -> None:
    spec = SeriesSpec(tags={"SliceThickness": "2"})
    write_series(tmp_path, spec)
    series = only_series(tmp_path)
    assert series.geometry == spec.geometry
    assert series.problems == ("slices of 2 mm lie 3 mm apart; the tissue between was not imaged",)


def test_usual_gaps_of_a_quarter_are_not_worth_a_word(tmp_path: Path) -> None:
    write_series(tmp_path, SeriesSpec(tags={"SliceThickness": "2.4"}))
    assert only_series(tmp_path).problems == ()


def test_positions_win_over_a_stated_spacing(tmp_path: Path) -> None:
    write_series(tmp_path, SeriesSpec(tags={"SpacingBetweenSlices": "4.5"}))
    series = only_series(tmp_path)
    assert series.geometry.slice_spacing_mm == pytest.approx(3.0)
    assert series.problems == (
        "its header says 4.5 mm between slices, their positions 3 mm; the positions are used",
    )


@pytest.mark.parametrize("stated", ["3", "-3", "3.02"])
def test_a_stated_spacing_that_fits(tmp_path: Path, stated: str) -> None:
    write_series(tmp_path, SeriesSpec(tags={"SpacingBetweenSlices": stated}))
    assert only_series(tmp_path).problems == ()


@pytest.mark.parametrize(
    ("tags", "spacing"),
    [({}, 3.0), ({"SpacingBetweenSlices": "5"}, 5.0), ({"SliceThickness": None}, 1.0)],
)
def test_one_slice_only(tmp_path: Path, tags: dict[str, str], spacing: float) -> None:
    write_series(tmp_path, SeriesSpec(geometry=make_geometry((1, 8, 9)), tags=tags))
    series = only_series(tmp_path)
    assert series.geometry.slice_spacing_mm == pytest.approx(spacing)
    assert "one slice only" in series.problems


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    grid = make_geometry((4, 28, 64), spacing_mm=(0.5, 4.0, 6.4), oblique_deg=(3.0, 9.0, 27.0))
    write_series(tmp_path, SeriesSpec(geometry=grid))
    assert only_series(tmp_path).geometry == grid


def test_slices_beside_one_line_are_refused(tmp_path: Path) -> None:
    moved = {4: {"ImagePositionPatient": [-10.0, 7.0, 43.0]}}
    write_series(tmp_path, SeriesSpec(per_slice=moved))
    refusal = only_series(tmp_path).refusal
    assert refusal == "has slices up to 2.00 mm beside one line; they make no regular grid"


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"ImageOrientationPatient": None}, "no position, orientation or pixel spacing"),
        ({"PixelSpacing": None}, "no position, orientation or pixel spacing"),
        ({"PixelSpacing": [0.0, 0.7]}, "no position, orientation or pixel spacing"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "no perpendicular unit vectors"),
        ({"ImageOrientationPatient": [1, 0, 0, 0.5, 0.866, 0]}, "no perpendicular unit vectors"),
        ({"ImageOrientationPatient": [2, 0, 0, 0, 1, 0]}, "no perpendicular unit vectors"),
    ],
)
def test_without_a_plane_in_space_it_is_refused(
    tmp_path: Path, tags: dict[str, object], reason: str
) -> None:
    write_series(tmp_path, SeriesSpec(tags=tags))
    assert reason in only_series(tmp_path).refusal


def test_uneven_tilted_slices_keep_their_shear(tmp_path: Path) -> None:
    grid = sheared((6, 4, 5), (0.0, 1.0, 3.0))
    at = [0.0, 0.95, 1.9, 2.75, 3.7, 4.7]
    places = grid.index_to_world([(k, 0, 0) for k in at])
    moved = {k: {"ImagePositionPatient": [float(x) for x in p]} for k, p in enumerate(places)}
    write_series(tmp_path, SeriesSpec("head", geometry=grid, modality="CT", per_slice=moved))
    series = only_series(tmp_path)
    assert any(p.startswith("resampled: 6 slices") for p in series.problems)
    assert series.geometry.affine[1, 0] / series.geometry.affine[2, 0] == pytest.approx(1 / 3)
    np.testing.assert_allclose(
        series.geometry.index_to_world((series.geometry.shape[0] - 1, 0, 0)), places[-1]
    )


@given(st.lists(st.floats(0.05, 20.0), min_size=1, max_size=30))
def test_any_positions_make_a_grid_or_a_reason(gaps: list[float]) -> None:
    heights = np.concatenate([[0.0], np.cumsum(gaps)])
    fit = fit_grid([plane(float(h), number=k) for k, h in enumerate(heights)])
    if not fit.refusal:
        first, last = fit.geometry.index_to_world([(0, 0, 0), (len(gaps), 0, 0)])
        assert first[2] == pytest.approx(heights[0])
        assert last[2] == pytest.approx(heights[-1])


def test_equal_heights_are_no_grid(tmp_path: Path) -> None:
    write_at(tmp_path, [0.0, 3.0, 3.0, 6.0], start_number=1)
    # the slot with two planes and the others with one cannot be phases
    assert "several images at one position" in only_series(tmp_path).refusal
