"""What a window needs for layers that are opened without the workbench: letters, scale, columns.

A reader gives layers only; what tells left from right belongs to the viewer. Without a window, as
in a script, nothing is done.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any


def frame_current_viewer() -> None:
    """Have the current window show patients the right way round."""
    viewer = _current_viewer()
    if viewer is not None:
        from napari_imgcompare.widgets.markers import markers_on

        markers_on(viewer)


def show_side_by_side(titles: Sequence[str], stride: int) -> None:
    """Have the current window show groups of layers beside each other, if it is still empty."""
    viewer = _current_viewer()
    if viewer is None or len(viewer.layers):
        return
    from napari_imgcompare.viewers import grid_of
    from napari_imgcompare.widgets.markers import markers_on

    grid = grid_of(viewer)
    grid.stride, grid.shape, grid.enabled = stride, (1, len(titles)), True
    markers = markers_on(viewer)
    if markers is not None:
        markers.titles = lambda: titles if grid.enabled and len(viewer.layers) else ()


def say(sentence: str) -> None:
    """Tell a person something that is no error."""
    if _current_viewer() is not None:
        from napari.utils.notifications import show_info

        show_info(sentence)


def current_window() -> Any:
    """Give napari's window, e.g. as parent of a dialog in its colours; None without one."""
    window = getattr(_current_viewer(), "window", None)
    return getattr(window, "_qt_window", None)


def _current_viewer() -> Any:
    if "napari" not in sys.modules:
        return None
    import napari

    return napari.current_viewer()
