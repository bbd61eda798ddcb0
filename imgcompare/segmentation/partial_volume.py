"""How much of each voxel belongs to each tissue: unmixing between neighbouring pure signals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imgcompare.segmentation.masks import FloatArray

LABEL_BLUR_VOXELS = 0.7
"""SD of the blur that turns labels into expected fractions at a boundary."""

CANDIDATE = 0.03
"""A label is a candidate in a voxel where its expected fraction exceeds this."""

PURITY_POWER = 16
"""First weights of pure signals: a voxel next to a boundary counts little, one on it nothing."""

ROUND_POWER = 12
"""Later weights, fraction**12: a voxel filled to 90 % counts 0.28, a half-filled one nothing.
Thin rims have few pure voxels; a lower power reads their signal too low, and so their volume
too high."""

PURE = 0.5
"""Weight above which a voxel shows how much a pure signal varies."""

PURE_SD_MM = 4.0
"""Reach of the local average of a tissue's pure signal: within tumours signals drift."""

SHRINK_MM3 = 100.0
"""The lesion-wide mean counts like this much tissue at the spot."""

PRIOR_SD = 0.7
"""SD of fractions around what the labels let expect: weak, the signal decides."""

BLUR_ERROR = 0.10
"""Error of a fraction read from a resampled image, which is blurred and slightly misplaced."""

ROUNDS = 5
SOLVER_STEPS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """Images to unmix.

    Attributes
    ----------
    values : float32 array, shape (channels, slices, rows, columns)
        The native image first.
    noise : sequence of float
        Noise SD of each.
    spacing_mm : tuple of float
        Voxel size.
    """

    values: FloatArray
    noise: Sequence[float]
    spacing_mm: tuple[float, float, float]


def unmix(
    channels: Channels, labels: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.uint8], FloatArray]:
    """Solve the fractions of voxels near label boundaries; all others are pure.

    Each voxel's signals are a sum of its tissues' pure signals weighted by fractions that are not
    negative and add up to 1. Pure signals are local averages over voxels far from boundaries.

    Parameters
    ----------
    channels : Channels
        Images on one grid.
    labels : uint8 array, shape (slices, rows, columns)
        Most probable tissue, 0 for everything outside the lesion.

    Returns
    -------
    codes : uint8 array, shape (k,)
        The label values present.
    fractions : float32 array, shape (k, slices, rows, columns)
        Sums to 1 in each voxel.

    References
    ----------
    Choi 1991, doi 10.1109/42.97590; Santago & Gage 1993, doi 10.1109/42.241888.
    """
    codes = np.unique(labels)
    hard = np.stack([labels == c for c in codes]).astype(np.float32)
    expected = np.stack([ndimage.gaussian_filter(h, LABEL_BLUR_VOXELS, truncate=2) for h in hard])
    expected /= expected.sum(axis=0)
    fractions = hard
    mixed = expected.max(axis=0) < 1 - CANDIDATE
    if len(codes) < 2 or not mixed.any():
        return codes, fractions
    purity = hard * expected**PURITY_POWER
    for _ in range(ROUNDS):
        means, covariances = _pure_signals(channels, purity)
        solved = _solve(channels, means[:, :, mixed], covariances, expected[:, mixed], mixed)
        fractions = hard.copy()
        fractions[:, mixed] = solved
        purity = fractions**ROUND_POWER * (expected > CANDIDATE)
    return codes, fractions


def _pure_signals(
    channels: Channels, purity: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.float64]]:
    """Local mean [k, channel, ...] and covariance [k, c, c] of each tissue's pure signal."""
    sigma = [PURE_SD_MM / s for s in channels.spacing_mm]
    voxel = float(np.prod(channels.spacing_mm))
    kernel = (2 * np.pi) ** 1.5 * PURE_SD_MM**3 / voxel
    shrink = np.float32(SHRINK_MM3 / voxel / kernel)
    means = np.empty((len(purity), *channels.values.shape), dtype=np.float32)
    count = len(channels.values)
    covariances = np.empty((len(purity), count, count))
    for k, weight in enumerate(purity):
        density = ndimage.gaussian_filter(weight, sigma, truncate=2.5)
        mass = max(float(weight.sum()), 1e-6)
        for c, image in enumerate(channels.values):
            overall = np.float32((weight * image).sum(dtype=np.float64) / mass)
            local = ndimage.gaussian_filter(weight * (image - overall), sigma, truncate=2.5)
            means[k, c] = overall + local / (density + shrink)
        pure = weight > PURE
        residual = (channels.values - means[k])[:, pure].astype(np.float64)
        share = weight[pure] / max(float(weight[pure].sum()), 1e-6)
        covariances[k] = (residual * share) @ residual.T
    return means, covariances


def _solve(
    channels: Channels,
    means: FloatArray,
    covariances: npt.NDArray[np.float64],
    expected: FloatArray,
    mixed: npt.NDArray[np.bool_],
) -> FloatArray:
    """Fractions [k, n] by accelerated projected gradient on the simplex of candidates."""
    values = channels.values[:, mixed]
    allowed = expected > CANDIDATE
    prior = np.where(allowed, expected, 0)
    prior /= prior.sum(axis=0)
    top = np.where(allowed[:, None], means, -np.inf).max(axis=0)
    bottom = np.where(allowed[:, None], means, np.inf).min(axis=0)
    spread = np.einsum("kn,kcd->ncd", prior, covariances)
    own = np.square(np.asarray(channels.noise))[:, None] + np.zeros(values.shape)
    own[1:] += np.square(BLUR_ERROR * (top - bottom)[1:])
    index = np.arange(len(values))
    spread[:, index, index] += own.T + 1e-9
    whiten = np.linalg.inv(np.linalg.cholesky(spread)).astype(np.float32)
    a = np.einsum("ncd,kdn->kcn", whiten, means, optimize=True)
    b = np.einsum("ncd,dn->cn", whiten, values, optimize=True)
    ridge = np.float32(1 / PRIOR_SD**2)
    gram = np.einsum("kcn,lcn->nkl", a, a, optimize=True)
    right = np.einsum("kcn,cn->nk", a, b, optimize=True) + ridge * prior.T
    gram += ridge * np.eye(len(means), dtype=np.float32)
    step = 1 / np.trace(gram, axis1=1, axis2=2)[:, None]
    x = prior.T.astype(np.float32)
    y, momentum = x, 1.0
    for _ in range(SOLVER_STEPS):
        gradient = np.matmul(gram, y[:, :, None])[:, :, 0] - right
        new = _project(y - step * gradient, allowed.T)
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        y = new + np.float32((momentum - 1) / following) * (new - x)
        x, momentum = new, following
    return np.asarray(x.T, dtype=np.float32)


def _project(points: FloatArray, allowed: npt.NDArray[np.bool_]) -> FloatArray:
    """Project rows onto the simplex of their allowed entries (Held 1974)."""
    masked = np.where(allowed, points, np.float32(-1e9))
    ordered = -np.sort(-masked, axis=1)
    excess = (np.cumsum(ordered, axis=1) - 1) / np.arange(1, points.shape[1] + 1)
    count = np.maximum((ordered > excess).sum(axis=1), 1)
    shift = np.take_along_axis(excess, count[:, None] - 1, axis=1)
    return np.asarray(np.maximum(masked - shift, 0), dtype=np.float32)
