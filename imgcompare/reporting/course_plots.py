"""Spider, waterfall and swimmer plots of a course and of a cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from imgcompare.model import (
    WHOLE,
    Category,
    ClinicalEvent,
    Comparison,
    Direction,
    Lesion,
    LesionRole,
)
from imgcompare.reporting import plots
from imgcompare.reporting.categories import direction
from imgcompare.reporting.criteria_table import FIRST_CHOICE, criteria_rows
from imgcompare.reporting.lookup import ENHANCING, VOLUME, find_total
from imgcompare.reporting.wording import lesion_name, percent, signed

WIDTH, SPIDER_HEIGHT = 520.0, 300.0
LEFT, LANE, BAR = 74.0, 26.0, 30.0

DIAMETERS, ENHANCEMENT, WHOLE_VOLUME = "diameter", "enhancing volume", "whole volume"

LIMITS = {DIAMETERS: (-30.0, 20.0), ENHANCEMENT: (-65.0, 40.0), WHOLE_VOLUME: (-65.7, 72.8)}
"""Dashed guides: RECIST 1.1; volumes of RANO 2.0; volumes of a sphere by RECIST."""

COLOURS = {
    Direction.RESPONSE: "#009E73",
    Direction.STABLE: "#56B4E9",
    Direction.PROGRESSION: "#D55E00",
    Direction.NONE: "#8A94A0",
}
CHARACTER = 7.8
"""Width of a letter of a label."""

MOST_LABELS = 12
"""More lines than this go without names at their ends."""

MOST_ABOVE = 200.0
"""Changes above this are drawn at this height, with their figure beside them."""


@dataclass(frozen=True, slots=True)
class Line:
    """Change from baseline of one lesion, or one subject, over time."""

    name: str
    points: tuple[tuple[float, float], ...]


def spider_plot(comparison: Comparison, what: str = DIAMETERS) -> str:
    """Draw each lesion's change from baseline over time; empty if there is none."""
    axis = plots.time_axis(comparison)
    lines = [
        line
        for lesion in comparison.lesions
        if len((line := _line(comparison, lesion, what, axis)).points) > 1
    ]
    return _spider(lines, axis, what)


def cohort_spider(comparisons: Sequence[Comparison]) -> str:
    """Draw each subject's sum of diameters over time; empty if there is none."""
    codes, axes = evaluator_codes(comparisons), _axes(comparisons)
    lines = [
        Line(_name(comparison, codes), tuple(points))
        for comparison, axis in zip(comparisons, axes, strict=True)
        if len(points := _sum_points(comparison, axis)) > 1
    ]
    if not lines:
        return ""
    times = sorted({x for line in lines for x, _ in line.points})
    return _spider(lines, _common(times, axes), "sum of diameters")


def waterfall_plot(comparison: Comparison) -> str:
    """Draw each lesion's largest decrease, or smallest increase, of diameter; empty without."""
    axis = plots.time_axis(comparison)
    bars = []
    for lesion in comparison.lesions:
        line = _line(comparison, lesion, DIAMETERS, axis)
        later = [v for at, v in line.points if at > 0]
        if later:
            bars.append((line.name, min(later)))
    return _waterfall(bars, "best change of diameter", LIMITS[DIAMETERS])


def cohort_waterfall(comparisons: Sequence[Comparison]) -> str:
    """Draw each subject's best change of the sum of diameters; empty without."""
    bars, codes = [], evaluator_codes(comparisons)
    for comparison in comparisons:
        points = _sum_points(comparison, plots.time_axis(comparison))
        later = [v for at, v in points if at > 0]
        if later:
            bars.append((_name(comparison, codes), min(later)))
    return _waterfall(bars, "best change of the sum of diameters", LIMITS[DIAMETERS])


