"""Both visits side by side in one window: same anatomy, one camera, one cursor.

napari has no second canvas of its own. Its grid shows groups of layers beside each other under a
single camera and a single set of sliders, so visits that are brought into the baseline's space
are scrolled, zoomed and clicked together without anything to keep in step: two embedded viewers
would need every event mirrored, and drift apart when one is missed. The price is that each group
must have the same number of layers, which empty ones fill up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from imgcompare.geometry import Geometry
from imgcompare.model import AlignedTimepoint, Role, Transform, Volume
from napari_imgcompare import layers as make
from napari_imgcompare.spaces import (
    MAX_DISPLAY_VOXELS,
    Shown,
    display_grid,
    is_parallel,
    show_volume,
    shown_on,
)
from napari_imgcompare.viewers import grid_of

IMAGE = "image"
FILLER = "filler"
OVERLAY_OPACITY = 0.55
"""Of lesions and tissues over an image."""

CHECKER_MM = 30.0
"""Side of the checkerboard's fields."""


class Mode(StrEnum):
    """Ways to look at two visits."""

    SIDE_BY_SIDE = "side by side"
    BLEND = "blend"
    CHECKERBOARD = "checkerboard"
    FLICKER = "flicker"


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What all visits are shown on: a grid without rotation in the baseline's space."""

    grid: Geometry
    visits: tuple[int, ...]
    roles: tuple[Role, ...]


def scene_of(aligned: Mapping[int, AlignedTimepoint], baseline: int) -> Scene:
    """Choose the grid: the baseline's box, at the finest spacing any visit has."""
    own = display_grid(aligned[baseline].geometry)
    spacing = np.min([display_grid(a.geometry).spacing_mm for a in aligned.values()], axis=0)
    # A little finer is not worth a copy of the baseline's own voxels.
    finer = np.where(spacing < 0.9 * np.array(own.spacing_mm), spacing, own.spacing_mm)
    grid = own
    if not np.array_equal(finer, own.spacing_mm):
        voxels = np.prod(np.array(own.shape) * np.array(own.spacing_mm) / finer)
        grid = own.resampled(finer * max(1.0, (voxels / MAX_DISPLAY_VOXELS) ** (1 / 3)))
    roles = tuple(dict.fromkeys(r for a in aligned.values() for r in a.images))
    return Scene(grid, tuple(sorted(aligned)), roles)


def shown_in(scene: Scene, volume: Volume, to_baseline: Transform) -> Shown:
    """Bring one image into the scene; the baseline's own voxels where they fit."""
    still = np.allclose(to_baseline.matrix, np.eye(4), atol=1e-9)
    if (
        still
        and is_parallel(volume.geometry)
        and not display_grid(volume.geometry).difference_from(scene.grid)
    ):
        return show_volume(volume)
    return shown_on(volume, scene.grid, to_baseline)


def visit_layers(
    scene: Scene, one: AlignedTimepoint, *, extra: Sequence[make.LayerData] = ()
) -> list[make.LayerData]:
    """Give the layers of one visit: an image or a filler for every role, then the extra ones."""
    name, index = one.timepoint.name, one.timepoint.index
    found: list[make.LayerData] = []
    for role in sorted(scene.roles, key=lambda r: r is one.reference_role):
        remember = {"kind": IMAGE, "visit": index, "role": role}
        if role not in one.images:
            found.append(filler(index, f"no {role} {name}", scene.grid))
            continue
        volume = one.images[role]
        found.append(
            make.shown_image(
                shown_in(scene, volume, one.to_baseline),
                f"{role} {name}",
                window=make.default_window(volume),
                remember=remember,
                visible=role is one.reference_role,
            )
        )
    return [*found, *extra]


def filler(visit: int, name: str, grid: Geometry) -> make.LayerData:
    """Give an empty, hidden layer that keeps the groups of the grid equal."""
    remember = {"kind": FILLER, "visit": visit}
    nothing = np.empty((0, 3))
    return make.points_layer(nothing, name, grid=grid, remember=remember, visible=False)


def arrange(viewer: Any, scene: Scene) -> None:
    """Sort layers by visit, even out their number, and set the grid to a column per visit.

    Layers of others, such as a person's own Labels, join the last visit.
    """
    from napari.layers import Layer

    visits = scene.visits
    groups: dict[int, list[Any]] = {v: [] for v in visits}
    for layer in list(viewer.layers):
        visit = make.remembered(layer).get("visit")
        groups.get(visit if visit in groups else visits[-1], []).append(layer)
    for group in groups.values():
        surplus = [x for x in group if make.remembered(x).get("kind") == FILLER]
        for layer in surplus:
            group.remove(layer)
            viewer.layers.remove(layer)
    most = max((len(g) for g in groups.values()), default=0)
    for visit, group in groups.items():
        for n in range(most - len(group)):
            layer = Layer.create(*filler(visit, f"(empty {visit}.{n})", scene.grid))
            viewer.layers.insert(0, layer)
            group.insert(0, layer)
    wanted = [layer for visit in visits for layer in groups[visit]]
    for place, layer in enumerate(wanted):
        here = viewer.layers.index(layer)
        if here != place:
            viewer.layers.move(here, place)
    active = viewer.layers.selection.active
    if active is None or make.remembered(active).get("kind") == FILLER:
        viewer.layers.selection.active = _image(viewer, visits[0], None)
    grid = grid_of(viewer)
    grid.stride = max(1, most)
    grid.shape = (1, len(visits))


