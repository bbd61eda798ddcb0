"""Whether what was outlined around a seed can be the lesion that a person meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from scipy import ndimage

from imgcompare.errors import SegmentationError
from imgcompare.segmentation import morphology as shape
from imgcompare.segmentation.evidence import box_around
from imgcompare.segmentation.likeness import (
    COMPACT,
    MIN_LESION_ML,
    MIN_LESION_VOXELS,
    is_lesion,
    roundness,
)
from imgcompare.segmentation.masks import BoolArray
from imgcompare.segmentation.preparation import Prepared

BESIDE_MM: Final = 3.0
"""A seed this close to an outline means it (house rule: about two voxels of a 1.5 mm scan)."""

AROUND_MM: Final = 25.0
"""A seed inside a lesion has enhancing tissue within this distance."""

GAIN: Final = 0.15
GAIN_HU: Final = 20.0
"""Gain by contrast that counts as enhancing, white matter = 1 and on CT (criteria.md §8)."""

DENSITY_SIGMA_MM: Final = 2.5
DENSITY: Final = 0.35
"""Vessels and dura fill less of a ball of this Gaussian SD than a lesion or its rim does."""

MOST_STARTS: Final = 4
"""Parts that are grown from around a seed."""

CUT_MM2: Final = 100.0
"""An outline that meets the limit of the search in a larger area has no end there."""

WHAT_TO_DO: Final = (
    "Give a point inside the lesion's enhancing rim, or in its core, or draw it and give --mask."
)


def is_speck(prepared: Prepared, mask: BoolArray) -> bool:
    """Tell what is too small to be a lesion: few voxels, or little and not even round."""
    voxels = int(mask.sum())
    if voxels < MIN_LESION_VOXELS:
        return True
    grid = prepared.aligned.geometry
    if voxels * grid.voxel_volume_ml >= MIN_LESION_ML:
        return False
    box = shape.box_of(mask, 0.0, grid.spacing_mm)
    return roundness(mask[box], grid.spacing_mm) < COMPACT


def require_plausible(
    prepared: Prepared,
    mask: BoolArray,
    index: tuple[int, int, int],
    *,
    within_mm: float | None = None,
) -> None:
    """Refuse an outline that is nothing, or a speck.

    Raises
    ------
    SegmentationError
        Naming the seed, what was found there, and what to do.
    """
    if not is_speck(prepared, mask):
        return
    where = _said(prepared, index)
    within = "" if within_mm is None else f" within {within_mm:g} mm"
    if not mask.any():
        raise SegmentationError(
            f"Nothing at the seed {where}{within} differs enough from the tissue around it. "
            f"{WHAT_TO_DO}"
        )
    raise SegmentationError(
        f"At the seed {where}{within} only a speck of {_size(prepared, mask)} stands out, which is "
        f"no lesion that can be measured. {WHAT_TO_DO}"
    )


def require_closed(
    prepared: Prepared, mask: BoolArray, index: tuple[int, int, int], *, reach_mm: float
) -> None:
    """Refuse an outline that runs on where the search ends: it is cut off, or has leaked.

    Raises
    ------
    SegmentationError
        Naming the seed, the size so far, and what to do.
    """
    grid = prepared.aligned.geometry
    box = box_around(index, reach_mm, grid.spacing_mm, grid.shape)
    inner = mask[box]
    for axis, cut in enumerate(box):
        area = float(np.prod([s for a, s in enumerate(grid.spacing_mm) if a != axis]))
        for end, is_limit in ((0, cut.start > 0), (-1, cut.stop < grid.shape[axis])):
            if is_limit and float(inner.take(end, axis=axis).sum()) * area > CUT_MM2:
                raise SegmentationError(
                    f"The outline from the seed {_said(prepared, index)} runs on for {reach_mm:g} "
                    f"mm and more ({_size(prepared, mask)} so far): it has no border there. "
                    "Give the seed a radius that holds the lesion, or draw it and give --mask."
                )


def doubts_about(
    prepared: Prepared, mask: BoolArray, index: tuple[int, int, int], *, unenhanced: bool
) -> tuple[str, ...]:
    """Say what speaks against an outline, a sentence each; nothing where nothing does.

    Parameters
    ----------
    prepared : Prepared
    mask : bool array
        The outline, on the reference grid.
    index : tuple of int
        Voxel of the seed.
    unenhanced : bool
        Whether it was outlined on FLAIR or T2.
    """
    where, size = _said(prepared, index), _size(prepared, mask)
    doubts = []
    away = distance_mm(mask, index, prepared)
    if away > BESIDE_MM:
        doubts.append(
            f"The seed {where} lies {away:.0f} mm outside of what was outlined ({size}). "
            f"Check that this is the lesion meant. {WHAT_TO_DO}"
        )
    if unenhanced:
        doubts += _enhancing_inside(prepared, mask, index)
    elif not is_lesion(prepared, mask):
        small = float(mask.sum()) * prepared.aligned.geometry.voxel_volume_ml < MIN_LESION_ML
        what = "is very small" if small else "looks like vessels, dura or normal tissue"
        doubts.append(
            f"What was outlined at the seed {where}, {size}, {what}. Look at it before any of its "
            f"figures is used. {WHAT_TO_DO}"
        )
    return tuple(doubts)


def _enhancing_inside(
    prepared: Prepared, mask: BoolArray, index: tuple[int, int, int]
) -> list[str]:
    """Say where an outline on FLAIR or T2 holds a lesion that does gain contrast."""
    if prepared.enhancement is None:
        return []
    grid = prepared.aligned.geometry
    box = shape.box_of(mask, 0.0, grid.spacing_mm)
    depth = shape.depth_mm(_dense(prepared, box) & mask[box], grid.spacing_mm)
    gains = float((depth > 0).sum()) * grid.voxel_volume_ml
    if gains < MIN_LESION_ML:
        return []
    deepest = np.array(np.unravel_index(int(np.argmax(depth)), depth.shape))
    point = grid.index_to_world(deepest + [s.start for s in box])
    at = ",".join(f"{x:.1f}" for x in point)
    return [
        f"The seed {_said(prepared, index)} lies beside tissue that gains contrast ({gains:.1f} of "
        f"the {_size(prepared, mask)} outlined). If that is the lesion and the seed lies in its "
        f"oedema, give {at} instead."
    ]


def starts_near(prepared: Prepared, index: tuple[int, int, int]) -> Iterator[tuple[int, int, int]]:
    """Voxels in the dense parts around a seed that gain contrast, the nearest part first."""
    if prepared.enhancement is None:
        return
    grid = prepared.aligned.geometry
    box = box_around(index, AROUND_MM, grid.spacing_mm, grid.shape)
    parts, count = shape.components(_dense(prepared, box))
    depth = shape.depth_mm(parts > 0, grid.spacing_mm)
    found = []
    for label, inside in enumerate(ndimage.find_objects(parts, max_label=count), start=1):
        part = parts[inside] == label
        if float(part.sum()) * grid.voxel_volume_ml < 0.5 * MIN_LESION_ML:
            continue
        place = np.unravel_index(int(np.argmax(np.where(part, depth[inside], -1))), part.shape)
        a, b, c = (int(p) + i.start + s.start for p, i, s in zip(place, inside, box, strict=True))
        places = np.argwhere(part) + [i.start + s.start for i, s in zip(inside, box, strict=True)]
        away = np.linalg.norm((places - index) * np.asarray(grid.spacing_mm), axis=1).min()
        found.append((float(away), (a, b, c)))
    for _, start in sorted(found)[:MOST_STARTS]:
        yield start


def distance_mm(mask: BoolArray, index: tuple[int, int, int], prepared: Prepared) -> float:
    """Distance of a voxel from an outline, mm; 0 inside, infinite from nothing."""
    if mask[index]:
        return 0.0
    spacing = np.asarray(prepared.aligned.geometry.spacing_mm)
    places = (np.argwhere(mask) - index) * spacing
    return float(np.linalg.norm(places, axis=1).min()) if len(places) else float("inf")


def _dense(prepared: Prepared, box: shape.Box) -> BoolArray:
    """Tell what gains contrast and is no thin line within a box."""
    gain = prepared.enhancement
    assert gain is not None
    spacing = prepared.aligned.geometry.spacing_mm
    bright = (gain[box] > (GAIN_HU if prepared.is_ct else GAIN)) & prepared.body[box]
    density = ndimage.gaussian_filter(
        bright.astype(np.float32), [DENSITY_SIGMA_MM / s for s in spacing], truncate=2.0
    )
    return np.asarray(bright & (density >= DENSITY))


def _said(prepared: Prepared, index: tuple[int, int, int]) -> str:
    point = prepared.aligned.geometry.index_to_world(np.array(index))
    return "(" + ", ".join(f"{x:.1f}" for x in point) + ") mm LPS"


def _size(prepared: Prepared, mask: BoolArray) -> str:
    voxels = int(mask.sum())
    ml = voxels * prepared.aligned.geometry.voxel_volume_ml
    count = f"{voxels} voxel{'s' if voxels != 1 else ''}, " if voxels < 100 else ""
    return f"{count}{ml:.2g} mL" if ml < 1 else f"{count}{ml:.1f} mL"
