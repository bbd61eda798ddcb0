"""Export to CDISC SDTM tables: tumour identification (TU), results (TR) and response (RS).

TU.TULNKID = TR.TRLNKID names a lesion, TR.TRLNKGRP = RS.RSLNKGRP an assessment. TU.TUGRPID names
the lesion that one is a part of (TUSPLIT) or has become a part of (TUMERGE). Codes: SDTMIG 3.4 and
the CDISC disease response supplement for RECIST 1.1. Variables that imgcompare cannot know
(sponsor's ids) are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from imgcompare.model import (
    WHOLE,
    Assessment,
    Category,
    Comparison,
    EventKind,
    Lesion,
    LesionRole,
    LesionState,
    Measurement,
    Response,
    Timepoint,
)
from imgcompare.reporting.tables import Row, cell, csv_text

STUDY, RECIST = "IMGCOMPARE", "RECIST 1.1"

TU_COLUMNS: Row = (
    *("STUDYID", "DOMAIN", "USUBJID", "TUSEQ", "TUGRPID", "TULNKID", "TUTESTCD", "TUTEST"),
    *("TUORRES", "TUSTRESC", "TULOC", "TUMETHOD", "TUEVAL", "VISITNUM", "VISIT", "TUDTC"),
)
TR_COLUMNS: Row = (
    *("STUDYID", "DOMAIN", "USUBJID", "TRSEQ", "TRGRPID", "TRLNKID", "TRLNKGRP", "TRTESTCD"),
    *("TRTEST", "TRORRES", "TRORRESU", "TRSTRESC", "TRSTRESN", "TRSTRESU", "TRSTAT", "TRREASND"),
    *("TRMETHOD", "TRLOBXFL", "TREVAL", "VISITNUM", "VISIT", "TRDTC"),
)
RS_COLUMNS: Row = (
    *("STUDYID", "DOMAIN", "USUBJID", "RSSEQ", "RSLNKGRP", "RSTESTCD", "RSTEST", "RSCAT"),
    *("RSORRES", "RSSTRESC", "RSSTAT", "RSREASND", "RSEVAL", "VISITNUM", "VISIT", "RSDTC"),
)

ROLES = {
    LesionRole.TARGET: "TARGET",
    LesionRole.NON_TARGET: "NON-TARGET",
    LesionRole.NEW: "NEW",
}
TESTS = {
    "longest_diameter": ("LDIAM", "Longest Diameter"),
    "perpendicular_diameter": ("LPERP", "Longest Perpendicular"),
    "short_axis": ("SAXIS", "Short Axis"),
    "volume": ("VOLUME", "Volume"),
}
"""Quantities of the whole lesion that have an SDTM test (that of volume: to be verified)."""

NODE_TESTS = {
    **TESTS,
    "perpendicular_diameter": ("WIDTH", "Width"),
    "short_axis": ("LPERP", "Longest Perpendicular"),
}
"""The same for nodes, whose short axis is their longest perpendicular."""

TUMOUR_STATE, NODE_STATE = ("TUMSTATE", "Tumor State"), ("LNSTATE", "Lymph Node State")
STATES = {
    Response.CR: ("ABSENT", "NON-PATHOLOGICAL"),
    Response.NON_CR_NON_PD: ("PRESENT", "PATHOLOGICAL"),
    Response.PD: ("UNEQUIVOCAL PROGRESSION", "UNEQUIVOCAL PROGRESSION"),
}
"""Status of a non-target as the state of a tumour, or of a node; NE is a test not done."""

TOO_SMALL, TOO_SMALL_MM = "TOO SMALL TO MEASURE", 5
"""Original result of a lesion that is seen but too small, and what it is standardised to."""

NOT_EVALUABLE, MERGED = "NOT EVALUABLE", "MERGED"
"""Why a test was not done."""

METHODS = {"CT": "CT SCAN", "MR": "MRI"}
NODE = "LYMPH NODE"
NOT_DONE = "NOT DONE"
UPPER = {"Non-CR/Non-PD": "NON-CR/NON-PD", "iNon-CR/Non-PD": "iNON-CR/NON-PD"}
"""Categories that SDTM spells in capitals."""


def sdtm_files(comparisons: Sequence[Comparison]) -> dict[str, str]:
    """Give the three tables by file name."""
    tu = [row for c in comparisons for row in _numbered(_identifications(c))]
    tr = [row for c in comparisons for row in _numbered(_results(c))]
    rs = [row for c in comparisons for row in _numbered(_responses(c))]
    return {
        "tu.csv": csv_text(TU_COLUMNS, tu),
        "tr.csv": csv_text(TR_COLUMNS, tr),
        "rs.csv": csv_text(RS_COLUMNS, rs),
    }


def _numbered(rows: Iterator[list[object]]) -> Iterator[Row]:
    """Give each of a subject's rows its number, in the column after its id."""
    for n, row in enumerate(rows, start=1):
        yield tuple(cell(v) for v in (*row[:3], n, *row[3:]))


