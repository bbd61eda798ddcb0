"""The workbench: six steps from a folder of scans to what really changed."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSize, QTimer
from qtpy.QtGui import QCursor
from qtpy.QtWidgets import QLabel, QProgressBar, QScrollArea, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_imgcompare import fluid, navigating
from napari_imgcompare.linked import Mode
from napari_imgcompare.stage import Stage
from napari_imgcompare.tables import next_step
from napari_imgcompare.viewers import in_cells
from napari_imgcompare.widgets.export import ExportStep
from napari_imgcompare.widgets.lesions import LesionsStep
from napari_imgcompare.widgets.markers import canvas_of, markers_on
from napari_imgcompare.widgets.parts import button, line
from napari_imgcompare.widgets.register import RegisterStep
from napari_imgcompare.widgets.results import ResultsStep
from napari_imgcompare.widgets.runner import Runner
from napari_imgcompare.widgets.study import StudyStep
from napari_imgcompare.widgets.tissues import TissuesStep
from napari_imgcompare.workspace import Workspace

MIN_WIDTH = 430
WIDTH = 550
"""At which no table is cut off; napari may give less on a small screen."""

STEPS = (
    ("1  Study", "Which visits and series there are, and what each series is for"),
    ("2  Register", "Bring all visits to the same anatomy, look at the fit, correct it"),
    ("3  Lesions", "Mark lesions and say what they are (Alt-N next, Alt-B previous)"),
    ("4  Compartments", "Tell living from dead tissue, and correct it with the brush"),
    ("5  Results", "What changed, by more than the measurement error or not"),
    ("6  Export", "Write the report, keep the session, or take one up"),
)
"""Title of each step and what it is for."""


FOLLOWING = {
    "study": "Register",
    "aligned": "Lesions",
    "lesions": "Compartments",
    "result": "Results",
}
"""The step that comes next when something of the workspace has changed."""


class CompareTimepoints(QWidget):
    """Compare timepoints, step by step; each step works alone once what it needs is there."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self._reached = 0
        self.workspace = Workspace()
        self.runner = Runner(self)
        self.stage = Stage(napari_viewer, self.workspace, soon=self.runner.soon)
        fluid.settle(napari_viewer)
        self.destroyed.connect(fluid.unsettle)
        self.markers = markers_on(napari_viewer)
        if self.markers is not None:
            self.markers.titles = self.stage.titles
            self.stage.looked.connect(self.markers.refresh)
        self.study = StudyStep(self.workspace, self.runner)
        self.register = RegisterStep(self.stage, self.runner)
        self.lesions = LesionsStep(
            self.stage, self.runner, visit_under_mouse=self.visit_under_mouse
        )
        self.tissues = TissuesStep(self.stage, self.runner)
        self.results = ResultsStep(self.stage, self.runner)
        self.export = ExportStep(self.stage, self.runner)
        self._lay_out()
        self._bind()
        self.setMinimumWidth(MIN_WIDTH)

    def visit_under_mouse(self) -> int | None:
        """Tell which visit's cell of the grid the mouse is in; None if that cannot be told."""
        scene, canvas = self.stage.scene, canvas_of(self.viewer)
        if scene is None or canvas is None or self.stage.mode is not Mode.SIDE_BY_SIDE:
            return None
        _, columns = in_cells(self.viewer)
        x = canvas.mapFromGlobal(QCursor.pos()).x()
        column = int(x * columns / max(1, canvas.width()))
        return scene.visits[column] if 0 <= column < len(scene.visits) else None

    def _lay_out(self) -> None:
        inner = QWidget()
        steps = QVBoxLayout(inner)
        steps.setSpacing(0)
        steps.setContentsMargins(0, 0, 0, 0)
        self.sections = {}
        for (title, tip), step in zip(
            STEPS,
            (self.study, self.register, self.lesions, self.tissues, self.results, self.export),
            strict=True,
        ):
            section = QCollapsible(title, expandedIcon="▾", collapsedIcon="▸")
            section.setDuration(0)
            section.addWidget(step)
            section.setToolTip(tip)
            if step is self.study:
                section.expand(animate=False)
            steps.addWidget(section)
            self.sections[title[3:]] = section
        steps.addStretch()
        self.area = area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inner)
        self.message = QLabel(next_step(self.workspace))
        self.message.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setToolTip("What is being done")
        self.cancel = button("Cancel", "Stop what is running; nothing is lost", self.runner.cancel)
        working = line(self.bar, self.cancel)
        working.setVisible(False)
        layout = QVBoxLayout(self)
        layout.addWidget(area)
        layout.addWidget(working)
        layout.addWidget(self.message)
        self.runner.busy.connect(working.setVisible)
        self.runner.progress.connect(self._progress)
        self.runner.failed.connect(self._fail)
        self.runner.said.connect(self._say)
        self.runner.done.connect(self._done)
        self.workspace.changed.connect(self._open_next)

    def _bind(self) -> None:
        for key, deed in (
            ("Alt-N", lambda _: navigating.step(self.stage, 1)),
            ("Alt-B", lambda _: navigating.step(self.stage, -1)),
            ("Alt-S", lambda _: self.stage.swap()),
            ("Alt-F", lambda _: self.register.flick()),
        ):
            self.viewer.bind_key(key, deed, overwrite=True)

    def _progress(self, step: int, total: int, text: str) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(max(0, step - 1))
        self._say(f"{text} …")

    def _say(self, text: str) -> None:
        self.message.setStyleSheet("")
        self.message.setText(text)

    def _done(self, title: str) -> None:
        doubts, self.workspace.doubts = self.workspace.doubts, ()
        self._say(" ".join(doubts) or f"{title}: done. {next_step(self.workspace)}".strip())

    def _fail(self, text: str) -> None:
        self.message.setStyleSheet("color: #E69F00;")
        self.message.setText(text)

    def _open_next(self, what: str) -> None:
        """Open the step that comes next when it is first reached, beside the one just done."""
        step = FOLLOWING.get(what)
        if what == "study":
            self._reached = 0
        if step is None or (what == "lesions" and not self.workspace.marked):
            return
        place = list(self.sections).index(step)
        if place <= self._reached:
            return  # from then on a person opens and closes as they like
        self._reached = place
        for n, section in enumerate(self.sections.values()):
            if n in (place - 1, place):
                section.expand(animate=False)
            else:
                section.collapse(animate=False)
        QTimer.singleShot(0, lambda: self._bring_into_view(self.sections[step]))

    def _bring_into_view(self, section: QWidget) -> None:
        """Scroll until a step is seen, its head at least."""
        bar, top = self.area.verticalScrollBar(), section.y()
        bottom = top + section.height() - self.area.viewport().height()
        bar.setValue(min(top, max(bar.value(), bottom)))

    def sizeHint(self) -> QSize:
        """Ask for room for the tables."""
        return super().sizeHint().expandedTo(QSize(WIDTH, 0))
