"""Parts of a viewer that moved between napari 0.7 and 0.9."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def camera_of(viewer: Any) -> Any:
    """Give the camera, which moved to the scene in napari 0.9."""
    scene = getattr(viewer, "scene", None)
    return viewer.camera if scene is None else scene.camera


def grid_of(viewer: Any) -> Any:
    """Give the grid, which moved to the canvas in napari 0.9."""
    canvas = getattr(viewer, "canvas", None)
    return viewer.grid if canvas is None else canvas.grid


def scale_bar_of(viewer: Any) -> Any:
    """Give the scale bar, which moved to the canvas's overlays in napari 0.9."""
    canvas = getattr(viewer, "canvas", None)
    return viewer.scale_bar if canvas is None else canvas.overlays.scale_bar


def in_cells(viewer: Any) -> tuple[int, int]:
    """Give rows and columns of the grid as it is shown."""
    grid, layers = grid_of(viewer), viewer.layers
    try:
        rows, columns = grid.actual_shape(layers)
    except TypeError:  # before napari 0.9 it asks how many there are
        rows, columns = grid.actual_shape(len(layers))
    return int(rows), int(columns)


def looking(viewer: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Give where the 3-D camera looks to and what is up, along the displayed axes."""
    camera = camera_of(viewer)
    view = _depth_sign(camera) * np.asarray(camera.view_direction, dtype=np.float64)
    return view, np.asarray(camera.up_direction, dtype=np.float64)


def look_to(viewer: Any, view: Sequence[float], up: Sequence[float]) -> None:
    """Turn the 3-D camera."""
    camera = camera_of(viewer)
    sign = _depth_sign(camera)
    camera.set_view_direction(tuple(sign * float(x) for x in view), tuple(map(float, up)))


def _depth_sign(camera: Any) -> float:
    """Tell whether the camera's directions know which way its depth axis grows.

    Before napari 0.9 they do not: a camera whose first axis grows away says that it looks back.
    """
    probe = type(camera)(orientation=camera.orientation, angles=(0.0, 0.0, 0.0))
    grows_away = str(camera.orientation[0]) == "away"
    return 1.0 if (probe.view_direction[0] > 0) == grows_away else -1.0
