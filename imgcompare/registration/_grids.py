"""Compiled inner loops over grids: shrinking, quantising, choosing voxels, resampling.

As in `_kernels`: each works on a range of slices and releases the interpreter lock.
"""

from __future__ import annotations

import numpy as np

from imgcompare.registration._kernels import F0, OUTSIDE, jit

HALF = np.float32(0.5)


@jit
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
            line[:] = F0
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


@jit
def quantise(values, low, factor, out):  # type: ignore[no-untyped-def]
    """Write bytes for ``values`` (float32, flat): 0 at ``low``, one more every 1 / ``factor``."""
    for n in range(values.size):
        level = (values[n] - low) * factor + HALF
        out[n] = np.uint8(min(max(level, F0), np.float32(255)))


@jit
def fill_bins(values, mask, factors, factor, steps, out, spans, first, last):  # type: ignore[no-untyped-def]
    """Write the bins of every ``steps``-th voxel into slices ``first`` to ``last`` of ``out``.

    ``mask`` is a coarser bool grid, ``factors`` its voxel size in voxels of ``values`` (uint8); off
    the mask goes OUTSIDE. ``factor`` turns values into bins. ``spans`` (slices, rows, 2) gets the
    first and last-plus-one column in use of each row.
    """
    fz, fy, fx = factors
    dz, dy, dx = steps
    columns = out.shape[2]
    for s in range(first, last):
        for r in range(out.shape[1]):
            spans[s, r, 0] = spans[s, r, 1] = 0
            inside, source = mask[s * dz // fz, r * dy // fy], values[s * dz, r * dy]
            for b in range(mask.shape[2]):
                start = min((b * fx + dx - 1) // dx, columns)
                stop = min(((b + 1) * fx + dx - 1) // dx, columns)
                if not inside[b]:
                    out[s, r, start:stop] = OUTSIDE
                    continue
                if spans[s, r, 1] == 0:
                    spans[s, r, 0] = start
                spans[s, r, 1] = stop
                for c in range(start, stop):
                    out[s, r, c] = np.uint8(np.float32(source[c * dx]) * factor + HALF)


@jit
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
