"""Reads a typed table of lesion measurements: the columns of measurements.csv and a few more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from imgcompare.errors import InputError
from imgcompare.loading.tables.courses import build_courses
from imgcompare.loading.tables.entries import Entry
from imgcompare.loading.tables.plausibility import refuse_impossible_size
from imgcompare.loading.tables.rows import TableRow, read_rows
from imgcompare.loading.tables.states import INTENSITIES
from imgcompare.model import (
    WHOLE,
    LesionRole,
    LesionState,
    Measurement,
    ReaderFinding,
    Response,
    Tissue,
    TypedCourse,
)

COLUMNS = (
    *("subject", "evaluator", "timepoint", "date", "baseline", "lesion", "role", "site", "nodal"),
    *("compartment", "quantity", "value", "unit", "state", "ci_low", "ci_high", "method"),
    *("series", "flags", "modality", "slice_thickness_mm", "split_from", "merged_into", "comment"),
)
"""Columns a table may have; lesion, quantity and value must be there."""

MM, MM2, ML = {"mm": 1.0, "cm": 10.0}, {"mm2": 1.0, "mm²": 1.0, "cm2": 100.0, "cm²": 100.0}, {
    "ml": 1.0, "cm3": 1.0, "cm³": 1.0, "cc": 1.0, "mm3": 0.001, "mm³": 0.001,
}  # fmt: skip
HU, SIGNAL = {"hu": 1.0}, {"hu": 1.0, "mr signal": 1.0}

UNITS: Mapping[str, tuple[str, Mapping[str, float]]] = {
    **{
        name: ("mm", MM)
        for name in ("longest_diameter", "perpendicular_diameter", "short_axis", "diameter_3d")
    },
    "bidimensional_product": ("mm2", MM2),
    "volume": ("mL", ML),
    **{name: ("", SIGNAL) for name in ("mean_intensity", "sd_intensity")},
    "mean_enhancement": ("HU", HU),
}
"""Quantities, the unit they are kept in, and what each unit they may be typed in is worth."""

MAY_BE_NEGATIVE = frozenset({"mean_intensity", "mean_enhancement"})
"""Quantities that may be below 0; all others are sizes."""

STATUS, FINDING = "status", "finding"
"""Quantities whose value is a word: a non-target's status, and what else only a reader sees."""

STATUS_WORDS = {
    "CR": Response.CR,
    "NON-CR/NON-PD": Response.NON_CR_NON_PD,
    "PD": Response.PD,
    "NE": Response.NE,
}

STATUS_OF = {
    LesionState.ABSENT: Response.CR,
    LesionState.TOO_SMALL: Response.NON_CR_NON_PD,
    LesionState.NE: Response.NE,
}
"""Status that the state of a non-target means."""

STATES = tuple(LesionState)
T2_FLAIR = "t2_flair"
"""All that is abnormal on T2/FLAIR, a compartment that only typed tables have (RANO-LGG)."""

COMPARTMENTS = (WHOLE, *(t.value for t in Tissue), T2_FLAIR)


def read_measurements(path: Path) -> tuple[TypedCourse, ...]:
    """Read a table of measurements, a course per subject and evaluator.

    Parameters
    ----------
    path : Path
        Columns of measurements.csv (see `COLUMNS`). ``state`` is measured, absent, too_small,
        not_evaluated or merged; ``quantity`` may be ``status`` with the value CR,
        NON-CR/NON-PD, PD or NE for a non-target; a lesion of role ``new`` is one that a reader
        confirmed as new at the first timepoint it is present.

    Raises
    ------
    InputError
        Naming row and column of the first thing that is missing or impossible.
    """
    rows = read_rows(Path(path), required=("lesion", "quantity", "value"), known=COLUMNS)
    header = rows[0].cells
    if "timepoint" not in header and "date" not in header:
        raise InputError(f"{Path(path).name}, row 1: needs a column timepoint or date.")
    return build_courses([_entry(row) for row in rows])


