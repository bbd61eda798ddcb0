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


@_jit
def _edge(u, n):  # type: ignore[no-untyped-def]
    """Clamp a coordinate to the grid; give it, its weight and the weight's slope.

    The weight falls from 1 to 0 over one voxel outside, so that overlap changes smoothly.
    """
    if u < 0.0:
        if u <= -1.0:
            return 0.0, 0.0, 0.0
        return 0.0, 1.0 + u, 1.0
    if u > n - 1.0:
        if u >= n:
            return n - 1.0, 0.0, 0.0
        return n - 1.0, n - u, -1.0
    return u, 1.0, 0.0


@_jit
def _sample(moving, z, y, x):  # type: ignore[no-untyped-def]
    """Trilinear value and its exact derivatives at an inside point."""
    nz, ny, nx = moving.shape
    k = min(int(z), nz - 2)
    j = min(int(y), ny - 2)
    i = min(int(x), nx - 2)
    fz = np.float32(z - k)
    fy = np.float32(y - j)
    fx = np.float32(x - i)
    c000 = moving[k, j, i]
    c010 = moving[k, j + 1, i]
    c100 = moving[k + 1, j, i]
    c110 = moving[k + 1, j + 1, i]
    d00 = moving[k, j, i + 1] - c000
    d01 = moving[k, j + 1, i + 1] - c010
    d10 = moving[k + 1, j, i + 1] - c100
    d11 = moving[k + 1, j + 1, i + 1] - c110
    a00 = c000 + fx * d00
    a01 = c010 + fx * d01
    a10 = c100 + fx * d10
    a11 = c110 + fx * d11
    e0 = a01 - a00
    e1 = a11 - a10
    b0 = a00 + fy * e0
    b1 = a10 + fy * e1
    g0 = d00 + fy * (d01 - d00)
    g1 = d10 + fy * (d11 - d10)
    return b0 + fz * (b1 - b0), b1 - b0, e0 + fz * (e1 - e0), g0 + fz * (g1 - g0)


