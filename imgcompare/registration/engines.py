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
Bins = npt.NDArray[np.uint8]
Factors = tuple[int, int, int]

_LOG = logging.getLogger(__name__)

OUTSIDE = 255
"""Value in an array of fixed bins that marks a voxel not to be used."""

PARZEN_PAD = 3
"""Extra histogram columns that a cubic B-spline needs (Mattes 2003)."""

RANGES = 16
"""Parts a large image is cut into. Fixed, so that sums do not depend on the thread count."""

SMALL = 30_000
"""Images of fewer voxels are done in one part: starting threads would cost more."""


@dataclass(frozen=True, slots=True, eq=False)
class FixedVoxels:
    """The fixed image as the kernels see it.

    Attributes
    ----------
    bins : uint8 array, shape (S, R, C)
        Bin of each voxel, OUTSIDE where it takes no part.
    spans : int32 array, shape (S * R, 2)
        First and last-plus-one column in use of each row.
    used : int
        Voxels in use, at least 1.
    """

    bins: Bins
    spans: npt.NDArray[np.int32]
    used: int = field(init=False)

    def __post_init__(self) -> None:
        """Count what is in use."""
        used = int(np.count_nonzero(self.bins != OUTSIDE))
        object.__setattr__(self, "used", max(1, used))

    def thinned(self, step: int) -> FixedVoxels:
        """Every ``step``-th slice and row."""
        spans = self.spans.reshape(*self.bins.shape[:2], 2)[::step, ::step]
        bins = np.ascontiguousarray(self.bins[::step, ::step])
        return FixedVoxels(bins, np.ascontiguousarray(spans).reshape(-1, 2))


class Arithmetic(Protocol):
    """What the rest of registration asks of an engine."""

    name: str

    def joint_histogram(
        self,
        fixed: FixedVoxels,
        moving: Float32,
        *,
        matrix: Float64,
        scaling: Float64,
        shape: tuple[int, int],
    ) -> Float64:
        """Joint histogram of fixed bins and interpolated moving values, (fixed, moving)."""

    def histogram_gradient(
        self,
        fixed: FixedVoxels,
        moving: Float32,
        *,
        matrix: Float64,
        scaling: Float64,
        table: Float64,
    ) -> Float64:
        """Give the slope by ``matrix`` of a function whose derivative by the histogram is given."""

    def information_of_many(
        self, fixed: FixedVoxels, moving: Float32, *, matrices: Float64, scaling: Float64
    ) -> Float64:
        """Overlap times mutual information at each of ``matrices`` (n, 3, 4), shape (n,)."""

    def block_mean(self, source: npt.NDArray[Any], factors: Factors) -> Float32:
        """Average blocks of voxels; partial blocks at the end are averaged over what is there."""

    def fill_bins(
        self, values: Float32, mask: npt.NDArray[np.bool_], *, factors: Factors, scaling: Float64
    ) -> FixedVoxels:
        """Bin of each voxel, OUTSIDE where the coarser ``mask`` is False."""

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
    edges = np.linspace(0, count, min(parts, count) + 1).astype(int)
    return [(int(a), int(b)) for a, b in itertools.pairwise(edges)]


class NumbaArithmetic:
    """Compiled kernels over row ranges in a thread pool."""

    name = "numba"

    def __init__(self, threads: int = 0) -> None:
        from imgcompare.registration import _kernels

        self._kernels: Any = _kernels
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

    def _row_ranges(self, bins: Bins) -> list[tuple[int, int]]:
        parts = RANGES if bins.size > SMALL else 1
        return _ranges(bins.shape[0] * bins.shape[1], parts)

    def joint_histogram(
        self,
        fixed: FixedVoxels,
        moving: Float32,
        *,
        matrix: Float64,
        scaling: Float64,
        shape: tuple[int, int],
    ) -> Float64:
        """Joint histogram of fixed bins and interpolated moving values."""
        ranges = self._row_ranges(fixed.bins)
        parts = np.zeros((len(ranges), shape[0], shape[1] + PARZEN_PAD))

        def work(part: int, first: int, last: int) -> None:
            self._kernels.joint_histogram(
                fixed.bins, fixed.spans, moving, matrix, scaling, first, last, parts[part]
            )

        self._each(work, ranges)
        return np.asarray(parts.sum(axis=0))

    def histogram_gradient(
        self,
        fixed: FixedVoxels,
        moving: Float32,
        *,
        matrix: Float64,
        scaling: Float64,
        table: Float64,
    ) -> Float64:
        """Chain rule from the histogram to the matrix."""
        ranges = self._row_ranges(fixed.bins)
        parts = np.zeros((len(ranges), 3, 4))
        table = np.ascontiguousarray(table, dtype=np.float32)

        def work(part: int, first: int, last: int) -> None:
            self._kernels.histogram_gradient(
                fixed.bins, fixed.spans, moving, matrix, scaling, table, first, last, parts[part]
            )

        self._each(work, ranges)
        return np.asarray(parts.sum(axis=0))

    def information_of_many(
        self, fixed: FixedVoxels, moving: Float32, *, matrices: Float64, scaling: Float64
    ) -> Float64:
        """Overlap times mutual information at many maps."""
        out = np.empty(len(matrices))

        def work(_: int, first: int, last: int) -> None:
            self._kernels.information_of_many(
                fixed.bins, fixed.spans, moving, matrices, scaling, fixed.used, first, last, out
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
                self._kernels.block_mean(slab, factors, out[s : s + 1], 0, 1)

        self._each(work, _ranges(out.shape[0], RANGES if source.size > SMALL else 1))
        return out

    def fill_bins(
        self, values: Float32, mask: npt.NDArray[np.bool_], *, factors: Factors, scaling: Float64
    ) -> FixedVoxels:
        """Bin of each voxel."""
        out = np.empty(values.shape, np.uint8)
        spans = np.empty((*values.shape[:2], 2), np.int32)

        def work(_: int, first: int, last: int) -> None:
            self._kernels.fill_bins(values, mask, factors, scaling, out, spans, first, last)

        self._each(work, _ranges(values.shape[0], RANGES if values.size > SMALL else 1))
        return FixedVoxels(out, spans.reshape(-1, 2))

    def resample_linear(
        self, source: Float32, matrix: Float64, *, shape: Sequence[int], outside: float
    ) -> Float32:
        """Trilinear interpolation."""
        out = np.empty(tuple(shape), np.float32)

        def work(_: int, first: int, last: int) -> None:
            self._kernels.resample_linear(source, matrix, np.float32(outside), first, last, out)

        self._each(work, _ranges(out.shape[0], RANGES if out.size > SMALL else 1))
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
        from imgcompare.registration import _kernels
    except ImportError:
        return True  # nothing to compile
    for kernel in (_kernels.joint_histogram, _kernels.histogram_gradient, _kernels.block_mean,
                   _kernels.fill_bins, _kernels.resample_linear,
                   _kernels.information_of_many):  # fmt: skip
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
    scaling = np.array([0.1, 0.0, 3.0])
    mask = np.ones((2, 1, 1), np.bool_)
    fixed = arithmetic.fill_bins(block, mask, factors=(2, 2, 2), scaling=scaling)
    matrix = np.eye(3, 4)
    table = arithmetic.joint_histogram(fixed, block, matrix=matrix, scaling=scaling, shape=(4, 4))
    arithmetic.histogram_gradient(fixed, block, matrix=matrix, scaling=scaling, table=table)
    arithmetic.information_of_many(fixed, block, matrices=matrix[None], scaling=scaling)
    arithmetic.resample_linear(block, matrix, shape=(4, 2, 2), outside=0.0)
