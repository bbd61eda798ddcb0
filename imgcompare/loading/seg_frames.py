"""Gives the frames of a DICOM SEG one by one: single bits, fractions or labels (PS3.3 C.8.20)."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from imgcompare.errors import UnreadableFileError
from imgcompare.loading.codestream import claimed_size, is_cut_off
from imgcompare.loading.decoding import RLE, decoders
from imgcompare.loading.pixels import MAX_VOXELS

_PREFIX: Final = "1.2.840.10008.1.2"
NATIVE: Final = frozenset((_PREFIX, f"{_PREFIX}.1", f"{_PREFIX}.1.99"))
SWAPPED: Final = f"{_PREFIX}.2"
DEFLATED_FRAMES: Final = f"{_PREFIX}.8.1"

Frame = npt.NDArray[np.unsignedinteger[Any]]


class Frames:
    """Stored values of each frame, decoded when asked for.

    Raises
    ------
    UnreadableFileError
        From the start, if the header does not fit the pixels or claims too many.
    """

    def __init__(self, file: str, dataset: Any) -> None:
        self.file = file
        self.rows, self.columns = int(dataset.Rows), int(dataset.Columns)
        self.count = int(dataset.get("NumberOfFrames") or 1)
        self.bits = int(dataset.BitsAllocated)
        self._syntax = str(dataset.file_meta.TransferSyntaxUID)
        self._data: bytes = dataset.get("PixelData") or b""
        self._require_sound(int(dataset.get("SamplesPerPixel") or 1))

    def _require_sound(self, samples: int) -> None:
        total = self.rows * self.columns * self.count
        if samples != 1 or self.bits not in (1, 8, 16):
            self._refuse(f"stores {samples} value(s) of {self.bits} bits; 1, 8 or 16 bits do")
        if not 0 < total <= MAX_VOXELS:
            self._refuse(f"claims {total:,} voxels; the limit is {MAX_VOXELS:,}")
        plain = self._syntax in NATIVE or self._syntax == SWAPPED
        if plain and len(self._data) * 8 < total * self.bits:
            self._refuse("is truncated; copy it again")
        if (
            not plain
            and self._syntax not in decoders()
            and self._syntax
            not in (
                RLE,
                DEFLATED_FRAMES,
            )
        ):
            self._refuse(f"is compressed in a way that is not supported ({self._syntax})")

    def _refuse(self, why: str) -> None:
        raise UnreadableFileError(f"File {self.file} {why}.")

    def __getitem__(self, number: int) -> Frame:
        """Decode one frame, shape (rows, columns)."""
        if self._syntax in NATIVE or self._syntax == SWAPPED:
            return self._native(number)
        try:
            return self._decoded(number)
        except UnreadableFileError:
            raise
        except Exception as error:  # decoders raise many kinds on damaged data
            raise UnreadableFileError(
                f"File {self.file} cannot be decoded ({type(error).__name__}); it is damaged."
            ) from None

    def _native(self, number: int) -> Frame:
        size = self.rows * self.columns
        if self.bits == 1:
            return self._bits(self._data, number * size)
        order = ">" if self._syntax == SWAPPED else "<"
        kind = np.dtype(f"{order}u{self.bits // 8}")
        words = np.frombuffer(self._data, kind, size, number * size * kind.itemsize)
        return words.reshape(self.rows, self.columns)

    def _bits(self, data: bytes, first: int) -> Frame:
        """Unpack bits, least significant first, that need not begin with a byte (PS3.5 8.1.1)."""
        size = self.rows * self.columns
        part = np.frombuffer(data, np.uint8)[first // 8 : (first + size + 7) // 8]
        bits = np.unpackbits(part, bitorder="little")[first % 8 : first % 8 + size]
        if len(bits) < size:
            self._refuse("has a frame that is cut off")
        return bits.reshape(self.rows, self.columns)

    def _decoded(self, number: int) -> Frame:
        from pydicom.encaps import get_frame

        data = get_frame(self._data, number, number_of_frames=self.count)
        size = self.rows * self.columns
        if self._syntax == DEFLATED_FRAMES:
            length = (size * self.bits + 7) // 8
            data = zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(data, length)
            if self.bits == 1:
                return self._bits(data, 0)
            words = np.frombuffer(data, f"<u{self.bits // 8}", size)
            return words.reshape(self.rows, self.columns)
        if self._syntax == RLE:
            return self._run_length(data)
        if is_cut_off(data) or claimed_size(data) != (self.rows, self.columns, 1):
            self._refuse("holds a compressed frame that is cut off or of another size")
        words = np.squeeze(np.asarray(decoders()[self._syntax](data)))
        if words.shape != (self.rows, self.columns) or words.dtype.kind != "u":
            self._refuse("holds a compressed frame of another size or kind")
        return words

    def _run_length(self, data: bytes) -> Frame:
        """Decode RLE: one segment per byte of a value, most significant first (PS3.5 annex G)."""
        from imgcompare.loading._kernels import unpack_bits

        width = self.bits // 8
        count, *starts = struct.unpack_from("<16L", data)
        if count != width or not width:
            self._refuse(f"has a frame of {count} RLE segments where {width} are needed")
        words = np.empty((self.rows * self.columns, width), np.uint8)
        ends = [*starts[1:count], len(data)]
        packed = np.frombuffer(data, np.uint8)
        for n, (start, stop) in enumerate(zip(starts, ends, strict=False)):
            inside = min(start, len(data)), min(stop, len(data))
            if unpack_bits(packed, *inside, words[:, -1 - n]) < len(words):
                self._refuse("has an RLE segment that ends too early")
        return words.view(f"<u{width}").reshape(self.rows, self.columns)
