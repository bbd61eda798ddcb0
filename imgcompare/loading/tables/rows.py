"""Rows of a table, with cells that know where they stand so that a refusal can name it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from imgcompare.errors import InputError, NothingFoundError, UnreadableFileError

DELIMITERS = (",", ";", "\t")
"""Separators that spreadsheets use."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
"""A number as people and spreadsheets write it; Python would take 1_000 as well."""

NOT_FINITE = frozenset({"nan", "inf", "infinity"})

YES, NO = frozenset({"yes", "y", "true", "1"}), frozenset({"no", "n", "false", "0", ""})


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: ``number`` counts as a spreadsheet does, the header being row 1."""

    table: str
    number: int
    cells: Mapping[str, str]
    decimal_comma: bool = False

    def get(self, column: str) -> str:
        """Text of a cell without surrounding blanks; empty if the column is missing."""
        return self.cells.get(column, "")

    def refuse(self, column: str, problem: str) -> NoReturn:
        """Raise an InputError that names table, row, column and what is wrong."""
        raise InputError(f"{self.table}, row {self.number}, column {column}: {problem}")

    def need(self, column: str, *, example: str) -> str:
        """Text of a cell that must not be empty."""
        value = self.get(column)
        if not value:
            self.refuse(column, f"is empty; write for example {example}.")
        return value

    def number_in(self, column: str) -> float | None:
        """Read a finite number, None from an empty cell."""
        text = self.get(column)
        if not text:
            return None
        plain = text.replace(",", ".") if self.decimal_comma else text
        if plain.lower().lstrip("+-") in NOT_FINITE or (is_number(plain) and _is_endless(plain)):
            self.refuse(column, f"{text!r} is not a finite number; leave it empty if unknown.")
        if not is_number(plain):
            self.refuse(column, f"{text!r} is not a number.")
        return float(plain)

    def size_in(self, column: str) -> float | None:
        """Read a number from 0 up, None from an empty cell."""
        value = self.number_in(column)
        if value is not None and value < 0:
            self.refuse(column, f"{self.get(column)} is below 0; sizes are from 0 up.")
        return value

    def date_in(self, column: str) -> dt.date | None:
        """Read an ISO date, None from an empty cell."""
        text = self.get(column)
        if not text:
            return None
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            self.refuse(column, f"{text!r} is no date; write for example 2024-01-10.")

    def choice_in(self, column: str, known: Sequence[str], *, default: str = "") -> str:
        """Read one of several words, spelt with any case, blanks or hyphens."""
        text = self.get(column)
        if not text:
            return default
        by_key = {_key(word): word for word in known}
        if _key(text) not in by_key:
            self.refuse(column, f"{text!r} is unknown; use one of {', '.join(known)}.")
        return by_key[_key(text)]

    def yes_in(self, column: str) -> bool:
        """Read yes or no; empty is no."""
        text = self.get(column).lower()
        if text not in YES | NO:
            self.refuse(column, f"{self.get(column)!r} is neither yes nor no.")
        return text in YES


def is_number(text: str) -> bool:
    """Whether a text is a plain decimal number."""
    return NUMBER.fullmatch(text) is not None


def _is_endless(text: str) -> bool:
    return not math.isfinite(float(text))


def _key(word: str) -> str:
    return "".join(c for c in word.lower() if c.isalnum())


def read_rows(path: Path, *, required: Sequence[str], known: Sequence[str] = ()) -> list[TableRow]:
    """Read a table with a header line.

    Parameters
    ----------
    path : Path
        Comma, semicolon or tab separated text, UTF-8. With semicolons, 12,5 is a number.
    required : sequence of str
        Columns that must be there.
    known : sequence of str
        All columns there may be; any if empty.

    Returns
    -------
    list of TableRow
        Without empty rows.

    Raises
    ------
    InputError
        If the file cannot be read, a column is missing, unknown or twice, or a row is too long.
    """
    text = _read_text(path)
    lines = text.splitlines()
    head = lines[0] if lines else ""
    delimiter = max(DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        table = list(reader)
    except csv.Error as error:
        raise UnreadableFileError(f"{path.name} is not a table: {error}.") from None
    header = [name.strip().lower() for name in table[0]] if table else []
    _check_header(path.name, header, required, known)
    rows = []
    for number, cells in enumerate(table[1:], start=2):
        if not any(c.strip() for c in cells):
            continue
        if len(cells) > len(header):
            raise InputError(
                f"{path.name}, row {number}: has {len(cells)} cells for {len(header)} columns; "
                "put texts that hold a separator into quotes."
            )
        named = dict(zip(header, (c.strip() for c in cells), strict=False))
        rows.append(TableRow(path.name, number, named, delimiter == ";"))
    if not rows:
        raise InputError(f"{path.name} has a header and no rows.")
    return rows


def _read_text(path: Path) -> str:
    if not path.exists():
        raise NothingFoundError(f"There is no table {path.name}; check the path.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFileError(
            f"{path.name} is not UTF-8 text; save it as a CSV (UTF-8) table."
        ) from None
    except OSError as error:
        raise UnreadableFileError(f"{path.name} cannot be read: {error.strerror}.") from None


def _check_header(
    table: str, header: Sequence[str], required: Sequence[str], known: Sequence[str]
) -> None:
    for name in required:
        if name not in header:
            raise InputError(
                f"{table}, row 1: column {name} is missing; there are: {', '.join(header)}."
            )
    for name in header:
        if header.count(name) > 1:
            raise InputError(f"{table}, row 1: column {name or '(without a name)'} is there twice.")
        if known and name not in known:
            raise InputError(f"{table}, row 1: column {name!r} is unknown; use {', '.join(known)}.")
