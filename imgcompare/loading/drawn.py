"""What every kind of mask file gives: named parts, each of which fills voxels of a grid."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from imgcompare.errors import GeometryMismatchError, LabelSchemeError
from imgcompare.geometry import Geometry

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True)
class Part:
    """One segment of a DICOM SEG, one structure of an RTSTRUCT, or one value of a label map."""

    number: int
    name: str = ""

    def __str__(self) -> str:
        """Give number and name, as messages list it."""
        return f"{self.number} {self.name}".strip()


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """What a part fills of each voxel within a box of the grid, and nothing outside it.

    Attributes
    ----------
    box : 3 slices
        Within the grid.
    fractions : bool or float32 array
        Booleans where whole voxels are labelled; else the part of each voxel, 0 to 1.
    notes : tuple of str
        What a person should know about how it was placed.
    """

    box: Box
    fractions: npt.NDArray[Any]
    notes: tuple[str, ...] = ()


class MaskFile(Protocol):
    """A mask file that has been opened: what it holds, not yet its voxels."""

    @property
    def name(self) -> str:
        """Name of the file without its folders."""

    @property
    def kind(self) -> str:
        """Word for its parts: segments, structures or labels."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """Everything that can be chosen from it, in order of number."""

    def fill(self, part: Part, *, onto: Geometry, what: str) -> Filled:
        """Place one part on a grid; ``what`` is what messages call the image."""


def split_choice(path: str | os.PathLike[str]) -> tuple[Path, str]:
    """Split ``seg.dcm#3`` into the file and what is chosen from it.

    A file whose own name holds a ``#`` is found as it is.
    """
    text = os.fspath(path)
    ends = [n for n, letter in enumerate(text) if letter == "#"]
    for end in [len(text), *ends]:
        if end and os.path.isfile(text[:end]):
            return Path(text[:end]), text[end + 1 :].strip()
    end = ends[0] if ends and ends[0] else len(text)
    return Path(text[:end]), text[end + 1 :].strip()


def choose(parts: Sequence[Part], choice: str, *, file: str, kind: str) -> tuple[Part, ...]:
    """Find the parts that a person named.

    Parameters
    ----------
    parts : sequence of Part
        What the file holds.
    choice : str
        A number, a name or an unmistakable piece of one, or several with commas between them.
    file, kind : str
        What messages call the file and its parts.

    Returns
    -------
    tuple of Part
        In the order of the choice.

    Raises
    ------
    LabelSchemeError
        If there is no such part, or several; lists all.
    """
    whole = _find(parts, choice)  # a name may hold a comma
    found = [whole] if len(whole) == 1 else [_find(parts, c) for c in choice.split(",")]
    for wanted, hits in zip([choice] if len(whole) == 1 else choice.split(","), found, strict=True):
        if len(hits) != 1:
            problem = "fits several" if hits else "is not among the"
            raise LabelSchemeError(
                f"{wanted.strip()!r} {problem} {kind} of {file}: {listing(parts)}. "
                "Give a number after the #."
            )
    return tuple(dict.fromkeys(hits[0] for hits in found))


def _find(parts: Sequence[Part], wanted: str) -> list[Part]:
    """Parts by number, else by name, else by a piece of the name, whatever the case."""
    wanted = wanted.strip().casefold()
    if not wanted:
        return []
    if wanted.isdecimal():
        return [p for p in parts if str(p.number) == wanted.lstrip("0")]
    named = [p for p in parts if p.name.casefold() == wanted]
    return named or [p for p in parts if wanted in p.name.casefold()]


def listing(parts: Sequence[Part]) -> str:
    """Every part with its number, for messages."""
    return ", ".join(map(str, parts)) or "none"


def require_frame(uid: str, onto: Geometry, *, file: str, what: str) -> None:
    """Refuse a mask that was drawn in another frame of reference.

    Raises
    ------
    GeometryMismatchError
        If both are known and differ; names both.
    """
    known = onto.frame_of_reference_uid
    if uid and known and uid != known:
        raise GeometryMismatchError(
            f"Mask {file} and {what} are in different frames of reference ({uid} and {known}): "
            "positions in one say nothing about the other. Give the mask drawn on that image."
        )


def cropped(fractions: npt.NDArray[Any], notes: Sequence[str] = ()) -> Filled:
    """Crop an array on the full grid to what is not 0."""
    box = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        filled = np.flatnonzero(fractions.any(axis=others))
        box.append(slice(int(filled[0]), int(filled[-1]) + 1) if len(filled) else slice(0, 0))
    window = box[0], box[1], box[2]
    return Filled(window, np.ascontiguousarray(fractions[window]), tuple(notes))
