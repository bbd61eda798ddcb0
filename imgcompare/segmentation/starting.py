"""Where a lesion starts: the bright part that a seed lies in, or that surrounds it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from imgcompare.segmentation import morphology as shape
from imgcompare.segmentation.evidence import Evidence
from imgcompare.segmentation.masks import BoolArray, FloatArray
from imgcompare.segmentation.morphology import IntArray, LabelArray, Spacing

HALF = 0.5
"""A voxel half filled by lesion rises half as far."""

PLATEAU_SIGMA_MM = 2.5
"""The lesion's own rise is averaged over this Gaussian SD."""

PLATEAU_SIGMA_VOXELS = 0.9
"""... and over this many voxels of thick slices."""

RAY_MM = 35.0
"""A seed in the core lies within this distance of the rim."""

RAYS = 600

RIM_MM = 3.0
"""The rim's rise is the highest within this distance behind its inner edge."""

RAY_SPREAD = 3.0
"""Rim beyond this multiple of the near rim's distance (and 4 mm) is another structure."""

LEVEL_ZONE_MM = 15.0
"""The lesion's level is the median height of its rim within this distance of the seed."""

MIN_ENCLOSED = 0.45
"""A seed that sees bright tissue in fewer directions lies outside of any rim."""

WELL_ENCLOSED = 0.72
"""A seed that sees a rim in this part of all directions lies in its core."""

MIN_RAY_SHARE = 0.03
"""Bright parts met by fewer rays from the core are bystanders."""

SURFACE_MM = 4.5
"""Bright voxels this close to the surface of brain or organ may be dura, pial vessels, capsule."""

RIM_REACH_MM = 4.0
"""Bright voxels within this distance of the core are its rim."""

DENSITY_SIGMA_MM = 2.5
"""Vessels fill little of a ball of this Gaussian SD, rims and solid parts fill much."""

DENSITY = 0.22
"""Least share: a 2 mm rim fills 0.3, a 3 mm vessel 0.16."""

THIN_DENSITY = 0.15
"""Least share for a rim of one voxel, where that closes a ring that is open otherwise."""

DENSITY_SHARE = 0.6
"""... but no more than this share of the densest part near the start (small lesions)."""

