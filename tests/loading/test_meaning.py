"""A series says what its values are, and offers others by name."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from imgcompare.model import Quantity
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.enhanced_builder import item
from tests.loading.hard_cases import HARD_CASES
from tests.loading.scanned import only_series

GRID = make_geometry((3, 5, 6))
PHILIPS = next(c for c in HARD_CASES if c.name == "Philips private scale")


def text_of(folder: Path, **spec: Any) -> str:
    write_series(folder, SeriesSpec(geometry=GRID, **spec))
    return only_series(folder).values


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"modality": "CT", "slope": 1.0, "intercept": -1024.0}, "HU: stored - 1024"),
        ({}, "MR signal: stored values"),
        ({"slope": 2.5, "intercept": 3.0}, "MR signal: stored × 2.5 + 3"),
        ({"modality": "PT", "tags": {"Units": "CNTS"}}, "CNTS: stored values"),
        (
            {"per_slice": {1: {"RescaleSlope": 4, "RescaleIntercept": 0}}},
            "MR signal: stored × 1…4 (by slice)",
        ),
        (
            {"modality": "CT", "slope": 1.0, "tags": {"PixelPaddingValue": -2000}},
            "HU: stored values; -2000 marks voxels without data (padding)",
        ),
        (
            {
                "modality": "CT",
                "slope": 1.0,
                "tags": {"PixelPaddingValue": -2000, "PixelPaddingRangeLimit": -1500},
            },
            "HU: stored values; -2000 to -1500 marks voxels without data (padding)",
        ),
    ],
)
def test_values_are_described(tmp_path: Path, spec: dict[str, Any], expected: str) -> None:
    assert text_of(tmp_path, **spec) == expected


def test_philips_precise_values_are_offered(tmp_path: Path) -> None:
    PHILIPS.build(tmp_path)
    series = only_series(tmp_path)
    stored = series.load("stored").array
    np.testing.assert_allclose(series.load().array, stored * 1.25)
    np.testing.assert_allclose(series.load("precise").array, stored / 0.0125, rtol=1e-6)
    assert not series.problems


def test_philips_scale_that_differs_between_slices_is_a_problem(tmp_path: Path) -> None:
    PHILIPS.build(tmp_path)
    path = sorted(tmp_path.iterdir())[0]
    dataset = pydicom.dcmread(path)
    dataset.private_block(0x2005, "Philips MR Imaging DD 001")[0x0E].value = 0.025
    dataset.save_as(path)
    assert "private scale differs" in only_series(tmp_path).problems[-1]


def test_private_scale_of_another_maker_is_none(tmp_path: Path) -> None:
    PHILIPS.build(tmp_path)
    for path in tmp_path.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.Manufacturer = "SIEMENS"
        dataset.save_as(path)
    assert "precise" not in only_series(tmp_path).alternatives


def mapping(slope: float, intercept: float) -> Dataset:
    unit = item(CodeValue="um2/s", CodingSchemeDesignator="UCUM", CodeMeaning="um2/s")
    return item(
        RealWorldValueFirstValueMapped=0,
        RealWorldValueLastValueMapped=4095,
        RealWorldValueSlope=slope,
        RealWorldValueIntercept=intercept,
        LUTLabel="ADC",
        MeasurementUnitsCodeSequence=[unit],
    )


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("implicit", [False, True])
def test_real_world_values_are_offered(tmp_path: Path, undefined: bool, implicit: bool) -> None:
    for path in write_series(tmp_path, SeriesSpec("ADC", geometry=GRID, slope=2.0)):
        dataset = pydicom.dcmread(path)
        dataset.RealWorldValueMappingSequence = [mapping(0.5, 7.0)]
        dataset["RealWorldValueMappingSequence"].is_undefined_length = undefined
        if implicit:
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
        pydicom.dcmwrite(path, dataset, implicit_vr=implicit, little_endian=True)
    series = only_series(tmp_path)
    stored = series.load("stored").array
    np.testing.assert_allclose(series.load("real world").array, stored * 0.5 + 7.0)
    np.testing.assert_allclose(series.load().array, stored * 2.0)


def test_other_rescale_types_are_no_hounsfield_units(tmp_path: Path) -> None:
    tags = {"RescaleType": "MGML"}
    spec = SeriesSpec(geometry=GRID, modality="CT", slope=0.5, intercept=0.0, tags=tags)
    write_series(tmp_path, spec)
    series = only_series(tmp_path)
    assert series.values == "MGML: stored × 0.5"
    assert series.load().quantity is Quantity.DIMENSIONLESS
