"""The table criteria x timepoints: categories, which differ, why, and by which rule and number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from imgcompare.model import (
    Assessment,
    Category,
    Comparison,
    CourseResponse,
    Direction,
    Exceeds,
    Opinion,
    SideBySide,
)
from imgcompare.reporting.categories import direction, meaning
from imgcompare.reporting.flags import flag_texts
from imgcompare.reporting.wording import (
    MISSING,
    joined,
    significant,
    timepoint_name,
    unit_name,
)

FIRST_CHOICE = "RECIST 1.1"
"""The criterion that stands first, and that plots of a cohort show."""

EXCEEDS_WORDS = {
    Exceeds.YES: "beyond measurement error",
    Exceeds.NO: "within measurement error",
    Exceeds.BORDERLINE: "at the limit of measurement error",
    Exceeds.UNKNOWN: "",
}

OUTSIDE_ITS_ORGAN = "OUTSIDE_ITS_ORGAN"
"""Flag of a criterion whose organ is not that of the lesions."""

LEAST_SHARE_SHOWN = 0.05
"""Shares of categories below this are left to the table of figures."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One category of one criterion; ``anchor`` leads to its rule, number and threshold."""

    category: str
    anchor: str
    title: str
    note: str
    direction: str
    differs: bool
    exceeds: str


@dataclass(frozen=True, slots=True)
class CriterionRow:
    """One criterion over time, with what it adds up, its best response and date of progression.

    ``has_figure`` is False where it never had what it adds up, so that at most a new lesion or a
    reader's word decides; ``why_not`` then says what that leaves, and what was missing.
    """

    criterion: str
    figure: str
    cells: tuple[Cell, ...]
    best: str
    progression: str
    has_figure: bool
    why_not: str


