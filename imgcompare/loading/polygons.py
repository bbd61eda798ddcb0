"""Computes which part of each pixel lies inside polygons, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Fractions = npt.NDArray[np.float32]

SUB_LINES: Final = 32
"""Scan lines per pixel. Areas are exact but where a corner lies between two lines (< 1e-3)."""


def coverage(polygons: Sequence[Points], shape: tuple[int, int]) -> Fractions:
    """Part of each pixel that lies inside an odd number of closed polygons.

    Inner contours are holes, keyholes close, and contours inside holes are islands: the exclusive
    disjunction of DICOM PS3.3 C.8.8.6.3.

    Parameters
    ----------
    polygons : sequence of arrays, shape (n, 2)
        Corners as fractional (row, column); pixel centres are whole numbers. The last corner is
        joined to the first. Parts outside the picture count for nothing.
    shape : (rows, columns)
        Of the picture.

    Returns
    -------
    float32 array, shape (rows, columns)
        0 to 1.
    """
    lines, crossings = _crossings(polygons, shape[0])
    if not len(lines):
        return np.zeros(shape, dtype=np.float32)
    order = np.lexsort((crossings, lines))
    lines, crossings = lines[order], crossings[order]
    # Every line crosses closed polygons an even number of times: in, out, in, out.
    sign = np.where(np.arange(len(lines)) % 2 == 0, 1.0, -1.0) / SUB_LINES
    edge = np.clip(crossings + 0.5, 0.0, shape[1])
    pixel = np.minimum(edge.astype(np.int64), shape[1] - 1)
    part = edge - pixel
    width = shape[1] + 1
    at = (lines // SUB_LINES) * width + pixel
    steps = np.bincount(at, sign * (1.0 - part), shape[0] * width)
    steps += np.bincount(at + 1, sign * part, shape[0] * width + 1)[: shape[0] * width]
    filled = np.cumsum(steps.reshape(shape[0], width), axis=1)[:, : shape[1]]
    return np.clip(filled, 0.0, 1.0).astype(np.float32)


def _crossings(
    polygons: Sequence[Points], rows: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Where edges cross the scan lines: number of the line, and column."""
    starts = np.concatenate([np.asarray(p, dtype=np.float64) for p in polygons])
    ends = np.concatenate([np.roll(p, -1, axis=0) for p in polygons])
    # Line number m lies at row (m + 0.5) / SUB_LINES - 0.5.
    first, last = ((y[:, 0] + 0.5) * SUB_LINES - 0.5 for y in (starts, ends))
    low = np.clip(np.ceil(np.minimum(first, last)), 0, rows * SUB_LINES).astype(np.int64)
    high = np.clip(np.ceil(np.maximum(first, last)), 0, rows * SUB_LINES).astype(np.int64)
    count = high - low
    edge = np.repeat(np.arange(len(starts)), count)
    lines = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + low[edge]
    along = (lines - first[edge]) / (last - first)[edge]
    columns = starts[edge, 1] + along * (ends - starts)[edge, 1]
    return lines, columns
