"""Fits a regular grid to slice positions, or says why there is none: gaps, uneven spacing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import Geometry, from_slices
from imgcompare.loading.instances import Instance, SeriesFacts
from imgcompare.loading.listing import first_few
from imgcompare.loading.regridding import Regrid, plan_regrid

SAME_POSITION_MM: Final = 0.01
"""Planes closer than this lie at one position; the thinnest clinical spacing is 0.1 mm."""

ROUNDING_MM: Final = 0.11
"""Positions written with one decimal are off by up to 0.05 mm, at a slice and at the ends."""

UNEVEN_FRACTION: Final = 0.02
"""A plane may be off its regular position by this part of the spacing."""

TILT_TOLERANCE_DEG: Final = 0.05
"""Slice axes this close to the normal are perpendicular up to header rounding."""

TILT_TAG_TOLERANCE_DEG: Final = 1.0
"""A stated gantry tilt may be off by this; scanners round to half degrees."""

USUAL_GAP: Final = 1.25
"""2-D MR leaves up to a quarter of the thickness between slices, against cross-talk; more is said
(McRobbie, MRI from Picture to Proton, chapter on slice selection)."""

SPACING_TAG_TOLERANCE: Final = 0.02
"""A stated slice spacing may be off by this part."""

_MOST_LOST: Final = 5
"""Slices of which one may be left where others were lost at regular places."""

Heights = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A grid for planes, or the reason why there is none.

    ``missing`` and ``uneven`` tell two kinds of refusals from others; ``regrid`` is how uneven
    slices become even, where the acquisition supports that.
    """

    geometry: Geometry
    refusal: str = ""
    notes: tuple[str, ...] = ()
    regrid: Regrid | None = None
    uneven: bool = False
    missing: bool = False


def median(values: npt.NDArray[np.float64]) -> float:
    """Give the median; numpy's own loads masked arrays first, a third of the time of a scan."""
    ordered = np.sort(values)
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2.0


@lru_cache(maxsize=1024)
def normal_of(orientation: tuple[float, ...]) -> Heights:
    """Give the unit normal of the image plane, shape (3,): along columns × along rows."""
    normal = np.cross(orientation[:3], orientation[3:])
    length = float(np.linalg.norm(normal))
    unit = np.asarray(normal / length if length > 0.0 else normal, dtype=np.float64)
    unit.flags.writeable = False  # one object serves all who ask
    return unit


def heights_of(planes: Sequence[Instance]) -> Heights:
    """Positions of planes along their common normal, mm; shape (n,)."""
    normal = normal_of(planes[0].facts.orientation)
    return np.asarray(np.array([p.position for p in planes]) @ normal, dtype=np.float64)


def shape_of(planes: Sequence[Instance]) -> tuple[int, int, int]:
    """Give the number of slices, rows and columns."""
    pixels = planes[0].facts.pixels
    return len(planes), max(1, pixels.rows), max(1, pixels.columns)


def thickness_of(planes: Sequence[Instance]) -> float | None:
    """Slice thickness, mm; the thinnest where planes differ, None where none is recorded."""
    found = [p.facts.acquisition.slice_thickness_mm for p in planes]
    return min((abs(t) for t in found if t), default=None)


def fit_grid(planes: Sequence[Instance]) -> Fit:
    """Fit a grid to planes.

    Parameters
    ----------
    planes : sequence of Instance
        In order along the normal, all with position, orientation and pixel spacing.

    Returns
    -------
    Fit
        Exact where slices are even, tilted ones included.
    """
    facts, heights = planes[0].facts, heights_of(planes)
    thickness = facts.slice_spacing_mm or facts.acquisition.slice_thickness_mm
    positions = np.array([p.position for p in planes])
    geometry = from_slices(
        positions if heights[-1] - heights[0] > SAME_POSITION_MM else positions[:1],
        facts.orientation,
        facts.pixel_spacing_mm,
        shape_of(planes)[1:],
        facts.frame_uid,
        slice_spacing_mm=abs(thickness) if thickness else None,
    )
    if len(planes) == 1:
        return Fit(geometry, notes=("one slice only",))
    gaps = np.diff(heights)
    if gaps.min() <= SAME_POSITION_MM:
        return Fit(geometry, "holds several images at one position that nothing tells apart")
    part = (heights - heights[0]) / (heights[-1] - heights[0])
    line = positions[0] + np.outer(part, positions[-1] - positions[0])
    beside = float(np.linalg.norm(positions - line, axis=1).max())
    if beside > _allowed(median(gaps)):
        text = f"has slices up to {beside:.2f} mm beside one line; they make no regular grid"
        return Fit(geometry, text)
    if not is_even(gaps):
        return _fit_uneven(planes, heights, geometry)
    geometry, notes = _straighten(geometry, facts)
    return Fit(geometry, notes=(*notes, *_coverage(geometry, planes)))


def is_even(gaps: Heights) -> bool:
    """Whether planes with these gaps are evenly spaced, up to how positions are rounded."""
    ends = np.concatenate([[0.0], np.cumsum(gaps)])
    regular = np.linspace(0.0, ends[-1], len(ends))
    return bool(np.abs(ends - regular).max() <= _allowed(median(gaps)))


def _allowed(gap: float) -> float:
    return max(ROUNDING_MM if gap > 4 * ROUNDING_MM else gap / 4, UNEVEN_FRACTION * gap)


