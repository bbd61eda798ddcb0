"""Find the lesions of a timepoint: as drawn, from a seed, followed from baseline, or proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imgcompare.loading import LABEL_SCHEMES, mask_region, read_lesions, read_mask
from imgcompare.model import (
    OUTLINED_ON_WATER,
    AlignedTimepoint,
    LabelMap,
    LesionSegmentation,
    Role,
    Timepoint,
)
from imgcompare.options import CompareOptions, Given, Seed
from imgcompare.pipeline.journal import Journal
from imgcompare.pipeline.touching import SAME_LESION_OVERLAP, deepest_in, part_touching
from imgcompare.pipeline.tracking import Outline, Tracking
from imgcompare.segmentation import (
    Prepared,
    compartments_as_drawn,
    outline_seed,
    propose_lesions,
    segment_compartments,
)
from imgcompare.segmentation.lesion import seed_index
from imgcompare.segmentation.proposal import no_contrast

CONTRAST_PAIRS: Sequence[tuple[Role, frozenset[Role]]] = (
    (Role.T1, frozenset({Role.T1C})),
    (Role.CT_PRE, frozenset({Role.CT_PORTAL, Role.CT_ARTERIAL, Role.CT_DELAYED})),
)
"""Series before and after contrast that show what enhances."""


def outline_lesions(
    prepared: Prepared,
    given: Given,
    tracking: Tracking,
    *,
    options: CompareOptions,
    journal: Journal,
) -> list[Outline]:
    """Find the lesions of one timepoint: as given, followed from earlier ones, or proposed.

    A mask holds all lesions of its timepoint; beside seeds, earlier lesions that have none are
    looked for. Only where nothing at all was given are further lesions taken up; otherwise they
    are pointed out.
    """
    aligned = prepared.aligned
    index, name = aligned.timepoint.index, aligned.timepoint.name
    if index in given.masks:
        drawn = [
            outline
            for path in given.masks[index]
            for outline in _read_outlines(path, aligned, options.label_scheme, journal)
        ]
        return _distinct(drawn, name, journal)
    seeded = _distinct(_from_seeds(prepared, given.seeds.get(index, ()), journal), name, journal)
    followed = tracking.follow(prepared, seeded) if index else []
    found = _distinct([*seeded, *followed], name, journal)
    if given or (index and prepared.enhancement is None):
        if index:
            _point_out(prepared, found, journal)
        return found
    proposals = _proposals(prepared, found)
    journal.decide(
        name,
        choice=f"{len(found)} lesion(s) followed, {len(proposals)} more proposed"
        if index
        else f"{len(proposals)} lesion(s) proposed",
        reason="no mask and no seed was given; check every proposal",
    )
    return _distinct([*found, *proposals], name, journal)


def require_contrast(baseline: Timepoint) -> None:
    """Refuse early what could only end in a refusal: a proposal without contrast phases.

    Raises
    ------
    SegmentationError
        If the series of the baseline hold no scan before and one after contrast.
    """
    for before, after in CONTRAST_PAIRS:
        if before in baseline.series and after & baseline.series.keys():
            return
    raise no_contrast(baseline.name)


def _from_seeds(prepared: Prepared, seeds: Sequence[Seed], journal: Journal) -> list[Outline]:
    """Outline the lesions at seeds; where two of them touch, part them at their waist."""
    outlines = [_from_seed(prepared, seed, journal) for seed in seeds]
    masks = part_touching(
        [outline.mask for outline in outlines],
        [seed_index(prepared, seed.point_mm) for seed in seeds],
        prepared.aligned.geometry.spacing_mm,
        about=prepared.aligned.timepoint.name,
        journal=journal,
        warn=True,
    )
    return [
        replace(outline, region=LabelMap(mask, outline.region.geometry))
        for outline, mask in zip(outlines, masks, strict=True)
        if mask.any()
    ]


def _from_seed(prepared: Prepared, seed: Seed, journal: Journal) -> Outline:
    """Outline the lesion at a seed, on FLAIR or T2 if it gains no contrast."""
    lesion = outline_seed(prepared, seed.point_mm, radius_mm=seed.radius_mm)
    source = "seed" if lesion.basis is None else f"seed on {lesion.basis}"
    if lesion.basis is not None:
        shown = Role.T1C in prepared.images
        why = "does not stand out after contrast" if shown else "has no T1 after contrast"
        journal.warn(
            f"The lesion at the seed of {prepared.aligned.timepoint.name} {why}; "
            f"it is outlined on {lesion.basis}, where oedema and gliosis look alike. "
            "Check the outline."
        )
    for doubt in lesion.doubts:
        journal.warn(f"{prepared.aligned.timepoint.name}: {doubt}")
    return Outline(lesion.region, source, unenhanced=lesion.basis is not None)


def _proposals(prepared: Prepared, known: Sequence[Outline]) -> list[Outline]:
    taken = np.zeros(prepared.aligned.geometry.shape, dtype=bool)
    for outline in known:
        taken |= outline.mask
    labels = propose_lesions(prepared, known=taken)
    return [
        Outline(LabelMap(labels.array == n, labels.geometry), "proposal", proposed=True)
        for n in np.unique(labels.array)
        if n
    ]


def _point_out(prepared: Prepared, found: Sequence[Outline], journal: Journal) -> None:
    """Warn of what may be further lesions at a follow-up; they are not taken up."""
    name = prepared.aligned.timepoint.name
    if prepared.enhancement is None:
        reason = "that takes a scan before and one after contrast"
        journal.decide(name, choice="no search for further lesions", reason=reason)
        return
    for outline in _proposals(prepared, found):
        grid = outline.region.geometry
        centre = grid.index_to_world(np.array(deepest_in(outline.mask, grid.spacing_mm)))
        point = ",".join(f"{x:.1f}" for x in centre)
        size = float(outline.mask.sum()) * grid.voxel_volume_ml
        journal.warn(
            f"Possible further lesion at {name}, about {size:.1f} mL around {point} (L,P,S mm); "
            f"it is not in the figures. Look at it; --seed {name}={point} takes it up."
        )


def _read_outlines(
    path: Path, aligned: AlignedTimepoint, scheme: str | None, journal: Journal
) -> list[Outline]:
    """Read the lesions that a mask file outlines on the reference grid."""
    name = aligned.timepoint.name
    what = f"{aligned.reference_role} of {name}"
    if scheme is not None and LABEL_SCHEMES.get(scheme):
        labels = read_mask(path, onto=aligned.geometry, what=what, hide=journal.hide)
        return [Outline(mask_region(labels, scheme), "mask", drawn=labels)]
    lesions = read_lesions(
        path, onto=aligned.geometry, what=what, label_scheme=scheme, hide=journal.hide
    )
    for note in dict.fromkeys(note for lesion in lesions for note in lesion.notes):
        journal.decide(name, choice="outline read from a mask", reason=note)
    return [Outline(lesion.region, "mask", fill=lesion.fill) for lesion in lesions]


def tell_compartments(
    prepared: Prepared, outline: Outline, scheme: str | None
) -> LesionSegmentation:
    """Take a lesion's compartments as drawn, or tell them apart."""
    if outline.drawn is not None and scheme is not None:
        meaning = LABEL_SCHEMES[scheme]
        return compartments_as_drawn(outline.drawn, outline.region, meaning=meaning)
    found = segment_compartments(
        prepared,
        outline.region,
        source=outline.source,
        proposed=outline.proposed,
        fill=outline.fill,
    )
    if outline.unenhanced:
        return replace(found, flags=(*found.flags, OUTLINED_ON_WATER))
    return found


