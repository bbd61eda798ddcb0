"""Reads segments of a DICOM SEG onto the voxels of an image (PS3.3 C.8.20).

Frames are placed by their own position and orientation, never by their order, so that sparse,
flipped and cropped segmentations land where they belong. Frames that do not coincide with voxels
of the image, as those drawn on another series of the visit, give each voxel its share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
import numpy.typing as npt

from imgcompare.errors import GeometryMismatchError, InputError, UnreadableFileError
from imgcompare.geometry import Geometry, from_slices
from imgcompare.loading import placing
from imgcompare.loading.drawn import Filled, Part, cropped, require_frame
from imgcompare.loading.placing import stack_frames, usual_step_mm
from imgcompare.loading.seg_frames import Frame, Frames
from imgcompare.loading.tags import printable

SOP_CLASSES: Final = frozenset(f"1.2.840.10008.5.1.4.1.1.66.{n}" for n in (4, 7))
"""Segmentation Storage and Label Map Segmentation Storage."""

SAME_VOXEL: Final = 0.05
"""Frames lie on the image's voxels if they are off by no more than this part of one."""

PROBABLE: Final = 0.5
"""Probability from which on a voxel belongs to a segment of fractional type PROBABILITY: a
probability is no partial volume, so that whole voxels are taken."""

BACKGROUND_CODE: Final = "125040"
"""DCM code of the segment that is outside all others."""

