"""Reads tumour identification and results from CDISC SDTM tables (TU and TR domains).

TU.TULNKID = TR.TRLNKID joins what a lesion is with what was measured; a course per subject and
evaluator. Nodes (TULOC of a lymph node) count by their short axis, which sample data call LPERP.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

from imgcompare.errors import InputError, NothingFoundError
from imgcompare.loading.tables.courses import Entry, build_courses
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
STATE = "TUMSTATE"
DERIVED = frozenset({"SUMDIAM", "SUMNLNOD", "SUMAREA", "SUMVOL", "AREA", "DIAMETER"})
"""Tests that are sums or duplicates of others; imgcompare derives them itself."""

STATUSES = {
    "PRESENT": Response.NON_CR_NON_PD,
    "ABSENT": Response.CR,
    "UNEQUIVOCAL PROGRESSION": Response.PD,
    "UNEQUIVOCAL": Response.PD,
    "NOT EVALUABLE": Response.NE,
}
"""TUMSTATE of a non-target, as the status it means."""

NOT_DONE = "NOT DONE"
NODE = "LYMPH NODE"


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
    return build_courses(_without_repeats(entries))


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


def _identities(
    rows: Sequence[TableRow],
) -> Mapping[tuple[str, str, str], tuple[LesionRole, str]]:
    """Role and site of each lesion, by subject, evaluator and link id."""
    found = {}
    for row in rows:
        if row.get("tutestcd") != "TUMIDENT":
            continue  # splits and mergers name lesions that exist already
        role = row.choice_in("tuorres", tuple(ROLES))
        key = (*_who(row, "tu"), row.need("tulnkid", example="T01"))
        found[key] = (ROLES[role], row.get("tuloc"))
    return found


def _entries(
    row: TableRow, tumours: Mapping[tuple[str, str, str], tuple[LesionRole, str]]
) -> list[Entry]:
    """Turn a result into an entry; sums and unknown tests give none."""
    test = row.get("trtestcd")
    if test in DERIVED or test not in (*SIZES, STATE):
        return []
    subject, evaluator = _who(row, "tr")
    link = row.need("trlnkid", example="T01")
    if (subject, evaluator, link) not in tumours:
        row.refuse("trlnkid", f"{link!r} is in no TU record of this subject and evaluator.")
    role, site = tumours[subject, evaluator, link]
    nodal = NODE in site.upper()
    done = row.get("trstat") != NOT_DONE and bool(row.get("trorres"))
    figure = _figure(row, test, nodal=nodal) if done and test != STATE else None
    status = None
    state = LesionState.MEASURED if done else LesionState.NE
    if test == STATE:
        said = STATUSES[row.choice_in("trorres", tuple(STATUSES), default="NOT EVALUABLE")]
        if role is LesionRole.NON_TARGET:
            status = said
        else:
            state = {Response.CR: LesionState.ABSENT, Response.NE: LesionState.NE}.get(
                said, LesionState.MEASURED
            )
    cells = {
        "subject": subject, "evaluator": evaluator, "timepoint": _visit(row),
    }  # fmt: skip
    return [
        Entry(
            TableRow(row.table, row.number, {**row.cells, **cells}),
            link, role, site.lower(), nodal, state, status, None, figure, _date(row),
        )
    ]  # fmt: skip


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


def _without_repeats(entries: Sequence[Entry]) -> list[Entry]:
    """Drop what says no more than a measurement of the same lesion and visit."""
    measured = {(e.key, e.lesion, e.visit) for e in entries if e.figure}
    return [
        e for e in entries if e.figure or e.status or (e.key, e.lesion, e.visit) not in measured
    ]