def swimmer_plot(comparison: Comparison) -> str:
    """Draw a lane per criterion with its category at each timepoint, dates to scale."""
    lanes = []
    for row in criteria_rows(comparison):
        own = [a for a in comparison.assessments if a.criterion == row.criterion]
        if row.has_figure:
            lanes.append((row.criterion, {a.timepoint_index: a.category for a in own}))
    axis = plots.time_axis(comparison)
    events = _events(comparison, axis)
    return _swimmer([(n, axis, cells) for n, cells in lanes], axis, events)


def cohort_swimmer(comparisons: Sequence[Comparison]) -> str:
    """Draw a lane per subject and evaluator with RECIST categories."""
    codes, axes = evaluator_codes(comparisons), _axes(comparisons)
    lanes = []
    for comparison, axis in zip(comparisons, axes, strict=True):
        own = {
            a.timepoint_index: a.category
            for a in comparison.assessments
            if a.criterion == FIRST_CHOICE
        }
        if own:
            lanes.append((_name(comparison, codes), axis, own))
    if not lanes:
        return ""
    times = sorted({at for _, axis, _ in lanes for at in axis.at.values()})
    return _swimmer(lanes, _common(times, axes), [])


def _common(times: Sequence[float], axes: Sequence[plots.TimeAxis]) -> plots.TimeAxis:
    """Give one axis for several courses."""
    return plots.TimeAxis(dict(enumerate(times)), axes[0].to_scale, axes[0].title)


def evaluator_codes(comparisons: Sequence[Comparison]) -> dict[str, str]:
    """Give each evaluator a short name, R1, R2, ...; none where there is one only."""
    readers = list(dict.fromkeys(c.evaluator for c in comparisons))
    return {r: f"R{n}" for n, r in enumerate(readers, start=1)} if len(readers) > 1 else {}


def _name(comparison: Comparison, codes: Mapping[str, str]) -> str:
    parts = (comparison.course.subject, codes.get(comparison.evaluator, ""))
    return " ".join(p for p in parts if p)


def _axes(comparisons: Sequence[Comparison]) -> list[plots.TimeAxis]:
    """Give the axes of all courses, by visits as soon as one of them has no dates."""
    found = [plots.time_axis(c) for c in comparisons]
    if all(axis.to_scale for axis in found):
        return found
    return [plots.visit_axis(c) for c in comparisons]


def _figure(what: str, lesion: Lesion) -> tuple[str, str]:
    if what == ENHANCEMENT:
        return ENHANCING, VOLUME
    if what == WHOLE_VOLUME:
        return WHOLE, VOLUME
    return WHOLE, "short_axis" if lesion.nodal else "longest_diameter"


def _line(comparison: Comparison, lesion: Lesion, what: str, axis: plots.TimeAxis) -> Line:
    """Points of one lesion in percent of its baseline; none without a baseline above 0."""
    compartment, quantity = _figure(what, lesion)
    values = {
        index: m.value
        for index in axis.at
        if (m := find_total(
            comparison, lesion.id, index, compartment=compartment, quantity=quantity
        ))
    }  # fmt: skip
    base = values.get(comparison.course.baseline_index, 0.0)
    if base <= 0 or lesion.role is LesionRole.NEW:
        return Line(lesion_name(lesion), ())
    points = sorted((axis.at[i], 100.0 * (v / base - 1.0)) for i, v in values.items())
    return Line(lesion_name(lesion), tuple(points))


def _sum_points(comparison: Comparison, axis: plots.TimeAxis) -> list[tuple[float, float]]:
    """Give sums of diameters as RECIST added them up, in percent of the baseline."""
    own = {
        a.timepoint_index: a
        for a in comparison.assessments
        if a.criterion == FIRST_CHOICE and a.value is not None and a.category != Category.NE
    }
    base = own.get(comparison.course.baseline_index)
    if base is None or not base.value:
        return []
    return sorted(
        (axis.at[i], 100.0 * ((a.value or 0.0) / base.value - 1.0)) for i, a in own.items()
    )


