"""How far a measured volume or diameter may lie from the truth, from the image alone.

The outline of a lesion is known to a part of a voxel only. Along each grid axis its position has
a standard deviation of ``shift`` voxels, the same for the whole outline (a threshold a little too
low or too high moves it everywhere), its edge voxels are right or wrong each on its own too, and
the image is noisy. With A_a the area of the outline as seen along axis a, s_a the voxel size along
it, v the voxel volume and N the number of edge voxels::

    var(V) = Σ_a (A_a · shift · s_a)²  +  N v² shift²  +  N v² (noise / contrast)²

Outlines of a kind that was studied on simulated scans of known volumes (docs/calibration.md) have
another first term. Their edge is wrong in lumps (a vessel that touches, a fold) between one voxel
and the whole outline in extent, so the error grows with a power of the area between 1/2 (lumps of
one size) and 1 (the whole outline moves); 3/4 is taken. With A = √Σ A_a², A₀ = 10 cm², s the
coarsest spacing of voxels and p that of pixels, and t the mean thickness 3 V / Σ A_a of the part,
or of the lesion's enhancing part where that is thinner::

    var(V) = (slant · s · A₀ · (A / A₀)^(3/4) · max(1, 3/2 p / t)²)²  +  N v² (noise / contrast)²

The last factor is for rims so thin that no voxel shows their pure signal, by which their outlines
are told. A diameter has two ends that move together: sd(D) = 2 · shift · in-plane voxel size.
Intervals are 1.96 standard deviations, and never reach beyond the volume of the lesion eroded or
dilated by half a voxel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imgcompare.geometry import AnyArray, FloatArray, Geometry
from imgcompare.measurement.contour import Surface, padded, surface_of
from imgcompare.model import WHOLE, Tissue

Z95 = 1.96
"""Standard deviations either side that hold 95 % of a normal distribution."""

HARD_SHIFT = 1.0 / math.sqrt(12.0)
"""Voxels. A yes-or-no outline is rounded by up to half a voxel: the SD of a uniform error."""

SOFT_SHIFT = 0.125
"""Voxels. Partial-volume fractions place the edge within a voxel; a quarter of the half voxel
by which a yes-or-no outline can be wrong (house default)."""


CALIBRATED_MR = {WHOLE: 0.0376, Tissue.ENHANCING.value: 0.0172, Tissue.NECROTIC.value: 0.0418}
"""Slant of lesions outlined on MR, by compartment, fitted on the first 18 heads of
``benchmarks/calibration.py`` and tested on later ones (docs/calibration.md). The SD is that of a
normal error with the same 95 % interval; what was found has longer tails."""


@dataclass(frozen=True, slots=True)
class OutlineError:
    """How well outlines of a kind that was studied follow the truth.

    ``slant`` is the SD of the position of an outline of 10 cm², in spacings of voxels along the
    coarsest axis, and ``rim_mm`` the mean thickness of the lesion's enhancing part.
    """

    slant: float
    rim_mm: float = math.inf


STUDIED_MM2 = 1000.0
"""Area of an outline in the middle of those studied."""

GROWTH = 0.75
"""Power of the area with which errors of studied outlines grow."""

FINEST_STUDIED_MM = 1.0
"""Spacing below which an outline is taken to be placed no better."""

THIN_PIXELS = 1.5
"""Mean thickness of a part, in pixels, below which its error grows: studied rims of up to this had
twice the error of others."""

LEAST_CALIBRATED_SHARE = 0.5
"""Partially filled voxels per edge voxel of the outlines that were studied: .58 and more."""

LEAST_CALIBRATED_ML = 0.4
"""Volume of a lesion that was studied: 0.5 mL and more, some of it not found."""

LEAST_RIM_PIXELS = 1.0
"""Mean thickness of an enhancing part that was studied, in pixels: 1.02 and more."""

MAX_EDGE_NOISE = 0.5
"""Largest error that image noise can make in the fraction of an edge voxel."""

SMALLEST_SEEN_VOXELS = 3
"""Parts of fewer voxels are taken for noise (criteria: Ellingson 2014), so zero may be this."""

HIDDEN_SPACINGS = 2.0
"""A ball of this diameter, in spacings along the coarsest axis, may fill no voxel enough to be
seen (house rule; fitted heads of docs/calibration.md lost cores of up to 1.8 spacings)."""

MIN_SLICES = 3
"""A lesion on fewer slices is of low reliability (criteria.md §6)."""

MIN_DIAMETER_SLICES = 3.0
"""A lesion of a smaller diameter, in slice spacings, is of low reliability (criteria.md §6)."""

LOW_RELIABILITY = "LOW_RELIABILITY"
"""Flag of a figure whose lesion is too small for its slices."""

MEDIAN_OF_NORMAL = 0.6745
"""Median of the absolute value of a standard normal variable."""

SECOND_DIFFERENCE_GAIN = 6.0
"""Growth of white noise by second differences (1, −2, 1) along rows, then along columns."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its standard deviation and 95 % interval, in the figure's own unit."""

    value: float
    sd: float
    low: float
    high: float


def boundary_shift(surface: Surface) -> float:
    """Give the SD of the outline's position in voxels, from `SOFT_SHIFT` to `HARD_SHIFT`.

    Part of an outline may be soft and part of it hard, e.g. where tissues were told apart by
    partial volume inside a given yes-or-no mask; their variances are averaged.
    """
    soft = surface.soft_share
    return math.sqrt(soft * SOFT_SHIFT**2 + (1.0 - soft) * HARD_SHIFT**2)


