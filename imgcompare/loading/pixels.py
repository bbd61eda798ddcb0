"""Reads the voxels of a stack: bytes straight into one array, or decoded where compressed.

Uncompressed little-endian planes are read at the offset found while scanning, into the final
array, by a few threads that take turns; nothing is copied twice. Values are the real ones
(rescaled), as int16 where they fit, else int32, and float32 where the slope is not 1.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import numpy as np

from imgcompare.errors import ImgCompareError, SeriesError, UnreadableFileError
from imgcompare.geometry import AnyArray
from imgcompare.loading.decoding import decode, decode_with_pydicom
from imgcompare.loading.frames import FrameReader
from imgcompare.loading.header import SWAPPED_PIXELS
from imgcompare.loading.instances import Instance, PixelFormat, Tile
from imgcompare.loading.meaning import RESCALED, Line, Scaling, meaning_of
from imgcompare.loading.stacking import Stack
from imgcompare.model import Volume

READERS: Final = 3
"""Threads that read, which wait for the disk and the copy; decoding takes all cores."""

MAX_VOXELS: Final = 2**31
"""A header that claims more is refused before anything is allocated (4 GiB at 16 bits)."""

_INT16: Final = range(-(2**15), 2**15)
_LARGEST_INT32: Final = 2**31 - 1


class _TooLarge(Exception):
    """A plane's values do not fit 16 bits."""


def read_stack(stack: Stack, *, name: str, scaling: Scaling | None = None) -> Volume:
    """Read the voxels of a stack.

    Parameters
    ----------
    stack : Stack
        Ordered planes with their grid.
    name : str
        What messages call the series.
    scaling : Scaling, optional
        How stored values become those of the volume; the DICOM rescale if None.

    Returns
    -------
    Volume
        Array [slice, row, column] of int16, int32 or float32.

    Raises
    ------
    SeriesError
        If the stack is refused, is no grey-scale image, or claims more than MAX_VOXELS.
    UnreadableFileError
        If a file cannot be read, is truncated or cannot be decoded.
    """
    if stack.refusal:
        raise SeriesError(f"{name} cannot be loaded: it {stack.refusal}.")
    check_format(stack, name=name)
    if scaling is None:
        scaling = meaning_of(stack).others[RESCALED]
    lines = scaling.lines
    if not np.isfinite(lines).all():
        raise SeriesError(f"{name} has rescale values that are no numbers; its header is damaged.")
    if any(slope != 1.0 or intercept != int(intercept) for slope, intercept in set(lines)):
        array = _read(stack, lines, np.dtype(np.float32))
    elif stack.facts.pixels.bits_allocated > 16:
        array = _read(stack, lines, np.dtype(np.int32))
    else:
        try:
            array = _read(stack, lines, np.dtype(np.int16))
        except _TooLarge:
            array = _read(stack, lines, np.dtype(np.int32))
    return Volume(array, stack.geometry, scaling.quantity)


def check_format(stack: Stack, *, name: str) -> None:
    """Refuse what is no grey-scale volume, before anything is allocated."""
    for pixels in dict.fromkeys(p.facts.pixels for p in stack.instances):
        _check_pixels(pixels, name)
    pixels = stack.facts.pixels
    voxels = len(stack.instances) * pixels.rows * pixels.columns
    if not 0 < voxels <= MAX_VOXELS:
        raise SeriesError(f"{name} claims {voxels:,} voxels; the limit is {MAX_VOXELS:,}.")


def _check_pixels(pixels: PixelFormat, name: str) -> None:
    """Refuse pixels that are no grey values of a size that can be read."""
    if pixels.samples != 1:
        raise SeriesError(
            f"{name} holds colour images ({pixels.photometric or 'RGB'}), which are pictures of "
            "measurements, not measurements; choose the original series."
        )
    if pixels.photometric.startswith("PALETTE"):
        raise SeriesError(f"{name} holds colours from a palette, not measurements.")
    if pixels.floating or pixels.bits_allocated not in (8, 16, 32) or pixels.bits_stored > 32:
        kind = "floating-point" if pixels.floating else f"{pixels.bits_allocated}-bit"
        raise SeriesError(f"{name} stores {kind} pixels; whole numbers of 8, 16 or 32 bits do.")
    if pixels.bits_allocated == 8 and pixels.transfer_syntax in SWAPPED_PIXELS:
        raise SeriesError(f"{name} stores 8-bit pixels in big-endian words; convert it first.")


def _read(stack: Stack, lines: Sequence[Line], dtype: np.dtype[np.generic]) -> AnyArray:
    """Fill one preallocated array, plane by plane, on a few threads."""
    try:
        array = np.empty(stack.geometry.shape, dtype=dtype)
    except MemoryError:
        raise SeriesError(f"A volume of {stack.geometry.shape} does not fit in memory.") from None
    threads, count = _threads(stack)
    planes = range(len(stack.instances))
    turns = iter([planes[n : n + count] for n in planes[::count]])

    def work() -> tuple[int, Exception] | None:
        """Take planes until none is left; give what went wrong at which."""
        with FrameReader() as reader:
            for n in itertools.chain.from_iterable(turns):
                try:
                    _fill(array[n], stack.instances[n], lines[n], reader)
                except Exception as error:
                    list(turns)  # leaves no plane to the other threads
                    return n, error
        return None

    with ThreadPoolExecutor(threads) as pool:
        jobs = [pool.submit(work) for _ in range(threads)]
    wrong = [found for job in jobs if (found := job.result())]
    if wrong:
        raise min(wrong, key=lambda found: found[0])[1]
    return array


