"""Compiled inner loops of registration and resampling.

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


def _jit(function: Any) -> Any:
    """Compile on first use; keep the result on disk where any cache folder is writable."""
    options: dict[str, Any] = {"nogil": True, "fastmath": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder it may write to
        return numba.njit(**options)(function)


# Single precision throughout: these loops are vectorised by the compiler, and unsigned indices
# spare numba's checks for negative ones.
F0, F1, F2, F3, F4, F6 = (np.float32(n) for n in (0, 1, 2, 3, 4, 6))
HALF = np.float32(0.5)
SIXTH = np.float32(1.0 / 6.0)
U1, U2, U3 = (np.uint32(n) for n in (1, 2, 3))


@_jit
def _place(u, count):  # type: ignore[no-untyped-def]
    """Clamp a coordinate to the grid; give it, how far it was outside, and its weight.

    The weight falls from 1 to 0 over one voxel outside, so that overlap changes smoothly.
    """
    inside = min(max(u, F0), count - F1)
    beyond = u - inside
    return inside, beyond, max(F1 - abs(beyond), F0)


@_jit
def _weight_slope(beyond, weight):  # type: ignore[no-untyped-def]
    """Give the derivative of an axis' weight by its coordinate."""
    if beyond == F0 or weight <= F0:
        return F0
    return -F1 if beyond > F0 else F1


@_jit
def _cell(z, y, x, shape):  # type: ignore[no-untyped-def]
    """Flat index of the first of the eight voxels around an inside point, and its fractions."""
    k = min(np.int32(z), np.int32(shape[0] - 2))
    j = min(np.int32(y), np.int32(shape[1] - 2))
    i = min(np.int32(x), np.int32(shape[2] - 2))
    flat = (np.uint32(k) * np.uint32(shape[1]) + np.uint32(j)) * np.uint32(shape[2])
    return flat + np.uint32(i), z - np.float32(k), y - np.float32(j), x - np.float32(i)


@_jit
def joint_histogram(bins, spans, moving, matrix, scaling, first, last, histogram):  # type: ignore[no-untyped-def]
    """Add rows ``first`` to ``last`` of the fixed image to a joint histogram.

    Parameters
    ----------
    bins : uint8 array, shape (S, R, C)
        Bin of each fixed voxel, OUTSIDE where it takes no part.
    spans : int32 array, shape (S * R, 2)
        First and last-plus-one column in use of each row.
    moving : float32 array, shape (s, r, c), each at least 2
    matrix : float64 array, shape (3, 4)
        Fixed index to moving index.
    scaling : float64 array, shape (3,)
        Factor, offset and largest value that turn moving values into bin coordinates.
    first, last : int
        Range of rows, counted over slices.
    histogram : float64 array, shape (fixed bins, moving bins + 3)
        Added to. A moving value is spread with a cubic B-spline (Mattes 2003, eq. 6).
    """
    rows, columns = bins.shape[1], bins.shape[2]
    flat = moving.reshape(-1)
    next_row, next_slice = np.uint32(moving.shape[2]), np.uint32(moving.shape[1] * moving.shape[2])
    nz = np.float32(moving.shape[0])
    ny, nx = np.float32(moving.shape[1]), np.float32(moving.shape[2])
    factor, offset, top = np.float32(scaling[0]), np.float32(scaling[1]), np.float32(scaling[2])
    mz, my, mx = np.float32(matrix[0, 2]), np.float32(matrix[1, 2]), np.float32(matrix[2, 2])
    values, weights = np.empty(columns, np.float32), np.empty(columns, np.float32)
    for row in range(first, last):
        start, stop = spans[row, 0], spans[row, 1]
        s = row // rows
        r = row - s * rows
        z0 = np.float32(matrix[0, 0] * s + matrix[0, 1] * r + matrix[0, 3])
        y0 = np.float32(matrix[1, 0] * s + matrix[1, 1] * r + matrix[1, 3])
        x0 = np.float32(matrix[2, 0] * s + matrix[2, 1] * r + matrix[2, 3])
        for c in range(start, stop):
            z, _, wz = _place(z0 + mz * np.float32(c), nz)
            y, _, wy = _place(y0 + my * np.float32(c), ny)
            x, _, wx = _place(x0 + mx * np.float32(c), nx)
            p, fz, fy, fx = _cell(z, y, x, moving.shape)
            a00 = flat[p] + fx * (flat[p + U1] - flat[p])
            q = p + next_row
            a01 = flat[q] + fx * (flat[q + U1] - flat[q])
            q = p + next_slice
            a10 = flat[q] + fx * (flat[q + U1] - flat[q])
            q += next_row
            a11 = flat[q] + fx * (flat[q + U1] - flat[q])
            b0 = a00 + fy * (a01 - a00)
            b1 = a10 + fy * (a11 - a10)
            value = (b0 + fz * (b1 - b0)) * factor + offset
            values[c] = min(max(value, F0), top)
            weights[c] = wz * wy * wx
        for c in range(start, stop):
            f, w = bins[s, r, c], weights[c]
            if f == OUTSIDE or w == F0:
                continue
            m = np.uint32(values[c])
            t = values[c] - np.float32(m)
            u = F1 - t
            h0, h3 = u * u * u * SIXTH, t * t * t * SIXTH
            h1 = ((F3 * t - F6) * t * t + F4) * SIXTH
            histogram[f, m] += w * h0
            histogram[f, m + U1] += w * h1
            histogram[f, m + U2] += w * (F1 - h0 - h1 - h3)
            histogram[f, m + U3] += w * h3


