"""Split one lesion into its tissues, as labels and as fractions of voxels, and find its oedema."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from imgcompare.errors import SegmentationError
from imgcompare.geometry import Geometry, require_same_grid
from imgcompare.model import (
    Decision,
    LabelMap,
    LesionSegmentation,
    Role,
    Tissue,
    Volume,
)
from imgcompare.segmentation.ct_compartments import label_ct
from imgcompare.segmentation.fractions import (
    OEDEMA,
    TISSUE_OF_CODE,
    Fractions,
    Labels,
    name_surroundings,
    tissue_fractions,
)
from imgcompare.segmentation.labelled import Labelled
from imgcompare.segmentation.masks import BoolArray, FloatArray
from imgcompare.segmentation.morphology import Box, box_of
from imgcompare.segmentation.mr_compartments import label_mr
from imgcompare.segmentation.oedema import REACH_MM, find_oedema
from imgcompare.segmentation.preparation import Prepared
from imgcompare.segmentation.references import References, find_references
from imgcompare.segmentation.scene import Scene, cut_out

MASK_SOURCE = "mask"
"""An outline given by a person is kept as it is; others are refined from the signals."""

LESION_MARGIN_MM = 5.0
"""Room around the lesion for its boundary voxels and the pure signals outside."""

CROP_MARGIN_MM = 3.0

LEAST_KEPT = 0.5
"""A refined lesion smaller than this share of its outline has no contrast to be refined by."""

A = TypeVar("A", FloatArray, Labels)


def segment_compartments(
    prepared: Prepared,
    region: LabelMap,
    *,
    source: str,
    proposed: bool = False,
    fill: Volume | None = None,
) -> LesionSegmentation:
    """Split one lesion into tissues.

    Parameters
    ----------
    prepared : Prepared
        Images of the timepoint.
    region : LabelMap
        The whole lesion without oedema, on the full reference grid: every label but 0 counts.
    source : str
        Where the outline comes from; ``mask`` keeps it as it is, any other source lets boundary
        voxels be filled in part.
    proposed : bool
        Whether the lesion was proposed automatically.
    fill : Volume, optional
        Part of each voxel inside a given outline, on a crop of the reference grid; whole voxels of
        ``region`` where there is none.

    Returns
    -------
    LesionSegmentation
        On a box around lesion and oedema.

    Raises
    ------
    GeometryMismatchError
        If the region is on another grid.
    SegmentationError
        If the region is empty.
    """
    grid = prepared.aligned.geometry
    require_same_grid(
        region.geometry, grid, what="The lesion and the images", remedy="Resample the lesion."
    )
    if not region.array.any():
        raise SegmentationError("The lesion is empty: draw or seed it in this timepoint.")
    reached = _reached(region, fill)
    whole = cut_out(prepared, reached, LESION_MARGIN_MM if prepared.is_ct else REACH_MM)
    inner = box_of(whole.region, LESION_MARGIN_MM, whole.spacing_mm)
    whole = replace(whole, region=_within(whole, region))
    scene = whole.crop(inner)
    references = None if prepared.is_ct else find_references(prepared, region.array)
    labelled = label_ct(scene) if references is None else label_mr(scene, references)
    flags, decisions = list(labelled.flags), list(labelled.decisions)
    lesion = _embedded(labelled.labels, inner, whole.region.shape)
    oedema, named = None, labelled.labels
    if references is not None:
        oedema = _oedema(whole, lesion > 0, references, flags, decisions)
        near = np.zeros_like(scene.region) if oedema is None else oedema[0][inner]
        named = name_surroundings(scene, named, near)
    given = source == MASK_SOURCE
    outline = _outline(scene, fill)
    labels, parts = tissue_fractions(scene, named, outline if given else None)
    doubtful = not given and _lost(parts, scene.region)
    if doubtful:
        labels, parts = tissue_fractions(scene, named, outline)
        flags.append(
            "outline kept as found: lesion and surroundings differ too little to refine it"
        )
    full_labels = _embedded(labels, inner, whole.region.shape)
    full = {t: _embedded(f, inner, whole.region.shape) for t, f in parts.items()}
    if oedema is not None:
        _add_oedema(full_labels, full, oedema)
    note = Labelled(full_labels, tuple(flags), tuple(decisions))
    return _result(whole, note, full, source=source, proposed=proposed, prepared=prepared)


def _lost(parts: Fractions, region: BoolArray) -> bool:
    """Tell whether refining the outline made most of the lesion vanish."""
    filled = sum(float(f.sum(dtype=np.float64)) for f in parts.values())
    return filled < LEAST_KEPT * float(region.sum())


def _embedded(part: A, box: Box, shape: tuple[int, ...]) -> A:
    full = np.zeros(shape, dtype=part.dtype)
    full[box] = part
    return full


def _reached(region: LabelMap, fill: Volume | None) -> BoolArray:
    """Every voxel of the full grid that the lesion touches."""
    reached = np.asarray(region.array != 0)
    if fill is not None:
        reached[_window(fill.geometry, region.geometry)] |= fill.array > 0
    return reached


def _within(scene: Scene, region: LabelMap) -> BoolArray:
    """Cut a scene's part out of a region on the full grid."""
    return np.asarray(region.array[_window(scene.geometry, region.geometry)] != 0)


