"""What speaks for lesion on CT: distance in HU, over all phases, from the organ around a point."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from imgcompare.model import Role
from imgcompare.segmentation import morphology as shape
from imgcompare.segmentation.evidence import Evidence, tissue_domain
from imgcompare.segmentation.masks import BoolArray, FloatArray
from imgcompare.segmentation.morphology import Box, Spacing
from imgcompare.segmentation.preparation import Prepared
from imgcompare.segmentation.starting import plateau
from imgcompare.segmentation.steadying import least_blur, smooth

BLURS_MM = (0.0, 0.4, 0.6, 0.8, 1.0, 1.2)
"""Noise of CT voxels is averaged over the least of these Gaussian SDs that ..."""

WANTED_FLOOR_HU = 20.0
"""... brings what noise may reach down to this, the least enhancement (criteria.md §8)."""

ORGAN_MM = 25.0
"""Gaussian SD of the neighbourhood whose commonest attenuation is the organ's."""

ORGAN_BAND_HU = 25.0
"""Organs spread about this much around their commonest value, with texture and noise."""

BIN_HU = 4.0

BRIDGE_MM = 2.0
"""Half width of the bridges of noise between a core and an organ alike."""

NOISE_STANDARDS = 3.0
"""As for MR (criteria §8: 2 to 3)."""

LEAST_DIFFERENCE_HU = 15.0
"""Smaller differences than this are within the texture of organs."""

VEIN_HU = 22.0
"""Portal and hepatic veins exceed the liver by at least this in the portal phase (40-60 HU)."""

FAT_HU = -30.0
"""Below is fat or air, which is no part of a solid organ or lesion."""

BONE_HU = 260.0
"""Above is bone or arterial blood."""


def _mode(values: FloatArray, weight: FloatArray) -> float:
    """Commonest value, to the middle of a smoothed histogram bin."""
    low, high = float(values.min()), float(values.max()) + BIN_HU
    edges = np.arange(low, high + BIN_HU, BIN_HU)
    counts, edges = np.histogram(values, bins=edges, weights=weight)
    peak = int(ndimage.gaussian_filter1d(counts.astype(np.float64), 1.5).argmax())
    return float(0.5 * (edges[peak] + edges[peak + 1]))


def gather_ct(prepared: Prepared, box: Box, seed: tuple[int, int, int]) -> Evidence:
    """Collect the evidence in a box of a CT timepoint.

    Parameters
    ----------
    prepared : Prepared
        CT, one or more phases.
    box : tuple of slice
        Part of the reference grid.
    seed : tuple of int
        Index within the box of a point in the lesion; the organ is what surrounds it.
    """
    spacing = prepared.aligned.geometry.spacing_mm
    roles = list(prepared.images)
    noise = float(np.linalg.norm([prepared.noise.get(r, 0.0) for r in roles]))
    wanted = WANTED_FLOOR_HU / NOISE_STANDARDS
    blur, left = least_blur(BLURS_MM, spacing, noise=noise, wanted=wanted)
    floor = max(LEAST_DIFFERENCE_HU, NOISE_STANDARDS * left)
    phases = [smooth(prepared.images[r][box], spacing, blur) for r in roles]
    body = prepared.body[box]
    lesion = [float(p[seed]) for p in phases]
    main = phases[roles.index(prepared.aligned.reference_role)]
    soft = body & (main > FAT_HU) & (main < BONE_HU)
    if main[seed] < FAT_HU or not soft.any():
        soft = body
    weight = _nearness(main.shape, seed, spacing)
    levels = _levels(phases, soft, weight)
    if _distance(lesion, levels) < floor:
        like = np.sqrt(sum((p - v) ** 2 for p, v in zip(phases, lesion, strict=True)))
        other = body & (like > 2 * floor)
        if other.any() and _is_an_island(body & (like < floor), seed, spacing):
            # The commonest tissue is the lesion's own: look at what else there is.
            levels = _levels(phases, other, weight)
    differences = np.stack([p - v for p, v in zip(phases, levels, strict=True)])
    normal = body & np.logical_and.reduce(
        [np.abs(p - v) < max(ORGAN_BAND_HU, floor) for p, v in zip(phases, levels, strict=True)]
    )
    in_soft_organ = levels[roles.index(prepared.aligned.reference_role)] > FAT_HU
    within = soft if in_soft_organ else body
    domain = tissue_domain(normal & within, within, spacing)
    domain &= ~_veins(
        dict(zip(roles, phases, strict=True)), dict(zip(roles, levels, strict=True)), seed
    )
    rise = _evened(differences, domain, floor, spacing)
    # A seed that looks like the organ lies in a core that a rim encloses.
    solid = _distance(lesion, levels) >= floor
    return Evidence(box, spacing, domain, rise, floor, np.zeros_like(body), solid=solid)


