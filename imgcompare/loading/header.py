"""Reads the header of one DICOM file quickly: a tag walk that stops at the pixels.

Plain files, which are nearly all there are, are walked directly, in either byte order, deflated or
not; pydicom reads what is nested oddly, and its answer is brought into the same form, so that
nothing downstream knows the difference.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from imgcompare.errors import UnreadableFileError
from imgcompare.loading.tags import BINARY_TAGS, SEQUENCE_TAGS, WANTED_TAGS
from imgcompare.loading.walking import (
    PIXEL_DATA,
    UNREAD,
    InflatedWindow,
    Unusual,
    Walker,
    Window,
    swap_values,
)

IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
GE_SWAPPED: Final = "1.2.840.113619.5.2"
"""GE's private syntax: an implicit little-endian header, pixels in big-endian order."""

IMPLICIT: Final = frozenset((IMPLICIT_LITTLE, GE_SWAPPED))
SWAPPED_PIXELS: Final = frozenset((BIG_ENDIAN, GE_SWAPPED))

_FOR_READING: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_PREAMBLE = 132
_GROUPS: Final = {BIG_ENDIAN: b"\x00\x08"}  # first group of a data set, where bytes are swapped
_META_START: Final = b"\x02\x00\x00\x00UL"  # the group length of the file meta information
_UID = re.compile(rb"[0-9.]{1,64}")

MAX_LONG: Final = 64 * 1024 * 1024
"""Bytes of the longest value that is asked for: functional groups of ten thousand frames."""

_SHORT = struct.Struct("<I2sH").unpack_from
_LENGTH = struct.Struct("<I").unpack_from
_LONG_VRS = frozenset((b"OB", b"UN", b"UT", b"UC", b"UR"))  # those that file meta elements have

_WANTED = frozenset(WANTED_TAGS)
_WIDTHS: Final = {tag: struct.calcsize(form) for tag, form in BINARY_TAGS.items()}
_EXPLICIT = Walker(_WANTED)
_WALKERS: Final = {
    **dict.fromkeys(IMPLICIT, Walker(_WANTED, explicit=False)),
    BIG_ENDIAN: Walker(_WANTED, big_endian=True),
}


@dataclass(slots=True)
class Header:
    """The wanted values of one file, as bytes in little-endian order, and where its pixels are.

    ``pixel_offset`` counts from the start of the file, or of the inflated data set of a deflated
    one; it is None where there are no pixels or only pydicom can find them. ``pixel_length`` is -1
    where they are compressed, or unknown.
    """

    values: dict[int, bytes]
    transfer_syntax: str
    pixel_offset: int | None
    pixel_length: int
    file_size: int
    floating: bool = False


def read_header(path: Path | str) -> Header | None:
    """Read the wanted header values of a DICOM file.

    Parameters
    ----------
    path : Path or str
        Any file.

    Returns
    -------
    Header or None
        None if the file is no DICOM file.

    Raises
    ------
    UnreadableFileError
        If it is a DICOM file but damaged or cut off within its header, or cannot be opened.
    """
    try:
        descriptor = os.open(path, _FOR_READING)
    except OSError as error:
        raise UnreadableFileError(f"cannot be opened ({error.strerror})") from None
    try:
        window = Window(descriptor)
        start, syntax = find_data_set(window)
        if start < 0:
            return None
        try:
            return _walked(window, start, syntax)
        except (Unusual, struct.error):
            if syntax == DEFLATED:  # pydicom would inflate all of it, however large
                raise UnreadableFileError("has a damaged header") from None
            return _with_pydicom(path, window.size)
    except OSError as error:
        if isinstance(error, UnreadableFileError):
            raise
        raise UnreadableFileError(f"cannot be read ({error.strerror})") from None
    finally:
        os.close(descriptor)


def _walked(window: Window, start: int, syntax: str) -> Header:
    """Walk a data set directly."""
    values: dict[int, bytes] = {}
    size = window.size
    if syntax == DEFLATED:
        window, start = InflatedWindow(window, start), 0
    pixels = _WALKERS.get(syntax, _EXPLICIT).walk(window, start, values)
    if syntax == BIG_ENDIAN:
        swap_values(values, _WIDTHS)
    if pixels is None:
        return Header(values, syntax, None, 0, size)
    # the size of a deflated file says nothing about the length of its pixels
    limit = pixels.offset + max(0, pixels.length) if syntax == DEFLATED else size
    return Header(
        values, syntax, pixels.offset, pixels.length, limit, floating=pixels.tag != PIXEL_DATA
    )


def read_values(
    path: Path | str, tags: frozenset[int], *, longest: int = MAX_LONG
) -> tuple[dict[int, bytes], str]:
    """Read further values of a DICOM file, e.g. private ones or long sequences.

    Parameters
    ----------
    path : Path or str
        A DICOM file.
    tags : frozenset of int
        What to read.
    longest : int
        Bytes of the longest value that is read.

    Returns
    -------
    tuple of (dict, str)
        Values as stored, those before any damage, and the transfer syntax.
    """
    values: dict[int, bytes] = {}
    with open(path, "rb", buffering=0) as file:
        window = Window(file.fileno())
        start, syntax = find_data_set(window)
        explicit, big = syntax not in IMPLICIT, syntax == BIG_ENDIAN
        walker = Walker(tags, explicit=explicit, big_endian=big, longest=longest)
        with contextlib.suppress(Unusual, struct.error, UnreadableFileError):
            if syntax == DEFLATED:
                window, start = InflatedWindow(window, start), 0
            walker.walk(window, max(0, start), values)
    return values, syntax


