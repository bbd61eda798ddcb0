"""Layers of a viewer, found, added and renewed. Works on a ViewerModel, no Qt.

A layer that is there already is renewed in place, never removed and added again, which would cost
the window a moment and a person what was set.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_imgcompare import fluid
from napari_imgcompare import layers as make


def find(viewer: Any, kind: str, visit: int | None = None) -> list[Any]:
    """Give our layers of a kind, of one visit or of all."""
    return [
        layer
        for layer in viewer.layers
        if make.remembered(layer).get("kind") == kind
        and visit in (None, make.remembered(layer).get("visit"))
    ]


def put(viewer: Any, data: make.LayerData) -> Any:
    """Renew the layer of the same name, keeping how a person set it; else add it; give it."""
    layer, seen = put_hidden(viewer, data)
    layer.visible = seen
    return layer


def put_hidden(viewer: Any, data: make.LayerData) -> tuple[Any, bool]:
    """Renew or add a layer, but leave showing it to the caller; give it, and whether to show it."""
    from napari.layers import Layer

    array, keywords, kind = data
    old = _named(viewer, data)
    if old is not None:
        return old, renew(old, data)
    layer = Layer.create(array, {**keywords, "visible": False}, kind)
    with fluid.unselected(viewer):
        viewer.layers.insert(_place(viewer, make.remembered(layer).get("visit")), layer)
    if kind == "shapes":
        fluid.spare_lines(viewer, layer)
    return layer, keywords.get("visible", True)


def is_new(viewer: Any, data: make.LayerData) -> bool:
    """Tell whether a layer would be added, not renewed."""
    return _named(viewer, data) is None


def renew(layer: Any, data: make.LayerData) -> bool:
    """Give a layer new data; tell whether it is to be seen: it is when no longer empty."""
    array, keywords, kind = data
    was_empty = make.remembered(layer).get(make.EMPTY, False)
    layer.metadata = keywords["metadata"]
    for place in ("scale", "translate"):
        if place in keywords and not np.array_equal(getattr(layer, place), keywords[place]):
            setattr(layer, place, keywords[place])
    if kind == "shapes":
        _redraw_lines(layer, array, keywords)
    elif kind == "labels" and layer.data.shape == array.shape and layer.data.dtype == array.dtype:
        if not np.array_equal(layer.data, array):
            np.copyto(layer.data, array)
            layer.refresh()
    else:
        layer.data = array
    is_empty = make.is_empty(data)
    if is_empty and not was_empty:
        layer.visible = False
    return layer.visible or (was_empty and not is_empty)


def _redraw_lines(layer: Any, lines: Any, keywords: dict[str, Any]) -> None:
    texts = list(keywords["features"]["label"])
    same = len(lines) == layer.nshapes and all(
        np.array_equal(a, b) for a, b in zip(lines, layer.data, strict=True)
    )
    if same and texts == list(layer.features.get("label", [])):
        return
    layer.data = [(line, "line") for line in lines]
    if len(lines):
        layer.features = {"label": texts}
        layer.edge_width, layer.edge_color = keywords["edge_width"], keywords["edge_color"]


def _named(viewer: Any, data: make.LayerData) -> Any:
    _, keywords, kind = data
    return next(
        (x for x in viewer.layers if x.name == keywords["name"] and x._type_string == kind), None
    )


def _place(viewer: Any, visit: int | None) -> int:
    """Give the place above the other layers of a visit; on top for layers of none."""
    own = [n for n, x in enumerate(viewer.layers) if make.remembered(x).get("visit") == visit]
    return own[-1] + 1 if own and visit is not None else len(viewer.layers)
