"""Split one lesion into its tissues, as labels and as fractions of voxels, and find its oedema."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from imgcompare.errors import SegmentationError
from imgcompare.geometry import require_same_grid
from imgcompare.model import TISSUE_CODES, Decision, LabelMap, LesionSegmentation, Role, Tissue
from imgcompare.segmentation.ct_compartments import label_ct
from imgcompare.segmentation.labelled import Labelled
from imgcompare.segmentation.masks import BoolArray, FloatArray
from imgcompare.segmentation.morphology import box_of
from imgcompare.segmentation.mr_compartments import label_mr
from imgcompare.segmentation.oedema import REACH_MM, find_oedema
from imgcompare.segmentation.partial_volume import Channels, unmix
from imgcompare.segmentation.preparation import Prepared
from imgcompare.segmentation.references import References, find_references
from imgcompare.segmentation.scene import Scene, cut_out

MASK_SOURCE = "mask"
"""An outline given by a person is kept as it is; others are refined from the signals."""

LESION_MARGIN_MM = 5.0
"""Room around the lesion for its boundary voxels and the pure signals outside."""

CROP_MARGIN_MM = 3.0

WEAK = 0.05
"""A voxel of a given mask with less lesion signal than this takes its label's tissue whole."""

TISSUE_OF_CODE: Mapping[int, Tissue] = {code: tissue for tissue, code in TISSUE_CODES.items()}

LEAST_KEPT = 0.5
"""A refined lesion smaller than this share of its outline has no contrast to be refined by."""

MR_CHANNELS = (Role.T1C, Role.FLAIR, Role.T2, Role.T1)
"""Images that tell the fractions of a voxel; the native one comes first."""

Labels = npt.NDArray[np.uint8]
Fractions = dict[Tissue, FloatArray]


def segment_compartments(
    prepared: Prepared, region: LabelMap, *, source: str, proposed: bool = False
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
    whole = cut_out(prepared, region.array != 0, LESION_MARGIN_MM if prepared.is_ct else REACH_MM)
    inner = box_of(whole.region, LESION_MARGIN_MM, whole.spacing_mm)
    scene = whole.crop(inner)
    references = None if prepared.is_ct else find_references(prepared, region.array)
    labelled = label_ct(scene) if references is None else label_mr(scene, references)
    given = source == MASK_SOURCE
    labels, parts = _fractions(scene, labelled.labels, keep_outline=given)
    doubtful = not given and _lost(parts, scene.region)
    if doubtful:
        labels, parts = _fractions(scene, labelled.labels, keep_outline=True)
    full_labels = np.zeros(whole.region.shape, dtype=np.uint8)
    full_labels[inner] = labels
    full = {t: _embedded(f, inner, whole.region.shape) for t, f in parts.items()}
    flags, decisions = list(labelled.flags), list(labelled.decisions)
    if doubtful:
        flags.append(
            "outline kept as found: lesion and surroundings differ too little to refine it"
        )
    if references is not None:
        _add_oedema(whole, full_labels, full, references, flags, decisions)
    note = Labelled(full_labels, tuple(flags), tuple(decisions))
    return _result(whole, note, full, source=source, proposed=proposed, prepared=prepared)


def _lost(parts: Fractions, region: BoolArray) -> bool:
    """Tell whether refining the outline made most of the lesion vanish."""
    filled = sum(float(f.sum(dtype=np.float64)) for f in parts.values())
    return filled < LEAST_KEPT * float(region.sum())


def _embedded(
    part: FloatArray, box: tuple[slice, slice, slice], shape: tuple[int, ...]
) -> FloatArray:
    full = np.zeros(shape, dtype=np.float32)
    full[box] = part
    return full


def _fractions(scene: Scene, labels: Labels, *, keep_outline: bool) -> tuple[Labels, Fractions]:
    """Unmix boundary voxels; then the most probable tissue is the largest fraction."""
    roles = [r for r in MR_CHANNELS if r in scene.images] or list(scene.images)
    stack = np.stack([scene.images[r] for r in roles])
    channels = Channels(stack, [scene.noise[r] for r in roles], scene.spacing_mm)
    codes, solved = unmix(channels, labels)
    lesion = {int(c): f for c, f in zip(codes, solved, strict=True) if c}
    if keep_outline:
        lesion = _fill(lesion, scene.region, labels)
    stack = np.stack(list(lesion.values()))
    inside = scene.region if keep_outline else stack.sum(axis=0) >= 0.5
    best = np.array(list(lesion), dtype=np.uint8)[stack.argmax(axis=0)]
    chosen = np.where(inside, best, np.uint8(0))
    return chosen, {TISSUE_OF_CODE[c]: f for c, f in lesion.items()}


def _fill(
    lesion: dict[int, FloatArray], region: BoolArray, labels: Labels
) -> dict[int, FloatArray]:
    """Scale fractions so that they fill a given outline exactly and nothing beyond."""
    total = np.sum(list(lesion.values()), axis=0)
    scale = np.where(region, 1 / np.maximum(total, WEAK), 0).astype(np.float32)
    weak = region & (total < WEAK)
    return {c: np.where(weak, labels == c, f * scale).astype(np.float32) for c, f in lesion.items()}


def _add_oedema(
    scene: Scene,
    labels: Labels,
    fractions: Fractions,
    references: References,
    flags: list[str],
    decisions: list[Decision],
) -> None:
    """Find oedema and add it to labels and fractions, in place."""
    found = find_oedema(scene, labels > 0, references)
    if found is None:
        flags.append("oedema not measured: no FLAIR and no T2")
        return
    mask, part = found
    if Role.FLAIR not in scene.images:
        flags.append("oedema from T2 alone")
    if not mask.any():
        return
    lesion = np.sum(list(fractions.values()), axis=0)
    fractions[Tissue.OEDEMA] = np.clip(np.minimum(part, 1 - lesion), 0, 1).astype(np.float32)
    labels[mask] = TISSUE_CODES[Tissue.OEDEMA]
    reason = "brighter on FLAIR than normal brain, contiguous with the lesion"
    decisions.append(Decision("segmentation", "oedema", f"within {REACH_MM:.0f} mm", reason))


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
