"""Sub-voxel outlines: where the part of each voxel that a tissue fills crosses one half."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imgcompare.geometry import FloatArray, Geometry
from imgcompare.measurement._kernels import contour_segments, surface_sums

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
    diagonal_mm : float
        Diagonal of the bounding box, which no diameter exceeds.
    """

    slice_index: int
    index: npt.NDArray[np.float64]
    mm: npt.NDArray[np.float64]
    metric: npt.NDArray[np.float64]
    diagonal_mm: float

    @property
    def corners_mm(self) -> npt.NDArray[np.float64]:
        """Each corner of the outline once, (y, x) mm, shape (n, 2)."""
        return self.mm[:, 0]


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


@dataclass(frozen=True, slots=True)
class Surface:
    """Surface of a fraction map, counted in voxels.

    Attributes
    ----------
    faces : tuple of 3 floats
        Area seen along each axis, in voxel faces (total variation of the fractions).
    eroded, dilated : float
        Number of voxels left after erosion and dilation by one voxel along every axis.
    edges, partial : int
        Number of voxels inside that touch the outside, and of partially filled ones.
    """

    faces: tuple[float, float, float]
    eroded: float
    dilated: float
    edges: int
    partial: int

    @property
    def soft_share(self) -> float:
        """Partially filled voxels per edge voxel, at most 1."""
        return min(self.partial / max(self.edges, 1), 1.0)


def surface_of(field: FloatField) -> Surface:
    """Count the surface of a `padded` fraction map."""
    faces, eroded, dilated, edges, partial = surface_sums(field, LEVEL, *SOFT_VOXEL)
    a, b, c = (float(f) for f in faces)
    return Surface((a, b, c), float(eroded), float(dilated), int(edges), int(partial))


def is_soft(fraction: FloatArray) -> bool:
    """Tell whether a fraction map holds partial volumes, or only a yes or no for each voxel."""
    return surface_of(padded(fraction)).soft_share > SOFT_SHARE


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


def part_outlines(field: FloatField, geometry: Geometry) -> tuple[PartOutline, ...]:
    """Give the outline of each connected part on each slice, largest first.

    Parameters
    ----------
    field : float array, shape (slices + 2, rows + 2, columns + 2)
        Fraction map surrounded by one empty layer (`padded`).
    geometry : Geometry
        Grid of the map without the layer.

    Returns
    -------
    tuple of PartOutline
        By falling diagonal of the bounding box. Indices refer to the map without the layer.
        Parts connect by side or corner.
    """
    parts, count = ndimage.label(field >= LEVEL, structure=IN_PLANE)
    if not count:
        return ()
    segments, owner, position = contour_segments(field, parts, LEVEL)
    order = np.argsort(owner, kind="stable")
    index = segments[order].reshape(-1, 2, 2) - 1.0
    metric = plane_metric(geometry)
    mm = index @ metric.T
    starts = np.flatnonzero(np.diff(owner[order], prepend=-1))
    extent = np.maximum.reduceat(mm[:, 0], starts) - np.minimum.reduceat(mm[:, 0], starts)
    diagonal = np.hypot(extent[:, 0], extent[:, 1])
    stops = np.append(starts[1:], len(order))
    return tuple(
        PartOutline(
            int(position[order[starts[n]]]) - 1,
            index[starts[n] : stops[n]],
            mm[starts[n] : stops[n]],
            metric,
            float(diagonal[n]),
        )
        for n in np.argsort(-diagonal, kind="stable")
    )


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
