"""Enhanced multi-frame files whose frames make several volumes, or not all of one."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import imagecodecs
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import JPEG2000Lossless, generate_uid

from imgcompare.geometry import Geometry
from imgcompare.model import Volume
from tests.builders import make_geometry
from tests.loading.enhanced_builder import GRID, item, write_enhanced
from tests.loading.hard_cases import HardCase, Truth

Edit = Callable[[Dataset, int, Dataset], None]
"""Changes a frame's groups: the frame, its volume, the file."""


def volumes(count: int, edit: Edit, *, grids: tuple[Geometry, ...] = ()) -> Callable[[Path], Truth]:
    """Write volumes into one file, frames in no order; an edit says what tells them apart."""

    def build(folder: Path) -> Truth:
        first = write_enhanced(folder / "file", order=range(GRID.shape[0]), phases=count)
        dataset = pydicom.dcmread(folder / "file")
        groups = list(dataset.PerFrameFunctionalGroupsSequence)
        planes = dataset.pixel_array
        for n, frame in enumerate(groups):
            volume = n // GRID.shape[0]
            if grids:
                place(frame, grids[volume], n % GRID.shape[0])
            del frame.FrameContentSequence[0].TemporalPositionIndex
            edit(frame, volume, dataset)
        order = random.Random(3).sample(range(len(groups)), len(groups))
        dataset.PerFrameFunctionalGroupsSequence = [groups[n] for n in order]
        dataset.PixelData = planes[order].tobytes()
        dataset.save_as(folder / "file")
        used = grids or (GRID,) * count
        return [Volume(first + 1000 * n, used[n]) for n in range(count)]

    return build


def place(frame: Dataset, grid: Geometry, k: int) -> None:
    """Give a frame the place of a slice."""
    along = [float(x) for x in (*grid.directions[:, 2], *grid.directions[:, 1])]
    at = [round(float(x), 6) for x in grid.index_to_world((k, 0, 0))]
    frame.PlaneOrientationSequence = [item(ImageOrientationPatient=along)]
    frame.PlanePositionSequence = [item(ImagePositionPatient=at)]


def _no_dimensions(frame: Dataset, dataset: Dataset) -> None:
    if "DimensionIndexSequence" in dataset:
        del dataset.DimensionIndexSequence
    del frame.FrameContentSequence[0].DimensionIndexValues


def _echo(frame: Dataset, n: int, dataset: Dataset) -> None:
    frame.MREchoSequence = [item(EffectiveEchoTime=(10.0, 80.0)[n])]
    for group in dataset.SharedFunctionalGroupsSequence:
        group.pop("MREchoSequence", None)


def _b_value(frame: Dataset, n: int, dataset: Dataset) -> None:
    frame.MRDiffusionSequence = [item(DiffusionBValue=(0.0, 500.0, 1000.0)[n])]


def _direction(frame: Dataset, n: int, dataset: Dataset) -> None:
    """Equal b-values in three directions: only the dimension index tells."""
    along = item(DiffusionGradientOrientation=[float(n == k) for k in range(3)])
    frame.MRDiffusionSequence = [
        item(DiffusionBValue=800.0, DiffusionGradientDirectionSequence=[along])
    ]
    dataset.DimensionIndexSequence[0].DimensionIndexPointer = 0x00189089


def _trigger(frame: Dataset, n: int, dataset: Dataset) -> None:
    frame.CardiacSynchronizationSequence = [item(NominalCardiacTriggerDelayTime=50.0 * n)]
    _no_dimensions(frame, dataset)


def _component(frame: Dataset, n: int, dataset: Dataset) -> None:
    kind = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    frame.MRImageFrameTypeSequence = [
        item(FrameType=kind, ComplexImageComponent=("MAGNITUDE", "PHASE")[n])
    ]
    _no_dimensions(frame, dataset)


def _stack(frame: Dataset, n: int, dataset: Dataset) -> None:
    frame.FrameContentSequence[0].StackID = str(n + 1)
    _no_dimensions(frame, dataset)


def _moment(frame: Dataset, n: int, dataset: Dataset) -> None:
    k = frame.FrameContentSequence[0].InStackPositionNumber
    frame.FrameContentSequence[0].FrameAcquisitionDateTime = f"2024011010{15 + n:02d}{k:02d}"
    _no_dimensions(frame, dataset)


def _shifted() -> Geometry:
    """Half a slice beside the first grid."""
    affine = GRID.affine.copy()
    affine[:3, 3] += affine[:3, 0] / 2
    return Geometry(GRID.shape, affine, GRID.frame_of_reference_uid)


_ACROSS: Final = make_geometry(GRID.shape, oblique_deg=(90.0, 5.0, -10.0))


def _compressed(**how: Any) -> Callable[[Path], Truth]:
    """Frames in JPEG 2000: in fragments, without an offset table, or with the extended one."""

    def build(folder: Path) -> Truth:
        truth = write_enhanced(folder / "file", order=[2, 0, 3, 1])
        dataset = pydicom.dcmread(folder / "file")
        frames = [
            bytes(imagecodecs.jpeg2k_encode(plane, codecformat="j2k", level=0))
            for plane in dataset.pixel_array
        ]
        dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
        if how.get("extended"):
            data, offsets, lengths = encapsulate_extended(frames)
            dataset.PixelData = data
            dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = offsets, lengths
        else:
            dataset.PixelData = encapsulate(frames, **how)
        dataset["PixelData"].is_undefined_length = True
        dataset.save_as(folder / "file")
        return [Volume(truth, GRID)]

    return build