def data_set_start(path: Path | str) -> int:
    """Give the offset of the data set of a DICOM file; -1 if it is none."""
    with open(path, "rb", buffering=0) as file:
        return find_data_set(Window(file.fileno()))[0]


def find_data_set(window: Window) -> tuple[int, str]:
    """Find where the data set starts and its transfer syntax; a start of -1 means no DICOM."""
    buffer = window.buffer
    position, syntax = _PREAMBLE, ""
    if buffer[128:132] != b"DICM":
        if buffer[:6] != _META_START:
            return _begin_without_preamble(buffer)
        position = 0  # the preamble is missing, the file meta information is not
    elif (quick := _begin_quickly(buffer)) is not None:
        return quick
    while position + 12 <= len(buffer) and buffer[position : position + 2] == b"\x02\x00":
        tag, vr, length = _SHORT(buffer, position)
        value = position + 8
        if vr in _LONG_VRS:
            (length,) = _LENGTH(buffer, value)
            value += 4
        if tag == 0x00100002:
            syntax = _uid(buffer[value : value + length])
        position = value + length
    if position + 8 > window.size:
        raise UnreadableFileError("is cut off within its header")
    found = _guess_syntax(buffer[position : position + 8])
    return position, found if syntax in ("", IMPLICIT_LITTLE, EXPLICIT_LITTLE) else syntax


def may_be_dicom(start: bytes) -> bool:
    """Whether a file with these first bytes can be DICOM, with a preamble or without."""
    without = len(start) >= _PREAMBLE and start[:2] == b"\x08\x00" and start[3] == 0
    return without or start[128:132] == b"DICM" or start[:6] == _META_START


def _begin_quickly(buffer: bytes) -> tuple[int, str] | None:
    """Skip the file meta group by its length, which nearly every file states."""
    if len(buffer) < 152 or buffer[132:140] != b"\x02\x00\x00\x00UL\x04\x00":
        return None
    start = _LENGTH(buffer, 140)[0] + 144
    at = buffer.find(b"\x02\x00\x10\x00UI", 144, start)
    if at < 0 or start + 8 > len(buffer):
        return None
    length = int.from_bytes(buffer[at + 6 : at + 8], "little")
    syntax = _uid(buffer[at + 8 : at + 8 + length])
    plausible = buffer[start : start + 2] == _GROUPS.get(syntax, b"\x08\x00")
    if syntax in (EXPLICIT_LITTLE, IMPLICIT_LITTLE):  # the two that programs mix up
        plausible = plausible and _guess_syntax(buffer[start : start + 8]) == syntax
    return (start, syntax) if plausible or syntax == DEFLATED else None


@lru_cache(maxsize=256)
def _uid(value: bytes) -> str:
    """Read a UID; only its digits and dots, of which 64 are allowed (PS3.5 9.1)."""
    found = _UID.match(value)
    return found.group().decode("ascii") if found else ""


def _begin_without_preamble(buffer: bytes) -> tuple[int, str]:
    """Recognise a data set that starts at byte 0 (old files without a Part 10 header)."""
    return (0, _guess_syntax(buffer[:8])) if may_be_dicom(buffer) else (-1, "")


def _guess_syntax(element: bytes) -> str:
    return EXPLICIT_LITTLE if element[4:6].isalpha() and element[4:6].isupper() else IMPLICIT_LITTLE


def _with_pydicom(path: Path | str, size: int) -> Header:
    """Read the header with pydicom and bring it into the form of a direct walk."""
    from imgcompare.loading.datasets import read_dataset

    dataset = read_dataset(path, stop_before_pixels=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            syntax = str(dataset.file_meta.get("TransferSyntaxUID", IMPLICIT_LITTLE))
            values = _as_bytes(dataset)
    except Exception as error:  # pydicom raises many kinds on damaged files
        raise UnreadableFileError(f"has a damaged header ({type(error).__name__})") from None
    if 0x00080016 not in values:
        raise UnreadableFileError("has a damaged header (no SOP Class UID)")
    return Header(values, syntax, None, -1, size)


def _as_bytes(dataset: object) -> dict[int, bytes]:
    import pydicom

    assert isinstance(dataset, pydicom.Dataset)
    values: dict[int, bytes] = {}
    for tag in WANTED_TAGS:
        value = dataset[tag].value if tag in dataset else None
        if value is None or value == "":
            continue
        if tag in SEQUENCE_TAGS:
            if len(value):
                values[tag] = UNREAD
            continue
        if tag in BINARY_TAGS:
            values[tag] = struct.pack(BINARY_TAGS[tag], value)
        else:
            many = isinstance(value, (list, pydicom.multival.MultiValue))
            values[tag] = ("\\".join(map(str, value)) if many else str(value)).encode()
    values[0x00080005] = b"ISO_IR 192"
    return values
