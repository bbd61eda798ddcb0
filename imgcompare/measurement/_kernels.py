"""Compiled inner loops of contour and diameter measurement."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@numba.njit(cache=True)
def _crossing(inside: float, outside: float, level: float) -> float:
    """Part of the way from an inside value to an outside value at which ``level`` is met."""
    return (inside - level) / (inside - outside)


@numba.njit(cache=True)
def _edge_point(
    field: Array, level: float, r0: int, c0: int, r1: int, c1: int, out: Array, n: int, at: int
) -> None:
    """Write the (row, column) where the contour crosses the edge between two pixels."""
    a, b = field[r0, c0], field[r1, c1]
    t = _crossing(a, b, level) if a >= level else 1.0 - _crossing(b, a, level)
    out[n, at] = r0 + t * (r1 - r0)
    out[n, at + 1] = c0 + t * (c1 - c0)


@numba.njit(cache=True)
def _keep_outside_right(segments: Array, n: int, row: int, column: int) -> None:
    """Order a piece's ends so that the outside corner (row, column) lies on one fixed side.

    Each corner of a closed outline is then the first end of exactly one piece.
    """
    r0, c0, r1, c1 = segments[n, 0], segments[n, 1], segments[n, 2], segments[n, 3]
    if (r1 - r0) * (column - c0) - (c1 - c0) * (row - r0) < 0.0:
        segments[n, 0], segments[n, 1], segments[n, 2], segments[n, 3] = r1, c1, r0, c0


@numba.njit(cache=True)
def _count_segments(field: Array, level: float) -> int:
    """Give an upper bound of the number of line pieces: two for each cell that is cut."""
    slices, rows, columns = field.shape
    count = 0
    for k in range(slices):
        for r in range(rows - 1):
            left = int(field[k, r, 0] >= level) + int(field[k, r + 1, 0] >= level)
            for c in range(1, columns):
                right = int(field[k, r, c] >= level) + int(field[k, r + 1, c] >= level)
                if 0 < left + right < 4:
                    count += 2
                left = right
    return count


@numba.njit(cache=True)
def _cell_segments(
    field: Array, level: float, corner: tuple[int, int], segments: Array, n: int
) -> int:
    """Append the line pieces of one cell of a slice and give their new number."""
    r, c = corner
    a = field[r, c] >= level
    b = field[r, c + 1] >= level
    d = field[r + 1, c] >= level
    e = field[r + 1, c + 1] >= level
    if a == e and b == d:  # saddle: inside pixels touch, outside ones are cut off
        for outside in (1, 2) if a else (0, 3):
            row, column = r + outside // 2, c + outside % 2
            _edge_point(field, level, row, column, 2 * r + 1 - row, column, segments, n, 0)
            _edge_point(field, level, row, column, row, 2 * c + 1 - column, segments, n, 2)
            _keep_outside_right(segments, n, row, column)
            n += 1
        return n
    at = 0
    if a != b:
        _edge_point(field, level, r, c, r, c + 1, segments, n, at)
        at += 2
    if a != d:
        _edge_point(field, level, r, c, r + 1, c, segments, n, at)
        at += 2
    if b != e:
        _edge_point(field, level, r, c + 1, r + 1, c + 1, segments, n, at)
        at += 2
    if d != e:
        _edge_point(field, level, r + 1, c, r + 1, c + 1, segments, n, at)
    outside = 0 if not a else 1 if not b else 2 if not d else 3
    _keep_outside_right(segments, n, r + outside // 2, c + outside % 2)
    return n + 1


@numba.njit(cache=True)
def contour_segments(field: Array, parts: Array, level: float) -> tuple[Array, Array, Array]:
    """Line pieces of the level set of each slice (marching squares).

    Parameters
    ----------
    field : float array, shape (slices, rows, columns)
        Values, below ``level`` all along the border of each slice.
    parts : int array, same shape
        Number of the part each inside pixel belongs to; parts hold all 8 neighbours of a slice.
    level : float
        Value of the contour.

    Returns
    -------
    segments : float64 array, shape (n, 4)
        Row and column of both ends of each piece, ordered: the first ends are all the corners.
    owner, position : int64 arrays, shape (n,)
        Part the piece bounds, and the slice it lies on.
    """
    count = _count_segments(field, level)
    segments = np.empty((count, 4))
    owner = np.empty(count, dtype=np.int64)
    position = np.empty(count, dtype=np.int64)
    n = 0
    for k in range(field.shape[0]):
        plane, part = field[k], parts[k]
        for r in range(field.shape[1] - 1):
            for c in range(field.shape[2] - 1):
                highest = max(
                    max(part[r, c], part[r, c + 1]), max(part[r + 1, c], part[r + 1, c + 1])
                )
                lowest = min(
                    min(part[r, c], part[r, c + 1]), min(part[r + 1, c], part[r + 1, c + 1])
                )
                if highest == 0 or lowest != 0:
                    continue
                end = _cell_segments(plane, level, (r, c), segments, n)
                owner[n:end], position[n:end] = highest, k
                n = end
    return segments[:n], owner[:n], position[:n]


@numba.njit(cache=True)
def surface_sums(
    field: Array, level: float, low: float, high: float
) -> tuple[Array, float, float, int, int]:
    """Sum over the surface of a fraction map, in one pass.

    Parameters
    ----------
    field : float array, shape (slices, rows, columns)
        Fractions, empty along the border.
    level : float
        Fraction from which on a voxel is inside.
    low, high : float
        A voxel strictly between these is partially filled.

    Returns
    -------
    faces : float64 array, shape (3,)
        Total variation along each axis: the surface seen from there, in voxel faces.
    eroded, dilated : float
        Sum of the smallest and of the largest fraction of each voxel and its six neighbours.
    edges, partial : int
        Number of inside voxels with an outside neighbour, and of partially filled voxels.
    """
    faces = np.zeros(3)
    eroded, dilated, edges, partial = 0.0, 0.0, 0, 0
    slices, rows, columns = field.shape
    for k in range(slices):
        for r in range(rows):
            for c in range(columns):
                value = field[k, r, c]
                smallest = largest = value
                for axis in range(3):
                    for step in (-1, 1):
                        z = k + (step if axis == 0 else 0)
                        y = r + (step if axis == 1 else 0)
                        x = c + (step if axis == 2 else 0)
                        inside = 0 <= z < slices and 0 <= y < rows and 0 <= x < columns
                        other = field[z, y, x] if inside else np.float32(0.0)
                        smallest, largest = min(smallest, other), max(largest, other)
                        if step == 1:
                            faces[axis] += abs(other - value)
                eroded += smallest
                dilated += largest
                edges += value >= level and smallest < level
                partial += low < value < high
    return faces, eroded, dilated, edges, partial


@numba.njit(cache=True)
def longest_pair(points: Array) -> tuple[float, int, int]:
    """Greatest distance between two of the points (n, 2), and which two."""
    best, first, second = 0.0, 0, 0
    for i in range(points.shape[0]):
        for j in range(i + 1, points.shape[0]):
            y = points[i, 0] - points[j, 0]
            x = points[i, 1] - points[j, 1]
            distance = y * y + x * x
            if distance > best:
                best, first, second = distance, i, j
    return np.sqrt(best), first, second


@numba.njit(cache=True)
def longest_pair_3d(points: Array, radius: Array) -> tuple[float, int, int]:
    """Greatest distance between two of the points (n, 3), exactly.

    ``radius`` holds each point's distance from a common centre, largest first; two points are
    never farther apart than the sum of theirs, which ends the search early.
    """
    best, first, second = 0.0, 0, 0
    for i in range(points.shape[0]):
        if 2.0 * radius[i] <= best:
            break
        for j in range(i + 1, points.shape[0]):
            if radius[i] + radius[j] <= best:
                break
            z = points[i, 0] - points[j, 0]
            y = points[i, 1] - points[j, 1]
            x = points[i, 2] - points[j, 2]
            distance = z * z + y * y + x * x
            if distance > best * best:
                best, first, second = np.sqrt(distance), i, j
    return best, first, second


@numba.njit(cache=True)
def perpendicular_extent(
    segments: Array, start: Array, along: Array
) -> tuple[float, float, float, float]:
    """Largest extent of an outline at right angles to a direction.

    Parameters
    ----------
    segments : float array, shape (n, 4)
        Ends (y, x, y, x) of the outline's pieces, mm.
    start, along : float arrays, shape (2,)
        A point and a unit direction (y, x); extents are measured at right angles to it.

    Returns
    -------
    extent, offset, low, high : float
        The extent, where along the direction it lies, and its ends across it, mm.
    """
    n = segments.shape[0]
    t = np.empty((n, 2))
    u = np.empty((n, 2))
    for i in range(n):
        for end in range(2):
            y = segments[i, 2 * end] - start[0]
            x = segments[i, 2 * end + 1] - start[1]
            t[i, end] = y * along[0] + x * along[1]
            u[i, end] = y * along[1] - x * along[0]
    best, offset, best_low, best_high = -1.0, 0.0, 0.0, 0.0
    for i in range(n):  # between two corners the extent is linear, so it peaks at a corner
        at = t[i, 0]
        low, high = np.inf, -np.inf
        for j in range(n):
            t0, t1 = t[j, 0], t[j, 1]
            if min(t0, t1) > at or max(t0, t1) < at:
                continue
            if t0 == t1:
                low, high = min(low, min(u[j, 0], u[j, 1])), max(high, max(u[j, 0], u[j, 1]))
                continue
            across = u[j, 0] + (at - t0) / (t1 - t0) * (u[j, 1] - u[j, 0])
            low, high = min(low, across), max(high, across)
        if high - low > best:
            best, offset, best_low, best_high = high - low, at, low, high
    return best, offset, best_low, best_high


@numba.njit(cache=True)
def _bilinear(field: Array, row: float, column: float) -> float:
    """Value between pixel centres; the point must lie inside the array."""
    r = min(max(int(np.floor(row)), 0), field.shape[0] - 2)
    c = min(max(int(np.floor(column)), 0), field.shape[1] - 2)
    y, x = row - r, column - c
    top = field[r, c] * (1.0 - x) + field[r, c + 1] * x
    bottom = field[r + 1, c] * (1.0 - x) + field[r + 1, c + 1] * x
    return float(top * (1.0 - y) + bottom * y)


@numba.njit(cache=True)
def _stays_inside(
    field: Array, a: Array, b: Array, level: float, step: float, max_gap_share: float
) -> bool:
    """Whether a line between two (row, column) points leaves the region for a small part only."""
    length = np.hypot(a[0] - b[0], a[1] - b[1])
    samples = max(int(np.ceil(length / step)), 1)
    allowed = int(np.floor(max_gap_share * samples))
    outside = 0
    for k in range(samples):  # from the middle outwards, where a hollow is met soonest
        shift = (k + 1) // 2 if k % 2 else -(k // 2)
        t = (samples // 2 + shift + 0.5) / samples
        if t > 1.0:
            t -= 1.0
        if t < 0.0:
            t += 1.0
        # The ends lie on the contour itself, where rounding decides: a hair is given.
        if _bilinear(field, a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])) < level - 1e-3:
            outside += 1
            if outside > allowed:
                return False
    return True


@numba.njit(cache=True)
def longest_inside(
    points_mm: Array,
    points_index: Array,
    field: Array,
    level: float,
    max_gap_share: float,
    at_least: float,
) -> tuple[float, int, int]:
    """Longest line between two outline points that stays inside the region.

    Parameters
    ----------
    points_mm, points_index : float arrays, shape (n, 2)
        The outline points in mm and in (row, column) of ``field``.
    field : float array, shape (rows, columns)
        Values whose ``level`` set is the outline.
    level : float
        Value of the contour.
    max_gap_share : float
        Part of the line that may lie outside.
    at_least : float
        Only lines longer than this are looked for, mm.

    Returns
    -------
    length, first, second
        Length in mm (``at_least`` if there is none) and the two points.
    """
    best, first, second = at_least, -1, -1
    for i in range(points_mm.shape[0]):
        for j in range(i + 1, points_mm.shape[0]):
            distance = np.hypot(
                points_mm[i, 0] - points_mm[j, 0], points_mm[i, 1] - points_mm[j, 1]
            )
            if distance > best and _stays_inside(
                field, points_index[i], points_index[j], level, 0.5, max_gap_share
            ):
                best, first, second = distance, i, j
    return best, first, second
