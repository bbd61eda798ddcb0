"""Decodes the pixels of one compressed (or otherwise unusual) plane."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from imgcompare.errors import UnreadableFileError
from imgcompare.geometry import AnyArray
from imgcompare.loading.codestream import claimed_size, is_cut_off
from imgcompare.loading.instances import Instance, PixelFormat

_PREFIX: Final = "1.2.840.10008.1.2"
_NATIVE: Final = frozenset((_PREFIX, f"{_PREFIX}.1", f"{_PREFIX}.1.99", f"{_PREFIX}.2"))
RLE: Final = f"{_PREFIX}.5"
_NOT_FOUND: Final = "File {} has no pixels."


class PlaneDecoder:
    """Decodes planes one after the other; keeps the last file for its further frames."""

    def __init__(self) -> None:
        self._path = ""
        self._dataset: Any = None

    def decode(self, plane: Instance) -> AnyArray:
        """Decode one frame, see `decode_plane`."""
        if plane.path != self._path:
            self._dataset = _read(plane)
            self._path = plane.path
        return decode_plane(self._dataset, plane)


def _read(plane: Instance) -> Any:
    """Read a whole file with pydicom."""
    import pydicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(plane.path, force=True)
    if "PixelData" not in dataset:
        raise UnreadableFileError(_NOT_FOUND.format(plane.file_name))
    return dataset


def decode_plane(dataset: Any, plane: Instance) -> AnyArray:
    """Decode one frame.

    Parameters
    ----------
    dataset : pydicom.Dataset
        The whole file of the plane.
    plane : Instance
        A plane whose pixels are compressed, or in a file that only pydicom can read.

    Returns
    -------
    array, shape (rows, columns)
        Stored values before rescaling, of any integer type.

    Raises
    ------
    UnreadableFileError
        If nothing can decode the pixels.
    """
    pixels = plane.facts.pixels
    syntax = pixels.transfer_syntax
    if syntax in _NATIVE:
        return _native(dataset, plane)
    decoder = decoders().get(syntax)
    if decoder is None and syntax != RLE:
        raise UnreadableFileError(
            f"File {plane.file_name} is compressed in a way that is not supported ({syntax}); "
            "decompress it first, e.g. with dcmdjpeg, dcmdjpls or gdcmconv --raw."
        )
    from pydicom.encaps import get_frame

    frame = get_frame(dataset.PixelData, plane.frame, number_of_frames=pixels.frames)
    if decoder is None:
        return _run_length(frame, pixels)
    if is_cut_off(frame):
        raise UnreadableFileError(f"File {plane.file_name} is truncated. Copy it again.")
    claimed = claimed_size(frame)
    if claimed != (pixels.rows, pixels.columns, pixels.samples):
        raise UnreadableFileError(
            f"File {plane.file_name} holds a compressed image of another size ({claimed}) than "
            f"its header says ({pixels.rows} rows, {pixels.columns} columns)."
        )
    return np.squeeze(np.asarray(decoder(frame)))


def _run_length(frame: bytes, pixels: PixelFormat) -> AnyArray:
    """Decode RLE: one segment per byte of a pixel, most significant first (PS3.5 annex G)."""
    from imgcompare.loading._kernels import unpack_bits

    width = pixels.bits_allocated // 8
    count, *starts = struct.unpack_from("<16L", frame)
    if count != width:
        raise UnreadableFileError(f"RLE holds {count} segments where {width} are needed.")
    packed = np.frombuffer(frame, np.uint8)
    words = np.empty((pixels.rows * pixels.columns, width), np.uint8)
    ends = [*starts[1:count], len(frame)]
    for n, (start, stop) in enumerate(zip(starts, ends, strict=False)):
        done = unpack_bits(packed, min(start, len(frame)), min(stop, len(frame)), words[:, -1 - n])
        if done < len(words):
            raise UnreadableFileError(f"RLE segment {n + 1} ends too early.")
    return words.view(f"<u{width}").reshape(pixels.rows, pixels.columns)


def _native(dataset: Any, plane: Instance) -> AnyArray:
    """Cut one frame out of uncompressed pixels that pydicom has read."""
    pixels = plane.facts.pixels
    swapped = pixels.transfer_syntax == f"{_PREFIX}.2"
    kind = f"{'>' if swapped else '<'}{'i' if pixels.signed else 'u'}{pixels.bits_allocated // 8}"
    start, length = plane.frame * pixels.frame_bytes, pixels.frame_bytes
    data = dataset.PixelData[start : start + length]
    if len(data) < length:
        raise UnreadableFileError(f"File {plane.file_name} is truncated. Copy it again.")
    words: npt.NDArray[Any] = np.frombuffer(data, dtype=kind)
    return words.reshape(pixels.rows, pixels.columns)


@lru_cache(maxsize=1)
def decoders() -> dict[str, Callable[[bytes], AnyArray]]:
    """Give the decoder of each supported compressed transfer syntax but RLE."""
    import imagecodecs as codecs

    jpeg = {f"{_PREFIX}.4.{n}": codecs.jpeg_decode for n in (50, 51)}
    lossless = {f"{_PREFIX}.4.{n}": codecs.ljpeg_decode for n in (57, 70)}
    jpeg_ls = {f"{_PREFIX}.4.{n}": codecs.jpegls_decode for n in (80, 81)}
    jpeg_2000 = {f"{_PREFIX}.4.{n}": codecs.jpeg2k_decode for n in (90, 91)}
    # OpenJPEG reads HTJ2K too and, unlike OpenJPH, returns from every damaged stream.
    high_throughput = {f"{_PREFIX}.4.{n}": codecs.jpeg2k_decode for n in (201, 202, 203)}
    return {**jpeg, **lossless, **jpeg_ls, **jpeg_2000, **high_throughput}
