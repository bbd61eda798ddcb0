"""A lesion that gains no contrast: outlined around a seed on FLAIR or T2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from imgcompare.model import Role
from imgcompare.segmentation import morphology as shape
from imgcompare.segmentation.evidence import (
    NOISE_STANDARDS,
    T1_NORMAL,
    Evidence,
    box_around,
    local_level,
    tissue_domain,
)
from imgcompare.segmentation.growing import grow
from imgcompare.segmentation.masks import BoolArray, FloatArray
from imgcompare.segmentation.normalisation import MAD_TO_SD
from imgcompare.segmentation.preparation import Prepared
from imgcompare.segmentation.starting import look_around

ROLES: Final = (Role.FLAIR, Role.T2)
"""Images on which such lesions are bright; FLAIR first, where fluid outside is not."""

NORMAL: Final = (0.6, 1.4)
"""Grey and white matter over white matter on FLAIR and T2 (grey matter: 1.2 to 1.35)."""

LEAST_RISE: Final = 0.2
"""Gain over local normal brain, over white matter, that is beyond grey matter."""


COMPACT: Final = 0.5
"""Half thickness over the radius of a ball of the same volume; sheets stay below 0.3."""


def segment_unenhanced(
    prepared: Prepared,
    index: Sequence[int],
    *,
    reach_mm: float,
    radius_mm: float | None = None,
) -> tuple[BoolArray, Role] | None:
    """Outline what is bright around a voxel on FLAIR, or where it is not, on T2.

    Parameters
    ----------
    prepared : Prepared
        Head MR.
    index : sequence of 3 int
        Voxel of the reference grid.
    reach_mm : float
        How far to look.
    radius_mm : float, optional
        Bounds the extent.

    Returns
    -------
    region : bool array on the reference grid
    basis : Role
        The image it was outlined on. None if the voxel is bright on neither.
    """
    grid = prepared.aligned.geometry
    a, b, c = (int(n) for n in index)
    around = tuple(slice(max(0, n - 1), n + 2) for n in (a, b, c))
    for role in ROLES:
        if role not in prepared.images:
            continue
        box = box_around((a, b, c), reach_mm, grid.spacing_mm, grid.shape)
        evidence, level = _gather(prepared, role, box)
        if float(np.median(prepared.images[role][around])) < level + evidence.floor:
            continue
        x, y, z = (n - s.start for n, s in zip((a, b, c), box, strict=True))
        if radius_mm is not None:
            evidence = evidence.within((x, y, z), radius_mm)
        region = grow(evidence, look_around(evidence, (x, y, z)))
        if role is Role.T2 and not _compact(region, evidence.spacing):
            return None
        out = np.zeros(grid.shape, dtype=bool)
        out[box] = region
        return out, role
    return None


def _gather(prepared: Prepared, role: Role, box: shape.Box) -> tuple[Evidence, float]:
    """Collect the evidence on one image, and the level of normal brain."""
    image = prepared.images[role][box]
    brain = prepared.body if prepared.brain is None else prepared.brain
    spacing = prepared.aligned.geometry.spacing_mm
    normal = brain[box] & (image > NORMAL[0]) & (image < NORMAL[1])
    tissue = brain[box]
    if role is Role.FLAIR and Role.T1 in prepared.images:
        before = prepared.images[Role.T1][box]
        tissue = tissue & (before > T1_NORMAL[0]) & (before < T1_NORMAL[1])
    # A large cyst may be missing from the brain mask: its holes and notches are closed as well.
    domain = tissue_domain(tissue, prepared.body[box], spacing)
    rise = image - local_level(image, normal, spacing)
    spread = _spread(rise[normal]) if normal.any() else 0.0
    floor = max(LEAST_RISE, NOISE_STANDARDS * max(spread, prepared.noise.get(role, 0.0)))
    nothing = np.zeros(image.shape, dtype=bool)
    level = float(np.median(image[normal])) if normal.any() else 1.0
    return Evidence(box, spacing, domain, rise, floor, nothing, solid=True), level


def _compact(region: BoolArray, spacing: shape.Spacing) -> bool:
    """Tell a lump from the sheets of fluid around the brain."""
    if not region.any():
        return False
    box = shape.box_of(region, max(spacing), spacing)
    depth = float(shape.depth_mm(region[box], spacing).max())
    radius = (0.75 / np.pi * float(region.sum()) * float(np.prod(spacing))) ** (1 / 3)
    return bool(depth - 0.5 * min(spacing) >= COMPACT * radius)


def _spread(values: FloatArray) -> float:
    """Robust SD."""
    return MAD_TO_SD * float(np.median(np.abs(values - np.median(values))))
