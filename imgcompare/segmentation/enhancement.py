"""Signal gained by contrast: an image after contrast less a matched image before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import AnyArray, Geometry
from imgcompare.segmentation.masks import BoolArray, FloatArray, block_mean, shrink_steps
from imgcompare.segmentation.normalisation import MAD_TO_SD

MATCH_SPACING_MM = 4.0
"""Images are matched on block means, free of noise and of small misalignments."""

USABLE_RANGE = (0.35, 1.35)
"""Relative to white matter: normal brain, no vessels, no enhancing tissue."""

SLOPE_RANGE = (0.4, 1.6)
"""A steeper or flatter relation between two T1-weighted images is no match."""

REWEIGHTINGS = 12
CAUCHY_WIDTH = 2.0
MIN_BLOCKS = 200


@dataclass(frozen=True, slots=True)
class Match:
    """Linear relation of two images in normal brain: after = offset + slope · before."""

    offset: float
    slope: float


def match_images(
    before: AnyArray, after: AnyArray, mask: BoolArray, geometry: Geometry
) -> Match | None:
    """Fit what ``after`` would be without contrast, by robust regression in normal brain.

    Two T1-weighted sequences rarely have the same contrast between tissues, even when their white
    matter levels agree; an offset beside the gain takes that up.

    Parameters
    ----------
    before, after : array, shape (slices, rows, columns)
        T1-weighted images before and after contrast, white matter = 1 in both.
    mask : bool array
        Brain.
    geometry : Geometry
        Their grid.

    Returns
    -------
    Match or None
        None where there is too little brain to fit.
    """
    steps = shrink_steps(geometry, MATCH_SPACING_MM)
    x, y = block_mean(before, steps), block_mean(after, steps)
    inside = block_mean(mask, steps) > 0.99
    low, high = USABLE_RANGE
    inside &= (x > low) & (x < high) & (y > low) & (y < high)
    if inside.sum() < MIN_BLOCKS:
        return None
    offset, slope = _cauchy_line(x[inside].astype(np.float64), y[inside].astype(np.float64))
    slope = float(np.clip(slope, *SLOPE_RANGE))
    # The line passes through the middle of normal brain whatever becomes of the slope.
    offset = float(np.median(y[inside] - slope * x[inside]))
    return Match(offset, slope)


def _cauchy_line(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Fit a line with Cauchy weights: lesions and vessels hardly count."""
    design = np.stack([np.ones_like(x), x], axis=1)
    weight = np.ones_like(x)
    line = np.zeros(2)
    for _ in range(REWEIGHTINGS):
        root = np.sqrt(weight)
        line = np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]
        residual = y - design @ line
        spread = max(MAD_TO_SD * float(np.median(np.abs(residual))), 1e-6)
        weight = 1.0 / (1.0 + (residual / (CAUCHY_WIDTH * spread)) ** 2)
    return float(line[0]), float(line[1])


def subtract(before: FloatArray, after: FloatArray, match: Match) -> FloatArray:
    """Give the signal gained: ``after`` less what it would be without contrast."""
    expected = np.float32(match.slope) * before
    expected += np.float32(match.offset)
    return np.asarray(np.subtract(after, expected, out=expected))
