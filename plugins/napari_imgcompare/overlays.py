"""What is drawn on the images: lesions, tissues, enhancement, growth, diameters, surfaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import AnyArray, Geometry
from imgcompare.model import (
    LESION_TISSUES,
    TISSUE_CODES,
    WHOLE,
    AlignedTimepoint,
    LabelMap,
    LesionSegmentation,
    Measurement,
    Tissue,
    Transform,
    Volume,
)
from imgcompare.registration import map_mask, resample_labels
from imgcompare.reporting.svg import TISSUE_COLOURS
from napari_imgcompare import layers as make
from napari_imgcompare.acts import Marked
from napari_imgcompare.linked import Scene, shown_in
from napari_imgcompare.spaces import Shown

DIAMETERS = ("longest_diameter", "perpendicular_diameter", "short_axis")
GREW, SHRANK = 1, 2
CHANGE_COLOURS = {GREW: "#D55E00", SHRANK: "#0072B2"}
"""Vermilion where it grew, blue where it shrank: told apart by the colour-blind."""

SURFACE_LEVEL = 0.5
ENHANCEMENT_WINDOW_MR = (0.0, 1.0)
"""Gain over normal white matter."""

ENHANCEMENT_WINDOW_HU = (0.0, 120.0)


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
    labels = LabelMap(full, one.geometry)
    name = f"lesions {one.timepoint.name}"
    shown = labels_in(scene, labels, one.to_baseline)
    remember = {"kind": Kind.LESIONS, **where_from(one), "drawn": shown.array.copy()}
    return make.labels_layer(labels, name, shown=shown, remember=remember)


def tissues_layer(
    scene: Scene, one: AlignedTimepoint, found: Mapping[int, LesionSegmentation]
) -> make.LayerData:
    """Give the tissues of all lesions of a visit, in the scene, to look at and to edit."""
    labels = LabelMap(
        tissues_on(one.geometry, found.values()),
        one.geometry,
        {code: tissue for tissue, code in TISSUE_CODES.items()},
    )
    name = f"tissues {one.timepoint.name}"
    shown = labels_in(scene, labels, one.to_baseline)
    remember = {"kind": Kind.TISSUES, **where_from(one), "drawn": shown.array.copy()}
    return make.labels_layer(labels, name, shown=shown, remember=remember)


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


def labels_in(scene: Scene, labels: LabelMap, to_baseline: Transform) -> Shown:
    """Bring labels into the scene, each of its voxels taking the label it lies in."""
    out = np.zeros(scene.grid.shape, dtype=labels.array.dtype)
    if labels.array.any():
        # Only the part of the scene around the labels is looked up: it is a small part.
        filled = bounds(np.asarray(labels.array != 0))
        corners = np.array(np.meshgrid(*np.stack(filled).T)).reshape(3, -1).T
        world = to_baseline.apply(labels.geometry.index_to_world(corners))
        reach = scene.grid.world_to_index(world)
        low = np.clip(np.floor(reach.min(0)).astype(int), 0, np.array(out.shape) - 1)
        high = np.clip(np.ceil(reach.max(0)).astype(int) + 1, low + 1, out.shape)
        part = resample_labels(labels, scene.grid.crop(low.tolist(), high.tolist()), to_baseline)
        out[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = part.array
    return Shown(out, scene.grid, True)


def bounds(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give first and last index of a mask along each axis, half a voxel beyond."""
    spans = [np.flatnonzero(mask.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    return np.array([s[0] - 1 for s in spans]), np.array([s[-1] + 1 for s in spans])


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
    where = np.argwhere(before != after)
    if not len(where):
        return native
    grid, back = native.geometry, to_baseline.inverse()
    corners = np.array(np.meshgrid(*np.stack([where.min(0) - 1, where.max(0) + 1]).T)).reshape(
        3, -1
    )
    reach = grid.world_to_index(back.apply(shown.index_to_world(corners.T)))
    low = np.clip(np.floor(reach.min(0)).astype(int) - 1, 0, np.array(grid.shape) - 1)
    high = np.clip(np.ceil(reach.max(0)).astype(int) + 2, 1, grid.shape)
    index = np.stack(
        np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij"), -1
    )
    points = to_baseline.apply(grid.index_to_world(index))
    there = np.rint(shown.world_to_index(points)).astype(int)
    inside = np.all((there >= 0) & (there < np.array(shown.shape)), axis=-1)
    there = np.where(inside[..., None], there, 0)
    place = tuple(np.moveaxis(there, -1, 0))
    edited = np.array(native.array)
    view = edited[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    differs: npt.NDArray[np.bool_] = np.not_equal(before, after)
    changed = np.logical_and(inside, differs[place])
    view[changed] = after[place][changed]
    return LabelMap(edited, grid, native.tissues)


def enhancement_layer(
    scene: Scene, one: AlignedTimepoint, enhancement: npt.NDArray[np.float32], *, hounsfield: bool
) -> make.LayerData:
    """Give the matched subtraction, after minus before contrast, as a heat map."""
    volume = Volume(enhancement, one.geometry, one.reference.quantity)
    remember = {"kind": Kind.ENHANCEMENT, "visit": one.timepoint.index}
    window = ENHANCEMENT_WINDOW_HU if hounsfield else ENHANCEMENT_WINDOW_MR
    return make.shown_image(
        shown_in(scene, volume, one.to_baseline),
        f"enhancement {one.timepoint.name}",
        window=window,
        remember=remember,
        colormap="inferno",
        blending="additive",
        visible=False,
    )


def change_layer(
    scene: Scene,
    visit: int,
    pair: Sequence[tuple[AlignedTimepoint, Iterable[LesionSegmentation]]],
    *,
    compartment: str = WHOLE,
) -> make.LayerData:
    """Give where lesions, or their enhancing part, grew and shrank between two visits."""
    tissues = LESION_TISSUES if compartment == WHOLE else (Tissue(compartment),)
    codes = [TISSUE_CODES[t] for t in tissues]
    masks = [
        map_mask(
            np.isin(tissues_on(one.geometry, found), codes),
            one.geometry,
            scene.grid,
            one.to_baseline,
        )
        for one, found in pair
    ]
    before, after = masks
    array = np.where(after & ~before, GREW, np.where(before & ~after, SHRANK, 0)).astype(np.uint8)
    from napari.utils.colormaps import DirectLabelColormap

    colours: dict[int | None, str] = {0: "transparent", None: "transparent"}
    for code, colour in CHANGE_COLOURS.items():
        colours[code] = colour
    return make.labels_layer(
        LabelMap(array, scene.grid),
        f"{compartment}: grew / shrank",
        shown=Shown(array, scene.grid, True),
        remember={"kind": Kind.CHANGE, "visit": visit},
        colormap=DirectLabelColormap(color_dict=colours),
        visible=False,
    )


def diameters_layer(
    scene: Scene, one: AlignedTimepoint, figures: Iterable[Measurement]
) -> make.LayerData:
    """Give the whole-lesion diameters of a visit as lines whose ends can be dragged."""
    drawn = [
        m
        for m in figures
        if m.timepoint_index == one.timepoint.index
        and m.compartment == WHOLE
        and m.quantity in DIAMETERS
        and len(m.endpoints_lps_mm) == 2
    ]
    remember = {
        "kind": Kind.DIAMETERS,
        "visit": one.timepoint.index,
        "figures": tuple((m.lesion_id, m.quantity) for m in drawn),
    }
    return make.lines_layer(
        [one.to_baseline.apply(m.endpoints_lps_mm) for m in drawn],
        f"diameters {one.timepoint.name}",
        texts=[f"{m.lesion_id}: {m.value:.1f} mm" for m in drawn],
        grid=scene.grid,
        remember=remember,
        **({} if drawn else {"ndim": 3}),
    )


def surfaces(
    scene: Scene, one: AlignedTimepoint, identity: int, found: LesionSegmentation
) -> list[make.LayerData]:
    """Give the surface of every tissue of a lesion, in its colour, for the 3-D view."""
    return [
        layer
        for tissue in LESION_TISSUES
        if (layer := _surface(scene, one, identity, found, tissue)) is not None
    ]


def _surface(
    scene: Scene,
    one: AlignedTimepoint,
    identity: int,
    found: LesionSegmentation,
    tissue: Tissue,
) -> make.LayerData | None:
    from skimage.measure import marching_cubes

    share = found.fractions.get(tissue)
    if share is None or float(share.max()) <= SURFACE_LEVEL:
        return None
    padded = np.pad(share, 1)
    vertices, faces, _, _ = marching_cubes(padded, SURFACE_LEVEL)
    points = one.to_baseline.apply(found.geometry.index_to_world(vertices - 1.0))
    if np.linalg.det(found.geometry.affine[:3, :3]) > 0:
        faces = faces[:, ::-1]  # light falls on the outside
    return make.surface_layer(
        points,
        faces,
        f"{tissue.value} {identity} {one.timepoint.name}",
        colour=TISSUE_COLOURS[tissue],
        grid=scene.grid,
        remember={"kind": Kind.SURFACE, "visit": one.timepoint.index},
        opacity=0.4 if tissue is Tissue.ENHANCING else 1.0,
        blending="translucent_no_depth" if tissue is Tissue.ENHANCING else "opaque",
        shading="smooth",
        visible=False,
    )
