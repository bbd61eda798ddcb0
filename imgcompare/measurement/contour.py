"""Sub-voxel outlines: where the part of each voxel that a tissue fills crosses one half."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imgcompare.geometry import FloatArray, Geometry
from imgcompare.measurement._kernels import contour_segments

LEVEL = 0.5
"""Fraction at which the outline is drawn: half a voxel filled is the edge's mean position."""

SOFT_VOXEL = (0.02, 0.98)
"""A fraction strictly between these is a partial volume, not a yes or no."""

SOFT_SHARE = 0.1
"""Partial voxels per edge voxel from which on an outline holds sub-voxel information."""

IN_PLANE = np.array([np.zeros((3, 3)), np.ones((3, 3)), np.zeros((3, 3))], dtype=bool)
"""Voxels that belong to one part of one slice: neighbours by side or corner within the slice."""

FloatField = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class PartOutline:
    """Outline of one connected part of a region on one slice.

    Attributes
    ----------
    slice_index : int
        Slice of the array it lies on.
    index : float array, shape (n, 2, 2)
        Ends of its n straight pieces as fractional (row, column).
    mm : float array, shape (n, 2, 2)
        The same in the slice's own orthonormal coordinates (y, x), mm.
    metric : float array, shape (2, 2)
        Maps (row, column) to (y, x) mm (`plane_metric`).
    """

    slice_index: int
    index: npt.NDArray[np.float64]
    mm: npt.NDArray[np.float64]
    metric: npt.NDArray[np.float64]

    @property
    def corners_mm(self) -> npt.NDArray[np.float64]:
        """Each corner of the outline once, (y, x) mm, shape (n, 2)."""
        return self.mm[:, 0]

    @property
    def diagonal_mm(self) -> float:
        """Diagonal of the bounding box, which no diameter exceeds, mm."""
        points = self.corners_mm
        return float(np.hypot(*(points.max(axis=0) - points.min(axis=0))))


def plane_metric(geometry: Geometry) -> npt.NDArray[np.float64]:
    """Matrix (2, 2) that maps (row, column) steps to (y, x) mm within a slice.

    The x axis runs along growing column index; y is at right angles to it in the slice plane, so
    that lengths are right on oblique and on sheared grids.
    """
    row, column = geometry.affine[:3, 1], geometry.affine[:3, 2]
    x = column / np.linalg.norm(column)
    along = float(row @ x)
    across = float(np.linalg.norm(row - along * x))
    return np.array([[across, 0.0], [along, float(np.linalg.norm(column))]])


def is_soft(fraction: FloatArray) -> bool:
    """Tell whether a fraction map holds partial volumes, or only a yes or no for each voxel."""
    return soft_share(fraction) > SOFT_SHARE


def soft_share(fraction: FloatArray) -> float:
    """Give the number of partially filled voxels per edge voxel, at most 1."""
    low, high = SOFT_VOXEL
    partial = int(np.count_nonzero((fraction > low) & (fraction < high)))
    return min(partial / max(edge_voxels(fraction), 1), 1.0)


def edge_voxels(fraction: FloatArray) -> int:
    """Count the voxels inside the outline that touch its outside within a slice or across."""
    inside = np.pad(np.asarray(fraction) >= LEVEL, 1)
    return int(np.count_nonzero(inside & ~ndimage.binary_erosion(inside)))


def anti_aliased(fraction: FloatArray, axes: tuple[int, ...] = (1, 2)) -> FloatField:
    """Smooth a yes-or-no map just enough that its half level runs between the voxel steps.

    A binomial (1, 2, 1)/4 filter along each of ``axes``. It moves the edge of a disc of r voxels
    inwards by about 1/(4 r) voxel. Slices on which nothing would be left keep their voxels.
    """
    raw = np.asarray(fraction, dtype=np.float32)
    smooth = raw
    for axis in axes:
        smooth = ndimage.convolve1d(smooth, [0.25, 0.5, 0.25], axis=axis, mode="constant")
    lost = (raw.max(axis=(1, 2)) >= LEVEL) & (smooth.max(axis=(1, 2)) < LEVEL)
    return np.where(lost[:, None, None], raw, smooth).astype(np.float32)


def padded(fraction: FloatArray) -> FloatField:
    """Surround a map with one layer of empty voxels, so that every outline closes."""
    return np.pad(np.asarray(fraction, dtype=np.float32), 1)


def part_outlines(field: FloatField, geometry: Geometry) -> Iterator[PartOutline]:
    """Give the outline of each connected part on each slice.

    Parameters
    ----------
    field : float array, shape (slices + 2, rows + 2, columns + 2)
        Fraction map surrounded by one empty layer (`padded`).
    geometry : Geometry
        Grid of the map without the layer.

    Yields
    ------
    PartOutline
        Indices refer to the map without the layer. Parts connect by side or corner.
    """
    parts, count = ndimage.label(field >= LEVEL, structure=IN_PLANE)
    metric = plane_metric(geometry)
    for k in range(1, field.shape[0] - 1) if count else ():
        if not parts[k].any():
            continue
        segments, owner = contour_segments(field[k], parts[k], LEVEL)
        ends = segments.reshape(-1, 2, 2) - 1.0
        for part in np.unique(owner):
            index = ends[owner == part]
            yield PartOutline(k - 1, index, index @ metric.T, metric)


def surface_points(field: FloatField) -> npt.NDArray[np.float64]:
    """Points where the outline crosses the lines between neighbouring voxel centres, all axes.

    Parameters
    ----------
    field : float array, shape (slices + 2, rows + 2, columns + 2)
        Fraction map surrounded by one empty layer (`padded`).

    Returns
    -------
    float array, shape (n, 3)
        Fractional (slice, row, column) of the map without the layer: the vertices of a marching
        cubes surface.
    """
    inside = field >= LEVEL
    points = []
    for axis in range(3):
        low = [slice(None)] * 3
        high = [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        index = np.argwhere(inside[tuple(low)] != inside[tuple(high)])
        step = np.eye(3, dtype=np.intp)[axis]
        a = field[tuple(index.T)].astype(np.float64)
        b = field[tuple((index + step).T)].astype(np.float64)
        points.append(index + ((LEVEL - a) / (b - a))[:, None] * step - 1.0)
    return np.concatenate(points)
