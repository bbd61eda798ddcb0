"""Step 4: what the lesions consist of. Run it, correct it with the brush, look at the change."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from imgcompare.model import TISSUE_CODES, WHOLE, Tissue
from imgcompare.reporting.svg import TISSUE_COLOURS
from imgcompare.reporting.wording import COMPARTMENT_NAMES
from napari_imgcompare import editing, keeping, layers, maps
from napari_imgcompare.overlays import Kind
from napari_imgcompare.stage import Stage
from napari_imgcompare.widgets.parts import button, line
from napari_imgcompare.widgets.runner import Runner

SETTLED_MS = 600
"""Measurements follow an edit when the brush has rested this long."""


class TissuesStep(QWidget):
    """Tell tissues apart, and let measurements follow what a person paints."""

    def __init__(self, stage: Stage, runner: Runner) -> None:
        super().__init__()
        self.stage, self.runner, self.workspace = stage, runner, stage.workspace
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(SETTLED_MS)
        self._settled.timeout.connect(self.take_edits)
        self.heat = button(
            "Enhancement",
            "Show what contrast adds, as a heat map; press again for the tissues",
            self.enhancement,
            check=True,
        )
        self.grown = button(
            "Show",
            "Vermilion where it grew, blue where it shrank; press again for the tissues",
            self.growth,
            check=True,
        )
        self.change = QComboBox()
        for compartment in (WHOLE, Tissue.ENHANCING.value):
            self.change.addItem(COMPARTMENT_NAMES[compartment], compartment)
        self.change.setToolTip("What to compare between the first and the last visit")
        self.brush = QComboBox()
        for tissue, code in TISSUE_CODES.items():
            self.brush.addItem(f"{code}  {COMPARTMENT_NAMES[tissue.value]}", code)
        self.brush.setToolTip("Tissue that the brush of the tissue layer paints")
        self.brush.activated.connect(lambda _: self.paint())
        legend = QLabel(
            "  ".join(
                f"<font color='{colour}'>■</font>&nbsp;{COMPARTMENT_NAMES[tissue.value]}"
                for tissue, colour in TISSUE_COLOURS.items()
            )
        )
        legend.setWordWrap(True)
        legend.setToolTip("The same colours as in the report; told apart by the colour-blind")
        layout = QVBoxLayout(self)
        layout.addWidget(
            line(
                button("Tell tissues apart", "For every lesion not yet done", self.tell),
                self.heat,
            )
        )
        layout.addWidget(legend)
        layout.addWidget(line(QLabel("Brush:"), self.brush))
        layout.addWidget(
            line(
                QLabel("Growth map:"),
                self.change,
                self.grown,
                button("3-D", "Surfaces in the colours of the tissues", self.surfaces),
            )
        )
        stage.viewer.layers.events.inserted.connect(self._watch)
        runner.busy.connect(self._press_down)

    def tell(self) -> None:
        """Tell the tissues of all lesions apart, then measure."""
        self.runner.start(self.workspace.tell_tissues, self.measure)

    def measure(self) -> None:
        """Bring the results up to date."""
        self.runner.start(self.workspace.measuring)

    def enhancement(self) -> None:
        """Show the matched subtraction, or the tissues again."""
        if not self._back_from(Kind.ENHANCEMENT):
            self.runner.start(lambda: maps.show_enhancement(self.stage))
        self._press_down()

    def growth(self) -> None:
        """Show where lesions grew and shrank, or the tissues again."""
        if not self._back_from(Kind.CHANGE):
            compartment = str(self.change.currentData())
            self.runner.start(lambda: maps.show_change(self.stage, compartment))
        self._press_down()

    def surfaces(self) -> None:
        """Turn to 3-D."""
        self.runner.start(lambda: maps.show_surfaces(self.stage))

    def _back_from(self, kind: Kind) -> bool:
        """Turn from a map back to the tissues, if it is in sight."""
        if not any(layer.visible for layer in keeping.find(self.stage.viewer, kind)):
            return False
        self.stage.hide(kind)
        self.stage.reveal(Kind.TISSUES)
        return True

    def _press_down(self) -> None:
        """Leave the buttons of maps in sight pressed down."""
        for control, kind in ((self.heat, Kind.ENHANCEMENT), (self.grown, Kind.CHANGE)):
            shown = keeping.find(self.stage.viewer, kind)
            control.setChecked(any(layer.visible for layer in shown))

    def paint(self) -> None:
        """Take the brush for the chosen tissue on the tissue layer that is active."""
        for layer in [self.stage.viewer.layers.selection.active, *self.stage.viewer.layers]:
            if layer is not None and layers.remembered(layer).get("kind") == Kind.TISSUES:
                self.stage.viewer.layers.selection.active = layer
                layer.selected_label = int(self.brush.currentData())
                layer.mode = "paint"
                return
        self.runner.failed.emit("Tell the tissues apart first; then the brush can correct them.")

    def take_edits(self) -> None:
        """Let regions and measurements follow what was painted."""
        if self.runner.is_busy:
            self._settled.start()
        elif editing.is_painted(self.stage):
            self.runner.start(lambda: editing.take_edits(self.stage), self._edited)

    def _edited(self) -> None:
        if editing.is_painted(self.stage):  # the brush went on in the meantime
            self._settled.start()
        else:
            self.measure()

    def _watch(self, event: Any) -> None:
        layer = event.value
        if layers.remembered(layer).get("kind") == Kind.TISSUES:
            layer.events.paint.connect(lambda _=None: self._settled.start())
