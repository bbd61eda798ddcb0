"""Writes DICOM SEG and RTSTRUCT files from arrays and contours, with anything wrong on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

from imgcompare.geometry import Geometry
from tests.loading.dicom_builder import ACCESSION, BIRTH, IDENTIFIER, NAME

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"


def item(**values: Any) -> Dataset:
    """One item of a sequence."""
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def _new(sop_class: str, modality: str, syntax: str) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = NAME, IDENTIFIER, BIRTH
    ds.AccessionNumber, ds.Modality = ACCESSION, modality
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    return ds


@dataclass
class SegSpec:
    """One SEG to write: arrays [slice, row, column] by number, on a grid, and their names."""

    grid: Geometry
    segments: Mapping[int, Any]
    names: Mapping[int, str]
    kind: str = "BINARY"
    fractional: str = "OCCUPANCY"
    maximum: int = 255
    padding: int | None = None
    keep_empty: bool = False
    reverse: bool = False
    syntax: str = ExplicitVRLittleEndian
    background: int | None = None


def write_seg(path: Path, spec: SegSpec) -> Path:
    """Write the segments frame by frame; frames without a voxel are left out unless kept."""
    grid = spec.grid
    ds = _new(LABEL_MAP if spec.kind == "LABELMAP" else SEGMENTATION, "SEG", spec.syntax)
    ds.FrameOfReferenceUID = grid.frame_of_reference_uid
    ds.SegmentationType = spec.kind
    ds.Rows, ds.Columns, ds.SamplesPerPixel = grid.shape[1], grid.shape[2], 1
    ds.PhotometricInterpretation, ds.PixelRepresentation = "MONOCHROME2", 0
    bits = 1 if spec.kind == "BINARY" else 8
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
    if spec.kind == "FRACTIONAL":
        ds.SegmentationFractionalType, ds.MaximumFractionalValue = spec.fractional, spec.maximum
    if spec.padding is not None:
        ds.PixelPaddingValue = spec.padding
    ds.SegmentSequence = [_segment(n, spec.names.get(n, "")) for n in spec.segments]
    if spec.background is not None:
        code = item(CodeValue="125040", CodingSchemeDesignator="DCM", CodeMeaning="Background")
        extra = _segment(spec.background, "Background")
        extra.SegmentedPropertyTypeCodeSequence = [code]
        ds.SegmentSequence.append(extra)
    directions = [float(x) for x in (*grid.directions[:, 2], *grid.directions[:, 1])]
    ds.SharedFunctionalGroupsSequence = [
        item(
            PlaneOrientationSequence=[item(ImageOrientationPatient=directions)],
            PixelMeasuresSequence=[
                item(
                    PixelSpacing=[float(x) for x in grid.spacing_mm[1:]],
                    SliceThickness=grid.spacing_mm[0],
                )
            ],
        )
    ]
    groups, planes = _frames(spec)
    if spec.reverse:
        groups, planes = groups[::-1], planes[::-1]
    ds.PerFrameFunctionalGroupsSequence = groups
    ds.NumberOfFrames = len(planes)
    stack = np.stack(planes)
    if bits == 1:
        data = np.packbits(stack.ravel() != 0, bitorder="little").tobytes()
    else:
        data = stack.astype(np.uint8).tobytes()
    ds.PixelData = data + bytes(len(data) % 2)
    ds["PixelData"].VR = "OB"
    ds.save_as(path, enforce_file_format=True)
    return path


def _segment(number: int, name: str) -> Dataset:
    return item(SegmentNumber=number, SegmentLabel=name, SegmentAlgorithmType="MANUAL")


def _frames(spec: SegSpec) -> tuple[list[Dataset], list[Any]]:
    groups, planes = [], []
    if spec.kind == "LABELMAP":
        outside = spec.padding or 0
        labels = np.full(spec.grid.shape, outside, np.uint8)
        for number, array in spec.segments.items():
            labels[np.asarray(array) != 0] = number
        stacks = {None: labels}
    else:
        scale = spec.maximum if spec.kind == "FRACTIONAL" else 1
        stacks = {
            n: np.rint(np.asarray(a, float) * scale).astype(np.uint8)
            for n, a in spec.segments.items()
        }
        outside = 0
    for number, stack in stacks.items():
        for k, plane in enumerate(stack):
            if not (plane != outside).any() and not spec.keep_empty:
                continue
            place = [float(x) for x in spec.grid.index_to_world((k, 0, 0))]
            group = item(PlanePositionSequence=[item(ImagePositionPatient=place)])
            if number is not None:
                group.SegmentIdentificationSequence = [item(ReferencedSegmentNumber=number)]
            groups.append(group)
            planes.append(plane)
    return groups, planes


def write_rtstruct(
    path: Path,
    structures: Mapping[str, Sequence[Any]],
    *,
    frame_uid: str,
    form: str = "CLOSED_PLANAR",
    decimals: int = 3,
    **contour: Any,
) -> Path:
    """Write structures, each a list of contours of LPS points, numbered from 1."""
    ds = _new(RTStructureSetStorage, "RTSTRUCT", ExplicitVRLittleEndian)
    ds.FrameOfReferenceUID = frame_uid
    ds.StructureSetROISequence = [
        item(ROINumber=n, ROIName=name, ReferencedFrameOfReferenceUID=frame_uid)
        for n, name in enumerate(structures, start=1)
    ]
    ds.ROIContourSequence = [
        item(
            ReferencedROINumber=n,
            ContourSequence=[
                item(
                    ContourGeometricType=form,
                    NumberOfContourPoints=len(points),
                    ContourData=[f"{x:.{decimals}f}" for x in np.ravel(points)],
                    **contour,
                )
                for points in contours
            ],
        )
        for n, contours in enumerate(structures.values(), start=1)
    ]
    ds.save_as(path, enforce_file_format=True)
    return path
