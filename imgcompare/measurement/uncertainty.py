"""How far a measured volume or diameter may lie from the truth, from the image alone.

The outline of a lesion is known to a part of a voxel only. Along each grid axis its position has
a standard deviation of ``shift`` voxels, the same for the whole outline (a threshold a little too
low or too high moves it everywhere), plus independent errors of each edge voxel, plus image noise.
With A_a the area of the outline as seen along axis a and s_a the voxel size along it::

    var(V) = Σ_a (A_a · shift · s_a)²  +  N v² shift²  +  N v² (noise / contrast)²

v is the voxel volume and N the number of edge voxels. A diameter has two ends that move together:
sd(D) = 2 · shift · in-plane voxel size. Intervals are 1.96 standard deviations, and never reach
beyond the volume of the lesion eroded or dilated by half a voxel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imgcompare.geometry import AnyArray, FloatArray, Geometry
from imgcompare.measurement.contour import edge_voxels, soft_share

Z95 = 1.96
"""Standard deviations either side that hold 95 % of a normal distribution."""

HARD_SHIFT = 1.0 / math.sqrt(12.0)
"""Voxels. A yes-or-no outline is rounded by up to half a voxel: the SD of a uniform error."""

SOFT_SHIFT = 0.125
"""Voxels. Partial-volume fractions place the edge within a voxel; a quarter of the half voxel
by which a yes-or-no outline can be wrong (house default)."""

MAX_EDGE_NOISE = 0.5
"""Largest error that image noise can make in the fraction of an edge voxel."""

SMALLEST_SEEN_VOXELS = 3
"""Parts of fewer voxels are taken for noise (criteria: Ellingson 2014), so zero may be this."""

MIN_SLICES = 3
"""A lesion on fewer slices is of low reliability (criteria.md §6)."""

MIN_DIAMETER_SLICES = 3.0
"""A lesion of a smaller diameter, in slice spacings, is of low reliability (criteria.md §6)."""

LOW_RELIABILITY = "LOW_RELIABILITY"
"""Flag of a figure whose lesion is too small for its slices."""

_LAPLACE_DIFFERENCE = np.array([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its standard deviation and 95 % interval, in the figure's own unit."""

    value: float
    sd: float
    low: float
    high: float


def boundary_shift(fraction: FloatArray) -> float:
    """Give the SD of the outline's position in voxels, from `SOFT_SHIFT` to `HARD_SHIFT`.

    Part of an outline may be soft and part of it hard, e.g. where tissues were told apart by
    partial volume inside a given yes-or-no mask; their variances are averaged.
    """
    soft = soft_share(fraction)
    return math.sqrt(soft * SOFT_SHIFT**2 + (1.0 - soft) * HARD_SHIFT**2)


def volume_estimate(
    fraction: FloatArray, geometry: Geometry, *, edge_noise: float = 0.0
) -> Estimate:
    """Volume of a fraction map with its 95 % interval.

    Parameters
    ----------
    fraction : float array, shape (slices, rows, columns)
        Part of each voxel that belongs to the compartment.
    geometry : Geometry
        Its grid.
    edge_noise : float
        Image noise over the contrast of lesion and surroundings (`edge_noise_ratio`).

    Returns
    -------
    Estimate
        In mL. Of an empty map: zero, up to the volume of the smallest part that would be seen.

    References
    ----------
    Boundary model of criteria.md §6; image noise as an independent error of each edge voxel.
    """
    voxel = geometry.voxel_volume_ml
    value = float(np.asarray(fraction, dtype=np.float64).sum()) * voxel
    if value == 0.0:
        return Estimate(0.0, 0.0, 0.0, SMALLEST_SEEN_VOXELS * voxel)
    shift = boundary_shift(fraction)
    systematic = np.sum([(shift * area) ** 2 for area in projected_faces(fraction)])
    each = shift**2 + min(edge_noise, MAX_EDGE_NOISE) ** 2
    sd = voxel * math.sqrt(float(systematic) + max(edge_voxels(fraction), 1) * each)
    smallest, largest = hard_bounds_ml(fraction, geometry)
    low = max(value - Z95 * sd, smallest, 0.0)
    return Estimate(value, sd, low, min(value + Z95 * sd, largest))


