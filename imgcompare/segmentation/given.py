"""A lesion that a person or program outlined with its compartments: taken as drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import cc3d
import numpy as np
import numpy.typing as npt

from imgcompare.model import TISSUE_CODES, Decision, LabelMap, LesionSegmentation, Tissue
from imgcompare.segmentation.morphology import box_of

CROP_MARGIN_MM: Final = 3.0
"""Room left around a lesion's labels in its crop."""

EDITED: Final = "EDITED"
"""Flag of a lesion whose tissues a person redrew in part."""

EDITED_SOURCE: Final = ", edited"
"""Ends the source of such a lesion; a session keeps sources, but no flags."""


def compartments_as_drawn(
    labels: LabelMap, region: LabelMap, *, meaning: Mapping[int, Tissue | None]
) -> LesionSegmentation:
    """Take the compartments of one lesion from the labels that a person or program drew.

    Parameters
    ----------
    labels : LabelMap
        Label values on the reference grid.
    region : LabelMap
        The lesion (without oedema) as voxels that are not 0, on the same grid.
    meaning : mapping of int to Tissue or None
        Tissue of each label value; None is outside the lesion.

    Returns
    -------
    LesionSegmentation
        Whole voxels: every fraction is 0 or 1. Oedema is what touches the lesion's own region.
    """
    core = np.asarray(region.array != 0)
    oedema_values = [v for v, t in meaning.items() if t is Tissue.OEDEMA]
    oedema = _touching(core, np.isin(labels.array, oedema_values))
    box = box_of(core | oedema, CROP_MARGIN_MM, labels.geometry.spacing_mm)
    codes = np.zeros(labels.array[box].shape, dtype=np.uint8)
    for value, tissue in meaning.items():
        if tissue is not None:
            where = oedema[box] if tissue is Tissue.OEDEMA else core[box]
            codes[where & (labels.array[box] == value)] = TISSUE_CODES[tissue]
    drawn = {t for t in meaning.values() if t is not None}
    fractions = {t: (codes == TISSUE_CODES[t]).astype(np.float32) for t in Tissue if t in drawn}
    crop = labels.geometry.crop([s.start for s in box], [s.stop for s in box])
    tissues = {TISSUE_CODES[t]: t for t in fractions}
    reason = "the mask's labels name the tissues"
    decision = Decision("segmentation", "compartments", "as drawn in the mask", reason)
    return LesionSegmentation(
        LabelMap(codes, crop, tissues), fractions, source="mask", decisions=(decision,)
    )


def _touching(core: npt.NDArray[np.bool_], oedema: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Oedema in one piece with the lesion."""
    if not oedema.any():
        return oedema
    pieces = cc3d.connected_components(core | oedema, connectivity=26)
    return oedema & np.isin(pieces, np.unique(pieces[core]))


def edit_compartments(segmentation: LesionSegmentation, drawn: LabelMap) -> LesionSegmentation:
    """Take over what a person drew into a lesion's tissues.

    Voxels whose label was changed become whole voxels of the tissue drawn; all others keep the
    fractions they had, so that a small correction changes a volume by what was corrected only.

    Parameters
    ----------
    segmentation : LesionSegmentation
        As it was.
    drawn : LabelMap
        Tissue codes on the full reference grid, of this lesion alone.

    Returns
    -------
    LesionSegmentation
        On a crop that holds all of the lesion; flagged EDITED where anything changed.
    """
    grid = drawn.geometry
    before = np.zeros(grid.shape, dtype=np.uint8)
    place = segmentation.geometry.place_in(grid)
    before[place] = segmentation.labels.array
    changed = before != drawn.array
    if not changed.any():
        return segmentation
    filled = (before != 0) | (drawn.array != 0)
    box = box_of(filled, CROP_MARGIN_MM, grid.spacing_mm)
    labels = np.asarray(drawn.array[box], dtype=np.uint8)
    tissues = {t for t, code in TISSUE_CODES.items() if (labels == code).any()}
    fractions = {}
    for tissue in sorted(tissues | set(segmentation.fractions), key=list(Tissue).index):
        share = np.zeros(grid.shape, dtype=np.float32)
        if tissue in segmentation.fractions:
            share[place] = segmentation.fractions[tissue]
        cut = share[box]
        fractions[tissue] = np.where(changed[box], labels == TISSUE_CODES[tissue], cut).astype(
            np.float32
        )
    crop = grid.crop([s.start for s in box], [s.stop for s in box])
    count = int(changed.sum())
    decision = Decision("segmentation", "compartments", f"{count} voxels redrawn", "a person did")
    return replace(
        segmentation,
        labels=LabelMap(labels, crop, {TISSUE_CODES[t]: t for t in fractions}),
        fractions=fractions,
        source=segmentation.source.removesuffix(EDITED_SOURCE) + EDITED_SOURCE,
        flags=tuple(dict.fromkeys([*segmentation.flags, EDITED])),
        decisions=(*segmentation.decisions, decision),
    )
