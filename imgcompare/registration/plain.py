"""The arithmetic of registration in plain numpy, for machines without numba."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from imgcompare.registration.engines import (
    OUTSIDE,
    PARZEN_PAD,
    Bytes,
    Factors,
    FixedVoxels,
    Float32,
    Float64,
)

SLICES_AT_ONCE_VOXELS = 400_000
"""Voxels worked on at once: keeps the temporaries near 50 MB."""


def _points(bins: Bytes) -> Iterator[tuple[Float64, npt.NDArray[np.intp]]]:
    """Give indices [slice, row, column] and bins of the voxels in use, a slab at a time."""
    slab = max(1, SLICES_AT_ONCE_VOXELS // max(1, bins[0].size))
    for start in range(0, bins.shape[0], slab):
        part = bins[start : start + slab]
        index = np.stack(np.nonzero(part != OUTSIDE))
        fixed = part[tuple(index)].astype(np.intp)
        index[0] += start
        if fixed.size:
            yield index.astype(np.float64), fixed


def _edges(where: Float64, shape: Sequence[int]) -> tuple[Float64, Float64, Float64]:
    """Clamp coordinates (3, n); give them, each axis' weight, and the weights' slopes."""
    top = np.array(shape, dtype=np.float64)[:, None] - 1.0
    beyond = where - np.clip(where, 0.0, top)
    weight = np.clip(1.0 - np.abs(beyond), 0.0, 1.0)
    slope = np.where((beyond != 0.0) & (weight > 0.0), -np.sign(beyond), 0.0)
    return np.clip(where, 0.0, top), weight, slope


def _trilinear(source: npt.NDArray[Any], where: Float64) -> tuple[Float64, Float64]:
    """Value (n,) and derivatives (3, n) at inside coordinates (3, n)."""
    shape = np.array(source.shape)[:, None]
    low = np.minimum(where.astype(np.intp), np.maximum(shape - 2, 0))
    high = np.minimum(low + 1, shape - 1)
    fz, fy, fx = where - low
    corner = np.empty((2, 2, 2, where.shape[1]))
    for n in np.ndindex(2, 2, 2):
        z, y, x = (high[a] if n[a] else low[a] for a in range(3))
        corner[n] = source[z, y, x]
    along_x = corner[:, :, 0] * (1 - fx) + corner[:, :, 1] * fx
    along_y = along_x[:, 0] * (1 - fy) + along_x[:, 1] * fy
    slope_x = corner[:, :, 1] - corner[:, :, 0]
    slope_x = slope_x[:, 0] * (1 - fy) + slope_x[:, 1] * fy
    slope_y = along_x[:, 1] - along_x[:, 0]
    gradient = np.stack(
        [
            along_y[1] - along_y[0],
            slope_y[0] * (1 - fz) + slope_y[1] * fz,
            slope_x[0] * (1 - fz) + slope_x[1] * fz,
        ]
    )
    return along_y[0] * (1 - fz) + along_y[1] * fz, gradient


class NumpyArithmetic:
    """Array expressions, a slab at a time."""

    name = "numpy"

    def joint_histogram(
        self, fixed: FixedVoxels, moving: Bytes, *, matrix: Float64, bins: int
    ) -> Float64:
        """Joint histogram of fixed bins and interpolated moving values."""
        width = bins + PARZEN_PAD
        total = np.zeros(bins * width)
        for index, row in _points(fixed.bins):
            where = matrix[:, :3] @ index + matrix[:, 3:]
            where, weights, _ = _edges(where, moving.shape)
            value, _ = _trilinear(moving, where)
            value *= (bins - 1) / 255.0
            column = value.astype(np.intp)
            weight = weights.prod(axis=0)
            right = weight * (value - column)
            cell = row * width + column
            total += np.bincount(cell, weight - right, minlength=total.size)
            total += np.bincount(cell + 1, right, minlength=total.size)
        return total.reshape(bins, width)

    def histogram_gradient(
        self, fixed: FixedVoxels, moving: Bytes, *, matrix: Float64, table: Float64
    ) -> Float64:
        """Chain rule from the histogram to the matrix."""
        gradient = np.zeros((3, 4))
        factor = (table.shape[0] - 1) / 255.0
        for index, row in _points(fixed.bins):
            where = matrix[:, :3] @ index + matrix[:, 3:]
            where, weights, slopes = _edges(where, moving.shape)
            value, by_axis = _trilinear(moving, where)
            value *= factor
            column = value.astype(np.intp)
            rise = table[row, column + 1] - table[row, column]
            by_axis *= rise * factor * weights.prod(axis=0) * (slopes == 0.0)
            level = table[row, column] + rise * (value - column)
            others = np.stack([weights[[1, 2]], weights[[0, 2]], weights[[0, 1]]]).prod(axis=1)
            by_axis += slopes * others * level
            gradient[:, :3] += by_axis @ index.T
            gradient[:, 3] += by_axis.sum(axis=1)
        return gradient

    def information_of_many(
        self, fixed: FixedVoxels, moving: Bytes, *, matrices: Float64, bins: int
    ) -> Float64:
        """Overlap times mutual information at many maps."""
        out = np.empty(len(matrices))
        for n, matrix in enumerate(matrices):
            joint = self.joint_histogram(fixed, moving, matrix=matrix, bins=bins)
            product = np.outer(joint.sum(axis=1), joint.sum(axis=0))
            seen = joint > 1e-12
            out[n] = (joint[seen] * np.log(joint[seen] * joint.sum() / product[seen])).sum()
        return out / fixed.used

    def block_mean(self, source: npt.NDArray[Any], factors: Factors) -> Float32:
        """Average blocks of voxels."""
        out = np.asarray(source, dtype=np.float32)
        for axis, factor in enumerate(factors):
            if factor > 1:
                starts = np.arange(0, source.shape[axis], factor)
                counts = np.diff(np.append(starts, source.shape[axis]))
                shape = [1, 1, 1]
                shape[axis] = -1
                out = np.add.reduceat(out, starts, axis=axis)
                out = out / counts.astype(np.float32).reshape(shape)
        return np.ascontiguousarray(out)

    def quantise(self, values: npt.NDArray[np.number[Any]], *, low: float, high: float) -> Bytes:
        """Turn values to bytes, a slice at a time."""
        out = np.empty(values.shape, np.uint8)
        factor = np.float32(255.0 / (high - low))
        for s in range(len(out)):
            level = (values[s].astype(np.float32) - np.float32(low)) * factor + np.float32(0.5)
            out[s] = np.clip(level, 0.0, 255.0)
        return out

    def fill_bins(
        self,
        values: Bytes,
        mask: npt.NDArray[np.bool_],
        *,
        factors: Factors,
        bins: int,
        steps: Factors = (1, 1, 1),
    ) -> FixedVoxels:
        """Bin of every ``steps``-th voxel."""
        thinned = values[tuple(slice(None, None, d) for d in steps)]
        factor = np.float32((bins - 1) / 255.0)
        out = (thinned.astype(np.float32) * factor + np.float32(0.5)).astype(np.uint8)
        coarse = [
            np.arange(0, n, d) // f for n, d, f in zip(values.shape, steps, factors, strict=True)
        ]
        out[~mask[np.ix_(*coarse)]] = OUTSIDE
        whole_rows = np.tile(
            np.array([0, out.shape[2]], np.int32), (out.shape[0] * out.shape[1], 1)
        )
        return FixedVoxels(out, whole_rows)

    def resample_linear(
        self, source: Float32, matrix: Float64, *, shape: Sequence[int], outside: float
    ) -> Float32:
        """Trilinear interpolation, a slice at a time."""
        out = np.full(tuple(shape), outside, np.float32)
        rows, columns = np.indices((shape[1], shape[2])).reshape(2, -1)
        limit = np.array(source.shape)[:, None] - 0.5
        for s in range(shape[0]):
            index = np.stack([np.full(rows.size, s), rows, columns])
            where = matrix[:, :3] @ index + matrix[:, 3:]
            inside = ((where >= -0.5) & (where <= limit)).all(axis=0)
            where = np.clip(where[:, inside], 0.0, limit - 0.5)
            out[s].reshape(-1)[inside] = _trilinear(source, where)[0]
        return out
