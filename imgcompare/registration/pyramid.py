"""Coarse-to-fine working copies of an image, and where its foreground is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from imgcompare.errors import InputError
from imgcompare.model import Quantity, Volume
from imgcompare.registration.engines import Arithmetic, Bytes, Factors, Float32, Float64
from imgcompare.registration.foreground import find_foreground, widen
from imgcompare.registration.settings import PYRAMID_MM

MASK_MM = 4.0
"""Voxel size at which foreground is told from air: fine enough for a scalp, coarse enough to
average noise away."""

LARGEST_LEVEL = 14_000_000
"""Voxels beyond which the finest working copy is made coarser; a 1 mm head has 12.6 million."""

CLIPPED_PERCENT = 0.5
"""Share of the darkest and brightest foreground voxels that fall into the end bins."""

AIR_HU = -1024.0
"""CT values below air mark what was not scanned."""

LEAST_VOXELS = 4
"""Voxels needed along every axis: fewer show no shift along it."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """A working copy: values, index-to-world affine, voxel size per mask voxel.

    One byte a voxel: 256 steps over the range of values that tells tissues apart are finer than
    noise, and a 1 mm head so fits into a processor's cache.
    """

    size_mm: float
    values: Bytes
    affine: Float64
    mask_factors: Factors


@dataclass(frozen=True, slots=True, eq=False)
class Pyramid:
    """An image made ready: copies by nominal voxel size, and the foreground at about 4 mm.

    ``tight`` follows the foreground; ``wide`` adds a border of air. ``centre_mm`` and
    ``radius_mm`` are the foreground's centroid and root mean square distance from it.
    ``native_affine`` and ``frame_of_reference_uid`` are the image's own.
    """

    levels: dict[float, Level]
    native_affine: Float64
    mask_affine: Float64
    tight: npt.NDArray[np.bool_]
    wide: npt.NDArray[np.bool_]
    centre_mm: Float64
    radius_mm: float
    frame_of_reference_uid: str

    def mask_for(self, level: Level, *, wide: bool = True) -> tuple[npt.NDArray[np.bool_], Factors]:
        """Foreground for a level, and how many of the level's voxels fit in one of its own."""
        mask = self.wide if wide else self.tight
        if level.size_mm > self.mask_size_mm:
            shrink = level.mask_factors
            starts = [np.arange(0, n, f) for n, f in zip(mask.shape, shrink, strict=True)]
            for axis, start in enumerate(starts):
                mask = np.logical_or.reduceat(mask, start, axis=axis)
            return np.ascontiguousarray(mask), (1, 1, 1)
        return mask, level.mask_factors

    @property
    def mask_size_mm(self) -> float:
        """Nominal voxel size of the foreground mask."""
        return min(self.levels, key=lambda size: (abs(size - MASK_MM), size))

    @property
    def foreground_ml(self) -> float:
        """Volume of the foreground."""
        voxel_mm3 = abs(float(np.linalg.det(self.mask_affine[:3, :3])))
        return float(np.count_nonzero(self.tight)) * voxel_mm3 / 1000.0

    def points_mm(self, *, most: int = 4000) -> Float64:
        """Evenly thinned foreground points in world coordinates, shape (n, 3)."""
        index = np.argwhere(self.tight)
        index = index[:: max(1, len(index) // most)]
        return np.asarray(index @ self.mask_affine[:3, :3].T + self.mask_affine[:3, 3])


def _coarser(affine: Float64, factors: Factors) -> Float64:
    """Affine of the grid of block means."""
    out = affine.copy()
    steps = np.array(factors, dtype=np.float64)
    out[:3, :3] = affine[:3, :3] * steps
    out[:3, 3] = affine[:3, 3] + affine[:3, :3] @ ((steps - 1.0) / 2.0)
    return out


def _factors(affine: Float64, shape: tuple[int, ...], size_mm: float) -> Factors:
    """Voxels per block along each axis that come closest to ``size_mm``."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    wanted = np.maximum(1, np.rint(size_mm / spacing)).astype(int)
    # A level needs two voxels along every axis to interpolate between.
    z, y, x = (int(min(f, max(1, n // 2))) for f, n in zip(wanted, shape, strict=True))
    return z, y, x


def _finest(volume: Volume, size_mm: float) -> Factors:
    """Blocks of the finest level, enlarged until it is small enough to work on."""
    while True:
        factors = _factors(volume.geometry.affine, volume.array.shape, size_mm)
        shape = [-(-n // f) for n, f in zip(volume.array.shape, factors, strict=True)]
        if np.prod(shape) <= LARGEST_LEVEL:
            return factors
        size_mm *= 1.1


def check_usable(volume: Volume, what: str) -> None:
    """Refuse images that hold no information to align.

    Raises
    ------
    InputError
        If values are not finite, or all the same, or there are too few voxels along an axis.
    """
    array = volume.array
    if min(array.shape) < LEAST_VOXELS:
        raise InputError(
            f"The {what} image [{volume.geometry}] is too thin to align: at least {LEAST_VOXELS} "
            "voxels along every axis are needed."
        )
    if array.dtype.kind == "f" and not np.isfinite(array.sum(dtype=np.float64)):
        raise InputError(
            f"The {what} image holds values that are not finite numbers; replace them first."
        )
    if array.dtype.kind not in "fiu":
        raise InputError(f"The {what} image holds {array.dtype} values, not numbers to align.")
    if array.min() == array.max():
        raise InputError(f"The {what} image has the same value everywhere: nothing to align.")


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """A working copy before it is quantised, and its voxel size in voxels of the one before."""

    size_mm: float
    values: npt.NDArray[np.number[Any]]
    affine: Float64
    factors: Factors


def build(volume: Volume, arithmetic: Arithmetic, *, finest_mm: float, what: str) -> Pyramid:
    """Make the working copies and find the foreground.

    Parameters
    ----------
    volume : Volume
        Any grid, sheared ones too: the copies keep the grid's axes.
    arithmetic : Arithmetic
    finest_mm : float
        Voxel size of the finest copy. Axes with larger voxels keep them.
    what : str
        ``moving`` or ``fixed``, for messages.

    Raises
    ------
    InputError
        If the image cannot be used, see `check_usable`.
    """
    check_usable(volume, what)
    sizes = sorted({s for s in PYRAMID_MM if s > finest_mm * 1.01} | {finest_mm})
    affine, values, chain = volume.geometry.affine, volume.array, []
    for size in sizes:
        finest = size == sizes[0]
        factors = _finest(volume, size) if finest else _factors(affine, values.shape, size)
        if factors != (1, 1, 1):
            values = arithmetic.block_mean(values, factors)
        affine = _coarser(affine, factors)
        chain.append(_Step(size, values, affine, factors))
    at = min(range(len(sizes)), key=lambda n: (abs(sizes[n] - MASK_MM), sizes[n]))
    floor = AIR_HU if volume.quantity is Quantity.HU else -np.inf
    at_mask = np.maximum(chain[at].values, floor, dtype=np.float32)
    tight = find_foreground(at_mask)
    wide = widen(tight, np.linalg.norm(chain[at].affine[:3, :3], axis=0))
    low, high = _range(at_mask, wide)
    levels = {
        step.size_mm: Level(
            step.size_mm,
            arithmetic.quantise(step.values, low=low, high=high),
            step.affine,
            _per_mask_voxel(chain, n, at),
        )
        for n, step in enumerate(chain)
    }
    centre, radius = _centre_and_radius(tight, chain[at].affine)
    return Pyramid(
        levels,
        volume.geometry.affine,
        chain[at].affine,
        tight,
        wide,
        centre,
        radius,
        volume.geometry.frame_of_reference_uid,
    )


def _per_mask_voxel(chain: list[_Step], n: int, at: int) -> Factors:
    """Voxels of level ``n`` in one of the mask's, or for coarser levels the other way round."""
    if n > at:
        return chain[n].factors
    steps = np.array([step.factors for step in chain[n + 1 : at + 1]], dtype=int)
    z, y, x = (int(size) for size in steps.reshape(-1, 3).prod(axis=0))
    return z, y, x


def _range(values: Float32, inside: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Give the values between which tissues are told apart."""
    part = values[inside] if inside.any() else values.ravel()
    low, high = np.percentile(part, (CLIPPED_PERCENT, 100 - CLIPPED_PERCENT))
    if high <= low:
        low, high = values.min(), values.max()
    return float(low), float(high) if high > low else float(low) + 1.0


def _centre_and_radius(mask: npt.NDArray[np.bool_], affine: Float64) -> tuple[Float64, float]:
    """Centroid of a mask in world coordinates, and root mean square distance from it."""
    index = np.argwhere(mask if mask.any() else np.ones_like(mask))
    points = index @ affine[:3, :3].T + affine[:3, 3]
    centre = points.mean(axis=0)
    radius = float(np.sqrt(((points - centre) ** 2).sum(axis=1).mean()))
    return centre, max(radius, 1.0)