BACKGROUND: Final = 0
"""Value of label maps outside all segments, unless PixelPaddingValue names another."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one frame lies, and of which segment (None in a label map)."""

    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing_mm: tuple[float, ...]
    segment: int | None
    step_mm: float | None = None
    thickness_mm: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SegmentFile:
    """A DICOM SEG that has been opened."""

    name: str
    parts: tuple[Part, ...]
    known: frozenset[int]
    frame_uid: str
    type: str
    maximum: int
    occupancy: bool
    places: tuple[_Place, ...] = field(repr=False)
    frames: Frames = field(repr=False)
    kind: str = "segments"

    def fill(self, part: Part, *, onto: Geometry, what: str) -> Filled:
        """Place one segment on a grid.

        OCCUPANCY gives the part of each voxel; PROBABILITY whole voxels of at least PROBABLE.

        Raises
        ------
        GeometryMismatchError
            If the segment is in another frame of reference, on another grid where no frame of
            reference is known, or reaches beyond the image.
        UnreadableFileError
            If pixels are damaged.
        """
        require_frame(self.frame_uid, onto, file=self.name, what=what)
        try:
            return self._on_voxels(part, onto, what)
        except GeometryMismatchError:
            if not (self.frame_uid and onto.frame_of_reference_uid):
                raise
            filled = self._on_another_grid(part, onto, what)
            if filled is None:
                raise
            return filled

    def _on_voxels(self, part: Part, onto: Geometry, what: str) -> Filled:
        """Place frames whose pixels are voxels of the image."""
        full: npt.NDArray[Any] = np.zeros(
            onto.shape, dtype=np.float32 if self.type == "FRACTIONAL" else bool
        )
        for place, frame in self._frames_of(part):
            values = self._values(frame, part)
            if values.any():
                target, pixels = self._coinciding(place, values, onto, what)
                full[target] = np.maximum(full[target], pixels)
        if self.type == "FRACTIONAL" and not self.occupancy:
            full = full >= PROBABLE
        return cropped(full, self._notes())

    def _notes(self) -> tuple[str, ...]:
        if self.type != "FRACTIONAL":
            return ()
        if self.occupancy:
            return ("fractions are occupancies: the part of each voxel filled",)
        return (f"fractions are probabilities: voxels of {PROBABLE:.0%} or more are taken whole",)

    def _on_another_grid(self, part: Part, onto: Geometry, what: str) -> Filled | None:
        """Share out frames that lie on a regular grid of their own; None if they lie on none."""
        found = []
        for place, frame in self._frames_of(part):
            values = self._values(frame, part)
            if self.type == "FRACTIONAL" and not self.occupancy:
                values = values >= PROBABLE
            if values.any():
                found.append((place, values))
        places = [place for place, _ in found]
        first = places[0]
        same = (first.orientation, first.spacing_mm)
        if any((p.orientation, p.spacing_mm) != same for p in self.places):
            return None
        step = usual_step_mm([p.position for p in self.places], first.orientation, first.step_mm)
        stack = stack_frames(
            [p.position for p in places],
            *same,
            [values for _, values in found],
            step_mm=step or first.thickness_mm,
        )
        if stack is None:
            return None
        filled = placing.place(*stack, onto, name=self.name, what=what)
        note = (
            f"drawn on another grid of the same frame of reference [{stack[1]}]: each voxel gets "
            "the part of it that is filled"
        )
        return Filled(filled.box, filled.fractions, (*self._notes(), note))

    def _frames_of(self, part: Part) -> Iterator[tuple[_Place, Frame]]:
        for number, place in enumerate(self.places):
            if place.segment is None or place.segment == part.number:
                yield place, self.frames[number]

    def _values(self, frame: Frame, part: Part) -> npt.NDArray[Any]:
        """Read what a frame says of one segment: booleans, or fractions."""
        if self.type == "LABELMAP":
            strange = set(np.unique(frame).tolist()) - self.known
            if strange:
                self._refuse(f"holds the label {min(strange)}, which is none of its segments")
            return np.asarray(frame == part.number)
        if self.type == "BINARY":
            return np.asarray(frame != 0)
        if int(frame.max()) > self.maximum:
            self._refuse(
                f"holds fractions of {frame.max()}, above its Maximum Fractional Value of "
                f"{self.maximum}; its header is wrong"
            )
        return np.asarray(frame / np.float32(self.maximum), dtype=np.float32)

    def _refuse(self, why: str) -> NoReturn:
        raise UnreadableFileError(f"File {self.name} {why}.")

    def _coinciding(
        self, place: _Place, values: npt.NDArray[Any], onto: Geometry, what: str
    ) -> tuple[tuple[Any, ...], npt.NDArray[Any]]:
        """Index of the image's voxels that a frame's filled pixels are, and those pixels."""
        grid = from_slices(
            [place.position],
            place.orientation,
            place.spacing_mm,
            values.shape,
            slice_spacing_mm=onto.slice_spacing_mm,
        )
        rows, columns = (np.flatnonzero(values.any(axis=a)) for a in (1, 0))
        (top, left), (bottom, right) = (rows[0], columns[0]), (rows[-1], columns[-1])
        ends = np.array([(0, top, left), (0, bottom, left), (0, top, right), (0, bottom, right)])
        exact = onto.world_to_index(grid.index_to_world(ends))
        whole = np.rint(exact).astype(np.int64)
        inverse = np.linalg.inv(onto.affine)[:3, :3]
        steps = np.rint(inverse @ grid.affine[:3, 1:3]).astype(np.int64)
        straight = np.abs(steps).sum(axis=0).tolist() == [1, 1] and np.abs(steps).sum(1).max() == 1
        pixels = values[top : bottom + 1, left : right + 1]
        runs = steps @ np.array([pixels.shape[0] - 1, pixels.shape[1] - 1])
        fits = straight and (whole[0] + runs == whole[3]).all()
        inside = ((whole >= 0) & (whole < onto.shape)).all()
        if not fits or np.abs(exact - whole).max() > SAME_VOXEL or not inside:
            raise GeometryMismatchError(
                f"Mask {self.name} and {what} are on different grids: [{grid}] and [{onto}]. "
                "Draw or resample the segmentation on that image."
            )
        down, across = (int(np.flatnonzero(steps[:, n])[0]) for n in (0, 1))
        target: list[Any] = [int(whole[0, a]) for a in range(3)]
        for axis in (down, across):
            low, high = sorted((int(whole[0, axis]), int(whole[3, axis])))
            target[axis] = slice(low, high + 1)
        flipped = pixels[:: int(steps[down, 0]), :: int(steps[across, 1])]
        return tuple(target), flipped if down < across else flipped.T


