"""Where lesions touch: one region divided at its waist between the points that stand for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from imgcompare.segmentation import morphology as shape
from imgcompare.segmentation.masks import BoolArray
from imgcompare.segmentation.morphology import LabelArray, Spacing

WAIST: Final = 0.75
"""Two bodies joined by something thinner than this share of the thinner one touch (house rule).

Lobes of the digital lesions, drawn irregular, keep 0.8 and more.
"""

LEVELS: Final = 24
"""Thicknesses at which a region is tried to be cut."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """A region divided: ``labels`` 1..n inside, and the label ``of`` each point that was given."""

    labels: npt.NDArray[np.uint8]
    of: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many parts there are."""
        return len(set(self.of))


def part_at_waist(region: BoolArray, points: Sequence[Sequence[int]], spacing: Spacing) -> Parts:
    """Divide a region between points wherever it has a waist between them.

    The region is cut along the watershed of its depth (Meyer 1994, doi
    10.1016/0165-1684(94)90060-4). Points with no waist between them share a part, so that two
    points in one lesion stay one lesion.

    Parameters
    ----------
    region : bool array
    points : sequence of voxel indices
        Each in or near the region.
    spacing : tuple of float
        Voxel size, mm.

    Returns
    -------
    Parts
        All of ``region`` is in one of them; labels are in the order of the points.
    """
    box = shape.box_of(region, 0.0, spacing)
    inside = region[box]
    index = np.argwhere(inside)
    start = np.array([s.start for s in box])
    # A point beside the region stands for the voxel nearest to it.
    near = [
        int(np.argmin((((index + start - p) * np.asarray(spacing)) ** 2).sum(axis=1)))
        for p in np.asarray(points)
    ]
    labels, of = _divide(inside, [(int(a), int(b), int(c)) for a, b, c in index[near]], spacing)
    out = np.zeros(region.shape, dtype=np.uint8)
    out[box] = labels
    return Parts(out, of)


def _divide(
    region: BoolArray, points: Sequence[tuple[int, int, int]], spacing: Spacing
) -> tuple[npt.NDArray[np.uint8], tuple[int, ...]]:
    whole = region.astype(np.uint8), (1,) * len(points)
    if len(points) < 2:
        return whole
    depth = shape.depth_mm(np.pad(region, 1), spacing)[1:-1, 1:-1, 1:-1]
    for level in np.linspace(0.0, WAIST * float(depth.max()), LEVELS + 1)[1:]:
        bodies, count = shape.components(depth > level)
        if count < 2:
            continue
        basins = _basins(bodies, depth, region)
        own = [int(basins[p]) for p in points]
        peaks = [float(depth[bodies == n].max()) for n in set(own)]
        if len(peaks) > 1 and level <= WAIST * min(peaks):
            break
    else:
        return whole
    kept = np.where(np.isin(bodies, own), bodies, 0)
    basins = _basins(kept, depth, region)
    own = [int(basins[p]) for p in points]
    labels, of, used = np.zeros(region.shape, dtype=np.uint8), [0] * len(points), 0
    for body in dict.fromkeys(own):
        here = [n for n, other in enumerate(own) if other == body]
        mask = basins == body
        inner, inner_of = _divide(mask, [points[n] for n in here], spacing)
        labels[mask] = inner[mask] + used
        for n, label in zip(here, inner_of, strict=True):
            of[n] = label + used
        used += max(inner_of)
    return labels, tuple(of)


def _basins(bodies: LabelArray, depth: npt.NDArray[np.float32], region: BoolArray) -> LabelArray:
    """Give every voxel of a region to the body that it slopes up to."""
    from skimage.segmentation import watershed  # slow to import, rarely needed

    found: LabelArray = watershed(-depth, markers=bodies.astype(np.int32), mask=region)
    return found