def volume_estimate(
    fraction: FloatArray,
    geometry: Geometry,
    *,
    surface: Surface | None = None,
    edge_noise: float = 0.0,
    error: OutlineError | None = None,
) -> Estimate:
    """Volume of a fraction map with its 95 % interval.

    Parameters
    ----------
    fraction : float array, shape (slices, rows, columns)
        Part of each voxel that belongs to the compartment.
    geometry : Geometry
        Its grid.
    surface : Surface, optional
        Its surface, where it has been counted already.
    edge_noise : float
        Image noise over the contrast of lesion and surroundings (`edge_noise_ratio`).
    error : OutlineError, optional
        Of outlines of this kind, where they have been studied; else `boundary_shift` is taken.

    Returns
    -------
    Estimate
        In mL. Of an empty map: zero, up to the volume of the smallest part that would be seen.

    References
    ----------
    Boundary model of criteria.md §6; image noise as an independent error of each edge voxel.
    """
    count = float(np.asarray(fraction).sum(dtype=np.float64))
    if count == 0.0:
        return Estimate(0.0, 0.0, 0.0, hidden_ml(geometry))
    surface = surface or surface_of(padded(fraction))
    return surface_estimate(count, surface, geometry, edge_noise=edge_noise, error=error)


def studied_error(
    compartment: str, surface: Surface, geometry: Geometry, *, whole_ml: float, rim_mm: float
) -> OutlineError | None:
    """Give the error of an outline on MR, if it is of a kind that was studied.

    Parameters
    ----------
    compartment : str
        As in `Measurement`.
    surface : Surface
        Of the compartment.
    geometry : Geometry
        Its grid.
    whole_ml : float
        Volume of the whole lesion.
    rim_mm : float
        Mean thickness of its enhancing part, endless where it has none.

    Returns
    -------
    OutlineError or None
        None for other compartments, outlines without partial volumes, and lesions smaller or of
        thinner rims than those studied.
    """
    is_soft = surface.edges == 0 or surface.soft_share >= LEAST_CALIBRATED_SHARE
    is_thick = rim_mm >= LEAST_RIM_PIXELS * max(geometry.spacing_mm[1:])
    if compartment in CALIBRATED_MR and is_soft and is_thick and whole_ml >= LEAST_CALIBRATED_ML:
        return OutlineError(CALIBRATED_MR[compartment], rim_mm)
    return None


def surface_estimate(
    count: float,
    surface: Surface,
    geometry: Geometry,
    *,
    edge_noise: float = 0.0,
    error: OutlineError | None = None,
) -> Estimate:
    """Do what `volume_estimate` does for a map of ``count`` voxels whose surface is known."""
    voxel = geometry.voxel_volume_ml
    edges = max(surface.edges, 1)
    if error is None:
        shift = boundary_shift(surface)
        variance = (sum(f * f for f in surface.faces) + edges) * shift**2
    else:
        rim_mm = min(error.rim_mm, thickness_mm(count, surface, geometry))
        unit_ml = studied_unit_mm3(surface, geometry, rim_mm=rim_mm) / 1000.0
        variance = (error.slant * unit_ml / voxel) ** 2
    half = Z95 * math.sqrt(variance + edges * min(edge_noise, MAX_EDGE_NOISE) ** 2)
    value, reach = count * voxel, half * voxel
    smallest, largest = hard_bounds_ml(surface, value, geometry)
    return Estimate(value, reach / Z95, max(value - reach, smallest), min(value + reach, largest))


def studied_unit_mm3(surface: Surface, geometry: Geometry, *, rim_mm: float) -> float:
    """SD of the volume of a studied outline whose slant is 1: see the head of this module."""
    thin = max(THIN_PIXELS * max(geometry.spacing_mm[1:]) / rim_mm, 1.0)
    spacing_mm = max(*geometry.spacing_mm, FINEST_STUDIED_MM)
    area = math.hypot(*_seen_mm2(surface, geometry)) / STUDIED_MM2
    return float(spacing_mm * STUDIED_MM2 * area**GROWTH * thin**2)


def thickness_mm(count: float, surface: Surface, geometry: Geometry) -> float:
    """Mean thickness of a part of ``count`` voxels, as if it were a sheet; endless if empty."""
    seen_mm2 = sum(_seen_mm2(surface, geometry))
    return 3000.0 * count * geometry.voxel_volume_ml / seen_mm2 if seen_mm2 else math.inf


def _seen_mm2(surface: Surface, geometry: Geometry) -> list[float]:
    """Areas of an outline as seen along the axes, mm²; of a ball each is half its surface."""
    voxel_mm3 = 1000.0 * geometry.voxel_volume_ml
    return [f * voxel_mm3 / mm for f, mm in zip(surface.faces, geometry.spacing_mm, strict=True)]


def hidden_ml(geometry: Geometry) -> float:
    """Volume of the largest part that may go unseen, mL."""
    ball = math.pi / 6.0 * (HIDDEN_SPACINGS * max(geometry.spacing_mm)) ** 3 / 1000.0
    return max(ball, SMALLEST_SEEN_VOXELS * geometry.voxel_volume_ml)


def hard_bounds_ml(surface: Surface, value_ml: float, geometry: Geometry) -> tuple[float, float]:
    """Volume of a lesion of known volume eroded and dilated by half a voxel everywhere, mL."""
    voxel = geometry.voxel_volume_ml
    return 0.5 * (value_ml + surface.eroded * voxel), 0.5 * (value_ml + surface.dilated * voxel)


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
    difference = np.diff(np.diff(values, n=2, axis=1), n=2, axis=2)
    return float(np.median(np.abs(difference))) / (MEDIAN_OF_NORMAL * SECOND_DIFFERENCE_GAIN)


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
