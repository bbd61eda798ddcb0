"""Splits and mergers as a table names them: parts of a lesion, and lesions that became one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imgcompare.loading.tables.entries import Entry
from imgcompare.model import EventKind, Lesion, LesionEvent, LesionState

SPLIT_FROM, MERGED_INTO = "split_from", "merged_into"


def read_links(
    entries: Sequence[Entry],
    lesions: Mapping[str, Lesion],
    visits: Mapping[str, int],
    *,
    baseline: int,
) -> tuple[LesionEvent, ...]:
    """Turn the columns ``split_from`` and ``merged_into`` into events, at the first visit of each.

    Raises
    ------
    InputError
        If a lesion is linked to itself, to one that is not in the table, to two, in a circle, or
        at the baseline.
    """
    found: dict[tuple[EventKind, str], Entry] = {}
    for kind, column in ((EventKind.SPLIT, SPLIT_FROM), (EventKind.MERGED, MERGED_INTO)):
        for e in entries:
            other = _other(e, column)
            if not other:
                continue
            _check(e, column, other, lesions, is_late=visits[e.visit] > baseline)
            first = found.setdefault((kind, e.lesion), e)
            if _other(first, column) != other:
                words = f"{e.where} is linked to {_other(first, column)} in row {first.row.number}"
                e.row.refuse(column, f"{words} and to {other} here.")
            if visits[e.visit] < visits[first.visit]:
                found[kind, e.lesion] = e
        _refuse_circles({n: e for (k, n), e in found.items() if k is kind}, column)
    return _events(found, lesions, visits)


def _other(entry: Entry, column: str) -> str:
    return entry.split_from if column == SPLIT_FROM else entry.merged_into


def _check(
    entry: Entry, column: str, other: str, lesions: Mapping[str, Lesion], *, is_late: bool
) -> None:
    if not entry.lesion:
        entry.row.refuse(column, "is filled in, but the row names no lesion.")
    if other == entry.lesion:
        entry.row.refuse(column, f"{entry.where} cannot be linked to itself.")
    if other not in lesions:
        entry.row.refuse(column, f"there is no lesion {other!r} in the table.")
    if column == MERGED_INTO and entry.state not in (LesionState.MERGED, LesionState.NE):
        entry.row.refuse("state", f"{entry.state} contradicts {column}; leave the state empty.")
    if not is_late:
        entry.row.refuse(
            column, "lesions can split or merge after the baseline only; at baseline type them as "
            "they are.",
        )  # fmt: skip


def _refuse_circles(links: Mapping[str, Entry], column: str) -> None:
    """Refuse a lesion that would, by way of others, be a part of itself, or a part of a part."""
    for name, entry in links.items():
        if _other(entry, column) in links:
            words = f"lesion {_other(entry, column)} is linked itself"
            entry.row.refuse(column, f"{words}; link {name} to the lesion it leads to.")


def _events(
    found: Mapping[tuple[EventKind, str], Entry],
    lesions: Mapping[str, Lesion],
    visits: Mapping[str, int],
) -> tuple[LesionEvent, ...]:
    """Join the links of one lesion at one visit: its own number first."""
    groups: dict[tuple[int, EventKind, int], list[int]] = {}
    for (kind, name), e in found.items():
        column = SPLIT_FROM if kind is EventKind.SPLIT else MERGED_INTO
        key = visits[e.visit], kind, lesions[_other(e, column)].id
        groups.setdefault(key, []).append(lesions[name].id)
    return tuple(
        LesionEvent(kind, visit, (first, *sorted(more)), "as typed")
        for (visit, kind, first), more in sorted(groups.items(), key=lambda one: one[0])
    )
