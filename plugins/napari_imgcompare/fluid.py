"""What keeps a window fluid: many changes of layers as one, little garbage, no idle redraws.

napari sorts all layers into the cells of its grid anew at every change of one, in a time that
grows with the cube of their number; collects garbage over the whole process whenever one is
removed; and compiles the shaders of a Shapes layer anew for every slice. All hold the window up.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from napari_imgcompare.viewers import grid_of

PAUSED, SORT = "_pause_scene_graph", "_update_scenegraph"
"""Of napari's canvas, 0.7 to 0.9; without them all works, only slower."""

DUE = 4
"""Collections of younger garbage after which one of all is due; Python itself waits for ten."""

ACTIVATES = "_activate_on_insert"
"""Of napari's list of layers: whether an added one is selected, and its controls are shown."""


@contextmanager
def together(viewer: Any) -> Iterator[None]:
    """Let the canvas follow all changes of layers when they are done.

    May be held open while the window lives on. The grid must be changed last of all, in the same
    piece of work that ends this.
    """
    canvas, events = _canvas(viewer), viewer.layers.events
    if getattr(canvas, PAUSED, True):  # no window, or within another
        yield
        return
    before = _order(viewer)
    events.begin_batch()
    try:
        yield
    except GeneratorExit:  # the window is closing
        raise
    except BaseException:
        events.end_batch()
        raise
    after = _order(viewer)
    if before[0].keys() - after[0].keys() or not hasattr(canvas, SORT):
        events.end_batch()
        return
    # Nothing was removed: no textures to free, which napari collects garbage for.
    setattr(canvas, PAUSED, False)
    if after != before or list(after[0]) != list(before[0]):
        getattr(canvas, SORT)()


@contextmanager
def unselected(viewer: Any) -> Iterator[None]:
    """Add layers without selecting each."""
    listed = viewer.layers
    before = getattr(listed, ACTIVATES, None)
    if before is None:
        yield
        return
    setattr(listed, ACTIVATES, False)
    try:
        yield
    finally:
        setattr(listed, ACTIVATES, before)


def spare_lines(viewer: Any, layer: Any) -> None:
    """Redraw a Shapes layer only when one of its lines is in the slice, or was when last drawn."""
    drawn = {"set_data": True, "highlight": True}

    def spare(event: Any) -> None:
        before, drawn[event.type] = drawn[event.type], _is_in_sight(layer, viewer.dims)
        event.blocked = not (before or drawn[event.type])

    spare.__module__ = "napari.layers"  # napari calls its own first, and this must come before
    for name in drawn:
        getattr(layer.events, name).connect(spare, position="first")


def _is_in_sight(layer: Any, dims: Any) -> bool:
    place = np.asarray(layer.world_to_data(dims.point[-layer.ndim :]))
    hidden = [axis - dims.ndim + layer.ndim for axis in dims.not_displayed]
    hidden = [axis for axis in hidden if axis >= 0]
    return any(
        ((line.min(axis=0) - 1 <= place) & (place <= line.max(axis=0) + 1))[hidden].all()
        for line in layer.data
    )


def settle(viewer: Any) -> None:
    """Leave all that is there now, mostly modules, out of collections of garbage.

    It is freed when nobody refers to it, as ever, but not if it refers to itself in a circle, as
    layers do: so nothing is done while there are any.
    """
    if _canvas(viewer) is not None and not len(viewer.layers):
        gc.freeze()


def tidy() -> None:
    """Collect garbage while nothing else is done, before Python does so in the midst of it."""
    if gc.get_count()[2] >= DUE:
        gc.collect()


def unsettle(_: object = None) -> None:
    """Have everything collected again, as the viewer may go."""
    gc.unfreeze()


def _order(viewer: Any) -> tuple[dict[Any, bool], tuple[Any, ...]]:
    grid = grid_of(viewer)
    seen = {layer: bool(layer.visible) for layer in viewer.layers}
    return seen, (grid.enabled, grid.stride, tuple(grid.shape))


def _canvas(viewer: Any) -> Any:
    window = getattr(viewer, "window", None)
    return getattr(getattr(window, "_qt_viewer", None), "canvas", None)
