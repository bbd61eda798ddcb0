"""What keeps a window fluid changes nothing of what is seen in the end."""

import gc
from typing import Any

import numpy as np
import pytest
from napari_imgcompare import fluid, keeping, layers
from napari_imgcompare.spaces import Shown
from napari_imgcompare.viewers import grid_of

from imgcompare.geometry import Geometry
from tests.builders import make_geometry


@pytest.fixture
def grid() -> Geometry:
    return make_geometry((12, 20, 24), spacing_mm=(3, 1, 1))


def image(name: str) -> Any:
    from napari.layers import Image

    return Image(np.zeros((4, 5, 6), dtype=np.float32), name=name)


def cells(viewer: Any) -> list[Any]:
    """In which part of the canvas each visible layer is drawn."""
    canvas = viewer.window._qt_viewer.canvas
    return [canvas.layer_to_visual[x].node.parent for x in viewer.layers if x.visible]


def change(viewer: Any) -> None:
    for name in "abcd":
        viewer.layers.append(image(name))
    viewer.layers.move(3, 0)
    viewer.layers[1].visible = False
    grid = grid_of(viewer)
    grid.stride, grid.shape, grid.enabled = 2, (1, 2), True


def test_layers_are_sorted_into_their_cells_at_the_end(window_viewer: Any) -> None:
    with fluid.together(window_viewer):
        change(window_viewer)
        assert cells(window_viewer) == [None] * 3
        with fluid.together(window_viewer):
            window_viewer.layers[1].visible = True
        assert cells(window_viewer) == [None] * 4
    a, b, c, d = cells(window_viewer)
    assert a is b
    assert c is d
    assert len({a, c, None}) == 3


def test_removed_layers_are_gone(window_viewer: Any) -> None:
    change(window_viewer)
    with fluid.together(window_viewer):
        window_viewer.layers.pop(0)
        window_viewer.layers.pop(0)
    first, second = cells(window_viewer)
    assert first is second is not None
    assert len(window_viewer.window._qt_viewer.canvas.layer_to_visual) == 2


def test_after_an_error_the_canvas_goes_on(window_viewer: Any) -> None:
    def fail() -> None:
        with fluid.together(window_viewer):
            change(window_viewer)
            raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        fail()
    assert None not in cells(window_viewer)
    window_viewer.layers.append(image("e"))
    assert None not in cells(window_viewer)


def test_without_the_canvas_of_these_versions_all_works(
    window_viewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fluid, "PAUSED", "_no_such_name")
    with fluid.together(window_viewer):
        change(window_viewer)
    assert None not in cells(window_viewer)


def test_no_window_is_needed(viewer_model: Any) -> None:
    with fluid.together(viewer_model):
        change(viewer_model)
    assert [x.name for x in viewer_model.layers] == ["d", "a", "b", "c"]


def test_what_a_person_selected_stays_selected(viewer_model: Any) -> None:
    viewer_model.layers.append(image("a"))
    with fluid.unselected(viewer_model):
        viewer_model.layers.append(image("b"))
    assert viewer_model.layers.selection.active.name == "a"
    viewer_model.layers.append(image("c"))
    assert viewer_model.layers.selection.active.name == "c"


def test_layers_are_never_left_out_of_collections(window_viewer: Any) -> None:
    before = gc.get_freeze_count()
    window_viewer.layers.append(image("a"))
    fluid.settle(window_viewer)
    assert gc.get_freeze_count() == before
    window_viewer.layers.clear()
    fluid.settle(window_viewer)
    assert gc.get_freeze_count() > before
    fluid.unsettle()
    assert gc.get_freeze_count() == 0


def test_garbage_is_collected_at_rest_if_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    collected = list[int]()
    monkeypatch.setattr(gc, "collect", lambda: collected.append(1))
    monkeypatch.setattr(gc, "get_count", lambda: (300, 3, fluid.DUE - 1))
    fluid.tidy()
    assert not collected
    monkeypatch.setattr(gc, "get_count", lambda: (300, 3, fluid.DUE))
    fluid.tidy()
    assert collected


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_lines_are_redrawn_where_they_are_and_once_after(
    viewer_model: Any, grid: Geometry, order: tuple[int, int, int]
) -> None:
    scan = Shown(np.zeros(grid.shape, dtype=np.float32), grid, True)
    keeping.put(viewer_model, layers.shown_image(scan, "scan", window=(0, 1)))
    line = grid.index_to_world(np.array([[6.0, 4, 9], [6, 15, 9]]))
    data = layers.lines_layer([line], "lines", texts=["11 mm"], grid=grid)
    layer = keeping.put(viewer_model, data)
    viewer_model.dims.order = order
    across, drawn = order[0], list[int]()
    place = {0: 6, 2: 9}[across]

    def note(_: object) -> None:
        drawn.append(viewer_model.dims.current_step[across])

    layer.events.set_data.connect(note, position="last")
    viewer_model.dims.set_current_step(across, 1)
    drawn.clear()
    for step in range(12):
        viewer_model.dims.set_current_step(across, step)
    assert {place, place + 1} <= set(drawn) <= set(range(place - 1, place + 3))
    viewer_model.dims.set_current_step(across, 0)
    drawn.clear()
    layer.data = [np.array([[0.0, 0, 0], [0.0, 5, 0]])]
    assert drawn  # a line that is drawn into the slice is seen at once


def test_the_canvas_rests_where_no_line_is(
    window_viewer: Any, grid: Geometry, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = Shown(np.zeros(grid.shape, dtype=np.float32), grid, True)
    keeping.put(window_viewer, layers.shown_image(scan, "scan", window=(0, 1)))
    line = grid.index_to_world(np.array([[6.0, 4, 9], [6, 15, 9]]))
    layer = keeping.put(window_viewer, layers.lines_layer([line], "lines", texts=[""], grid=grid))
    faces = window_viewer.window._qt_viewer.canvas.layer_to_visual[layer].node.shape_faces
    drawn = list[int]()
    monkeypatch.setattr(
        faces, "set_data", lambda **_: drawn.append(window_viewer.dims.current_step[0])
    )
    window_viewer.dims.set_current_step(0, 0)
    drawn.clear()
    for step in range(12):
        window_viewer.dims.set_current_step(0, step)
    assert {6, 7} <= set(drawn) <= {5, 6, 7, 8}
