"""Which way is up: patient directions at the edges of the view, and the camera's handedness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_imgcompare.spaces import AXIS_LABELS
from napari_imgcompare.viewers import camera_of

OPPOSITE = {"S": "I", "P": "A", "L": "R"}
"""The direction opposite to that in which a world axis grows."""

HEAD_UP = "S"
"""The axis that grows upwards on the screen when it is vertical; the others grow down."""

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
        return Edges()
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
    camera_of(viewer).set_view_direction(*FRONT_VIEW)
