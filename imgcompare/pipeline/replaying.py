"""Take up what a session kept: transforms that a person accepted, lesions as they were left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from imgcompare.errors import ConfigurationError, InputError
from imgcompare.geometry import Geometry
from imgcompare.loading.kept import read_part, read_transform
from imgcompare.model import (
    TISSUE_CODES,
    AlignedTimepoint,
    Course,
    LabelMap,
    LesionSegmentation,
)
from imgcompare.options import CompareOptions, KeptOutline, position_of
from imgcompare.pipeline.journal import Journal
from imgcompare.pipeline.tracking import Outline


def given_transforms(course: Course, options: CompareOptions) -> Mapping[int, Path]:
    """Find the timepoint of each transform file.

    Raises
    ------
    ConfigurationError
        If two are given for one timepoint, or one for the baseline.
    """
    found: dict[int, Path] = {}
    for key, path in options.transforms:
        index = position_of(key, course)
        if index in found or index == course.baseline_index:
            why = "is the baseline" if index == course.baseline_index else "has two"
            raise ConfigurationError(
                f"Transform {path.name}: timepoint {course.timepoints[index].name} {why}; give "
                "one transform for each follow-up."
            )
        found[index] = path
    return found


def take_transform(
    aligned: AlignedTimepoint, baseline: AlignedTimepoint, path: Path, journal: Journal
) -> AlignedTimepoint:
    """Place a follow-up by a transform that a person accepted."""
    transform = replace(
        read_transform(path),
        moving_frame_uid=aligned.geometry.frame_of_reference_uid,
        fixed_frame_uid=baseline.geometry.frame_of_reference_uid,
    )
    name = aligned.timepoint.name
    journal.decide(name, choice="alignment as given", reason="a person accepted it")
    return replace(aligned, to_baseline=transform)


def kept_outlines(
    aligned: AlignedTimepoint, course: Course, options: CompareOptions
) -> list[tuple[Outline, LesionSegmentation]]:
    """Read the lesions that a session kept of one timepoint."""
    return [
        _read(kept, aligned)
        for kept in options.outlines
        if position_of(kept.timepoint, course) == aligned.timepoint.index
    ]


def as_outline(
    segmentation: LesionSegmentation, aligned: AlignedTimepoint, *, lesion: int
) -> Outline:
    """Give the region of a lesion on the full grid, under the identity a person gave it."""
    region = region_on(aligned.geometry, segmentation)
    return Outline(region, segmentation.source, segmentation.proposed, identity=lesion)


def region_on(grid: Geometry, segmentation: LesionSegmentation) -> LabelMap:
    """Give the whole region of a lesion, without oedema, on the full grid."""
    region = np.zeros(grid.shape, dtype=bool)
    region[segmentation.geometry.place_in(grid)] = segmentation.mask()
    return LabelMap(region, grid)


def _read(kept: KeptOutline, aligned: AlignedTimepoint) -> tuple[Outline, LesionSegmentation]:
    what = f"{aligned.reference_role} of {aligned.timepoint.name}"
    labels, place = read_part(kept.labels, of=aligned.geometry, what=what)
    if labels.dtype.kind not in "iu" or not set(np.unique(labels)) <= {0, *TISSUE_CODES.values()}:
        raise InputError(f"{kept.labels.name} holds other values than imgcompare's tissue codes.")
    fractions = {}
    for tissue, path in kept.fractions.items():
        share, where = read_part(path, of=place, what=kept.labels.name)
        if share.min() < 0 or share.max() > 1:
            raise InputError(f"{path.name} holds no fractions, which lie between 0 and 1.")
        fractions[tissue] = np.zeros(place.shape, dtype=np.float32)
        fractions[tissue][where.place_in(place)] = share
    tissues = {TISSUE_CODES[t]: t for t in fractions}
    segmentation = LesionSegmentation(
        LabelMap(labels.astype(np.uint8), place, tissues),
        fractions,
        proposed=kept.proposed,
        source=kept.source,
        attenuation_classes_only=kept.classes_only,
    )
    return as_outline(segmentation, aligned, lesion=kept.lesion), segmentation
