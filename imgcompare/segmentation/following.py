"""The same lesion at a follow-up: grown from where the earlier outline lies after registration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imgcompare.errors import SeedError
from imgcompare.model import LabelMap
from imgcompare.segmentation import morphology as shape
from imgcompare.segmentation.lesion import MIN_VOLUME_ML, reach_for, seed_index, segment_at
from imgcompare.segmentation.masks import BoolArray, FloatArray
from imgcompare.segmentation.preparation import Prepared
from imgcompare.segmentation.unenhanced import segment_unenhanced

SHIFT_MM = 3.0
"""Residual misalignment and shift of tissue between two visits."""

SMOOTHING_MM = 1.0
"""The brightest place is looked for in an image smoothed by this Gaussian SD."""

RANDOM_SEEDS = 3
"""Seeds besides the deepest and the brightest place of the earlier outline."""

GROWTH = 1.6
GROWTH_MM = 12.0
"""A lesion's reach may grow by this factor and this much between two visits (8-fold volume)."""

OWN_SHARE = 0.3
"""Part of a find that must lie on the earlier outline, unless ..."""

COVER_SHARE = 0.5
"""... it covers this part of it: the lesion has grown around its old place."""

SURE_SHARE = 0.5
"""A find that lies on the earlier outline and covers it, each to this part, needs no second."""

RING_MM = 6.0
"""Surroundings that a find is compared with."""

ENHANCING = 0.15
"""Least gain of the brightest tenth over the surroundings, white matter = 1 (criteria.md §8)."""

DIFFERENT_HU = 15.0
"""The same on CT, brighter or darker (criteria.md §8: 10 to 20 HU is equivocal)."""

AGREEMENT = 0.9
"""Two finds with a larger Dice coefficient are the lesion; no further seeds are tried."""


def follow_lesion(
    prepared: Prepared,
    expected: BoolArray,
    *,
    seed_mm: Sequence[float] | None = None,
    unenhanced: bool = False,
) -> LabelMap:
    """Find a lesion again at a follow-up.

    The earlier outline, mapped onto the follow-up's grid, offers several seeds: its deepest
    voxel, the brightest place in it, and some at random. Each grows a lesion; those that hardly
    touch the earlier outline are dropped, and of the rest the one that agrees best with the
    others is taken.

    Parameters
    ----------
    prepared : Prepared
        The follow-up.
    expected : bool array
        The earlier outline on the follow-up's reference grid.
    seed_mm : sequence of 3 floats, optional
        A point known to lie in the lesion at the follow-up, LPS mm, used instead.
    unenhanced : bool
        Whether the lesion gained no contrast, so that it is looked for on FLAIR or T2 as well.

    Returns
    -------
    LabelMap
        1 in the lesion; empty if it has vanished or was not imaged.
    """
    grid = prepared.aligned.geometry
    nothing = LabelMap(np.zeros(grid.shape, dtype=np.uint8), grid)
    if not expected.any():
        return nothing
    if seed_mm is not None:
        region = segment_at(prepared, seed_index(prepared, seed_mm))
        return LabelMap(region.astype(np.uint8), grid)
    box = shape.box_of(expected, 2 * SHIFT_MM, grid.spacing_mm)
    near = shape.dilate(expected[box], SHIFT_MM, grid.spacing_mm)
    finds = []
    for index in _seeds(prepared, expected, box):
        region = grow_from(prepared, expected, index, unenhanced=unenhanced)
        inside = int((region[box] & near).sum())
        if region.sum() * grid.voxel_volume_ml < MIN_VOLUME_ML:
            continue
        if not unenhanced and not _stands_out(prepared, region):
            continue
        if inside >= OWN_SHARE * region.sum() or inside >= COVER_SHARE * expected.sum():
            finds.append(region)
            alone = len(finds) == 1
            if alone and inside >= SURE_SHARE * max(int(region.sum()), int(expected.sum())):
                break
            if any(_dice(earlier, region) > AGREEMENT for earlier in finds[:-1]):
                break
    if not finds:
        return nothing
    return LabelMap(_most_agreed(finds).astype(np.uint8), grid)


