"""Reads what a reader decided about lesions that were outlined on images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imgcompare.loading.tables.measurements import (
    FINDING,
    STATUS,
    STATUS_WORDS,
)
from imgcompare.loading.tables.rows import TableRow, read_rows
from imgcompare.model import LesionRole, ReaderFinding, Response

COLUMNS = ("timepoint", "lesion", "role", "site", "nodal", "quantity", "value", "comment")


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """One row: what a reader says of a lesion, of a visit, or of a lesion at a visit.

    ``lesion`` is the number that the report gives it, None where the row is about the visit;
    ``timepoint`` a date or a position, empty where the row is about the lesion at all times.
    """

    row: TableRow
    timepoint: str
    lesion: int | None
    role: LesionRole | None
    site: str
    nodal: str
    status: Response | None
    finding: ReaderFinding | None


def read_judgements(path: Path) -> tuple[Judgement, ...]:
    """Read a table of what only a reader decides, for lesions of `compare`.

    Parameters
    ----------
    path : Path
        Columns `COLUMNS`. ``role`` chooses targets, non-targets and confirms new lesions;
        ``quantity`` is ``status`` (of all non-targets at a timepoint) or ``finding``.

    Raises
    ------
    InputError
        Naming row and column of what is missing or impossible.
    """
    return tuple(_judgement(r) for r in read_rows(Path(path), required=("lesion",), known=COLUMNS))


def _judgement(row: TableRow) -> Judgement:
    role = row.choice_in("role", list(LesionRole))
    quantity = row.choice_in("quantity", (STATUS, FINDING))
    number = row.get("lesion")
    if number and not (number.isascii() and number.isdecimal()):
        row.refuse("lesion", f"{number!r} is not the number of a lesion, as the report gives it.")
    row.yes_in("nodal")
    if quantity:
        row.need("timepoint", example="2024-03-06")
        row.need("value", example="NON-CR/NON-PD" if quantity == STATUS else "cr_overcalled")
    elif row.get("value"):
        row.need("quantity", example="status")
    else:
        row.need("lesion", example="1")
    status = finding = None
    if quantity == STATUS:
        status = STATUS_WORDS[row.choice_in("value", tuple(STATUS_WORDS))]
    if quantity == FINDING:
        finding = ReaderFinding(row.choice_in("value", list(ReaderFinding)))
    return Judgement(
        row,
        row.get("timepoint"),
        int(number) if number else None,
        LesionRole(role) if role else None,
        row.get("site").lower(),
        row.get("nodal").lower(),
        status,
        finding,
    )
