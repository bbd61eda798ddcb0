"""Step 2: bring the visits together, look at how well that went, correct it, accept it."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from napari_imgcompare import correcting
from napari_imgcompare.linked import Mode
from napari_imgcompare.stage import Stage
from napari_imgcompare.tables import ALIGNMENT_COLUMNS, ALIGNMENT_TIPS, alignment_rows
from napari_imgcompare.widgets.parts import Table, button, line
from napari_imgcompare.widgets.runner import Runner


class RegisterStep(QWidget):
    """Run the registration, look at it in several ways, correct it by hand, accept it."""

    def __init__(self, stage: Stage, runner: Runner) -> None:
        super().__init__()
        self.stage, self.runner, self.workspace = stage, runner, stage.workspace
        self._dragged: Any = None
        self.table = Table(
            ALIGNMENT_COLUMNS, "How well each follow-up fits the baseline", rows_shown=2
        )
        self.table.set_columns(ALIGNMENT_COLUMNS, ALIGNMENT_TIPS)
        self.mode = QComboBox()
        self.mode.addItems([m.value for m in Mode])
        self.mode.setToolTip("How to look at the visits: side by side, or over each other")
        self.mode.textActivated.connect(lambda text: runner.act(lambda: stage.look(Mode(text))))
        self.role = QComboBox()
        self.role.setToolTip("Which kind of series to look at")
        self.role.textActivated.connect(stage.show_role)
        self.visit = QComboBox()
        self.visit.setToolTip("The follow-up to correct or accept")
        layout = QVBoxLayout(self)
        layout.addWidget(
            button("Register", "Bring all series and visits together (about 10 s)", self.register)
        )
        layout.addWidget(self.table)
        layout.addWidget(line(QLabel("Look:"), self.mode, self.role))
        layout.addWidget(
            line(
                button("Flicker", "Turn to the next visit in the same place (Alt-F)", self.flick),
                button("Swap sides", "Exchange left and right (Alt-S)", stage.swap),
            )
        )
        layout.addWidget(line(QLabel("Follow-up:"), self.visit, self._accept_button()))
        layout.addWidget(
            line(
                button("Add landmarks", "Mark the same places in both visits", self.landmarks),
                button("Use landmarks", "Place the follow-up by three or more", self.use_landmarks),
            )
        )
        layout.addWidget(
            line(
                button("Drag", "Move and turn the follow-up with the mouse", self.drag),
                button("Use drag", "Keep the follow-up where it was dragged to", self.use_drag),
            )
        )
        self.workspace.changed.connect(self._follow)
        stage.looked.connect(lambda: self.mode.setCurrentText(stage.mode.value))

    def register(self) -> None:
        """Register, then show."""
        self.runner.start(self.workspace.align, self.show_images)

    def show_images(self) -> None:
        """Show the visits as they are aligned now."""
        self.runner.start(self.stage.show_images)

    def flick(self) -> None:
        """Turn to the next visit."""
        self.runner.act(self.stage.flick)

    def accept(self) -> None:
        """Accept the alignment of the chosen follow-up."""
        self.runner.act(lambda: self.workspace.accept_alignment(self._index()))

    def landmarks(self) -> None:
        """Add layers for landmarks."""
        self.runner.act(lambda: correcting.add_landmarks(self.stage, self._index()))

    def use_landmarks(self) -> None:
        """Place the follow-up by landmarks and show it there."""
        if self.runner.act(lambda: correcting.take_landmarks(self.stage, self._index())):
            self.show_images()

    def drag(self) -> None:
        """Let the follow-up be dragged."""

        def begin() -> None:
            self.stage.look(Mode.BLEND)
            self._dragged = correcting.start_drag(self.stage, self._index())

        self.runner.act(begin)

    def use_drag(self) -> None:
        """Keep the follow-up where it was dragged to."""

        def take() -> None:
            layer = self._dragged or correcting.start_drag(self.stage, self._index())
            correcting.take_drag(self.stage, self._index(), layer)

        if self.runner.act(take):
            self._dragged = None
            self.show_images()

    def _accept_button(self) -> QWidget:
        return button("Accept", "Write down that you looked and agree", self.accept)

    def _index(self) -> int:
        self.workspace.require_aligned()
        return int(self.visit.currentData() or 0)

    def _follow(self, what: str) -> None:
        if what not in ("study", "aligned"):
            return
        self.table.fill(alignment_rows(self.workspace))
        course = self.workspace.course
        self.visit.clear()
        self.role.clear()
        if course is None:
            return
        for timepoint in course.timepoints:
            if timepoint.index != course.baseline_index:
                self.visit.addItem(timepoint.name, timepoint.index)
        roles = dict.fromkeys(r.value for a in self.workspace.aligned.values() for r in a.images)
        self.role.addItems(list(roles))
        for one in self.workspace.aligned.values():
            self.role.setCurrentText(one.reference_role.value)
