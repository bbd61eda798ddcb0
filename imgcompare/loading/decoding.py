"""Decodes the pixels of one compressed frame.

Every decoder is checked against another one in the tests, since decoders are known to return wrong
voxels without a word.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from imgcompare.errors import UnreadableFileError
from imgcompare.geometry import AnyArray
from imgcompare.loading.codestream import claimed_size, is_cut_off
from imgcompare.loading.datasets import read_dataset
from imgcompare.loading.instances import Instance, PixelFormat

_PREFIX: Final = "1.2.840.10008.1.2"
NATIVE: Final = frozenset((_PREFIX, f"{_PREFIX}.1", f"{_PREFIX}.1.99", f"{_PREFIX}.2"))
"""Transfer syntaxes of uncompressed pixels."""

RLE: Final = f"{_PREFIX}.5"


def decode(frame: bytes, plane: Instance) -> AnyArray:
    """Decode one compressed frame.

    Parameters
    ----------
    frame : bytes
        The compressed frame.
    plane : Instance
        Its plane.

    Returns
    -------
    array, shape (rows, columns)
        Stored values before rescaling, of any integer type.

    Raises
    ------
    UnreadableFileError
        If nothing can decode the pixels, or they are no image of the size in the header.
    """
    pixels = plane.facts.pixels
    if pixels.transfer_syntax == RLE:
        return _run_length(frame, pixels)
    decoder = decoders().get(pixels.transfer_syntax)
    if decoder is None:
        raise UnreadableFileError(
            f"File {plane.file_name} is compressed in a way that is not supported "
            f"({pixels.transfer_syntax}); decompress it first, e.g. with dcmdjpeg, dcmdjpls or "
            "gdcmconv --raw."
        )
    if is_cut_off(frame):
        raise UnreadableFileError(f"File {plane.file_name} is truncated. Copy it again.")
    claimed = claimed_size(frame)
    if claimed != (pixels.rows, pixels.columns, pixels.samples):
        raise UnreadableFileError(
            f"File {plane.file_name} holds a compressed image of another size ({claimed}) than "
            f"its header says ({pixels.rows} rows, {pixels.columns} columns)."
        )
    return np.squeeze(np.asarray(decoder(frame))).reshape(pixels.rows, pixels.columns)


def _run_length(frame: bytes, pixels: PixelFormat) -> AnyArray:
    """Decode RLE: one segment per byte of a pixel, most significant first (PS3.5 annex G)."""
    width = pixels.bits_allocated // 8
    count, *starts = struct.unpack_from("<16L", frame)
    if count != width:
        raise UnreadableFileError(f"RLE holds {count} segments where {width} are needed.")
    words = np.empty((pixels.rows * pixels.columns, width), np.uint8)
    for n, (start, stop) in enumerate(pairwise([*starts[:count], len(frame)])):
        words[:, -1 - n] = _segment(frame[start : max(start, stop)], len(words), n + 1)
    return words.view(f"<u{width}").reshape(pixels.rows, pixels.columns)


def _segment(packed: bytes, size: int, number: int) -> npt.NDArray[np.uint8]:
    """Unpack one segment of RLE to ``size`` bytes; what follows them is padding."""
    import imagecodecs

    out = np.empty(size, np.uint8)
    try:
        done = len(imagecodecs.packbits_decode(packed, out=out.data))
    except (
        imagecodecs.PackbitsError,
        RuntimeError,
    ):  # it accepts no padding that unpacks to something
        from imgcompare.loading._kernels import unpack_bits

        done = unpack_bits(np.frombuffer(packed, np.uint8), 0, len(packed), out)
    if done < size:
        raise UnreadableFileError(f"RLE segment {number} ends too early.")
    return out


def decode_with_pydicom(plane: Instance) -> AnyArray:
    """Read an uncompressed frame of a file that only pydicom can take apart, as stored words.

    Raises
    ------
    UnreadableFileError
        If the file has no uncompressed pixels or is truncated.
    """
    pixels = plane.facts.pixels
    try:
        data = read_dataset(plane.path).get("PixelData", b"")
    except UnreadableFileError as error:
        raise UnreadableFileError(f"File {plane.file_name} {error}. Copy it again.") from None
    if pixels.transfer_syntax not in NATIVE or not data:
        raise UnreadableFileError(f"File {plane.file_name} has no pixels that can be found.")
    start, length = plane.frame * pixels.frame_bytes, pixels.frame_bytes
    if len(data) < start + length:
        raise UnreadableFileError(f"File {plane.file_name} is truncated. Copy it again.")
    order = ">" if pixels.transfer_syntax == f"{_PREFIX}.2" else "<"
    kind = f"{order}{'i' if pixels.signed else 'u'}{pixels.bits_allocated // 8}"
    words: AnyArray = np.frombuffer(data[start : start + length], dtype=kind)
    return words.reshape(pixels.rows, pixels.columns)


@lru_cache(maxsize=1)
def decoders() -> dict[str, Callable[[bytes], Any]]:
    """Give the decoder of each supported compressed transfer syntax but RLE."""
    import imagecodecs as codecs

    # libjpeg-turbo 3: baseline, extended (12 bits) and lossless with any predictor
    jpeg = {f"{_PREFIX}.4.{n}": codecs.jpeg8_decode for n in (50, 51, 57, 70)}
    jpeg_ls = {f"{_PREFIX}.4.{n}": codecs.jpegls_decode for n in (80, 81)}
    jpeg_2000 = {f"{_PREFIX}.4.{n}": codecs.jpeg2k_decode for n in (90, 91)}
    # OpenJPEG reads HTJ2K too and, unlike OpenJPH, returns from every damaged stream.
    high_throughput = {f"{_PREFIX}.4.{n}": codecs.jpeg2k_decode for n in (201, 202, 203)}
    return {**jpeg, **jpeg_ls, **jpeg_2000, **high_throughput}