def projected_faces(fraction: FloatArray) -> tuple[float, float, float]:
    """Area of the outline seen along each axis, counted in voxel faces (total variation)."""
    field = np.pad(np.asarray(fraction, dtype=np.float64), 1)
    a, b, c = (float(np.abs(np.diff(field, axis=axis)).sum()) for axis in range(3))
    return a, b, c


def hard_bounds_ml(fraction: FloatArray, geometry: Geometry) -> tuple[float, float]:
    """Volume of the lesion eroded and dilated by half a voxel along every axis, mL."""
    field = np.pad(np.asarray(fraction, dtype=np.float64), 1)
    cross = ndimage.generate_binary_structure(3, 1)
    eroded = ndimage.grey_erosion(field, footprint=cross).sum()
    dilated = ndimage.grey_dilation(field, footprint=cross).sum()
    half = 0.5 * geometry.voxel_volume_ml
    return float(field.sum() + eroded) * half, float(field.sum() + dilated) * half


def diameter_estimate(
    length_mm: float, geometry: Geometry, *, shift: float, through_plane: bool = False
) -> Estimate:
    """95 % interval of a diameter.

    Parameters
    ----------
    length_mm : float
        The measured diameter.
    geometry : Geometry
        Grid it was measured on.
    shift : float
        Standard deviation of the outline's position in voxels (`boundary_shift`).
    through_plane : bool
        Whether the diameter may run across slices, where the outline is known less well.

    Notes
    -----
    The largest slice of a round lesion of diameter D may pass up to half a spacing s beside its
    middle and then shows sqrt(D² − s²): a uniform error of that range is added.
    """
    slice_mm, row_mm, column_mm = geometry.spacing_mm
    voxel_mm = max(row_mm, column_mm, slice_mm if through_plane else 0.0)
    ends = 2.0 * shift * voxel_mm
    missed = length_mm - math.sqrt(max(length_mm**2 - geometry.slice_spacing_mm**2, 0.0))
    sd = math.hypot(ends, missed / math.sqrt(12.0))
    return Estimate(length_mm, sd, max(length_mm - Z95 * sd, 0.0), length_mm + Z95 * sd)


def product_estimate(longest: Estimate, perpendicular: Estimate) -> Estimate:
    """95 % interval of the product of two diameters, whose errors are taken to go together."""
    value = longest.value * perpendicular.value
    sd = longest.value * perpendicular.sd + perpendicular.value * longest.sd
    return Estimate(value, sd, longest.low * perpendicular.low, longest.high * perpendicular.high)


def is_low_reliability(slices: int, diameter_mm: float, slice_mm: float) -> bool:
    """Tell whether a lesion is too small for its slices to be measured well."""
    return slices < MIN_SLICES or diameter_mm < MIN_DIAMETER_SLICES * slice_mm


def noise_sd(image: AnyArray) -> float:
    """Noise of an image from its second differences, in its own unit.

    References
    ----------
    Immerkær 1996, 10.1006/cviu.1996.0060; the median in place of the mean keeps edges out.
    """
    values = np.asarray(image, dtype=np.float64)
    if min(values.shape[1:]) < MIN_SLICES:
        return 0.0
    difference = ndimage.convolve(values, _LAPLACE_DIFFERENCE[None], mode="nearest")
    inner = np.abs(difference[:, 1:-1, 1:-1])
    gain = float(np.linalg.norm(_LAPLACE_DIFFERENCE))
    median_of_normal = 0.6745  # median of |x| for a standard normal x
    return float(np.median(inner)) / (median_of_normal * gain)


def edge_noise_ratio(
    image: AnyArray, fraction: npt.NDArray[np.float32], noise: float | None = None
) -> float:
    """Image noise over the contrast between a region and its surroundings, at most 0.5."""
    inside = np.asarray(fraction) >= MAX_EDGE_NOISE
    around = ndimage.binary_dilation(inside, iterations=2) & (np.asarray(fraction) == 0.0)
    if not inside.any() or not around.any():
        return 0.0
    contrast = abs(float(image[inside].mean()) - float(image[around].mean()))
    sd = noise_sd(image) if noise is None else noise
    return MAX_EDGE_NOISE if contrast <= 2.0 * sd else sd / contrast
