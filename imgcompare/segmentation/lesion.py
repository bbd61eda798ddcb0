"""One lesion from one point: the whole lesion (core, without oedema) around a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imgcompare.errors import SeedError
from imgcompare.model import LabelMap, Role
from imgcompare.segmentation.evidence import Evidence, box_around, gather_mr
from imgcompare.segmentation.evidence_ct import gather_ct
from imgcompare.segmentation.growing import grow
from imgcompare.segmentation.likeness import is_lesion
from imgcompare.segmentation.masks import BoolArray
from imgcompare.segmentation.plausible import (
    BESIDE_MM,
    distance_mm,
    doubts_about,
    is_speck,
    require_closed,
    require_plausible,
    starts_near,
)
from imgcompare.segmentation.preparation import Prepared
from imgcompare.segmentation.starting import look_around
from imgcompare.segmentation.unenhanced import ROLES as WATER_ROLES
from imgcompare.segmentation.unenhanced import segment_unenhanced

REACH_MM = 60.0
"""A lesion is looked for within this distance of its seed unless a radius is given."""

MARGIN_MM = 12.0
"""Normal tissue beyond a given radius, for comparison."""

AIR_SIGNAL = 0.06
"""MR signal over white matter below which there is air or cortical bone on every series."""

AIR_HU = -950.0
"""CT below this is air outside the lung (lung: about -850 HU)."""

MIN_VOLUME_ML = 0.01
"""Smaller finds are noise."""


@dataclass(frozen=True, slots=True, eq=False)
class SeededLesion:
    """A lesion outlined around a point.

    ``basis`` is the image it was outlined on if that was not the usual one, because the lesion does
    not stand out after contrast. ``doubts`` say, each in a sentence, why the outline may be wrong.
    """

    region: LabelMap
    basis: Role | None = None
    doubts: tuple[str, ...] = ()


def seed_index(prepared: Prepared, seed_mm: Sequence[float]) -> tuple[int, int, int]:
    """Find the voxel of a seed.

    Parameters
    ----------
    prepared : Prepared
    seed_mm : sequence of 3 floats
        LPS position, mm.

    Raises
    ------
    SeedError
        If the point is not three finite numbers, lies outside the volume, or in air.
    """
    point = np.asarray(seed_mm, dtype=np.float64)
    grid = prepared.aligned.geometry
    text = "(" + ", ".join(f"{x:.1f}" for x in point.ravel()) + ") mm LPS"
    if point.shape != (3,) or not np.isfinite(point).all():
        raise SeedError(f"A seed is one point of three finite coordinates in mm LPS, not {text}.")
    if not bool(grid.contains(point)):
        raise SeedError(
            f"The seed {text} lies outside the volume [{grid}]. Give a point inside the lesion, in "
            "patient coordinates (L, P, S in mm) of this timepoint."
        )
    index = np.clip(np.rint(grid.world_to_index(point)).astype(int), 0, np.array(grid.shape) - 1)
    a, b, c = (int(n) for n in index)
    around = tuple(slice(max(0, n - 1), n + 2) for n in (a, b, c))
    values = [float(np.median(image[around])) for image in prepared.images.values()]
    air = max(values) < (AIR_HU if prepared.is_ct else AIR_SIGNAL)
    if air or not prepared.body[a, b, c]:
        raise SeedError(
            f"The seed {text} lies in air. Give a point inside the lesion, in patient coordinates "
            "(L, P, S in mm) of this timepoint."
        )
    return a, b, c


def lesion_from_seed(
    prepared: Prepared, seed_mm: Sequence[float], *, radius_mm: float | None = None
) -> LabelMap:
    """Segment the whole lesion that holds a point.

    Parameters
    ----------
    prepared : Prepared
        The timepoint.
    seed_mm : sequence of 3 floats
        LPS position in mm anywhere in the lesion: rim, necrosis or cyst.
    radius_mm : float, optional
        The lesion lies within this distance of the seed.

    Returns
    -------
    LabelMap
        1 in the lesion (enhancing tissue and what it encloses, no oedema), on the reference grid.

    Raises
    ------
    SeedError
        If the seed is unusable.
    SegmentationError
        If nothing at the seed can be told from normal tissue, or only a speck, or what is outlined
        has no end within reach.
    """
    return outline_seed(prepared, seed_mm, radius_mm=radius_mm).region


def outline_seed(
    prepared: Prepared, seed_mm: Sequence[float], *, radius_mm: float | None = None
) -> SeededLesion:
    """Do what ``lesion_from_seed`` does, and say what the outline is based on.

    A lesion of the head that gains no contrast, or of which there is no scan after contrast, is
    outlined on FLAIR or T2.
    """
    index = seed_index(prepared, seed_mm)
    if radius_mm is not None and not (np.isfinite(radius_mm) and radius_mm > 0):
        raise SeedError(f"A seed's radius must be a positive number of mm, not {radius_mm}.")
    grid = prepared.aligned.geometry
    mask, basis = np.zeros(grid.shape, dtype=bool), None
    if prepared.aligned.reference_role not in WATER_ROLES:  # on which the brain has other levels
        mask = segment_at(prepared, index, radius_mm=radius_mm)
    if not is_lesion(prepared, mask) and radius_mm is None:
        around = lesion_around(prepared, index)
        mask = mask if around is None else around
    if is_speck(prepared, mask) and not prepared.is_ct:
        reach = reach_for(radius_mm)
        found = segment_unenhanced(prepared, index, reach_mm=reach, radius_mm=radius_mm)
        mask, basis = found or (mask, None)
    require_plausible(prepared, mask, index, within_mm=radius_mm)
    if radius_mm is None:
        require_closed(prepared, mask, index, reach_mm=REACH_MM)
    doubts = doubts_about(prepared, mask, index, unenhanced=basis is not None)
    return SeededLesion(LabelMap(mask.astype(np.uint8), grid), basis, doubts)


def lesion_around(prepared: Prepared, index: tuple[int, int, int]) -> BoolArray | None:
    """Find the lesion that a voxel lies in, or all but touches, by growing from elsewhere in it.

    Haemorrhage and necrosis hold specks that gain contrast, which growing from them takes for the
    lesion. So the dense parts around are grown from instead, the nearest first.

    Parameters
    ----------
    prepared : Prepared
    index : tuple of int
        Voxel of the reference grid.

    Returns
    -------
    bool array or None
        Something that looks like a lesion and has the voxel in it or beside it.
    """
    for start in starts_near(prepared, index):
        found = segment_at(prepared, start)
        if distance_mm(found, index, prepared) <= BESIDE_MM and is_lesion(prepared, found):
            return found
    return None


def reach_for(radius_mm: float | None) -> float:
    """Say how far around a seed to look, mm."""
    return REACH_MM if radius_mm is None else min(REACH_MM, radius_mm + MARGIN_MM)


def gather(prepared: Prepared, index: Sequence[int], reach_mm: float) -> Evidence:
    """Collect the evidence within reach of a voxel."""
    grid = prepared.aligned.geometry
    box = box_around(index, reach_mm, grid.spacing_mm, grid.shape)
    a, b, c = (int(i) - s.start for i, s in zip(index, box, strict=True))
    gather_here = gather_ct if prepared.is_ct else gather_mr
    return gather_here(prepared, box, (a, b, c))


def segment_at(
    prepared: Prepared, index: tuple[int, int, int], *, radius_mm: float | None = None
) -> BoolArray:
    """Segment the lesion at a voxel; nothing if nothing stands out there.

    Parameters
    ----------
    prepared : Prepared
    index : tuple of int
        Voxel of the reference grid.
    radius_mm : float, optional
        Bounds the extent.

    Returns
    -------
    bool array on the reference grid
    """
    grid = prepared.aligned.geometry
    evidence = gather(prepared, index, reach_for(radius_mm))
    a, b, c = (i - s.start for i, s in zip(index, evidence.box, strict=True))
    if radius_mm is not None:
        evidence = evidence.within((a, b, c), radius_mm)
    start = look_around(evidence, (a, b, c))
    out = np.zeros(grid.shape, dtype=bool)
    out[evidence.box] = grow(evidence, start)
    return out
