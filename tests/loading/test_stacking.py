"""Stacks are ordered by position, split by kind and phase, and refused where slices are missing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgcompare.errors import SeriesError
from imgcompare.geometry import Geometry
from imgcompare.loading import scan
from imgcompare.model import Series
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series


def all_series(folder: Path) -> list[Series]:
    (course,) = scan(folder).courses
    return [s for t in course.timepoints for s in (*t.series.values(), *t.others)]


def only_series(folder: Path) -> Series:
    (series,) = all_series(folder)
    return series


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


def test_duplicated_files_count_once(tmp_path: Path) -> None:
    spec = SeriesSpec()
    paths = write_series(tmp_path / "a", spec)
    (tmp_path / "b").mkdir()
    for path in paths[:3]:
        (tmp_path / "b" / path.name).write_bytes(path.read_bytes())
    series = only_series(tmp_path)
    assert series.geometry.shape == spec.geometry.shape
    assert "3 duplicate files counted once" in series.problems


def test_whole_copy_replaces_a_truncated_one(tmp_path: Path) -> None:
    spec = SeriesSpec()
    paths = write_series(tmp_path, spec)
    copy = tmp_path / "zz"
    copy.write_bytes(paths[5].read_bytes())
    paths[5].write_bytes(paths[5].read_bytes()[:-50])
    np.testing.assert_array_equal(only_series(tmp_path).load().array, spec.values())


def test_two_echoes_are_two_stacks(tmp_path: Path) -> None:
    uid = "1.2.3.4"
    for echo in (12.0, 90.0):
        spec = SeriesSpec(
            "PD T2 dual echo", series_uid=uid, study_uid="1.2", tags={"EchoTime": echo}
        )
        write_series(tmp_path, spec, seed=int(echo))
    stacks = all_series(tmp_path)
    assert sorted(s.acquisition.echo_time_ms or 0.0 for s in stacks) == [12.0, 90.0]
    assert all(s.geometry.shape == (11, 17, 23) and not s.refusal for s in stacks)


@pytest.mark.parametrize(
    ("first", "second", "rule"),
    [
        ({"TemporalPositionIdentifier": 1}, {"TemporalPositionIdentifier": 2}, "temporal position"),
        ({"AcquisitionTime": "101510"}, {"AcquisitionTime": "101700"}, "acquisition time"),
        ({"ContentTime": "101510"}, {"ContentTime": "101700"}, "content time"),
        ({"TriggerTime": 0.0}, {"TriggerTime": 400.0}, "trigger time"),
        ({}, {}, "instance order"),
    ],
)
def test_repeated_positions_are_phases(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any], rule: str
) -> None:
    early = SeriesSpec(series_uid="1.2.3", study_uid="1.2", tags=first)
    late = SeriesSpec(
        series_uid="1.2.3",
        study_uid="1.2",
        tags=second,
        array=(early.values() + 1000).astype(np.int16),
        start_number=100,
    )
    write_series(tmp_path, late, seed=1)
    write_series(tmp_path, early, seed=2)
    (course,) = scan(tmp_path).courses
    assert any(rule in d.reason for d in course.decisions)
    by_part = {s.description: s.load().array for s in all_series(tmp_path)}
    np.testing.assert_array_equal(by_part["AX T1 (part 1 of 2)"], early.values())
    np.testing.assert_array_equal(by_part["AX T1 (part 2 of 2)"], early.values() + 1000)


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


def test_orientations_are_split(tmp_path: Path) -> None:
    for angle in (0.0, 90.0):
        grid = make_geometry((5, 6, 7), oblique_deg=(angle, 0.0, 0.0))
        spec = SeriesSpec(geometry=grid, series_uid="1.2.3", study_uid="1.2")
        write_series(tmp_path, spec, seed=int(angle))
    assert {s.geometry.plane for s in all_series(tmp_path)} == {"axial", "coronal"}


def test_gantry_tilt_keeps_its_exact_sheared_grid(tmp_path: Path) -> None:
    affine = make_geometry().affine.copy()
    affine[:3, 0] = (0.0, 1.0, 3.0)  # each slice also steps 1 mm backwards
    grid = Geometry((11, 17, 23), affine, "1.2.9")
    write(tmp_path, geometry=grid, modality="CT", description="head")
    series = only_series(tmp_path)
    assert series.geometry == grid
    assert not series.geometry.is_orthogonal
    assert any("sheared by 18.4°" in p for p in series.problems)


def test_one_slice_has_the_spacing_of_its_header(tmp_path: Path) -> None:
    write(tmp_path, geometry=make_geometry((1, 8, 9)))
    series = only_series(tmp_path)
    assert series.geometry.slice_spacing_mm == pytest.approx(3.0)
    assert "one slice only" in series.problems


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
