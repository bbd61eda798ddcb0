"""Blur CT images no more than their noise calls for: every blur thickens or loses thin rims."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from imgcompare.segmentation.masks import BoolArray, FloatArray
from imgcompare.segmentation.morphology import Spacing


def kept_noise(blur_mm: float, spacing: Spacing) -> float:
    """Part of the noise SD that a Gaussian blur leaves, for independent voxels.

    Parameters
    ----------
    blur_mm : float
        SD of the Gaussian.
    spacing : tuple of float
        Voxel size, mm.
    """
    widths = [2.0 * np.sqrt(np.pi) * blur_mm / s for s in spacing]
    return float(np.prod([max(1.0, w) ** -0.5 for w in widths]))


def least_blur(
    blurs_mm: Sequence[float], spacing: Spacing, *, noise: float, wanted: float
) -> tuple[float, float]:
    """Choose the narrowest blur that brings noise down to what is wanted, else the widest.

    Parameters
    ----------
    blurs_mm : sequence of float
        SDs to choose from, narrowest first.
    spacing : tuple of float
        Voxel size, mm.
    noise, wanted : float
        SD of a voxel, and what may be left of it.

    Returns
    -------
    blur_mm, noise : float
        The blur, and the noise SD it leaves.
    """
    left = [(blur, noise * kept_noise(blur, spacing)) for blur in blurs_mm]
    return next((pair for pair in left if pair[1] <= wanted), left[-1])


def smooth(image: FloatArray, spacing: Spacing, blur_mm: float) -> FloatArray:
    """Average over a Gaussian of this SD."""
    sigma = [blur_mm / s for s in spacing]
    return np.asarray(ndimage.gaussian_filter(image, sigma, truncate=2.5), dtype=np.float32)


def smooth_inside(
    image: FloatArray, region: BoolArray, spacing: Spacing, blur_mm: float
) -> FloatArray:
    """Average over a Gaussian of this SD without mixing in what lies outside a region."""
    if blur_mm <= 0.0:
        return image
    weight = smooth(region.astype(np.float32), spacing, blur_mm)
    blurred = smooth(np.where(region, image, np.float32(0)), spacing, blur_mm)
    return np.asarray(blurred / np.maximum(weight, np.float32(1e-3)), dtype=np.float32)
