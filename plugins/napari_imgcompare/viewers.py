"""Parts of a viewer that moved between napari 0.7 and 0.9."""

from __future__ import annotations

from typing import Any


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
