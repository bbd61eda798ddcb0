"""Compiled loops of loading."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit


@njit(cache=True, nogil=True)
def unpack_bits(
    packed: npt.NDArray[np.uint8], start: int, stop: int, out: npt.NDArray[np.uint8]
) -> int:
    """Unpack PackBits runs of ``packed[start:stop]`` into ``out``; never beyond either.

    Parameters
    ----------
    packed : uint8 array, shape (n,)
        Compressed bytes.
    start, stop : int
        Part of it to read.
    out : uint8 array, shape (m,)
        Filled from its beginning; may be strided.

    Returns
    -------
    int
        Number of bytes written.

    References
    ----------
    DICOM PS3.5 G.3.
    """
    at, done, wanted = start, 0, out.shape[0]
    while at < stop and done < wanted:
        head = packed[at]
        at += 1
        if head < 128:
            count = min(int(head) + 1, stop - at, wanted - done)
            for n in range(count):
                out[done + n] = packed[at + n]
            at += count
            done += count
        elif head > 128 and at < stop:
            count = min(257 - int(head), wanted - done)
            value = packed[at]
            for n in range(count):
                out[done + n] = value
            at += 1
            done += count
    return done


@njit(cache=True, nogil=True)
def count_elements(
    data: npt.NDArray[np.uint8], start: int, explicit: bool, swapped: bool, most: int
) -> int:
    """Count the elements of a DICOM data set, those within sequences included.

    Parameters
    ----------
    data : uint8 array, shape (n,)
        The file.
    start : int
        Where the data set begins.
    explicit, swapped : bool
        Whether elements state their VR; whether the byte order is big-endian.
    most : int
        Counting ends beyond this number.

    Returns
    -------
    int
        Number of elements met, at most ``most + 1``.
    """
    at, count, size = start, 0, data.shape[0]
    a = 1 if swapped else 0  # where the low and the high byte of a word are
    b = 1 - a
    pixels = False
    while at + 8 <= size and count <= most:
        count += 1
        group = np.int64(data[at + a]) | np.int64(data[at + b]) << 8
        number = np.int64(data[at + 2 + a]) | np.int64(data[at + 2 + b]) << 8
        if group == 0xFFFE:  # items are stepped into, their ends and fragments of pixels passed
            fragment = np.int64(0)
            if number == 0xE000 and pixels:
                for n in range(4):
                    fragment |= np.int64(data[at + 4 + (3 - n if swapped else n)]) << (8 * n)
            pixels = pixels and number != 0xE0DD
            at += 8 + int(fragment)
            continue
        first, second = data[at + 4], data[at + 5]
        long = not explicit
        where = at + 4
        if explicit and first == 79 and second in (66, 68, 70, 76, 86, 87):  # OB OD OF OL OV OW
            long = True
        if explicit and (
            (first == 83 and second in (81, 86))  # SQ SV
            or (first == 85 and second in (67, 78, 82, 84, 86))  # UC UN UR UT UV
        ):
            long = True
        if explicit and long:
            where = at + 8
        if where + 4 > size:
            break
        length = np.int64(0)
        if long:
            for n in range(4):
                byte = data[where + (3 - n if swapped else n)]
                length |= np.int64(byte) << (8 * n)
            value = where + 4
        else:
            length = np.int64(data[at + 6 + a]) | np.int64(data[at + 6 + b]) << 8
            value = at + 8
        opens = length == 0xFFFFFFFF
        pixels = opens and group == 0x7FE0
        if value + 4 <= size and length >= 8:  # a value that begins with an item is a sequence
            low = np.int64(data[value + a]) | np.int64(data[value + b]) << 8
            high = np.int64(data[value + 2 + a]) | np.int64(data[value + 2 + b]) << 8
            opens = opens or (low == 0xFFFE and high == 0xE000)
        at = int(value if opens else value + length)
    return count
