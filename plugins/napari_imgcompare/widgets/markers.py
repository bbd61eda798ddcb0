"""Letters at the edges of the canvas that say which side of the patient is which."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QLabel, QWidget

from napari_imgcompare.orientation import Edges, orient
from napari_imgcompare.viewers import grid_of, in_cells

STYLE = "color: #F0E442; background: transparent; font-weight: bold; font-size: 15px;"
MARGIN = 6


class Markers(QObject):
    """Keeps four letters per cell of a viewer's canvas right as it turns, splits and resizes."""

    def __init__(self, viewer: Any, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._viewer, self._canvas = viewer, canvas
        self._labels: list[QLabel] = []
        self.edges = Edges()
        dims, grid, layers = viewer.dims.events, grid_of(viewer).events, viewer.layers.events
        for event in (dims.order, dims.ndisplay, dims.axis_labels, grid.enabled, grid.shape):
            event.connect(self.refresh)
        for event in (layers.inserted, layers.removed, grid.stride):
            event.connect(self.refresh)
        canvas.installEventFilter(self)
        self.refresh()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the canvas when it is resized."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def refresh(self, _event: object = None) -> None:
        """Turn the camera the right way round and write the letters."""
        self.edges = orient(self._viewer) if len(self._viewer.layers) else Edges()
        rows, columns = in_cells(self._viewer)
        count = 4 * rows * columns
        while len(self._labels) > count:
            label = self._labels.pop()
            label.hide()
            label.deleteLater()
        while len(self._labels) < count:
            label = QLabel(self._canvas)
            label.setStyleSheet(STYLE)
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            self._labels.append(label)
        letters = (self.edges.left, self.edges.right, self.edges.top, self.edges.bottom)
        for n, label in enumerate(self._labels):
            label.setText(letters[n % 4])
            label.adjustSize()
            label.setVisible(bool(letters[n % 4]))
        self._place()

    def _place(self) -> None:
        rows, columns = in_cells(self._viewer)
        wide, high = self._canvas.width() / columns, self._canvas.height() / rows
        for n, label in enumerate(self._labels):
            row, column = divmod(n // 4, columns)
            w, h = label.width(), label.height()
            x, y = (
                (MARGIN, (high - h) / 2),
                (wide - w - MARGIN, (high - h) / 2),
                ((wide - w) / 2, MARGIN),
                ((wide - w) / 2, high - h - MARGIN),
            )[n % 4]
            label.move(int(column * wide + x), int(row * high + y))
            label.raise_()