def _spider(lines: Sequence[Line], axis: plots.TimeAxis, what: str) -> str:
    if not lines:
        return ""
    limits = LIMITS.get(what, LIMITS[DIAMETERS])
    values = [min(v, MOST_ABOVE) for line in lines for _, v in line.points]
    low, high = min(-40.0, limits[0], *values) - 5, max(30.0, limits[1], *values) + 8
    times = list(axis.at.values())
    names = [f"{line.name} {percent(line.points[-1][1])}" for line in lines]
    named = len(lines) <= MOST_LABELS
    right = 14 + CHARACTER * max(map(len, names)) if named else 12
    frame = plots.Frame(
        WIDTH, SPIDER_HEIGHT, LEFT, right, 12, 48, low, high, min(times), max(times)
    )
    shapes = plots.value_axis(frame, plots.step_for(high - low), title=f"change of {what}")
    shapes += [plots.rule(frame, limit, css="limit") for limit in limits]
    shapes += plots.time_ticks(frame, axis)
    ends = [frame.y(min(line.points[-1][1], MOST_ABOVE)) for line in lines]
    labels = plots.spread(ends, low=frame.top + 6, high=frame.base)
    for n, (line, name, label) in enumerate(zip(lines, names, labels, strict=True)):
        shapes += _drawn(line, frame, plots.colour(n), name)
        if named:
            shapes += _labelled(line, frame, name, label)
    said = "; ".join(names)
    return plots.svg(frame, shapes, alt=f"Change of {what} from baseline over time: {said}")


def _drawn(line: Line, frame: plots.Frame, colour: str, name: str) -> list[str]:
    """Draw a line with its markers; pointing at it shows its name."""
    places = [(frame.x(at), frame.y(min(v, MOST_ABOVE))) for at, v in line.points]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    marks = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" fill="{colour}"/>' for x, y in places
    )
    return [
        f'<g><title>{escape(name)}</title><path d="{path}" fill="none" stroke="{colour}" '
        f'stroke-width="2"/>{marks}</g>'
    ]


def _labelled(line: Line, frame: plots.Frame, name: str, label: float) -> list[str]:
    """Write the name of a line at its end."""
    at, value = line.points[-1]
    start = f"{frame.x(at) + 4:.1f} {frame.y(min(value, MOST_ABOVE)):.1f}"
    stop = f"{frame.end + 6:.1f} {label:.1f}"
    return [
        f'<path class="lead" d="M{start}L{stop}"/>',
        plots.text(frame.end + 9, label + 4, name),
    ]


def _waterfall(bars: Sequence[tuple[str, float]], what: str, limits: tuple[float, float]) -> str:
    """Draw bars from the largest increase to the largest decrease."""
    if not bars:
        return ""
    ordered = sorted(bars, key=lambda bar: -bar[1])
    shown = [min(v, MOST_ABOVE) for _, v in ordered]
    low, high = min(-40.0, *shown) - 14, max(30.0, *shown) + 10
    width = max(WIDTH, LEFT + (BAR + 10) * len(ordered) + 14)
    bottom = 24 + 0.6 * CHARACTER * max(len(name) for name, _ in ordered)
    frame = plots.Frame(width, SPIDER_HEIGHT, LEFT, 10, 12, bottom, low, high, 0, len(ordered))
    shapes = plots.value_axis(frame, plots.step_for(high - low), title=what)
    shapes += [plots.rule(frame, limit, css="limit") for limit in limits]
    for n, (name, value) in enumerate(ordered):
        top = min(value, MOST_ABOVE)
        x, y0, y1 = frame.x(n + 0.5), frame.y(max(top, 0.0)), frame.y(min(top, 0.0))
        way = (
            Direction.RESPONSE if value <= limits[0]
            else Direction.PROGRESSION if value >= limits[1] else Direction.STABLE
        )  # fmt: skip
        shapes.append(
            f'<rect x="{x - BAR / 2:.1f}" y="{y0:.1f}" width="{BAR:g}" '
            f'height="{max(y1 - y0, 1.5):.1f}" fill="{COLOURS[way]}"/>'
        )
        place = y0 - 4 if value >= 0 else y1 + 13
        shapes.append(plots.text(x, place, _whole(value), anchor="middle"))
        shapes.append(
            f'<text x="{x:.1f}" y="{frame.base + 12:.1f}" text-anchor="end" '
            f'transform="rotate(-35 {x:.1f} {frame.base + 12:.1f})">{escape(name)}</text>'
        )
    said = "; ".join(f"{name} {_whole(value)} %" for name, value in ordered)
    return plots.svg(frame, shapes, alt=f"{what}: {said}")