def concatenation(folder: Path, *, without: int = -1) -> Truth:
    """One object divided into files (PS3.3 C.7.6.16.1.3), one of which may be lost."""
    truth = write_enhanced(folder / "file", order=[0, 1, 2, 3])
    whole = pydicom.dcmread(folder / "file")
    groups, planes = list(whole.PerFrameFunctionalGroupsSequence), whole.pixel_array
    (folder / "file").unlink()
    for n, (start, stop) in enumerate(((0, 2), (2, 3), (3, 4))):
        part = copy.deepcopy(whole)
        part.PerFrameFunctionalGroupsSequence = groups[start:stop]
        part.NumberOfFrames = stop - start
        part.PixelData = planes[start:stop].tobytes()
        part.ConcatenationUID, part.SOPInstanceUIDOfConcatenationSource = "1.2.3.4", "1.2.3.5"
        part.InConcatenationNumber, part.InConcatenationTotalNumber = n + 1, 3
        part.ConcatenationFrameOffsetNumber = start
        part.SOPInstanceUID = part.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        if n != without:
            part.save_as(folder / f"part{n}")
    return "part 3 of 3 of its concatenation" if without >= 0 else [Volume(truth, GRID)]


def _of_kind(sop_class: str, modality: str, word: str = "") -> Callable[[Path], Truth]:
    """The same frames as an object of another kind."""

    def build(folder: Path) -> Truth:
        truth = write_enhanced(folder / "file", order=[3, 1, 0, 2])
        dataset = pydicom.dcmread(folder / "file")
        uid = f"1.2.840.10008.5.1.4.1.1.{sop_class}"
        dataset.SOPClassUID = uid
        dataset.file_meta.MediaStorageSOPClassUID = pydicom.uid.UID(uid)
        dataset.Modality = modality
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            frame.PixelValueTransformationSequence[0].RescaleType = "HU"
        dataset.save_as(folder / "file")
        return word or [Volume(truth, GRID)]

    return build


def _case(name: str, expected: str, build: Callable[[Path], Truth], **why: str) -> HardCase:
    return HardCase(name, expected, build, {"SimpleITK": _FRAMES, **why})


_FRAMES: Final = "reads enhanced files as frames without a place"
_MIXES: Final = "takes the frames in the order of storage"
_FRAGMENTS: Final = "reads no frame in fragments"
_PARTS: Final = "takes each file for a volume"
_PICTURES: Final = "reads the pictures"
_NO_SPLIT: Final = "does not split a file"

ODD_FRAMES: Final = (
    _case(
        "two echoes in one enhanced file",
        "two volumes",
        volumes(2, _echo),
        dcm2niix=_MIXES,
        highdicom=_NO_SPLIT,
    ),
    _case(
        "three b-values in one enhanced file",
        "three volumes",
        volumes(3, _b_value),
        highdicom=_NO_SPLIT,
    ),
    _case(
        "three diffusion directions, told apart by the dimension index",
        "three volumes",
        volumes(3, _direction),
        highdicom=_NO_SPLIT,
    ),
    _case(
        "cardiac phases by trigger delay",
        "three volumes",
        volumes(3, _trigger),
        dcm2niix=_MIXES,
        highdicom=_NO_SPLIT,
    ),
    _case(
        "phases that only the time of each frame tells apart",
        "three volumes",
        volumes(3, _moment),
        dcm2niix=_MIXES,
        highdicom=_NO_SPLIT,
    ),
    _case(
        "magnitude and phase in one enhanced file",
        "two volumes",
        volumes(2, _component),
        dcm2niix=_MIXES,
        highdicom=_NO_SPLIT,
    ),
    _case(
        "two stacks of two orientations",
        "two volumes",
        volumes(2, _stack, grids=(GRID, _ACROSS)),
        dcm2niix=_MIXES,
        highdicom=_NO_SPLIT,
    ),
    _case(
        "two stacks, one half a slice beside the other",
        "two volumes, not one of twice as many slices",
        volumes(2, _stack, grids=(GRID, _shifted())),
        dcm2niix=_MIXES,
        highdicom="makes one volume of both stacks",
    ),
    _case(
        "one object divided into three files (concatenation)",
        "one volume",
        concatenation,
        dcm2niix=_PARTS,
        highdicom=_PARTS,
    ),
    _case(
        "the last part of a concatenation is lost",
        "refused, the part named",
        lambda folder: concatenation(folder, without=2),
        dcm2niix=_PARTS,
        highdicom=_PARTS,
    ),
    _case(
        "enhanced frames in fragments",
        "bit for bit",
        _compressed(fragments_per_frame=3),
        dcm2niix=_FRAGMENTS,
    ),
    _case(
        "enhanced frames in fragments, no offset table",
        "bit for bit",
        _compressed(fragments_per_frame=3, has_bot=False),
        dcm2niix=_FRAGMENTS,
    ),
    _case(
        "extended offset table",
        "bit for bit",
        _compressed(extended=True),
        dcm2niix="does not know it",
    ),
    _case("enhanced CT", "as placed", _of_kind("2.1", "CT")),
    _case("legacy converted enhanced MR", "as placed", _of_kind("4.4", "MR")),
    _case(
        "X-ray angiography of many frames",
        "listed",
        _of_kind("12.1", "XA", "XA object"),
        dcm2niix=_PICTURES,
        highdicom=_PICTURES,
    ),
    _case(
        "ultrasound of many frames",
        "listed",
        _of_kind("3.1", "US", "US object"),
        dcm2niix=_PICTURES,
        highdicom=_PICTURES,
    ),
)
