"""Sub-pixel outlines of a lesion's tissues on a display plane."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from imgcompare.model import LESION_TISSUES, LesionSegmentation, TimepointResult, Tissue
from imgcompare.reporting.views import Plane, baseline_to_own, sample

MIN_POINTS = 8
"""Shorter outlines are specks that only clutter a picture."""

HALF = 0.5

Lines = list[npt.NDArray[np.float64]]


def tissue_outlines(
    result: TimepointResult, lesion: LesionSegmentation, plane: Plane
) -> dict[Tissue, Lines]:
    """Outline where each tissue is the most probable one.

    The line runs where a tissue's fraction equals the largest other one (outside included), so
    neighbouring tissues share their border and nothing is drawn twice as thick as measured.

    Returns
    -------
    mapping of Tissue to list of arrays, shape (n, 2)
        (row, column) positions in pixels of the plane.
    """
    to_own = baseline_to_own(result)
    parts = {
        tissue: sample(fraction, lesion.geometry, plane, to_own=to_own, outside=0.0)
        for tissue, fraction in _fractions(lesion).items()
        if fraction.any()
    }
    if not parts:
        return {}
    outside = np.clip(1.0 - np.sum(list(parts.values()), axis=0), 0.0, 1.0)
    outlines = {}
    for tissue, own in parts.items():
        others = [outside, *(f for other, f in parts.items() if other is not tissue)]
        lines = _zero_lines(own - np.max(others, axis=0))
        if lines:
            outlines[tissue] = lines
    return outlines


def whole_outline(result: TimepointResult, lesion: LesionSegmentation, plane: Plane) -> Lines:
    """Outline the whole lesion, oedema left out, at half filling."""
    to_own = baseline_to_own(result)
    total = np.zeros((plane.pixels, plane.pixels), dtype=np.float32)
    for tissue, fraction in _fractions(lesion).items():
        if tissue in LESION_TISSUES:
            total += sample(fraction, lesion.geometry, plane, to_own=to_own, outside=0.0)
    return _zero_lines(total - HALF)


def _fractions(lesion: LesionSegmentation) -> Mapping[Tissue, npt.NDArray[np.float32]]:
    """Fractions of a lesion, or its labels as fractions of 0 and 1 where it has none."""
    if lesion.fractions:
        return lesion.fractions
    return {t: lesion.mask(t).astype(np.float32) for t in Tissue}


def _zero_lines(margin: npt.NDArray[np.float32]) -> Lines:
    from skimage.measure import find_contours

    if margin.max() <= 0:
        return []
    # A frame of "outside" closes outlines that leave the picture.
    framed = np.pad(margin, 1, constant_values=-1.0)
    lines = find_contours(framed, 0.0)
    return [np.asarray(p - 1.0) for p in lines if len(p) >= MIN_POINTS]
