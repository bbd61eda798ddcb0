"""Shape operations in mm on bool arrays: distance, opening, holes, what a shell encloses."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import cc3d
import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imgcompare.segmentation.masks import BoolArray, FloatArray

Spacing = tuple[float, float, float]
Box = tuple[slice, slice, slice]
IntArray = npt.NDArray[np.int64]
LabelArray = npt.NDArray[np.integer]

FAR_MM = 1e4
"""Distance given where there is nothing to measure to."""

LARGE_VOXELS: Final = 2_000_000
"""Smaller arrays are done on one thread: starting more takes longer than it saves."""

FACES: Final = 6
"""Connectivity through voxel faces."""

COARSE_SLICE_RATIO = 2.0
"""Neighbouring slices differing this much more than neighbouring rows are really thick."""

COARSE_SLICE_POWER = 1.6
"""Grows the measured ratio to a ratio of spacings: tissue varies less than linearly with distance.

Measured by leaving out 2 to 5 of 6 slices of 1 mm MR series; only used for shape operations.
"""

_DIRECTIONS = tuple(d for d in itertools.product((-1, 0, 1), repeat=3) if any(d))


def depth_mm(mask: BoolArray, spacing: Spacing) -> FloatArray:
    """Distance of each voxel of a mask from the nearest voxel outside, mm; 0 outside.

    Parameters
    ----------
    mask : bool array, shape (slices, rows, columns)
        The grid's edge is no surface.
    spacing : tuple of float
        Voxel size, mm.

    References
    ----------
    Felzenszwalb 2012, doi 10.4086/toc.2012.v008a019 (as in the library used).
    """
    if mask.all():
        return np.full(mask.shape, FAR_MM, dtype=np.float32)
    threads = 1 if mask.size < LARGE_VOXELS else 0  # 0: all cores
    found: FloatArray = edt.edt(np.ascontiguousarray(mask), anisotropy=spacing, parallel=threads)
    return found


def dilate(mask: BoolArray, radius_mm: float, spacing: Spacing) -> BoolArray:
    """Add every voxel within ``radius_mm`` of a mask."""
    if not mask.any():
        return mask.copy()
    box = bounding_box(mask, [int(np.ceil(radius_mm / s)) + 1 for s in spacing])
    out = np.zeros_like(mask)
    out[box] = depth_mm(~mask[box], spacing) <= radius_mm
    return out


def bounding_box(mask: BoolArray, margin: Sequence[int]) -> Box:
    """Smallest box around a mask that is not empty, with a margin in voxels."""
    parts = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        where = np.flatnonzero(mask.any(axis=others))
        low, high = int(where[0]) - margin[axis], int(where[-1]) + margin[axis] + 1
        parts.append(slice(max(0, low), min(mask.shape[axis], high)))
    return parts[0], parts[1], parts[2]


def box_of(mask: BoolArray, margin_mm: float, spacing: Spacing) -> Box:
    """Give the bounding box of a mask with a margin; the mask must not be empty."""
    margin = [max(1, int(np.ceil(margin_mm / s))) for s in spacing]
    return bounding_box(mask, margin)


def close(mask: BoolArray, radius_mm: float, spacing: Spacing) -> BoolArray:
    """Bridge gaps up to twice ``radius_mm`` wide."""
    return ~dilate(~dilate(mask, radius_mm, spacing), radius_mm, spacing)


def components(mask: BoolArray) -> tuple[LabelArray, int]:
    """Label the face-connected parts of a mask 1..n."""
    labels, count = cc3d.connected_components(
        mask.view(np.uint8), connectivity=FACES, return_N=True, binary_image=True
    )
    return labels, int(count)


def keep_labels(labels: LabelArray, wanted: Sequence[int] | LabelArray) -> BoolArray:
    """Voxels of the wanted labels; 0 is never wanted."""
    table = np.zeros(int(labels.max()) + 1, dtype=bool)
    table[np.asarray(wanted, dtype=np.int64)] = True
    table[0] = False
    return np.asarray(table[labels])


def touched(labels: LabelArray, zone: BoolArray) -> IntArray:
    """Labels found inside a zone, without 0."""
    found = np.unique(labels[zone]).astype(np.int64)
    return np.asarray(found[found > 0])


def enclosed_holes(mask: BoolArray) -> BoolArray:
    """Voxels outside a mask with no way to the sides of the grid; end slices are no sides.

    A stack may end inside a lesion, so a ring in the last slice still encloses its middle.
    """
    padded = np.pad(~mask, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    labels, _ = components(padded)
    open_labels = np.unique(labels[:, 0, 0])
    holes = ~keep_labels(labels, open_labels) & padded
    return np.asarray(holes[:, 1:-1, 1:-1])


def _hits(shell: BoolArray, direction: Sequence[int], step_mm: float, reach_mm: float) -> BoolArray:
    """Voxels from which a ray along ``direction`` meets the shell within reach."""
    distance = np.where(shell, np.float32(0.0), np.float32(FAR_MM))
    axis = next(a for a in range(3) if direction[a])
    swept = np.moveaxis(distance, axis, 0)
    size = swept.shape[0]
    order = range(size - 2, -1, -1) if direction[axis] > 0 else range(1, size)
    source, target = [slice(None)] * 2, [slice(None)] * 2
    for n, shift in enumerate(direction[a] for a in range(3) if a != axis):
        if shift:
            source[n] = slice(1, None) if shift > 0 else slice(None, -1)
            target[n] = slice(None, -1) if shift > 0 else slice(1, None)
    for k in order:
        here = swept[k][tuple(target)]
        np.minimum(here, swept[k + direction[axis]][tuple(source)] + step_mm, out=here)
    return np.asarray((distance > 0) & (distance <= reach_mm))


def _direction_weights(spacing: Spacing) -> tuple[FloatArray, FloatArray]:
    """Step length and solid angle (adding to 1) of the 26 grid directions."""
    vectors = np.array(_DIRECTIONS) * np.array(spacing)
    lengths = np.linalg.norm(vectors, axis=1)
    sample = np.random.default_rng(0).normal(size=(6000, 3))
    nearest = (sample @ (vectors / lengths[:, None]).T).argmax(axis=1)
    weights = np.bincount(nearest, minlength=len(_DIRECTIONS)) / len(sample)
    return lengths.astype(np.float32), weights.astype(np.float32)


def enclosure(shell: BoolArray, spacing: Spacing, reach_mm: float) -> FloatArray:
    """Part of the directions in which a voxel looks at the shell within reach, 0 to 1.

    The shell is first made one voxel thicker, so that rays do not slip through its corners; the
    layer added takes the value of its neighbour further away on the more enclosed side.

    Parameters
    ----------
    shell : bool array
        E.g. the enhancing rim.
    spacing : tuple of float
        Voxel size, mm.
    reach_mm : float
        Rays end here.

    Returns
    -------
    float32 array
        1 in the middle of a closed shell, about 0.5 just outside a flat wall; 0 on the shell.
    """
    thick = dilate(shell, 1.01 * min(spacing), spacing)
    total = np.zeros(shell.shape, dtype=np.float32)
    for direction, length, weight in zip(_DIRECTIONS, *_direction_weights(spacing), strict=True):
        if weight > 0:
            total += weight * _hits(thick, direction, float(length), reach_mm)
    layer = thick & ~shell
    total[layer] = ndimage.maximum_filter(total, size=3)[layer]
    return total


def effective_spacing(image: FloatArray, body: BoolArray, spacing: Spacing) -> Spacing:
    """Voxel size that the image content shows, for shape operations.

    A header may claim thinner slices than were acquired, or have lost its spacing. If neighbouring
    slices differ far more than neighbouring rows and columns, they are further apart.

    Parameters
    ----------
    image : array
        Signal.
    body : bool array
        Where to look.
    spacing : tuple of float
        Voxel size by the header, mm.

    Returns
    -------
    tuple of float
        Slice spacing never smaller than the header's.
    """
    steps = []
    spread = float(np.percentile(image[body][::7], 75)) if body.any() else 1.0
    for axis in range(3):
        # A third of the rows and columns is plenty for an average.
        low, high = [slice(None, None, 3)] * 3, [slice(None, None, 3)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        inside = body[tuple(low)] & body[tuple(high)]
        difference = np.abs(image[tuple(high)] - image[tuple(low)])[inside]
        steps.append(float(np.minimum(difference, spread).mean()) if difference.size else 0.0)
    in_plane = 0.5 * (steps[1] + steps[2])
    ratio = steps[0] / in_plane if in_plane > 0 else 1.0
    plane = min(spacing[1], spacing[2])
    seen = plane * ratio**COARSE_SLICE_POWER if ratio > COARSE_SLICE_RATIO else 0.0
    return max(spacing[0], seen), spacing[1], spacing[2]
