"""What is worked out of the visits to look at: subtraction, growth and shrinkage, surfaces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from imgcompare.errors import InputError
from imgcompare.model import (
    LESION_TISSUES,
    TISSUE_CODES,
    WHOLE,
    AlignedTimepoint,
    LabelMap,
    LesionSegmentation,
    Progress,
    Quantity,
    Steps,
    Tissue,
    Volume,
)
from imgcompare.registration import map_mask
from imgcompare.reporting.svg import TISSUE_COLOURS
from napari_imgcompare import layers as make
from napari_imgcompare.linked import Scene, shown_in
from napari_imgcompare.overlays import Kind, filled_box, reach, tissues_on
from napari_imgcompare.spaces import Shown
from napari_imgcompare.stage import Stage
from napari_imgcompare.tasks import Task

CHANGE_COLOURS = ("#D55E00", "#0072B2")
"""Vermilion where it grew, blue where it shrank: told apart by the colour-blind."""

GREW, SHRANK = 1, 2
"""Label values of the growth map, in the order of their colours."""

SURFACE_LEVEL = 0.5
ENHANCEMENT_WINDOW_MR = (0.0, 1.0)
"""Gain over normal white matter."""

ENHANCEMENT_WINDOW_HU = (0.0, 120.0)

LIGHT_FROM = np.array([-0.4, -0.8, 0.5])
"""Light on surfaces comes from the patient's front, a little from above and from the right."""

SHADE = 0.25
"""Light on what is turned away from it."""

Mesh = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.float64]]

Told = tuple[AlignedTimepoint, Sequence[LesionSegmentation]]
"""A visit with the lesions whose tissues are known."""


def show_enhancement(stage: Stage) -> Task[list[make.LayerData]]:
    """Add the matched subtraction of every visit."""
    scene, workspace = stage.require_scene(), stage.workspace
    aligned = workspace.require_aligned()

    def steps() -> Steps[list[make.LayerData]]:
        found = []
        for n, index in enumerate(scene.visits, 1):
            one = aligned[index]
            yield Progress(n, len(scene.visits), f"subtracting at {one.timepoint.name}")
            enhancement = workspace.prepared(index).enhancement
            if enhancement is not None:
                found.append(enhancement_layer(scene, one, enhancement))
        if not found:
            raise InputError("No visit has images before and after contrast to subtract.")
        return found

    return Task("Subtracting", steps(), stage.show)


def show_change(stage: Stage, compartment: str) -> Task[make.LayerData]:
    """Show where lesions, or one tissue of them, grew and shrank since baseline."""
    scene = stage.require_scene()
    first, last = (_told(stage, index) for index in (min(scene.visits), max(scene.visits)))
    if not (first[1] or last[1]):
        raise InputError("Tell the tissues apart first (step 4).")

    def steps() -> Steps[make.LayerData]:
        yield Progress(1, 1, "comparing outlines")
        return change_layer(scene, (first, last), compartment=compartment)

    def take(data: make.LayerData) -> None:
        others = (Kind.TISSUES, Kind.LESIONS, Kind.CHANGE, Kind.ENHANCEMENT)
        stage.show([data], instead_of=others)

    return Task("Growth map", steps(), take)


def show_surfaces(stage: Stage) -> Task[list[make.LayerData]]:
    """Show the lesions of every visit in 3-D, coloured by tissue."""
    scene = stage.require_scene()

    def steps() -> Steps[list[make.LayerData]]:
        found: list[make.LayerData] = []
        for n, index in enumerate(scene.visits, 1):
            one, told = _told(stage, index)
            yield Progress(n, len(scene.visits), f"surfaces at {one.timepoint.name}")
            found += surfaces(scene, one, told)
        if not found:
            raise InputError("Tell the tissues apart first (step 4).")
        return found

    return Task("Building surfaces", steps(), stage.show_in_3d)


def enhancement_layer(
    scene: Scene, one: AlignedTimepoint, enhancement: npt.NDArray[np.float32]
) -> make.LayerData:
    """Give the matched subtraction, after minus before contrast, as a heat map."""
    volume = Volume(enhancement, one.geometry, one.reference.quantity)
    hounsfield = one.reference.quantity is Quantity.HU
    return make.shown_image(
        shown_in(scene, volume, one.to_baseline),
        f"enhancement {one.timepoint.name}",
        window=ENHANCEMENT_WINDOW_HU if hounsfield else ENHANCEMENT_WINDOW_MR,
        remember={"kind": Kind.ENHANCEMENT, "visit": one.timepoint.index},
        colormap="inferno",
    )


