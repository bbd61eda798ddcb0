"""Walks the elements of a DICOM data set and remembers runs of them that files share.

Files of one series differ in few element headers. A stretch of headers (tag, VR, length) met once
becomes a `_Run`; the next file is compared with it in one call, and its values are cut out in
another. Nothing is assumed: a run is used only where every header byte in it is the same.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from imgcompare.errors import UnreadableFileError
from imgcompare.loading.unknown import UNKNOWN_HEADER, step_over

_FIRST_READ: Final = 16 * 1024  # holds most CT and MR headers, so that one system call is enough
_NEXT_READ: Final = 16 * 1024  # what follows a long value is little, mostly pixels
_NEXT_INFLATED: Final = 4 * 1024  # unpacking pixels takes longer than looking again
_NOT_KNOWN: Final = 2**62  # the size of a deflated data set, until its end is met
_UNDEFINED: Final = 0xFFFFFFFF
LONG_VRS: Final = frozenset(
    b"OB OW OF OD OL OV SQ UC UN UR UT SV UV".split()  # PS3.5 table 7.1-1
)
_MAX_VALUE: Final = 64 * 1024
"""No wanted value is longer; a header that claims so is damaged."""

_KEY: Final = 8
"""Bytes of a short element header, by which runs are looked up."""

_MAX_RUNS: Final = 4096
"""Layouts remembered; a folder of many kinds starts over rather than grow without end."""

_MAX_STEPS: Final = 2_000_000
"""Steps of a walk; a header of more elements, in no order ever met before, is damaged."""

MAX_INFLATED_HEADER: Final = 256 * 1024 * 1024
"""A deflated header that unpacks to more is taken for a bomb."""

UNREAD: Final = b"\0"
"""Stands for a sequence that is there and too long, or too strange, to be kept."""

PIXEL_DATA: Final = 0x7FE00010
_PIXELS: Final = frozenset((PIXEL_DATA, 0x7FE00008, 0x7FE00009))
_ENDS: Final = frozenset((0xFFFEE00D, 0xFFFEE0DD))  # of item, of sequence
_ITEM_GROUP: Final = 0xFFFE


class Unusual(Exception):
    """The direct walk meets something that pydicom should judge."""


class _Unknown(Exception):
    """A sequence whose VR its writer did not know; holds the header of the element."""


class Pixels(NamedTuple):
    """Where the pixels of a data set are; ``length`` is -1 where it is undefined (compressed)."""

    offset: int
    length: int
    tag: int


class Window:
    """A file seen through a small buffer that moves forward."""

    __slots__ = ("base", "buffer", "descriptor", "size")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.buffer = os.read(descriptor, _FIRST_READ)
        self.base = 0
        full = len(self.buffer) == _FIRST_READ
        self.size = os.fstat(descriptor).st_size if full else len(self.buffer)

    def move(self, position: int) -> None:
        """Let the buffer start at a position."""
        self.base, self.buffer = position, self.read(position, _NEXT_READ)

    def read(self, position: int, length: int) -> bytes:
        """Read bytes at a position, fewer at the end."""
        return _read_at(self.descriptor, length, position)


def _seek_and_read(descriptor: int, length: int, position: int) -> bytes:
    os.lseek(descriptor, position, os.SEEK_SET)
    return os.read(descriptor, length)


_read_at: Final = getattr(os, "pread", _seek_and_read)  # Windows has none


class BytesWindow(Window):
    """Bytes in memory, seen like a file."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = self.buffer = data
        self.descriptor, self.base, self.size = -1, 0, len(data)

    def read(self, position: int, length: int) -> bytes:
        """Give bytes at a position, fewer at the end."""
        return self._data[position : position + length]


