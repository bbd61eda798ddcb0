"""Reads the header of one DICOM file quickly: a tag walk that stops at the pixels.

Plain little-endian files, which are nearly all there are, are walked directly; pydicom reads
whatever is unusual (big-endian, deflated, odd nesting), and its answer is brought into the same
form, so that nothing downstream knows the difference.
"""

from __future__ import annotations

import os
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from imgcompare.errors import UnreadableFileError
from imgcompare.loading.tags import BINARY_TAGS, WANTED_TAGS

IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"

_FIRST_READ = 16 * 1024  # holds most CT and MR headers, so that one system call is enough
_NEXT_READ = 64 * 1024
_PREAMBLE = 132
_UNDEFINED = 0xFFFFFFFF
_LONG_VRS = frozenset((b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT"))
_LONG_VRS |= {b"SV", b"UV"}
_MAX_VALUE = 64 * 1024  # no wanted value is longer; a header that claims so is damaged


def _on_the_wire(tag: int) -> int:
    return (tag & 0xFFFF) << 16 | tag >> 16


_WANTED = {_on_the_wire(tag): tag for tag in WANTED_TAGS}
_PIXEL_DATA = frozenset(_on_the_wire(t) for t in (0x7FE00010, 0x7FE00008, 0x7FE00009))
_ENDS = frozenset((_on_the_wire(0xFFFEE00D), _on_the_wire(0xFFFEE0DD)))  # of item, of sequence
_SHORT = struct.Struct("<I2sH").unpack_from
_LENGTH = struct.Struct("<I").unpack_from
_IMPLICIT = struct.Struct("<II").unpack_from


class _Unusual(Exception):
    """The direct walk meets something that pydicom should judge."""


@dataclass(frozen=True, slots=True)
class Header:
    """The wanted values of one file, as bytes, and where its pixels are.

    ``pixel_offset`` is None where the pixels are absent or must be decoded by pydicom from the
    whole file; ``pixel_length`` is -1 where they are encapsulated (compressed).
    """

    values: dict[int, bytes]
    transfer_syntax: str
    pixel_offset: int | None
    pixel_length: int
    file_size: int


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
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise UnreadableFileError(f"cannot be opened ({error.strerror})") from None
    try:
        window = _Window(descriptor)
        start, syntax = _begin(window)
        if start < 0:
            return None
        if syntax in (DEFLATED, BIG_ENDIAN):
            return _with_pydicom(path, window.size)
        values: dict[int, bytes] = {}
        try:
            offset, length = _walk(window, start, syntax != IMPLICIT_LITTLE, values)
        except (_Unusual, struct.error):
            return _with_pydicom(path, window.size)
        return Header(values, syntax, offset, length, window.size)
    except OSError as error:
        if isinstance(error, UnreadableFileError):
            raise
        raise UnreadableFileError(f"cannot be read ({error.strerror})") from None
    finally:
        os.close(descriptor)


class _Window:
    """A file seen through a small buffer that moves forward."""

    __slots__ = ("base", "buffer", "descriptor", "size")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.buffer = os.read(descriptor, _FIRST_READ)
        self.base = 0
        full = len(self.buffer) == _FIRST_READ
        self.size = os.fstat(descriptor).st_size if full else len(self.buffer)

    def move(self, position: int) -> bytes:
        os.lseek(self.descriptor, position, os.SEEK_SET)
        self.buffer = os.read(self.descriptor, _NEXT_READ)
        self.base = position
        return self.buffer

    def read(self, position: int, length: int) -> bytes:
        os.lseek(self.descriptor, position, os.SEEK_SET)
        return os.read(self.descriptor, length)


def _begin(window: _Window) -> tuple[int, str]:
    """Find where the data set starts and its transfer syntax; a start of -1 means no DICOM."""
    buffer = window.buffer
    if buffer[128:132] != b"DICM":
        return _begin_without_preamble(buffer)
    quick = _begin_quickly(buffer)
    if quick is not None:
        return quick
    position, syntax = _PREAMBLE, ""
    while position + 12 <= len(buffer) and buffer[position : position + 2] == b"\x02\x00":
        tag, vr, length = _SHORT(buffer, position)
        value = position + 8
        if vr in _LONG_VRS:
            (length,) = _LENGTH(buffer, value)
            value += 4
        if tag == 0x00100002:
            syntax = buffer[value : value + length].decode("ascii", "replace").strip("\0 ")
        position = value + length
    if position + 8 > window.size:
        raise UnreadableFileError("is cut off within its header")
    return position, syntax or _guess_syntax(buffer[position : position + 8])


def _begin_quickly(buffer: bytes) -> tuple[int, str] | None:
    """Skip the file meta group by its length, which nearly every file states."""
    if len(buffer) < 152 or buffer[132:140] != b"\x02\x00\x00\x00UL\x04\x00":
        return None
    start = _LENGTH(buffer, 140)[0] + 144
    at = buffer.find(b"\x02\x00\x10\x00UI", 144, start)
    if at < 0 or start + 8 > len(buffer) or buffer[start] != 8 or buffer[start + 1] != 0:
        return None
    length = int.from_bytes(buffer[at + 6 : at + 8], "little")
    return start, buffer[at + 8 : at + 8 + length].decode("ascii", "replace").strip("\0 ")


def _begin_without_preamble(buffer: bytes) -> tuple[int, str]:
    """Recognise a data set that starts at byte 0 (old files without a Part 10 header)."""
    if len(buffer) < _PREAMBLE or buffer[:2] != b"\x08\x00" or buffer[3] != 0:
        return -1, ""
    return 0, _guess_syntax(buffer[:8])


def _guess_syntax(element: bytes) -> str:
    return EXPLICIT_LITTLE if element[4:6].isalpha() and element[4:6].isupper() else IMPLICIT_LITTLE


def _walk(
    window: _Window, position: int, explicit: bool, values: dict[int, bytes]
) -> tuple[int | None, int]:
    """Collect the wanted top-level values; return offset and length of the pixel data.

    Sequences of undefined length are stepped through without recording what they hold.
    """
    buffer, base, size, depth = window.buffer, window.base, window.size, 0
    last = len(buffer) - 12
    while position < size:
        at = position - base
        if at > last:
            if position + 8 > size:
                break  # trailing padding
            buffer = window.move(position)
            base, at, last = position, 0, len(buffer) - 12
            if last < 0:
                buffer += bytes(12)
        if explicit:
            tag, vr, length = _SHORT(buffer, at)
            if depth and tag & 0xFFFF == 0xFFFE:
                (length,) = _LENGTH(buffer, at + 4)
                at += 8
            elif vr in _LONG_VRS:
                (length,) = _LENGTH(buffer, at + 8)
                at += 12
                if length == _UNDEFINED and vr == b"UN":
                    raise _Unusual
            else:
                at += 8
        else:
            tag, length = _IMPLICIT(buffer, at)
            at += 8
        position = base + at
        if tag in _PIXEL_DATA and not depth:
            return position, -1 if length == _UNDEFINED else length
        if length == _UNDEFINED:
            depth += 1
            continue
        if depth and tag in _ENDS:
            depth -= 1
            continue
        if tag in _WANTED and not depth:
            if length > _MAX_VALUE:
                raise _Unusual
            value = buffer[at : at + length]
            if len(value) < length:
                value = window.read(position, length)
            values[_WANTED[tag]] = value
        position += length
    if position > size + 1 or depth > 0:
        raise UnreadableFileError("is cut off within its header")
    return None, 0


def _with_pydicom(path: Path | str, size: int) -> Header:
    """Read the header with pydicom and bring it into the form of a direct walk."""
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
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
        if tag in BINARY_TAGS:
            values[tag] = struct.pack(BINARY_TAGS[tag], value)
        else:
            many = isinstance(value, (list, pydicom.multival.MultiValue))
            values[tag] = ("\\".join(map(str, value)) if many else str(value)).encode()
    values[0x00080005] = b"ISO_IR 192"
    return values
