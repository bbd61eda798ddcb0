"""Enhanced multi-frame files are taken apart into planes like classic ones."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedMRImageStorage, RLELossless

from imgcompare.errors import NothingFoundError
from imgcompare.geometry import Geometry
from imgcompare.loading import load_course, scan
from imgcompare.model import Role
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series

GRID = make_geometry((4, 10, 8), oblique_deg=(20.0, 5.0, -10.0))


def item(**values: Any) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def write_enhanced(
    path: Path,
    *,
    order: list[int],
    phases: int = 1,
    grid: Geometry = GRID,
    frames: int | None = None,
) -> np.ndarray[Any, Any]:
    """Write all slices in one file, frames in the given order; phase p adds 1000·p."""
    folder = path.parent / "classic"
    spec = SeriesSpec("T1 MPRAGE", geometry=grid)
    dataset = pydicom.dcmread(write_series(folder, spec)[0])
    for made in folder.iterdir():
        made.unlink()
    values = spec.values()
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        orientation = (
            dataset.ImageOrientationPatient if "ImageOrientationPatient" in dataset else ()
        )
        if keyword == "ImageOrientationPatient":
            kept = list(orientation)
        delattr(dataset, keyword)
    measures = item(PixelSpacing=list(grid.spacing_mm[1:]), SliceThickness=grid.spacing_mm[0])
    timing = item(RepetitionTime=8.0, FlipAngle=12.0)
    dataset.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[measures],
            PlaneOrientationSequence=[item(ImageOrientationPatient=kept)],
            MRTimingAndRelatedParametersSequence=[timing],
            MREchoSequence=[item(EffectiveEchoTime=3.0)],
        )
    ]
    planes, groups = [], []
    for phase in range(phases):
        for k in order:
            place = [round(float(x), 6) for x in grid.index_to_world((k, 0, 0))]
            groups.append(
                item(
                    PlanePositionSequence=[item(ImagePositionPatient=place)],
                    FrameContentSequence=[item(TemporalPositionIndex=phase + 1)],
                    PixelValueTransformationSequence=[
                        item(RescaleSlope=1, RescaleIntercept=10, RescaleType="US")
                    ],
                )
            )
            planes.append(values[k] + 1000 * phase)
    dataset.PerFrameFunctionalGroupsSequence = groups
    dataset.NumberOfFrames = frames or len(planes)
    dataset.PixelData = np.stack(planes).astype(np.int16).tobytes()
    dataset.save_as(path)
    return values + 10


def test_frames_in_any_order_make_the_volume(tmp_path: Path) -> None:
    expected = write_enhanced(tmp_path / "file", order=[2, 0, 3, 1])
    series = load_course(tmp_path).timepoints[0].series[Role.T1]
    assert series.geometry == GRID
    np.testing.assert_array_equal(series.load().array, expected)
    assert series.acquisition.echo_time_ms == 3.0


def test_phases_in_one_file(tmp_path: Path) -> None:
    expected = write_enhanced(tmp_path / "file", order=[0, 1, 2, 3], phases=2)
    (timepoint,) = load_course(tmp_path).timepoints
    np.testing.assert_array_equal(timepoint.series[Role.T1].load().array, expected)
    np.testing.assert_array_equal(timepoint.series[Role.T1C].load().array, expected + 1000)


def test_compressed_frames(tmp_path: Path) -> None:
    expected = write_enhanced(tmp_path / "file", order=[3, 2, 1, 0])
    dataset = pydicom.dcmread(tmp_path / "file")
    dataset.compress(RLELossless)
    dataset.save_as(tmp_path / "file")
    series = load_course(tmp_path).timepoints[0].series[Role.T1]
    np.testing.assert_array_equal(series.load().array, expected)


def test_missing_frame_is_refused(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "file", order=[0, 1, 3])
    (timepoint,) = load_course(tmp_path).timepoints
    assert "4 slices expected" in timepoint.others[0].refusal


def test_wrong_number_of_frames_is_named(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "file", order=[0, 1, 2, 3], frames=9)
    with pytest.raises(NothingFoundError, match="describes 4 frames but claims 9"):
        scan(tmp_path)
