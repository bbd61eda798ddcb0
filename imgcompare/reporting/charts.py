"""Charts of compartment volumes over time, drawn as SVG that follows the page's colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from imgcompare.model import WHOLE, Comparison, Lesion, Measurement, Tissue
from imgcompare.reporting.findings import NEGLIGIBLE_SHARE
from imgcompare.reporting.lookup import find_total
from imgcompare.reporting.svg import TISSUE_COLOURS
from imgcompare.reporting.wording import COMPARTMENT_NAMES, number, timepoint

WIDTH, HEIGHT = 520.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 54.0, 120.0, 16.0, 46.0
BAR = 34.0
MIN_GAP = 76.0
"""Date labels closer than this would touch; such dates are spread evenly instead."""

MIN_LABEL = 11.0
STACK = (
    *(Tissue.ENHANCING, Tissue.NON_ENHANCING, Tissue.HAEMORRHAGE),
    *(Tissue.NECROTIC, Tissue.CYSTIC),
)
"""Bottom to top: enhancing tissue stands on the axis, so that it can be compared by eye."""


@dataclass(frozen=True, slots=True)
class _Column:
    """One timepoint: where it stands and what it measured."""

    x: float
    label: str
    parts: dict[Tissue, Measurement]
    whole: Measurement | None


@dataclass(frozen=True, slots=True)
class _Axis:
    """Vertical axis from 0 to ``top`` mL."""

    top: float
    step: float

    def y(self, volume_ml: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * volume_ml / self.top


def volume_chart(comparison: Comparison, lesion: Lesion) -> str:
    """Draw a lesion's compartments as stacked bars, dates to scale, with 95 % intervals.

    Oedema is no part of the whole lesion and is left to the table. Empty if no volume is known.
    """
    columns = _columns(comparison, lesion)
    tops = [
        v
        for c in columns
        for v in (_top(c), c.whole.ci_high if c.whole else math.nan)
        if math.isfinite(v)
    ]
    if not tops or max(tops) <= 0:
        return ""
    axis = _axis(max(tops))
    shapes = [_grid(axis), *_bands(columns, axis)]
    shapes += [_column(column, axis) for column in columns]
    shapes.append(_names(columns[-1], axis))
    alt = f"Volumes of lesion {lesion.id} over time: " + "; ".join(map(_said, columns))
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" '
        f'aria-label="{escape(alt, quote=True)}">{"".join(shapes)}</svg>'
    )


def _columns(comparison: Comparison, lesion: Lesion) -> list[_Column]:
    indices = [r.index for r in comparison.results]
    xs = date_positions([_days(comparison, i) for i in indices])
    columns = []
    for index, x in zip(indices, xs, strict=True):
        parts = {
            tissue: m
            for tissue in STACK
            if (m := find_total(comparison, lesion.id, index, compartment=tissue.value))
        }
        whole = find_total(comparison, lesion.id, index)
        columns.append(_Column(x, timepoint(comparison, index).name, parts, whole))
    return columns


def date_positions(days: Sequence[int | None]) -> list[float]:
    """Place timepoints along the axis, to scale where all dates are known and far enough apart."""
    left, right = LEFT + BAR, WIDTH - RIGHT - BAR
    if len(days) == 1:
        return [(left + right) / 2.0]
    known = [d for d in days if d is not None]
    even = [left + (right - left) * n / (len(days) - 1) for n in range(len(days))]
    if len(known) < len(days) or known[-1] == known[0]:
        return even
    scale = (right - left) / (known[-1] - known[0])
    placed = [left + (d - known[0]) * scale for d in known]
    gaps = [b - a for a, b in pairwise(placed)]
    return placed if min(gaps) >= MIN_GAP else even


def dates_to_scale(comparison: Comparison) -> bool:
    """Tell whether the chart's dates stand to scale."""
    days = [_days(comparison, r.index) for r in comparison.results]
    known = [d for d in days if d is not None]
    if len(days) < 2 or len(known) < len(days) or known[-1] == known[0]:
        return False
    placed = date_positions(days)
    scale = (placed[-1] - placed[0]) / (known[-1] - known[0])
    want = [placed[0] + (d - known[0]) * scale for d in known]
    return all(abs(a - b) < 1e-6 for a, b in zip(placed, want, strict=True))


def _days(comparison: Comparison, index: int) -> int | None:
    date = timepoint(comparison, index).date
    return date.toordinal() if date else None


def _top(column: _Column) -> float:
    stacked = sum(m.value for m in column.parts.values())
    return max(stacked, column.whole.value if column.whole else 0.0)


def _axis(top: float) -> _Axis:
    rough = top * 1.05 / 5.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(f * power for f in (1.0, 2.0, 2.5, 5.0, 10.0) if f * power >= rough)
    return _Axis(step * math.ceil(top * 1.02 / step), step)


