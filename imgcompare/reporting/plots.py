"""Axes, lines and markers of plots over time, as SVG that follows the page's colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from imgcompare.model import Comparison

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours that colour-blind readers can tell apart (Okabe & Ito 2008)."""

DAYS_PER_WEEK = 7
LEAST_LABEL_GAP = 34.0
LINE_HEIGHT = 14.0


@dataclass(frozen=True, slots=True)
class Frame:
    """Plot area in SVG units with linear scales."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    low: float
    high: float
    first: float
    last: float

    def x(self, value: float) -> float:
        """Place a time."""
        span = (self.last - self.first) or 1.0
        return self.left + (self.width - self.left - self.right) * (value - self.first) / span

    def y(self, value: float) -> float:
        """Place a value."""
        span = (self.high - self.low) or 1.0
        inner = self.height - self.top - self.bottom
        return self.top + inner * (self.high - value) / span

    @property
    def base(self) -> float:
        """Lower edge of the plot area."""
        return self.height - self.bottom

    @property
    def end(self) -> float:
        """Right edge of the plot area."""
        return self.width - self.right


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Where the timepoints of a course stand: in days from the baseline, or evenly spaced."""

    at: dict[int, float]
    to_scale: bool
    title: str

    def label(self, index: int) -> str:
        """Write when a timepoint was."""
        if not self.to_scale:
            return f"{self.at[index]:.0f}"
        return f"{self.at[index] / DAYS_PER_WEEK:.0f}"


def time_axis(comparison: Comparison) -> TimeAxis:
    """Place timepoints by their dates; one without a date stands between its neighbours."""
    visits = comparison.course.timepoints
    base = next(t for t in visits if t.index == comparison.course.baseline_index)
    if base.date is None or visits[0].date is None or visits[-1].date is None:
        return visit_axis(comparison)
    known = [t.index for t in visits if t.date]
    days = [float((t.date - base.date).days) for t in visits if t.date]
    at = {t.index: float(np.interp(t.index, known, days)) for t in visits}
    guessed = len(known) < len(visits)
    title = "weeks from baseline" + (" (undated visits between their neighbours)" * guessed)
    return TimeAxis(at, True, title)


def visit_axis(comparison: Comparison) -> TimeAxis:
    """Place timepoints evenly, whatever their dates."""
    visits = comparison.course.timepoints
    return TimeAxis({t.index: float(t.index) for t in visits}, False, "visits, not to scale")


def svg(frame: Frame, shapes: Sequence[str], *, alt: str) -> str:
    """Join shapes to a picture that says what it shows."""
    return (
        f'<svg class="chart" viewBox="0 0 {frame.width:g} {frame.height:g}" role="img" '
        f'aria-label="{escape(alt, quote=True)}">{"".join(shapes)}</svg>'
    )


def text(x: float, y: float, words: str, *, anchor: str = "start", css: str = "") -> str:
    """Write words."""
    kind = f' class="{css}"' if css else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{escape(words)}</text>'


def rule(frame: Frame, value: float, *, css: str = "grid") -> str:
    """Draw a horizontal line across the plot."""
    y = frame.y(value)
    return f'<line x1="{frame.left:g}" x2="{frame.end:g}" y1="{y:.1f}" y2="{y:.1f}" class="{css}"/>'


def value_axis(frame: Frame, step: float, *, title: str, unit: str = " %") -> list[str]:
    """Grid lines with their values, and the name of the axis."""
    shapes = []
    first = math.ceil(frame.low / step)
    for n in range(first, math.floor(frame.high / step) + 1):
        value = n * step
        sign = "+" if value > 0 else "−" if value < 0 else ""
        shapes.append(rule(frame, value, css="grid zero" if n == 0 else "grid"))
        shapes.append(
            text(frame.left - 6, frame.y(value) + 4, f"{sign}{abs(value):g}{unit}", anchor="end")
        )
    middle = (frame.top + frame.base) / 2
    shapes.append(
        f'<text x="13" y="{middle:.0f}" text-anchor="middle" '
        f'transform="rotate(-90 13 {middle:.0f})">{escape(title)}</text>'
    )
    return shapes


def time_ticks(frame: Frame, axis: TimeAxis) -> list[str]:
    """Mark the timepoints below the plot; labels that would touch are left out."""
    shapes, previous = [], -math.inf
    for index, at in sorted(axis.at.items(), key=lambda item: item[1]):
        x = frame.x(at)
        shapes.append(f'<path class="tick" d="M{x:.1f} {frame.base:.1f}v5"/>')
        if x - previous >= LEAST_LABEL_GAP:
            shapes.append(text(x, frame.base + 19, axis.label(index), anchor="middle"))
            previous = x
    shapes.append(text((frame.left + frame.end) / 2, frame.base + 37, axis.title, anchor="middle"))
    return shapes


def step_for(span: float, *, lines: int = 6) -> float:
    """Give a round step that makes about so many grid lines."""
    rough = max(span, 1e-9) / lines
    power = 10.0 ** math.floor(math.log10(rough))
    return next(f * power for f in (1.0, 2.0, 2.5, 5.0, 10.0) if f * power >= rough)


def spread(places: Sequence[float], *, low: float, high: float) -> list[float]:
    """Push labels apart that would touch, keeping their order and staying inside."""
    order = sorted(range(len(places)), key=lambda n: places[n])
    placed = list(places)
    previous = low - LINE_HEIGHT
    for n in order:
        placed[n] = max(places[n], previous + LINE_HEIGHT)
        previous = placed[n]
    limit = high
    for n in reversed(order):
        placed[n] = min(placed[n], limit)
        limit = placed[n] - LINE_HEIGHT
    return placed


def colour(position: int) -> str:
    """Colour of the n-th line."""
    return OKABE_ITO[position % len(OKABE_ITO)]
