"""Outlines of one timepoint that came out as one region: parted where lesions touch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imgcompare.pipeline.journal import Journal
from imgcompare.segmentation import part_at_waist
from imgcompare.segmentation.masks import BoolArray
from imgcompare.segmentation.morphology import Spacing, box_of, depth_mm

SAME_LESION_OVERLAP = 0.5
"""Two outlines of one timepoint that share this part of the smaller one are one lesion."""


def part_touching(
    masks: Sequence[BoolArray],
    points: Sequence[Sequence[int]],
    spacing: Spacing,
    *,
    about: str,
    journal: Journal,
    warn: bool = False,
) -> list[BoolArray]:
    """Part outlines that share a region, each lesion standing at its point.

    Parameters
    ----------
    masks : sequence of bool array
        Outlines of one timepoint; they may overlap, or be empty.
    points : sequence of voxel indices
        Where each lesion was clicked or expected.
    spacing : tuple of float
        Voxel size, mm.
    about : str
        Name of the timepoint.
    journal : Journal
        What is decided is noted there.
    warn : bool
        Whether to warn of points that turn out to lie in one lesion.

    Returns
    -------
    list of bool array
        One per outline. Where no waist lies between points, the first has all of it, and the
        others are empty.
    """
    result = list(masks)
    for group in _sharing(masks):
        union = np.any([masks[n] for n in group], axis=0)
        parts = part_at_waist(union, [points[n] for n in group], spacing)
        first = {label: n for n, label in reversed([*zip(group, parts.of, strict=True)])}
        for n, label in zip(group, parts.of, strict=True):
            result[n] = parts.labels == label if first[label] == n else np.zeros_like(union)
        if parts.count > 1:
            reason = "they touch, and the outline has a waist between them, at which it is parted"
            journal.decide(about, choice=f"{parts.count} lesions in one outline", reason=reason)
        if warn and parts.count < len(group):
            journal.warn(f"Two outlines at {about} cover the same lesion; the first is kept.")
    return result


def deepest_in(mask: BoolArray, spacing: Spacing) -> tuple[int, int, int]:
    """Give the voxel of a mask that is farthest from its surface; the first one if it is empty."""
    if not mask.any():
        return 0, 0, 0
    box = box_of(mask, 2.0, spacing)
    depth = depth_mm(mask[box], spacing)
    found = np.unravel_index(int(np.argmax(depth)), depth.shape)
    a, b, c = (int(n) + s.start for n, s in zip(found, box, strict=True))
    return a, b, c


def _sharing(masks: Sequence[BoolArray]) -> list[list[int]]:
    """Group outlines that overlap so much that they are one region, in their order."""
    groups: list[list[int]] = []
    for n, mask in enumerate(masks):
        joined = [g for g in groups if any(_same(mask, masks[other]) for other in g)]
        groups = [g for g in groups if g not in joined]
        groups.append(sorted([n, *(other for g in joined for other in g)]))
    return sorted(g for g in groups if len(g) > 1)


def _same(first: BoolArray, second: BoolArray) -> bool:
    smaller = min(int(first.sum()), int(second.sum()))
    return bool((first & second).sum() > SAME_LESION_OVERLAP * smaller)
