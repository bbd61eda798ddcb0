"""Fills a voxel grid from closed contours on parallel planes, to the exact part of each voxel.

Contours are a solid made of prisms: each plane stands for the slab that reaches half-way to its
neighbours, so that the volume is the sum of area times slab thickness on any grid. The part of a
voxel inside that solid is computed in index space, where pixels have area 1 and shear is harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from imgcompare.errors import InputError
from imgcompare.geometry import Geometry
from imgcompare.loading.drawn import Filled
from imgcompare.loading.polygons import Fractions, Points, coverage

SUB_SAMPLES: Final = 5
"""Samples per voxel edge where the contours' planes are oblique to the grid."""

SAME_PLANE_MM: Final = 0.05
"""Contours this close along the normal lie on one plane (coordinates have two decimals or more)."""

PLANAR_MM: Final = 0.5
"""A contour whose points stray further from a plane is not planar (half a typical pixel)."""

SNAP: Final = 0.05
"""A slab's edge this close to a voxel's edge, in voxels, is that edge, written with rounding."""

BRIDGED: Final = 1.5
"""Planes further apart than this many times the usual distance have nothing between them."""

_MAX_SIDE: Final = 4096  # pixels of the fine picture of one oblique plane


@dataclass(frozen=True, slots=True, eq=False)
class _Plane:
    """Contours of one plane; ``at_mm`` is its distance from the LPS origin along the normal."""

    at_mm: float
    contours: list[Points]


def fill(
    contours: Sequence[Points],
    grid: Geometry,
    *,
    name: str,
    thickness_mm: float | None = None,
) -> Filled:
    """Fill a grid from closed planar contours.

    Parameters
    ----------
    contours : sequence of arrays, shape (n, 3)
        Corners in LPS mm, of one structure, on parallel planes of any direction.
    grid : Geometry
        Any regular grid, also sheared.
    name : str
        What messages call the structure.
    thickness_mm : float, optional
        Slab thickness, used where there is a single plane; the grid's own spacing otherwise.

    Returns
    -------
    Filled

    Raises
    ------
    InputError
        If a contour is not planar, the planes are not parallel, or the structure reaches beyond
        the image.
    """
    kept, notes = _without_repeats(contours)
    normal = _common_normal(kept, name)
    _require_inside(kept, grid, name)
    planes = _planes(kept, normal)
    slope = normal @ grid.affine[:3, :3]  # mm along the normal per step of each index
    axis = int(np.argmax(np.abs(slope)))
    corners = grid.world_to_index(np.concatenate(kept))
    extent = np.ptp(corners, axis=0)
    extent[axis] = 0.0
    parallel = float(np.abs(slope) @ extent) <= SNAP * abs(slope[axis])
    usual = _usual_distance(planes, abs(float(slope[axis])), parallel, thickness_mm)
    edges, gaps = _slabs(planes, usual)
    notes += [_gap_note(*gap) for gap in gaps]
    if parallel:
        filled = _fill_parallel(planes, edges, grid, axis=axis, slope=float(slope[axis]))
    else:
        filled = _fill_oblique(planes, edges, grid, normal=normal)
    return Filled(filled.box, filled.fractions, tuple(notes))


def _without_repeats(contours: Sequence[Points]) -> tuple[list[Points], list[str]]:
    """Drop contours written twice, which would cancel each other."""
    seen: dict[bytes, Points] = {}
    for contour in contours:
        corners = np.round(np.unique(np.round(contour, 2), axis=0), 2)
        seen.setdefault(corners.tobytes(), contour)
    repeated = len(contours) - len(seen)
    notes = [f"{repeated} contour(s) written twice are counted once"] if repeated else []
    return list(seen.values()), notes


def _common_normal(contours: Sequence[Points], name: str) -> Points:
    """Find the unit normal of the planes that the contours share, by Newell's method."""
    centred = [c - c.mean(axis=0) for c in contours]
    normals = np.array([np.cross(c, np.roll(c, -1, axis=0)).sum(axis=0) / 2 for c in centred])
    areas = np.linalg.norm(normals, axis=1)
    largest = normals[int(np.argmax(areas))]
    if not areas.max() > 0.0:
        raise InputError(f"{name} has no area: the points of its contours lie on lines.")
    normal = (np.where(normals @ largest < 0, -1.0, 1.0)[:, None] * normals).sum(axis=0)
    normal = normal / np.linalg.norm(normal)
    strayed = max(float(np.abs(c @ normal).max()) for c in centred)
    if strayed > PLANAR_MM:
        raise InputError(
            f"{name} has contours that do not lie on parallel planes (off by {strayed:.1f} mm); "
            "export it with contours of one direction, or as a DICOM SEG."
        )
    return np.asarray(normal, dtype=np.float64)


