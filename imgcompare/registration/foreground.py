"""Where the body is: told from air on a coarse copy of the image."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

THRESHOLD_SHARE = 0.5
"""Foreground starts this far from the darkest value to Otsu's threshold: lenient, since a bias
field darkens tissue and losing tissue harms more than keeping some air."""

BORDER_MM = 8.0
"""Air kept around the foreground: the outline itself is information."""

FRAGMENT_SHARE = 0.1
"""Foreground pieces smaller than this share of the largest are dropped."""


def otsu_threshold(values: npt.NDArray[Any]) -> float:
    """Threshold that best splits values in two classes.

    References
    ----------
    Otsu N. A threshold selection method from gray-level histograms. IEEE SMC 1979;9:62-66.
    """
    counts, edges = np.histogram(values, bins=256)
    centres = (edges[:-1] + edges[1:]) / 2.0
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = sums / below - (sums[-1] - sums) / above
    spread = np.nan_to_num(below * above * gap**2)
    # Values between two well separated classes all split them alike: take the middle.
    best = np.flatnonzero(spread >= spread.max() * (1.0 - 1e-9))
    return float(edges[1:][best].mean())


def find_foreground(values: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Tell body from air: lenient Otsu threshold, specks removed, holes filled."""
    low, high = np.percentile(values, (1.0, 99.0))
    clipped = np.clip(values, low, high)
    threshold = low + THRESHOLD_SHARE * (otsu_threshold(clipped) - low)
    mask = np.asarray(values > threshold)
    # Padding by the edge keeps tissue that is cut off by the field of view from being eroded.
    opened = ndimage.binary_opening(np.pad(mask, 1, mode="edge"))[1:-1, 1:-1, 1:-1]
    pieces, count = ndimage.label(opened)
    if count > 1:
        sizes = np.bincount(pieces.ravel())[1:]
        kept = np.flatnonzero(sizes >= FRAGMENT_SHARE * sizes.max()) + 1
        opened = np.isin(pieces, kept)
    return np.asarray(ndimage.binary_fill_holes(opened), dtype=np.bool_)


def widen(
    mask: npt.NDArray[np.bool_], spacing_mm: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Add a border of BORDER_MM."""
    if not mask.any():
        return mask
    reach = np.maximum(0, np.rint(BORDER_MM / spacing_mm)).astype(int)
    box = np.ones(2 * reach + 1, np.bool_)
    return np.asarray(ndimage.binary_dilation(mask, box)) if box.size > 1 else mask
