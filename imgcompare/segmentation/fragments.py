"""Further parts of a lesion that has fallen apart since the visit before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from scipy import ndimage

from imgcompare.model import LabelMap, Role
from imgcompare.segmentation import morphology as shape
from imgcompare.segmentation.following import (
    RING_MM,
    SHIFT_MM,
    SMOOTHING_MM,
    enhancing_signal,
    grow_from,
)
from imgcompare.segmentation.likeness import MIN_LESION_ML, is_lesion
from imgcompare.segmentation.masks import BoolArray, FloatArray
from imgcompare.segmentation.preparation import Prepared

MOST: Final = 4
"""Further parts are looked for in this many places."""

ALIKE: Final = 0.5
"""Tissue that differs from the surroundings at least this share as far as the part found does."""

OWN_SHARE: Final = 0.5
"""Part of a fragment that must lie on the earlier outline (as in matching)."""


def find_fragments(
    prepared: Prepared, expected: BoolArray, taken: BoolArray, *, unenhanced: bool = False
) -> list[LabelMap]:
    """Find what else has become of a lesion, beside the part that was followed.

    Where the earlier outline is not covered by ``taken`` and looks like what is, a lesion is grown;
    it is a fragment if it is no speck, vessel or dura and lies on the earlier outline.

    Parameters
    ----------
    prepared : Prepared
        The follow-up.
    expected : bool array
        The earlier outline on the follow-up's reference grid.
    taken : bool array
        What has been outlined at the follow-up, the followed part of this lesion included.
    unenhanced : bool
        Whether the lesion gained no contrast.

    Returns
    -------
    list of LabelMap
        From the largest place down; none overlaps another or ``taken``.
    """
    grid = prepared.aligned.geometry
    if not (taken & expected).any():
        return []
    box = shape.box_of(expected, 2 * SHIFT_MM, grid.spacing_mm)
    near = shape.dilate(expected[box], SHIFT_MM, grid.spacing_mm)
    taken = taken.copy()
    found = []
    for index in _places(prepared, expected, taken, unenhanced=unenhanced):
        if taken[index]:
            continue
        region = grow_from(prepared, expected, index, unenhanced=unenhanced)
        fresh = region & ~taken
        size = int(fresh.sum())
        if size < OWN_SHARE * region.sum() or size * grid.voxel_volume_ml < MIN_LESION_ML:
            continue
        if (fresh[box] & near).sum() < OWN_SHARE * size:
            continue
        if unenhanced or is_lesion(prepared, fresh, beside=taken):
            found.append(LabelMap(fresh.astype(np.uint8), grid))
            taken |= fresh
    return found


def _places(
    prepared: Prepared, expected: BoolArray, taken: BoolArray, *, unenhanced: bool
) -> Iterator[tuple[int, int, int]]:
    """Deepest voxels of what is left of the earlier outline and looks like the part found."""
    grid = prepared.aligned.geometry
    box = shape.box_of(expected, 2 * RING_MM, grid.spacing_mm)
    inside, known = expected[box], taken[box]
    rest = inside & ~shape.dilate(known, SHIFT_MM, grid.spacing_mm)
    if rest.sum() * grid.voxel_volume_ml < MIN_LESION_ML:
        return
    image = _image(prepared, unenhanced=unenhanced)[box]
    sigma = [SMOOTHING_MM / s for s in grid.spacing_mm]
    signal = ndimage.gaussian_filter(image, sigma)
    around = prepared.body[box] & ~shape.dilate(inside | known, SHIFT_MM, grid.spacing_mm)
    own = inside & known
    if not around.any():
        return
    level = float(np.median(signal[around]))
    low, high = (float(v) - level for v in np.percentile(signal[own], (10, 90)))
    step = high if high >= -low else low  # on CT a lesion may be darker than the organ
    alike = rest & ((signal - level) * np.sign(step) >= ALIKE * abs(step))
    labels, count = shape.components(alike)
    depth = shape.depth_mm(alike, grid.spacing_mm)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    for label in (np.argsort(-sizes, kind="stable") + 1)[:MOST]:
        place = np.unravel_index(int(np.argmax(np.where(labels == label, depth, -1))), rest.shape)
        a, b, c = (int(n) + s.start for n, s in zip(place, box, strict=True))
        yield a, b, c


def _image(prepared: Prepared, *, unenhanced: bool) -> FloatArray:
    if unenhanced:
        shown = next((r for r in (Role.FLAIR, Role.T2) if r in prepared.images), None)
        if shown is not None:
            return prepared.images[shown]
    return enhancing_signal(prepared)
