"""What normal tissue looks like in a prepared timepoint, away from the lesion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from imgcompare.geometry import AnyArray
from imgcompare.model import Role
from imgcompare.segmentation.masks import BoolArray, FloatArray
from imgcompare.segmentation.preparation import Prepared

STRIDE = 2
"""Every second voxel per axis is plenty for medians."""

MIN_VOXELS = 60
SOLID = 0.6
"""Brain below this share of white matter holds fluid (FLAIR)."""

DEFAULT_SPREAD = 0.15

CSF_T2 = 1.7
"""CSF exceeds white matter on T2 by far more than grey matter does (1.2 to 1.5)."""

CSF_FLAIR = 0.6
CSF_T1 = 0.65
"""CSF is darker than this on FLAIR and T1, where it is suppressed, relative to white matter."""

DEFAULT_T2, DEFAULT_FLAIR = 2.8, 0.15
"""CSF over white matter where none can be found."""


@dataclass(frozen=True, slots=True)
class References:
    """Normal levels, white matter = 1.

    Attributes
    ----------
    csf_t2, csf_flair : float
        CSF.
    normal, spread : Mapping of Role to float
        Median of normal brain, grey and white together, on FLAIR and T2, and the distance from
        there to the 84th percentile.
    """

    csf_t2: float
    csf_flair: float
    normal: Mapping[Role, float]
    spread: Mapping[Role, float]


def find_references(prepared: Prepared, region: AnyArray) -> References:
    """Measure CSF and normal brain outside the lesion ``region``, a mask on the full grid.

    Where a tissue cannot be found the result holds textbook values.
    """
    thin = (slice(None, None, STRIDE),) * 3
    brain = prepared.body if prepared.brain is None else prepared.brain
    mask = np.asarray(brain[thin] & (np.asarray(region)[thin] == 0))
    images = {r: a[thin] for r, a in prepared.images.items()}
    fluid = _fluid(images, mask)
    normal: dict[Role, float] = {}
    spread: dict[Role, float] = {}
    for role in (Role.FLAIR, Role.T2):
        if role in images:
            values = images[role][mask & ~fluid]
            normal[role], spread[role] = _upper(values[values > SOLID])
    enough = int(fluid.sum()) >= MIN_VOXELS
    t2 = float(np.median(images[Role.T2][fluid])) if enough and Role.T2 in images else DEFAULT_T2
    dark = enough and Role.FLAIR in images
    flair = float(np.median(images[Role.FLAIR][fluid])) if dark else DEFAULT_FLAIR
    return References(t2, flair, normal, spread)


def _upper(values: AnyArray) -> tuple[float, float]:
    """Give the median and the spread above it: below lie voxels shared with fluid."""
    if values.size < MIN_VOXELS:
        return 1.0, DEFAULT_SPREAD
    middle, upper = np.percentile(values, [50, 84.13])
    return float(middle), float(upper - middle)


def looks_like_fluid(images: Mapping[Role, FloatArray], mask: BoolArray) -> BoolArray:
    """Find voxels of ``mask`` with the signals of CSF on every series; none if one series tells."""
    rules = ((Role.T2, CSF_T2, 1.0), (Role.FLAIR, CSF_FLAIR, -1.0), (Role.T1, CSF_T1, -1.0))
    used = 0
    fluid = mask.copy()
    for role, limit, sign in rules:
        if role in images:
            fluid &= sign * (images[role] - limit) > 0
            used += 1
    return fluid if used > 1 else np.zeros_like(mask)


def _fluid(images: Mapping[Role, FloatArray], mask: BoolArray) -> BoolArray:
    """Find CSF well inside ventricles and cisterns."""
    fluid = looks_like_fluid(images, mask)
    inner = np.asarray(ndimage.binary_erosion(fluid, ndimage.generate_binary_structure(3, 1)))
    return inner if inner.sum() >= MIN_VOXELS else fluid
