"""Signal scale and noise of MR images: white matter level, noise SD, gain match of two images."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from imgcompare.geometry import AnyArray, Geometry
from imgcompare.segmentation.masks import BoolArray

MAD_TO_SD = 1.4826
"""SD of a Gaussian over its median absolute deviation."""

SMALL = 48
"""Grids with fewer voxels than this along an axis are not thinned out."""

LAG = 2
"""Voxels between the samples of a second difference: linear interpolation ties neighbours only."""

SECOND_DIFFERENCE_SD = 6.0**0.5
"""SD of x[-1] - 2 x[0] + x[1] for independent x of SD 1."""

HISTOGRAM_BINS = 512
FLUID_FRACTION = 0.5
"""On T1, white matter is the mode above half of the typical brain signal; fluid lies below."""

THICK_SLICE_RATIO = 1.8
"""Slices this much thicker than pixels are too far apart for noise to be read across them."""

STRIDE = 2
"""Every second voxel per axis is plenty for a histogram or a median."""

MIN_VOXELS = 64


def white_matter_level(image: AnyArray, mask: BoolArray, *, bright: bool) -> float:
    """Find the signal of normal-appearing white matter as a mode of the histogram.

    Parameters
    ----------
    image : array
        MR signal.
    mask : bool array
        Brain.
    bright : bool
        Whether white matter is the brightest normal tissue (T1); on T2 and FLAIR it is the
        darkest of the two solid ones.

    Returns
    -------
    float
        Positive; the median of the mask if no mode can be found.

    References
    ----------
    Shinohara 2014 (WhiteStripe), doi 10.1016/j.nicl.2014.08.008.
    """
    thin = (slice(None, None, STRIDE if min(image.shape) > SMALL else 1),) * 3
    values = image[thin][mask[thin]]
    values = values[values > 0]
    if values.size < MIN_VOXELS:
        return float(np.median(values)) if values.size else 1.0
    middle = float(np.median(values))
    low, high = FLUID_FRACTION * middle, 2.0 * middle
    counts, edges = np.histogram(values, bins=HISTOGRAM_BINS, range=(low, high))
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), HISTOGRAM_BINS / 60)
    inner = smooth[1:-1]
    peaks = np.flatnonzero((inner >= smooth[:-2]) & (inner > smooth[2:])) + 1
    tall = [p for p in peaks if smooth[p] > 0.35 * smooth.max()]
    if not tall:
        return middle
    peak = tall[-1] if bright else tall[0]
    return float((edges[peak] + edges[peak + 1]) / 2)


def noise_sd(image: AnyArray, mask: BoolArray, geometry: Geometry) -> float:
    """Estimate the noise SD inside a mask from second differences two voxels apart.

    Parameters
    ----------
    image : array
        Signal; may have been resampled linearly.
    mask : bool array
        Tissue, best of one kind.
    geometry : Geometry
        The grid; differences are not taken across thick slices.

    Returns
    -------
    float
        SD in the image's unit, 0 if the mask is too small.
    """
    spacing = geometry.spacing_mm
    thin = [a for a in range(3) if spacing[a] < THICK_SLICE_RATIO * min(spacing)]
    found = []
    for axis in thin:
        n = image.shape[axis]
        if n <= 2 * LAG:
            continue
        sparse = slice(None, None, STRIDE if min(image.shape) > SMALL else 1)
        parts = [[sparse] * 3 for _ in range(3)]
        for part, start in zip(parts, (0, LAG, 2 * LAG), strict=True):
            part[axis] = slice(start, n - 2 * LAG + start)
        left, here, right = (tuple(p) for p in parts)
        inside = mask[left] & mask[here] & mask[right]
        if inside.sum() < MIN_VOXELS:
            continue
        difference = image[left][inside] - 2 * image[here][inside] + image[right][inside]
        centred = np.abs(difference - np.median(difference))
        found.append(MAD_TO_SD * float(np.median(centred)) / SECOND_DIFFERENCE_SD)
    return min(found) if found else 0.0
