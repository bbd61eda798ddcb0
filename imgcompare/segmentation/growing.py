"""Grow one lesion from a start: its bright shell, what the shell encloses, without its vessels.

Steps: (1) half the local rise over normal tissue bounds what is bright, which is the voxel's 50 %
fraction where lesion meets normal tissue; (2) the bright part at the start is the shell; (3) voxels
that look at the shell in most directions and are no normal tissue are its core; (4) shell and core
together are solid, vessels and dura are thin: an opening scaled to the lesion cuts them off. The
four steps run on coarse blocks to find the extent, then on voxels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from imgcompare.segmentation import morphology as shape
from imgcompare.segmentation.evidence import Evidence, block_steps, box_of, stretch
from imgcompare.segmentation.masks import BoolArray, FloatArray, block_mean
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

MIN_RAY_SHARE = 0.03
"""Bright parts met by fewer rays from the core are bystanders."""

COARSE_MM = 2.0
FILLED = 0.25
"""Share of bright voxels that makes a coarse block bright, so that thin rims survive."""

ENCLOSED_ODD = 0.72
"""Part of the directions that must meet the shell for tissue that looks abnormal."""

ENCLOSED_MORE = 0.85
"""The same where the shell is continued along the surface."""

ENCLOSED_ANY = 0.90
"""The same for tissue that may be normal."""

SURFACE_MM = 4.5
"""Bright voxels this close to the surface of brain or organ may be dura, pial vessels, capsule."""

RIM_REACH_MM = 4.0
"""Bright voxels within this distance of the core are its rim."""

ROUNDS = 2
"""The shell is continued along the rim of its core this often."""

DENSITY_SIGMA_MM = 2.5
"""Vessels fill little of a ball of this Gaussian SD, rims and solid parts fill much."""

DENSITY = 0.22
"""Least share: a 2 mm rim fills 0.3, a 3 mm vessel 0.16."""

DENSITY_SHARE = 0.6
"""... but no more than this share of the densest part near the start (small lesions)."""

CUT_SHARE = 0.6
"""Parts thinner than this share of the lesion's thickness are attached structures."""

CUT_MM = 2.0
"""... but nothing with a half width above this is cut (vessels and dura are thinner)."""

THICKNESS_ZONE_MM = 10.0
"""The lesion's thickness is looked for this close to the start."""

THICK_SLICE_RATIO = 2.5
"""Slices this much thicker than pixels show a lesion's end as a thin rim of its own."""

CAP_SHARE = 0.5
"""Such an end lies over (or under) the lesion's body with at least this part of its area."""

NECK_MM = 3.0
"""Solid parts joined by a neck shorter than this belong together ..."""

PART_THICKNESS_SHARE = 0.4
"""... if about as solid ..."""

PART_VOLUME_RANGE = (0.02, 1.0)
"""... and not larger than the lesion itself."""


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
    # Across thick slices too: an end slice half as bright as the next is half filled.
    sigma = [max(PLATEAU_SIGMA_MM / s, PLATEAU_SIGMA_VOXELS) for s in evidence.spacing]
    # A mean weighted towards high values (Lehmer, order 3): edges of thin rims hardly lower it.
    third = ndimage.gaussian_filter((capped**3).astype(np.float32), sigma, truncate=2.5)
    second = ndimage.gaussian_filter((capped**2).astype(np.float32), sigma, truncate=2.5)
    plateau = third / np.maximum(second, np.float32(1e-12))
    return np.asarray(candidates & (evidence.rise > HALF * plateau))


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
    dense = _dense(bright, zone, evidence.spacing)
    for body in (dense & deep, dense, bright):
        shell, enclosed = _seen_part(body, seed, rays, evidence.spacing, own=bool(bright[seed]))
        if shell.any() and enclosed >= MIN_ENCLOSED:
            return Start(zone, level, shell, bright, enclosed)
    # Beside a bright part rather than inside a ring: take what the seed all but touches.
    labels, _ = shape.components(bright)
    near = shape.touched(labels, shape.dilate(zone, RIM_MM, evidence.spacing))
    return Start(zone, level, shape.keep_labels(labels, near), bright, float(near.size > 0))