def _grid(axis: _Axis) -> str:
    right = WIDTH - RIGHT
    lines = []
    for n in range(round(axis.top / axis.step) + 1):
        y = axis.y(n * axis.step)
        lines.append(
            f'<line x1="{LEFT:g}" x2="{right:g}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
            f'<text x="{LEFT - 7:g}" y="{y + 4:.1f}" text-anchor="end">{n * axis.step:g}</text>'
        )
    return (
        "".join(lines) + f'<text x="14" y="{(TOP + HEIGHT - BOTTOM) / 2:.0f}" text-anchor="middle" '
        f'transform="rotate(-90 14 {(TOP + HEIGHT - BOTTOM) / 2:.0f})">volume, mL</text>'
    )


def _levels(column: _Column) -> dict[Tissue, tuple[float, float]]:
    """Lower and upper volume of each stacked part."""
    levels, height = {}, 0.0
    for tissue in STACK:
        value = column.parts[tissue].value if tissue in column.parts else 0.0
        levels[tissue] = (height, height + value)
        height += value
    return levels


def _bands(columns: Sequence[_Column], axis: _Axis) -> list[str]:
    """Pale bands that lead the eye from one bar to the next."""
    shapes = []
    for first, second in pairwise(columns):
        if not first.parts or not second.parts:
            continue
        a, b = _levels(first), _levels(second)
        x0, x1 = first.x + BAR / 2, second.x - BAR / 2
        for tissue in STACK:
            (a0, a1), (b0, b1) = a[tissue], b[tissue]
            if a1 - a0 + b1 - b0 <= 0:
                continue
            corners = ((x0, a0), (x0, a1), (x1, b1), (x1, b0))
            points = " ".join(f"{x:.1f},{axis.y(v):.1f}" for x, v in corners)
            colour = TISSUE_COLOURS[tissue]
            shapes.append(f'<polygon points="{points}" fill="{colour}" fill-opacity=".22"/>')
    return shapes


def _column(column: _Column, axis: _Axis) -> str:
    shapes = []
    left = column.x - BAR / 2
    for tissue, (low, high) in _levels(column).items():
        if high <= low:
            continue
        y, height = axis.y(high), axis.y(low) - axis.y(high)
        shapes.append(
            f'<rect x="{left:.1f}" y="{y:.1f}" width="{BAR:g}" height="{height:.1f}" '
            f'fill="{TISSUE_COLOURS[tissue]}" class="part"/>'
        )
    if not column.parts and column.whole:
        y = axis.y(column.whole.value)
        shapes.append(
            f'<rect x="{left:.1f}" y="{y:.1f}" width="{BAR:g}" '
            f'height="{axis.y(0) - y:.1f}" class="part whole"/>'
        )
    enhancing = column.parts.get(Tissue.ENHANCING)
    if enhancing and enhancing.value > 0:
        shapes.append(_whisker(enhancing, column.x - 6, axis))
    if column.whole:
        shapes.append(_whisker(column.whole, column.x + 6, axis))
    base = HEIGHT - BOTTOM
    shapes.append(
        f'<text x="{column.x:.1f}" y="{base + 18:.1f}" text-anchor="middle">'
        f"{escape(column.label)}</text>"
    )
    if column.whole:
        total = number(column.whole.value, column.whole.unit)
        shapes.append(
            f'<text x="{column.x:.1f}" y="{base + 35:.1f}" text-anchor="middle" class="strong">'
            f"{total}</text>"
        )
    return "".join(shapes)


def _whisker(m: Measurement, x: float, axis: _Axis) -> str:
    if not (math.isfinite(m.ci_low) and math.isfinite(m.ci_high)):
        return ""
    y0, y1 = axis.y(max(m.ci_low, 0.0)), axis.y(m.ci_high)
    return (
        f'<path class="whisker" d="M{x:.1f} {y0:.1f}V{y1:.1f}M{x - 4:.1f} {y0:.1f}h8'
        f'M{x - 4:.1f} {y1:.1f}h8"/>'
    )


def _names(column: _Column, axis: _Axis) -> str:
    """Name the parts beside the last bar, pushed apart where they would touch."""
    places = [
        (axis.y((low + high) / 2.0), tissue)
        for tissue, (low, high) in _levels(column).items()
        if high - low > NEGLIGIBLE_SHARE * axis.top
    ]
    labels, x = [], column.x + BAR / 2 + 8
    previous = math.inf
    for y, tissue in places:  # bottom to top, y falls
        placed = min(y, previous - MIN_LABEL - 3)
        previous = placed
        name = COMPARTMENT_NAMES[tissue.value]
        labels.append(
            f'<text x="{x + 12:.1f}" y="{placed + 4:.1f}">{name}</text>'
            f'<rect x="{x:.1f}" y="{placed - 4:.1f}" width="8" height="8" '
            f'fill="{TISSUE_COLOURS[tissue]}" class="part"/>'
        )
    return "".join(labels)


def _said(column: _Column) -> str:
    parts = [f"{COMPARTMENT_NAMES[t.value]} {number(m.value, m.unit)}"
             for t, m in column.parts.items()]  # fmt: skip
    whole = [f"{COMPARTMENT_NAMES[WHOLE]} {number(column.whole.value, column.whole.unit)}"] if (
        column.whole
    ) else []  # fmt: skip
    return f"{column.label}: " + ", ".join(whole + parts)