def open_segments(path: Path, dataset: Any, scrub: Callable[[str], str]) -> SegmentFile:
    """List the segments of a DICOM SEG.

    Parameters
    ----------
    path : Path
        The file, for its name.
    dataset : pydicom.Dataset
        What it holds.
    scrub : callable
        Hides the patient's name in names of segments and of the file.

    Raises
    ------
    InputError
        If it holds no segment.
    UnreadableFileError
        If its header is damaged, or claims more pixels than there are.
    """
    name = scrub(path.name)
    kind = str(dataset.SegmentationType)
    if kind == "FRACTIONAL" and int(dataset.BitsAllocated) == 1:
        raise UnreadableFileError(
            f"File {name} is FRACTIONAL by its header, but stores single bits."
        )
    if kind not in ("BINARY", "FRACTIONAL", "LABELMAP"):
        raise UnreadableFileError(f"File {name} is of unknown segmentation type {kind!r}.")
    frames = Frames(name, dataset)
    groups = list(dataset.get("PerFrameFunctionalGroupsSequence") or [])
    if len(groups) != frames.count:
        raise UnreadableFileError(
            f"File {name} describes {len(groups)} frames but claims {frames.count}."
        )
    shared: Any = next(iter(dataset.get("SharedFunctionalGroupsSequence") or []), {})
    padding = dataset.get("PixelPaddingValue")
    outside = {BACKGROUND if padding is None else int(padding)} if kind == "LABELMAP" else set()
    named, parts = set(outside), []
    for item in dataset.get("SegmentSequence") or []:
        number = int(item.SegmentNumber)
        named.add(number)
        if number not in outside and not _is_background(item):
            parts.append(
                Part(number, scrub(printable(str(item.get("SegmentLabel") or "").strip())))
            )
    if not parts:
        raise InputError(f"{name} holds no segment.")
    return SegmentFile(
        frames.file,
        tuple(sorted(parts, key=lambda p: p.number)),
        frozenset(named),
        str(dataset.get("FrameOfReferenceUID") or ""),
        kind,
        max(1, int(dataset.get("MaximumFractionalValue") or 255)),
        str(dataset.get("SegmentationFractionalType")) == "OCCUPANCY",
        tuple(_place(g, shared, name, labelled=kind != "LABELMAP") for g in groups),
        frames,
    )


def _is_background(segment: Any) -> bool:
    """Whether a segment is coded as what lies outside all others."""
    codes = segment.get("SegmentedPropertyTypeCodeSequence") or []
    return any(str(c.get("CodeValue")) == BACKGROUND_CODE for c in codes)


def _place(group: Any, shared: Any, file: str, *, labelled: bool) -> _Place:
    """Read one frame's position, from its own group or from the shared one."""

    def item(keyword: str) -> Any:
        items = group.get(keyword) or shared.get(keyword)
        if not items:
            raise UnreadableFileError(f"File {file} has a frame with no {keyword}.")
        return items[0]

    measures = item("PixelMeasuresSequence")
    step, thickness = measures.get("SpacingBetweenSlices"), measures.get("SliceThickness")
    segment = None
    if labelled:
        segment = int(item("SegmentIdentificationSequence").ReferencedSegmentNumber)
    return _Place(
        _numbers(item("PlanePositionSequence").ImagePositionPatient, 3),
        _numbers(item("PlaneOrientationSequence").ImageOrientationPatient, 6),
        _numbers(measures.PixelSpacing, 2),
        segment,
        abs(float(step)) if step else None,
        abs(float(thickness)) if thickness else None,
    )


def _numbers(values: Any, count: int) -> tuple[float, ...]:
    found = tuple(float(v) for v in values)
    if len(found) != count or not np.isfinite(found).all():
        raise UnreadableFileError(f"A frame's position needs {count} numbers, not {len(found)}.")
    return found
