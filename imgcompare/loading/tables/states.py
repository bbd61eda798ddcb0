"""States of lesions and of their parts at each visit, and the figures that go with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from imgcompare.loading.tables.entries import Entry
from imgcompare.loading.tables.plausibility import refuse_contradictions
from imgcompare.model import WHOLE, Lesion, LesionState, Measurement

NAN = float("nan")

INTENSITIES = ("mean_", "sd_")
"""Beginnings of quantities that what is gone does not have; all others are then zero."""

RANK = (LesionState.MERGED, LesionState.ABSENT, LesionState.MEASURED, LesionState.TOO_SMALL)
"""Of several rows about the same part, the first of these states that one has; else not evaluated.

A figure that was not evaluated beside one that was measured says nothing about the lesion.
"""

CONTRARY = {
    LesionState.ABSENT: (LesionState.MEASURED, LesionState.TOO_SMALL, LesionState.MERGED),
    LesionState.MERGED: (LesionState.MEASURED, LesionState.TOO_SMALL, LesionState.ABSENT),
}
"""States that cannot stand beside each other in rows about the same part."""

Visit = tuple[int, int]
Key = tuple[int, int, str, str]


@dataclass(frozen=True, slots=True)
class States:
    """What is known beside the figures.

    ``lesions`` holds the state of whole lesions where they are not simply measured; ``absent`` and
    ``small`` the parts (lesion, timepoint, compartment) that are gone or too small.
    """

    lesions: Mapping[Visit, LesionState]
    absent: frozenset[tuple[int, int, str]]
    small: frozenset[tuple[int, int, str]]


def read_states(
    entries: Sequence[Entry], lesions: Mapping[str, Lesion], visits: Mapping[str, int]
) -> States:
    """Join the rows about each part of each lesion, and refuse those that contradict each other."""
    groups: dict[tuple[int, int, str], list[Entry]] = {}
    for e in entries:
        if e.is_state:
            key = lesions[e.lesion].id, visits[e.visit], e.compartment
            groups.setdefault(key, []).append(e)
    parts = {key: _joined(own) for key, own in groups.items()}
    for (lesion, visit, compartment), own in groups.items():
        whole = parts.get((lesion, visit, WHOLE))
        if compartment != WHOLE and whole in CONTRARY:
            for e in own:
                if _said(e) in (LesionState.MEASURED, LesionState.TOO_SMALL):
                    words = f"the {compartment} part is {e.state}, but {e.where} is {whole}"
                    e.row.refuse("state", f"{words} in another row of {e.visit}.")
    return States(
        {
            (lesion, visit): state
            for (lesion, visit, compartment), state in parts.items()
            if compartment == WHOLE and state is not LesionState.MEASURED
        },
        frozenset(key for key, state in parts.items() if state is LesionState.ABSENT),
        frozenset(
            key for key, s in parts.items() if key[2] != WHOLE and s is LesionState.TOO_SMALL
        ),
    )


def _said(entry: Entry) -> LesionState:
    """State of a row; a measured zero is absent."""
    figure = entry.figure
    is_size = figure is not None and not figure.quantity.startswith(INTENSITIES)
    if entry.state is LesionState.MEASURED and is_size and figure and not figure.value:
        return LesionState.ABSENT
    return entry.state


def _joined(own: Sequence[Entry]) -> LesionState:
    """State of a part by all rows about it."""
    for e in own:
        for other in own:
            if _said(other) in CONTRARY.get(_said(e), ()):
                words = f"{other.where} is {_said(e)} here and {_said(other)} in row"
                e.row.refuse("state", f"{words} {other.row.number} of the same visit.")
    said = {_said(e) for e in own}
    return next((state for state in RANK if state in said), LesionState.NE)


def read_figures(
    entries: Iterable[Entry],
    lesions: Mapping[str, Lesion],
    visits: Mapping[str, int],
    states: States,
) -> dict[Key, Measurement]:
    """Give each figure its lesion and timepoint; what is absent is zero in all its sizes."""
    found: dict[Key, Measurement] = {}
    rows: dict[Key, Entry] = {}
    for e in entries:
        if e.figure is None:
            continue
        lesion, visit = lesions[e.lesion].id, visits[e.visit]
        key = lesion, visit, e.figure.compartment, e.figure.quantity
        if key in found:
            e.row.refuse(
                "quantity",
                f"{e.where} has its {e.figure.compartment} {e.figure.quantity} of {e.visit} in row "
                f"{rows[key].row.number} already; keep one.",
            )
        found[key] = replace(e.figure, lesion_id=lesion, timepoint_index=visit)
        rows[key] = e
    refuse_contradictions(found, rows)
    for lesion, visit, gone in states.absent:
        for (other, _, compartment, quantity), figure in list(found.items()):
            key = lesion, visit, compartment, quantity
            is_size = not quantity.startswith(INTENSITIES)
            if is_size and other == lesion and gone in (WHOLE, compartment) and key not in found:
                found[key] = _zero(figure, visit)
    return dict(sorted(found.items()))


def _zero(figure: Measurement, visit: int) -> Measurement:
    return replace(figure, timepoint_index=visit, value=0.0, ci_low=NAN, ci_high=NAN, flags=())
