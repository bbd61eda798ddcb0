"""Takes what a person drew in the viewer: painted tissues, dragged diameters, any Labels layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import Geometry
from imgcompare.model import AlignedTimepoint, LabelMap, Progress, Steps
from napari_imgcompare import acts, keeping, layers, overlays
from napari_imgcompare.acts import Ends
from napari_imgcompare.overlays import Kind
from napari_imgcompare.spaces import native_labels, to_patient
from napari_imgcompare.stage import Stage
from napari_imgcompare.tasks import Task

MOVED_MM = 0.05
"""Ends of a diameter that lie this far from where they were have been dragged."""


def is_painted(stage: Stage) -> bool:
    """Tell whether a tissue layer differs from what is known."""
    return any(
        not np.array_equal(layers.remembered(layer)["drawn"], layer.data)
        for layer in keeping.find(stage.viewer, Kind.TISSUES)
    )


def take_edits(stage: Stage) -> Task[acts.State]:
    """Take what was painted into the tissue layers, beside the window.

    What is painted in the meantime is left for the next time.
    """
    before, scene = stage.workspace.state, stage.require_scene()
    painted = {
        layer: np.array(layer.data)
        for layer in keeping.find(stage.viewer, Kind.TISSUES)
        if not np.array_equal(layers.remembered(layer)["drawn"], layer.data)
    }

    def steps() -> Steps[acts.State]:
        yield Progress(1, 1, "taking what was painted")
        state = before
        for layer, data in painted.items():
            state = _edited(stage, state, layers.remembered(layer), data, scene.grid)
        return state

    def take(state: acts.State) -> None:
        resting = all(np.array_equal(layer.data, data) for layer, data in painted.items())
        if resting and stage.workspace.state is before and state is not before:
            stage.workspace.change(state)

    return Task("Taking what was painted", steps(), take)


def _edited(
    stage: Stage, state: acts.State, about: dict[str, Any], data: Any, shown: Any
) -> acts.State:
    index = about["visit"]
    one = stage.workspace.aligned[index]
    told = {i: m.segmentation for i, m in state.at(index).items() if m.segmentation}
    whole = LabelMap(overlays.tissues_on(one.geometry, told.values()), one.geometry)
    after = overlays.native_edits(
        about["drawn"], data, shown=shown, native=whole, to_baseline=one.to_baseline
    )
    changed = np.asarray(after.array != whole.array)
    receiver = stage.lesion if stage.lesion in told else min(told, default=None)
    for identity, segmentation in told.items():
        own = overlays.tissues_on(one.geometry, [segmentation])
        mine = changed & (own != 0)
        if identity == receiver:
            mine |= changed & (whole.array == 0)
        if mine.any():
            redrawn = np.where(mine, after.array, own).astype(np.uint8)
            state = acts.redraw(state, index, identity, LabelMap(redrawn, one.geometry))
    return state


def take_diameters(stage: Stage, layer: Any) -> bool:
    """Take diameters whose ends were dragged; tell whether any was."""
    about = layers.remembered(layer)
    index = about["visit"]
    if stage.workspace.result is None or len(layer.data) < len(about["figures"]):
        return False  # a line that was deleted comes back with the next measurement
    back = stage.workspace.aligned[index].to_baseline.inverse()
    state = stage.workspace.state
    for (identity, quantity), line, drawn, measured in zip(
        about["figures"], layer.data, about["lines"], about["measured"], strict=False
    ):
        moved = layers.places_of(layer, line) - drawn
        if np.abs(moved).max() > MOVED_MM:
            ends = back.apply(to_patient(measured + moved))
            state = acts.draw_diameter(state, index, identity, quantity, _ends(ends))
    if state is stage.workspace.state:
        return False
    stage.workspace.change(state)
    return True


def mark_layer(stage: Stage, layer: Any, index: int) -> None:
    """Take any Labels layer, of this or another plugin or drawn by hand, as lesions."""
    labels = labels_of(layer, stage.workspace.require_aligned()[index])
    baseline = stage.workspace.require_course().baseline_index
    source = f"layer {layer.name}"
    stage.workspace.change(
        acts.add_regions(stage.workspace.state, index, labels, baseline=baseline, source=source)
    )


def labels_of(layer: Any, one: AlignedTimepoint) -> LabelMap:
    """Give a Labels layer on the native grid of a visit.

    A layer that this plugin opened in a visit's own space lies there; all others are taken to be
    drawn on the scene.
    """
    about = layers.remembered(layer)
    native, on_scene = about.get("labels"), "to_baseline" in about
    if native is not None and not on_scene and native.geometry == one.geometry:
        return native_labels(np.asarray(layer.data), about["grid"], native.geometry)
    drawn = LabelMap(np.asarray(layer.data).reshape(layer.data.shape[-3:]), _grid(layer))
    return LabelMap(
        overlays.labels_on(one.geometry, drawn, one.to_baseline.inverse()), one.geometry
    )


def _grid(layer: Any) -> Geometry:
    """Give the grid that a layer's voxels lie on, however it was placed and turned."""
    rest = (0.0,) * (layer.ndim - 3)
    points = [layer.data_to_world((*rest, *p)) for p in np.vstack([np.zeros(3), np.eye(3)])]
    origin, *steps = to_patient(np.asarray(points, dtype=np.float64)[:, -3:])
    affine = np.eye(4)
    affine[:3, :3] = np.stack([s - origin for s in steps], axis=1)
    affine[:3, 3] = origin
    a, b, c = layer.data.shape[-3:]
    return Geometry((int(a), int(b), int(c)), affine)


def _ends(points: npt.NDArray[np.float64]) -> Ends:
    (a, b, c), (d, e, f) = points.tolist()
    return (a, b, c), (d, e, f)