@_jit
def histogram_gradient(bins, spans, moving, matrix, scaling, table, first, last, gradient):  # type: ignore[no-untyped-def]
    """Add up how a function of the joint histogram changes with ``matrix``.

    Parameters
    ----------
    bins, spans, moving, matrix, scaling, first, last
        As in `joint_histogram`.
    table : float32 array, shape (fixed bins, moving bins + 3)
        Derivative of the function by each histogram entry.
    gradient : float64 array, shape (3, 4)
        Added to: derivative of the function by each entry of ``matrix``.
    """
    rows = bins.shape[1]
    flat, entries, width = moving.reshape(-1), table.reshape(-1), np.uint32(table.shape[1])
    next_row, next_slice = np.uint32(moving.shape[2]), np.uint32(moving.shape[1] * moving.shape[2])
    nz = np.float32(moving.shape[0])
    ny, nx = np.float32(moving.shape[1]), np.float32(moving.shape[2])
    factor, offset, top = np.float32(scaling[0]), np.float32(scaling[1]), np.float32(scaling[2])
    mz, my, mx = np.float32(matrix[0, 2]), np.float32(matrix[1, 2]), np.float32(matrix[2, 2])
    for row in range(first, last):
        start, stop = spans[row, 0], spans[row, 1]
        s = row // rows
        r = row - s * rows
        line = bins[s, r]
        z0 = np.float32(matrix[0, 0] * s + matrix[0, 1] * r + matrix[0, 3])
        y0 = np.float32(matrix[1, 0] * s + matrix[1, 1] * r + matrix[1, 3])
        x0 = np.float32(matrix[2, 0] * s + matrix[2, 1] * r + matrix[2, 3])
        sz = sy = sx = szc = syc = sxc = F0
        for c in range(start, stop):
            z, ez, wz = _place(z0 + mz * np.float32(c), nz)
            y, ey, wy = _place(y0 + my * np.float32(c), ny)
            x, ex, wx = _place(x0 + mx * np.float32(c), nx)
            p, fz, fy, fx = _cell(z, y, x, moving.shape)
            c00, d00 = flat[p], flat[p + U1] - flat[p]
            q = p + next_row
            c01, d01 = flat[q], flat[q + U1] - flat[q]
            q = p + next_slice
            c10, d10 = flat[q], flat[q + U1] - flat[q]
            q += next_row
            c11, d11 = flat[q], flat[q + U1] - flat[q]
            a00, a10 = c00 + fx * d00, c10 + fx * d10
            e0, e1 = c01 + fx * d01 - a00, c11 + fx * d11 - a10
            b0 = a00 + fy * e0
            g0, g1 = d00 + fy * (d01 - d00), d10 + fy * (d11 - d10)
            gz, gy, gx = a10 + fy * e1 - b0, e0 + fz * (e1 - e0), g0 + fz * (g1 - g0)
            raw = (b0 + fz * gz) * factor + offset
            value = min(max(raw, F0), top)
            used = F1 if line[c] != OUTSIDE else F0
            m = np.uint32(np.int32(value))
            t = value - np.float32(m)
            u = F1 - t
            o = m + (np.uint32(line[c]) * width if line[c] != OUTSIDE else np.uint32(0))
            t0, t1, t2, t3 = entries[o], entries[o + U1], entries[o + U2], entries[o + U3]
            slope = t * t * t3 - u * u * t0 + t * (F3 * t - F4) * t1 + (F1 + t * (F2 - F3 * t)) * t2
            slope *= HALF * factor * wz * wy * wx * used if raw == value else F0
            h0, h3 = u * u * u * SIXTH, t * t * t * SIXTH
            h1 = ((F3 * t - F6) * t * t + F4) * SIXTH
            level = (h0 * t0 + h1 * t1 + (F1 - h0 - h1 - h3) * t2 + h3 * t3) * used
            dz = slope * gz if ez == F0 else _weight_slope(ez, wz) * wy * wx * level
            dy = slope * gy if ey == F0 else _weight_slope(ey, wy) * wz * wx * level
            dx = slope * gx if ex == F0 else _weight_slope(ex, wx) * wz * wy * level
            sz, sy, sx = sz + dz, sy + dy, sx + dx
            szc, syc, sxc = (
                szc + dz * np.float32(c),
                syc + dy * np.float32(c),
                sxc + dx * np.float32(c),
            )
        for axis, total, along in ((0, sz, szc), (1, sy, syc), (2, sx, sxc)):
            gradient[axis, 0] += total * s
            gradient[axis, 1] += total * r
            gradient[axis, 2] += along
            gradient[axis, 3] += total


