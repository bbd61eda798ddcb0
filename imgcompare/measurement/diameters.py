"""Diameters of a lesion on native slices, from its sub-voxel outline.

Convention: the outline is where half of a voxel belongs to the lesion. Voxel centres would give
diameters about 0.4 voxel too short and voxel corners 0.7 too long; this is nearly unbiased (about
0.1 voxel too short, half a voxel at worst, where a pointed tip ends within a voxel). In the plane
of acquisition the two ends of a diameter lie on one slice and on one connected part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import FloatArray, Geometry
from imgcompare.measurement._kernels import (
    longest_inside,
    longest_pair,
    longest_pair_3d,
    perpendicular_extent,
)
from imgcompare.measurement.contour import (
    LEVEL,
    SOFT_SHARE,
    FloatField,
    PartOutline,
    anti_aliased,
    padded,
    part_outlines,
    surface_of,
    surface_points,
)

ROUNDING_MM = 1e-9
"""Far more than rounding moves a corner, far less than anybody measures."""

MAX_GAP_SHARE = 0.1
"""A viable diameter may cross non-viable tissue along this part of its length (house rule).

mRECIST (Lencioni 2010) asks that no *major* necrosis lies between the two ends.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Diameter:
    """A straight measurement: its length and its two ends as (slice, row, column) indices."""

    length_mm: float
    ends: npt.NDArray[np.float64]

    def endpoints_lps_mm(self, geometry: Geometry) -> tuple[tuple[float, float, float], ...]:
        """Both ends in patient coordinates, mm."""
        points = geometry.index_to_world(self.ends)
        return tuple((float(x), float(y), float(z)) for x, y, z in points)

    @property
    def slice_index(self) -> int:
        """Slice of the first end."""
        return round(float(self.ends[0, 0]))


@dataclass(frozen=True, slots=True, eq=False)
class PlanarDiameters:
    """The longest diameter within a slice and the largest one at right angles to it there."""

    longest: Diameter
    perpendicular: Diameter


def outline_field(fraction: FloatArray) -> FloatField:
    """Map whose half level is the outline: the fractions, or an anti-aliased yes-or-no map."""
    field = padded(fraction)
    return field if surface_of(field).soft_share > SOFT_SHARE else padded(anti_aliased(fraction))


def planar_diameters(field: FloatField, geometry: Geometry) -> PlanarDiameters | None:
    """Longest in-plane diameter over all slices, and its largest perpendicular on that slice.

    Parameters
    ----------
    field : float array
        Padded fraction map (`outline_field`).
    geometry : Geometry
        Grid of the map without its padding.

    Returns
    -------
    PlanarDiameters or None
        None if no voxel is at least half filled.

    References
    ----------
    Eisenhauer 2009 (RECIST 1.1); Wen 2010 (RANO): largest perpendicular on the same slice.
    """
    best: tuple[float, PartOutline, npt.NDArray[np.float64]] | None = None
    for part in part_outlines(field, geometry):
        if best is not None and part.diagonal_mm <= best[0]:
            break
        length, first, second = longest_pair(part.corners_mm)
        if best is None or length > best[0]:
            best = (length, part, np.array([first, second]))
    if best is None:
        return None
    return _with_perpendicular(*best)


def short_axis(field: FloatField, geometry: Geometry) -> Diameter | None:
    """Short axis of a node: the largest, over the slices, of the perpendicular to the longest.

    References
    ----------
    Schwartz 2009, 10.1016/j.ejca.2008.10.028.
    """
    best: Diameter | None = None
    for part in part_outlines(field, geometry):
        if best is not None and part.diagonal_mm <= best.length_mm:
            break
        length, first, second = longest_pair(part.corners_mm)
        axis = _with_perpendicular(length, part, np.array([first, second])).perpendicular
        if best is None or axis.length_mm > best.length_mm:
            best = axis
    return best


def diameter_3d(field: FloatField, geometry: Geometry) -> Diameter | None:
    """Greatest distance between two points of the outline, in any direction."""
    index = surface_points(field)
    if not len(index):
        return None
    points = geometry.index_to_world(index)
    middle = (points.max(axis=0) + points.min(axis=0)) / 2.0
    radius = np.linalg.norm(points - middle, axis=1)
    order = np.argsort(-radius, kind="stable")
    length, first, second = longest_pair_3d(points[order], radius[order])
    return Diameter(float(length), index[order[[first, second]]])


