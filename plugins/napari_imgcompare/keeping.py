"""Layers of a viewer, found, added and renewed. Works on a ViewerModel, no Qt.

A layer that is there already is renewed in place, never removed and added again: napari collects
garbage over the whole process at every removal, which holds the window up for a third of a second.
"""

from __future__ import annotations

from typing import Any

import numpy as np

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
    from napari.layers import Layer

    name, kind = data[1]["name"], data[2]
    old = next((x for x in viewer.layers if x.name == name and x._type_string == kind), None)
    if old is not None:
        renew(old, data)
        return old
    layer = Layer.create(*data)
    viewer.layers.insert(_place(viewer, make.remembered(layer).get("visit")), layer)
    return layer


def renew(layer: Any, data: make.LayerData) -> None:
    """Give a layer new data; it comes into sight when it is no longer empty."""
    array, keywords, kind = data
    was_empty = make.remembered(layer).get(make.EMPTY, False)
    layer.metadata = keywords["metadata"]
    for place in ("scale", "translate"):
        if place in keywords and not np.array_equal(getattr(layer, place), keywords[place]):
            setattr(layer, place, keywords[place])
    is_empty = make.remembered(layer).get(make.EMPTY, False)
    if is_empty != was_empty:
        layer.visible = not is_empty
    if kind == "shapes":
        _redraw_lines(layer, array, keywords)
    elif kind == "labels" and layer.data.shape == array.shape and layer.data.dtype == array.dtype:
        np.copyto(layer.data, array)
        layer.refresh()
    else:
        layer.data = array


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


def _place(viewer: Any, visit: int | None) -> int:
    """Give the place above the other layers of a visit; on top for layers of none."""
    own = [n for n, x in enumerate(viewer.layers) if make.remembered(x).get("visit") == visit]
    return own[-1] + 1 if own and visit is not None else len(viewer.layers)
