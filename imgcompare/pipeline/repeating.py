"""Repeatability settings from a user's own test-retest table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imgcompare.errors import InputError
from imgcompare.loading.tables import read_retest
from imgcompare.measurement import ENOUGH_PAIRS, RetestSummary, summarise_retest
from imgcompare.model import Repeatability


@dataclass(frozen=True, slots=True)
class LocalRepeatability:
    """How well one kind of figure repeats in the user's hands."""

    name: str
    unit: str
    summary: RetestSummary
    setting: Repeatability
    warnings: tuple[str, ...]


def local_repeatability(table: str | Path) -> tuple[LocalRepeatability, ...]:
    """Compute repeatability per quantity, compartment, modality and site of a table.

    Raises
    ------
    InputError
        If the table is impossible, or a kind of figure has too few pairs to say anything.
    """
    path = Path(table)
    groups: dict[tuple[str, ...], list[tuple[float, float]]] = {}
    for pair in read_retest(path):
        key = pair.quantity, pair.compartment, pair.modality, pair.site, pair.unit
        groups.setdefault(key, []).append((pair.first, pair.second))
    return tuple(_one(path.name, key, pairs) for key, pairs in sorted(groups.items()))


def _one(table: str, key: tuple[str, ...], pairs: list[tuple[float, float]]) -> LocalRepeatability:
    quantity, compartment, modality, site, unit = key
    name = " ".join(w for w in (modality, site, compartment, quantity.replace("_", " ")) if w)
    try:
        summary = summarise_retest(pairs)
    except InputError as error:
        raise InputError(f"{table}, {name}: {error}") from None
    source = f"own test-retest data ({table}, {summary.pairs} pairs, wCV {summary.wcv:.1%})"
    setting = Repeatability(
        summary.wcv, source, quantity, compartment, modality, site, pairs=summary.pairs
    )
    few = (
        f"{summary.pairs} pairs are few; with fewer than {ENOUGH_PAIRS} the coefficient is "
        f"uncertain (its 95 % bound is {summary.rc_percent_upper:.0f} %)",
    )
    return LocalRepeatability(
        name, unit, summary, setting, few if summary.pairs < ENOUGH_PAIRS else ()
    )
