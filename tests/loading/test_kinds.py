"""What cannot lie in one volume is split, and what differs is said."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from imgcompare.geometry import Geometry
from imgcompare.model import Role
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.scanned import all_series, only_series, reasons

SHAPE = (5, 6, 7)


def write_two(folder: Path, first: dict[str, Any], second: dict[str, Any], **spec: Any) -> None:
    """Write two sets of planes into one series, the second between the slices of the first."""
    for n, tags in enumerate((first, second)):
        grid = make_geometry(SHAPE, origin_mm=(-12.0, 7.0, 31.0 + 1.5 * n))
        made = SeriesSpec(series_uid="1.2.3", study_uid="1.2", geometry=grid, tags=tags, **spec)
        write_series(folder / f"{n}", made, seed=n)


@pytest.mark.parametrize(
    ("first", "second", "rule"),
    [
        ({"SeriesNumber": 4}, {"SeriesNumber": 5}, "series number"),
        (
            {"ImageType": ["ORIGINAL", "PRIMARY", "M"]},
            {"ImageType": ["ORIGINAL", "PRIMARY", "P"]},
            "image type",
        ),
        ({"EchoTime": 12}, {"EchoTime": 90}, "echo time"),
        ({"FrameOfReferenceUID": "1.2.7"}, {"FrameOfReferenceUID": "1.2.8"}, "frame of reference"),
        ({"PixelSpacing": [0.9, 0.7]}, {"PixelSpacing": [0.9, 0.8]}, "pixel spacing"),
        ({"DiffusionBValue": 0.0}, {"DiffusionBValue": 1000.0}, "b-value"),
        ({}, {"ContrastBolusAgent": "Gadobutrol"}, "contrast agent"),
        ({"ConvolutionKernel": "B30f"}, {"ConvolutionKernel": "B70f"}, "reconstruction kernel"),
        ({"KVP": 80}, {"KVP": 140}, "tube voltage"),
    ],
)
def test_planes_of_two_kinds_are_never_interleaved(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any], rule: str
) -> None:
    write_two(tmp_path, first, second)
    series = all_series(tmp_path)
    assert [s.geometry.slice_spacing_mm for s in series] == pytest.approx([3.0, 3.0])
    assert f"by {rule}" in reasons(tmp_path)


def test_planes_of_one_kind_are_interleaved(tmp_path: Path) -> None:
    write_two(tmp_path, {"EchoTime": 12.000}, {"EchoTime": 12.001})
    assert only_series(tmp_path).geometry.slice_spacing_mm == pytest.approx(1.5)


def test_an_empty_value_is_no_other_image_type(tmp_path: Path) -> None:
    types = (["ORIGINAL", "PRIMARY", ""], ["ORIGINAL", "PRIMARY"])
    write_two(tmp_path, *({"ImageType": t} for t in types))
    assert only_series(tmp_path).geometry.slice_spacing_mm == pytest.approx(1.5)


def test_several_differences_are_all_said(tmp_path: Path) -> None:
    write_two(tmp_path, {"EchoTime": 12, "SeriesNumber": 4}, {"EchoTime": 90, "SeriesNumber": 5})
    assert "by series number, echo time" in reasons(tmp_path)


def test_three_orientations(tmp_path: Path) -> None:
    for n, angles in enumerate(((0.0, 0.0, 0.0), (90.0, 0.0, 0.0), (0.0, 90.0, 0.0))):
        grid = make_geometry(SHAPE, oblique_deg=angles)
        spec = SeriesSpec(geometry=grid, series_uid="1.2.3", study_uid="1.2")
        write_series(tmp_path, spec, seed=n)
    assert {s.geometry.plane for s in all_series(tmp_path)} == {"axial", "coronal", "sagittal"}
    assert "by orientation" in reasons(tmp_path)


def test_rounding_of_direction_cosines_is_no_other_orientation(tmp_path: Path) -> None:
    grid = make_geometry((6, 4, 5), oblique_deg=(11.0, 7.0, 3.0))
    rounded = [round(float(c), 4) for c in (*grid.directions[:, 2], *grid.directions[:, 1])]
    odd = {k: {"ImageOrientationPatient": rounded} for k in (1, 3, 5)}
    write_series(tmp_path, SeriesSpec(geometry=grid, per_slice=odd))
    assert only_series(tmp_path).geometry.shape[0] == 6


@pytest.mark.parametrize(
    ("maker", "sequence", "element", "value"),
    [
        ("SIEMENS", "EP", (0x0019, 0x100C, "IS", "1000"), 1000.0),
        ("Philips Medical Systems", "SE", (0x2001, 0x1003, "FL", 1000.0), 1000.0),
        ("GE MEDICAL SYSTEMS", "EP", (0x0043, 0x1039, "IS", ["1000001000", "8", "0"]), 1000.0),
    ],
)
def test_private_b_values(
    tmp_path: Path, maker: str, sequence: str, element: tuple[int, int, str, Any], value: float
) -> None:
    import pydicom

    group, number, kind, given = element
    for n in range(2):
        spec = SeriesSpec(
            "ep2d",
            series_uid="1.2.3",
            study_uid="1.2",
            tags={"Manufacturer": maker, "ScanningSequence": sequence},
        )
        for path in write_series(tmp_path / f"{n}", spec, seed=n):
            dataset = pydicom.dcmread(path)
            zero = 0.0 if kind == "FL" else "0"
            dataset.add_new((group, number), kind, given if n else zero)
            dataset.save_as(path)
    assert "by b-value" in reasons(tmp_path)
    assert [s.role for s in all_series(tmp_path)].count(Role.DWI) == 1, value


def test_a_shared_series_uid_without_one_is_told_apart_by_number(tmp_path: Path) -> None:
    for n in (4, 5):
        grid = Geometry(SHAPE, make_geometry(SHAPE).affine, "1.2.9")
        made = SeriesSpec(geometry=grid, number=n, study_uid="1.2", tags={"SeriesInstanceUID": ""})
        made.array = np.full(SHAPE, n, np.int16)
        write_series(tmp_path, made, seed=n)
    assert {int(s.load().array[0, 0, 0]) for s in all_series(tmp_path)} == {4, 5}


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("SeriesNumber", 4),
        ("FrameOfReferenceUID", "1.2.7"),
        ("EchoTime", 12.0),
        ("ConvolutionKernel", "B30f"),
        ("KVP", 120.0),
    ],
)
def test_what_only_some_files_state_splits_nothing(
    tmp_path: Path, keyword: str, value: Any
) -> None:
    spec = SeriesSpec(tags={keyword: value}, slope=1.0)
    for path in write_series(tmp_path, spec)[::2]:
        dataset = pydicom.dcmread(path)
        delattr(dataset, keyword)
        dataset.save_as(path)
    series = only_series(tmp_path)
    np.testing.assert_array_equal(series.load().array, spec.values())
    assert sum("only some of its 11 images state the" in p for p in series.problems) == 1
    assert series.number == 4
    if keyword == "FrameOfReferenceUID":
        assert series.geometry.frame_of_reference_uid == value


def test_what_halves_of_a_scan_lack_splits_if_they_are_numbered_apart(tmp_path: Path) -> None:
    write_two(tmp_path, {}, {"EchoTime": 90})
    assert len(all_series(tmp_path)) == 2


def test_the_order_of_later_image_types_is_free(tmp_path: Path) -> None:
    kinds = (["ORIGINAL", "PRIMARY", "M", "ND", "NORM"], ["ORIGINAL", "PRIMARY", "M", "NORM", "ND"])
    write_two(tmp_path, *({"ImageType": k} for k in kinds))
    assert len(all_series(tmp_path)) == 1
