"""The arithmetic of registration, done by compiled kernels or, without numba, by numpy.

Both engines give the same numbers up to rounding. The compiled one is some forty times faster.
"""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from imgcompare.errors import MissingDependencyError
from imgcompare.registration.settings import Engine

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Factors = tuple[int, int, int]

_LOG = logging.getLogger(__name__)

OUTSIDE = 255
"""Value in an array of fixed bins that marks a voxel not to be used."""

PARZEN_PAD = 1
"""Extra histogram columns that a linear B-spline needs."""

RANGES = 16
"""Most parts an image is cut into. Fixed, so that sums do not depend on the thread count."""

LEAST_PART = 30_000
"""Voxels in a part, at least: starting threads for fewer would cost more."""


@dataclass(frozen=True, slots=True, eq=False)
class FixedVoxels:
    """The fixed image as the kernels see it.

    Attributes
    ----------
    bins : uint8 array, shape (S, R, C)
        Bin of each voxel looked at, OUTSIDE where it takes no part.
    spans : int32 array, shape (S * R, 2)
        First and last-plus-one column in use of each row.
    used : int
        Voxels in use, at least 1.
    """

    bins: Bytes
    spans: npt.NDArray[np.int32]
    used: int = field(init=False)

    def __post_init__(self) -> None:
        """Count what is in use."""
        used = int(np.count_nonzero(self.bins != OUTSIDE))
        object.__setattr__(self, "used", max(1, used))


class Arithmetic(Protocol):
    """What the rest of registration asks of an engine."""

    name: str

    def joint_histogram(
        self,
        fixed: FixedVoxels,
        moving: Bytes,
        *,
        matrix: Float64,
        bins: int,
    ) -> Float64:
        """Joint histogram of fixed bins and interpolated moving values, (fixed, moving)."""

    def histogram_gradient(
        self,
        fixed: FixedVoxels,
        moving: Bytes,
        *,
        matrix: Float64,
        table: Float64,
    ) -> Float64:
        """Give the slope by ``matrix`` of a function whose derivative by the histogram is given."""

    def information_of_many(
        self, fixed: FixedVoxels, moving: Bytes, *, matrices: Float64, bins: int
    ) -> Float64:
        """Overlap times mutual information at each of ``matrices`` (n, 3, 4), shape (n,)."""

    def block_mean(self, source: npt.NDArray[Any], factors: Factors) -> Float32:
        """Average blocks of voxels; partial blocks at the end are averaged over what is there."""

    def quantise(self, values: npt.NDArray[np.number[Any]], *, low: float, high: float) -> Bytes:
        """Values between ``low`` and ``high`` in 256 steps, those beyond clipped."""

    def fill_bins(
        self,
        values: Bytes,
        mask: npt.NDArray[np.bool_],
        *,
        factors: Factors,
        bins: int,
        steps: Factors = (1, 1, 1),
    ) -> FixedVoxels:
        """Bin of every ``steps``-th voxel, OUTSIDE where the coarser ``mask`` is False."""

    def resample_linear(
        self, source: Float32, matrix: Float64, *, shape: Sequence[int], outside: float
    ) -> Float32:
        """Trilinear interpolation at ``matrix`` times the output index."""


def threads_available() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@lru_cache(maxsize=4)
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Give the worker threads; ``process`` keeps a forked child from using its parent's."""
    return ThreadPoolExecutor(threads, thread_name_prefix=f"registration-{process}")


