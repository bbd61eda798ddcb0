"""Layers are renewed in place: what a person set stays, what was empty comes into sight."""

from typing import Any

import numpy as np
import pytest
from napari_imgcompare import keeping, layers
from napari_imgcompare.spaces import Shown

from imgcompare.geometry import Geometry
from imgcompare.model import LabelMap
from tests.builders import make_geometry


@pytest.fixture
def grid() -> Geometry:
    return make_geometry((12, 20, 24), spacing_mm=(3, 1, 1))


def labels(grid: Geometry, value: int) -> layers.LayerData:
    array = np.full(grid.shape, value, dtype=np.uint8)
    remember = {"kind": "tissues", "visit": 0, layers.EMPTY: value == 0}
    shown = Shown(array, grid, True)
    return layers.labels_layer(
        LabelMap(array, grid), "tissues", shown=shown, remember=remember, visible=value > 0
    )


def lines(grid: Geometry, count: int) -> layers.LayerData:
    ends = [np.array([[0.0, 0, 3 * n], [5, 5, 3 * n]]) for n in range(count)]
    remember = {"kind": "diameters", "visit": 0, layers.EMPTY: not count}
    return layers.lines_layer(
        ends, "diameters", texts=[f"{n} mm" for n in range(count)], grid=grid, remember=remember,
        visible=count > 0, **({} if count else {"ndim": 3}),
    )  # fmt: skip


def test_the_same_layer_is_kept_with_what_a_person_set(viewer_model: Any, grid: Geometry) -> None:
    first = keeping.put(viewer_model, labels(grid, 1))
    first.opacity, first.selected_label = 0.2, 5
    again = keeping.put(viewer_model, labels(grid, 3))
    assert again is first
    assert (again.opacity, again.selected_label) == (0.2, 5)
    assert (again.data == 3).all()


def test_an_empty_layer_hides_and_a_filled_one_comes_back(viewer_model: Any, grid: Geometry):
    layer = keeping.put(viewer_model, labels(grid, 0))
    assert not layer.visible
    keeping.put(viewer_model, labels(grid, 2))
    assert layer.visible
    layer.visible = False  # a person's wish
    keeping.put(viewer_model, labels(grid, 3))
    assert not layer.visible


@pytest.mark.parametrize("ndisplay", [2, 3])
def test_lines_are_redrawn(viewer_model: Any, grid: Geometry, ndisplay: int) -> None:
    viewer_model.dims.ndisplay = ndisplay
    for count in (0, 2, 4, 0, 1):
        layer = keeping.put(viewer_model, lines(grid, count))
        assert len(layer.data) == count
        assert layer.visible == (count > 0)
        assert set(layer.shape_type) <= {"line"}
        assert set(layer.edge_width) <= {0.6}
        if count:
            assert list(layer.features["label"]) == [f"{n} mm" for n in range(count)]


def test_a_layer_joins_those_of_its_visit(viewer_model: Any, grid: Geometry) -> None:
    for visit, name in ((0, "a"), (1, "b"), (0, "c")):
        data = labels(grid, 1)
        data[1]["name"] = name
        data[1]["metadata"][layers.KEY]["visit"] = visit
        keeping.put(viewer_model, data)
    assert [x.name for x in viewer_model.layers] == ["a", "c", "b"]
    assert [x.name for x in keeping.find(viewer_model, "tissues", 0)] == ["a", "c"]
