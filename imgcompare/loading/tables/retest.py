"""Reads test-retest measurements, and the repeatability file that is made from them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgcompare.errors import ConfigurationError, InputError
from imgcompare.loading.tables.measurements import COMPARTMENTS, UNITS
from imgcompare.loading.tables.rows import TableRow, read_rows
from imgcompare.model import WHOLE, Repeatability

COLUMNS = (
    *("subject", "lesion", "compartment", "quantity", "first", "second", "unit", "modality"),
    *("site", "comment"),
)

SETTING_KEYS = frozenset(
    {"quantity", "compartment", "modality", "site", "from_mm", "below_mm", "wcv", "pairs", "source"}
)


@dataclass(frozen=True, slots=True)
class RetestPair:
    """The same lesion measured twice while nothing changed."""

    quantity: str
    compartment: str
    modality: str
    site: str
    unit: str
    first: float
    second: float


def read_retest(path: Path) -> tuple[RetestPair, ...]:
    """Read test-retest pairs: the columns quantity, first, second, unit and, if known, others.

    Raises
    ------
    InputError
        Naming row and column of what is missing or impossible.
    """
    rows = read_rows(Path(path), required=("quantity", "first", "second", "unit"), known=COLUMNS)
    return tuple(_pair(row) for row in rows)


def _pair(row: TableRow) -> RetestPair:
    row.need("quantity", example="volume")
    quantity = row.choice_in("quantity", tuple(UNITS))
    kept, worth = UNITS[quantity]
    unit = row.need("unit", example=next(iter(worth)))
    if unit.lower() not in worth:
        row.refuse("unit", f"{unit!r} is no unit of {quantity}; use {', '.join(worth)}.")
    values = []
    for column in ("first", "second"):
        row.need(column, example="12.5")
        value = row.size_in(column)
        if not value:
            row.refuse(column, "must be above 0; lesions that are gone say nothing about error.")
        values.append(value * worth[unit.lower()])
    return RetestPair(
        quantity,
        row.choice_in("compartment", COMPARTMENTS, default=WHOLE),
        row.choice_in("modality", ("CT", "MR")),
        row.get("site").lower(),
        kept or unit,
        *values,
    )


def read_repeatability(path: Path) -> tuple[Repeatability, ...]:
    """Read a file of repeatability settings, as ``imgcompare repeatability`` writes it.

    Raises
    ------
    ConfigurationError
        If it is no such file.
    """
    name = Path(path).name
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        settings = document["repeatability"]
        return tuple(_setting(name, n, one) for n, one in enumerate(settings, start=1))
    except OSError as error:
        raise ConfigurationError(f"Cannot read {name}: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise ConfigurationError(
            f"{name} holds no repeatability settings; make it with 'imgcompare repeatability'."
        ) from None


def _setting(name: str, number: int, one: Mapping[str, Any]) -> Repeatability:
    unknown = sorted(set(one) - SETTING_KEYS)
    if unknown:
        raise ConfigurationError(
            f"{name}, setting {number}: unknown key {unknown[0]!r}; "
            f"use {', '.join(sorted(SETTING_KEYS))}."
        )
    quantity = str(one.get("quantity", ""))
    if quantity not in UNITS:
        raise ConfigurationError(
            f"{name}, setting {number}: quantity {quantity!r} is unknown; use {', '.join(UNITS)}."
        )
    below = one.get("below_mm")
    try:
        return Repeatability(
            wcv=float(one["wcv"]),
            source=str(one.get("source", name)),
            quantity=quantity,
            compartment=str(one.get("compartment", "")),
            modality=str(one.get("modality", "")),
            site=str(one.get("site", "")),
            from_mm=float(one.get("from_mm") or 0.0),
            below_mm=math.inf if below is None else float(below),
            pairs=int(one.get("pairs", 0)),
        )
    except InputError as error:
        raise ConfigurationError(f"{name}, setting {number}: {error}") from None
