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
