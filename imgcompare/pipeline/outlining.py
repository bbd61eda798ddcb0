"""Find the lesions of a timepoint: as drawn, from a seed, followed from baseline, or proposed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imgcompare.errors import RegistrationError
from imgcompare.loading import LABEL_SCHEMES, mask_region, read_lesions, read_mask
from imgcompare.model import AlignedTimepoint, LabelMap, LesionSegmentation, Volume
from imgcompare.options import CompareOptions, Given
from imgcompare.pipeline.aligning import succeeded, why
from imgcompare.pipeline.journal import Journal
from imgcompare.registration import map_mask
from imgcompare.segmentation import (
    Prepared,
    compartments_as_drawn,
    follow_lesion,
    lesion_from_seed,
    propose_lesions,
    segment_compartments,
)

SAME_LESION_OVERLAP = 0.5
"""Two outlines of one timepoint that share this part of the smaller one are one lesion."""


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """A lesion's region on the full reference grid, and where it comes from."""

    region: LabelMap
    source: str
    proposed: bool = False
    followed: int | None = None  # position of the baseline outline it was followed from
    drawn: LabelMap | None = None  # labels that name the tissues themselves
    fill: Volume | None = None  # part of each voxel inside, where the file tells
    identity: int | None = None  # the lesion a person says it is


def outline_lesions(
    prepared: Prepared,
    given: Given,
    baseline: tuple[AlignedTimepoint, list[Outline]] | None,
    *,
    options: CompareOptions,
    journal: Journal,
) -> list[Outline]:
    """Find the lesions of one timepoint from what was given, from baseline, or by proposal."""
    aligned = prepared.aligned
    index, name = aligned.timepoint.index, aligned.timepoint.name
    if index in given.masks:
        drawn = [
            outline
            for path in given.masks[index]
            for outline in _read_outlines(path, aligned, options.label_scheme, journal)
        ]
        return _distinct(drawn, name, journal)
    if index in given.seeds:
        seeded = [
            Outline(lesion_from_seed(prepared, s.point_mm, radius_mm=s.radius_mm), "seed")
            for s in given.seeds[index]
        ]
        return _distinct(seeded, name, journal)
    followed = _follow(prepared, baseline, journal) if baseline else []
    if given:
        return followed
    proposals = propose_lesions(prepared, known=_union(followed, aligned))
    labels = [n for n in np.unique(proposals.array) if n]
    journal.decide(
        name,
        choice=f"{len(followed)} lesion(s) followed from baseline, {len(labels)} more proposed"
        if baseline
        else f"{len(labels)} lesion(s) proposed",
        reason="no mask and no seed was given; check every proposal",
    )
    proposed = [
        Outline(LabelMap(proposals.array == n, aligned.geometry), "proposal", proposed=True)
        for n in labels
    ]
    return _distinct([*followed, *proposed], name, journal)


def _union(outlines: Sequence[Outline], aligned: AlignedTimepoint) -> npt.NDArray[np.bool_]:
    """Voxels of all outlines."""
    known = np.zeros(aligned.geometry.shape, dtype=bool)
    for outline in outlines:
        known |= outline.region.array != 0
    return known


def _read_outlines(
    path: Path, aligned: AlignedTimepoint, scheme: str | None, journal: Journal
) -> list[Outline]:
    """Read the lesions that a mask file outlines on the reference grid."""
    name = aligned.timepoint.name
    what = f"{aligned.reference_role} of {name}"
    if scheme is not None and LABEL_SCHEMES.get(scheme):
        labels = read_mask(path, onto=aligned.geometry, what=what)
        return [Outline(mask_region(labels, scheme), "mask", drawn=labels)]
    lesions = read_lesions(path, onto=aligned.geometry, what=what, label_scheme=scheme)
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
    return segment_compartments(
        prepared,
        outline.region,
        source=outline.source,
        proposed=outline.proposed,
        fill=outline.fill,
    )


def _follow(
    prepared: Prepared, baseline: tuple[AlignedTimepoint, list[Outline]], journal: Journal
) -> list[Outline]:
    """Find the baseline's lesions again at a follow-up, through the transform."""
    reference, outlines = baseline
    aligned = prepared.aligned
    if not outlines:
        return []
    if not succeeded(aligned.to_baseline):
        raise RegistrationError(
            f"{aligned.timepoint.name} could not be aligned to the baseline"
            f"{why(aligned.to_baseline)}, so its lesions cannot be found from the baseline's. "
            f"Give --seed or --mask for {aligned.timepoint.name}."
        )
    back = aligned.to_baseline.inverse()

    def follow(outline: Outline) -> LabelMap:
        mask = np.asarray(outline.region.array, dtype=bool)
        return follow_lesion(prepared, map_mask(mask, reference.geometry, aligned.geometry, back))

    with ThreadPoolExecutor(max_workers=2) as pool:
        regions = list(pool.map(follow, outlines))
    found = [
        Outline(region, f"{outline.source} carried from baseline", outline.proposed, followed=n)
        for n, (outline, region) in enumerate(zip(outlines, regions, strict=True))
        if region.array.any()
    ]
    return _distinct(found, aligned.timepoint.name, journal)


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
