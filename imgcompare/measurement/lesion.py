"""All figures of one lesion at one timepoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgcompare.errors import GeometryMismatchError
from imgcompare.geometry import AnyArray, Geometry
from imgcompare.measurement import diameters
from imgcompare.measurement.contour import SOFT_SHARE, Surface, padded, surface_of
from imgcompare.measurement.intensity import intensity_estimates
from imgcompare.measurement.uncertainty import (
    LOW_RELIABILITY,
    Estimate,
    OutlineError,
    boundary_shift,
    diameter_estimate,
    edge_noise_ratio,
    is_low_reliability,
    noise_sd,
    product_estimate,
    studied_error,
    thickness_mm,
    volume_estimate,
)
from imgcompare.measurement.volume import slices_spanned, sphere_equivalent_diameter_mm
from imgcompare.model import (
    WHOLE,
    AlignedTimepoint,
    Lesion,
    LesionSegmentation,
    Measurement,
    Role,
    Tissue,
)

PROPOSED = "PROPOSED"
"""Flag: the lesion was outlined automatically, without a mask or seed."""

AT_IMAGE_EDGE = "AT_IMAGE_EDGE"
"""Flag: the lesion reaches the edge of the image and may be larger than measured."""

ENHANCED_CT = (Role.CT_ARTERIAL, Role.CT_PORTAL, Role.CT_DELAYED)
"""Roles of CT after contrast, whose mean enhancement over CT_PRE is measured."""

STUDIED = ("seed", "proposal")
"""Sources of outlines whose errors were studied (docs/calibration.md), also when carried over from
another timepoint. Outlines by a person, edited ones, and those on FLAIR or T2 were not."""

PARTS = "one connected part of one slice"
LONGEST_METHOD = f"longest in-plane diameter, {PARTS}"
PERPENDICULAR_METHOD = "largest extent at right angles to the longest diameter, same slice"
SHORT_AXIS_METHOD = "largest, over the slices, of the perpendicular to the longest diameter"
SPACE_METHOD = "greatest distance in any direction between points of the outline (IBSI L0JK)"
VIABLE_METHOD = f"longest in-plane line within viable tissue, {PARTS}"
VIABLE_PERPENDICULAR_METHOD = "longest line within viable tissue that crosses it squarely"
ZERO_METHOD = "no tissue found"


@dataclass(frozen=True, slots=True, eq=False)
class _Region:
    """One compartment about to be measured."""

    name: str
    fraction: npt.NDArray[np.float32]
    image: AnyArray
    geometry: Geometry
    edge_noise: float
    surface: Surface
    before_contrast: AnyArray | None
    error: OutlineError | None

    @property
    def is_soft(self) -> bool:
        """Whether the outline holds partial volumes."""
        return self.surface.soft_share > SOFT_SHARE

    def outline(self, quantity: str) -> str:
        """How its outline was drawn, in words."""
        if self.is_soft:
            return "sub-voxel outline at fraction 0.5"
        if quantity == "diameter_3d":
            return "outline half way between voxel centres"
        return "anti-aliased outline of whole voxels"


@dataclass(frozen=True, slots=True)
class _Row:
    quantity: str
    unit: str
    estimate: Estimate
    method: str
    ends: tuple[tuple[float, float, float], ...] = ()
    calibrated: bool = False


def measure_lesion(
    segmentation: LesionSegmentation,
    aligned: AlignedTimepoint,
    *,
    lesion: Lesion,
    looked_for: Iterable[Tissue] = (),
) -> tuple[Measurement, ...]:
    """Measure every compartment of one lesion on the native voxels of the reference series.

    Parameters
    ----------
    segmentation : LesionSegmentation
        Compartments on a crop of the reference grid.
    aligned : AlignedTimepoint
        The timepoint's images; the untouched reference is measured.
    lesion : Lesion
        Whose figures these are.
    looked_for : iterable of Tissue
        Tissues that were looked for; those not found get an explicit zero, so that a change to
        zero is seen. Never enhancing tissue, if ``segmentation`` has attenuation classes only.

    Returns
    -------
    tuple of Measurement
        Volumes in mL with 95 % intervals for the whole lesion, each tissue that
        ``segmentation.fractions`` names (zero if it is empty) and each that was looked for.
        Diameters in mm, with their ends in patient coordinates, for the whole lesion and for the
        enhancing (viable) part; mean and spread of the image values per compartment, and the
        mean enhancement in HU where there is a CT before and after contrast.

    Raises
    ------
    GeometryMismatchError
        If the segmentation is no crop of the reference grid.
    """
    image = _cropped(aligned, segmentation, aligned.reference_role)
    before = _before_contrast(aligned, segmentation)
    noise = noise_sd(image)
    unit = str(aligned.reference.quantity.value)
    flags = _common_flags(segmentation, aligned)
    series = aligned.timepoint.series.get(aligned.reference_role)
    own = _is_own(segmentation, aligned.reference_role)
    whole_ml, rim_mm = _size(segmentation)
    measurements = []
    for name in _compartments(segmentation, tuple(looked_for)):
        fraction = segmentation.fraction(name)
        ratio = edge_noise_ratio(image, fraction, noise)
        surface = surface_of(padded(fraction))
        error = (
            studied_error(name, surface, segmentation.geometry, whole_ml=whole_ml, rim_mm=rim_mm)
            if own
            else None
        )
        region = _Region(
            name, fraction, image, segmentation.geometry, ratio, surface, before, error
        )
        rows = tuple(_rows(region, unit))
        extra = (LOW_RELIABILITY,) if _is_unreliable(region, rows) else ()
        for row in rows:
            measurements.append(
                Measurement(
                    lesion_id=lesion.id,
                    timepoint_index=aligned.timepoint.index,
                    compartment=name,
                    quantity=row.quantity,
                    value=row.estimate.value,
                    unit=row.unit,
                    ci_low=row.estimate.low,
                    ci_high=row.estimate.high,
                    endpoints_lps_mm=row.ends,
                    method=row.method,
                    series_uid=series.uid if series else "",
                    flags=flags + extra,
                    calibrated=row.calibrated,
                )
            )
    return tuple(measurements)


def absent_lesion(
    lesion: Lesion,
    timepoint_index: int,
    *,
    tissues: Iterable[Tissue] = (),
    series_uid: str = "",
    detection_limit_ml: float = float("nan"),
) -> tuple[Measurement, ...]:
    """Zero rows for a lesion that was looked for and is gone at a timepoint.

    Parameters
    ----------
    lesion : Lesion
        The lesion that vanished.
    timepoint_index : int
        When it was found to be gone.
    tissues : iterable of Tissue
        Tissues it had before, which are now zero too.
    series_uid : str
        Series in which it was looked for.
    detection_limit_ml : float
        Volume below which it would not have been seen; the upper end of the intervals.
    """
    limit_mm = sphere_equivalent_diameter_mm(detection_limit_ml)
    present = tuple(tissues)
    names = (WHOLE, *(t.value for t in Tissue if t in present))
    rows = [(name, "volume", "mL", detection_limit_ml) for name in names]
    for name in (WHOLE, Tissue.ENHANCING.value):
        if name in names:
            lengths = ["longest_diameter", "perpendicular_diameter"]
            lengths += ["short_axis", "diameter_3d"] if name == WHOLE else []
            rows += [(name, quantity, "mm", limit_mm) for quantity in lengths]
            rows.append((name, "bidimensional_product", "mm2", limit_mm**2))
    return tuple(
        Measurement(
            lesion_id=lesion.id,
            timepoint_index=timepoint_index,
            compartment=name,
            quantity=quantity,
            value=0.0,
            unit=unit,
            ci_low=0.0,
            ci_high=limit,
            method=ZERO_METHOD,
            series_uid=series_uid,
        )
        for name, quantity, unit, limit in rows
    )


def _compartments(
    segmentation: LesionSegmentation, looked_for: tuple[Tissue, ...]
) -> tuple[str, ...]:
    """Whole lesion first, then each tissue that was found or looked for."""
    names = {*segmentation.fractions, *looked_for}
    if segmentation.attenuation_classes_only:
        names.discard(Tissue.ENHANCING)
    return (WHOLE, *(t.value for t in Tissue if t in names))


def _is_own(segmentation: LesionSegmentation, role: Role) -> bool:
    """Tell whether imgcompare itself outlined a lesion on MR after contrast."""
    return role is Role.T1C and segmentation.source.partition(" carried ")[0] in STUDIED


def _size(segmentation: LesionSegmentation) -> tuple[float, float]:
    """Volume of the whole lesion, mL, and mean thickness of its enhancing part, mm."""
    grid = segmentation.geometry
    whole, rim = (
        segmentation.fraction(name).astype(np.float64) for name in (WHOLE, Tissue.ENHANCING)
    )
    surface = surface_of(padded(segmentation.fraction(Tissue.ENHANCING)))
    whole_ml = float(whole.sum()) * grid.voxel_volume_ml
    return whole_ml, thickness_mm(float(rim.sum()), surface, grid)


def _before_contrast(
    aligned: AlignedTimepoint, segmentation: LesionSegmentation
) -> AnyArray | None:
    """Give the CT before contrast that belongs to a CT after it, on the segmentation's grid."""
    if aligned.reference_role not in ENHANCED_CT or Role.CT_PRE not in aligned.images:
        return None
    return _cropped(aligned, segmentation, Role.CT_PRE)


