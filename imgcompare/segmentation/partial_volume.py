"""How much of each voxel belongs to each tissue: unmixing between neighbouring pure signals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imgcompare.segmentation.evidence import BLOCK_MM, block_steps, stretch
from imgcompare.segmentation.masks import FloatArray, block_mean

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

STILL_MM3 = 300.0
"""That tissue without uptake gains nothing counts like this much tissue seen to: small cores have
hardly a voxel free of rim."""

PRIOR_SD = 0.7
"""SD of fractions around what the labels let expect: weak, the signal decides."""

BLUR_ERROR = 0.10
"""Error of a fraction read from a resampled image, which is blurred and slightly misplaced."""

ROUNDS = 5
SOLVER_STEPS = 40
RESUMED_STEPS = 12
"""Later rounds start from the fractions of the round before."""


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
    gain : float32 array, shape (slices, rows, columns), optional
        Signal of the first channel that contrast has added.
    still : sequence of int
        Codes of tissues that take up no contrast, so that their gain is nil.
    """

    values: FloatArray
    noise: Sequence[float]
    spacing_mm: tuple[float, float, float]
    gain: FloatArray | None = None
    still: Sequence[int] = ()


def unmix(
    channels: Channels, labels: npt.NDArray[np.uint8], *, outside: Sequence[int] = (0,)
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
    outside : sequence of int
        All labels that are not lesion, if what surrounds it has several.

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
    expected = blurred(hard)
    fractions = hard
    mixed = expected.max(axis=0) < 1 - CANDIDATE
    # How two tissues outside the lesion share a voxel is of no interest.
    mixed &= expected[~np.isin(codes, outside)].sum(axis=0) > CANDIDATE
    if len(codes) < 2 or not mixed.any():
        return codes, fractions
    purity = hard * expected**PURITY_POWER
    solved = None
    for _ in range(ROUNDS):
        means, covariances = pure_signals(channels, codes, purity)
        signals = channels.values[:, mixed], means[:, :, mixed]
        roots = precision_roots(channels, signals[1], covariances, expected[:, mixed])
        solved = _solve(signals, roots, expected[:, mixed], solved)
        fractions = hard.copy()
        fractions[:, mixed] = solved
        purity = fractions**ROUND_POWER * (expected > CANDIDATE)
    return codes, fractions


def blurred(fractions: FloatArray) -> FloatArray:
    """Give the fractions that a voxel's surroundings let expect, shape (k, ...)."""
    out = np.stack([ndimage.gaussian_filter(f, LABEL_BLUR_VOXELS, truncate=2) for f in fractions])
    out /= out.sum(axis=0)
    return out


def pure_signals(
    channels: Channels, codes: npt.NDArray[np.uint8], purity: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.float64]]:
    """Local mean [k, channel, ...] and covariance [k, c, c] of each tissue's pure signal."""
    # Levels that vary over 4 mm are found on blocks of 2 mm.
    steps = block_steps(channels.spacing_mm, BLOCK_MM)
    sigma = [PURE_SD_MM / (s * n) for s, n in zip(channels.spacing_mm, steps, strict=True)]
    voxel = float(np.prod(channels.spacing_mm))
    kernel = (2 * np.pi) ** 1.5 * PURE_SD_MM**3 / voxel
    shrink = np.float32(SHRINK_MM3 / voxel / kernel)
    means = np.empty((len(purity), *channels.values.shape), dtype=np.float32)
    count = len(channels.values)
    covariances = np.empty((len(purity), count, count))
    for k, weight in enumerate(purity):
        density = ndimage.gaussian_filter(block_mean(weight, steps), sigma, truncate=2.5)
        mass = max(float(weight.sum()), 1e-6)
        for c, image in enumerate(channels.values):
            overall = np.float32((weight * image).sum(dtype=np.float64) / mass)
            excess = block_mean(weight * (image - overall), steps)
            local = ndimage.gaussian_filter(excess, sigma, truncate=2.5) / (density + shrink)
            means[k, c] = overall + stretch(local, image.shape, steps)
        pure = weight > PURE
        residual = (channels.values - means[k])[:, pure].astype(np.float64)
        share = weight[pure] / max(float(weight[pure].sum()), 1e-6)
        covariances[k] = (residual * share) @ residual.T
        if channels.gain is not None and codes[k] in channels.still:
            gained = float((weight * channels.gain).sum(dtype=np.float64)) / mass
            means[k, 0] -= np.float32(gained * STILL_MM3 / (STILL_MM3 + mass * voxel))
    return means, covariances


def precision_roots(
    channels: Channels,
    means: FloatArray,
    covariances: npt.NDArray[np.float64],
    expected: FloatArray,
) -> FloatArray:
    """Matrices [n, c, c] that whiten the signals of voxels with ``expected`` fractions [k, n].

    Their scatter is that of their tissues, noise, and the blur of images moved onto this grid.
    """
    allowed = expected > CANDIDATE
    prior = np.where(allowed, expected, 0)
    prior /= prior.sum(axis=0)
    top = np.where(allowed[:, None], means, -np.inf).max(axis=0)
    bottom = np.where(allowed[:, None], means, np.inf).min(axis=0)
    spread = np.einsum("kn,kcd->ncd", prior, covariances)
    own = np.square(np.asarray(channels.noise))[:, None] + np.zeros(top.shape)
    own[1:] += np.square(BLUR_ERROR * (top - bottom)[1:])
    index = np.arange(len(top))
    spread[:, index, index] += own.T + 1e-9
    return np.asarray(np.linalg.inv(np.linalg.cholesky(spread)), dtype=np.float32)


def _solve(
    signals: tuple[FloatArray, FloatArray],
    whiten: FloatArray,
    expected: FloatArray,
    start: FloatArray | None,
) -> FloatArray:
    """Fractions [k, n] by accelerated projected gradient on the simplex of candidates."""
    values, means = signals
    allowed = expected > CANDIDATE
    prior = np.where(allowed, expected, 0)
    prior /= prior.sum(axis=0)
    a = np.einsum("ncd,kdn->kcn", whiten, means, optimize=True)
    b = np.einsum("ncd,dn->cn", whiten, values, optimize=True)
    ridge = np.float32(1 / PRIOR_SD**2)
    gram = np.einsum("kcn,lcn->nkl", a, a, optimize=True)
    right = np.einsum("kcn,cn->nk", a, b, optimize=True) + ridge * prior.T
    gram += ridge * np.eye(len(means), dtype=np.float32)
    step = 1 / np.trace(gram, axis1=1, axis2=2)[:, None]
    x = np.asarray((prior if start is None else start).T, dtype=np.float32)
    y, momentum = x, 1.0
    for _ in range(SOLVER_STEPS if start is None else RESUMED_STEPS):
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
