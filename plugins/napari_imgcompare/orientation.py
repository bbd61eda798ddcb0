"""Which way is up: patient directions at the edges of the view, and the camera's handedness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_imgcompare.spaces import AXIS_LABELS
from napari_imgcompare.viewers import camera_of, look_to, looking

OPPOSITE = {"S": "I", "P": "A", "L": "R"}
"""The direction opposite to that in which a world axis grows."""

HEAD_UP = "S"
"""The axis that grows upwards on the screen when it is vertical; the others grow down."""

LEAST_SHARE = 0.38
"""Cosine from which a direction is named: one letter alone up to 22 degrees from an axis."""

ROOM = 1.5
"""The view is this many times as large as what is looked at."""

FRONT_VIEW = ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
"""Looking from the front to the back (S, P, L), head up."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Letters at the edges of a view: R, L, A, P, S or I; empty where they mean nothing."""

    left: str = ""
    right: str = ""
    top: str = ""
    bottom: str = ""


def edge_letters(vertical: str, horizontal: str, orientation: tuple[str, str]) -> Edges:
    """Name the patient directions at the four edges of a slice.

    Parameters
    ----------
    vertical, horizontal : str
        Labels of the displayed axes: S, P or L.
    orientation : tuple of str
        Where they grow to on the screen: (up or down, left or right).
    """
    if vertical not in OPPOSITE or horizontal not in OPPOSITE:
        return Edges()
    grows_down, grows_right = orientation[0] == "down", orientation[1] == "right"
    low, high = (OPPOSITE[vertical], vertical) if grows_down else (vertical, OPPOSITE[vertical])
    first, last = OPPOSITE[horizontal], horizontal
    return Edges(*((first, last) if grows_right else (last, first)), low, high)


def solid_letters(view: npt.ArrayLike, up: npt.ArrayLike) -> Edges:
    """Name the patient directions at the edges of a view in 3-D, oblique ones by two letters.

    Parameters
    ----------
    view, up : array-like, shape (3,)
        Where the camera looks to and what is up, as S, P, L.
    """
    # Right-handed as L, P, S: what points to the right is looking crossed with up.
    upwards = np.asarray(up, dtype=np.float64)
    rightwards = np.cross(np.asarray(view, dtype=np.float64)[::-1], upwards[::-1])[::-1]
    return Edges(*(_named(d) for d in (-rightwards, rightwards, upwards, -upwards)))


def _named(direction: npt.NDArray[np.float64]) -> str:
    """Write the patient directions that a direction shares, the nearest first."""
    length = float(np.linalg.norm(direction))
    shares = direction / length if length else direction
    order = np.argsort(-np.abs(shares), kind="stable")
    return "".join(
        AXIS_LABELS[a] if shares[a] > 0 else OPPOSITE[AXIS_LABELS[a]]
        for a in order
        if abs(shares[a]) >= LEAST_SHARE
    )


def wanted_orientation(vertical: str, ndisplay: int) -> tuple[str, str, str]:
    """Give the camera orientation that shows a patient the right way round.

    Axes S, P, L growing away, down and right are right-handed in the order L, P, S, as DICOM's
    patient coordinates are; napari's default mirrors them.
    """
    upwards = ndisplay == 2 and vertical == HEAD_UP
    return "away", "up" if upwards else "down", "right"


def orient(viewer: Any) -> Edges:
    """Turn a viewer's camera the right way round and give the letters of its edges.

    A viewer without layers in patient space is left as it is.
    """
    labels = patient_axes(viewer)
    shown = [labels[a] for a in viewer.dims.displayed[-2:]] if labels else []
    if not all(label in AXIS_LABELS for label in shown) or not shown:
        return Edges()
    wanted = wanted_orientation(shown[0], viewer.dims.ndisplay)
    camera = camera_of(viewer)
    if tuple(str(o) for o in camera.orientation) != wanted:
        camera.orientation = wanted
    if viewer.dims.ndisplay == 3:
        return solid_letters(*looking(viewer))
    return edge_letters(shown[0], shown[1], wanted[1:])


def patient_axes(viewer: Any) -> tuple[str, ...]:
    """Name the world axes of a viewer; empty unless a layer says that they are a patient's.

    The viewer's own names are not asked: a layer of others that has none would take them away.
    """
    if not any(tuple(x.axis_labels[-3:]) == AXIS_LABELS for x in viewer.layers):
        return ()
    return (*[""] * (int(viewer.dims.ndim) - 3), *AXIS_LABELS)


def look_from_front(viewer: Any) -> None:
    """Turn the 3-D view as if facing the patient."""
    look_to(viewer, *FRONT_VIEW)


def look_at_all(viewer: Any, layers: Sequence[Any]) -> None:
    """Bring all these layers into the middle of the 3-D view, with room around them."""
    if not layers:
        return
    boxes = np.array([layer.extent.world[:, -3:] for layer in layers])
    low, high = boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)
    camera = camera_of(viewer)
    viewer.reset_view()
    everything = viewer.layers.extent.world[:, -3:]
    whole, part = np.ptp(everything, axis=0).max(), (high - low).max()
    camera.zoom *= float(whole / part) / ROOM
    camera.center = tuple((low + high) / 2)