def _fit_uneven(planes: Sequence[Instance], heights: Heights, geometry: Geometry) -> Fit:
    """Tell missing slices from uneven ones, and plan even slices for these."""
    missing = _missing(heights)
    if missing:
        return Fit(geometry, missing, missing=True)
    thickness = thickness_of(planes)
    text = f"has unevenly spaced slices: {gaps_text(heights)}"
    regrid = plan_regrid(heights, thickness)
    if regrid is None:
        known = f"{thickness:g} mm thick" if thickness else "of unknown thickness"
        text += f"; they are {known}, so tissue in the larger gaps was not imaged"
        return Fit(geometry, text, uneven=True)
    affine = geometry.affine.copy()
    affine[:3, 0] *= (len(planes) - 1) / (regrid.count - 1)
    shape = (regrid.count, *geometry.shape[1:])
    even = Geometry(shape, affine, geometry.frame_of_reference_uid)
    even, notes = _straighten(even, planes[0].facts)
    return Fit(even, text, notes, regrid, uneven=True)


def gaps_text(heights: Heights) -> str:
    """Name the gaps between slices and how often each occurs."""
    values, counts = np.unique(np.round(np.diff(heights), 2), return_counts=True)
    order = np.argsort(-counts, kind="stable")[:8]
    listed = ", ".join(f"{values[n]:g} mm ({counts[n]}×)" for n in sorted(order))
    more = ", …" if len(values) > len(order) else ""
    return f"gaps of {listed}{more} between {len(heights)} slices"


def _missing(heights: Heights) -> str:
    """Say which slices are missing from an even spacing; empty if that is not what is wrong."""
    gaps = np.diff(heights)
    for unit in (median(gaps), float(gaps.min())):
        steps = np.rint(gaps / unit)
        fits = np.abs(gaps - steps * unit).max() <= 2 * _allowed(unit) * steps.max()
        if fits and steps.min() >= 1 and len(gaps) < steps.sum() < 2 * len(heights):
            count = int(steps.sum()) + 1
            expected = np.linspace(heights[0], heights[-1], count)
            found = np.concatenate([[0], np.cumsum(steps)]).astype(int)
            return missing_text(expected, np.delete(expected, found), "missing")
    return ""


def missing_text(expected: Heights, missing: Heights, word: str) -> str:
    """Name expected and found positions."""
    shown = first_few([f"{m:.2f}" for m in missing], 8)
    return (
        f"is incomplete: {len(expected)} slices expected every "
        f"{(expected[-1] - expected[0]) / max(1, len(expected) - 1):.3g} mm from {expected[0]:.2f} "
        f"to {expected[-1]:.2f} mm along the slice normal, {len(expected) - len(missing)} found; "
        f"{word} at {shown} mm"
    )


def _straighten(geometry: Geometry, facts: SeriesFacts) -> tuple[Geometry, tuple[str, ...]]:
    """Remove shear that is header rounding; report shear that is gantry tilt."""
    normal = normal_of(facts.orientation)
    along = geometry.directions[:, 0]
    tilt = float(np.degrees(np.arccos(np.clip(np.dot(normal, along), -1.0, 1.0))))
    stated = abs(facts.gantry_tilt_deg or 0.0)
    if tilt > TILT_TOLERANCE_DEG:
        note = f"slices are sheared by {tilt:.1f}° (gantry tilt); the exact sheared grid is kept"
        return geometry, (note, *_tilt_doubt(tilt, stated if stated else tilt))
    if tilt > 0.0:
        affine = geometry.affine.copy()
        affine[:3, 0] = normal * np.dot(affine[:3, 0], normal)
        middle = (geometry.shape[0] - 1) / 2.0
        affine[:3, 3] += middle * (geometry.affine[:3, 0] - affine[:3, 0])
        geometry = Geometry(geometry.shape, affine, geometry.frame_of_reference_uid)
    return geometry, _tilt_doubt(0.0, stated)


def _tilt_doubt(tilt: float, stated: float) -> tuple[str, ...]:
    if abs(tilt - stated) <= TILT_TAG_TOLERANCE_DEG:
        return ()
    return (
        f"its header says {stated:g}° of gantry tilt, its slice positions {tilt:.1f}°; the "
        "positions are used",
    )


def _one_of(ratio: float) -> str:
    """Say where whole slices may be missing between all others."""
    whole = round(ratio)
    fits = 1 < whole <= _MOST_LOST and abs(ratio - whole) <= SPACING_TAG_TOLERANCE * whole
    return f" (only one of {whole} slices may be here)" if fits else ""


def _coverage(geometry: Geometry, planes: Sequence[Instance]) -> tuple[str, ...]:
    """Say where tissue between slices was not imaged, or a header states another spacing."""
    notes = []
    step, facts = geometry.slice_spacing_mm, planes[0].facts
    thickness = thickness_of(planes)
    if thickness and step > USUAL_GAP * thickness + ROUNDING_MM:
        notes.append(
            f"slices of {thickness:.3g} mm lie {step:.3g} mm apart; the tissue between was not "
            "imaged"
        )
    stated = abs(facts.slice_spacing_mm or 0.0)
    along = geometry.spacing_mm[0]
    if stated and min(abs(stated - s) / s for s in (step, along)) > SPACING_TAG_TOLERANCE:
        notes.append(
            f"its header says {stated:.3g} mm between slices, their positions {step:.3g} mm; the "
            f"positions are used{_one_of(step / stated)}"
        )
    return tuple(notes)
