"""Slow shading of MR images, as a smooth polynomial found together with tissue classes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import AnyArray, Geometry
from imgcompare.segmentation.masks import BoolArray, FloatArray, block_mean, shrink_steps

FIT_SPACING_MM = 4.0
"""Shading varies over centimetres; blocks of this size hold all of it."""

ORDER = 3
"""Total order of the polynomial (Van Leemput 1999 uses 4; 3 cannot follow a lesion)."""

CLASSES = 4
"""Gaussian classes of log signal: fluid, grey, white, bright."""

ITERATIONS = 8
STRAY_STANDARDS = 3.0
"""Blocks further than this from every class (lesion, vessel) hardly count (Van Leemput 2001)."""

LEAST_SD = 0.02
"""Least SD of a class of log signal."""

WHOLE = 0.99
MIN_BLOCKS = 1000
"""Fewer blocks than this cannot tell shading from anatomy."""

Float64Array = npt.NDArray[np.float64]


def _powers(order: int) -> list[tuple[int, int, int]]:
    steps = range(order + 1)
    return [(i, j, k) for i in steps for j in steps for k in steps if i + j + k <= order]


def _posteriors(
    values: Float64Array, means: Float64Array, sd: Float64Array, share: Float64Array
) -> Float64Array:
    """Give the posterior of each class, low in all for a value that none explains."""
    z = (values[:, None] - means) / sd
    weight = share / sd * np.exp(-0.5 * z**2)
    stray = (share / sd).max() * np.exp(-0.5 * STRAY_STANDARDS**2)
    total = weight.sum(axis=1) + stray
    return np.asarray(weight / total[:, None])


def fit_log_polynomial(
    log_signal: Float64Array, basis: Float64Array, *, classes: int = CLASSES
) -> Float64Array:
    """Fit classes and shading to log signals in turn (expectation–maximisation).

    Parameters
    ----------
    log_signal : array, shape (n,)
        Natural log of the block means inside the brain.
    basis : array, shape (n, terms)
        Polynomial terms at the blocks, without the constant.
    classes : int
        Number of Gaussian classes.

    Returns
    -------
    array, shape (terms,)
        Coefficients of the log shading.

    References
    ----------
    Van Leemput et al. 1999, doi 10.1109/42.811268.
    """
    coefficients = np.zeros(basis.shape[1])
    means = np.percentile(log_signal, np.linspace(10, 90, classes))
    sd = np.full(classes, max(float(log_signal.std()) / classes, 1e-3))
    share = np.full(classes, 1.0 / classes)
    for _ in range(ITERATIONS):
        flat = log_signal - basis @ coefficients
        post = _posteriors(flat, means, sd, share)
        mass = np.maximum(post.sum(axis=0), 1e-6)
        means = (post * flat[:, None]).sum(axis=0) / mass
        spread = (post * (flat[:, None] - means) ** 2).sum(axis=0) / mass
        sd = np.sqrt(np.maximum(spread, LEAST_SD**2))
        share = mass / mass.sum()
        precision = post / sd**2
        weight = precision.sum(axis=1)
        expected = (precision * means).sum(axis=1) / np.maximum(weight, 1e-9)
        residual = log_signal - expected
        centred = basis - (weight[:, None] * basis).sum(axis=0) / weight.sum()
        normal = centred.T @ (weight[:, None] * centred) + 1e-3 * np.eye(basis.shape[1])
        offset = (weight * residual).sum() / weight.sum()
        coefficients = np.linalg.solve(normal, centred.T @ (weight * (residual - offset)))
    return np.asarray(coefficients)


def block_mask(mask: BoolArray, geometry: Geometry) -> BoolArray:
    """Find the blocks of the fit that lie wholly inside a mask on the full grid."""
    return np.asarray(block_mean(mask, shrink_steps(geometry, FIT_SPACING_MM)) > WHOLE)


def estimate_bias(image: AnyArray, inside: BoolArray, geometry: Geometry) -> FloatArray | None:
    """Estimate the multiplicative shading of an MR image.

    Parameters
    ----------
    image : array, shape (slices, rows, columns)
        MR signal, not negative.
    inside : bool array
        Blocks to use, from ``block_mask``: brain, or a few tissues in many places.
    geometry : Geometry
        The grid.

    Returns
    -------
    float32 array of the same shape, 1 on average inside; None if there are too few blocks.
    """
    steps = shrink_steps(geometry, FIT_SPACING_MM)
    coarse = block_mean(image, steps)
    inside = inside & (coarse > 0)
    if inside.sum() < MIN_BLOCKS:
        return None
    terms = [p for p in _powers(ORDER) if any(p)]
    centres = [
        (np.arange(n) + 0.5) * s / size
        for n, s, size in zip(coarse.shape, steps, image.shape, strict=True)
    ]
    where = np.nonzero(inside)
    at = [2 * c[w] - 1 for c, w in zip(centres, where, strict=True)]
    usable = [p for p in terms if all(n == 0 or coarse.shape[a] > n for a, n in enumerate(p))]
    basis = np.stack([at[0] ** i * at[1] ** j * at[2] ** k for i, j, k in usable], axis=1)
    coefficients = fit_log_polynomial(np.log(coarse[inside].astype(np.float64)), basis)
    tensor = np.zeros((ORDER + 1,) * 3)
    for power, value in zip(usable, coefficients, strict=True):
        tensor[power] = value
    tensor[0, 0, 0] = -float(np.mean(basis @ coefficients))
    return np.exp(_evaluate(tensor, image.shape))


def _evaluate(tensor: Float64Array, shape: tuple[int, ...]) -> FloatArray:
    """Evaluate a polynomial with coefficients [i, j, k] on the whole grid, axis by axis."""
    axes = [np.vander(2 * (np.arange(n) + 0.5) / n - 1, ORDER + 1, increasing=True) for n in shape]
    field = np.tensordot(axes[0], tensor, axes=(1, 0))
    field = np.einsum("zjk,yj->zyk", field, axes[1]).astype(np.float32)
    return np.asarray(field @ axes[2].T.astype(np.float32), dtype=np.float32)
