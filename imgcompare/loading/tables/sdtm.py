"""Reads tumour identification and results from CDISC SDTM tables (TU and TR domains).

TU.TULNKID = TR.TRLNKID joins what a lesion is with what was measured; a course per subject and
evaluator. Nodes (TULOC of a lymph node) count by their short axis, which sample data call LPERP.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imgcompare.errors import InputError, NothingFoundError
from imgcompare.loading.tables.courses import build_courses
from imgcompare.loading.tables.entries import Entry
from imgcompare.loading.tables.rows import TableRow, read_rows
from imgcompare.model import (
    WHOLE,
    LesionRole,
    LesionState,
    Measurement,
    Response,
    TypedCourse,
)

TU_COLUMNS = ("usubjid", "tulnkid", "tutestcd", "tuorres")
TR_COLUMNS = ("usubjid", "trlnkid", "trtestcd", "trorres", "visitnum")

ROLES = {
    "TARGET": LesionRole.TARGET,
    "NON-TARGET": LesionRole.NON_TARGET,
    "NEW": LesionRole.NEW,
    "NEW TARGET": LesionRole.NEW,
    "NEW NON-TARGET": LesionRole.NEW,
}
"""TUORRES of a TUMIDENT record (controlled terminology of the SDTM implementation guide)."""

DIAMETERS = {"LDIAM": "longest_diameter", "LPERP": "perpendicular_diameter", "SAXIS": "short_axis"}
SIZES = {**DIAMETERS, "VOLUME": "volume"}
UNITS = {"mm": ("mm", 1.0), "cm": ("mm", 10.0), "mL": ("mL", 1.0), "cm3": ("mL", 1.0)}
STATES = ("TUMSTATE", "LNSTATE")
"""State of a tumour, and of a lymph node."""

TOO_SMALL = "TOO SMALL TO MEASURE"
"""Original result of a lesion that is seen but too small (CDISC supplement for RECIST 1.1)."""

DERIVED = frozenset({"SUMDIAM", "SUMNLNOD", "SUMAREA", "SUMVOL", "AREA", "DIAMETER"})
"""Tests that are sums or duplicates of others; imgcompare derives them itself."""

STATUSES = {
    "PRESENT": Response.NON_CR_NON_PD,
    "ABSENT": Response.CR,
    "UNEQUIVOCAL PROGRESSION": Response.PD,
    "UNEQUIVOCAL": Response.PD,
    "NOT EVALUABLE": Response.NE,
    "PATHOLOGICAL": Response.NON_CR_NON_PD,
    "NON-PATHOLOGICAL": Response.CR,
}
"""State of a non-target tumour or node, as the status it means."""

NOT_DONE, MERGED = "NOT DONE", "MERGED"
NODE = "LYMPH NODE"
IDENTIFIED, SPLIT, MERGER = "TUMIDENT", "TUSPLIT", "TUMERGE"
YES = "Y"


@dataclass(frozen=True, slots=True)
class Identity:
    """What TU says of a lesion; ``merged`` is the lesion it became a part of, and the visit."""

    role: LesionRole
    site: str
    split_from: str = ""
    merged: tuple[str, str] = ("", "")


Identities = Mapping[tuple[str, str, str], Identity]


def read_sdtm(folder: Path) -> tuple[TypedCourse, ...]:
    """Read the TU and TR tables of a folder, a course per subject and evaluator.

    Parameters
    ----------
    folder : Path
        Holds one CSV file whose name starts with ``tu`` and one with ``tr``.

    Raises
    ------
    NothingFoundError
        If a table is missing, or there are several of a domain.
    InputError
        Naming table, row and column of what is missing or impossible.
    """
    tumours = _identities(read_rows(_table(Path(folder), "tu"), required=TU_COLUMNS))
    rows = read_rows(_table(Path(folder), "tr"), required=TR_COLUMNS)
    entries = [e for row in rows for e in _entries(row, tumours)]
    if not entries:
        raise InputError(f"{Path(folder).name}: the TR table holds no measurement.")
    found = _without_repeats(entries)
    return build_courses(_with_baseline([*found, *_mergers(tumours, found)]))


def _table(folder: Path, domain: str) -> Path:
    found = sorted(
        p for p in folder.glob("*.csv") if p.name.lower().split("_")[0].split(".")[0] == domain
    )
    if len(found) != 1:
        names = ", ".join(p.name for p in found) or "none"
        raise NothingFoundError(
            f"An SDTM folder needs one table {domain}.csv or {domain}_*.csv; there is: {names}."
        )
    return found[0]


def _who(row: TableRow, prefix: str) -> tuple[str, str]:
    """Subject, and evaluator with his or her id."""
    parts = (row.get(f"{prefix}eval"), row.get(f"{prefix}evalid"))
    return row.get("usubjid"), " ".join(p for p in parts if p)


def _identities(rows: Sequence[TableRow]) -> Identities:
    """Identity of each lesion, by subject, evaluator and link id.

    A split or merger names in TUGRPID the lesion it belongs to; without one it says nothing.
    """
    found: dict[tuple[str, str, str], Identity] = {}
    for row in rows:
        test, group = row.get("tutestcd"), row.get("tugrpid")
        is_part = test == SPLIT and bool(group)
        if test != IDENTIFIED and not is_part:
            continue
        role = ROLES[row.choice_in("tuorres", tuple(ROLES))]
        key = (*_who(row, "tu"), row.need("tulnkid", example="T01"))
        found[key] = Identity(role, row.get("tuloc"), group if is_part else "")
    for row in rows:
        if row.get("tutestcd") == MERGER and row.get("tugrpid"):
            key = (*_who(row, "tu"), row.need("tulnkid", example="T01"))
            if key not in found:
                row.refuse("tulnkid", f"{key[2]!r} merges, but is identified in no other record.")
            found[key] = replace(found[key], merged=(row.get("tugrpid"), _visit(row)))
    return found


def _entries(row: TableRow, tumours: Identities) -> list[Entry]:
    """Turn a result into an entry; sums and unknown tests give none."""
    test = row.get("trtestcd")
    if test in DERIVED or test not in (*SIZES, *STATES):
        return []
    subject, evaluator = _who(row, "tr")
    link = row.need("trlnkid", example="T01")
    if (subject, evaluator, link) not in tumours:
        row.refuse("trlnkid", f"{link!r} is in no TU record of this subject and evaluator.")
    one = tumours[subject, evaluator, link]
    nodal = NODE in one.site.upper()
    is_small = row.get("trorres").upper() == TOO_SMALL
    done = row.get("trstat") != NOT_DONE and bool(row.get("trorres"))
    is_size = done and test in SIZES and not is_small
    state, status = _state(row, one.role, done=done, is_small=is_small)
    cells = {"subject": subject, "evaluator": evaluator, "timepoint": _visit(row)}
    return [
        Entry(
            TableRow(row.table, row.number, {**row.cells, **cells}),
            link,
            one.role,
            _site(one.site),
            nodal,
            state,
            status,
            None,
            _figure(row, test, nodal=nodal) if is_size else None,
            _date(row),
            split_from=one.split_from,
        )
    ]


def _state(
    row: TableRow, role: LesionRole, *, done: bool, is_small: bool
) -> tuple[LesionState, Response | None]:
    """State of a lesion, or status of a non-target, by one result."""
    if row.get("trtestcd") in STATES:
        said = STATUSES[row.choice_in("trorres", tuple(STATUSES), default="NOT EVALUABLE")]
        if role is not LesionRole.TARGET:
            return LesionState.MEASURED, said if done else Response.NE
        states = {Response.CR: LesionState.ABSENT, Response.NE: LesionState.NE}
        return states.get(said, LesionState.MEASURED) if done else LesionState.NE, None
    if not done:
        is_merged = row.get("trreasnd").upper() == MERGED
        return LesionState.MERGED if is_merged else LesionState.NE, None
    return LesionState.TOO_SMALL if is_small else LesionState.MEASURED, None


def _site(location: str) -> str:
    """Organ of a lesion; a node keeps the place it lies at."""
    site = location.lower().strip()
    return site.removesuffix(NODE.lower()).strip() or site


def _mergers(tumours: Identities, entries: Sequence[Entry]) -> list[Entry]:
    """Say at the visit of its merger that a lesion has become a part of another."""
    found = []
    for (subject, evaluator, link), one in tumours.items():
        carrier, visit = one.merged
        own = [e for e in entries if e.key == (subject, evaluator)]
        seen = next((e for e in own if e.visit == visit), None)
        if carrier and seen is not None:
            mine = next((e for e in own if e.lesion == link), seen)
            found.append(
                replace(
                    mine, row=seen.row, lesion=link, role=one.role, site=_site(one.site),
                    state=LesionState.MERGED, status=None, figure=None, date=seen.date,
                    split_from="", merged_into=carrier,
                )
            )  # fmt: skip
    return found


def _figure(row: TableRow, test: str, *, nodal: bool) -> Measurement | None:
    """Read a size; the perpendicular diameter of a node is its short axis."""
    value = row.size_in("trstresn" if row.get("trstresn") else "trorres")
    column = "trstresu" if row.get("trstresn") else "trorresu"
    unit = row.need(column, example="mm")
    if unit not in UNITS:
        row.refuse(column, f"{unit!r} is unknown; use {', '.join(UNITS)}.")
    kept, factor = UNITS[unit]
    quantity = "short_axis" if nodal and test == "LPERP" else SIZES[test]
    if (kept == "mL") != (quantity == "volume"):
        row.refuse(column, f"{unit!r} is no unit of {test}.")
    return Measurement(
        0, 0, WHOLE, quantity, (value or 0.0) * factor, kept, method=row.get("trmethod") or "typed"
    )


def _visit(row: TableRow) -> str:
    row.need("visitnum", example="1")
    return f"{row.number_in('visitnum'):g}"


def _date(row: TableRow) -> dt.date | None:
    """Date of a result; SDTM allows 2014-02, which is no day and is left out."""
    day = row.get("trdtc").split("T")[0]
    if len(day) < len("2014-02-01"):
        return None
    try:
        return dt.date.fromisoformat(day)
    except ValueError:
        row.refuse("trdtc", f"{day!r} is no date.")


def _with_baseline(entries: Sequence[Entry]) -> list[Entry]:
    """Mark the visit that TRLOBXFL calls the last before treatment, where it names one only."""
    marked: dict[tuple[str, str], set[str]] = {}
    for e in entries:
        if e.row.get("trlobxfl") == YES:
            marked.setdefault(e.key, set()).add(e.visit)
    return [replace(e, baseline=True) if marked.get(e.key) == {e.visit} else e for e in entries]


def _without_repeats(entries: Sequence[Entry]) -> list[Entry]:
    """Drop states that say no more than a measurement of the same lesion and visit."""
    measured = {(e.key, e.lesion, e.visit) for e in entries if e.figure}
    return [
        e
        for e in entries
        if e.figure
        or e.status
        or e.state is LesionState.TOO_SMALL
        or (e.key, e.lesion, e.visit) not in measured
    ]
