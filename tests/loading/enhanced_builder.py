"""Writes small enhanced multi-frame MR files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedMRImageStorage, generate_uid

from imgcompare.geometry import Geometry
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series

GRID = make_geometry((4, 10, 8), oblique_deg=(20.0, 5.0, -10.0))


def item(**values: Any) -> Dataset:
    """Make a sequence item."""
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def write_enhanced(
    path: Path,
    *,
    order: Sequence[int],
    phases: int = 1,
    grid: Geometry = GRID,
    frames: int | None = None,
    slopes: Sequence[float] | None = None,
) -> np.ndarray[Any, Any]:
    """Write slices in one file, frames in the given order; phase p adds 1000·p.

    Gives the values of the first phase: stored × slope of the slice (1 if None) + 10.
    """
    folder = path.parent / "classic"
    spec = SeriesSpec("T1 MPRAGE", geometry=grid)
    dataset = pydicom.dcmread(write_series(folder, spec)[0])
    for made in folder.iterdir():
        made.unlink()
    folder.rmdir()
    values = spec.values()
    slope = np.ones(grid.shape[0]) if slopes is None else np.array(slopes)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    kept = list(dataset.ImageOrientationPatient)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
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
    stack, time = 0x00209057, 0x00209128
    organisation = generate_uid()
    dataset.DimensionOrganizationSequence = [item(DimensionOrganizationUID=organisation)]
    dataset.DimensionIndexSequence = [
        item(
            DimensionOrganizationUID=organisation,
            DimensionIndexPointer=pointer,
            FunctionalGroupPointer=0x00209111,
        )
        for pointer in (time, stack)
    ]
    planes, groups = [], []
    for phase in range(phases):
        for k in order:
            place = [round(float(x), 6) for x in grid.index_to_world((k, 0, 0))]
            content = item(
                TemporalPositionIndex=phase + 1,
                StackID="1",
                InStackPositionNumber=k + 1,
                DimensionIndexValues=[phase + 1, k + 1],
            )
            scale = item(RescaleSlope=float(slope[k]), RescaleIntercept=10, RescaleType="US")
            groups.append(
                item(
                    PlanePositionSequence=[item(ImagePositionPatient=place)],
                    FrameContentSequence=[content],
                    PixelValueTransformationSequence=[scale],
                )
            )
            planes.append(values[k] + 1000 * phase)
    dataset.PerFrameFunctionalGroupsSequence = groups
    dataset.NumberOfFrames = frames or len(planes)
    dataset.PixelData = np.stack(planes).astype(np.int16).tobytes()
    dataset.save_as(path)
    return values * slope[:, None, None] + 10
