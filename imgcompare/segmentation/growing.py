"""Grow one lesion from a start: its bright shell, what the shell encloses, without its vessels.

Steps: (1) half the local rise over normal tissue bounds what is bright, which is the voxel's 50 %
fraction where lesion meets normal tissue; (2) the bright part at the start is the shell; (3) voxels
that look at the shell in most directions and are no normal tissue are its core; (4) shell and core
together are solid, vessels and dura are thin: an opening scaled to the lesion cuts them off. The
four steps run on coarse blocks to find the extent, then on voxels.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from imgcompare.segmentation import morphology as shape
from imgcompare.segmentation.evidence import Evidence, block_steps, stretch
from imgcompare.segmentation.masks import BoolArray, block_mean
from imgcompare.segmentation.morphology import Spacing
from imgcompare.segmentation.starting import (
    RAY_MM,
    RIM_REACH_MM,
    THICKNESS_ZONE_MM,
    Start,
)

COARSE_MM = 2.0

FILLED = 0.25
"""Share of bright voxels that makes a coarse block bright, so that thin rims survive."""

ENCLOSED_ODD = 0.72
"""Part of the directions that must meet the shell for tissue that looks abnormal."""

ENCLOSED_MORE = 0.85
"""The same where the shell is continued along the surface."""

ENCLOSED_ANY = 0.90
"""The same for tissue that may be normal."""

ROUNDS = 2
"""The shell is continued along the rim of its core this often."""

CUT_SHARE = 0.6
"""Parts thinner than this share of the lesion's thickness are attached structures."""

CUT_MM = 2.0
"""... but nothing with a half width above this is cut (vessels and dura are thinner)."""

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
    box = shape.box_of(near_fine | start.zone, 2 * COARSE_MM, evidence.spacing)
    inner = evidence.cut(box)
    nearby = start.bright[box] & near_fine[box]
    region = _one_pass(nearby, nearby, start.zone[box], inner)
    out = np.zeros_like(start.shell)
    out[box] = region
    return out
