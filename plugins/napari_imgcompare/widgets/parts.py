"""Small parts that all steps share: buttons with tooltips, tables, rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_imgcompare.tables import Row

LESION = Qt.ItemDataRole.UserRole
"""Where a table row keeps the lesion it is about."""


def button(
    text: str, tip: str, pressed: Callable[[], object], *, check: bool = False
) -> QPushButton:
    """Give a button; every control says what it does."""
    made = QPushButton(text)
    made.setToolTip(tip)
    made.setCheckable(check)
    made.clicked.connect(lambda *_: pressed())
    return made


def line(*widgets: QWidget) -> QWidget:
    """Put widgets beside each other."""
    holder = QWidget()
    layout = QHBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget, 0 if isinstance(widget, QLabel) else 1)
    return holder


class Table(QTableWidget):
    """A read-only table of rows that may each be about a lesion."""

    def __init__(self, columns: Sequence[str], tip: str, *, rows_shown: int = 6) -> None:
        super().__init__()
        self.setToolTip(tip)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.setMinimumHeight(28 + 24 * rows_shown)
        self.setMaximumHeight(48 + 34 * rows_shown)
        self.set_columns(columns)

    def set_columns(self, columns: Sequence[str], tips: Sequence[str] = ()) -> None:
        """Name the columns, and say what is in them when the mouse rests on their names."""
        self.setColumnCount(len(columns))
        self.setHorizontalHeaderLabels(list(columns))
        for place, tip in enumerate(tips):
            self.horizontalHeaderItem(place).setToolTip(tip)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        header.setHighlightSections(False)

    def fill(self, rows: Sequence[Row]) -> None:
        """Show rows, keeping the chosen lesion where it still is."""
        chosen = self.lesion()
        self.blockSignals(True)
        self.setRowCount(len(rows))
        for r, row in enumerate(rows):
            for c, text in enumerate(row.cells):
                item = QTableWidgetItem(text)
                item.setData(LESION, row.lesion)
                item.setToolTip(row.tip or text)
                self.setItem(r, c, item)
        self.blockSignals(False)
        if chosen is not None:
            self.choose(chosen)

    def lesion(self) -> int | None:
        """Give the lesion of the current row."""
        item = self.item(self.currentRow(), 0)
        value = None if item is None else item.data(LESION)
        return None if value is None else int(value)

    def lesions(self) -> list[int]:
        """Give the lesions of all selected rows, in order."""
        rows = sorted({index.row() for index in self.selectedIndexes()})
        found = [self.item(row, 0).data(LESION) for row in rows]
        return [int(value) for value in found if value is not None]

    def choose(self, lesion: int) -> None:
        """Make the first row of a lesion current."""
        for row in range(self.rowCount()):
            if self.item(row, 0).data(LESION) == lesion:
                self.setCurrentCell(row, 0)
                return