def _outline(scene: Scene, fill: Volume | None) -> FloatArray:
    """Part of each voxel of a scene that the outline fills."""
    if fill is None:
        return scene.region.astype(np.float32)
    outline = np.zeros(scene.region.shape, dtype=np.float32)
    outline[_window(fill.geometry, scene.geometry)] = fill.array
    return outline


def _window(part: Geometry, whole: Geometry) -> tuple[slice, slice, slice]:
    """Give the box of a grid that a crop of it covers."""
    a, b, c = (
        slice(first, first + n) for first, n in zip(part.offset_in(whole), part.shape, strict=True)
    )
    return a, b, c


def _oedema(
    scene: Scene,
    lesion: BoolArray,
    references: References,
    flags: list[str],
    decisions: list[Decision],
) -> tuple[BoolArray, FloatArray] | None:
    """Find oedema, and say so."""
    found = find_oedema(scene, lesion, references)
    if found is None:
        flags.append("oedema not measured: no FLAIR and no T2")
        return None
    if Role.FLAIR not in scene.images:
        flags.append("oedema from T2 alone")
    if not found[0].any():
        return None
    reason = "brighter on FLAIR than normal brain, contiguous with the lesion"
    decisions.append(Decision("segmentation", "oedema", f"within {REACH_MM:.0f} mm", reason))
    return found


def _add_oedema(labels: Labels, fractions: Fractions, oedema: tuple[BoolArray, FloatArray]) -> None:
    """Add oedema to labels and fractions, in place, wherever the lesion leaves room."""
    mask, part = oedema
    lesion = np.sum(list(fractions.values()), axis=0)
    fractions[Tissue.OEDEMA] = np.clip(np.minimum(part, 1 - lesion), 0, 1).astype(np.float32)
    labels[mask & (labels == 0)] = OEDEMA


def _result(
    scene: Scene,
    note: Labelled,
    fractions: Fractions,
    *,
    source: str,
    proposed: bool,
    prepared: Prepared,
) -> LesionSegmentation:
    """Crop to what was found and wrap it up."""
    filled = note.labels > 0
    for part in fractions.values():
        filled |= part > 0
    box = box_of(filled, CROP_MARGIN_MM, scene.spacing_mm)
    part_scene = scene.crop(box)
    return LesionSegmentation(
        LabelMap(note.labels[box].copy(), part_scene.geometry, TISSUE_OF_CODE),
        {t: f[box].copy() for t, f in fractions.items()},
        proposed=proposed,
        source=source,
        attenuation_classes_only=prepared.is_ct and prepared.enhancement is None,
        flags=note.flags,
        decisions=note.decisions,
    )
