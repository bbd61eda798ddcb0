"""Oedema between two lesions is counted once, for the lesion that it lies nearer to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from imgcompare.model import (
    LESION_TISSUES,
    TISSUE_CODES,
    LabelMap,
    LesionSegmentation,
    Tissue,
)
from imgcompare.segmentation import morphology as shape
from imgcompare.segmentation.masks import BoolArray, FloatArray

Box = tuple[slice, slice, slice]


def share_oedema(found: Sequence[LesionSegmentation]) -> tuple[LesionSegmentation, ...]:
    """Let no oedema belong to two lesions, nor lie in another lesion.

    Parameters
    ----------
    found : sequence of LesionSegmentation
        The lesions of one timepoint, on crops of one grid.

    Returns
    -------
    tuple of LesionSegmentation
        In the same order; those whose oedema meets no other lesion as they were.
    """
    result = list(found)
    for i, j in combinations(range(len(result)), 2):
        boxes = _overlap(result[i], result[j])
        if boxes is not None:
            first, second = result[i], result[j]
            result[i] = _without(first, second, boxes, keeps_ties=True)
            result[j] = _without(second, first, (boxes[1], boxes[0]), keeps_ties=False)
    return tuple(result)


def _overlap(first: LesionSegmentation, second: LesionSegmentation) -> tuple[Box, Box] | None:
    """Give the common part of two crops, in each of them; None if there is none."""
    offset = second.geometry.offset_in(first.geometry)
    here, there = [], []
    for start, n, m in zip(offset, first.geometry.shape, second.geometry.shape, strict=True):
        low, high = max(0, start), min(n, start + m)
        if low >= high:
            return None
        here.append(slice(low, high))
        there.append(slice(low - start, high - start))
    return (here[0], here[1], here[2]), (there[0], there[1], there[2])


def _without(
    own: LesionSegmentation,
    other: LesionSegmentation,
    boxes: tuple[Box, Box],
    *,
    keeps_ties: bool,
) -> LesionSegmentation:
    """Take from a lesion the oedema that is, or lies nearer to, another lesion."""
    if Tissue.OEDEMA not in own.fractions:
        return own
    here, there = boxes
    oedema = own.fractions[Tissue.OEDEMA].copy()
    room = 1 - sum((other.fractions[t][there] for t in LESION_TISSUES if t in other.fractions),
                   np.float32(0))  # fmt: skip
    kept = np.clip(np.minimum(oedema[here], room), 0, 1)
    theirs = other.fractions.get(Tissue.OEDEMA)
    if theirs is not None and ((kept > 0) & (theirs[there] > 0)).any():
        mine, its = _distance(own)[here], _distance(other)[there]
        is_nearer = mine <= its if keeps_ties else mine < its
        kept[(theirs[there] > 0) & ~is_nearer] = 0
    if np.array_equal(kept, oedema[here]):
        return own
    oedema[here] = kept
    labels = own.labels.array.copy()
    code = TISSUE_CODES[Tissue.OEDEMA]
    gone = (labels[here] == code) & ((kept == 0) | other.mask()[there])
    labels[here] = np.where(gone, 0, labels[here])
    return replace(
        own,
        labels=LabelMap(labels, own.geometry),
        fractions={**own.fractions, Tissue.OEDEMA: oedema},
    )


def _distance(found: LesionSegmentation) -> FloatArray:
    """Distance of each voxel from the lesion, mm; 0 inside."""
    core: BoolArray = found.mask()
    return shape.depth_mm(~core, found.geometry.spacing_mm)