def _entry(row: TableRow) -> Entry:
    """Check one row on its own."""
    role = row.choice_in("role", list(LesionRole))
    state = LesionState(row.choice_in("state", STATES, default=_default_state(row)))
    quantity = row.choice_in("quantity", (*UNITS, STATUS, FINDING))
    words = quantity in (STATUS, FINDING)
    compartment = row.choice_in("compartment", COMPARTMENTS, default=WHOLE)
    if not quantity and state is LesionState.MEASURED:
        row.need("quantity", example="longest_diameter")
    if quantity != FINDING:
        row.need("lesion", example="1")
    if not row.get("timepoint") and not row.get("date"):
        row.refuse("date", "is empty, and so is the timepoint; give one of them.")
    if compartment != WHOLE and state is LesionState.MERGED:
        row.refuse("state", f"lesions merge, not their {compartment} part; leave compartment out.")
    return Entry(
        row=row,
        lesion=row.get("lesion"),
        role=LesionRole(role) if role else None,
        site=row.get("site"),
        nodal=row.yes_in("nodal"),
        state=state,
        status=_status(row, state) if quantity == STATUS else None,
        finding=_finding(row) if quantity == FINDING else None,
        figure=None if words or not quantity else _figure(row, quantity, compartment, state),
        date=row.date_in("date"),
        compartment=compartment,
        quantity=quantity,
        baseline=row.yes_in("baseline"),
        slice_thickness_mm=_thickness(row),
        modality=row.choice_in("modality", ("CT", "MR")),
        split_from=row.get("split_from"),
        merged_into=row.get("merged_into"),
    )


def _default_state(row: TableRow) -> LesionState:
    """State of a row that gives none: measured, or merged where it says into what."""
    return LesionState.MERGED if row.get("merged_into") else LesionState.MEASURED


def _thickness(row: TableRow) -> float | None:
    """Slice thickness, which is not zero."""
    value = row.size_in("slice_thickness_mm")
    if value == 0.0:
        row.refuse("slice_thickness_mm", "0 is no thickness; leave it empty if unknown.")
    return value


def _status(row: TableRow, state: LesionState) -> Response:
    """Read the status of a non-target; without a word, what its state says."""
    if not row.get("value") and state in STATUS_OF:
        return STATUS_OF[state]
    row.need("value", example="NON-CR/NON-PD")
    status = STATUS_WORDS[row.choice_in("value", tuple(STATUS_WORDS))]
    if STATUS_OF.get(state, status) is not status:
        row.refuse("value", f"{row.get('value')} contradicts the state {state}.")
    return status


def _finding(row: TableRow) -> ReaderFinding:
    row.need("value", example="outside_radiation_field")
    return ReaderFinding(row.choice_in("value", list(ReaderFinding)))


def _figure(
    row: TableRow, quantity: str, compartment: str, state: LesionState
) -> Measurement | None:
    """Read the figure of a row in its own unit; None where the state says there is none."""
    read = row.number_in if quantity in MAY_BE_NEGATIVE else row.size_in
    value = read("value")
    if state is LesionState.MEASURED and value is None:
        row.need("value", example="24.5, or set state to absent, too_small or not_evaluated")
    if state in (LesionState.NE, LesionState.MERGED) and value is not None:
        row.refuse("value", f"{value:g} contradicts the state {state}; leave it empty.")
    if state is LesionState.ABSENT and value:
        row.refuse("value", f"{value:g} contradicts the state absent; write 0 or nothing.")
    if state is LesionState.TOO_SMALL and value == 0:
        row.refuse("value", "0 contradicts the state too_small; leave it empty.")
    unit, factor = _unit(row, quantity, needed=value is not None)
    has_none = state is LesionState.ABSENT and quantity.startswith(INTENSITIES)
    if has_none or (value is None and state is not LesionState.ABSENT):
        return None
    low, high = (read(c) for c in ("ci_low", "ci_high"))
    scaled = (value or 0.0) * factor
    refuse_impossible_size(row, scaled, unit)
    if low is not None and low > (value or 0.0):
        row.refuse("ci_low", f"the interval from {low:g} on does not hold {value or 0.0:g}.")
    if high is not None and high < (value or 0.0):
        row.refuse("ci_high", f"the interval up to {high:g} does not hold {value or 0.0:g}.")
    return Measurement(
        lesion_id=0,
        timepoint_index=0,
        compartment=compartment,
        quantity=quantity,
        value=scaled,
        unit=unit,
        ci_low=float("nan") if low is None else low * factor,
        ci_high=float("nan") if high is None else high * factor,
        method=row.get("method") or "typed",
        series_uid=row.get("series"),
        flags=tuple(f for f in row.get("flags").split(";") if f),
    )


def _unit(row: TableRow, quantity: str, *, needed: bool) -> tuple[str, float]:
    """Give the unit the figure is kept in, and what the typed unit is worth in it."""
    kept, worth = UNITS[quantity]
    text = row.get("unit")
    if not text:
        if needed:
            row.refuse("unit", f"is empty; a {quantity} is typed in {', '.join(worth)}.")
        return kept, 1.0
    if text.lower() not in worth:
        row.refuse("unit", f"{text!r} is no unit of {quantity}; use {', '.join(worth)}.")
    own = {"hu": "HU", "mr signal": "MR signal"}
    return kept or own[text.lower()], worth[text.lower()]