def link_id(lesion: Lesion) -> str:
    """Name of a lesion that joins the tables, as typed or like T01, NT02, NEW03."""
    if lesion.name:
        return lesion.name
    prefix = {LesionRole.TARGET: "T", LesionRole.NON_TARGET: "NT", LesionRole.NEW: "NEW"}
    return f"{prefix[lesion.role]}{lesion.id:02d}"


def _visit(comparison: Comparison, timepoint: Timepoint) -> list[object]:
    """Give VISITNUM, VISIT and date of a timepoint."""
    base = timepoint.index == comparison.course.baseline_index
    name = "BASELINE" if base else f"VISIT {timepoint.index + 1}"
    return [timepoint.index + 1, name, timepoint.date]


def _group(timepoint: Timepoint) -> str:
    return f"A{timepoint.index + 1:02d}"


def _method(comparison: Comparison) -> str:
    found = {s.modality for t in comparison.course.timepoints for s in t.series.values()}
    return METHODS.get(next(iter(found)), "") if len(found) == 1 else ""


def _location(lesion: Lesion) -> str:
    if lesion.nodal and NODE not in lesion.site.upper():
        return " ".join(p for p in (lesion.site.upper(), NODE) if p)
    return lesion.site.upper()


def _role(c: Comparison, lesion: Lesion) -> LesionRole:
    """Role of a lesion: as typed, else what RECIST made of it."""
    if lesion.role is not LesionRole.TARGET or c.reader.targets is not None:
        return lesion.role
    base = c.course.baseline_index
    chosen = next(
        (a for a in c.assessments if (a.criterion, a.timepoint_index) == (RECIST, base)), None
    )
    is_target = chosen is None or lesion.id in chosen.targets
    return LesionRole.TARGET if is_target else LesionRole.NON_TARGET


def _parents(c: Comparison, kind: EventKind) -> dict[int, tuple[int, int]]:
    """Lesions that are parts of another, or have become so: which, and since when."""
    return {
        i: (e.lesion_ids[0], e.timepoint_index)
        for e in c.events
        if e.kind is kind
        for i in e.lesion_ids[1:]
    }


def _identifications(c: Comparison) -> Iterator[list[object]]:
    by_id = {lesion.id: lesion for lesion in c.lesions}
    splits, mergers = _parents(c, EventKind.SPLIT), _parents(c, EventKind.MERGED)
    for lesion in c.lesions:
        if lesion.id in splits:
            parent, since = splits[lesion.id]
            name = ("TUSPLIT", "Tumor Split")
            yield _identified(c, lesion, name, of=by_id[parent], at=since)
        else:
            yield _identified(c, lesion, ("TUMIDENT", "Tumor Identification"), at=_first(c, lesion))
        if lesion.id in mergers:
            carrier, since = mergers[lesion.id]
            name = ("TUMERGE", "Tumor Merged")
            yield _identified(c, lesion, name, of=by_id[carrier], at=since)


def _first(c: Comparison, lesion: Lesion) -> int:
    """First timepoint at which a lesion is there."""
    seen = [m.timepoint_index for m in c.measurements if m.lesion_id == lesion.id and m.value]
    seen += [t for t, ids in c.reader.new_lesions.items() if lesion.id in ids]
    return min(seen, default=c.course.baseline_index)


def _identified(
    c: Comparison, lesion: Lesion, name: tuple[str, str], *, at: int, of: Lesion | None = None
) -> list[object]:
    timepoint = next(t for t in c.course.timepoints if t.index == at)
    role = ROLES[_role(c, lesion)]
    return [
        STUDY, "TU", c.course.subject, link_id(of) if of else "", link_id(lesion), *name, role,
        role, _location(lesion), _method(c), c.evaluator, *_visit(c, timepoint),
    ]  # fmt: skip


def _results(c: Comparison) -> Iterator[list[object]]:
    for timepoint in c.course.timepoints:
        for lesion in c.lesions:
            for row in _of_lesion(c, lesion, timepoint):
                yield [*_start(c, lesion, timepoint), *row, *_visit(c, timepoint)]


