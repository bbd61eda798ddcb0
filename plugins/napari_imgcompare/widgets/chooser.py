"""Asks which series of a folder to open, instead of opening fifty layers."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
)

from napari_imgcompare.framing import current_window
from napari_imgcompare.opening import Offer, preferred
from napari_imgcompare.widgets.parts import button, line


class Ticks(QListWidget):
    """A list in which Return means that the choice is made; Qt's own keeps the key to itself."""

    entered = Signal()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Hand Return on."""
        if event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        else:
            super().keyPressEvent(event)


class Chooser(QDialog):
    """A list of series with a tick each; those that a comparison would use are ticked."""

    def __init__(self, offers: Sequence[Offer]) -> None:
        super().__init__(QApplication.activeWindow() or current_window())
        self.setWindowTitle("imgcompare: which series?")
        self.resize(820, 480)
        self._offers = tuple(offers)
        self._list = Ticks()
        self._list.setToolTip(
            "Ticked series are opened, each as a layer in patient space; the space bar ticks too"
        )
        ticked = set(map(id, preferred(offers)))
        for offer in offers:
            item = QListWidgetItem(offer.title)
            first = offer.series[0]
            item.setToolTip(f"{first.role_reason}; {first.geometry}")
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(_state(id(offer) in ticked))
            self._list.addItem(item)
        self._list.setCurrentRow(0)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._open = buttons.button(QDialogButtonBox.StandardButton.Open)
        self._open.setDefault(True)
        self._list.entered.connect(self._open.click)
        self._list.itemChanged.connect(lambda _: self._count())
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(f"{len(offers)} series were found. Choose what to open:"))
        layout.addWidget(self._list)
        layout.addWidget(
            line(
                button("All", "Tick every series", lambda: self._tick(True)),
                button("None", "Tick no series", lambda: self._tick(False)),
            )
        )
        layout.addWidget(buttons)
        self._list.setFocus()
        self._count()

    def chosen(self) -> list[Offer]:
        """Give what is ticked."""
        return [
            offer
            for n, offer in enumerate(self._offers)
            if self._list.item(n).checkState() == Qt.CheckState.Checked
        ]

    def _tick(self, on: bool) -> None:
        for n in range(self._list.count()):
            self._list.item(n).setCheckState(_state(on))

    def _count(self) -> None:
        """Say how many would be opened; none cannot be."""
        ticked = len(self.chosen())
        self._open.setText(f"Open {ticked}")
        self._open.setToolTip("Open what is ticked" if ticked else "Tick a series first")
        self._open.setEnabled(ticked > 0)


def choose(offers: Sequence[Offer]) -> Sequence[Offer]:
    """Ask a person; nothing if they close the dialog."""
    dialog = Chooser(offers)
    return dialog.chosen() if dialog.exec() == QDialog.DialogCode.Accepted else []


def _state(ticked: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
