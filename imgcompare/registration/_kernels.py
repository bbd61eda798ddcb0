"""Compiled inner loops of registration: the joint histogram and how it changes with the map.

Every kernel works on a range of rows and releases the interpreter lock, so that a thread pool can
run ranges side by side; no numba threading layer is involved. Sums are per range and added in
order by the caller, which makes results independent of the number of threads.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

OUTSIDE = 255
"""Value in an array of fixed bins that marks a voxel not to be used."""

MARGIN = 1e-3
"""Points this close to the moving image's edge, in voxels, count as being on it: more than single
precision may be off."""


def jit(function: Any) -> Any:
    """Compile on first use; keep the result on disk where any cache folder is writable."""
    options: dict[str, Any] = {"nogil": True, "fastmath": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder it may write to
        return numba.njit(**options)(function)


# Single precision throughout, and unsigned indices, which spare numba's checks for negative ones.
F0, F1 = np.float32(0), np.float32(1)
U1 = np.uint32(1)


@jit
def _place(u, count):  # type: ignore[no-untyped-def]
    """Clamp a coordinate to the grid; give it, how far it was outside, and its weight.

    The weight falls from 1 to 0 over one voxel outside, so that overlap changes smoothly.
    """
    inside = min(max(u, F0), np.float32(count) - F1)
    beyond = u - inside
    return inside, beyond, max(F1 - abs(beyond), F0)


@jit
def _weight_slope(beyond, weight):  # type: ignore[no-untyped-def]
    """Give the derivative of an axis' weight by its coordinate."""
    if beyond == F0 or weight <= F0:
        return F0
    return -F1 if beyond > F0 else F1


@jit
def _bins_per_level(width):  # type: ignore[no-untyped-def]
    """Factor from bytes to bin coordinates, and the last of these, for a padded histogram."""
    top = np.float32(width - 2)
    return top / np.float32(255), top


@jit
def _row_start(matrix, s, r):  # type: ignore[no-untyped-def]
    """Where a map puts the point before the first of a row: moving coordinates z, y, x."""
    return (
        matrix[0, 0] * s + matrix[0, 1] * r + matrix[0, 3],
        matrix[1, 0] * s + matrix[1, 1] * r + matrix[1, 3],
        matrix[2, 0] * s + matrix[2, 1] * r + matrix[2, 3],
    )


@jit
def _inside(origin, matrix, shape, start, stop):  # type: ignore[no-untyped-def]
    """Narrow columns ``start`` to ``stop`` to those that land inside the moving grid."""
    low, high = float(start), stop - 1.0
    for axis in range(3):
        at, step, top = origin[axis], matrix[axis, 2], shape[axis] - 1.0 - MARGIN
        if abs(step) > 1e-7:
            first, last = (MARGIN - at) / step, (top - at) / step
            low, high = max(low, min(first, last)), min(high, max(first, last))
        elif at < MARGIN or at > top:
            return start, start
    if high < low:
        return start, start
    return np.int64(np.ceil(low)), np.int64(np.floor(high)) + 1


@jit
def _interpolate(flat, shape, z, y, x):  # type: ignore[no-untyped-def]
    """Trilinear value at an inside point, and its derivatives along z, y and x."""
    k = min(np.int32(z), np.int32(shape[0] - 2))
    j = min(np.int32(y), np.int32(shape[1] - 2))
    i = min(np.int32(x), np.int32(shape[2] - 2))
    fz, fy, fx = z - np.float32(k), y - np.float32(j), x - np.float32(i)
    next_row, next_slice = np.uint32(shape[2]), np.uint32(shape[1] * shape[2])
    p = np.uint32(k) * next_slice + np.uint32(j) * next_row + np.uint32(i)
    c00 = np.float32(flat[p])
    d00 = np.float32(flat[p + U1]) - c00
    p += next_row
    c01 = np.float32(flat[p])
    d01 = np.float32(flat[p + U1]) - c01
    p += next_slice
    c11 = np.float32(flat[p])
    d11 = np.float32(flat[p + U1]) - c11
    p -= next_row
    c10 = np.float32(flat[p])
    d10 = np.float32(flat[p + U1]) - c10
    a00, a10 = c00 + fx * d00, c10 + fx * d10
    e0, e1 = c01 + fx * d01 - a00, c11 + fx * d11 - a10
    b0 = a00 + fy * e0
    g0, g1 = d00 + fy * (d01 - d00), d10 + fy * (d11 - d10)
    gz = a10 + fy * e1 - b0
    return b0 + fz * gz, gz, e0 + fz * (e1 - e0), g0 + fz * (g1 - g0)


@jit
def _share(cells, row, value, weight):  # type: ignore[no-untyped-def]
    """Share a voxel's weight between the two bins of a histogram's row that are next to a value."""
    whole = np.uint32(np.int32(value))
    right = weight * (value - np.float32(whole))
    cells[row + whole] += weight - right
    cells[row + whole + U1] += right


