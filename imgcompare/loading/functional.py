"""Reads the functional groups of enhanced multi-frame files (PS3.3 C.7.6.16)."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Final

from imgcompare.errors import UnreadableFileError
from imgcompare.loading.datasets import read_dataset
from imgcompare.loading.header import BIG_ENDIAN, EXPLICIT_LITTLE, MAX_LONG, read_values
from imgcompare.loading.instances import Concatenation
from imgcompare.loading.nested import Item, parse_items, read_items
from imgcompare.loading.tags import number, numbers, text
from imgcompare.loading.walking import BytesWindow, Walker

_SHARED: Final = 0x52009229
_PER_FRAME: Final = 0x52009230
_DIMENSIONS: Final = 0x00209222
_CONCATENATION: Final = 0x00209161
_PART, _PARTS, _OFFSET = 0x00209162, 0x00209163, 0x00209228
_FILE: Final = frozenset(
    (
        *(_SHARED, _PER_FRAME, _DIMENSIONS, _CONCATENATION, _PART, _PARTS, _OFFSET),
        *(0x00180012, 0x00189005, 0x00189008, 0x00189009, 0x00189018),
    )
)
"""Groups, dimensions, concatenation, contrast agents, and what describes the pulse sequence."""

_IN_A_VOLUME: Final = frozenset((0x00209057, 0x00200032, 0x00201041, 0x00209056))
"""Dimensions along which frames lie in one volume (place in the stack), or that are looked at
otherwise (the stack itself)."""

_FORMS: Final[dict[int, str]] = {
    0x00189079: "d",  # Inversion Times
    0x00189082: "d",  # Effective Echo Time
    0x00189087: "d",  # Diffusion b-value
    0x00189345: "d",  # CTDIvol
    0x00209128: "I",  # Temporal Position Index
    0x00209153: "d",  # Nominal Cardiac Trigger Delay Time
    0x00209156: "H",  # Frame Acquisition Number
    0x2005100E: "f",  # Philips' private scale slope
}
"""Numbers not stored as text, with their struct format."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Functional groups of one frame: its own first, then the shared ones."""

    own: Item
    shared: Item
    syntax: str

    def items(self, sequence: int) -> bytes | None:
        """Give the bytes of a group's items."""
        return self.own.get(sequence) or self.shared.get(sequence)

    def value(self, sequence: int, tag: int) -> bytes | None:
        """Give an attribute of a group, as stored; None if it is absent or empty."""
        for group in (self.own, self.shared):
            items = read_items(group.get(sequence, b""), self.syntax)
            if items and (value := items[0].get(tag)):
                return value
        return None

    def words(self, sequence: int, tag: int) -> str:
        """Read a text; empty if there is none."""
        return text(self.value(sequence, tag))

    def number(self, sequence: int, tag: int) -> float | None:
        """Read the first number of an attribute; None if there is none."""
        value, form = self.value(sequence, tag), _FORMS.get(tag)
        if form is None or value is None:
            return number(value)
        order = ">" if self.syntax == BIG_ENDIAN else "<"
        if len(value) < struct.calcsize(order + form):
            return None
        found = float(struct.unpack_from(order + form, value)[0])
        return found if math.isfinite(found) else None

    def numbers(self, sequence: int, tag: int) -> tuple[float, ...]:
        """Read all numbers of a text attribute."""
        return numbers(self.value(sequence, tag))


@dataclass(frozen=True, slots=True)
class Functional:
    """What describes the frames of a file: groups of each, and attributes of all."""

    frames: tuple[Groups, ...]
    file: Item
    syntax: str

    def dimensions(self) -> list[int | None]:
        """Give each frame the number of the volume that the file's own dimensions put it into.

        None where the file states no dimensions but those within a volume.
        """
        items = parse_items(self.file.get(_DIMENSIONS, b""), self.syntax)
        kept = [n for n, item in enumerate(items) if self._pointer(item) not in _IN_A_VOLUME]
        values = [self._integers(g.value(0x00209111, 0x00209157), "I") for g in self.frames]
        if not kept or any(len(v) != len(items) for v in values):
            return [None] * len(self.frames)
        # one number for all kept dimensions, the same in every file of a concatenation
        return [sum(v[n] << 32 * k for k, n in enumerate(reversed(kept))) for v in values]

    def concatenation(self) -> Concatenation | None:
        """Tell which part of a divided object the file is; None if it is whole."""
        uid = text(self.file.get(_CONCATENATION))
        number = self._first(_PART, "H")
        if not uid or number is None:
            return None
        start = self._first(_OFFSET, "I") or 0
        return Concatenation(uid, number, self._first(_PARTS, "H"), start, len(self.frames))

    def _first(self, tag: int, form: str) -> int | None:
        return next(iter(self._integers(self.file.get(tag), form)), None)

    def _pointer(self, item: Item) -> int:
        group, number = (*self._integers(item.get(0x00209165), "H"), 0, 0)[:2]
        return group << 16 | number

    def _integers(self, value: bytes | None, form: str) -> tuple[int, ...]:
        order = ">" if self.syntax == BIG_ENDIAN else "<"
        count = len(value or b"") // struct.calcsize(form)
        return struct.unpack_from(f"{order}{count}{form}", value or b"")


def read_functional(path: str, frames: int) -> Functional:
    """Read the functional groups of a file.

    Parameters
    ----------
    path : str
        The file.
    frames : int
        How many frames its header claims.

    Raises
    ------
    UnreadableFileError
        If it describes another number of frames.
    """
    file, syntax = read_values(path, _FILE)
    found = parse_items(file.get(_PER_FRAME, b""), syntax)
    if len(found) != frames:
        file, syntax = _with_pydicom(path), EXPLICIT_LITTLE  # nested in a way that it may know
        found = parse_items(file.get(_PER_FRAME, b""), syntax)
    if len(found) != frames:
        raise UnreadableFileError(f"describes {len(found)} frames but claims {frames}")
    shared = (*parse_items(file.get(_SHARED, b""), syntax), {})[0]
    return Functional(tuple(Groups(own, shared, syntax) for own in found), file, syntax)


def _with_pydicom(path: str) -> Item:
    """Read the attributes with pydicom; give them as they are stored in explicit little-endian."""
    import pydicom
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    dataset = read_dataset(path, stop_before_pixels=True)
    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = True, False
    values: dict[int, bytes] = {}
    try:
        part = pydicom.Dataset()
        for tag in sorted(_FILE & dataset.keys()):
            part.add(dataset[tag])
        write_dataset(file, part)
        Walker(_FILE, longest=MAX_LONG).walk(BytesWindow(file.getvalue()), 0, values)
    except Exception as error:  # damaged nesting raises many kinds
        raise UnreadableFileError(f"has damaged frame headers ({type(error).__name__})") from None
    return values