def _cropped(aligned: AlignedTimepoint, segmentation: LesionSegmentation, role: Role) -> AnyArray:
    """Cut an image to the grid of the segmentation."""
    start = segmentation.geometry.offset_in(aligned.geometry)
    stop = tuple(a + n for a, n in zip(start, segmentation.geometry.shape, strict=True))
    if min(start) < 0 or any(e > n for e, n in zip(stop, aligned.geometry.shape, strict=True)):
        raise GeometryMismatchError(
            f"The lesion's grid [{segmentation.geometry}] reaches beyond the image's "
            f"[{aligned.geometry}]."
        )
    return aligned.images[role].array[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]


def _common_flags(segmentation: LesionSegmentation, aligned: AlignedTimepoint) -> tuple[str, ...]:
    flags = list(segmentation.flags)
    if segmentation.proposed:
        flags.append(PROPOSED)
    inside = np.argwhere(segmentation.mask(WHOLE))
    if len(inside):
        start = np.array(segmentation.geometry.offset_in(aligned.geometry))
        low, high = inside.min(axis=0) + start, inside.max(axis=0) + start
        if (low == 0).any() or (high == np.array(aligned.geometry.shape) - 1).any():
            flags.append(AT_IMAGE_EDGE)
    return tuple(dict.fromkeys(flags))