@_jit
def joint_histogram(bins, moving, matrix, scaling, first, last, histogram):  # type: ignore[no-untyped-def]
    """Add rows ``first`` to ``last`` of the fixed image to a joint histogram.

    Parameters
    ----------
    bins : uint8 array, shape (S, R, C)
        Bin of each fixed voxel, OUTSIDE where it takes no part.
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
    nz, ny, nx = moving.shape
    rows = bins.shape[1]
    factor, offset, top = np.float32(scaling[0]), np.float32(scaling[1]), np.float32(scaling[2])
    zero = np.float32(0.0)
    sixth = np.float32(1.0 / 6.0)
    one = np.float32(1.0)
    for row in range(first, last):
        s = row // rows
        r = row - s * rows
        z0 = matrix[0, 0] * s + matrix[0, 1] * r + matrix[0, 3]
        y0 = matrix[1, 0] * s + matrix[1, 1] * r + matrix[1, 3]
        x0 = matrix[2, 0] * s + matrix[2, 1] * r + matrix[2, 3]
        for c in range(bins.shape[2]):
            f = bins[s, r, c]
            if f == OUTSIDE:
                continue
            z = z0 + matrix[0, 2] * c
            y = y0 + matrix[1, 2] * c
            x = x0 + matrix[2, 2] * c
            w = one
            if not (0.0 <= z <= nz - 1.0 and 0.0 <= y <= ny - 1.0 and 0.0 <= x <= nx - 1.0):
                z, wz, _ = _edge(z, nz)
                y, wy, _ = _edge(y, ny)
                x, wx, _ = _edge(x, nx)
                w = np.float32(wz * wy * wx)
                if w <= zero:
                    continue
            value, _, _, _ = _sample(moving, z, y, x)
            value = min(max(value * factor + offset, zero), top)
            m = int(value)
            t = value - np.float32(m)
            u = one - t
            h0 = u * u * u * sixth
            h3 = t * t * t * sixth
            h1 = ((np.float32(3.0) * t - np.float32(6.0)) * t * t + np.float32(4.0)) * sixth
            histogram[f, m] += w * h0
            histogram[f, m + 1] += w * h1
            histogram[f, m + 2] += w * (one - h0 - h1 - h3)
            histogram[f, m + 3] += w * h3


@_jit
def histogram_gradient(bins, moving, matrix, scaling, table, first, last, gradient):  # type: ignore[no-untyped-def]
    """Add up how a function of the joint histogram changes with ``matrix``.

    Parameters
    ----------
    bins, moving, matrix, scaling, first, last
        As in `joint_histogram`.
    table : float64 array, shape (fixed bins, moving bins + 3)
        Derivative of the function by each histogram entry.
    gradient : float64 array, shape (3, 4)
        Added to: derivative of the function by each entry of ``matrix``.
    """
    nz, ny, nx = moving.shape
    rows = bins.shape[1]
    factor, offset, top = np.float32(scaling[0]), np.float32(scaling[1]), np.float32(scaling[2])
    zero = np.float32(0.0)
    half = np.float32(0.5)
    one = np.float32(1.0)
    two = np.float32(2.0)
    three = np.float32(3.0)
    for row in range(first, last):
        s = row // rows
        r = row - s * rows
        z0 = matrix[0, 0] * s + matrix[0, 1] * r + matrix[0, 3]
        y0 = matrix[1, 0] * s + matrix[1, 1] * r + matrix[1, 3]
        x0 = matrix[2, 0] * s + matrix[2, 1] * r + matrix[2, 3]
        sum_z = sum_y = sum_x = 0.0
        sum_zc = sum_yc = sum_xc = 0.0
        for c in range(bins.shape[2]):
            f = bins[s, r, c]
            if f == OUTSIDE:
                continue
            z = z0 + matrix[0, 2] * c
            y = y0 + matrix[1, 2] * c
            x = x0 + matrix[2, 2] * c
            edge = not (0.0 <= z <= nz - 1.0 and 0.0 <= y <= ny - 1.0 and 0.0 <= x <= nx - 1.0)
            w = one
            sz = sy = sx = 0.0
            inside_z = inside_y = inside_x = one
            if edge:
                z, wz, sz = _edge(z, nz)
                y, wy, sy = _edge(y, ny)
                x, wx, sx = _edge(x, nx)
                w = np.float32(wz * wy * wx)
                if w <= zero:
                    continue
                sz, sy, sx = sz * wy * wx, sy * wz * wx, sx * wz * wy
                inside_z = one if sz == 0.0 else zero
                inside_y = one if sy == 0.0 else zero
                inside_x = one if sx == 0.0 else zero
            value, gz, gy, gx = _sample(moving, z, y, x)
            value = value * factor + offset
            scale = factor * w if zero < value < top else zero
            value = min(max(value, zero), top)
            m = int(value)
            t = value - np.float32(m)
            u = one - t
            t0 = table[f, m]
            t1 = table[f, m + 1]
            t2 = table[f, m + 2]
            t3 = table[f, m + 3]
            slope = half * (t * t * t3 - u * u * t0)
            slope += half * t * (three * t - np.float32(4.0)) * t1
            slope += half * (one + t * (two - three * t)) * t2
            slope *= scale
            dz = slope * gz
            dy = slope * gy
            dx = slope * gx
            if edge:
                h0 = u * u * u / 6.0
                h3 = t * t * t / 6.0
                h1 = ((3.0 * t - 6.0) * t * t + 4.0) / 6.0
                level = h0 * t0 + h1 * t1 + (1.0 - h0 - h1 - h3) * t2 + h3 * t3
                dz = dz * inside_z + sz * level
                dy = dy * inside_y + sy * level
                dx = dx * inside_x + sx * level
            sum_z += dz
            sum_y += dy
            sum_x += dx
            sum_zc += dz * c
            sum_yc += dy * c
            sum_xc += dx * c
        gradient[0, 0] += sum_z * s
        gradient[0, 1] += sum_z * r
        gradient[0, 2] += sum_zc
        gradient[0, 3] += sum_z
        gradient[1, 0] += sum_y * s
        gradient[1, 1] += sum_y * r
        gradient[1, 2] += sum_yc
        gradient[1, 3] += sum_y
        gradient[2, 0] += sum_x * s
        gradient[2, 1] += sum_x * r
        gradient[2, 2] += sum_xc
        gradient[2, 3] += sum_x


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
def fill_bins(values, mask, factors, scaling, out, first, last):  # type: ignore[no-untyped-def]
    """Write the bin of each fixed voxel of slices ``first`` to ``last``; OUTSIDE off the mask.

    ``mask`` is a coarser bool grid, ``factors`` its voxel size in voxels of ``values``.
    """
    fz, fy, fx = factors
    factor, offset, top = np.float32(scaling[0]), np.float32(scaling[1]), np.float32(scaling[2])
    zero = np.float32(0.0)
    half = np.float32(0.5)
    for s in range(first, last):
        for r in range(values.shape[1]):
            for b in range(mask.shape[2]):
                start = b * fx
                stop = min(start + fx, values.shape[2])
                if not mask[s // fz, r // fy, b]:
                    out[s, r, start:stop] = OUTSIDE
                    continue
                for c in range(start, stop):
                    value = min(max(values[s, r, c] * factor + offset, zero), top)
                    out[s, r, c] = np.uint8(value + half)


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
                if not (
                    -0.5 <= z <= nz - 0.5 and -0.5 <= y <= ny - 0.5 and -0.5 <= x <= nx - 0.5
                ):
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
def information_of_many(bins, moving, matrices, scaling, used, first, last, out):  # type: ignore[no-untyped-def]
    """Write overlap times mutual information at maps ``first`` to ``last`` into ``out``.

    Parameters
    ----------
    bins, moving, scaling
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
        joint_histogram(bins, moving, matrices[n], scaling, 0, rows, histogram)
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