def set_mode(viewer: Any, mode: Mode, visits: Sequence[int], *, role: Role | None = None) -> None:
    """Show two visits side by side, blended, as a checkerboard, or the first alone to flicker."""
    first, last = visits[0], visits[-1]
    grid_of(viewer).enabled = mode is Mode.SIDE_BY_SIDE
    _drop(viewer, Mode.CHECKERBOARD)
    over_each_other = mode in (Mode.BLEND, Mode.CHECKERBOARD)
    for layer in viewer.layers:
        about = make.remembered(layer)
        if "visit" in about and about.get("kind") not in (IMAGE, FILLER, Mode.CHECKERBOARD):
            # Outlines of two visits over each other would hide how well the images fit.
            layer.opacity = 0.0 if over_each_other else OVERLAY_OPACITY
        if about.get("kind") != IMAGE:
            continue
        chosen = role is None or about.get("role") == role
        layer.blending, layer.colormap = "translucent", "gray"
        if mode is Mode.BLEND and chosen and layer.visible:
            # Grey where both agree; green was there before, magenta is there now.
            layer.blending = "additive"
            layer.colormap = "green" if about["visit"] == first else "magenta"
            if about["visit"] not in (first, last):
                layer.visible = False
    if mode is Mode.CHECKERBOARD:
        _add_checkerboard(viewer, visits, role)
    if mode is Mode.FLICKER:
        show_visit(viewer, first)


def show_visit(viewer: Any, visit: int) -> None:
    """Show the images of one visit alone, at full strength, for flicker."""
    for layer in viewer.layers:
        about = make.remembered(layer)
        if about.get("kind") == IMAGE:
            layer.opacity = 1.0 if about["visit"] == visit else 0.0
        elif "visit" in about and about.get("kind") != FILLER:
            layer.opacity = OVERLAY_OPACITY if about["visit"] == visit else 0.0


def end_flicker(viewer: Any) -> None:
    """Give all layers their strength back."""
    for layer in viewer.layers:
        about = make.remembered(layer)
        if "visit" in about:
            layer.opacity = 1.0 if about.get("kind") == IMAGE else OVERLAY_OPACITY


def checkerboard(first: Any, second: Any, spacing_mm: Sequence[float]) -> Any:
    """Mix two arrays of one grid in fields of CHECKER_MM, both scaled to their own range 0 to 1."""
    steps = [np.arange(n) * s // CHECKER_MM for n, s in zip(first.shape, spacing_mm, strict=True)]
    odd = (steps[0][:, None, None] + steps[1][None, :, None] + steps[2][None, None, :]) % 2 == 1
    return np.where(odd, second, first)


def _add_checkerboard(viewer: Any, visits: Sequence[int], role: Role | None) -> None:
    pair = [_image(viewer, visit, role) for visit in (visits[0], visits[-1])]
    if None in pair:
        return
    scaled = [
        (np.asarray(x.data, dtype=np.float32) - x.contrast_limits[0])
        / (x.contrast_limits[1] - x.contrast_limits[0])
        for x in pair
    ]
    grid = make.remembered(pair[0])["grid"]
    mixed = Shown(
        checkerboard(scaled[0], scaled[1], grid.spacing_mm).astype(np.float32), grid, True
    )
    remember = {"kind": Mode.CHECKERBOARD, "visit": visits[-1]}
    from napari.layers import Layer

    data = make.shown_image(mixed, "checkerboard", window=(0.0, 1.0), remember=remember)
    viewer.layers.append(Layer.create(*data))


def _image(viewer: Any, visit: int, role: Role | None) -> Any:
    """Find the image of a visit that is looked at: of a role, or the visible one."""
    for layer in reversed(list(viewer.layers)):
        about = make.remembered(layer)
        wanted = layer.visible if role is None else about.get("role") == role
        if about.get("kind") == IMAGE and about["visit"] == visit and wanted:
            return layer
    return None


def _drop(viewer: Any, kind: str) -> None:
    for layer in [x for x in viewer.layers if make.remembered(x).get("kind") == kind]:
        viewer.layers.remove(layer)
