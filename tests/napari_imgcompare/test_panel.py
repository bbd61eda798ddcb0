"""The panel of steps in a real window: what is in sight when, and that nothing is cut off."""

from typing import Any

import numpy as np
import pytest
from napari_imgcompare import keeping
from napari_imgcompare.overlays import Kind
from napari_imgcompare.viewers import camera_of


@pytest.fixture
def widget(window_viewer: Any, workspace: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The workbench on a workspace of which everything is known, at the first step."""
    from napari_imgcompare.widgets import compare
    from qtpy.QtWidgets import QApplication

    monkeypatch.setattr(compare, "Workspace", lambda: workspace)
    made = compare.CompareTimepoints(window_viewer)
    window_viewer.window._qt_window.resize(1600, 1000)
    window_viewer.window.add_dock_widget(made, name="Compare timepoints", area="right")
    made.live = lambda: [QApplication.processEvents() for _ in range(20)]
    made.live()
    return made


def opened(widget: Any) -> list[str]:
    return [name for name, section in widget.sections.items() if section.isExpanded()]


def test_the_step_just_done_and_the_next_are_open(widget: Any) -> None:
    told = widget.workspace
    assert opened(widget) == ["Study"]
    told.changed.emit("study")
    assert opened(widget) == ["Study", "Register"]
    told.changed.emit("aligned")
    assert opened(widget) == ["Register", "Lesions"]
    told.changed.emit("lesions")
    told.changed.emit("result")
    assert opened(widget) == ["Compartments", "Results"]
    widget.live()
    area = widget.area
    head = widget.sections["Results"].y() - area.verticalScrollBar().value()
    assert 0 <= head < area.viewport().height()
    widget.sections["Results"].collapse(animate=False)
    told.changed.emit("result")  # as after a stroke of the brush
    assert opened(widget) == ["Compartments"]


def test_tables_are_not_cut_off(widget: Any) -> None:
    for what in ("study", "aligned", "lesions", "result"):
        widget.workspace.changed.emit(what)
    for section in widget.sections.values():
        section.expand(animate=False)
    widget.live()
    tables = (widget.register.table, widget.lesions.table, widget.results.table)
    assert widget.results.table.rowCount() >= 4
    for table in (*tables, widget.study.tree):
        assert not table.horizontalScrollBar().isVisible(), table.toolTip()


def test_a_map_pressed_again_gives_way_to_the_tissues(widget: Any) -> None:
    stage, step = widget.stage, widget.tissues
    stage.soon = lambda chunks: [None for _ in chunks]
    stage.show_images().run()
    step.runner.start = lambda make: make().run()
    tissues = keeping.find(stage.viewer, Kind.TISSUES)
    for press, kind in ((step.heat, Kind.ENHANCEMENT), (step.grown, Kind.CHANGE)):
        press.click()
        assert press.isChecked()
        assert all(layer.visible for layer in keeping.find(stage.viewer, kind))
        press.click()
        assert not press.isChecked()
        assert not any(layer.visible for layer in keeping.find(stage.viewer, kind))
        assert all(layer.visible for layer in tissues)


def test_surfaces_are_in_the_middle_however_the_slices_were_turned(widget: Any) -> None:
    stage = widget.stage
    stage.soon = lambda chunks: [None for _ in chunks]
    stage.show_images().run()
    stage.viewer.dims.order = (2, 0, 1)
    widget.tissues.runner.start = lambda make: make().run()
    widget.tissues.surfaces()
    assert stage.viewer.dims.order == (0, 1, 2)
    boxes = [x.extent.world for x in keeping.find(stage.viewer, Kind.SURFACE)]
    middle = (np.min(boxes, axis=(0, 1)) + np.max(boxes, axis=(0, 1))) / 2
    assert camera_of(stage.viewer).center == pytest.approx(middle)
    stage.viewer.dims.ndisplay = 2


def test_letters_make_way_for_title_and_scale_bar(widget: Any) -> None:
    widget.stage.soon = lambda chunks: [None for _ in chunks]
    widget.stage.show_images().run()
    window = widget.viewer.window._qt_window
    for width in (1600, 900):
        window.resize(width, 700)
        widget.live()
        labels = [x for x in widget.markers._labels[:5]]
        top, title = labels[2].geometry(), labels[4].geometry()
        assert labels[4].text().endswith("baseline")
        assert not top.intersects(title)


@pytest.mark.parametrize("top", [0.003, 0.7, 1.0, 8.4, 28.8, 431.0])
def test_ticks_are_round_and_few(qt: None, top: float) -> None:
    from napari_imgcompare.widgets.plot import nice_ticks

    ticks = nice_ticks(top)
    assert ticks[0] == 0
    assert 3 <= len(ticks) <= 6
    assert ticks[-1] <= top * (1 + 1e-9) < ticks[-1] + ticks[1] * (1 + 1e-9)
    assert f"{ticks[1]:e}"[0] in "125"


def test_doubts_about_a_seed_are_said_once(widget: Any) -> None:
    widget.workspace.doubts = ("The seed lies 9 mm outside of what was outlined.",)
    widget.runner.done.emit("Finding the lesion")
    assert widget.message.text() == "The seed lies 9 mm outside of what was outlined."
    widget.runner.done.emit("Finding the lesion")
    assert widget.message.text().startswith("Finding the lesion: done.")