def _dense(bright: BoolArray, zone: BoolArray, spacing: Spacing) -> BoolArray:
    """Leave thin tubes out."""
    sigma = [DENSITY_SIGMA_MM / s for s in spacing]
    density = ndimage.gaussian_filter(bright.astype(np.float32), sigma, truncate=2.0)
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


def complete(shell: BoolArray, bright: BoolArray, evidence: Evidence) -> BoolArray:
    """Add to a shell what it encloses, and the rim of that.

    The core found inside the shell may be open towards dura that was left out of the shell. It
    grows on where it looks at any bright tissue, but never through bright tissue: oedema between
    the lesion and the dura is on the other side of the rim.

    Parameters
    ----------
    shell : bool array
        Dense, deep bright part.
    bright : bool array
        All bright voxels.
    evidence : Evidence
    """
    core = _enclosed(shell, evidence) & ~bright
    for _ in range(ROUNDS):
        if not core.any():
            break
        shell = shell | (bright & shape.dilate(core, RIM_REACH_MM, evidence.spacing))
        inside = core | (_enclosed(shell, evidence, ENCLOSED_MORE) & ~bright)
        labels, _ = shape.components(inside)
        core = shape.keep_labels(labels, shape.touched(labels, core))
    region = shell | core
    holes = shape.enclosed_holes(region)
    # A hole further from the shell than it can be seen is brain ringed by dura, not core.
    labels, _ = shape.components(holes)
    deep = holes & (shape.depth_mm(holes, evidence.spacing) > RAY_MM)
    return np.asarray(region | (holes & ~shape.keep_labels(labels, shape.touched(labels, deep))))


def _enclosed(shell: BoolArray, evidence: Evidence, least: float = ENCLOSED_ODD) -> BoolArray:
    seen = shape.enclosure(shell, evidence.spacing, RAY_MM)
    rim = shape.dilate(shell, 1.01 * min(evidence.spacing), evidence.spacing)
    needed = np.where(evidence.odd | rim, np.float32(least), np.float32(ENCLOSED_ANY))
    return np.asarray(evidence.domain & (seen >= needed))


def without_attachments(region: BoolArray, start: BoolArray, spacing: Spacing) -> BoolArray:
    """Cut vessels and dura off a solid region by an opening scaled to its thickness.

    Parameters
    ----------
    region : bool array
        Shell and core.
    start : bool array
        The part that holds, or is nearest to, this is kept.
    spacing : tuple of float
        Voxel size, mm.
    """
    depth = shape.depth_mm(region, spacing)
    zone = shape.dilate(start, THICKNESS_ZONE_MM, spacing)
    thickness = float(depth[zone].max(initial=0.0))
    radius = float(np.clip(CUT_SHARE * thickness, 0.75 * min(spacing), CUT_MM))
    opened = depth > radius
    if not opened.any():
        return region
    back = shape.dilate(opened, 1.15 * radius, spacing) & region
    labels, count = shape.components(back)
    away = shape.depth_mm(~back, spacing)
    nearest = np.argwhere(start)[int(away[start].argmin())]
    near = np.zeros_like(region)
    near[tuple(nearest)] = True
    reach = float(away[tuple(nearest)]) + 1.01 * min(spacing)
    kept = set(shape.touched(labels, shape.dilate(near, reach, spacing)).tolist())
    solid = ndimage.maximum(depth, labels, index=np.arange(count + 1)) if count else np.zeros(1)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    main = max(float(sizes[list(kept)].sum()), 1.0)
    whole = max((float(solid[n]) for n in kept), default=thickness)
    for _ in range(2):
        mask = shape.keep_labels(labels, sorted(kept))
        neck = shape.dilate(mask, NECK_MM, spacing) & region
        beyond = shape.touched(labels, shape.dilate(neck, 1.01 * min(spacing), spacing) & back)
        joined = {
            int(n)
            for n in beyond
            if solid[n] >= PART_THICKNESS_SHARE * whole
            and PART_VOLUME_RANGE[0] <= sizes[n] / main <= PART_VOLUME_RANGE[1]
        }
        if joined <= kept:
            break
        kept |= joined
    return _with_caps(shape.keep_labels(labels, sorted(kept)), region, spacing)


