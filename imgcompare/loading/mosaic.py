"""Takes Siemens mosaics apart: all slices of one volume tiled into one picture."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from typing import Final

import numpy as np

from imgcompare.errors import UnreadableFileError
from imgcompare.loading.header import read_values
from imgcompare.loading.instances import Instance, Tile
from imgcompare.loading.tags import number

MARK: Final = "MOSAIC"
"""Value of ImageType that says so."""

_CSA: Final = 0x00291010
_COUNT: Final = 0x0019100A
_MAX_TILES: Final = 4096
_TAG_HEADER: Final = struct.Struct("<64si4siii")
_NO_NORMAL: Final = 0.5


def split_mosaic(file: str, whole: Instance) -> list[Instance]:
    """Give the slices of a mosaic.

    The position in the header is that of a picture as large as the mosaic and centred where the
    slices are, so that it has to be moved in; slices follow each other along the slice normal of
    the private (CSA) header.

    Parameters
    ----------
    file : str
        Where the bytes of the file are.
    whole : Instance
        The mosaic as one plane.

    Returns
    -------
    list of Instance
        One plane per slice.

    Raises
    ------
    UnreadableFileError
        If the private header is gone or does not fit the picture.
    """
    found, _ = read_values(file, frozenset((_CSA, _COUNT)))
    fields = read_csa(found.get(_CSA, b""))
    count = int((fields.get("NumberOfImagesInMosaic") or (0.0,))[0])
    if not count and len(found.get(_COUNT, b"")) == 2:
        count = int.from_bytes(found[_COUNT], "little")
    normal = np.array(fields.get("SliceNormalVector", ()))
    facts, pixels = whole.facts, whole.facts.pixels
    spacing = facts.slice_spacing_mm or facts.acquisition.slice_thickness_mm
    side = math.isqrt(max(0, count - 1)) + 1
    placed = len(whole.position) == 3 and len(facts.orientation) == 6
    if not 0 < count <= _MAX_TILES or normal.shape != (3,) or np.linalg.norm(normal) < _NO_NORMAL:
        raise UnreadableFileError(
            "is a Siemens mosaic whose private header, which says how many slices it holds and "
            "where, has been removed; export it again with private attributes, or as single slices"
        )
    if pixels.rows % side or pixels.columns % side or not (placed and spacing):
        raise UnreadableFileError(
            f"is a Siemens mosaic of {count} slices that do not fit its {pixels.rows} rows and "
            f"{pixels.columns} columns, or without position"
        )
    rows, columns = pixels.rows // side, pixels.columns // side
    along_row, along_column = np.array(facts.orientation[:3]), np.array(facts.orientation[3:])
    first = np.array(whole.position)
    first += along_row * facts.pixel_spacing_mm[1] * (pixels.columns - columns) / 2
    first += along_column * facts.pixel_spacing_mm[0] * (pixels.rows - rows) / 2
    step = normal / np.linalg.norm(normal) * abs(spacing or 0.0)
    tiles = replace(facts, pixels=replace(pixels, rows=rows, columns=columns))
    return [
        replace(
            whole,
            facts=tiles,
            frame=n,
            position=tuple(float(v) for v in first + n * step),
            tile=Tile(n // side * rows, n % side * columns, pixels),
        )
        for n in range(count)
    ]


def read_csa(value: bytes) -> dict[str, tuple[float, ...]]:
    """Read the numbers of a Siemens CSA header of the second kind ("SV10").

    The format is not published by its maker; see the description in NiBabel's documentation
    ("Siemens format DICOM with CSA header"). Damaged headers give what comes before the damage.
    """
    fields: dict[str, tuple[float, ...]] = {}
    if value[:4] != b"SV10" or len(value) < 16:
        return fields
    (count,) = struct.unpack_from("<I", value, 8)
    at = 16
    for _ in range(min(count, 1024)):
        if at + _TAG_HEADER.size > len(value):
            break
        name, *_, items, _ = _TAG_HEADER.unpack_from(value, at)
        at += _TAG_HEADER.size
        numbers = []
        for _ in range(min(max(items, 0), 1024)):
            if at + 16 > len(value):
                return fields
            (length,) = struct.unpack_from("<i", value, at + 4)
            at += 16
            found = number(value[at : at + max(0, length)].split(b"\0")[0])
            if found is not None:
                numbers.append(found)
            at += (max(0, length) + 3) // 4 * 4
        fields[name.split(b"\0")[0].decode("latin-1")] = tuple(numbers)
    return fields