@_jit
def block_mean(source, factors, out, first, last):  # type: ignore[no-untyped-def]
    """Average blocks of ``factors`` voxels into slices ``first`` to ``last`` of ``out``.

    ``source`` and ``out`` are float32 [slice, row, column]; blocks at the end may be partial.
    """
    nz, ny, nx = source.shape
    fz, fy, fx = factors
    line = np.empty(out.shape[2], np.float32)
    for s in range(first, last):
        z1 = min((s + 1) * fz, nz)
        for r in range(out.shape[1]):
            y1 = min((r + 1) * fy, ny)
            line[:] = np.float32(0.0)
            for z in range(s * fz, z1):
                for y in range(r * fy, y1):
                    if fx == 2:
                        for c in range(nx // 2):
                            line[c] += source[z, y, 2 * c] + source[z, y, 2 * c + 1]
                        if nx % 2:
                            line[nx // 2] += source[z, y, nx - 1]
                    else:
                        for c in range(out.shape[2]):
                            for x in range(c * fx, min((c + 1) * fx, nx)):
                                line[c] += source[z, y, x]
            count = np.float32((z1 - s * fz) * (y1 - r * fy))
            for c in range(out.shape[2]):
                width = np.float32(min((c + 1) * fx, nx) - c * fx)
                out[s, r, c] = line[c] / (count * width)


@_jit
def fill_bins(values, mask, factors, scaling, out, spans, first, last):  # type: ignore[no-untyped-def]
    """Write the bin of each fixed voxel of slices ``first`` to ``last``; OUTSIDE off the mask.

    ``mask`` is a coarser bool grid, ``factors`` its voxel size in voxels of ``values``. ``spans``
    (slices, rows, 2) gets the first and last-plus-one column in use of each row.
    """
    fz, fy, fx = factors
    factor, offset, top = np.float32(scaling[0]), np.float32(scaling[1]), np.float32(scaling[2])
    for s in range(first, last):
        for r in range(values.shape[1]):
            spans[s, r, 0] = spans[s, r, 1] = 0
            for b in range(mask.shape[2]):
                start = b * fx
                stop = min(start + fx, values.shape[2])
                if not mask[s // fz, r // fy, b]:
                    out[s, r, start:stop] = OUTSIDE
                    continue
                if spans[s, r, 1] == 0:
                    spans[s, r, 0] = start
                spans[s, r, 1] = stop
                for c in range(start, stop):
                    value = min(max(values[s, r, c] * factor + offset, F0), top)
                    out[s, r, c] = np.uint8(value + HALF)


@_jit
def resample_linear(source, matrix, outside, first, last, out):  # type: ignore[no-untyped-def]
    """Fill slices ``first`` to ``last`` of ``out`` by trilinear interpolation.

    ``matrix`` (3, 4) maps output index to source index. Points up to half a voxel beyond the
    outermost centres take the value of the edge, farther ones ``outside``.
    """
    nz, ny, nx = source.shape
    for s in range(first, last):
        for r in range(out.shape[1]):
            z0 = matrix[0, 0] * s + matrix[0, 1] * r + matrix[0, 3]
            y0 = matrix[1, 0] * s + matrix[1, 1] * r + matrix[1, 3]
            x0 = matrix[2, 0] * s + matrix[2, 1] * r + matrix[2, 3]
            for c in range(out.shape[2]):
                z = z0 + matrix[0, 2] * c
                y = y0 + matrix[1, 2] * c
                x = x0 + matrix[2, 2] * c
                if not (-0.5 <= z <= nz - 0.5 and -0.5 <= y <= ny - 0.5 and -0.5 <= x <= nx - 0.5):
                    out[s, r, c] = outside
                    continue
                z = min(max(z, 0.0), nz - 1.0)
                y = min(max(y, 0.0), ny - 1.0)
                x = min(max(x, 0.0), nx - 1.0)
                k, j, i = int(z), int(y), int(x)
                k1, j1, i1 = min(k + 1, nz - 1), min(j + 1, ny - 1), min(i + 1, nx - 1)
                fz, fy, fx = np.float32(z - k), np.float32(y - j), np.float32(x - i)
                one = np.float32(1.0)
                a00 = source[k, j, i] * (one - fx) + source[k, j, i1] * fx
                a01 = source[k, j1, i] * (one - fx) + source[k, j1, i1] * fx
                a10 = source[k1, j, i] * (one - fx) + source[k1, j, i1] * fx
                a11 = source[k1, j1, i] * (one - fx) + source[k1, j1, i1] * fx
                low = a00 * (one - fy) + a01 * fy
                high = a10 * (one - fy) + a11 * fy
                out[s, r, c] = low * (one - fz) + high * fz


@_jit
def information_of_many(bins, spans, moving, matrices, scaling, used, first, last, out):  # type: ignore[no-untyped-def]
    """Write overlap times mutual information at maps ``first`` to ``last`` into ``out``.

    Parameters
    ----------
    bins, spans, moving, scaling
        As in `joint_histogram`; ``scaling[2] + 1`` is the number of bins of both images.
    matrices : float64 array, shape (n, 3, 4)
        Fixed index to moving index.
    used : int
        Fixed voxels in use.
    """
    count = int(scaling[2]) + 1
    rows = bins.shape[0] * bins.shape[1]
    histogram = np.empty((count, count + 3))
    for n in range(first, last):
        histogram[:] = 0.0
        joint_histogram(bins, spans, moving, matrices[n], scaling, 0, rows, histogram)
        columns = histogram.sum(axis=0)
        total = columns.sum()
        information = 0.0
        for f in range(count):
            row = histogram[f].sum()
            for m in range(count + 3):
                h = histogram[f, m]
                if h > 1e-12:
                    information += h * np.log(h * total / (row * columns[m]))
        out[n] = information / used
