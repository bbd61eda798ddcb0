"""Correct an alignment by hand: by landmarks in both visits, or by dragging one of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from imgcompare.errors import InputError
from imgcompare.model import RegistrationQuality, Transform
from imgcompare.registration.landmarks import rigid_from_landmarks
from napari_imgcompare import layers, linked
from napari_imgcompare.spaces import to_patient
from napari_imgcompare.stage import Stage

LANDMARKS = "landmarks"
COLOURS = ("#56B4E9", "#E69F00")
MOVED_MM = 1e-3

_REVERSED = np.eye(4)[[2, 1, 0, 3]]
"""World S, P, L to patient L, P, S and back."""


def add_landmarks(stage: Stage, index: int) -> None:
    """Add an empty layer of numbered points for the baseline and for one follow-up."""
    from napari.layers import Layer

    aligned, course = stage.workspace.require_aligned(), stage.workspace.require_course()
    scene = stage.require_scene()
    for visit, colour in zip((course.baseline_index, index), COLOURS, strict=True):
        name = f"landmarks {aligned[visit].timepoint.name}"
        if name in stage.viewer.layers:
            continue
        remember = {"kind": LANDMARKS, "visit": visit}
        data = layers.points_layer(
            np.empty((0, 3)),
            name,
            grid=scene.grid,
            remember=remember,
            face_color=colour,
            symbol="cross",
        )
        layer = Layer.create(*data)
        stage.viewer.layers.append(layer)
        layer.mode = "add"
    stage.soon(linked.arrange(stage.viewer, scene))


def take_landmarks(stage: Stage, index: int) -> Transform:
    """Place a follow-up by the landmarks that were marked in both visits.

    Raises
    ------
    InputError
        If there are no landmark layers.
    RegistrationError
        If the points determine no motion.
    """
    aligned, course = stage.workspace.require_aligned(), stage.workspace.require_course()
    base, moved = (_landmarks(stage, visit) for visit in (course.baseline_index, index))
    own = aligned[index].to_baseline.inverse().apply(moved)
    found = rigid_from_landmarks(own, base)
    stage.workspace.set_alignment(index, found)
    return found


def start_drag(stage: Stage, index: int) -> Any:
    """Let a person move and turn the follow-up's image with the mouse; give its layer."""
    for layer in stage.viewer.layers:
        about = layers.remembered(layer)
        if about.get("kind") == linked.IMAGE and about["visit"] == index and layer.visible:
            stage.viewer.layers.selection.active = layer
            layer.mode = "transform"
            return layer
    raise InputError("Show an image of this visit first.")


def take_drag(stage: Stage, index: int, layer: Any) -> Transform:
    """Place a follow-up where its image was dragged to.

    Raises
    ------
    InputError
        If it was not moved, or was stretched instead.
    """
    moved = patient_motion(np.asarray(layer.affine.affine_matrix)[-4:, -4:])
    layer.mode = "pan_zoom"
    if np.abs(moved - np.eye(4)).max() < MOVED_MM:
        raise InputError("The image was not moved; drag it, or turn it by its handle.")
    before = stage.workspace.require_aligned()[index].to_baseline
    nan = float("nan")
    quality = RegistrationQuality(nan, nan, None, nan, True, "moved by a person", engine="hand")
    placed = Transform(moved @ before.matrix, quality=quality)
    layer.affine = np.eye(4)
    stage.workspace.set_alignment(index, placed)
    return placed


def patient_motion(world: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give the rigid patient-space motion (LPS) of a napari affine (S, P, L).

    Raises
    ------
    InputError
        If it stretches or mirrors by more than a percent, as a corner handle does.
    """
    matrix = _REVERSED @ world @ _REVERSED
    u, sizes, vt = np.linalg.svd(matrix[:3, :3])
    if np.abs(sizes - 1.0).max() > 0.01 or np.linalg.det(matrix[:3, :3]) < 0:
        raise InputError("The image was stretched; a patient only moves and turns. Undo and drag.")
    rigid = np.eye(4)
    rigid[:3, :3] = u @ vt
    rigid[:3, 3] = matrix[:3, 3]
    return rigid


def _landmarks(stage: Stage, visit: int) -> npt.NDArray[np.float64]:
    for layer in stage.viewer.layers:
        about = layers.remembered(layer)
        if about.get("kind") == LANDMARKS and about["visit"] == visit:
            return to_patient(layers.places_of(layer, layer.data))
    raise InputError("Add landmarks first and mark the same places in both visits.")
