"""Finds the bytes of one frame in a DICOM file: plain, in fragments, or in a deflated data set."""

from __future__ import annotations

import zlib
from io import FileIO
from typing import Final

from imgcompare.errors import UnreadableFileError
from imgcompare.geometry import AnyArray
from imgcompare.loading.codestream import END_OF_IMAGE
from imgcompare.loading.header import DEFLATED, SWAPPED_PIXELS, data_set_start
from imgcompare.loading.instances import Instance

_ITEM: Final = b"\xfe\xff\x00\xe0"
_END: Final = b"\xfe\xff\xdd\xe0"
_TAIL: Final = 16  # enough of a fragment's end to hold the end marker and padding

Fragment = tuple[int, int]
"""Offset in the file and length, bytes."""


class FrameReader:
    """Reads frames one after the other; keeps the last file open for its further frames.

    Not for use by several threads at once. Close it, or use it in a ``with`` statement.
    """

    def __init__(self) -> None:
        self._path = ""
        self._file: FileIO | None = None
        self._fragments: list[list[Fragment]] = []
        self._inflated = b""

    def __enter__(self) -> FrameReader:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the last file."""
        self.close()

    def close(self) -> None:
        """Close the last file."""
        if self._file is not None:
            self._file.close()
        self._file, self._path = None, ""
        self._fragments, self._inflated = [], b""

    def read_into(self, plane: Instance, stored: AnyArray) -> None:
        """Read one uncompressed frame into an array of its stored type, C order.

        Raises
        ------
        UnreadableFileError
            If the file is truncated or cannot be read.
        """
        assert plane.pixel_offset is not None
        wanted = stored.reshape(-1).view("u1").data
        file = self._open(plane)
        if plane.facts.pixels.transfer_syntax == DEFLATED:
            part = self._inflate(plane, file)[plane.pixel_offset :][: len(wanted)]
            done = len(part)
            wanted[:done] = part
        else:
            file.seek(plane.pixel_offset)
            done = 0
            while done < len(wanted) and (count := file.readinto(wanted[done:])):
                done += count
        if done < len(wanted):
            raise UnreadableFileError(
                f"File {plane.file_name} is truncated: {done} of {len(wanted)} bytes of "
                "pixels. Copy it again."
            )
        if plane.facts.pixels.transfer_syntax in SWAPPED_PIXELS:
            stored.byteswap(inplace=True)

    def compressed(self, plane: Instance) -> bytes:
        """Read the fragments of one compressed frame.

        Raises
        ------
        UnreadableFileError
            If there is no such frame, or the file is truncated or cannot be read.
        """
        file = self._open(plane)
        if not self._fragments:
            self._fragments = _frames(file, plane)
        if plane.frame >= len(self._fragments):
            raise UnreadableFileError(
                f"File {plane.file_name} holds {len(self._fragments)} compressed frames where its "
                f"header says {plane.facts.pixels.frames}."
            )
        return b"".join(_read(file, *fragment) for fragment in self._fragments[plane.frame])

    def _open(self, plane: Instance) -> FileIO:
        if self._file is None or self._path != plane.path:
            self.close()
            self._file, self._path = FileIO(plane.path), plane.path
        return self._file

    def _inflate(self, plane: Instance, file: FileIO) -> bytes:
        """Inflate a data set up to the end of its frames, no further."""
        if not self._inflated:
            start = data_set_start(plane.path)
            file.seek(start)
            pixels = plane.facts.pixels
            first = (plane.pixel_offset or 0) - plane.frame * pixels.frame_bytes
            try:
                self._inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(
                    file.readall(), first + pixels.frames * pixels.frame_bytes
                )
            except zlib.error:
                raise UnreadableFileError(f"File {plane.file_name} does not unpack.") from None
        return self._inflated


def _read(file: FileIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)


def _frames(file: FileIO, plane: Instance) -> list[list[Fragment]]:
    """Divide the fragments of encapsulated pixels among frames (PS3.5 A.4)."""
    assert plane.pixel_offset is not None
    count = plane.facts.pixels.frames
    (table_at, table_length), *fragments = _items(file, plane)
    if count == 1:
        return [fragments]
    if len(fragments) == count:
        return [[fragment] for fragment in fragments]
    table = _read(file, table_at, table_length)
    offsets = [int.from_bytes(table[n : n + 4], "little") for n in range(0, len(table), 4)]
    if len(offsets) == count:
        base = table_at + table_length + 8
        starts = [base + offset for offset in offsets]
        return [
            [f for f in fragments if start <= f[0] and (stop is None or f[0] < stop)]
            for start, stop in zip(starts, [*starts[1:], None], strict=True)
        ]
    frames: list[list[Fragment]] = [[]]
    for offset, length in fragments:
        frames[-1].append((offset, length))
        end = _read(file, max(offset, offset + length - _TAIL), min(length, _TAIL))
        if END_OF_IMAGE in end:
            frames.append([])
    return [frame for frame in frames if frame]


def _items(file: FileIO, plane: Instance) -> list[Fragment]:
    """Find the offset table and the fragments; the table comes first and may be empty."""
    position = plane.pixel_offset or 0
    found: list[Fragment] = []
    size = file.seek(0, 2)
    while True:
        head = _read(file, position, 8)
        length = int.from_bytes(head[4:], "little")
        if head[:4] == _END:
            break
        if len(head) < 8 or head[:4] != _ITEM or position + 8 + length > size:
            if len(found) > plane.facts.pixels.frames:
                break  # the end marker is missing, the frames are not
            raise UnreadableFileError(f"File {plane.file_name} is truncated. Copy it again.")
        found.append((position + 8, length))
        position += 8 + length
    if not found:
        raise UnreadableFileError(f"File {plane.file_name} has no pixels.")
    return found