def _with_caps(kept: BoolArray, region: BoolArray, spacing: Spacing) -> BoolArray:
    """Give back what thick slices show of a lesion's ends: thin rims over its body.

    Parameters
    ----------
    kept : bool array
        What an opening has left of ``region``.
    region : bool array
    spacing : tuple of float
        Voxel size, mm.
    """
    if spacing[0] < THICK_SLICE_RATIO * max(spacing[1:]):
        return kept
    plane = np.zeros((3, 3, 3), dtype=bool)
    plane[1] = ndimage.generate_binary_structure(2, 1)
    labels, count = ndimage.label(region & ~kept, structure=plane)
    if not count:
        return kept
    beside = np.zeros_like(kept)
    beside[1:] |= kept[:-1]
    beside[:-1] |= kept[1:]
    share = ndimage.mean(beside, labels, index=np.arange(1, count + 1))
    return kept | shape.keep_labels(labels, np.flatnonzero(share >= CAP_SHARE) + 1)


def _one_pass(
    shell: BoolArray, bright: BoolArray, start: BoolArray, evidence: Evidence
) -> BoolArray:
    if evidence.solid:
        region = shell | shape.enclosed_holes(shell)
    else:
        region = complete(shell, bright, evidence)
    return without_attachments(region, start, evidence.spacing)


def coarse_evidence(evidence: Evidence) -> tuple[Evidence, tuple[int, int, int]]:
    """Average the evidence over blocks of about ``COARSE_MM``."""
    steps = block_steps(evidence.spacing, COARSE_MM)
    a, b, c = (s * n for s, n in zip(evidence.spacing, steps, strict=True))
    coarse = replace(
        evidence,
        spacing=(a, b, c),
        domain=block_mean(evidence.domain, steps) >= 0.5,
        rise=block_mean(evidence.rise, steps),
        odd=block_mean(evidence.odd, steps) >= 0.5,
    )
    return coarse, steps


def grow(evidence: Evidence, start: Start) -> BoolArray:
    """Segment the whole lesion around a start.

    Parameters
    ----------
    evidence : Evidence
    start : Start
        From ``look_around``.

    Returns
    -------
    bool array
        On the evidence's crop; empty if there is no bright part.
    """
    if not start.shell.any():
        return np.zeros_like(start.shell)
    coarse, steps = coarse_evidence(evidence)
    shell = block_mean(start.shell, steps) >= FILLED
    bright = block_mean(start.bright, steps) >= FILLED
    zone = block_mean(start.zone, steps) > 0
    extent = _one_pass(shell | (bright & zone), bright, zone, coarse)
    near = shape.dilate(extent, 1.5 * max(coarse.spacing[1:]), coarse.spacing)
    near_fine = stretch(near.astype(np.float32), start.shell.shape, steps) > 0.4
    if not (start.bright & near_fine).any():
        near_fine = shape.dilate(start.zone, 2 * COARSE_MM, evidence.spacing)
    box = box_of(near_fine | start.zone, 2 * COARSE_MM, evidence.spacing)
    inner = evidence.cut(box)
    nearby = start.bright[box] & near_fine[box]
    region = _one_pass(nearby, nearby, start.zone[box], inner)
    out = np.zeros_like(start.shell)
    out[box] = region
    return out