def viable_diameters(field: FloatField, geometry: Geometry) -> PlanarDiameters | None:
    """Longest in-plane line through viable tissue, and the longest one that crosses it squarely.

    Both stay within viable tissue but for `MAX_GAP_SHARE` of their length, so that a rim around
    necrosis is measured across its thickest solid part and not from edge to edge.

    References
    ----------
    Lencioni 2010, 10.1055/s-0030-1247132 (mRECIST); Wen 2010 (RANO: exclude necrosis).
    """
    best: tuple[float, PartOutline, npt.NDArray[np.float64]] | None = None
    for part in part_outlines(field, geometry):
        floor = best[0] if best else 0.0
        if best is not None and part.diagonal_mm <= floor:
            break
        plane = field[part.slice_index + 1]
        length, first, second = longest_inside(
            part.corners_mm, part.index[:, 0] + 1.0, plane, LEVEL, MAX_GAP_SHARE, floor
        )
        if first >= 0:
            best = (length, part, np.array([first, second]))
    if best is None:
        return None
    length, part, pair = best
    start, along = _direction(part, pair)
    extent = _solid_crossing(part, start, along, length)
    return PlanarDiameters(_longest(length, part, pair), _across(part, start, along, extent))


def _longest(length: float, part: PartOutline, pair: npt.NDArray[np.float64]) -> Diameter:
    ends = part.index[pair, 0]
    return Diameter(float(length), np.insert(ends, 0, part.slice_index, axis=1))


def _direction(
    part: PartOutline, pair: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    start, end = part.mm[pair[0], 0], part.mm[pair[1], 0]
    length = float(np.hypot(*(end - start)))
    return start, (end - start) / length if length else np.array([0.0, 1.0])


def _with_perpendicular(
    length: float, part: PartOutline, pair: npt.NDArray[np.float64]
) -> PlanarDiameters:
    start, along = _direction(part, pair)
    extent = perpendicular_extent(part.mm.reshape(-1, 4), start, along)
    return PlanarDiameters(_longest(length, part, pair), _across(part, start, along, extent[1:]))


def _across(
    part: PartOutline,
    start: npt.NDArray[np.float64],
    along: npt.NDArray[np.float64],
    extent: tuple[float, float, float],
) -> Diameter:
    """Diameter at right angles to ``along`` from its offset along and two ends across, mm."""
    offset, low, high = extent
    across = np.array([along[1], -along[0]])
    mm = start + offset * along + np.array([[low], [high]]) * across
    index = mm @ np.linalg.inv(part.metric).T
    return Diameter(float(high - low), np.insert(index, 0, part.slice_index, axis=1))


def _solid_crossing(
    part: PartOutline,
    start: npt.NDArray[np.float64],
    along: npt.NDArray[np.float64],
    length: float,
) -> tuple[float, float, float]:
    """Find the longest perpendicular that crosses the line and stays in solid tissue.

    Returns its offset along the line and its two ends across it, mm.
    """
    across = np.array([along[1], -along[0]])
    t = (part.mm - start) @ along
    u = (part.mm - start) @ across
    # Beside the corners: two copies of one may differ in the last bit, and be crossed once.
    offsets = t[:, 0][(t[:, 0] > 0.0) & (t[:, 0] < length)] + ROUNDING_MM
    best = (0.0, 0.0, 0.0)
    for at in offsets:
        hit = (t[:, 0] <= at) != (t[:, 1] <= at)  # an even number of crossings
        if not hit.any():
            continue
        share = (at - t[hit, 0]) / (t[hit, 1] - t[hit, 0])
        crossings = np.sort(u[hit, 0] + share * (u[hit, 1] - u[hit, 0]))
        low, high = _solid_interval(crossings)
        if high - low > best[2] - best[1]:
            best = (float(at), low, high)
    return best


def _solid_interval(crossings: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Solid stretch around zero between sorted outline crossings, small gaps included."""
    pairs = [(float(a), float(b)) for a, b in crossings.reshape(-1, 2)]
    low, high = min(pairs, key=lambda p: max(p[0], -p[1], 0.0))
    grown = True
    while grown:
        grown = False
        for a, b in pairs:
            gap = max(a - high, low - b)
            reach = max(b, high) - min(a, low)
            if 0.0 < gap <= MAX_GAP_SHARE * reach:
                low, high, grown = min(a, low), max(b, high), True
    return low, high
