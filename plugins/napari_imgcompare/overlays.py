"""What is drawn on the images of a visit: lesions and tissues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import AnyArray, Geometry
from imgcompare.model import (
    TISSUE_CODES,
    AlignedTimepoint,
    LabelMap,
    LesionSegmentation,
    Tissue,
    Transform,
)
from imgcompare.registration import resample_labels
from napari_imgcompare import layers as make
from napari_imgcompare.acts import Marked
from napari_imgcompare.linked import Scene
from napari_imgcompare.spaces import Shown

Box = tuple[slice, slice, slice]


class Kind(StrEnum):
    """What a layer of ours is, kept in its metadata."""

    LESIONS = "lesions"
    TISSUES = "tissues"
    ENHANCEMENT = "enhancement"
    CHANGE = "change"
    DIAMETERS = "diameters"
    SURFACE = "surface"


def lesions_layer(
    scene: Scene, one: AlignedTimepoint, found: Mapping[int, Marked]
) -> make.LayerData:
    """Give the outlines of a visit's lesions, a colour each, in the scene."""
    full = np.zeros(one.geometry.shape, dtype=np.uint8)
    for identity, marked in sorted(found.items(), reverse=True):
        full[np.asarray(marked.region.array, dtype=bool)] = identity
    return _drawn_labels(scene, one, LabelMap(full, one.geometry), Kind.LESIONS, bool(found))


def tissues_layer(
    scene: Scene, one: AlignedTimepoint, found: Mapping[int, LesionSegmentation]
) -> make.LayerData:
    """Give the tissues of all lesions of a visit, in the scene, to look at and to edit."""
    labels = LabelMap(
        tissues_on(one.geometry, found.values()),
        one.geometry,
        {code: tissue for tissue, code in TISSUE_CODES.items()},
    )
    return _drawn_labels(scene, one, labels, Kind.TISSUES, bool(found))


def _drawn_labels(
    scene: Scene, one: AlignedTimepoint, labels: LabelMap, kind: Kind, filled: bool
) -> make.LayerData:
    shown = Shown(labels_on(scene.grid, labels, one.to_baseline), scene.grid, True)
    remember = {
        "kind": kind,
        **where_from(one),
        "drawn": shown.array.copy(),
        make.EMPTY: not filled,
    }
    name = f"{kind} {one.timepoint.name}"
    return make.labels_layer(labels, name, shown=shown, remember=remember, visible=filled)


def where_from(one: AlignedTimepoint) -> dict[str, Any]:
    """Say which visit a layer in the scene is of, so that it can be saved on the visit's scan."""
    return {
        "visit": one.timepoint.index,
        "series": one.timepoint.series.get(one.reference_role),
        "to_baseline": one.to_baseline,
    }


def tissues_on(
    grid: Geometry, segmentations: Iterable[LesionSegmentation]
) -> npt.NDArray[np.uint8]:
    """Put the tissue labels of lesions onto the full native grid; oedema never hides a lesion."""
    full = np.zeros(grid.shape, dtype=np.uint8)
    oedema = TISSUE_CODES[Tissue.OEDEMA]
    for segmentation in segmentations:
        view = full[segmentation.geometry.place_in(grid)]
        own = segmentation.labels.array
        np.copyto(view, own, where=(own != 0) & ((view == 0) | (view == oedema)))
    return full


def labels_on(grid: Geometry, labels: LabelMap, transform: Transform) -> AnyArray:
    """Bring labels onto another grid, each of its voxels taking the label it lies in."""
    out = np.zeros(grid.shape, dtype=labels.array.dtype)
    filled = filled_box(labels.array)
    if filled is not None:
        # Only the part of the grid around the labels is looked up: it is a small part.
        box, part = reach(grid, labels.geometry, filled, transform)
        out[box] = resample_labels(labels, part, transform).array
    return out


def filled_box(array: AnyArray) -> Box | None:
    """Give the smallest box that holds all that is not 0; None if nothing is."""
    rows: npt.NDArray[np.bool_] = np.any(array, axis=2)
    planes = np.flatnonzero(rows.any(axis=1))
    if not len(planes):
        return None
    lines = np.flatnonzero(rows.any(axis=0))
    first = slice(int(planes[0]), int(planes[-1]) + 1), slice(int(lines[0]), int(lines[-1]) + 1)
    columns = np.flatnonzero(array[first].any(axis=(0, 1)))
    return *first, slice(int(columns[0]), int(columns[-1]) + 1)


def reach(grid: Geometry, own: Geometry, box: Box, transform: Transform) -> tuple[Box, Geometry]:
    """Give the part of a grid that a box of another grid reaches, a voxel beyond on all sides."""
    ends = [(s.start - 1, s.stop) for s in box]
    corners = np.array(np.meshgrid(*ends)).reshape(3, -1).T
    places = grid.world_to_index(transform.apply(own.index_to_world(corners)))
    low = np.clip(np.floor(places.min(0)).astype(int), 0, np.array(grid.shape) - 1)
    high = np.clip(np.ceil(places.max(0)).astype(int) + 1, low + 1, grid.shape)
    a, b, c = (slice(int(x), int(y)) for x, y in zip(low, high, strict=True))
    return (a, b, c), grid.crop(low.tolist(), high.tolist())


def native_edits(
    before: AnyArray, after: AnyArray, *, shown: Geometry, native: LabelMap, to_baseline: Transform
) -> LabelMap:
    """Carry what changed in the scene back to the native voxels; all others stay as they are.

    Parameters
    ----------
    before, after : array
        Labels on the scene's grid.
    shown : Geometry
        That grid.
    native : LabelMap
        Labels on the visit's native grid.
    to_baseline : Transform
        From the visit's space to the scene's.
    """
    differs: npt.NDArray[np.bool_] = np.not_equal(before, after)
    filled = filled_box(differs)
    if filled is None:
        return native
    grid = native.geometry
    box, part = reach(grid, shown, filled, to_baseline.inverse())
    index = np.moveaxis(np.indices(part.shape), 0, -1)
    points = to_baseline.apply(part.index_to_world(index))
    there = np.rint(shown.world_to_index(points)).astype(int)
    inside = np.all((there >= 0) & (there < np.array(shown.shape)), axis=-1)
    there = np.where(inside[..., None], there, 0)
    place = tuple(np.moveaxis(there, -1, 0))
    edited = np.array(native.array)
    changed = np.logical_and(inside, differs[place])
    edited[box][changed] = after[place][changed]
    return LabelMap(edited, grid, native.tissues)