def _require_inside(contours: Sequence[Points], grid: Geometry, name: str) -> None:
    """Refuse a structure that the image does not hold in full."""
    points = np.concatenate(contours)
    index = grid.world_to_index(points)
    beyond = np.maximum(-0.5 - index, index - (np.array(grid.shape) - 0.5)).max(axis=0)
    far = float((beyond * np.array(grid.spacing_mm)).max())
    if beyond.max() <= SNAP:
        return
    low, high = (", ".join(f"{x:.1f}" for x in f(points, axis=0)) for f in (np.min, np.max))
    raise InputError(
        f"{name} reaches {far:.1f} mm beyond the image: it spans LPS ({low}) to ({high}) mm, the "
        f"image is [{grid}]. Give the image that it was drawn on."
    )


def _planes(contours: Sequence[Points], normal: Points) -> list[_Plane]:
    """Gather contours by plane, in order along the normal."""
    placed = sorted(((float((c @ normal).mean()), c) for c in contours), key=lambda p: p[0])
    planes: list[_Plane] = []
    for at, contour in placed:
        if planes and at - planes[-1].at_mm <= SAME_PLANE_MM:
            planes[-1].contours.append(contour)
        else:
            planes.append(_Plane(at, [contour]))
    return planes


def _usual_distance(
    planes: Sequence[_Plane], spacing_mm: float, parallel: bool, thickness_mm: float | None
) -> float:
    """Distance between planes that belong together, mm.

    Two planes alone do not tell whether they are neighbours; slices of the image do.
    """
    gaps = np.diff([p.at_mm for p in planes])
    if len(gaps) > 1 or (len(gaps) and not parallel):
        return float(np.median(gaps))
    if len(gaps):
        return float(min(gaps[0], spacing_mm))
    return thickness_mm or spacing_mm