def _threads(stack: Stack) -> tuple[int, int]:
    """Threads for reading a stack, and how many planes each takes at once.

    Planes that are only copied are taken by the dozen, since two threads that first touch one
    (2 MiB) page of memory both clear it; those to be decoded one by one, so that all end at once.
    """
    total = len(stack.instances)
    if any(plane.encapsulated for plane in stack.instances):
        return min(max(READERS, os.cpu_count() or 1), total), 1
    return min(READERS, total), max(1, total // (8 * READERS))


def _fill(target: AnyArray, plane: Instance, line: Line, reader: FrameReader) -> None:
    """Read one plane into its slice of the volume."""
    kind = stored_dtype(plane.facts.pixels)
    same = target.dtype.itemsize == kind.itemsize and target.dtype.kind == "i"
    room = target.view(kind) if same else np.empty(target.shape, kind)
    stored = _stored(plane, reader, room)
    drop_unused_bits(stored, plane.facts.pixels)
    _rescale(stored, target, line, plane.facts.pixels)


def _stored(plane: Instance, reader: FrameReader, room: AnyArray) -> AnyArray:
    """Read the stored words of one plane, into ``room`` where they are not compressed."""
    pixels = plane.facts.pixels
    if plane.tile is not None:
        return _tile(plane, plane.tile, reader)
    try:
        if plane.pixel_offset is None:
            words = decode_with_pydicom(plane)
        elif plane.encapsulated:
            words = decode(reader.compressed(plane), plane)
        else:
            reader.read_into(plane, room)
            return room
    except Exception as error:  # decoders raise many kinds on damaged data
        raise _named(error, plane) from None
    kind = stored_dtype(pixels)
    return words.astype(kind, copy=not words.flags.writeable or not words.flags.owndata)


def _tile(plane: Instance, tile: Tile, reader: FrameReader) -> AnyArray:
    """Cut one slice out of a mosaic."""
    facts = replace(plane.facts, pixels=tile.whole)
    whole = replace(plane, facts=facts, frame=0, tile=None)
    room = np.empty((tile.whole.rows, tile.whole.columns), stored_dtype(tile.whole))
    words = _stored(whole, reader, room)
    rows, columns = plane.facts.pixels.rows, plane.facts.pixels.columns
    return words[tile.row : tile.row + rows, tile.column : tile.column + columns].copy()


def _named(error: Exception, plane: Instance) -> ImgCompareError:
    """Turn what reading or decoding raised into an error that names the file."""
    if isinstance(error, ImgCompareError) and plane.file_name in str(error):
        return error
    if isinstance(error, OSError) and not isinstance(error, ImgCompareError):
        return UnreadableFileError(
            f"File {plane.file_name} cannot be read ({error.strerror}); was it moved?"
        )
    known = isinstance(error, ImgCompareError)
    return UnreadableFileError(
        f"File {plane.file_name} cannot be decoded "
        f"({str(error).rstrip('.') if known else type(error).__name__}); it is damaged or uses "
        f"a form of compression that is not supported ({plane.facts.pixels.transfer_syntax})."
    )


def stored_dtype(pixels: PixelFormat) -> np.dtype[np.generic]:
    """Type of the stored words, little-endian."""
    return np.dtype(f"<{'i' if pixels.signed else 'u'}{pixels.bits_allocated // 8}")


def drop_unused_bits(stored: AnyArray, pixels: PixelFormat) -> None:
    """Keep bits HighBit-BitsStored+1 to HighBit in place, with the sign (PS3.5 8.1.1)."""
    allocated, used, high = pixels.bits_allocated, pixels.bits_stored, pixels.high_bit
    if used >= allocated or high + 1 < used or high >= allocated:
        return
    if pixels.signed:
        np.left_shift(stored, allocated - high - 1, out=stored)
        np.right_shift(stored, allocated - used, out=stored)
        return
    if high + 1 > used:
        np.right_shift(stored, high + 1 - used, out=stored)
    np.bitwise_and(stored, stored.dtype.type((1 << used) - 1), out=stored)


def _rescale(stored: AnyArray, target: AnyArray, line: Line, pixels: PixelFormat) -> None:
    """Write real values into ``target``, which may share memory with ``stored``."""
    slope, intercept = line
    if target.dtype.kind == "f":
        np.multiply(stored, np.float32(slope), out=target, casting="unsafe")
        if intercept:
            target += np.float32(intercept)
        return
    offset = int(intercept)
    _require_fit(stored, offset, target.dtype, pixels)
    if stored.base is target.base:  # unsigned words seen as signed: equal once they fit
        if offset:
            target += target.dtype.type(offset)
    else:
        np.add(stored, offset, out=target, casting="unsafe", dtype=np.int64 if offset else None)


def _require_fit(
    stored: AnyArray, offset: int, dtype: np.dtype[np.generic], pixels: PixelFormat
) -> None:
    """Make sure that no 16-bit value wraps around."""
    if dtype != np.int16:
        if pixels.bits_stored >= 31 and int(stored.max()) + offset > _LARGEST_INT32:
            raise SeriesError(f"A pixel of {int(stored.max())} does not fit 32 bits with a sign.")
        return
    bits = pixels.bits_stored
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if pixels.signed else (0, 2**bits - 1)
    if low + offset in _INT16 and high + offset in _INT16:
        return
    # Unsigned words above 32767 become right again when a negative offset brings them back.
    if low + offset < _INT16[0] and int(stored.min()) + offset < _INT16[0]:
        raise _TooLarge
    if high + offset > _INT16[-1] and int(stored.max()) + offset > _INT16[-1]:
        raise _TooLarge
