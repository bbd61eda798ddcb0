"""Visits side by side: the checkerboard, and groups of layers of equal size."""

from typing import Any

import numpy as np
import pytest
from napari_imgcompare import keeping, layers, linked
from napari_imgcompare.linked import Scene
from napari_imgcompare.spaces import Shown
from napari_imgcompare.viewers import grid_of

from imgcompare.geometry import Geometry
from imgcompare.model import LabelMap, finish
from tests.builders import make_geometry


@pytest.fixture
def scene() -> Scene:
    return Scene(make_geometry((12, 70, 24), spacing_mm=(3, 1, 1)), (0, 1), ())


def add(viewer: Any, scene: Scene, visit: int, name: str) -> None:
    array = np.zeros(scene.grid.shape, dtype=np.uint8)
    data = layers.labels_layer(
        LabelMap(array, scene.grid), name, shown=Shown(array, scene.grid, True),
        remember={"kind": "drawing", "visit": visit},
    )  # fmt: skip
    keeping.put(viewer, data)
    for _ in linked.arrange(viewer, scene):
        pass


def groups(viewer: Any) -> tuple[list[str], list[str], list[str]]:
    stride = grid_of(viewer).stride
    names = [x.name for x in viewer.layers]
    return names[:stride], names[stride : 2 * stride], names[2 * stride :]


def test_fillers_are_used_again_and_never_removed(viewer_model: Any, scene: Scene) -> None:
    removed: list[str] = []
    viewer_model.layers.events.removed.connect(lambda event: removed.append(event.value.name))
    add(viewer_model, scene, 0, "a")
    assert groups(viewer_model) == (["a"], ["(empty 1)"], [])
    add(viewer_model, scene, 0, "b")
    assert groups(viewer_model) == (["a", "b"], ["(empty 1)", "(empty 2)"], [])
    add(viewer_model, scene, 1, "c")
    assert groups(viewer_model)[1:] == (["(empty 1)", "c"], ["(empty 2)"])
    for name in ("d", "e"):
        add(viewer_model, scene, 1, name)
    first, second, left = groups(viewer_model)
    assert [x for x in first if "empty" not in x] == ["a", "b"]
    assert second == ["c", "d", "e"]
    assert len(first) == len(second)
    assert len(left) == 1
    assert removed == []
    assert all(x.visible == ("empty" not in x.name) for x in viewer_model.layers)


def test_the_checkerboard_mixes_both_in_one_range_of_greys(scene: Scene) -> None:
    geometry: Geometry = scene.grid
    first = np.full(geometry.shape, 7, dtype=np.int16)
    second = np.full(geometry.shape, 3, dtype=np.int16)
    board = finish(linked.checkerboard(first, second, geometry.spacing_mm, gain=2, shift=-1))
    assert board.dtype == np.float32
    edge = int(linked.CHECKER_MM)
    assert set(np.unique(board[:10, :edge])) == {7.0}
    assert set(np.unique(board[:10, edge : 2 * edge])) == {5.0}
    assert set(np.unique(board[10:, :edge])) == {5.0}
    assert set(np.unique(board[:10, 2 * edge :])) == {7.0}
