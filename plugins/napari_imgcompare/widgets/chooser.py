"""Asks which series of a folder to open, instead of opening fifty layers."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
)

from napari_imgcompare.opening import Offer, preferred


class Chooser(QDialog):
    """A list of series with a tick each; those that a comparison would use are ticked."""

    def __init__(self, offers: Sequence[Offer]) -> None:
        super().__init__(QApplication.activeWindow())
        self.setWindowTitle("imgcompare: which series?")
        self.resize(820, 480)
        self._offers = tuple(offers)
        self._list = QListWidget()
        self._list.setToolTip("Ticked series are opened, each as a layer in patient space")
        ticked = set(map(id, preferred(offers)))
        for offer in offers:
            item = QListWidgetItem(offer.title)
            item.setToolTip(offer.series[0].role_reason)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            chosen = id(offer) in ticked
            item.setCheckState(Qt.CheckState.Checked if chosen else Qt.CheckState.Unchecked)
            self._list.addItem(item)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(f"{len(offers)} series were found. Choose what to open:"))
        layout.addWidget(self._list)
        layout.addWidget(buttons)

    def chosen(self) -> list[Offer]:
        """Give what is ticked."""
        return [
            offer
            for n, offer in enumerate(self._offers)
            if self._list.item(n).checkState() == Qt.CheckState.Checked
        ]


def choose(offers: Sequence[Offer]) -> Sequence[Offer]:
    """Ask a person; nothing if they close the dialog."""
    dialog = Chooser(offers)
    return dialog.chosen() if dialog.exec() == QDialog.DialogCode.Accepted else []
