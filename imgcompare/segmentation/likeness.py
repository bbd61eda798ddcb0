"""What looks like a lesion, and what is a speck, a vessel, dura or choroid plexus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from imgcompare.model import Role
from imgcompare.segmentation import morphology as shape
from imgcompare.segmentation.evidence_ct import VEIN_HU
from imgcompare.segmentation.masks import BoolArray, FloatArray
from imgcompare.segmentation.preparation import Prepared
from imgcompare.segmentation.references import CSF_T1, CSF_T2

MIN_LESION_ML: Final = 0.1
"""Smaller finds are dropped (criteria: Ellingson 2014)."""

MIN_LESION_VOXELS: Final = 12
"""Nor are fewer voxels shown, whose shape says nothing."""

COMPACT: Final = 0.55
"""Half thickness over the radius of a ball of the same volume: 1 for a ball, 0.3 for a tube.

Gliomas with their cores reach 0.7, sinuses, arteries and sheets of dura stay below 0.5.
"""

IN_FLUID: Final = 0.45
"""A find with this part of its surroundings fluid is choroid plexus."""

CONTINUED: Final = 0.45
"""A find whose surroundings gain this share of its own gain is a piece of vessel or dura."""


def is_lesion(prepared: Prepared, region: BoolArray, *, beside: BoolArray | None = None) -> bool:
    """Tell lesions from specks, vessels and dura (thin, going on) and choroid plexus (in fluid).

    Parameters
    ----------
    prepared : Prepared
    region : bool array
        Something that stands out, on the reference grid.
    beside : bool array, optional
        Lesions known, which are not counted among its surroundings.
    """
    grid = prepared.aligned.geometry
    if region.sum() < max(MIN_LESION_ML / grid.voxel_volume_ml, MIN_LESION_VOXELS):
        return False
    spacing = grid.spacing_mm
    box = shape.box_of(region, 4.0, spacing)
    inside = region[box]
    if roundness(inside, spacing) < COMPACT:
        return False
    around: npt.NDArray[np.bool_] = shape.dilate(inside, 3.0, spacing) & ~inside
    if beside is not None:
        around &= ~shape.dilate(beside[box], min(spacing), spacing)
        if not around.any():
            return False
    if prepared.is_ct and _is_blood(
        {r: i[box] for r, i in prepared.images.items()}, inside, around
    ):
        return False
    if prepared.enhancement is not None and not prepared.is_ct:
        gain = prepared.enhancement[box]
        if np.percentile(gain[around], 90) > CONTINUED * np.percentile(gain[inside], 90):
            return False
    if prepared.is_ct:
        return True
    fluid = _fluid({r: i[box][around] for r, i in prepared.images.items()})
    return bool(fluid.sum() < IN_FLUID * around.sum())


def _fluid(images: Mapping[Role, FloatArray]) -> BoolArray:
    """Tell CSF, and voxels shared with it, from brain and from oedema, as bright on T2 alone.

    T1 after contrast alone tells nothing.
    """
    told = bool(images.keys() & {Role.T1, Role.T2, Role.FLAIR})
    fluid = np.full(next(iter(images.values())).shape, told)
    if Role.T2 in images:
        fluid &= images[Role.T2] > CSF_T2
    if Role.FLAIR in images:
        fluid &= images[Role.FLAIR] < 1.0  # oedema is brighter than white matter
    if Role.T1 in images and not {Role.T2, Role.FLAIR} <= images.keys():
        fluid &= images[Role.T1] < CSF_T1
    return fluid


def _is_blood(images: Mapping[Role, FloatArray], inside: BoolArray, around: BoolArray) -> bool:
    """Tell veins: they exceed the organ in the portal phase, and their own arterial phase."""
    if Role.CT_PORTAL not in images or Role.CT_ARTERIAL not in images or not around.any():
        return False
    # The upper quartile: edges that a vein shares with the organ do not count.
    portal = float(np.percentile(images[Role.CT_PORTAL][inside], 75))
    arterial = float(np.percentile(images[Role.CT_ARTERIAL][inside], 75))
    organ = float(np.median(images[Role.CT_PORTAL][around]))
    return portal > organ + VEIN_HU and portal > arterial + VEIN_HU


def roundness(part: BoolArray, spacing: shape.Spacing) -> float:
    """Half thickness of a part over the radius of a ball of the same volume."""
    volume_mm3 = float(part.sum()) * float(np.prod(spacing))
    radius = (3.0 * volume_mm3 / (4.0 * np.pi)) ** (1.0 / 3.0)
    depth = shape.depth_mm(np.pad(part, 1), spacing).max()
    return float((depth - 0.5 * min(spacing)) / radius)