def _of_lesion(c: Comparison, lesion: Lesion, timepoint: Timepoint) -> Iterator[list[object]]:
    """Give what is known of a lesion at a visit: sizes, a state, or why there is none."""
    key = lesion.id, timepoint.index
    state = c.reader.states.get(key)
    last = ["Y" if timepoint.index == c.course.baseline_index else "", c.evaluator]
    tests = NODE_TESTS if lesion.nodal else TESTS
    size = tests["short_axis" if lesion.nodal else "longest_diameter"]
    sizes = [m for m in _sizes(c, lesion, timepoint) if state is not LesionState.NE]
    for m in sizes:
        yield [*tests[m.quantity], m.value, m.unit, m.value, m.value, m.unit, "", "", m.method,
               *last]  # fmt: skip
    status = c.reader.statuses.get(key)
    if status is not None:
        yield [*_state(lesion, status), "", *last]
    if state is LesionState.TOO_SMALL and not any(tests[m.quantity] == size for m in sizes):
        yield [*size, TOO_SMALL, "", TOO_SMALL_MM, TOO_SMALL_MM, "mm", "", "", "", *last]
    elif sizes or status is not None or _has_merged(c, lesion, timepoint):
        return
    elif state is LesionState.ABSENT:
        yield [*_state(lesion, Response.CR), "", *last]
    elif state is LesionState.MERGED:
        yield [*_not_done(size, MERGED), "", *last]
    elif state is LesionState.NE or _is_due(c, lesion, timepoint):
        yield [*_not_done(size, NOT_EVALUABLE), "", *last]


def _sizes(c: Comparison, lesion: Lesion, timepoint: Timepoint) -> Iterator[Measurement]:
    for m in c.measurements:
        own = (m.lesion_id, m.timepoint_index) == (lesion.id, timepoint.index)
        if own and m.compartment == WHOLE and m.quantity in TESTS and not math.isnan(m.value):
            yield m


def _is_due(c: Comparison, lesion: Lesion, timepoint: Timepoint) -> bool:
    """Whether a visit owes a size: of a target that is no part of another, nor has split."""
    splits = _parents(c, EventKind.SPLIT)
    has_split = any(
        parent == lesion.id and since <= timepoint.index for parent, since in splits.values()
    )
    is_target = _role(c, lesion) is LesionRole.TARGET
    return is_target and lesion.id not in splits and not has_split


def _has_merged(c: Comparison, lesion: Lesion, timepoint: Timepoint) -> bool:
    _, since = _parents(c, EventKind.MERGED).get(lesion.id, (0, timepoint.index + 1))
    return since <= timepoint.index


def _start(c: Comparison, lesion: Lesion, timepoint: Timepoint) -> list[object]:
    group = ROLES[_role(c, lesion)]
    return [STUDY, "TR", c.course.subject, group, link_id(lesion), _group(timepoint)]


def _state(lesion: Lesion, status: Response) -> list[object]:
    """Give the state of a tumour, or of a node, up to TRREASND."""
    test = NODE_STATE if lesion.nodal else TUMOUR_STATE
    if status not in STATES:
        return _not_done(test, NOT_EVALUABLE)
    word = STATES[status][int(lesion.nodal)]
    return [*test, word, "", word, "", "", "", ""]


def _not_done(test: tuple[str, str], why: str) -> list[object]:
    return [*test, "", "", "", "", "", NOT_DONE, why]


def _responses(c: Comparison) -> Iterator[list[object]]:
    by_index = {t.index: t for t in c.course.timepoints}
    for a in c.assessments:
        if a.category == Category.BASELINE:
            continue
        timepoint = by_index[a.timepoint_index]
        for code, name, said in _parts(a):
            yield _response(c, a.criterion, (code, name, said), timepoint, _group(timepoint))
    for r in c.course_responses:
        last = by_index[max(by_index)]
        yield _response(c, r.criterion, ("BESTRESP", "Best Response", _said(r.best)), last, "")


def _parts(a: Assessment) -> Iterator[tuple[str, str, str]]:
    """Give the response of targets and non-targets, whether a lesion is new, and the whole."""
    if a.target:
        yield "TRGRESP", "Target Response", _said(a.target)
    if a.non_target:
        yield "NTRGRESP", "Non-target Response", _said(a.non_target)
    if a.new_lesion is not None:
        yield "NEWLIND", "New Lesion Indicator", "Y" if a.new_lesion else "N"
    yield "OVRLRESP", "Overall Response", _said(a.category)


def _response(
    c: Comparison, criterion: str, what: tuple[str, str, str], timepoint: Timepoint, group: str
) -> list[object]:
    code, name, said = what
    return [
        STUDY, "RS", c.course.subject, group, code, name, criterion, said, said, "", "",
        c.evaluator, *_visit(c, timepoint),
    ]  # fmt: skip


def _said(category: str) -> str:
    return UPPER.get(category, category)