class InflatedWindow(Window):
    """The data set of a deflated file (PS3.5 A.5), inflated only as far as it is looked at."""

    __slots__ = ("_at", "_inflate", "_packed")

    def __init__(self, file: Window, start: int) -> None:
        self.descriptor, self.base, self.buffer = file.descriptor, 0, b""
        self._packed, self._at = file.buffer[start:], len(file.buffer)
        self.size = _NOT_KNOWN
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self.move(0)

    def move(self, position: int) -> None:
        """Inflate up to a position and a little further; what lies before it is dropped."""
        self._reach(position, _NEXT_INFLATED)

    def read(self, position: int, length: int) -> bytes:
        """Read bytes, fewer at the end; none where they lie before the buffer."""
        if position < self.base:
            return b""
        if position + length > self.base + len(self.buffer):
            self._reach(position, length)
        return self.buffer[position - self.base : position - self.base + length]

    def _reach(self, position: int, length: int) -> None:
        """Let the buffer start at a position and hold so many bytes, or all up to the end."""
        while (
            lacking := position + length - self.base - len(self.buffer)
        ) > 0 and self.size == _NOT_KNOWN:
            self._drop_before(position)
            self.buffer += self._more(max(_NEXT_INFLATED, min(lacking, length)))
        self._drop_before(position)

    def _drop_before(self, position: int) -> None:
        skipped = min(len(self.buffer), max(0, position - self.base))
        self.base, self.buffer = self.base + skipped, self.buffer[skipped:]

    def _more(self, length: int) -> bytes:
        if self.base > MAX_INFLATED_HEADER:
            raise UnreadableFileError("unpacks to an enormous header; it is damaged")
        packed = self._inflate.unconsumed_tail or self._packed
        self._packed = b""
        if not packed:
            packed = _read_at(self.descriptor, max(_NEXT_READ, length), self._at)
            self._at += len(packed)
        try:
            found = self._inflate.decompress(packed, length)
        except zlib.error:
            raise UnreadableFileError("is damaged: its deflated data set does not unpack") from None
        if self._inflate.eof or not (packed or found):
            self.size = self.base + len(self.buffer) + len(found)
        return found


class _Element(NamedTuple):
    """One element: bytes of its header, length of its value, its tag if wanted, nesting after."""

    header: bytes
    length: int
    wanted: int
    depth: int


class _Run:
    """Consecutive elements, as one check of their headers and one cut of their values."""

    __slots__ = ("depth", "elements", "expected", "headers", "only", "size", "tags", "values")

    def __init__(self, elements: Sequence[_Element]) -> None:
        self.elements = tuple(elements)
        self.expected = tuple(e.header for e in elements)
        self.tags = tuple(e.wanted for e in elements if e.wanted)
        self.depth = elements[-1].depth
        self.only = elements[0].wanted if len(elements) == 1 else -1
        heads, cuts = ["<"], ["<"]
        for element in elements:
            heads.append(f"{len(element.header)}s{element.length}x")
            cuts.append(f"{len(element.header)}x{element.length}{'s' if element.wanted else 'x'}")
        self.headers = struct.Struct("".join(heads)).unpack_from
        self.values = struct.Struct("".join(cuts)).unpack_from
        self.size = sum(len(e.header) + e.length for e in elements)

    def agreement(self, found: Sequence[bytes]) -> int:
        """Count the leading headers that are as expected."""
        pairs = zip(found, self.expected, strict=True)
        return next((n for n, (one, other) in enumerate(pairs) if one != other), len(found))


