"""Computes which part of each pixel lies inside polygons, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Fractions = npt.NDArray[np.float32]

SUB_LINES: Final = 8
"""Strips per pixel. Strips end at every corner too, so that areas are exact but where edges cross;
their number only decides how exactly an oblique edge is shared out among pixels."""


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
    starts = np.concatenate([np.asarray(p, dtype=np.float64) for p in polygons]) + 0.5
    ends = np.concatenate([np.roll(p, -1, axis=0) for p in polygons]) + 0.5
    corners = starts[(starts[:, 0] > 0) & (starts[:, 0] < shape[0]), 0]
    levels = np.unique(np.concatenate([np.arange(shape[0] * SUB_LINES + 1) / SUB_LINES, corners]))
    strips, crossings = _crossings(starts, ends, levels)
    order = np.lexsort((crossings, strips))
    strips, crossings = strips[order], crossings[order]
    # Every strip is crossed by closed polygons an even number of times: in, out, in, out.
    height = np.diff(levels)[strips]
    height[1::2] *= -1
    edge = np.clip(crossings, 0.0, shape[1])
    pixel = np.minimum(edge.astype(np.int64), shape[1] - 1)
    part = edge - pixel
    width = shape[1] + 1
    row = np.minimum((levels[strips] + levels[strips + 1]) / 2, shape[0] - 0.5).astype(np.int64)
    at = row * width + pixel
    steps = np.bincount(at, height * (1.0 - part), shape[0] * width)
    steps += np.bincount(at + 1, height * part, shape[0] * width)
    filled = np.cumsum(steps.reshape(shape[0], width), axis=1)[:, : shape[1]]
    return np.clip(filled, 0.0, 1.0).astype(np.float32)


def _crossings(
    starts: Points, ends: Points, levels: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Where edges cross the middle of strips: number of the strip, and column."""
    low = np.minimum(starts[:, 0], ends[:, 0])
    high = np.maximum(starts[:, 0], ends[:, 0])
    first, last = (np.clip(np.searchsorted(levels, y), 0, len(levels) - 1) for y in (low, high))
    count = last - first
    edge = np.repeat(np.arange(len(starts)), count)
    strips = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    middle = (levels[strips] + levels[strips + 1]) / 2
    along = (middle - starts[edge, 0]) / (ends - starts)[edge, 0]
    columns = starts[edge, 1] + along * (ends - starts)[edge, 1]
    return strips, columns