THICKNESS_ZONE_MM = 10.0
"""The lesion's thickness is looked for this close to the start."""


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Where a lesion starts.

    Attributes
    ----------
    zone : bool array
        Seed voxel or earlier mask, on the evidence's crop.
    level : float
        Rise of the lesion's bright part near the start.
    shell : bool array
        Dense, deep bright parts that the start is in or looks at.
    bright : bool array
        All bright voxels.
    enclosed : float
        Part of the directions from the start that meet the shell; 1 if it lies in it.
    """

    zone: BoolArray
    level: float
    shell: BoolArray
    bright: BoolArray
    enclosed: float


def bright_part(evidence: Evidence, level: float) -> BoolArray:
    """Voxels that rise at least half as far as the lesion around them.

    Parameters
    ----------
    evidence : Evidence
    level : float
        The lesion's rise near its start.
    """
    candidates = evidence.candidates
    capped = np.minimum(evidence.rise, evidence.plateau_cap * level) * candidates
    return np.asarray(candidates & (evidence.rise > HALF * plateau(capped, evidence.spacing)))


def plateau(rise: FloatArray, spacing: Spacing) -> FloatArray:
    """Give the height of the lesion around each voxel, from rises that are 0 outside.

    Parameters
    ----------
    rise : float32 array
    spacing : tuple of float
        Voxel size, mm.
    """
    # Across thick slices too: an end slice half as bright as the next is half filled.
    sigma = [max(PLATEAU_SIGMA_MM / s, PLATEAU_SIGMA_VOXELS) for s in spacing]
    # A mean weighted towards high values (Lehmer, order 3): edges of thin rims hardly lower it.
    third = ndimage.gaussian_filter((rise**3).astype(np.float32), sigma, truncate=2.5)
    second = ndimage.gaussian_filter((rise**2).astype(np.float32), sigma, truncate=2.5)
    return np.asarray(third / np.maximum(second, np.float32(1e-12)))


def _rays(seed: tuple[int, int, int], size: tuple[int, ...], spacing: Spacing) -> IntArray:
    """Voxel indices along rays from the seed, shape (rays, steps, 3); -1 outside the grid."""
    directions = np.random.default_rng(0).normal(size=(RAYS, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    distance = np.arange(0.0, RAY_MM, 0.5)
    points = np.asarray(seed) + directions[:, None, :] * distance[:, None] / np.asarray(spacing)
    index: IntArray = np.rint(points).astype(np.int64)
    outside = ((index < 0) | (index >= np.asarray(size))).any(axis=-1)
    index[outside] = -1
    return index


def _along(array: FloatArray | BoolArray | LabelArray, rays: IntArray) -> FloatArray:
    values = array[rays[..., 0], rays[..., 1], rays[..., 2]].astype(np.float32)
    values[rays[..., 0] < 0] = 0
    return np.asarray(values)


def look_around(evidence: Evidence, seed: tuple[int, int, int]) -> Start:
    """Find the bright part that a seed lies in, or that surrounds it.

    Parameters
    ----------
    evidence : Evidence
    seed : tuple of int
        Index in the evidence's crop.
    """
    zone = np.zeros(evidence.rise.shape, dtype=bool)
    zone[seed] = True
    rays = _rays(seed, zone.shape, evidence.spacing)
    on = _along(evidence.candidates, rays) > 0
    first, met = on.argmax(axis=1), on.any(axis=1)
    if not met.any():
        return Start(zone, 0.0, np.zeros_like(zone), np.zeros_like(zone), 0.0)
    behind = np.minimum(first[:, None] + np.arange(int(2 * RIM_MM) + 1), on.shape[1] - 1)
    rise = _along(np.where(evidence.domain, evidence.rise, np.float32(0.0)), rays)
    peaks = np.take_along_axis(rise, behind, axis=1).max(axis=1)
    near = met & (first <= np.percentile(first[met], 60))
    level = float(np.median(peaks[near]))
    deep = shape.depth_mm(evidence.domain, evidence.spacing) > SURFACE_MM
    start = _start_at(evidence, seed, rays, level, deep=deep)
    # The seed may lie in a weak or strong spot: ask the shell around it for its level.
    around = start.shell & shape.dilate(zone, LEVEL_ZONE_MM, evidence.spacing)
    if around.any():
        size = [2 * int(RIM_MM / s) + 1 for s in evidence.spacing]
        peaks = ndimage.maximum_filter(np.where(start.shell, evidence.rise, 0.0), size=size)
        level = float(np.median(peaks[around]))
        start = _start_at(evidence, seed, rays, level, deep=deep)
    return start


def _start_at(
    evidence: Evidence,
    seed: tuple[int, int, int],
    rays: IntArray,
    level: float,
    *,
    deep: BoolArray,
) -> Start:
    zone = np.zeros(evidence.rise.shape, dtype=bool)
    zone[seed] = True
    bright = bright_part(evidence, level)
    density = _density(bright, evidence.spacing)
    dense = _dense(bright, density, zone, evidence.spacing)
    ring = [dense & deep]
    if evidence.plateau_cap >= 1.0:  # thin bright lines without subtraction are vessels
        ring.append(bright & (density >= THIN_DENSITY) & deep)
    tries = [(body, WELL_ENCLOSED) for body in ring]
    tries += [(body, MIN_ENCLOSED) for body in (dense & deep, dense, bright)]
    own = bool(bright[seed])
    for body, least in tries:
        shell, enclosed = _seen_part(body, seed, rays, evidence.spacing, own=own)
        if shell.any() and enclosed >= least:
            return Start(zone, level, shell, bright, enclosed)
    # Beside a bright part rather than inside a ring: take what the seed all but touches.
    labels, _ = shape.components(bright)
    near = shape.touched(labels, shape.dilate(zone, RIM_MM, evidence.spacing))
    return Start(zone, level, shape.keep_labels(labels, near), bright, float(near.size > 0))


def _density(bright: BoolArray, spacing: Spacing) -> FloatArray:
    sigma = [DENSITY_SIGMA_MM / s for s in spacing]
    density = ndimage.gaussian_filter(bright.astype(np.float32), sigma, truncate=2.0)
    return np.asarray(density)


def _dense(bright: BoolArray, density: FloatArray, zone: BoolArray, spacing: Spacing) -> BoolArray:
    """Leave thin tubes out."""
    near = shape.dilate(zone, THICKNESS_ZONE_MM, spacing) & bright
    best = float(density[near].max(initial=0.0)) or 1.0
    return np.asarray(bright & (density >= min(DENSITY, DENSITY_SHARE * best)))


def _seen_part(
    bright: BoolArray,
    seed: tuple[int, int, int],
    rays: IntArray,
    spacing: Spacing,
    *,
    own: bool,
) -> tuple[BoolArray, float]:
    """Components that hold the seed or that rays from it meet, and the share of rays that do."""
    labels, count = shape.components(bright)
    zone = np.zeros_like(bright)
    zone[seed] = True
    touching = shape.touched(labels, shape.dilate(zone, 1.01 * max(spacing[1:]), spacing))
    if own:
        near = touching
        for reach in (RIM_MM, 2 * RIM_MM):
            if near.size:
                break
            near = shape.touched(labels, shape.dilate(zone, reach, spacing))
        return shape.keep_labels(labels, near), 1.0
    seen = _along(labels, rays).astype(np.int64)
    hit = (seen > 0).any(axis=1)
    steps = (seen > 0).argmax(axis=1)
    first = seen[np.arange(RAYS), steps]
    close = hit & (steps <= 2 * RIM_REACH_MM + RAY_SPREAD * _quartile(steps[hit]))
    share = np.bincount(first[close], minlength=count + 1) / RAYS
    wanted = np.union1d(np.flatnonzero(share > MIN_RAY_SHARE), touching)
    return shape.keep_labels(labels, wanted), float(np.isin(first[hit], wanted).sum() / RAYS)


def _quartile(values: IntArray) -> float:
    return float(np.percentile(values, 25)) if values.size else 0.0