class Walker:
    """Walks data sets of one encoding.

    Parameters
    ----------
    wanted : collection of int
        Tags whose top-level values are collected.
    explicit : bool
        Whether elements state their VR.
    big_endian : bool
        Byte order.
    longest : int
        Bytes of the longest value that is collected.
    """

    def __init__(
        self,
        wanted: frozenset[int],
        *,
        explicit: bool = True,
        big_endian: bool = False,
        longest: int = _MAX_VALUE,
    ) -> None:
        order = ">" if big_endian else "<"
        self._longest = longest
        self._wanted, self._explicit = wanted, explicit
        self._short = struct.Struct(f"{order}HH2sH").unpack_from
        self._plain = struct.Struct(f"{order}HHI").unpack_from
        self._length = struct.Struct(f"{order}I").unpack_from
        self._runs: dict[bytes | tuple[int, bytes], _Run] = {}

    def walk(self, window: Window, position: int, values: dict[int, bytes]) -> Pixels | None:
        """Collect the wanted top-level values up to the pixels.

        Sequences are recorded as the bytes of their items where they are wanted, else stepped over.

        Parameters
        ----------
        window : Window
            The file.
        position : int
            Where its data set starts.
        values : dict
            Filled with the values found.

        Returns
        -------
        Pixels or None
            Where the pixels are; None if there are none.

        Raises
        ------
        UnreadableFileError
            If the file ends within an element.
        Unusual
            If pydicom should read the file.
        """
        depth = 0
        fresh: list[_Element] = []
        outer = 0  # nesting at the first of the fresh elements
        opened = start = 0  # wanted sequence of undefined length that is being stepped through
        steps = 0
        while position < window.size:
            steps += 1
            if steps > _MAX_STEPS:
                raise UnreadableFileError(f"has a damaged header (over {_MAX_STEPS:,} elements)")
            at = position - window.base
            if not opened:
                followed, inner, count = self._follow(window.buffer, at, depth, values)
                steps += count
                if followed > at:
                    if fresh:
                        fresh = self._learn(fresh, outer)
                    at, depth, position = followed, inner, window.base + followed
                    if position >= window.size:
                        break
            if at > len(window.buffer) - 12:
                if position + 8 > window.size:
                    break  # trailing padding
                fresh = self._learn(fresh, outer)
                window.move(position)
                at = position - window.base
                window.buffer += bytes(max(0, 12 - len(window.buffer)))
                if position >= window.size:
                    break  # a deflated stream has ended here
            try:
                tag, header, length = self._element(window.buffer, at, depth)
            except _Unknown as unknown:
                fresh = self._learn(fresh, outer)
                start = position + UNKNOWN_HEADER
                position, size, count = step_over(window, start, _MAX_STEPS)
                if (tag := unknown.args[0]) in self._wanted and not depth:
                    values[tag] = window.read(start, size) if size <= self._longest else UNREAD
                steps += count
                continue
            position += len(header)
            if tag in _PIXELS and not depth:
                if fresh:
                    self._learn(fresh, outer)
                return Pixels(position, -1 if length == _UNDEFINED else length, tag)
            outer = outer if fresh else depth
            wanted = tag if not depth and tag in self._wanted else 0
            if length == _UNDEFINED:
                opened, start = (wanted, position) if wanted else (opened, start)
                depth, length, wanted = depth + 1, 0, 0
            elif depth and tag in _ENDS:
                depth, length = depth - 1, 0
                if opened and not depth:
                    size = position - len(header) - start
                    values[opened] = window.read(start, size) if size <= self._longest else UNREAD
            if wanted:
                values[tag] = self._value(window, position, length)
            position += length
            if opened:
                fresh, opened = self._learn(fresh, outer), opened if depth else 0
            elif position <= window.base + len(window.buffer):
                fresh.append(_Element(header, length, wanted, depth))
            else:
                fresh = self._learn(fresh, outer)
        if position > window.size + 1 or depth > 0:
            raise UnreadableFileError("is cut off within its header")
        return None

    def _follow(
        self, buffer: bytes, at: int, depth: int, values: dict[int, bytes]
    ) -> tuple[int, int, int]:
        """Collect values along known runs; give where they end, the nesting, and how many."""
        runs, size, count = self._runs, len(buffer), 0
        while True:
            count += 1
            head = buffer[at : at + _KEY]
            run = runs.get((depth, head) if depth else head)
            if run is None or at + run.size > size:
                return at, depth, count
            if run.only >= 0:  # looked up by all of its header
                if run.only:
                    values[run.only] = buffer[at + _KEY : at + run.size]
            else:
                found = run.headers(buffer, at)
                if found != run.expected:
                    self._split(run, run.agreement(found), depth)
                    continue
                values.update(zip(run.tags, run.values(buffer, at), strict=True))
            at += run.size
            depth = run.depth

    def _element(self, buffer: bytes, at: int, depth: int) -> tuple[int, bytes, int]:
        """Read one element header: tag, its bytes, length of the value."""
        if not self._explicit:
            group, number, length = self._plain(buffer, at)
            return group << 16 | number, buffer[at : at + 8], length
        group, number, vr, length = self._short(buffer, at)
        size = 8
        if depth and group == _ITEM_GROUP:
            (length,) = self._length(buffer, at + 4)
        elif vr in LONG_VRS:
            (length,) = self._length(buffer, at + 8)
            size = 12
            if length == _UNDEFINED and vr == b"UN":
                raise _Unknown(group << 16 | number)
        return group << 16 | number, buffer[at : at + size], length

    def _value(self, window: Window, position: int, length: int) -> bytes:
        if length > self._longest:
            raise Unusual
        at = position - window.base
        value = window.buffer[at : at + length]
        return value if len(value) == length else window.read(position, length)

    def _learn(self, elements: Sequence[_Element], depth: int) -> list[_Element]:
        """Remember elements that no run has covered; give an empty list for the next ones.

        A run never starts with a header of 12 bytes, since 8 are looked up.
        """
        for n, element in enumerate(elements):
            if len(element.header) == _KEY:
                if len(self._runs) > _MAX_RUNS:
                    self._runs.clear()
                key = (depth, element.header) if depth else element.header
                self._runs[key] = _Run(elements[n:])
                break
            depth = element.depth
        return []

    def _split(self, run: _Run, count: int, depth: int) -> None:
        """Divide a run around the element that differs."""
        elements = run.elements
        for part in (elements[:count], elements[count : count + 1], elements[count + 1 :]):
            self._learn(part, depth)
            depth = part[-1].depth if part else depth


def swap_values(values: dict[int, bytes], widths: Mapping[int, int]) -> None:
    """Bring binary values, whose widths in bytes are given, into little-endian order."""
    for tag, width in widths.items():
        if value := values.get(tag):
            values[tag] = value[:width][::-1]