def _whole(value: float) -> str:
    """Write a change in whole percent with a true minus."""
    return signed(f"{abs(value):.0f}", round(value))


def _events(comparison: Comparison, axis: plots.TimeAxis) -> list[tuple[float, str]]:
    """Clinical events in days from the baseline; none where dates are not to scale."""
    base = next(
        t for t in comparison.course.timepoints if t.index == comparison.course.baseline_index
    )
    if not axis.to_scale or base.date is None:
        return []
    return [(float((e.date - base.date).days), _event_words(e)) for e in comparison.clinical_events]


def _event_words(event: ClinicalEvent) -> str:
    kind = event.kind.value.replace("_", " ")
    return f"{kind}: {event.value}" if event.value else kind


def _swimmer(
    lanes: Sequence[tuple[str, plots.TimeAxis, dict[int, str]]],
    axis: plots.TimeAxis,
    events: Sequence[tuple[float, str]],
) -> str:
    if not lanes:
        return ""
    times = [*axis.at.values(), *(at for at, _ in events)]
    height = 20 + LANE * len(lanes) + 48 + (18 * len(events) if events else 0)
    left = 24 + CHARACTER * max(len(name) for name, _, _ in lanes)
    bottom = height - 20 - LANE * len(lanes)
    frame = plots.Frame(
        1000, height, left, 30, 20, bottom, 0, len(lanes), min(times), max(times)
    )  # fmt: skip
    shapes = plots.time_ticks(frame, axis)
    for n, (name, own, cells) in enumerate(lanes):
        y = frame.y(len(lanes) - n - 0.5)
        present = [own.at[i] for i in cells]
        shapes.append(plots.text(left - 12, y + 4, name, anchor="end"))
        shapes.append(
            f'<path class="lane" d="M{frame.x(min(present)):.1f} {y:.1f}'
            f'H{frame.x(max(present)):.1f}"/>'
        )
        for index, category in sorted(cells.items()):
            shapes.append(_token(frame.x(own.at[index]), y, category))
    for n, (at, words) in enumerate(events):
        x, y = frame.x(at), frame.base + 58 + 18 * n
        shapes.append(f'<path class="event" d="M{x:.1f} {frame.top:.1f}V{y - 8:.1f}"/>')
        anchor = "end" if x > 700 else "start"
        shapes.append(plots.text(x + (-5 if anchor == "end" else 5), y, words, anchor=anchor))
    said = "; ".join(f"{name}: {', '.join(c for _, c in sorted(cells.items()))}"
                     for name, _, cells in lanes)  # fmt: skip
    return plots.svg(frame, shapes, alt=f"Categories over time. {said}")


def _token(x: float, y: float, category: str) -> str:
    """Draw a category as a coloured token with its letters, so that colour is not alone."""
    if category == Category.BASELINE:
        return f'<circle class="start" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    short = {"Non-CR/Non-PD": "non", "iNon-CR/Non-PD": "inon"}.get(category, category)
    width = 12 + 7.0 * len(short)
    return (
        f'<rect x="{x - width / 2:.1f}" y="{y - 9:.1f}" width="{width:.1f}" height="18" rx="9" '
        f'fill="{COLOURS[direction(category)]}"/>'
        f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle" class="token">{short}</text>'
    )
