"""How well two images explain each other: mutual information, with its exact gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from imgcompare.registration.engines import (
    PARZEN_PAD,
    Arithmetic,
    Bytes,
    Factors,
    FixedVoxels,
    Float64,
)
from imgcompare.registration.pyramid import Pyramid

MOST_SAMPLES = 800_000
"""Fixed voxels used at the finest level, at most: every other one along one axis, two or three is
left out until no more remain, which is plenty for six numbers."""

MOST_ON_THE_WAY = 200_000
"""The same for coarser levels, whose result is only where the next one starts, and for checks."""

CUBIC = (1.0 / 6.0, 4.0 / 6.0, 1.0 / 6.0)
"""A cubic B-spline at whole numbers."""

TINY = 1e-300
"""Stands for an empty histogram entry inside a logarithm."""


@lru_cache(maxsize=4)
def _smoothing(columns: int) -> Float64:
    """Matrix (columns, columns + 2) that turns sums over a linear window into a cubic one's.

    Both are B-splines; a cubic one is the linear one smoothed, by 1/6, 4/6, 1/6 on whole bins. So
    a voxel costs two additions instead of four, and the cost stays as smooth as Mattes' (2003).
    """
    return np.asarray(sum(w * np.eye(columns, columns + 2, n) for n, w in enumerate(CUBIC)))


def _information(histogram: Float64, total: float) -> tuple[float, Float64]:
    """Mutual information in nats, and per entry the log of joint over independent probability."""
    product = histogram.sum(axis=1)[:, None] * histogram.sum(axis=0)
    ratio = histogram * total / np.maximum(product, TINY)
    log_ratio: Float64 = np.log(np.maximum(ratio, TINY))
    log_ratio[ratio <= TINY] = 0.0
    return float(np.vdot(histogram, log_ratio)) / max(total, TINY), log_ratio


def mutual_information(histogram: Float64) -> float:
    """Mutual information of a joint histogram, in nats."""
    return _information(histogram, float(histogram.sum()))[0]


def normalised_mutual_information(histogram: Float64) -> float:
    """Sum of both entropies over the joint entropy: 1 for unrelated, 2 for identical images.

    References
    ----------
    Studholme C, Hill DLG, Hawkes DJ. An overlap invariant entropy measure of 3D medical image
    alignment. Pattern Recognition 1999;32:71-86.
    """
    total = histogram.sum()
    if total <= 0.0:
        return 1.0

    def entropy(counts: npt.NDArray[np.float64]) -> float:
        p = counts[counts > 0.0] / total
        return float(-(p * np.log(p)).sum())

    joint = entropy(histogram.ravel())
    if joint <= 0.0:
        return 1.0
    return (entropy(histogram.sum(axis=0)) + entropy(histogram.sum(axis=1))) / joint


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """What two images share at one map.

    Attributes
    ----------
    index_map : array, shape (3, 4)
    histogram, log_ratio : array, shape (bins, bins + 3)
        Voxels by both values, smoothed, and the log of joint over independent probability.
    total : float
        Voxels counted.
    information : float
        Mutual information, in nats.
    cost : float
        What is minimised.
    """

    index_map: Float64
    histogram: Float64
    total: float
    information: float
    log_ratio: Float64
    cost: float


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """Mutual information of two working copies as a function of the map between them.

    With ``reward_overlap`` the information is multiplied by the share of fixed voxels that fall
    into the moving image, so that sliding apart never pays; it is left out at fine levels, where
    it would pull a partial overlap towards a larger one.

    References
    ----------
    Viola P, Wells WM. Int J Comput Vis 1997;24:137-154. Mattes D et al. IEEE TMI 2003;22:120-128.
    Thévenaz P, Unser M. IEEE TIP 2000;9:2083-2099.
    """

    arithmetic: Arithmetic
    fixed: FixedVoxels
    fixed_affine: Float64
    moving: Bytes
    to_moving_index: Float64
    bins: int
    reward_overlap: bool

    def index_map(self, matrix: Float64) -> Float64:
        """Map (3, 4) from fixed to moving index for a map (4, 4) from fixed to moving world."""
        index = self.to_moving_index @ matrix @ self.fixed_affine
        return np.ascontiguousarray(index[:3])

    def match(self, matrix: Float64) -> Match:
        """Compare the images at a map (4, 4) from fixed to moving world."""
        index_map = self.index_map(matrix)
        histogram = self.arithmetic.joint_histogram(
            self.fixed, self.moving, matrix=index_map, bins=self.bins
        )
        histogram = histogram @ _smoothing(histogram.shape[1])
        total = float(histogram.sum())
        information, log_ratio = _information(histogram, total)
        share = total / self.fixed.used if self.reward_overlap else 1.0
        return Match(index_map, histogram, total, information, log_ratio, -information * share)

    def slope(self, match: Match) -> Float64:
        """Give the derivative (3, 4) of a match's cost by the map's entries."""
        if match.total <= 0.0:
            return np.zeros((3, 4))
        if self.reward_overlap:
            table = match.log_ratio / -self.fixed.used
        else:
            table = (match.information - match.log_ratio) / match.total
        table = table @ _smoothing(self.bins + PARZEN_PAD).T
        by_index = self.arithmetic.histogram_gradient(
            self.fixed, self.moving, matrix=match.index_map, table=table
        )
        by_world: Float64 = self.to_moving_index[:3, :3].T @ by_index @ self.fixed_affine.T
        return by_world


def _sample_steps(affine: Float64, voxels: int, most: int) -> Factors:
    """Give steps along each axis that leave at most so many voxels, as evenly spaced as can be."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    steps = np.ones(3, dtype=int)
    while voxels / steps.prod() > most:
        steps[int(np.argmin(spacing * steps))] *= 2
    return int(steps[0]), int(steps[1]), int(steps[2])


def make_metric(
    fixed: Pyramid,
    moving: Pyramid,
    size_mm: float,
    *,
    arithmetic: Arithmetic,
    bins: int,
    reward_overlap: bool = False,
    wide: bool = True,
    most: int = MOST_SAMPLES,
) -> Metric:
    """Set up the metric at one level.

    Parameters
    ----------
    fixed, moving : Pyramid
    size_mm : float
        Nominal voxel size of the level.
    arithmetic : Arithmetic
    bins : int
        Histogram bins per image.
    reward_overlap : bool
        See `Metric`.
    wide : bool
        Whether to use the air around the foreground too.
    most : int
        Fixed voxels to use, at most.
    """
    level, other = fixed.levels[size_mm], moving.levels[size_mm]
    mask, factors = fixed.mask_for(level, wide=wide)
    steps = _sample_steps(level.affine, int(np.count_nonzero(mask)) * math.prod(factors), most)
    filled = arithmetic.fill_bins(level.values, mask, factors=factors, bins=bins, steps=steps)
    affine = level.affine.copy()
    affine[:3, :3] *= steps
    return Metric(
        arithmetic,
        filled,
        affine,
        other.values,
        np.asarray(np.linalg.inv(other.affine), dtype=np.float64),
        bins,
        reward_overlap,
    )


__all__ = [
    "Match",
    "Metric",
    "make_metric",
    "mutual_information",
    "normalised_mutual_information",
]
