"""Export to CDISC SDTM tables: tumour identification (TU), results (TR) and response (RS).

TU.TULNKID = TR.TRLNKID names a lesion, TR.TRLNKGRP = RS.RSLNKGRP an assessment. Codes: SDTMIG 3.4
with the oncology supplement. Variables that imgcompare cannot know (sponsor's ids) are left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from imgcompare.model import (
    WHOLE,
    Assessment,
    Category,
    Comparison,
    Lesion,
    LesionRole,
    Measurement,
    Timepoint,
)
from imgcompare.reporting.tables import Row, cell, csv_text

STUDY = "IMGCOMPARE"

TU_COLUMNS: Row = (
    *("STUDYID", "DOMAIN", "USUBJID", "TUSEQ", "TULNKID", "TUTESTCD", "TUTEST", "TUORRES"),
    *("TUSTRESC", "TULOC", "TUMETHOD", "TUEVAL", "VISITNUM", "VISIT", "TUDTC"),
)
TR_COLUMNS: Row = (
    *("STUDYID", "DOMAIN", "USUBJID", "TRSEQ", "TRGRPID", "TRLNKID", "TRLNKGRP", "TRTESTCD"),
    *("TRTEST", "TRORRES", "TRORRESU", "TRSTRESC", "TRSTRESN", "TRSTRESU", "TRSTAT", "TRREASND"),
    *("TRMETHOD", "TREVAL", "VISITNUM", "VISIT", "TRDTC"),
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
GROUPS = {
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

TARGET_RULE, NEW_RULE = re.compile(r"/target-([a-z]+)$"), "/new-lesion"
"""Rule ids whose end says what the targets did, and that a new lesion was confirmed."""

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


def _identifications(c: Comparison) -> Iterator[list[object]]:
    for lesion in c.lesions:
        seen = [m.timepoint_index for m in c.measurements if m.lesion_id == lesion.id and m.value]
        first = min(seen, default=c.course.baseline_index)
        timepoint = next(t for t in c.course.timepoints if t.index == first)
        role = ROLES[lesion.role]
        yield [
            STUDY, "TU", c.course.subject, link_id(lesion), "TUMIDENT", "Tumor Identification",
            role, role, _location(lesion), _method(c), c.evaluator, *_visit(c, timepoint),
        ]  # fmt: skip


def _results(c: Comparison) -> Iterator[list[object]]:
    for timepoint in c.course.timepoints:
        for lesion in c.lesions:
            own = [
                m
                for m in c.measurements
                if (m.lesion_id, m.timepoint_index, m.compartment)
                == (lesion.id, timepoint.index, WHOLE)
                and m.quantity in TESTS
                and not math.isnan(m.value)
            ]
            for m in own:
                yield [*_figure(c, lesion, m, timepoint), *_visit(c, timepoint)]
            if not own and lesion.role is LesionRole.TARGET:
                yield [*_not_done(c, lesion, timepoint), *_visit(c, timepoint)]


def _start(c: Comparison, lesion: Lesion, timepoint: Timepoint) -> list[object]:
    group = GROUPS[lesion.role]
    return [STUDY, "TR", c.course.subject, group, link_id(lesion), _group(timepoint)]


def _figure(c: Comparison, lesion: Lesion, m: Measurement, timepoint: Timepoint) -> list[object]:
    code, name = TESTS[m.quantity]
    if lesion.nodal and m.quantity == "perpendicular_diameter":
        code, name = "WIDTH", "Width"  # the short axis of a node has a test of its own
    return [
        *_start(c, lesion, timepoint), code, name, m.value, m.unit, m.value, m.value, m.unit,
        "", "", m.method, c.evaluator,
    ]  # fmt: skip


def _not_done(c: Comparison, lesion: Lesion, timepoint: Timepoint) -> list[object]:
    quantity = "short_axis" if lesion.nodal else "longest_diameter"
    return [
        *_start(c, lesion, timepoint), *TESTS[quantity], "", "", "", "", "", NOT_DONE,
        "NOT EVALUATED", "", c.evaluator,
    ]  # fmt: skip


def _responses(c: Comparison) -> Iterator[list[object]]:
    by_index = {t.index: t for t in c.course.timepoints}
    for a in c.assessments:
        if a.category == Category.BASELINE:
            continue
        timepoint = by_index[a.timepoint_index]
        for code, name, said in _parts(a):
            yield [*_response(c, a, timepoint, (code, name, said))]
        yield [*_response(c, a, timepoint, ("OVRLRESP", "Overall Response", _said(a.category)))]
    for r in c.course_responses:
        last = by_index[max(by_index)]
        yield [
            STUDY, "RS", c.course.subject, "", "BESTRESP", "Best Response", r.criterion,
            _said(r.best), _said(r.best), "", "", c.evaluator, *_visit(c, last),
        ]  # fmt: skip


def _parts(a: Assessment) -> Iterator[tuple[str, str, str]]:
    """Give the response of the targets, and whether a reader confirmed a new lesion."""
    rules = [r.rule_id for r in a.reasons]
    target = next((m for r in rules if (m := TARGET_RULE.search(r))), None)
    if target is not None:
        yield "TRGRESP", "Target Response", target.group(1).upper()
    if target is not None or any(r.endswith(NEW_RULE) for r in rules):
        yield "NEWLIND", "New Lesion Indicator", "Y" if any(
            r.endswith(NEW_RULE) for r in rules
        ) else "N"  # fmt: skip


def _response(
    c: Comparison, a: Assessment, timepoint: Timepoint, what: tuple[str, str, str]
) -> Iterator[object]:
    code, name, said = what
    why = "; ".join(a.missing) if said == Category.NE else ""
    yield from (STUDY, "RS", c.course.subject, _group(timepoint), code, name)
    yield from (a.criterion, said, said, "", why, c.evaluator)
    yield from _visit(c, timepoint)


def _said(category: str) -> str:
    return UPPER.get(category, category)
