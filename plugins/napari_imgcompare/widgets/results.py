"""Step 5: the figures. The finding, volumes with intervals, criteria side by side, a plot."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QComboBox, QLabel, QScrollArea, QTabWidget, QVBoxLayout, QWidget

from napari_imgcompare import editing, layers, navigating
from napari_imgcompare.overlays import Kind
from napari_imgcompare.stage import Stage
from napari_imgcompare.tables import (
    criteria_table,
    finding,
    observation_texts,
    results_table,
)
from napari_imgcompare.widgets.parts import Table, button, line
from napari_imgcompare.widgets.plot import Plot
from napari_imgcompare.widgets.runner import Runner

SETTLED_MS = 500
TAB_TIPS = (
    "Volume of every tissue at every visit, with its 95 % interval below, and what changed",
    "What each response criterion says at every visit",
    "What was noticed over time, where criteria disagree, and what to be careful about",
    "Tissues of a lesion from visit to visit",
)
UNMEASURED = "Not measured yet, or changed since: press Measure."


class ResultsStep(QWidget):
    """What changed, in which lesion, in which tissue, and what each criterion says."""

    def __init__(self, stage: Stage, runner: Runner) -> None:
        super().__init__()
        self.stage, self.runner, self.workspace = stage, runner, stage.workspace
        self.finding = QLabel(UNMEASURED)
        self.finding.setWordWrap(True)
        self.finding.setToolTip("The finding, as in the first line of the report")
        self.finding.setStyleSheet("font-weight: bold;")
        columns, _ = results_table(None)
        self.table = Table(columns, "Click a row: all views turn to that lesion", rows_shown=9)
        self.table.itemSelectionChanged.connect(self._go)
        self.criteria = Table(("criterion",), "What each response criterion says, and why (hover)")
        self.notes = QLabel()
        self.notes.setWordWrap(True)
        self.notes.setAlignment(Qt.AlignmentFlag.AlignTop)
        noted = QScrollArea()
        noted.setWidgetResizable(True)
        noted.setWidget(self.notes)
        self.plot = Plot()
        self.lesion = QComboBox()
        self.lesion.setToolTip("Lesion of the plot")
        self.lesion.activated.connect(lambda _: self._draw())
        tabs = QTabWidget()
        tabs.addTab(self.table, "Volumes")
        tabs.addTab(self.criteria, "Criteria")
        tabs.addTab(noted, "Observations")
        plotted = QWidget()
        column = QVBoxLayout(plotted)
        column.addWidget(self.lesion)
        column.addWidget(self.plot)
        tabs.addTab(plotted, "Over time")
        for n, tip in enumerate(TAB_TIPS):
            tabs.setTabToolTip(n, tip)
        self.tabs = tabs
        layout = QVBoxLayout(self)
        layout.addWidget(
            line(
                button("Measure", "Bring all figures up to date", self.measure),
                button("Show diameter", "Turn to the plane it was measured in", self.diameter),
            )
        )
        layout.addWidget(self.finding)
        layout.addWidget(tabs)
        warning = QLabel("Research tool, not for clinical use.")
        warning.setToolTip("Observations, never diagnoses")
        layout.addWidget(warning)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(SETTLED_MS)
        self._settled.timeout.connect(self._take_diameters)
        self._drawn_on: Any = None
        self.workspace.changed.connect(self._follow)
        stage.viewer.layers.events.inserted.connect(self._watch)

    def measure(self) -> None:
        """Bring all figures up to date."""
        self.runner.start(self.workspace.measuring)

    def diameter(self) -> None:
        """Turn to the longest diameter of the chosen lesion, or of the first."""
        lesion = self.table.lesion() or min(self.workspace.lesions, default=0)
        shown: list[str] = []
        if self.runner.act(lambda: shown.append(navigating.show_diameter(self.stage, lesion))):
            self.runner.said.emit(f"{shown[0]}. Press again for the next visit.")

    def _follow(self, what: str) -> None:
        if what not in ("study", "lesions", "result"):
            return
        result = self.workspace.result
        text = finding(result) or UNMEASURED
        self.finding.setText(text.replace(" %", "\N{NO-BREAK SPACE}%"))
        columns, rows = results_table(result)
        self.table.set_columns(columns)
        self.table.fill(rows)
        columns, rows = criteria_table(result)
        self.criteria.set_columns(columns)
        self.criteria.fill(rows)
        self.notes.setText("\n\n".join(observation_texts(result)))
        self.lesion.clear()
        for lesion in result.lesions if result is not None else ():
            self.lesion.addItem(f"lesion {lesion.id} {lesion.name}".strip(), lesion.id)
        self._draw()

    def _draw(self) -> None:
        self.plot.show_lesion(self.workspace.result, self.lesion.currentData())

    def _go(self) -> None:
        lesion = self.table.lesion()
        if lesion is not None:
            navigating.go_to(self.stage, lesion)

    def _watch(self, event: Any) -> None:
        layer = event.value
        if layers.remembered(layer).get("kind") == Kind.DIAMETERS:
            layer.events.data.connect(lambda _=None: self._dragged(layer))

    def _dragged(self, layer: Any) -> None:
        self._drawn_on = layer
        self._settled.start()

    def _take_diameters(self) -> None:
        layer = self._drawn_on
        if layer is None or layer not in self.stage.viewer.layers:
            return
        if self.runner.is_busy:
            self._settled.start()
            return
        changed: list[bool] = []
        self.runner.act(lambda: changed.append(editing.take_diameters(self.stage, layer)))
        if any(changed):
            self.measure()