def _ranges(count: int, parts: int) -> list[tuple[int, int]]:
    """Cut ``count`` rows into contiguous ranges of nearly equal length."""
    parts = min(parts, count)
    return list(itertools.pairwise(count * n // parts for n in range(parts + 1)))


def _parts(voxels: int) -> int:
    """Parts to cut an image of so many voxels into."""
    return max(1, min(RANGES, voxels // LEAST_PART))


class NumbaArithmetic:
    """Compiled kernels over row ranges in a thread pool."""

    name = "numba"

    def __init__(self, threads: int = 0) -> None:
        from imgcompare.registration import _grids, _kernels

        self._kernels: Any = _kernels
        self._grids: Any = _grids
        self._threads = threads or threads_available()

    def _each(self, work: Callable[[int, int, int], None], ranges: list[tuple[int, int]]) -> None:
        """Run ``work(part, first, last)`` for every range."""
        if self._threads == 1 or len(ranges) == 1:
            for part, (first, last) in enumerate(ranges):
                work(part, first, last)
            return
        pool = _pool(self._threads, os.getpid())
        jobs = [pool.submit(work, part, a, b) for part, (a, b) in enumerate(ranges)]
        for job in jobs:
            job.result()

    def _row_ranges(self, bins: Bytes) -> list[tuple[int, int]]:
        return _ranges(bins.shape[0] * bins.shape[1], _parts(bins.size))

    def joint_histogram(
        self,
        fixed: FixedVoxels,
        moving: Bytes,
        *,
        matrix: Float64,
        bins: int,
    ) -> Float64:
        """Joint histogram of fixed bins and interpolated moving values."""
        ranges = self._row_ranges(fixed.bins)
        parts = np.zeros((len(ranges), bins, bins + PARZEN_PAD))

        def work(part: int, first: int, last: int) -> None:
            self._kernels.joint_histogram(
                fixed.bins, fixed.spans, moving, matrix, first, last, parts[part]
            )

        self._each(work, ranges)
        return np.asarray(parts.sum(axis=0))

    def histogram_gradient(
        self,
        fixed: FixedVoxels,
        moving: Bytes,
        *,
        matrix: Float64,
        table: Float64,
    ) -> Float64:
        """Chain rule from the histogram to the matrix."""
        ranges = self._row_ranges(fixed.bins)
        parts = np.zeros((len(ranges), 3, 4))
        table = np.ascontiguousarray(table, dtype=np.float32)

        def work(part: int, first: int, last: int) -> None:
            self._kernels.histogram_gradient(
                fixed.bins, fixed.spans, moving, matrix, table, first, last, parts[part]
            )

        self._each(work, ranges)
        return np.asarray(parts.sum(axis=0))

    def information_of_many(
        self, fixed: FixedVoxels, moving: Bytes, *, matrices: Float64, bins: int
    ) -> Float64:
        """Overlap times mutual information at many maps."""
        out = np.empty(len(matrices))

        def work(_: int, first: int, last: int) -> None:
            self._kernels.information_of_many(
                fixed.bins, fixed.spans, moving, matrices, bins, fixed.used, first, last, out
            )

        self._each(work, _ranges(len(matrices), RANGES))
        return out

    def block_mean(self, source: npt.NDArray[Any], factors: Factors) -> Float32:
        """Average blocks of voxels, converting to float32 a slab at a time."""
        if factors == (1, 1, 1):
            return np.ascontiguousarray(source, dtype=np.float32)
        out = np.empty([-(-n // f) for n, f in zip(source.shape, factors, strict=True)], np.float32)

        def work(_: int, first: int, last: int) -> None:
            for s in range(first, last):
                slab = source[s * factors[0] : (s + 1) * factors[0]]
                slab = np.ascontiguousarray(slab, dtype=np.float32)
                self._grids.block_mean(slab, factors, out[s : s + 1], 0, 1)

        self._each(work, _ranges(out.shape[0], _parts(source.size)))
        return out

    def quantise(self, values: npt.NDArray[np.number[Any]], *, low: float, high: float) -> Bytes:
        """Turn values to bytes, converting to float32 a slice at a time."""
        out = np.empty(values.shape, np.uint8)
        factor = np.float32(255.0 / (high - low))

        def work(_: int, first: int, last: int) -> None:
            for s in range(first, last):
                plane = np.ascontiguousarray(values[s : s + 1], dtype=np.float32)
                self._grids.quantise(plane.ravel(), np.float32(low), factor, out[s : s + 1].ravel())

        self._each(work, _ranges(len(out), _parts(out.size)))
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
        out = np.empty([-(-n // d) for n, d in zip(values.shape, steps, strict=True)], np.uint8)
        spans = np.empty((*out.shape[:2], 2), np.int32)
        factor = np.float32((bins - 1) / 255.0)

        def work(_: int, first: int, last: int) -> None:
            self._grids.fill_bins(values, mask, factors, factor, steps, out, spans, first, last)

        self._each(work, _ranges(out.shape[0], _parts(out.size)))
        return FixedVoxels(out, spans.reshape(-1, 2))

    def resample_linear(
        self, source: Float32, matrix: Float64, *, shape: Sequence[int], outside: float
    ) -> Float32:
        """Trilinear interpolation."""
        out = np.empty(tuple(shape), np.float32)

        def work(_: int, first: int, last: int) -> None:
            self._grids.resample_linear(source, matrix, np.float32(outside), first, last, out)

        self._each(work, _ranges(out.shape[0], _parts(out.size)))
        return out


def choose(engine: Engine = Engine.AUTO, threads: int = 0) -> Arithmetic:
    """Give the arithmetic for an engine.

    Raises
    ------
    MissingDependencyError
        If numba is demanded and cannot be imported.
    """
    if engine is not Engine.NUMPY:
        try:
            return NumbaArithmetic(threads)
        except ImportError as error:
            if engine is Engine.NUMBA:
                raise MissingDependencyError(
                    f"The numba engine cannot be loaded ({error}); install numba, or use the "
                    "slower engine 'numpy'."
                ) from error
            _LOG.warning("numba cannot be loaded (%s); registering with numpy, slowly", error)
    from imgcompare.registration.plain import NumpyArithmetic

    return NumpyArithmetic()


def is_compiled() -> bool:
    """Tell whether the numba kernels are ready, in memory or in numba's cache on disk."""
    try:
        from imgcompare.registration import _grids, _kernels
    except ImportError:
        return True  # nothing to compile
    for kernel in (_kernels.joint_histogram, _kernels.histogram_gradient,
                   _kernels.information_of_many, _grids.block_mean, _grids.quantise,
                   _grids.fill_bins, _grids.resample_linear):  # fmt: skip
        if kernel.signatures:
            continue
        try:
            if not kernel._cache._cache_file._load_index():
                return False
        except (AttributeError, OSError):  # no cache, or another numba's innards
            return False
    return True


def warm_up() -> None:
    """Compile the numba kernels, or load them from numba's cache; a few seconds the first time."""
    arithmetic = choose()
    block = arithmetic.block_mean(np.arange(64, dtype=np.float32).reshape(4, 4, 4), (1, 2, 2))
    levels = arithmetic.quantise(block, low=0.0, high=64.0)
    mask = np.ones((2, 1, 1), np.bool_)
    fixed = arithmetic.fill_bins(levels, mask, factors=(2, 2, 2), bins=4)
    matrix = np.eye(3, 4)
    table = arithmetic.joint_histogram(fixed, levels, matrix=matrix, bins=4)
    arithmetic.histogram_gradient(fixed, levels, matrix=matrix, table=table)
    arithmetic.information_of_many(fixed, levels, matrices=matrix[None], bins=4)
    arithmetic.resample_linear(block, matrix, shape=(4, 2, 2), outside=0.0)
