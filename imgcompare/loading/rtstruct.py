"""Reads structures of a DICOM RTSTRUCT and fills a grid from their contours (PS3.3 C.8.8.6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from imgcompare.errors import InputError, UnreadableFileError
from imgcompare.geometry import Geometry
from imgcompare.loading import contours
from imgcompare.loading.drawn import Filled, Part, require_frame
from imgcompare.loading.tags import printable

SOP_CLASS: Final = "1.2.840.10008.5.1.4.1.1.481.3"

CLOSED: Final = frozenset(("CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "CLOSED_PLANAR_XOR"))
"""Contours that enclose something; points and open lines do not. The last is how some programs
misspell the second (PS3.3 C.8.8.6.3)."""

_CONTOUR_DATA: Final = 0x30060050
_LEAST_CORNERS: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class _Structure:
    """Name, frame of reference and contours of one region, contours unread."""

    part: Part
    frame_uid: str
    items: Sequence[Any] = field(repr=False)
    open: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class StructureFile:
    """An RTSTRUCT that has been opened."""

    name: str
    structures: tuple[_Structure, ...] = field(repr=False)
    kind: str = "structures"

    @property
    def parts(self) -> tuple[Part, ...]:
        """Structures that enclose something, by number."""
        return tuple(s.part for s in self.structures)

    def fill(self, part: Part, *, onto: Geometry, what: str) -> Filled:
        """Fill a grid from the contours of one structure, to the exact part of each voxel.

        Raises
        ------
        GeometryMismatchError
            If the structure is in another frame of reference.
        InputError
            If it reaches beyond the image or is not made of parallel planes.
        UnreadableFileError
            If its coordinates are damaged.
        """
        structure = next(s for s in self.structures if s.part == part)
        require_frame(structure.frame_uid, onto, file=self.name, what=what)
        polygons, notes = _polygons(structure, self.name)
        if structure.open:
            notes.append(
                f"{structure.open} point(s) or open line(s) left out: they enclose nothing"
            )
        title = f"Structure {part} of {self.name}"
        thickness = _thickness(structure.items)
        filled = contours.fill(polygons, onto, name=title, thickness_mm=thickness)
        if not (structure.frame_uid and onto.frame_of_reference_uid):
            notes.append("placed by its coordinates alone: no frame of reference to check")
        return Filled(filled.box, filled.fractions, (*notes, *filled.notes))


def open_structures(path: Path, dataset: Any, scrub: Callable[[str], str]) -> StructureFile:
    """List the structures of an RTSTRUCT.

    Parameters
    ----------
    path : Path
        The file, for its name.
    dataset : pydicom.Dataset
        What it holds.
    scrub : callable
        Hides the patient's name in names of structures and of the file.

    Raises
    ------
    InputError
        If no structure has a closed contour.
    """
    common = str(dataset.get("FrameOfReferenceUID") or "")
    items: dict[int, list[Any]] = defaultdict(list)
    for entry in dataset.get("ROIContourSequence") or []:
        items[int(entry.ReferencedROINumber)] += entry.get("ContourSequence") or []
    found = []
    for roi in dataset.get("StructureSetROISequence") or []:
        number = int(roi.ROINumber)
        closed = [c for c in items.get(number, []) if c.get("ContourGeometricType") in CLOSED]
        if closed:
            uid = str(roi.get("ReferencedFrameOfReferenceUID") or common)
            part = Part(number, scrub(printable(str(roi.get("ROIName") or "").strip())))
            found.append(_Structure(part, uid, closed, len(items[number]) - len(closed)))
    if not found:
        raise InputError(
            f"{scrub(path.name)} holds no closed contour: its structures are points, open lines or "
            "empty."
        )
    return StructureFile(scrub(path.name), tuple(sorted(found, key=lambda s: s.part.number)))


def _polygons(structure: _Structure, file: str) -> tuple[list[npt.NDArray[np.float64]], list[str]]:
    """Corners of each contour, LPS mm; contours of less than three corners enclose nothing."""
    polygons, notes = [], []
    for item in structure.items:
        points = _points(item, file)
        if len(points) >= _LEAST_CORNERS:
            polygons.append(points)
    short = len(structure.items) - len(polygons)
    if not polygons:
        raise InputError(f"Structure {structure.part} of {file} has no contour of 3 points.")
    if short:
        notes.append(f"{short} contour(s) of less than three points left out")
    return polygons, notes


def _points(item: Any, file: str) -> npt.NDArray[np.float64]:
    """Read one contour's coordinates, shape (n, 3).

    The text is split here since pydicom makes an object of every number, which takes seconds.
    """
    raw = item.get_item(_CONTOUR_DATA)
    value = raw.value if raw is not None else b""
    try:
        if isinstance(value, bytes):
            text = value.decode("latin-1").strip("\0 \\")
            numbers = np.array(text.split("\\") if text else [], dtype=np.float64)
        else:
            numbers = np.atleast_1d(np.array(value, dtype=np.float64))
    except (ValueError, TypeError):
        numbers = np.array([np.nan])
    if len(numbers) % 3 or not np.isfinite(numbers).all():
        raise UnreadableFileError(
            f"File {file} has a contour whose coordinates are damaged; export it again."
        )
    return numbers.reshape(-1, 3)


def _thickness(items: Sequence[Any]) -> float | None:
    """Slab thickness that the contours state, mm."""
    stated = {float(i.ContourSlabThickness) for i in items if i.get("ContourSlabThickness")}
    value = stated.pop() if len(stated) == 1 else 0.0
    return value if 0.0 < value < np.inf else None
