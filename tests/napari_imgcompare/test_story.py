"""The whole story by the widgets, in a real window: from a folder to the finding."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari_imgcompare.spaces import to_world

LIMIT_S = 300


def wait(done: Callable[[], bool]) -> None:
    """Let the window live until something is done."""
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + LIMIT_S
    while not done():
        assert time.monotonic() < end, "took too long"
        QApplication.processEvents()
        time.sleep(0.005)


@pytest.fixture
def widget(window_viewer: Any) -> Any:
    from napari_imgcompare.widgets.compare import CompareTimepoints

    made = CompareTimepoints(window_viewer)
    window_viewer.window.add_dock_widget(made, name="Compare timepoints", area="right")
    return made


def idle(widget: Any) -> None:
    wait(lambda: not widget.runner.is_busy)


@pytest.mark.slow
def test_from_the_sample_to_the_finding(
    widget: Any,
    study: Path,
    truth: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from napari_imgcompare import samples
    from qtpy.QtWidgets import QPushButton

    from imgcompare.pipeline import places

    def made_before(case: str, timepoints: int = 2) -> Any:
        yield from ()
        return study

    monkeypatch.setattr(places, "_file", lambda: tmp_path / "studies.json")
    monkeypatch.setattr(samples, "demo_case", made_before)
    said: list[str] = []
    widget.runner.failed.connect(said.append)

    def press(step: Any, text: str) -> None:
        (found,) = (b for b in step.findChildren(QPushButton) if b.text() == text)
        found.click()
        idle(widget)

    # 1 study
    press(widget.study, "Demo")
    wait(lambda: widget.workspace.course is not None and not widget.runner.is_busy)
    assert widget.study.tree.topLevelItemCount() == 2

    # 2 register
    press(widget.register, "Register")
    wait(lambda: widget.stage.scene is not None and not widget.runner.is_busy)
    assert widget.register.table.item(0, 1).text() == "good"
    assert widget.markers.edges.left == "R"
    assert widget.markers.edges.top == "A"

    # 3 a click into the lesion, as the mouse callback hands it on
    first = truth[0]["lesions"][0]
    widget.lesions.mark_at(to_world(np.array(first["centre_lps_mm"])), 0)
    idle(widget)
    assert widget.lesions.table.rowCount() == 1

    # 4 compartments, and the measurements that follow
    press(widget.tissues, "Tell tissues apart")
    wait(lambda: widget.workspace.result is not None and not widget.runner.is_busy)

    # 5 results
    assert said == []
    cells = [
        [widget.results.table.item(r, c).text() for c in range(4)]
        for r in range(widget.results.table.rowCount())
    ]
    volumes = {
        (row[1].split()[0], visit): float(row[2 + visit].split()[0])
        for row in cells
        for visit in (0, 1)
        if row[2 + visit]
    }
    for compartment in ("whole", "enhancing"):
        for visit in (0, 1):
            true = truth[visit]["lesions"][0]["volumes_ml"][compartment]
            assert volumes[compartment, visit] == pytest.approx(true, rel=0.1)
    assert volumes["whole", 1] > 1.5 * volumes["whole", 0]
    assert volumes["enhancing", 1] < 0.9 * volumes["enhancing", 0]
    assert "whole volume +8" in widget.results.finding.text()
    widget.results.table.setCurrentCell(0, 0)
    assert widget.stage.lesion == 1

    # 6 session and report
    widget.export.save(tmp_path / "session")
    widget.export.report(tmp_path / "report")
    idle(widget)
    assert (tmp_path / "report" / "report.html").is_file()
    before = widget.results.finding.text()
    widget.export.open(tmp_path / "session")
    wait(lambda: widget.workspace.result is not None and not widget.runner.is_busy)
    assert widget.results.finding.text() == before
    assert said == []


def test_what_comes_too_early_is_said_in_one_sentence(widget: Any) -> None:
    said: list[str] = []
    widget.runner.failed.connect(said.append)
    widget.register.register()
    widget.tissues.tell()
    widget.results.measure()
    widget.lesions.merge()
    widget.register.flick()
    assert len(said) == 5
    assert all(text.endswith(".") and "\n" not in text for text in said)
    assert widget.message.text() == said[-1]


def test_running_work_can_be_cancelled(widget: Any) -> None:
    from napari_imgcompare.tasks import Task

    from imgcompare.model import Progress

    taken: list[int] = []

    def endless() -> Any:
        for n in range(10):
            yield Progress(n, 10, "waiting")
            time.sleep(2)  # a step that asks nobody
        return 1

    said: list[str] = []
    widget.runner.failed.connect(said.append)
    widget.runner.start(lambda: Task("Waiting", endless(), taken.append))
    wait(lambda: widget.message.text() == "waiting …")
    pressed = time.monotonic()
    widget.cancel.click()
    idle(widget)
    assert time.monotonic() - pressed < 1
    assert taken == []
    assert said == ["Waiting was cancelled."]


def test_an_error_in_the_work_is_one_sentence(widget: Any) -> None:
    from napari_imgcompare.tasks import Task

    from imgcompare.errors import InputError
    from imgcompare.model import Progress

    def failing() -> Any:
        yield Progress(1, 1, "trying")
        raise InputError("The seed lies in air; click into the lesion.")

    widget.runner.start(lambda: Task("Trying", failing(), lambda _: None))
    idle(widget)
    assert widget.message.text() == "The seed lies in air; click into the lesion."


def test_every_control_says_what_it_does(widget: Any) -> None:
    from qtpy.QtWidgets import QAbstractButton, QComboBox, QDoubleSpinBox, QLineEdit

    named = [
        w
        for kind in (QAbstractButton, QComboBox, QDoubleSpinBox, QLineEdit)
        for step in widget.sections.values()
        for w in step.content().findChildren(kind)
        if w.objectName() != "qt_spinbox_lineedit" and not w.inherits("QTableCornerButton")
    ]
    silent = [w for w in named if not w.toolTip() and w.parent().metaObject().className()
              not in ("QTableView", "QTableWidget", "QTabBar", "QComboBox")]  # fmt: skip
    assert len(named) > 40
    assert all(section.toolTip() for section in widget.sections.values())
    tabs = widget.results.tabs
    assert all(tabs.tabToolTip(n) for n in range(tabs.count()))
    assert [type(w).__name__ + getattr(w, "text", str)() for w in silent] == []
