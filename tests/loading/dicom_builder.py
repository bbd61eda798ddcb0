"""Writes small DICOM series whose file names tell nothing, with anything wrong that is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    generate_uid,
)
from pydicom.valuerep import format_number_as_ds

from imgcompare.geometry import Geometry
from tests.builders import make_geometry

SOP_CLASSES = {
    "CT": CTImageStorage,
    "MR": MRImageStorage,
    "PT": PositronEmissionTomographyImageStorage,
}

NAME, IDENTIFIER, BIRTH, ACCESSION = "Mustermann^Erika", "PID-4711-X", "19551231", "ACC998877"


@dataclass
class SeriesSpec:
    """One series to write. ``tags`` go into every file, ``per_slice`` into one (by slice)."""

    description: str = "AX T1"
    geometry: Geometry = field(default_factory=make_geometry)
    array: npt.NDArray[Any] | None = None
    modality: str = "MR"
    study_uid: str = ""
    series_uid: str = ""
    date: str = "20240110"
    time: str = "101500"
    number: int = 4
    syntax: str = ExplicitVRLittleEndian
    slope: float | None = None
    intercept: float | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    per_slice: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    skip: tuple[int, ...] = ()
    start_number: int = 1

    def values(self) -> npt.NDArray[Any]:
        """Give the stored values: those given, or a ramp unlike any flip of itself."""
        if self.array is not None:
            return self.array
        k, j, i = np.indices(self.geometry.shape)
        return (100 * k + 7 * j + i).astype(np.int16)


def write_series(folder: Path, spec: SeriesSpec, *, seed: int = 0) -> list[Path]:
    """Write the series; give the paths in order of slices."""
    folder.mkdir(parents=True, exist_ok=True)
    array = spec.values()
    study, series = spec.study_uid or generate_uid(), spec.series_uid or generate_uid()
    names = np.random.default_rng(seed).permutation(10_000)
    paths = []
    for k in range(spec.geometry.shape[0]):
        if k in spec.skip:
            continue
        dataset = _slice(spec, array[k], k, study, series)
        name = f"{spec.number:02d}{names[k]:06x}{seed}"
        dataset.save_as(folder / name, enforce_file_format=True)
        paths.append(folder / name)
    return paths


def _slice(spec: SeriesSpec, pixels: npt.NDArray[Any], k: int, study: str, series: str) -> Dataset:
    grid = spec.geometry
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = spec.syntax
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = SOP_CLASSES[spec.modality]
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = NAME, IDENTIFIER, BIRTH
    ds.AccessionNumber = ACCESSION
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
    ds.StudyDate, ds.StudyTime, ds.Modality = spec.date, spec.time, spec.modality
    ds.SeriesNumber, ds.SeriesDescription = spec.number, spec.description
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL" if spec.modality == "CT" else "M"]
    # numbers run against the position, so that sorting by them is caught
    ds.InstanceNumber = spec.start_number + grid.shape[0] - 1 - k
    ds.FrameOfReferenceUID = grid.frame_of_reference_uid
    ds.ImagePositionPatient = _decimals(grid.index_to_world((k, 0, 0)))
    ds.ImageOrientationPatient = _decimals((*grid.directions[:, 2], *grid.directions[:, 1]))
    ds.PixelSpacing = _decimals(grid.spacing_mm[1:])
    ds.SliceThickness = f"{grid.slice_spacing_mm:.6g}"
    ds.Rows, ds.Columns = pixels.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    bits = pixels.dtype.itemsize * 8
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    if spec.slope is not None:
        ds.RescaleSlope = f"{spec.slope:.10g}"
    if spec.intercept is not None:
        ds.RescaleIntercept = f"{spec.intercept:.10g}"
    for keyword, value in {**spec.tags, **spec.per_slice.get(k, {})}.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OW" if bits > 8 else "OB"
    return ds


def _decimals(values: Iterable[float]) -> list[str]:
    return [format_number_as_ds(float(f"{v:.14g}")) for v in values]