def change_layer(
    scene: Scene, pair: tuple[Told, Told], *, compartment: str = WHOLE
) -> make.LayerData:
    """Give where lesions, or one tissue of them, grew and shrank between two visits."""
    before, after = (_mask_in(scene, one, told, compartment) for one, told in pair)
    array = np.zeros(scene.grid.shape, dtype=np.uint8)
    array[after & ~before] = GREW
    array[before & ~after] = SHRANK
    return make.labels_layer(
        LabelMap(array, scene.grid),
        f"{compartment}: grew / shrank",
        shown=Shown(array, scene.grid, True),
        remember={"kind": Kind.CHANGE, "visit": pair[1][0].timepoint.index},
        colormap=make.colours_of(CHANGE_COLOURS, name="change"),
    )


def surfaces(
    scene: Scene, one: AlignedTimepoint, told: Iterable[LesionSegmentation]
) -> Iterator[make.LayerData]:
    """Give the surfaces of every tissue of a visit's lesions, in its colour, for the 3-D view."""
    listed = list(told)
    for tissue in LESION_TISSUES:
        meshes = [m for s in listed if (m := _mesh(one, s, tissue)) is not None]
        if not meshes:
            continue
        starts = np.cumsum([0, *(len(points) for points, _, _ in meshes[:-1])])
        living = tissue is Tissue.ENHANCING
        yield make.surface_layer(
            np.concatenate([points for points, _, _ in meshes]),
            np.concatenate([f + n for (_, f, _), n in zip(meshes, starts, strict=True)]),
            f"{tissue.value} surface {one.timepoint.name}",
            colour=TISSUE_COLOURS[tissue],
            light=np.concatenate([light for _, _, light in meshes]),
            grid=scene.grid,
            remember={"kind": Kind.SURFACE, "visit": one.timepoint.index},
            # The core is seen through the living rim.
            opacity=0.4 if living else 1.0,
            blending="translucent_no_depth" if living else "opaque",
        )


def _told(stage: Stage, index: int) -> Told:
    found: Mapping[int, object] = stage.workspace.state.at(index)
    told = [stage.workspace.marked[index, i].segmentation for i in found]
    return stage.workspace.aligned[index], [s for s in told if s is not None]


def _mask_in(
    scene: Scene, one: AlignedTimepoint, told: Sequence[LesionSegmentation], compartment: str
) -> npt.NDArray[np.bool_]:
    tissues = LESION_TISSUES if compartment == WHOLE else (Tissue(compartment),)
    codes = [TISSUE_CODES[t] for t in tissues]
    native = np.isin(tissues_on(one.geometry, told), codes)
    out = np.zeros(scene.grid.shape, dtype=bool)
    filled = filled_box(native)
    if filled is not None:
        box, part = reach(scene.grid, one.geometry, filled, one.to_baseline)
        out[box] = map_mask(native, one.geometry, part, one.to_baseline)
    return out


def _mesh(one: AlignedTimepoint, found: LesionSegmentation, tissue: Tissue) -> Mesh | None:
    """Give vertices in baseline space, LPS mm, faces, and the light on each vertex."""
    from scipy.ndimage import map_coordinates
    from skimage.measure import marching_cubes

    share = found.fractions.get(tissue)
    if share is None or float(share.max()) <= SURFACE_LEVEL:
        return None
    padded = np.pad(share, 1).astype(np.float64)
    vertices, faces, _, _ = marching_cubes(padded, SURFACE_LEVEL)
    slopes = [np.gradient(padded, axis=axis) for axis in range(3)]
    inwards = np.stack([map_coordinates(slope, vertices.T, order=1) for slope in slopes], axis=-1)
    steps = one.to_baseline.matrix[:3, :3] @ found.geometry.affine[:3, :3]
    normals = -inwards @ np.linalg.inv(steps)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-9)
    light = SHADE + (1 - SHADE) * (1 + normals @ LIGHT_FROM / np.linalg.norm(LIGHT_FROM)) / 2
    points = one.to_baseline.apply(found.geometry.index_to_world(vertices - 1.0))
    return points, faces, light
