"""Tissues of a lesion over time, as stacked bars with the whole lesion's interval."""

from __future__ import annotations

import math

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QWidget

from imgcompare.model import WHOLE, Comparison, Measurement
from imgcompare.reporting.charts import STACK
from imgcompare.reporting.lookup import find_total
from imgcompare.reporting.svg import TISSUE_COLOURS

LEFT, BOTTOM, TOP, RIGHT = 44.0, 34.0, 26.0, 12.0
BAR = 0.45
MOST_TICKS = 5
NICE = (1.0, 2.0, 5.0, 10.0)
"""Ticks are these times a power of ten apart."""


class Plot(QWidget):
    """Bars of volume in mL, one per visit; colours as in the viewer and the report."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumHeight(200)
        self.setToolTip("Volume by tissue in mL; the whisker is the whole lesion's 95 % interval")
        self._comparison: Comparison | None = None
        self._lesion: int | None = None

    def show_lesion(self, comparison: Comparison | None, lesion: int | None) -> None:
        """Draw a lesion of a comparison; nothing for None."""
        self._comparison, self._lesion = comparison, lesion
        self.update()

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw."""
        comparison, lesion = self._comparison, self._lesion
        if comparison is None or lesion is None:
            return
        visits = comparison.course.timepoints
        tops = [
            m.ci_high if m.ci_high == m.ci_high else m.value
            for t in visits
            if (m := _volume(comparison, lesion, t.index, WHOLE)) is not None
        ]
        top = max([*tops, 1e-3]) * 1.08
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        high = self.height() - BOTTOM - TOP
        text = self.palette().text().color()

        def y(volume: float) -> float:
            return float(TOP + high * (1 - volume / top))

        painter.setPen(QPen(text, 1))
        for volume in nice_ticks(top):
            painter.drawText(QRectF(0, y(volume) - 8, LEFT - 6, 16), _RIGHT, f"{volume:.3g}")
            painter.drawLine(QPointF(LEFT, y(volume)), QPointF(LEFT + 4, y(volume)))
        painter.drawText(QRectF(0, 0, LEFT - 6, TOP - 10), _RIGHT, "mL")
        step = (self.width() - LEFT - RIGHT) / max(1, len(visits))
        for n, timepoint in enumerate(visits):
            x, below = LEFT + step * (n + 0.5), 0.0
            for tissue in STACK:
                m = _volume(comparison, lesion, timepoint.index, tissue.value)
                if m is None or not m.value > 0:
                    continue
                box = QRectF(
                    x - step * BAR / 2, y(below + m.value), step * BAR, high * m.value / top
                )
                painter.fillRect(box, QColor(TISSUE_COLOURS[tissue]))
                below += m.value
            whole = _volume(comparison, lesion, timepoint.index, WHOLE)
            painter.setPen(QPen(text, 1.5))
            if whole is not None and whole.ci_low == whole.ci_low:
                painter.drawLine(QPointF(x, y(whole.ci_low)), QPointF(x, y(whole.ci_high)))
            painter.drawText(
                QRectF(x - step / 2, self.height() - BOTTOM + 4, step, 20), _CENTRE, timepoint.name
            )
        painter.end()


def nice_ticks(top: float) -> list[float]:
    """Give round values from 0 up to a positive top, no more than a handful above 0."""
    size = 10.0 ** math.floor(math.log10(top / MOST_TICKS))
    step = next(size * n for n in NICE if top / (size * n) <= MOST_TICKS)
    return [step * n for n in range(math.floor(top / step) + 1)]


def _volume(
    comparison: Comparison, lesion: int, index: int, compartment: str
) -> Measurement | None:
    return find_total(comparison, lesion, index, compartment=compartment)


_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_CENTRE = Qt.AlignmentFlag.AlignCenter
