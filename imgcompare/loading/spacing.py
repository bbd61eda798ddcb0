"""Fits a regular grid to slice positions, or says why there is none: gaps, uneven spacing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import Geometry, from_slices
from imgcompare.loading.instances import Instance, SeriesFacts

SAME_POSITION_MM: Final = 0.01
"""Planes closer than this lie at one position; the thinnest clinical spacing is 0.1 mm."""

ROUNDING_MM: Final = 0.11
"""Positions written with one decimal are off by up to 0.05 mm, at a slice and at the ends."""

UNEVEN_FRACTION: Final = 0.02
"""A plane may be off its regular position by this part of the spacing."""

TILT_TOLERANCE_DEG: Final = 0.05
"""Slice axes this close to the normal are perpendicular up to header rounding."""


def normal_of(orientation: Sequence[float]) -> npt.NDArray[np.float64]:
    """Give the unit normal of the image plane, shape (3,): along columns × along rows."""
    normal = np.cross(np.asarray(orientation[:3], float), np.asarray(orientation[3:], float))
    length = float(np.linalg.norm(normal))
    return np.asarray(normal / length if length > 0.0 else normal, dtype=np.float64)


def shape_of(planes: Sequence[Instance]) -> tuple[int, int, int]:
    """Give the number of slices, rows and columns."""
    pixels = planes[0].facts.pixels
    return len(planes), max(1, pixels.rows), max(1, pixels.columns)


def fit_grid(
    planes: Sequence[Instance], heights: npt.NDArray[np.float64]
) -> tuple[str, Geometry, tuple[str, ...]]:
    """Fit a grid to planes.

    Parameters
    ----------
    planes : sequence of Instance
        In order along the normal, all with position, orientation and pixel spacing.
    heights : array, shape (n,)
        Their positions along the normal, mm.

    Returns
    -------
    tuple of (str, Geometry, tuple of str)
        Why there is no regular grid (empty if there is one), the grid, and notes.
    """
    facts = planes[0].facts
    positions = np.array([p.position for p in planes])
    thickness = facts.slice_spacing_mm or facts.acquisition.slice_thickness_mm
    geometry = from_slices(
        positions if heights[-1] - heights[0] > SAME_POSITION_MM else positions[:1],
        facts.orientation,
        facts.pixel_spacing_mm,
        shape_of(planes)[1:],
        facts.frame_uid,
        slice_spacing_mm=abs(thickness) if thickness else None,
    )
    if len(planes) == 1:
        return "", geometry, ("one slice only",)
    gaps = np.diff(heights)
    if gaps.min() <= SAME_POSITION_MM:
        return "holds several images at one position that nothing tells apart", geometry, ()
    gap_text = _uneven(heights)
    if gap_text:
        return gap_text, geometry, ()
    line = positions[0] + np.outer(np.arange(len(planes)), geometry.affine[:3, 0])
    off = float(np.linalg.norm(positions - line, axis=1).max())
    if off > _allowed(float(np.median(gaps))):
        text = f"has slices up to {off:.2f} mm beside one line; they make no regular grid"
        return text, geometry, ()
    geometry, notes = _straighten(geometry, facts)
    return "", geometry, notes


def _allowed(gap: float) -> float:
    return max(ROUNDING_MM if gap > 4 * ROUNDING_MM else gap / 4, UNEVEN_FRACTION * gap)


def _uneven(heights: npt.NDArray[np.float64]) -> str:
    """Say which slices are missing, or that spacing is uneven; empty if it is even."""
    gaps = np.diff(heights)
    regular = heights[0] + np.arange(len(heights)) * (heights[-1] - heights[0]) / len(gaps)
    if np.abs(heights - regular).max() <= _allowed(float(np.median(gaps))):
        return ""
    for unit in (float(np.median(gaps)), float(gaps.min())):
        steps = np.rint(gaps / unit)
        fits = np.abs(gaps - steps * unit).max() <= 2 * _allowed(unit) * steps.max()
        if fits and steps.min() >= 1 and len(gaps) < steps.sum() < 2 * len(heights):
            count = int(steps.sum()) + 1
            expected = np.linspace(heights[0], heights[-1], count)
            found = np.concatenate([[0], np.cumsum(steps)]).astype(int)
            return missing_text(expected, np.delete(expected, found), "missing")
    values, counts = np.unique(np.round(gaps, 2), return_counts=True)
    listed = ", ".join(f"{v:g} mm ({c}×)" for v, c in zip(values, counts, strict=True))
    return f"has unevenly spaced slices: gaps of {listed} between {len(heights)} slices"


def missing_text(
    expected: npt.NDArray[np.float64], missing: npt.NDArray[np.float64], word: str
) -> str:
    """Name expected and found positions."""
    shown = ", ".join(f"{m:.2f}" for m in missing[:8]) + (", …" if len(missing) > 8 else "")
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
    if tilt > TILT_TOLERANCE_DEG:
        note = f"slices are sheared by {tilt:.1f}° (gantry tilt); the exact sheared grid is kept"
        return geometry, (note,)
    if tilt == 0.0:
        return geometry, ()
    affine = geometry.affine.copy()
    affine[:3, 0] = normal * np.dot(affine[:3, 0], normal)
    middle = (geometry.shape[0] - 1) / 2.0
    affine[:3, 3] += middle * (geometry.affine[:3, 0] - affine[:3, 0])
    return Geometry(geometry.shape, affine, geometry.frame_of_reference_uid), ()