def _slabs(
    planes: Sequence[_Plane], usual: float
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Lower and upper edge of each plane's slab, mm, and the gaps that stay empty."""
    at = [p.at_mm for p in planes]
    lower, upper = [a - usual / 2 for a in at], [a + usual / 2 for a in at]
    empty = []
    for n, (below, above) in enumerate(pairwise(at)):
        if above - below <= BRIDGED * usual:
            upper[n] = lower[n + 1] = (below + above) / 2
        else:
            empty.append((below, above))
    return list(zip(lower, upper, strict=True)), empty


def _gap_note(below: float, above: float) -> str:
    return (
        f"no contour for {above - below:.1f} mm, between {below:.1f} and {above:.1f} mm along "
        "the normal: taken as two parts with nothing in between"
    )


def _fill_parallel(
    planes: Sequence[_Plane],
    edges: Sequence[tuple[float, float]],
    grid: Geometry,
    *,
    axis: int,
    slope: float,
) -> Filled:
    """Fill a grid two of whose axes lie in the contours' planes."""
    across = [a for a in range(3) if a != axis]
    flat = [[grid.world_to_index(c)[:, across] for c in p.contours] for p in planes]
    level = [
        float(np.mean([grid.world_to_index(c)[:, axis].mean() for c in p.contours])) for p in planes
    ]
    every = np.concatenate([c for plane in flat for c in plane])
    start = np.maximum(np.floor(every.min(axis=0) + 0.5 - SNAP).astype(int), 0)
    limit = np.array([grid.shape[a] for a in across])
    stop = np.minimum(np.ceil(every.max(axis=0) + 0.5 + SNAP).astype(int), limit)
    shape = int(stop[0] - start[0]), int(stop[1] - start[1])
    slabs = [
        sorted(_snapped(at + (edge - plane.at_mm) / slope) for edge in pair)
        for at, plane, pair in zip(level, planes, edges, strict=True)
    ]
    first = max(0, int(np.floor(min(s[0] for s in slabs) + 0.5)))
    last = min(grid.shape[axis], int(np.ceil(max(s[1] for s in slabs) + 0.5)))
    out = np.zeros((last - first, *shape), dtype=np.float32)
    for contours, (bottom, top) in zip(flat, slabs, strict=True):
        covered = coverage([c - start for c in contours], shape)
        for k in range(max(first, int(np.floor(bottom + 0.5))), last):
            share = min(top, k + 0.5) - max(bottom, k - 0.5)
            if share <= 0.0:
                break
            out[k - first] += np.float32(share) * covered
    window = {axis: slice(first, last)}
    window.update({a: slice(int(start[n]), int(stop[n])) for n, a in enumerate(across)})
    fractions = np.ascontiguousarray(np.moveaxis(np.minimum(out, 1.0), 0, axis))
    return Filled((window[0], window[1], window[2]), fractions)


def _snapped(edge: float) -> float:
    """Edge of a slab, moved onto the edge of a voxel that it nearly is."""
    voxel = round(edge - 0.5) + 0.5
    return voxel if abs(edge - voxel) <= SNAP else edge


def _fill_oblique(
    planes: Sequence[_Plane],
    edges: Sequence[tuple[float, float]],
    grid: Geometry,
    *,
    normal: Points,
) -> Filled:
    """Fill a grid oblique to the contours' planes, by samples within each voxel."""
    frame = _frame(normal)
    pictures = _pictures(planes, frame, min(grid.spacing_mm) / SUB_SAMPLES)
    thick = max(top - bottom for bottom, top in edges) / 2
    points = np.concatenate([c for p in planes for c in p.contours])
    reach = np.concatenate([points - thick * normal, points + thick * normal])
    index = grid.world_to_index(reach)
    start = np.maximum(np.floor(index.min(axis=0)).astype(int), 0)
    stop = np.minimum(np.ceil(index.max(axis=0)).astype(int) + 1, grid.shape)
    shape = tuple(int(n) for n in stop - start)
    inner = (np.arange(SUB_SAMPLES) + 0.5) / SUB_SAMPLES - 0.5
    rows, columns = ((np.arange(n)[:, None] + inner).ravel() for n in shape[1:])
    out = np.zeros(shape, dtype=np.float32)
    for k in range(shape[0]):
        for part in inner:
            j, i = np.meshgrid(rows, columns, indexing="ij")
            world = grid.index_to_world(np.stack([np.full_like(j, k + part), j, i], -1) + start)
            hit = _inside(world @ frame.T, planes, edges, pictures)
            split = hit.reshape(shape[1], SUB_SAMPLES, shape[2], SUB_SAMPLES)
            out[k] += split.mean(axis=(1, 3)) / SUB_SAMPLES
    box = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    return Filled((box[0], box[1], box[2]), out)


def _frame(normal: Points) -> Points:
    """Rows: two unit vectors in the plane and its normal."""
    helper = np.eye(3)[int(np.argmin(np.abs(normal)))]
    first = np.cross(normal, helper)
    first /= np.linalg.norm(first)
    return np.array([first, np.cross(normal, first), normal])


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    """Fine picture of one plane: what is inside, and where its first pixel lies."""

    inside: npt.NDArray[np.bool_]
    origin: Points
    pixel_mm: float


def _pictures(planes: Sequence[_Plane], frame: Points, pixel_mm: float) -> list[_Picture]:
    pictures = []
    for plane in planes:
        flat = [(c @ frame.T)[:, :2] for c in plane.contours]
        every = np.concatenate(flat)
        origin, size = every.min(axis=0), np.ptp(every, axis=0)
        pixel = max(pixel_mm, float(size.max()) / _MAX_SIDE)
        shape = int(size[0] / pixel) + 2, int(size[1] / pixel) + 2
        covered = coverage([(c - origin) / pixel for c in flat], shape)
        pictures.append(_Picture(covered >= 0.5, origin, pixel))
    return pictures


def _inside(
    points: Points,
    planes: Sequence[_Plane],
    edges: Sequence[tuple[float, float]],
    pictures: Sequence[_Picture],
) -> Fractions:
    """1 where points (in the planes' frame) lie inside the solid, shape of the points."""
    hit = np.zeros(points.shape[:-1], dtype=np.float32)
    for (bottom, top), picture in zip(edges, pictures, strict=True):
        near = (points[..., 2] >= bottom) & (points[..., 2] < top)
        if not near.any():
            continue
        at = np.rint((points[near][:, :2] - picture.origin) / picture.pixel_mm).astype(np.int64)
        within = ((at >= 0) & (at < picture.inside.shape)).all(axis=1)
        found = np.zeros(len(at), dtype=np.float32)
        found[within] = picture.inside[at[within, 0], at[within, 1]]
        hit[near] = found
    return hit
