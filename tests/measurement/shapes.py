"""Ellipsoids with known partial volumes, and lesions made of them."""

import datetime as dt

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import Geometry
from imgcompare.model import (
    TISSUE_CODES,
    AlignedTimepoint,
    LabelMap,
    Lesion,
    LesionSegmentation,
    Quantity,
    Role,
    Timepoint,
    Tissue,
    Transform,
    Volume,
)

LESION = Lesion(1, "1.2.3")


def ellipsoid_fraction(
    geometry: Geometry,
    centre_mm: npt.ArrayLike,
    radii_mm: npt.ArrayLike,
    *,
    axes: npt.NDArray[np.float64] | None = None,
    subdivisions: int = 4,
) -> npt.NDArray[np.float32]:
    """Part of each voxel inside an ellipsoid whose axes are the columns of ``axes``."""
    axes = np.eye(3) if axes is None else axes
    index = np.stack(np.indices(geometry.shape), axis=-1).astype(float)
    offsets = (np.arange(subdivisions) + 0.5) / subdivisions - 0.5
    total = np.zeros(geometry.shape, dtype=np.float32)
    for shift in np.stack(np.meshgrid(offsets, offsets, offsets), axis=-1).reshape(-1, 3):
        local = (geometry.index_to_world(index + shift) - centre_mm) @ axes / np.asarray(radii_mm)
        total += (local**2).sum(axis=-1) <= 1.0
    return total / np.float32(subdivisions**3)


def segmentation_of(
    fractions: dict[Tissue, npt.NDArray[np.float32]], geometry: Geometry, **options: object
) -> LesionSegmentation:
    """Segmentation whose labels are the largest fraction of each voxel at least half filled."""
    tissues = list(fractions)
    stack = np.stack([fractions[t] for t in tissues])
    codes = np.array([TISSUE_CODES[t] for t in tissues], dtype=np.uint8)
    labels = np.where(stack.sum(axis=0) >= 0.5, codes[stack.argmax(axis=0)], 0).astype(np.uint8)
    named = {TISSUE_CODES[t]: t for t in tissues}
    return LesionSegmentation(LabelMap(labels, geometry, named), fractions, **options)  # type: ignore[arg-type]


def aligned_with(
    array: npt.NDArray[np.floating], geometry: Geometry, *, quantity: Quantity = Quantity.HU
) -> AlignedTimepoint:
    """Timepoint 0 with one image."""
    role = Role.CT_PORTAL if quantity is Quantity.HU else Role.T1C
    volume = Volume(array, geometry, quantity)
    timepoint = Timepoint(0, dt.date(2024, 1, 10), ("1.2",), {})
    same = Transform.identity()
    return AlignedTimepoint(timepoint, role, {role: volume}, {role: same}, same)