@jit
def joint_histogram(bins, spans, moving, matrix, first, last, histogram):  # type: ignore[no-untyped-def]
    """Add rows ``first`` to ``last`` of the fixed image to a joint histogram.

    Parameters
    ----------
    bins : uint8 array, shape (S, R, C)
        Bin of each fixed voxel, OUTSIDE where it takes no part.
    spans : int32 array, shape (S * R, 2)
        First and last-plus-one column in use of each row.
    moving : uint8 array, shape (s, r, c), each at least 2
    matrix : float64 array, shape (3, 4)
        Fixed index to moving index.
    first, last : int
        Range of rows, counted over slices.
    histogram : float64 array, shape (fixed bins, moving bins + 1)
        Added to. A moving value, 255 being the last bin, is shared by the two nearest bins (a
        linear B-spline window); the extra column stays empty.
    """
    rows, shape = bins.shape[1], moving.shape
    flat, cells, width = moving.reshape(-1), histogram.reshape(-1), np.uint32(histogram.shape[1])
    factor, top = _bins_per_level(width)
    mz, my, mx = np.float32(matrix[0, 2]), np.float32(matrix[1, 2]), np.float32(matrix[2, 2])
    for row in range(first, last):
        start, stop = np.int64(spans[row, 0]), np.int64(spans[row, 1])
        s, r = row // rows, row % rows
        line, origin = bins[s, r], _row_start(matrix, s, r)
        z0, y0, x0 = np.float32(origin[0]), np.float32(origin[1]), np.float32(origin[2])
        inner, outer = _inside(origin, matrix, shape, start, stop)
        for c in range(inner, outer):  # far most points; no weights to mind
            if line[c] == OUTSIDE:
                continue
            n = np.float32(c)
            value, _, _, _ = _interpolate(flat, shape, z0 + mz * n, y0 + my * n, x0 + mx * n)
            _share(cells, np.uint32(line[c]) * width, min(value * factor, top), F1)
        for begin, end in ((start, inner), (outer, stop)):
            for c in range(begin, end):
                z, _, wz = _place(z0 + mz * np.float32(c), shape[0])
                y, _, wy = _place(y0 + my * np.float32(c), shape[1])
                x, _, wx = _place(x0 + mx * np.float32(c), shape[2])
                weight = wz * wy * wx
                if line[c] == OUTSIDE or weight == F0:
                    continue
                value, _, _, _ = _interpolate(flat, shape, z, y, x)
                _share(cells, np.uint32(line[c]) * width, min(value * factor, top), weight)


@jit
def histogram_gradient(bins, spans, moving, matrix, table, first, last, gradient):  # type: ignore[no-untyped-def]
    """Add up how a function of the joint histogram changes with ``matrix``.

    Parameters
    ----------
    bins, spans, moving, matrix, first, last
        As in `joint_histogram`.
    table : float32 array, shape (fixed bins, moving bins + 1)
        Derivative of the function by each histogram entry.
    gradient : float64 array, shape (3, 4)
        Added to: derivative of the function by each entry of ``matrix``.
    """
    rows, shape = bins.shape[1], moving.shape
    flat, entries, width = moving.reshape(-1), table.reshape(-1), np.uint32(table.shape[1])
    factor, top = _bins_per_level(width)
    mz, my, mx = np.float32(matrix[0, 2]), np.float32(matrix[1, 2]), np.float32(matrix[2, 2])
    for row in range(first, last):
        s, r = row // rows, row % rows
        line, origin = bins[s, r], _row_start(matrix, s, r)
        z0, y0, x0 = np.float32(origin[0]), np.float32(origin[1]), np.float32(origin[2])
        sz = sy = sx = szc = syc = sxc = F0
        # No branch to skip what is not used: the compiler vectorises this loop.
        for c in range(spans[row, 0], spans[row, 1]):
            n = np.float32(c)
            z, ez, wz = _place(z0 + mz * n, shape[0])
            y, ey, wy = _place(y0 + my * n, shape[1])
            x, ex, wx = _place(x0 + mx * n, shape[2])
            value, gz, gy, gx = _interpolate(flat, shape, z, y, x)
            value = min(value * factor, top)
            m = np.uint32(np.int32(value))
            used = F1 if line[c] != OUTSIDE else F0
            at = m + (np.uint32(line[c]) * width if line[c] != OUTSIDE else np.uint32(0))
            rise = (entries[at + U1] - entries[at]) * used
            level = entries[at] * used + (value - np.float32(m)) * rise
            slope = rise * factor * wz * wy * wx
            dz = slope * gz if ez == F0 else _weight_slope(ez, wz) * wy * wx * level
            dy = slope * gy if ey == F0 else _weight_slope(ey, wy) * wz * wx * level
            dx = slope * gx if ex == F0 else _weight_slope(ex, wx) * wz * wy * level
            sz, sy, sx = sz + dz, sy + dy, sx + dx
            szc, syc, sxc = szc + dz * n, syc + dy * n, sxc + dx * n
        for axis, total, along in ((0, sz, szc), (1, sy, syc), (2, sx, sxc)):
            gradient[axis, 0] += total * s
            gradient[axis, 1] += total * r
            gradient[axis, 2] += along
            gradient[axis, 3] += total


@jit
def information_of_many(bins, spans, moving, matrices, count, used, first, last, out):  # type: ignore[no-untyped-def]
    """Write overlap times mutual information at maps ``first`` to ``last`` into ``out``.

    Parameters
    ----------
    bins, spans, moving
        As in `joint_histogram`.
    matrices : float64 array, shape (n, 3, 4)
        Fixed index to moving index.
    count : int
        Bins of both images.
    used : int
        Fixed voxels in use.
    """
    rows = bins.shape[0] * bins.shape[1]
    histogram = np.empty((count, count + 1))
    for n in range(first, last):
        histogram[:] = 0.0
        joint_histogram(bins, spans, moving, matrices[n], 0, rows, histogram)
        columns = histogram.sum(axis=0)
        total = columns.sum()
        information = 0.0
        for f in range(count):
            row = histogram[f].sum()
            for m in range(count + 1):
                h = histogram[f, m]
                if h > 1e-12:
                    information += h * np.log(h * total / (row * columns[m]))
        out[n] = information / used