def _rows(region: _Region, unit: str) -> Iterator[_Row]:
    volume = volume_estimate(
        region.fraction,
        region.geometry,
        surface=region.surface,
        edge_noise=region.edge_noise,
        error=region.error,
    )
    counting = "sum of voxel fractions" if region.is_soft else "sum of whole voxels"
    method = counting if volume.value else ZERO_METHOD
    yield _Row("volume", "mL", volume, method, calibrated=region.error is not None)
    if region.name in (WHOLE, Tissue.ENHANCING.value):
        yield from _diameter_rows(region)
    intensities = intensity_estimates(region.image, region.fraction)
    if intensities is not None:
        mean, sd = intensities
        yield _Row("mean_intensity", unit, mean, "native voxels at least half filled")
        yield _Row("sd_intensity", unit, sd, "native voxels at least half filled")
    if region.before_contrast is not None:
        difference = region.image.astype(np.float32) - region.before_contrast
        rise = intensity_estimates(difference, region.fraction)
        if rise is not None:
            yield _Row("mean_enhancement", unit, rise[0], "reference minus CT before contrast")


def _diameter_rows(region: _Region) -> Iterator[_Row]:
    field = diameters.outline_field(region.fraction)
    viable = region.name != WHOLE
    find = diameters.viable_diameters if viable else diameters.planar_diameters
    planar = find(field, region.geometry)
    methods = (
        (VIABLE_METHOD, VIABLE_PERPENDICULAR_METHOD)
        if viable
        else (LONGEST_METHOD, PERPENDICULAR_METHOD)
    )
    longest, first = _length_row(
        region, "longest_diameter", planar.longest if planar else None, methods[0]
    )
    across, second = _length_row(
        region, "perpendicular_diameter", planar.perpendicular if planar else None, methods[1]
    )
    yield first
    yield second
    product = product_estimate(longest, across)
    yield _Row("bidimensional_product", "mm2", product, "longest × perpendicular diameter")
    if viable:
        return
    node = diameters.short_axis(field, region.geometry)
    yield _length_row(region, "short_axis", node, SHORT_AXIS_METHOD)[1]
    space = diameters.diameter_3d(padded(region.fraction), region.geometry)
    yield _length_row(region, "diameter_3d", space, SPACE_METHOD)[1]


def _length_row(
    region: _Region, quantity: str, diameter: diameters.Diameter | None, method: str
) -> tuple[Estimate, _Row]:
    if diameter is None:
        zero = Estimate(0.0, 0.0, 0.0, region.geometry.spacing_mm[1])
        return zero, _Row(quantity, "mm", zero, ZERO_METHOD)
    estimate = diameter_estimate(
        diameter.length_mm,
        region.geometry,
        shift=boundary_shift(region.surface),
        through_plane=quantity == "diameter_3d",
    )
    ends = diameter.endpoints_lps_mm(region.geometry)
    return estimate, _Row(quantity, "mm", estimate, f"{method}; {region.outline(quantity)}", ends)


def _is_unreliable(region: _Region, rows: tuple[_Row, ...]) -> bool:
    """Whether a compartment is too small for its slices; an empty one is not."""
    volume = rows[0].estimate.value
    if volume == 0.0:
        return False
    lengths = [row.estimate.value for row in rows if row.quantity == "longest_diameter"]
    size = lengths[0] if lengths else sphere_equivalent_diameter_mm(volume)
    slices = slices_spanned(region.fraction)
    return is_low_reliability(slices, size, region.geometry.slice_spacing_mm)