def _distinct(outlines: Sequence[Outline], name: str, journal: Journal) -> list[Outline]:
    """Drop outlines that repeat an earlier one, and let no voxel belong to two lesions."""
    kept: list[Outline] = []
    for outline in outlines:
        mask = np.asarray(outline.region.array, dtype=bool)
        for other in kept:
            shared = mask & np.asarray(other.region.array, dtype=bool)
            smaller = min(int(mask.sum()), int(np.count_nonzero(other.region.array)))
            if shared.sum() > SAME_LESION_OVERLAP * smaller:
                if not outline.proposed:
                    journal.warn(
                        f"Two outlines at {name} cover the same lesion; the first is kept."
                    )
                mask = np.zeros_like(mask)
                break
            mask = mask & ~shared
        if mask.any():
            kept.append(_without(outline, mask))
    return kept


def _without(outline: Outline, mask: npt.NDArray[np.bool_]) -> Outline:
    """Keep the voxels of a mask, and no part of a voxel that another outline has taken."""
    grid = outline.region.geometry
    fill = outline.fill
    taken = np.asarray(outline.region.array, dtype=bool) & ~mask
    if fill is not None and taken.any():
        inside = tuple(
            slice(first, first + n)
            for first, n in zip(fill.geometry.offset_in(grid), fill.geometry.shape, strict=True)
        )
        fill = replace(fill, array=np.where(taken[inside], np.float32(0), fill.array))
    return replace(outline, region=LabelMap(mask, grid), fill=fill)