def _is_an_island(like: BoolArray, seed: tuple[int, int, int], spacing: Spacing) -> bool:
    """Tell a large lesion from an organ: it ends in view, and little like it lies beyond."""
    zone = np.zeros_like(like)
    zone[seed] = True
    core = shape.depth_mm(like, spacing) > BRIDGE_MM
    labels, _ = shape.components(core)
    own = shape.keep_labels(
        labels, shape.touched(labels, shape.dilate(zone, 2 * BRIDGE_MM, spacing))
    )
    edge = np.ones_like(like)
    edge[1:-1, 1:-1, 1:-1] = False
    return bool(own.any() and not (own & edge).any() and 2 * own.sum() > core.sum())


def _veins(
    phases: dict[Role, FloatArray], levels: dict[Role, float], seed: tuple[int, int, int]
) -> BoolArray | np.bool_:
    """Blood in veins: above the organ in the portal phase, and above its own arterial phase.

    Nothing is taken for a vein if the seed itself behaves like one.
    """
    if Role.CT_PORTAL not in phases or Role.CT_ARTERIAL not in phases:
        return np.False_
    portal, arterial = phases[Role.CT_PORTAL], phases[Role.CT_ARTERIAL]
    veins = (portal > levels[Role.CT_PORTAL] + VEIN_HU) & (portal > arterial + VEIN_HU)
    return np.False_ if veins[seed] else np.asarray(veins)


def _evened(
    differences: FloatArray, domain: BoolArray, floor: float, spacing: Spacing
) -> FloatArray:
    """Bring brighter and darker parts of a lesion to one height, so that half of it is the edge.

    A rim that gains contrast may differ from the organ half as much as the core inside it does;
    measured against the core, half of the rim would be lost. What is brighter than the organ in any
    phase and what is darker are therefore each compared with their own surroundings.

    Parameters
    ----------
    differences : float32 array, shape (phases, slices, rows, columns)
        HU above the organ.
    domain : bool array
    floor : float
        HU that noise may reach.
    spacing : tuple of float

    Returns
    -------
    float32 array
        HU-like: ``2 * floor`` where a voxel is all lesion, ``floor`` where it is half.
    """
    rise = np.zeros(domain.shape, dtype=np.float32)
    for part in (np.maximum(differences, 0), np.maximum(-differences, 0)):
        height = np.where(domain, np.linalg.norm(part, axis=0), np.float32(0))
        full = np.maximum(plateau(height * (height > floor), spacing), 2 * floor)
        np.maximum(rise, height / full, out=rise)
    return rise * np.float32(2 * floor)


def _nearness(shape_: tuple[int, ...], seed: tuple[int, int, int], spacing: Spacing) -> FloatArray:
    axes = [
        np.exp(-0.5 * ((np.arange(n) - i) * s / ORGAN_MM) ** 2)
        for n, i, s in zip(shape_, seed, spacing, strict=True)
    ]
    product = axes[0][:, None, None] * axes[1][:, None] * axes[2]
    return np.asarray(product, dtype=np.float32)


def _levels(phases: list[FloatArray], where: BoolArray, weight: FloatArray) -> list[float]:
    """Commonest value per phase, refined to the organ: phase after phase within its band."""
    inside, levels = where, []
    for phase in reversed(phases):
        level = _mode(phase[inside], weight[inside])
        levels.append(level)
        inside = inside & (np.abs(phase - level) < ORGAN_BAND_HU)
    return levels[::-1]


def _distance(first: list[float], second: list[float]) -> float:
    return float(np.sqrt(sum((a - b) ** 2 for a, b in zip(first, second, strict=True))))
