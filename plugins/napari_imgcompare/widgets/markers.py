"""What a view of a patient needs around it: which side is which, how large, and when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QLabel, QWidget

from napari_imgcompare.orientation import Edges, orient, patient_axes
from napari_imgcompare.viewers import camera_of, grid_of, in_cells, scale_bar_of

STYLE = "color: #F0E442; background: transparent; font-weight: bold; font-size: 15px;"
TITLE_STYLE = "color: white; background: rgba(0, 0, 0, 120); font-size: 13px; padding: 2px;"
MARGIN = 6
NARROW_PX = 420
"""In cells narrower than this, title and scale bar reach the middle; letters make way."""

UNDER_TITLE_PX, OVER_BAR_PX = 26, 44
PER_CELL = 5
"""Left, right, top, bottom, and the title."""


class Markers(QObject):
    """Keeps letters and titles of a canvas right as it turns, splits and resizes.

    Attributes
    ----------
    edges : Edges
        The letters shown.
    titles : callable
        Gives the title of every cell; none by default.
    """

    def __init__(self, viewer: Any, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._viewer, self._canvas = viewer, canvas
        self._labels: list[QLabel] = []
        self._is_patient = False
        self.edges = Edges()
        self.titles: Callable[[], Sequence[str]] = tuple
        dims, grid, layers = viewer.dims.events, grid_of(viewer).events, viewer.layers.events
        for event in (dims.order, dims.ndisplay, dims.axis_labels, grid.enabled, grid.shape):
            event.connect(self.refresh)
        for event in (layers.inserted, layers.removed, grid.stride):
            event.connect(self.refresh)
        camera_of(viewer).events.angles.connect(self._turned)
        canvas.installEventFilter(self)
        self.refresh()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the canvas when it is resized."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def refresh(self, _event: object = None) -> None:
        """Turn the camera the right way round and write letters and titles."""
        self.edges = orient(self._viewer)
        came, self._is_patient = not self._is_patient, bool(patient_axes(self._viewer))
        if came and self._is_patient:
            scale_bar_of(self._viewer).visible = True
        rows, columns = in_cells(self._viewer)
        self._provide(PER_CELL * rows * columns)
        titles = list(self.titles())
        for n, label in enumerate(self._labels):
            cell, part = divmod(n, PER_CELL)
            letters = (self.edges.left, self.edges.right, self.edges.top, self.edges.bottom)
            title = titles[cell] if cell < len(titles) else ""
            label.setText((*letters, title)[part])
            label.adjustSize()
            label.setVisible(bool(label.text()))
        self._place()

    def _turned(self, _event: object = None) -> None:
        """Write the letters anew while a person turns the 3-D view."""
        if self._viewer.dims.ndisplay == 3:
            self.refresh()

    def _provide(self, count: int) -> None:
        while len(self._labels) > count:
            label = self._labels.pop()
            label.hide()
            label.deleteLater()
        while len(self._labels) < count:
            label = QLabel(self._canvas)
            is_title = len(self._labels) % PER_CELL == PER_CELL - 1
            label.setStyleSheet(TITLE_STYLE if is_title else STYLE)
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            self._labels.append(label)

    def _place(self) -> None:
        rows, columns = in_cells(self._viewer)
        wide, high = self._canvas.width() / columns, self._canvas.height() / rows
        narrow = wide < NARROW_PX
        for n, label in enumerate(self._labels):
            row, column = divmod(n // PER_CELL, columns)
            w, h = label.width(), label.height()
            x, y = (
                (MARGIN, (high - h) / 2),
                (wide - w - MARGIN, (high - h) / 2),
                ((wide - w) / 2, MARGIN + (UNDER_TITLE_PX if narrow else 0)),
                ((wide - w) / 2, high - h - MARGIN - (OVER_BAR_PX if narrow else 0)),
                (MARGIN, MARGIN),
            )[n % PER_CELL]
            label.move(int(column * wide + x), int(row * high + y))
            label.raise_()


def canvas_of(viewer: Any) -> QWidget | None:
    """Give the canvas of a viewer; None for one without a window."""
    window = getattr(viewer, "window", None)
    return window._qt_viewer.canvas.native if window is not None else None


def markers_on(viewer: Any) -> Markers | None:
    """Give the markers of a viewer, added on first use; None for one without a window."""
    canvas = canvas_of(viewer)
    if canvas is None:
        return None
    return canvas.findChild(Markers) or Markers(viewer, canvas)
