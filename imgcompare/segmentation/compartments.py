"""Split one lesion into its tissues and find the oedema around it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imgcompare.errors import SegmentationError
from imgcompare.geometry import require_same_grid
from imgcompare.model import (
    LESION_TISSUES,
    TISSUE_CODES,
    LabelMap,
    LesionSegmentation,
    Role,
    Tissue,
)
from imgcompare.segmentation.masks import BoolArray, FloatArray
from imgcompare.segmentation.mr_compartments import label_mr
from imgcompare.segmentation.partial_volume import Channels, unmix
from imgcompare.segmentation.preparation import Prepared
from imgcompare.segmentation.scene import Scene, bounding_box, cut_out

MASK_SOURCE = "mask"
OEDEMA_REACH_MM = 45.0
UNMIX_MARGIN_MM = 4.0
TISSUE_OF_CODE = {code: tissue for tissue, code in TISSUE_CODES.items()}
MR_CHANNELS = (Role.T1C, Role.FLAIR, Role.T2, Role.T1)


def segment_compartments(
    prepared: Prepared, region: LabelMap, *, source: str, proposed: bool = False
) -> LesionSegmentation:
    grid = prepared.aligned.geometry
    require_same_grid(region.geometry, grid, what="lesion and images", remedy="Resample the lesion.")
    if not region.array.any():
        raise SegmentationError("The lesion is empty: there is nothing to split into tissues.")
    scene = cut_out(prepared, region.array, UNMIX_MARGIN_MM)
    labelled = label_mr(scene, {})
    labels, fractions = partial_volume(scene, labelled.labels, keep_outline=source == MASK_SOURCE)
    return LesionSegmentation(
        LabelMap(labels, scene.geometry, TISSUE_OF_CODE), fractions, proposed, source, False,
        labelled.flags, labelled.decisions)


def partial_volume(scene: Scene, labels: npt.NDArray[np.uint8], *, keep_outline: bool):
    box = bounding_box(scene.region, scene.spacing_mm, UNMIX_MARGIN_MM)
    roles = [r for r in MR_CHANNELS if r in scene.images]
    part = scene.crop(box)
    stack = np.stack([part.images[r] for r in roles])
    channels = Channels(stack, [part.noise[r] for r in roles], part.spacing_mm)
    for _ in range(2):
        codes, solved = unmix(channels, labels[box])
        lesion = {int(c): f for c, f in zip(codes, solved, strict=True) if c}
        if keep_outline:
            lesion = _fill_region(lesion, part.region, labels[box])
        best = _most_probable(lesion, part.region if keep_outline else None)
        labels = labels.copy(); labels[box] = best
    out = {}
    for c, f in lesion.items():
        full = np.zeros(scene.region.shape, np.float32); full[box] = f
        out[TISSUE_OF_CODE[c]] = full
    return labels, out


def _fill_region(lesion, region, labels):
    total = sum(lesion.values())
    weak = total < 0.05
    scale = np.where(region, 1 / np.maximum(total, 0.05), 0)
    return {c: np.where(region & weak, labels == c, f * scale).astype(np.float32) for c, f in lesion.items()}


def _most_probable(lesion, region):
    codes = np.array(list(lesion), dtype=np.uint8)
    stack = np.stack(list(lesion.values()))
    inside = stack.sum(axis=0) >= 0.5 if region is None else region
    return np.where(inside, codes[stack.argmax(axis=0)], 0).astype(np.uint8)
