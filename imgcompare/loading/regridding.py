"""Makes regular grids where an acquisition has none: uneven slices, and gantry tilt on request.

Only what was imaged is interpolated: linearly between slices that touch, or within a slice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import AnyArray, Geometry
from imgcompare.model import Volume

PROFILE_REACH: Final = 1.1
"""Slices closer than 1.1 times their thickness touch: the thickness is the full width at half
maximum of a profile whose edges are not sharp (DICOM PS3.3 C.7.6.2; AAPM report 233, 2019)."""

MOST_NEW: Final = 2
"""A plan for more than twice as many slices as there are stretches the data, or is a bomb."""

WHOLE_VOXEL: Final = 1e-3
"""A shift this close to whole voxels moves them without interpolation."""


@dataclass(frozen=True, slots=True, eq=False)
class Regrid:
    """Slices at uneven heights, mm, put on ``count`` evenly spaced ones between the same ends."""

    heights_mm: npt.NDArray[np.float64]
    count: int
    thickness_mm: float

    @property
    def spacing_mm(self) -> float:
        """Distance of the new slices."""
        return float(self.heights_mm[-1] - self.heights_mm[0]) / (self.count - 1)

    @property
    def text(self) -> str:
        """What is done, with the numbers."""
        gaps = np.diff(self.heights_mm)
        new = np.linspace(self.heights_mm[0], self.heights_mm[-1], self.count)
        off = np.abs(new[:, None] - self.heights_mm).min(axis=1).max()
        return (
            f"resampled: {len(self.heights_mm)} slices of {self.thickness_mm:.3g} mm with gaps of "
            f"{gaps.min():.2f} to {gaps.max():.2f} mm put on {self.count} every "
            f"{self.spacing_mm:.3g} mm, linearly between neighbours, up to {off:.2f} mm from an "
            "acquired one"
        )


def plan_regrid(heights_mm: npt.NDArray[np.float64], thickness_mm: float | None) -> Regrid | None:
    """Plan even slices for uneven ones, or None where tissue between two was not imaged.

    Parameters
    ----------
    heights_mm : array, shape (n,)
        Increasing slice positions along the normal, at least two.
    thickness_mm : float or None
        Slice thickness; where not known, slices are taken to be as thick as the smallest gap.

    Returns
    -------
    Regrid or None
        With slices as close as the median gap, so that none is lost, and at most twice as many.
    """
    gaps = np.diff(heights_mm)
    thickness = thickness_mm or float(gaps.min())
    if gaps.max() > PROFILE_REACH * thickness:
        return None
    extent = float(heights_mm[-1] - heights_mm[0])
    count = 1 + max(1, round(extent / float(np.median(gaps))))
    return Regrid(heights_mm, count, thickness) if count <= MOST_NEW * len(heights_mm) else None


def apply_regrid(array: AnyArray, regrid: Regrid) -> AnyArray:
    """Interpolate slices, array [slice, row, column], to a plan's even positions, as float32."""
    heights = regrid.heights_mm
    wanted = np.linspace(heights[0], heights[-1], regrid.count)
    above = np.clip(np.searchsorted(heights, wanted, side="left"), 1, len(heights) - 1)
    part = (wanted - heights[above - 1]) / (heights[above] - heights[above - 1])
    result = np.empty((regrid.count, *array.shape[1:]), np.float32)
    for k, (n, w) in enumerate(zip(above, part.astype(np.float32), strict=True)):
        result[k] = (1 - w) * array[n - 1] + w * array[n]
    return result


def deskew(volume: Volume, *, outside: float | None = None) -> Volume:
    """Put a volume with gantry tilt on an orthogonal grid, shifting each slice in its own plane.

    The loader keeps tilted scans on their exact sheared grid. Use this for programs that cannot
    hold one (SimpleITK, voxel-based filters). No value is mixed between slices.

    Parameters
    ----------
    volume : Volume
        Of any grid whose rows and columns are perpendicular.
    outside : float, optional
        Value where no slice reaches; the smallest of the volume if None.

    Returns
    -------
    Volume
        The same volume if its grid is orthogonal already; else float32, on a larger grid whose
        slices lie in the same planes, with the row and column axes of the input.
    """
    grid = volume.geometry
    if grid.is_orthogonal:
        return volume
    step = grid.affine[:3, 0]
    normal = np.cross(grid.directions[:, 1], grid.directions[:, 2])
    normal *= np.sign(step @ normal)
    # how far, in voxels, each slice lies beside the one before
    slide = np.array([step @ grid.directions[:, a] / grid.spacing_mm[a] for a in (1, 2)])
    last = slide * (grid.shape[0] - 1)
    first = np.floor(np.minimum(0.0, last)).astype(int)
    extra = np.ceil(np.maximum(0.0, last)).astype(int) - first
    shape = (grid.shape[0], grid.shape[1] + int(extra[0]), grid.shape[2] + int(extra[1]))
    fill = float(volume.array.min()) if outside is None else outside
    array = np.full(shape, fill, np.float32)
    for k, plane in enumerate(volume.array):
        move = slide * k - first
        _place(array[k], np.asarray(plane, np.float32), move)
    affine = grid.affine.copy()
    affine[:3, 0] = normal * (step @ normal)
    affine[:3, 3] = grid.index_to_world((0, *first))
    return Volume(array, Geometry(shape, affine, grid.frame_of_reference_uid), volume.quantity)


def _place(out: AnyArray, plane: AnyArray, move: npt.NDArray[np.float64]) -> None:
    """Write a plane into a larger one, moved by fractional voxels, linearly interpolated."""
    start = [0, 0]
    for axis in (0, 1):
        whole = int(np.floor(move[axis] + WHOLE_VOXEL))
        part = np.float32(move[axis] - whole)
        start[axis] = whole
        if part > WHOLE_VOXEL:  # each new voxel lies between two old ones; the first has one only
            lines = np.moveaxis(plane, axis, 0)
            plane = np.moveaxis(part * lines[:-1] + (1 - part) * lines[1:], 0, axis)
            start[axis] += 1
    row, column = start
    out[row : row + plane.shape[0], column : column + plane.shape[1]] = plane
