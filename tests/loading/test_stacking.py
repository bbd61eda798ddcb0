"""Stacks are ordered by position, split by kind and phase, and refused where slices are missing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgcompare.errors import SeriesError
from imgcompare.loading import scan
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.scanned import all_series, only_series


def write(folder: Path, **spec: Any) -> SeriesSpec:
    made = SeriesSpec(**spec)
    write_series(folder, made)
    return made


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    spacing=st.tuples(st.floats(0.5, 8), st.floats(0.3, 6), st.floats(0.3, 6)),
    origin=st.tuples(*[st.floats(-300, 300)] * 3),
    shape=st.tuples(st.integers(2, 6), st.integers(2, 5), st.integers(2, 5)),
)
def test_any_grid_survives_being_written_and_loaded(
    tmp_path_factory: pytest.TempPathFactory,
    angles: tuple[float, float, float],
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
    shape: tuple[int, int, int],
) -> None:
    folder = tmp_path_factory.mktemp("grid")
    grid = make_geometry(shape, spacing_mm=spacing, origin_mm=origin, oblique_deg=angles)
    spec = write(folder, geometry=grid)
    series = only_series(folder)
    assert not series.refusal
    assert series.geometry == grid
    np.testing.assert_array_equal(series.load().array, spec.values())


def test_a_shifted_grid_is_not_equal() -> None:
    assert make_geometry() != make_geometry(origin_mm=(-12.0, 7.0, 31.1))


def test_missing_slice_is_named_and_the_series_refused(tmp_path: Path) -> None:
    write(tmp_path, skip=(4,))
    series = only_series(tmp_path)
    expected = 31.0 + 4 * 3.0
    assert f"missing at {expected:.2f} mm" in series.refusal
    assert "11 slices expected" in series.refusal
    assert "10 found" in series.refusal
    with pytest.raises(SeriesError, match=r"missing at 43\.00 mm"):
        series.load()


def test_several_missing_slices(tmp_path: Path) -> None:
    write(tmp_path, skip=(2, 3, 7))
    assert "missing at 37.00, 40.00, 52.00 mm" in only_series(tmp_path).refusal


def test_uneven_spacing_is_refused_with_its_gaps(tmp_path: Path) -> None:
    grid = make_geometry((6, 4, 5))
    place = grid.index_to_world([(k + (0.4 if k > 3 else 0.0), 0, 0) for k in range(6)])
    moved = {k: {"ImagePositionPatient": [float(x) for x in place[k]]} for k in range(6)}
    write(tmp_path, geometry=grid, per_slice=moved)
    refusal = only_series(tmp_path).refusal
    assert "unevenly spaced" in refusal
    assert "3 mm (4×)" in refusal
    assert "4.2 mm (1×)" in refusal


def test_positions_rounded_to_a_tenth_of_a_millimetre_are_even(tmp_path: Path) -> None:
    grid = make_geometry((20, 4, 5), spacing_mm=(0.625, 0.9, 0.7))
    rounded = {
        k: {"ImagePositionPatient": [round(float(x), 1) for x in grid.index_to_world((k, 0, 0))]}
        for k in range(20)
    }
    write(tmp_path, geometry=grid, per_slice=rounded)
    assert not only_series(tmp_path).refusal


@pytest.mark.parametrize("tag", ["TemporalPositionIdentifier", "AcquisitionTime", None])
def test_phases_are_never_mixed_where_one_lacks_a_slice(tmp_path: Path, tag: str | None) -> None:
    values: tuple[Any, Any] = (1, 2) if tag == "TemporalPositionIdentifier" else ("101510", "1020")
    for n, skip in ((0, (4,)), (1, ())):
        tags = {tag: values[n]} if tag else {}
        spec = SeriesSpec(series_uid="1.2.3", study_uid="1.2", tags=tags, skip=skip)
        spec.array = (spec.values() + 1000 * n).astype(np.int16)
        spec.start_number = 1 + 100 * n
        write_series(tmp_path, spec, seed=n)
    stacks = all_series(tmp_path)
    whole, broken = sorted(stacks, key=lambda s: bool(s.refusal))
    assert whole.load().array.min() >= 1000
    assert "missing at 43.00 mm" in broken.refusal


def test_slices_without_position_are_refused(tmp_path: Path) -> None:
    write(tmp_path, tags={"ImagePositionPatient": None})
    assert "no position" in only_series(tmp_path).refusal


@pytest.mark.parametrize("kept", [150, 400, 500, 560, 600, 640, 690, 1000])
def test_file_cut_anywhere_never_leaves_a_shorter_volume(tmp_path: Path, kept: int) -> None:
    paths = write_series(tmp_path, SeriesSpec())
    paths[6].write_bytes(paths[6].read_bytes()[:kept])
    (course,) = (result := scan(tmp_path)).courses
    refused = [s for t in course.timepoints for s in t.others]
    assert len(refused) == 1
    assert "at 49.00 mm" in refused[0].refusal
    assert paths[6].name in f"{result.problems}" or "truncated files" in refused[0].refusal


def test_truncated_file_refuses_the_series_and_names_its_position(tmp_path: Path) -> None:
    paths = write_series(tmp_path, SeriesSpec())
    paths[6].write_bytes(paths[6].read_bytes()[:-100])
    refusal = only_series(tmp_path).refusal
    assert f"truncated files ({paths[6].name}) at 49.00 mm" in refusal
    assert "11 slices expected" in refusal
