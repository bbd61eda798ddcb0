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
MAD_TO_SD = 1.4826

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
        Median and robust SD of normal brain, grey and white together, on FLAIR and T2.
    """

    csf_t2: float
    csf_flair: float
    normal: Mapping[Role, float]
    spread: Mapping[Role, float]


def find_references(prepared: Prepared, region: AnyArray) -> References:
    """Measure CSF and normal brain outside a lesion.

    Parameters
    ----------
    prepared : Prepared
    region : bool array
        The lesion, left out.

    Returns
    -------
    References
        Textbook values where a tissue cannot be found.
    """
    thin = (slice(None, None, STRIDE),) * 3
    brain = prepared.body if prepared.brain is None else prepared.brain
    mask = np.asarray(brain[thin] & (np.asarray(region)[thin] == 0))
    images = {r: a[thin] for r, a in prepared.images.items()}
    fluid = _fluid(images, mask)
    normal, spread = {}, {}
    for role in (Role.FLAIR, Role.T2):
        if role in images:
            values = images[role][mask & ~fluid]
            middle = float(np.median(values)) if values.size >= MIN_VOXELS else 1.0
            deviation = np.abs(values - middle)
            normal[role] = middle
            spread[role] = MAD_TO_SD * float(np.median(deviation)) if values.size else 0.1
    enough = int(fluid.sum()) >= MIN_VOXELS
    t2 = float(np.median(images[Role.T2][fluid])) if enough and Role.T2 in images else DEFAULT_T2
    dark = enough and Role.FLAIR in images
    flair = float(np.median(images[Role.FLAIR][fluid])) if dark else DEFAULT_FLAIR
    return References(t2, flair, normal, spread)


def _fluid(images: Mapping[Role, FloatArray], mask: BoolArray) -> BoolArray:
    """Find CSF well inside ventricles and cisterns."""
    rules = ((Role.T2, CSF_T2, 1.0), (Role.FLAIR, CSF_FLAIR, -1.0), (Role.T1, CSF_T1, -1.0))
    used = 0
    fluid = mask.copy()
    for role, limit, sign in rules:
        if role in images:
            fluid &= sign * (images[role] - limit) > 0
            used += 1
    if used < 2:
        return np.zeros_like(mask)
    inner = np.asarray(ndimage.binary_erosion(fluid, ndimage.generate_binary_structure(3, 1)))
    return inner if inner.sum() >= MIN_VOXELS else fluid
