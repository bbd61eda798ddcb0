"""Both visits side by side in one window: same anatomy, one camera, one cursor.

napari has no second canvas of its own. Its grid shows groups of layers beside each other under a
single camera and a single set of sliders, so visits that are brought into the baseline's space
are scrolled, zoomed and clicked together without anything to keep in step: two embedded viewers
would need every event mirrored, and drift apart when one is missed. The price is that each group
must have the same number of layers, which empty ones fill up.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count, pairwise, product
from typing import Any

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import AnyArray, Geometry
from imgcompare.model import AlignedTimepoint, Role, Transform, Volume
from napari_imgcompare import fluid, keeping
from napari_imgcompare import layers as make
from napari_imgcompare.spaces import (
    MAX_DISPLAY_VOXELS,
    Shown,
    display_grid,
    is_parallel,
    show_volume,
    shown_on,
)
from napari_imgcompare.tasks import Chunks
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


def arrange(viewer: Any, scene: Scene) -> Chunks:
    """Sort layers by visit, even out their number, and set the grid to a column per visit.

    Layers of others, such as a person's own Labels, join the last visit.
    """
    visits = scene.visits
    groups: dict[int, list[Any]] = {v: [] for v in visits}
    spare: list[Any] = []
    for layer in list(viewer.layers):
        about = make.remembered(layer)
        visit = about.get("visit")
        visit = visit if visit in groups else visits[-1]
        (spare if about.get("kind") == FILLER else groups[visit]).append(layer)
    most = max((len(g) for g in groups.values()), default=0)
    wanted: list[Any] = []
    with fluid.together(viewer):
        for visit, group in groups.items():
            spare.sort(key=lambda x: make.remembered(x)["visit"] != visit)
            for _ in range(most - len(group)):
                name = spare.pop(0).name if spare else _unused(viewer, "(empty {})")
                wanted.append(keeping.put(viewer, filler(visit, name, scene.grid)))
                yield
            wanted += group
        # What is left over is hidden, and stays beyond the last cell: removing it would cost more.
        for place, layer in enumerate([*wanted, *spare]):
            here = viewer.layers.index(layer) if layer in viewer.layers else place
            if here != place:
                viewer.layers.move(here, place)
                yield
        active = viewer.layers.selection.active
        if active is None or make.remembered(active).get("kind") == FILLER:
            viewer.layers.selection.active = image_of(viewer, visits[0], None)
        grid = grid_of(viewer)
        grid.stride = max(1, most)
        grid.shape = (1, len(visits))


def _unused(viewer: Any, pattern: str) -> str:
    names = {layer.name for layer in viewer.layers}
    return next(name for n in count(1) if (name := pattern.format(n)) not in names)


def set_mode(viewer: Any, mode: Mode, visits: Sequence[int]) -> None:
    """Set the looks of all layers for a way of looking at the visits."""
    first, last = visits[0], visits[-1]
    over_each_other = mode in (Mode.BLEND, Mode.CHECKERBOARD)
    for layer in viewer.layers:
        about = make.remembered(layer)
        if about.get("kind") == Mode.CHECKERBOARD:
            layer.visible = mode is Mode.CHECKERBOARD
        elif about.get("kind") == IMAGE:
            # Grey where both agree; green was there before, magenta is there now.
            pair = about["visit"] in (first, last)
            colour = "green" if about["visit"] == first else "magenta"
            blended = mode is Mode.BLEND and pair
            _look(
                layer,
                opacity=1.0 if pair or not over_each_other else 0.0,
                blending="additive" if blended else "translucent",
                colormap=colour if blended else "gray",
            )
        else:
            # Outlines of two visits over each other would hide how well the images fit.
            _strengthen(layer, not over_each_other)
    if mode is Mode.FLICKER:
        show_visit(viewer, first)
    grid_of(viewer).enabled = mode is Mode.SIDE_BY_SIDE


def show_visit(viewer: Any, visit: int) -> None:
    """Show what belongs to one visit alone, at full strength, for flicker."""
    for layer in viewer.layers:
        _strengthen(layer, make.remembered(layer).get("visit") == visit)


def _strengthen(layer: Any, seen: bool) -> None:
    """Show one of our layers at its strength, or let it vanish without hiding it."""
    about = make.remembered(layer)
    if "visit" in about and layer._type_string != "surface":
        full = OVERLAY_OPACITY if layer._type_string == "labels" else 1.0
        _look(layer, opacity=full if seen else 0.0)


def _look(layer: Any, **looks: Any) -> None:
    """Set attributes of a layer that differ: each costs the window a redraw."""
    for name, value in looks.items():
        now = getattr(layer, name)
        if getattr(now, "name", now) != value:
            setattr(layer, name, value)


def checkerboard(
    first: AnyArray,
    second: AnyArray,
    spacing_mm: Sequence[float],
    *,
    gain: float = 1.0,
    shift: float = 0.0,
) -> Generator[None, None, npt.NDArray[np.float32]]:
    """Mix two arrays of one grid in fields of CHECKER_MM, a layer of fields at a time.

    The second is multiplied by ``gain`` and shifted to the grey levels of the first.
    """
    board = np.empty(first.shape, dtype=np.float32)
    fields = [
        [slice(int(a), int(b)) for a, b in pairwise([*np.arange(0, n, CHECKER_MM / s), n])]
        for n, s in zip(first.shape, spacing_mm, strict=True)
    ]
    for n, planes in enumerate(fields[0]):
        board[planes] = first[planes]
        for (a, rows), (b, columns) in product(*map(enumerate, fields[1:])):
            if (n + a + b) % 2:
                box = planes, rows, columns
                board[box] = second[box] * np.float32(gain) + np.float32(shift)
        yield
    return board


def checkerboard_layer(
    viewer: Any, visits: Sequence[int], role: Role | None
) -> Generator[None, None, make.LayerData | None]:
    """Mix the images of the first and the last visit, in the grey levels of the first."""
    first, last = (image_of(viewer, visit, role) for visit in (visits[0], visits[-1]))
    if first is None or last is None:
        return None
    (low, high), (start, end) = first.contrast_limits, last.contrast_limits
    gain = (high - low) / (end - start)
    grid = make.remembered(first)["grid"]
    board = yield from checkerboard(
        first.data, last.data, grid.spacing_mm, gain=gain, shift=low - start * gain
    )
    mixed = Shown(board, grid, True)
    remember = {"kind": Mode.CHECKERBOARD, "visit": visits[-1]}
    return make.shown_image(mixed, "checkerboard", window=(low, high), remember=remember)


def image_of(viewer: Any, visit: int, role: Role | None) -> Any:
    """Find the image of a visit that is looked at: of a role, or the visible one."""
    for layer in reversed(list(viewer.layers)):
        about = make.remembered(layer)
        wanted = layer.visible if role is None else about.get("role") == role
        if about.get("kind") == IMAGE and about["visit"] == visit and wanted:
            return layer
    return None
