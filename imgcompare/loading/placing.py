"""Places a mask drawn on another grid of the same frame of reference: a share for each voxel.

A voxel of the mask is a box, of which each voxel of the image gets its share, so that the volume
stays what was drawn. Where the axes of both grids are parallel the shares are exact; else each
voxel of the image is sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from imgcompare.errors import GeometryMismatchError
from imgcompare.geometry import Geometry, from_slices
from imgcompare.loading.drawn import Filled, cropped

Fractions = npt.NDArray[np.float32]

SNAP: Final = 0.05
"""Edges this close, in voxels, are one edge written with rounding."""

SUB_SAMPLES: Final = 5
"""Samples per voxel edge where the grids are oblique to each other, as for contours."""

_SAME_MM: Final = 0.01


def stack_frames(
    positions_mm: Sequence[Sequence[float]],
    orientation: Sequence[float],
    spacing_mm: Sequence[float],
    frames: Sequence[npt.NDArray[Any]],
    *,
    step_mm: float | None,
) -> tuple[Fractions, Geometry] | None:
    """Stack parallel frames, which may be sparse, into a volume with its grid.

    Parameters
    ----------
    positions_mm : sequence of 3 floats each
        Where each frame lies, LPS.
    orientation, spacing_mm
        Of all frames, as in DICOM.
    frames : sequence of arrays, shape (rows, columns)
        What each fills, 0 to 1; frames at one place are joined.
    step_mm : float, optional
        Distance between neighbouring frames, known from elsewhere.

    Returns
    -------
    tuple of (array, Geometry) or None
        None where the frames lie on no regular grid, or nothing tells their distance.
    """
    places = np.asarray(positions_mm, dtype=np.float64)
    normal = np.cross(orientation[:3], orientation[3:])
    heights = places @ (normal / np.linalg.norm(normal))
    if step_mm is None:
        return None
    steps = (heights - heights.min()) / step_mm
    index = np.rint(steps).astype(np.int64)
    first, last = int(np.argmin(heights)), int(np.argmax(heights))
    count = int(index.max()) + 1
    line = places[first] + np.outer(index / max(1, count - 1), places[last] - places[first])
    if np.abs(steps - index).max() > SNAP or np.abs(line - places).max() > SNAP * min(spacing_mm):
        return None
    ends = np.linspace(places[first], places[last], count)
    shape = frames[0].shape
    grid = from_slices(ends, orientation, spacing_mm, shape, slice_spacing_mm=step_mm)
    array = np.zeros((count, *shape), np.float32)
    for n, frame in zip(index, frames, strict=True):
        array[n] = np.maximum(array[n], frame)
    return array, grid


def usual_step_mm(
    positions_mm: npt.ArrayLike, orientation: Sequence[float], stated_mm: float | None = None
) -> float | None:
    """Give the distance of neighbouring frames along their normal; None if all lie on one plane.

    It is the least one, or a stated one of which all are multiples (frames may be sparse).
    """
    normal = np.cross(orientation[:3], orientation[3:])
    heights = np.sort(np.asarray(positions_mm) @ (normal / np.linalg.norm(normal)))
    gaps = np.diff(heights)
    gaps = gaps[gaps > _SAME_MM]
    if not len(gaps):
        return None
    if stated_mm and np.abs(gaps / stated_mm - np.rint(gaps / stated_mm)).max() <= SNAP:
        return stated_mm
    return float(gaps.min())


def place(array: Fractions, grid: Geometry, onto: Geometry, *, name: str, what: str) -> Filled:
    """Give the part of each voxel of a grid that a mask on another grid fills.

    Parameters
    ----------
    array : float32 array
        Part of each voxel of the mask that is filled, not all 0.
    grid : Geometry
        Of the mask.
    onto : Geometry
        Of the image.
    name, what : str
        What messages call the mask and the image.

    Raises
    ------
    GeometryMismatchError
        If the mask reaches beyond the image; says how far.
    """
    box = cropped(array).box
    array = array[box]
    grid = grid.crop([s.start for s in box], [s.stop for s in box])
    corners = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in array.shape])).reshape(3, -1).T
    index = onto.world_to_index(grid.index_to_world(corners))
    _require_inside(index, grid, onto, f"Mask {name} and {what}")
    low = np.maximum(0, np.floor(index.min(axis=0) + 0.5).astype(int))
    high = np.minimum(onto.shape, np.ceil(index.max(axis=0) + 0.5).astype(int))
    window = onto.crop(low.tolist(), high.tolist())
    mapping = np.linalg.inv(grid.affine) @ window.affine
    axes = np.argmax(np.abs(mapping[:3, :3]), axis=0)  # the mask's axis along each of the image's
    aligned = np.zeros((3, 3))
    aligned[axes, range(3)] = mapping[axes, range(3)]
    stray = np.abs(mapping[:3, :3] - aligned) @ np.array(window.shape)
    if sorted(axes) == [0, 1, 2] and float(stray.max()) <= SNAP:
        found = _shares(array, window, mapping, axes.tolist())
    else:
        found = _sampled(array, window, mapping)
    filled = cropped(found)
    shifted = tuple(slice(s.start + n, s.stop + n) for s, n in zip(filled.box, low, strict=True))
    return Filled((shifted[0], shifted[1], shifted[2]), filled.fractions)


def _require_inside(
    index: npt.NDArray[np.float64], grid: Geometry, onto: Geometry, both: str
) -> None:
    beyond = np.maximum(-0.5 - index, index - (np.array(onto.shape) - 0.5)).max(axis=0)
    if beyond.max() > SNAP:
        far = float((beyond * np.array(onto.spacing_mm)).max())
        raise GeometryMismatchError(
            f"{both} are on different grids: what is drawn, [{grid}], reaches {far:.1f} mm beyond "
            f"[{onto}]. Give an image that holds all of it."
        )


def _shares(
    array: Fractions, window: Geometry, mapping: npt.NDArray[np.float64], axes: Sequence[int]
) -> Fractions:
    """Share out boxes whose edges are parallel to those of the voxels, axis by axis."""
    middle = (np.array(window.shape) - 1) / 2.0
    centre = mapping[:3, :3] @ middle + mapping[:3, 3]
    found = array.transpose(axes)
    for axis, source in enumerate(axes):
        step = float(mapping[source, axis])
        at = float(centre[source]) + step * (np.arange(window.shape[axis]) - middle[axis])
        edges = np.stack([at - abs(step) / 2, at + abs(step) / 2], axis=1)
        cells = np.arange(found.shape[axis])
        overlap = np.minimum(edges[:, 1:], cells + 0.5) - np.maximum(edges[:, :1], cells - 0.5)
        weights = (np.clip(overlap, 0.0, None) / abs(step)).astype(np.float32)
        found = np.moveaxis(np.tensordot(weights, found, axes=(1, axis)), 0, axis)
    return np.clip(found, 0.0, 1.0)


def _sampled(array: Fractions, window: Geometry, mapping: npt.NDArray[np.float64]) -> Fractions:
    """Sample each voxel of the image at a lattice of points, slice by slice."""
    inside = (np.arange(SUB_SAMPLES) + 0.5) / SUB_SAMPLES - 0.5
    lattice = np.stack(np.meshgrid(inside, inside, inside, indexing="ij"), axis=-1).reshape(-1, 3)
    padded = np.pad(array, 1)
    rows, columns = np.indices(window.shape[1:])
    found = np.zeros(window.shape, np.float32)
    for n in range(window.shape[0]):
        voxels = np.stack([np.full_like(rows, n), rows, columns], axis=-1).reshape(-1, 3)
        total = np.zeros(len(voxels), np.float32)
        for offset in lattice:
            at = np.rint((voxels + offset) @ mapping[:3, :3].T + mapping[:3, 3]).astype(np.int64)
            at = np.clip(at + 1, 0, np.array(padded.shape) - 1)
            total += padded[at[:, 0], at[:, 1], at[:, 2]]
        found[n] = (total / len(lattice)).reshape(window.shape[1:])
    return found
