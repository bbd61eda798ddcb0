"""Volume and extent of a compartment, counted on native voxels."""

from __future__ import annotations

import numpy as np

from imgcompare.geometry import FloatArray, Geometry
from imgcompare.measurement.contour import LEVEL

UL_PER_ML = 1000.0
"""Cubic millimetres in a millilitre."""


def volume_ml(fraction: FloatArray, geometry: Geometry) -> float:
    """Volume of a fraction map: the sum of the parts of all voxels, mL."""
    return float(np.asarray(fraction, dtype=np.float64).sum()) * geometry.voxel_volume_ml


def slices_spanned(fraction: FloatArray) -> int:
    """Count the slices on which at least one voxel is half filled."""
    return int(np.count_nonzero((np.asarray(fraction) >= LEVEL).any(axis=(1, 2))))


def sphere_equivalent_diameter_mm(volume: float) -> float:
    """Diameter of the sphere that has this volume in mL."""
    return float((6.0 * volume * UL_PER_ML / np.pi) ** (1.0 / 3.0))