def _seeds(
    prepared: Prepared, expected: BoolArray, box: tuple[slice, slice, slice]
) -> list[tuple[int, int, int]]:
    """Voxels from which to grow, those in air left out."""
    grid = prepared.aligned.geometry
    inside = expected[box]
    depth = shape.depth_mm(inside, grid.spacing_mm)
    sigma = [SMOOTHING_MM / s for s in grid.spacing_mm]
    bright = ndimage.gaussian_filter(enhancing_signal(prepared)[box], sigma)
    places = [np.unravel_index(int(np.argmax(depth)), inside.shape)]
    if not prepared.is_ct:  # what gains most on CT are the organ's vessels
        brightest = int(np.argmax(np.where(inside, bright, -np.inf)))
        places.append(np.unravel_index(brightest, inside.shape))
    deep = np.argwhere(depth >= np.median(depth[inside]))
    chosen = np.random.default_rng(0).choice(len(deep), min(RANDOM_SEEDS, len(deep)), replace=False)
    places += [tuple(deep[n]) for n in np.sort(chosen)]
    start = np.array([s.start for s in box])
    seeds = []
    for place in dict.fromkeys(tuple(int(n) for n in p) for p in places):
        index = np.array(place) + start
        try:
            seeds.append(seed_index(prepared, grid.index_to_world(index).tolist()))
        except SeedError:
            continue
    return seeds


def _stands_out(prepared: Prepared, region: BoolArray) -> bool:
    """Tell whether some of a find differs from its surroundings by more than noise can."""
    spacing = prepared.aligned.geometry.spacing_mm
    box = shape.box_of(region, RING_MM, spacing)
    inside = region[box]
    ring = shape.dilate(inside, RING_MM, spacing) & ~shape.dilate(inside, SMOOTHING_MM, spacing)
    ring &= prepared.body[box]
    if not ring.any():
        return False
    sigma = [SMOOTHING_MM / s for s in spacing]
    signal = ndimage.gaussian_filter(enhancing_signal(prepared)[box], sigma)
    low, high = np.percentile(signal[inside], (10, 90))
    level = float(np.median(signal[ring]))
    if prepared.is_ct:
        return bool(max(high - level, level - low) >= DIFFERENT_HU)
    return bool(high - level >= ENHANCING)


def enhancing_signal(prepared: Prepared) -> FloatArray:
    """Give the image on which a lesion stands out: the gain by contrast, else the reference."""
    if prepared.enhancement is not None:
        return prepared.enhancement
    return prepared.images[prepared.aligned.reference_role]


def grow_from(
    prepared: Prepared, expected: BoolArray, index: tuple[int, int, int], *, unenhanced: bool
) -> BoolArray:
    """Grow from one seed, no farther than the lesion can have grown."""
    spacing = np.array(prepared.aligned.geometry.spacing_mm)
    reach = np.linalg.norm((np.argwhere(expected) - np.array(index)) * spacing, axis=1).max()
    radius = float(GROWTH * reach + GROWTH_MM)
    if unenhanced:
        found = segment_unenhanced(prepared, index, reach_mm=reach_for(radius), radius_mm=radius)
        return np.zeros_like(expected) if found is None else found[0]
    return segment_at(prepared, index, radius_mm=radius)


def _most_agreed(finds: Sequence[BoolArray]) -> npt.NDArray[np.bool_]:
    """Give the find with the largest sum of Dice coefficients with the others."""
    agreement = [sum(_dice(f, g) for g in finds) for f in finds]
    return finds[int(np.argmax(agreement))]


def _dice(first: BoolArray, second: BoolArray) -> float:
    return 2 * int((first & second).sum()) / int(first.sum() + second.sum())
