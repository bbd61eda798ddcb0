"""Rows of the report's tables: volumes with intervals, diameters with response categories."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from imgcompare.model import (
    NOT_IMAGED_BEFORE,
    WHOLE,
    Assessment,
    Change,
    Comparison,
    Exceeds,
    Lesion,
    Measurement,
    Tissue,
)
from imgcompare.reporting.categories import meaning
from imgcompare.reporting.criteria_table import readable
from imgcompare.reporting.findings import outcome
from imgcompare.reporting.lookup import (
    ENHANCING,
    VOLUME,
    Trend,
    find_change,
    find_measurement,
    find_total,
    last_index,
    trend,
)
from imgcompare.reporting.wording import (
    ARROW,
    COMPARTMENT_NAMES,
    MISSING,
    interval,
    joined,
    lesion_name,
    number,
    percent,
    unit_name,
)

VOLUME_COMPARTMENTS = (WHOLE, *(t.value for t in Tissue))

SIZES = (
    (WHOLE, "longest_diameter", "longest diameter"),
    (WHOLE, "perpendicular_diameter", "perpendicular diameter"),
    (WHOLE, "short_axis", "short axis"),
    (WHOLE, "bidimensional_product", "product of diameters"),
    (WHOLE, "diameter_3d", "3-D diameter"),
    (ENHANCING, "longest_diameter", "longest diameter, enhancing part"),
    (WHOLE, "mean_intensity", "mean intensity, whole"),
    (ENHANCING, "mean_intensity", "mean intensity, enhancing part"),
)

OVERVIEW = ((WHOLE, "volume"), (ENHANCING, "volume"), (WHOLE, "longest_diameter"))
"""Columns of the overview: size and enhancing tissue side by side."""

EXCEEDS_TEXT = {
    Exceeds.YES: "yes",
    Exceeds.NO: "no",
    Exceeds.BORDERLINE: "borderline",
    Exceeds.UNKNOWN: "not known",
}

ARBITRARY_UNITS = "ARBITRARY_UNITS"
"""Flag of changes of MR signal, which mean nothing across visits and are not shown."""

TARGET_RULE, NEW_LESION_RULE = "target", "new-lesion"
"""Parts of the rule ids whose reasons the overview repeats."""

MAYBE = {Trend.MAYBE_UP: Trend.UP, Trend.MAYBE_DOWN: Trend.DOWN}

DOUBTS = {
    Trend.SAME: " (within measurement error)",
    Trend.MAYBE_UP: " (at the limit of measurement error)",
    Trend.MAYBE_DOWN: " (at the limit of measurement error)",
}

SIZE_DIRECTION = {
    "CR": Trend.DOWN,
    "PR": Trend.DOWN,
    "SD": Trend.SAME,
    "PD": Trend.UP,
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure with its interval, or what it comes from, below."""

    value: str
    below: str = ""


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One compartment or size of a lesion over time."""

    name: str
    colour_of: str
    cells: tuple[Cell, ...]
    change: str
    change_interval: str
    exceeds: str
    against: str
    reason: str
    emphasis: bool


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """One lesion, or all together: whole volume, enhancing volume, longest diameter, outcome."""

    name: str
    cells: tuple[Cell, ...]
    outcome: Cell
    is_sum: bool = False


def volume_rows(comparison: Comparison, lesion: Lesion) -> list[FigureRow]:
    """Volumes of every compartment that was measured, from baseline to the last timepoint."""
    rows = [
        _figure_row(comparison, lesion, (name, "volume"), COMPARTMENT_NAMES[name])
        for name in VOLUME_COMPARTMENTS
    ]
    return [r for r in rows if r is not None]


def size_rows(comparison: Comparison, lesion: Lesion) -> list[FigureRow]:
    """Diameters and intensities that were measured."""
    rows = [
        _figure_row(comparison, lesion, (compartment, quantity), name)
        for compartment, quantity, name in SIZES
        if quantity != "short_axis" or lesion.nodal
    ]
    return [r for r in rows if r is not None]


def size_against_tissue(comparison: Comparison) -> str:
    """Set the category from diameters beside the volumes; empty without both.

    The sentence says whether size and enhancing tissue point the same way. It explains the
    difference by what each figure counts, not by what the tumour does.
    """
    last = last_index(comparison)
    assessment = _by_diameter(comparison.assessments, last)
    if assessment is None or len(comparison.results) < 2:
        return ""
    words = meaning(assessment.category)
    category = f"{assessment.category} ({words})" if words else assessment.category
    opening = f"By diameters ({assessment.criterion}) the course is {category}"
    new = [readable(r.text) for r in assessment.reasons if NEW_LESION_RULE in r.rule_id]
    note = "".join(f" {text}." for text in new)
    expected = SIZE_DIRECTION.get(assessment.category.upper())
    if expected is None:
        return f"{opening}.{note}"
    contrary = [text for lesion in comparison.lesions
                if (text := _contrary(comparison, lesion, expected, last))]  # fmt: skip
    if not contrary:
        return f"{opening}; the volumes point the same way.{note}"
    return (
        f"{opening}, while the volumes differ: {'; '.join(contrary)}. A diameter counts all "
        "tissue alike, necrosis and fluid included, and sees one direction only; the enhancing "
        f"volume counts the enhancing tissue in all directions.{note}"
    )


def overview_rows(comparison: Comparison) -> list[OverviewRow]:
    """One row per lesion, then their sum beside the category from the diameters."""
    rows = [
        OverviewRow(
            lesion_name(lesion),
            tuple(_overview_cell(comparison, [lesion], *figure) for figure in OVERVIEW),
            Cell(outcome(comparison, lesion) if len(comparison.results) > 1 else ""),
        )
        for lesion in comparison.lesions
    ]
    category = _category(comparison)
    if len(rows) > 1:
        # Criteria choose which diameters they add up; a sum of all would contradict them.
        cells = tuple(
            _overview_cell(comparison, comparison.lesions, *f) if f[1] == VOLUME else Cell("")
            for f in OVERVIEW
        )
        rows.append(OverviewRow("Sum", cells, category, is_sum=True))
    elif rows and category.value:
        rows.append(OverviewRow("", (Cell(""),) * len(OVERVIEW), category, is_sum=True))
    return rows


def _overview_cell(
    comparison: Comparison, lesions: Sequence[Lesion], compartment: str, quantity: str
) -> Cell:
    """Write change, baseline and last value of one figure, summed over lesions."""
    base, last = comparison.course.baseline_index, last_index(comparison)
    first, second = (_total(comparison, lesions, i, compartment, quantity) for i in (base, last))
    unit = "mL" if quantity == "volume" else "mm"
    if base == last or first is None or second is None:
        found = first if second is None else second
        return Cell(MISSING, number(found, unit) if found is not None else "")
    known = all(_is_known(comparison, lesion, compartment, quantity) for lesion in lesions)
    if not known and len(lesions) > 1:
        return Cell(MISSING)
    change = percent(100.0 * (second - first) / first) if known and first > 0 else MISSING
    return Cell(change, f"{number(first)} {ARROW} {number(second, unit)}")


def _is_known(comparison: Comparison, lesion: Lesion, compartment: str, quantity: str) -> bool:
    """Tell whether a lesion's change is given, or an event says why one of its figures is missing.

    What was not imaged, or not looked for, may be of any size.
    """
    base, last = comparison.course.baseline_index, last_index(comparison)
    figures = [
        find_measurement(comparison, lesion.id, i, compartment=compartment, quantity=quantity)
        for i in (base, last)
    ]
    if all(figures):
        change = find_change(
            comparison, lesion.id, last, compartment=compartment, quantity=quantity
        )
        return change is not None
    events = [e for e in comparison.events if lesion.id in e.lesion_ids]
    return not any(figures) or any(e.reason != NOT_IMAGED_BEFORE for e in events)


def _category(comparison: Comparison) -> Cell:
    """Category of the last timepoint by diameters, with its meaning and sum."""
    found = _by_diameter(comparison.assessments, last_index(comparison))
    if found is None or len(comparison.results) < 2:
        return Cell("")
    words = meaning(found.category)
    text = f"{found.criterion}: {found.category}" + (f" ({words})" if words else "")
    return Cell(
        text, next((readable(r.text) for r in found.reasons if TARGET_RULE in r.rule_id), "")
    )


def _total(
    comparison: Comparison,
    lesions: Sequence[Lesion],
    index: int,
    compartment: str,
    quantity: str,
) -> float | None:
    """Sum a figure over lesions; a lesion that was not measured counts as nothing.

    A lesion alone is counted with its parts; among all lesions the parts count for themselves.
    """
    find = find_total if len(lesions) == 1 else find_measurement
    found = [
        m.value
        for lesion in lesions
        if (m := find(comparison, lesion.id, index, compartment=compartment, quantity=quantity))
    ]
    return sum(found) if found else None


def _figure_row(
    comparison: Comparison, lesion: Lesion, what: tuple[str, str], name: str
) -> FigureRow | None:
    compartment, quantity = what
    figures = [
        find_total(comparison, lesion.id, r.index, compartment=compartment, quantity=quantity)
        for r in comparison.results
    ]
    present = [m for m in figures if m is not None]
    if not present or (compartment != WHOLE and all(m.value == 0 for m in present)):
        return None
    change = find_change(
        comparison,
        lesion.id,
        last_index(comparison),
        compartment=compartment,
        quantity=quantity,
    )
    return FigureRow(
        name,
        compartment if quantity == "volume" else "",
        tuple(map(_cell, figures)),
        _change_text(change),
        _change_interval(change),
        _verdict(change),
        against(change),
        change.reason if change else "",
        compartment in (WHOLE, ENHANCING),
    )


def _cell(m: Measurement | None) -> Cell:
    if m is None:
        return Cell(MISSING)
    return Cell(number(m.value, m.unit), interval(m.ci_low, m.ci_high))


def _change_text(change: Change | None) -> str:
    if change is None or ARBITRARY_UNITS in change.flags:
        return MISSING
    if math.isfinite(change.percent):
        return percent(change.percent)
    sign = "+" if change.absolute > 0 else ""
    return f"{sign}{number(change.absolute, change.unit)}"


def _verdict(change: Change | None) -> str:
    if change is None or ARBITRARY_UNITS in change.flags:
        return MISSING
    return EXCEEDS_TEXT[change.exceeds_error]


def against(change: Change | None) -> str:
    """Set the error that decided beside published repeatability, where that did not decide.

    A change within error needs no such words: the other limit is wider.
    """
    place = {Exceeds.YES: "exceeds", Exceeds.BORDERLINE: "is at the limit of"}
    if change is None or not change.published or change.exceeds_error not in place:
        return ""
    return (
        f"{place[change.exceeds_error]} the error that holds here "
        f"(±{change.error_limit_percent:.0f} %); {change.published}"
    )


def _change_interval(change: Change | None) -> str:
    if change is None or ARBITRARY_UNITS in change.flags:
        return ""
    bounds = [change.ci_low, change.ci_high]
    if not all(map(math.isfinite, bounds)):
        return ""
    low, high = (("+" if b > 0 else "") + number(b) for b in bounds)
    return f"{low} to {high} {unit_name(change.unit)}".rstrip()


def _by_diameter(assessments: Sequence[Assessment], index: int) -> Assessment | None:
    """RECIST of a timepoint, if it was assessed."""
    return next(
        (
            a
            for a in assessments
            if a.timepoint_index == index and a.criterion.upper().startswith("RECIST")
        ),
        None,
    )


def _contrary(comparison: Comparison, lesion: Lesion, expected: Trend, index: int) -> str:
    """Volumes of a lesion that do not go the way of the diameters; empty if they do."""
    parts = []
    for compartment, name in ((WHOLE, "whole volume"), (ENHANCING, "enhancing volume")):
        change = find_change(comparison, lesion.id, index, compartment=compartment)
        direction = trend(change)
        if change is None or direction in (expected, Trend.UNSURE):
            continue
        if not math.isfinite(change.percent):
            continue
        if MAYBE.get(direction, direction) is expected:
            continue
        parts.append(f"{name} {percent(change.percent)}{DOUBTS.get(direction, '')}")
    return f"{lesion_name(lesion)}: {joined(parts)}" if parts else ""