@dataclass(frozen=True, slots=True)
class Detail:
    """Everything one criterion says about one timepoint.

    ``figures`` is the rule with its number and threshold; ``cause`` says why the category differs
    from that of most criteria.
    """

    anchor: str
    criterion: str
    when: str
    category: str
    meaning: str
    decided: str
    figures: str
    cause: str
    reasons: tuple[str, ...]
    reference: str
    error: str
    shares: str
    flags: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Criteria that point different ways at one timepoint, each with what decided it, and why."""

    when: str
    sides: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]
    causes: tuple[str, ...]


def assessed_timepoints(comparison: Comparison) -> list[str]:
    """Names of the timepoints that criteria were applied to."""
    return [timepoint_name(comparison, t) for t in _timepoints(comparison)]


def criteria_rows(comparison: Comparison) -> list[CriterionRow]:
    """Give one row per criterion, those that add up the same thing together.

    The first choice stands first; criteria without a figure come last.
    """
    rows = [_row(comparison, name) for name in _criteria(comparison)]
    first = rows[0].figure if rows else ""
    return sorted(rows, key=lambda r: (not r.has_figure, r.figure != first, r.figure))


def criteria_details(comparison: Comparison) -> list[Detail]:
    """Give what stands behind every cell, by criterion, then time."""
    return [
        _detail(comparison, a)
        for name in _criteria(comparison)
        for t in _timepoints(comparison)
        if (a := _find(comparison, name, t)) is not None
    ]


def disagreements(comparison: Comparison) -> list[Disagreement]:
    """Name the criteria that point different ways, and why each does.

    Timepoints in a row at which all criteria say the same are joined; the last one is explained.
    """
    runs: list[list[SideBySide]] = []
    said: dict[str, Direction] = {}
    for beside in comparison.side_by_side:
        ways = {o.criterion: o.direction for o in beside.opinions if o.counts}
        if not beside.disagree:
            said = {}
            continue
        if ways != said:
            runs.append([])
        runs[-1].append(beside)
        said = ways
    return [_disagreement(comparison, run) for run in runs]


def _disagreement(comparison: Comparison, run: Sequence[SideBySide]) -> Disagreement:
    first, last = run[0].timepoint_index, run[-1].timepoint_index
    when = timepoint_name(comparison, last)
    if first != last:
        when = f"{timepoint_name(comparison, first)} to {when}, figures of {when}"
    own = [o for o in run[-1].opinions if o.counts]
    ways = (Direction.PROGRESSION, Direction.STABLE, Direction.RESPONSE)
    sides = [(way.value, _grouped(o for o in own if o.direction is way)) for way in ways]
    return Disagreement(
        when,
        tuple(side for side in sides if side[1]),
        tuple(readable(c.text) for c in run[-1].causes),
    )


def disagreement_lines(comparison: Comparison) -> list[str]:
    """Say in plain lines where criteria disagree and why, for a terminal."""
    return [f"{d.when}: {cause}" for d in disagreements(comparison) for cause in d.causes]


def course_sentence(comparison: Comparison) -> str:
    """Say how many criteria record progression, response or neither over the whole course."""
    able = _with_figure(comparison)
    order = _criteria(comparison)
    own = sorted(
        (r for r in comparison.course_responses if r.criterion in able),
        key=lambda r: order.index(r.criterion),
    )
    if len(own) < 2:
        return ""
    progressed = [r for r in own if r.progression_index is not None]
    responded = [r for r in own if r not in progressed
                 and direction(r.best) is Direction.RESPONSE]  # fmt: skip
    rest = [r for r in own if r not in progressed and r not in responded]
    unconfirmed = [r for r in rest if _has_response(comparison, r.criterion)]
    neither = [r for r in rest if r not in unconfirmed]
    groups = (
        ("progression", progressed), ("a response and no progression", responded),
        ("a response that no later scan has confirmed", unconfirmed), ("neither", neither),
    )  # fmt: skip
    parts = [f"{what} {_by_whom(comparison, some)}" for what, some in groups if some]
    return f"Over the whole course: {'; '.join(parts)}."


def _has_response(comparison: Comparison, criterion: str) -> bool:
    """Whether a criterion calls any timepoint a response."""
    return any(
        a.criterion == criterion and direction(a.category) is Direction.RESPONSE
        for a in comparison.assessments
    )


def _by_whom(comparison: Comparison, some: Sequence[CourseResponse]) -> str:
    """Name criteria, together where progression is dated alike."""
    dated: dict[int | None, list[str]] = {}
    for r in some:
        dated.setdefault(r.progression_index, []).append(r.criterion)
    said = []
    for at, names in dated.items():
        when = "" if at is None else f" on {timepoint_name(comparison, at)}"
        said.append(f"by {joined(names)}{when}")
    return ", ".join(said)


def evidence(opinion: Opinion | None) -> str:
    """Say by which number and threshold a category came about."""
    return readable(opinion.text) if opinion else ""


def readable(text: str) -> str:
    """Begin with a capital, and round long decimals; the tables hold all digits."""
    short = re.sub(r"\d+\.\d{3,}", lambda m: significant(float(m.group())), text)
    return proper_units(short[:1].upper() + short[1:])


def proper_units(text: str) -> str:
    """Write square millimetres as people do."""
    return text.replace("mm2", "mm²")


def anchor(comparison: Comparison, assessment: Assessment) -> str:
    """Name of the place in the page where a category is explained."""
    parts = (comparison.course.subject, comparison.evaluator, assessment.criterion)
    words = re.sub(r"[^a-z0-9]+", "-", " ".join(p for p in parts if p).lower()).strip("-")
    return f"{words}-{assessment.timepoint_index}"


def shares_text(assessment: Assessment) -> str:
    """Shares of categories if all were measured anew, in steps of 5 %: ``PD 80 %, SD 20 %``."""
    shown = [(c, s) for c, s in assessment.probabilities if s >= LEAST_SHARE_SHOWN]
    return ", ".join(f"{c} {5 * round(20 * share)} %" for c, share in shown)


def _criteria(comparison: Comparison) -> list[str]:
    names = list(dict.fromkeys(a.criterion for a in comparison.assessments))
    return sorted(names, key=lambda n: (n != FIRST_CHOICE, n.lower()))


def _timepoints(comparison: Comparison) -> list[int]:
    return sorted({a.timepoint_index for a in comparison.assessments})


def _with_figure(comparison: Comparison) -> set[str]:
    """Criteria for this organ that had a figure at any timepoint after the baseline."""
    return {o.criterion for beside in comparison.side_by_side for o in beside.opinions if o.counts}


def _opinion(comparison: Comparison, a: Assessment) -> Opinion | None:
    """Find what a criterion says at a timepoint, beside the others."""
    return next(
        (
            o
            for beside in comparison.side_by_side
            for o in beside.opinions
            if (o.criterion, beside.timepoint_index) == (a.criterion, a.timepoint_index)
        ),
        None,
    )


def _cause(comparison: Comparison, a: Assessment) -> str:
    """Why a category differs from that of most criteria; empty if it does not."""
    found = (
        cause.text
        for beside in comparison.side_by_side
        for cause in beside.causes
        if beside.timepoint_index == a.timepoint_index and a.criterion in cause.criteria
    )
    return readable(next(found, ""))


def _find(comparison: Comparison, criterion: str, t: int) -> Assessment | None:
    return next(
        (a for a in comparison.assessments if (a.criterion, a.timepoint_index) == (criterion, t)),
        None,
    )


def _row(comparison: Comparison, name: str) -> CriterionRow:
    found = [_find(comparison, name, t) for t in _timepoints(comparison)]
    own = [a for a in found if a is not None]
    summary = next((r for r in comparison.course_responses if r.criterion == name), None)
    has_figure = name in _with_figure(comparison)
    return CriterionRow(
        name,
        next((proper_units(a.quantity) for a in own if a.quantity), ""),
        tuple(_cell(comparison, a) for a in found),
        _best(comparison, summary),
        _progression(comparison, summary),
        has_figure,
        "" if has_figure else _why_not(own),
    )


def _why_not(own: Sequence[Assessment]) -> str:
    """Say why a criterion stands aside, and what it says nevertheless."""
    said = [a.category for a in own if a.category not in (Category.NE, Category.BASELINE)]
    if any(OUTSIDE_ITS_ORGAN in a.flags for a in own):
        words = "made for another organ than that of the lesions"
        return f"{words}; by its numbers {said[-1]}" if said else words
    missing = list(dict.fromkeys(m for a in own for m in a.missing))
    words = missing[0] + (" and more" if len(missing) > 1 else "") if missing else "no figure"
    return f"{words}; {said[-1]} by new lesions or a reader's word" if said else words


def _cell(comparison: Comparison, a: Assessment | None) -> Cell:
    if a is None:
        return Cell(MISSING, "", "", "", Direction.NONE.value, False, "")
    opinion = _opinion(comparison, a)
    title = "; ".join(p for p in (meaning(a.category), evidence(opinion)) if p)
    note = {True: "confirmed", False: "not confirmed", None: ""}[a.confirmed]
    return Cell(
        a.category,
        anchor(comparison, a),
        title,
        note,
        direction(a.category).value,
        bool(opinion and opinion.differs),
        EXCEEDS_WORDS[a.exceeds_error],
    )


def _best(comparison: Comparison, summary: CourseResponse | None) -> str:
    if summary is None:
        return MISSING
    note = {True: " (confirmed)", False: " (not confirmed)", None: ""}[summary.best_confirmed]
    return f"{summary.best}{note}"


def _progression(comparison: Comparison, summary: CourseResponse | None) -> str:
    if summary is None or summary.progression_index is None:
        return MISSING
    when = timepoint_name(comparison, summary.progression_index)
    return f"{when}{' (not confirmed)' if summary.progression_confirmed is False else ''}"


def _detail(comparison: Comparison, a: Assessment) -> Detail:
    opinion = _opinion(comparison, a)
    told = opinion.reasons if opinion else ()
    others = dict.fromkeys(readable(r.text) for r in a.reasons if r not in told)
    return Detail(
        anchor(comparison, a),
        a.criterion,
        timepoint_name(comparison, a.timepoint_index),
        a.category,
        meaning(a.category),
        evidence(opinion),
        _figures(opinion) if opinion else "",
        _cause(comparison, a),
        tuple(others),
        a.reference,
        EXCEEDS_WORDS[a.exceeds_error],
        shares_text(a),
        flag_texts(a.flags),
        bool(opinion and opinion.differs),
    )


def _figures(opinion: Opinion) -> str:
    """Rule, number and threshold in one line: ``recist-1.1/target-pd: 85.0 mm, limit 84.0 mm``."""
    seen, unit = opinion.number, opinion.unit if opinion.by_sum else ""
    if seen is None or seen.value is None:
        return opinion.rule_id
    limit = "" if seen.threshold is None else f", limit {_precise(seen.threshold, unit)}"
    return f"{opinion.rule_id}: {_precise(seen.value, unit)}{limit}"


def _precise(value: float, unit: str) -> str:
    """Write a figure with the decimals that decide."""
    return f"{round(value, 2 if abs(value) >= 1 else 4):.10g} {unit_name(unit)}".rstrip()


def _grouped(opinions: Iterable[Opinion]) -> tuple[tuple[str, str, str], ...]:
    """Join criteria that decide by the same number: (names, categories, evidence)."""
    groups: dict[str, list[Opinion]] = {}
    for opinion in opinions:
        groups.setdefault(evidence(opinion), []).append(opinion)
    return tuple(
        (
            joined([o.criterion for o in own]),
            " / ".join(dict.fromkeys(o.category for o in own)),
            why,
        )
        for why, own in groups.items()
    )
