"""Figures that cannot be: larger than a body, or at odds with others of the same lesion."""

from __future__ import annotations

from collections.abc import Mapping

from imgcompare.loading.tables.entries import Entry
from imgcompare.loading.tables.rows import TableRow
from imgcompare.model import LESION_TISSUES, WHOLE, Measurement

LARGEST = {"mm": 2000.0, "mm2": 1.0e6, "mL": 2.0e5, "HU": 32767.0, "MR signal": 1.0e9}
"""No figure of a person is larger: taller than people, heavier, or more than 16 bits hold."""

LEAST_HU = -1100.0
"""Air is -1000 HU; less is padding outside the picture."""

ROUNDING = 1.05
"""A part may exceed its whole by so much, for both were rounded."""

PRODUCT_ROUNDING = 1.10
"""A product may differ from that of its diameters by so much."""

LONGEST, ACROSS, SHORT = "longest_diameter", "perpendicular_diameter", "short_axis"
PRODUCT, VOLUME = "bidimensional_product", "volume"

TISSUES = frozenset(t.value for t in LESION_TISSUES)
"""Parts that make up a lesion; oedema lies around it, and T2/FLAIR abnormality may be larger."""

Key = tuple[int, int, str, str]


def refuse_impossible_size(row: TableRow, value: float, unit: str) -> None:
    """Refuse a figure that no person has; ``unit`` is the one it is kept in."""
    if abs(value) > LARGEST.get(unit, float("inf")):
        row.refuse("value", f"{value:g} {unit} is more than a person can have; check the unit.")
    if unit == "HU" and value < LEAST_HU:
        row.refuse("value", f"{value:g} HU is less than air, {LEAST_HU:g} at least.")


def refuse_contradictions(found: Mapping[Key, Measurement], rows: Mapping[Key, Entry]) -> None:
    """Refuse figures of one lesion and visit that cannot stand beside each other.

    Raises
    ------
    InputError
        Naming the later of the two rows.
    """
    for key, entry in rows.items():
        lesion, visit, compartment, quantity = key
        value = found[key].value

        def other(name: str, part: str, at: tuple[int, int] = (lesion, visit)) -> float | None:
            figure = found.get((*at, part, name))
            return None if figure is None else figure.value

        longest = other(LONGEST, compartment)
        if quantity in (ACROSS, SHORT) and longest is not None and value > ROUNDING * longest:
            _refuse(entry, value, f"is more than the longest diameter, {longest:g}")
        whole = other(quantity, WHOLE)
        is_part = compartment in TISSUES and quantity in (VOLUME, LONGEST)
        if is_part and whole is not None and value > ROUNDING * whole:
            _refuse(entry, value, f"is more than that of the whole lesion, {whole:g}")
        across = other(ACROSS, compartment)
        if quantity == PRODUCT and longest is not None and across is not None:
            made = longest * across
            if max(value, made) > PRODUCT_ROUNDING * min(value, made):
                _refuse(entry, value, f"is not the product of {longest:g} and {across:g}")


def _refuse(entry: Entry, value: float, problem: str) -> None:
    entry.row.refuse("value", f"{entry.where}: {entry.quantity} {value:g} {problem}.")
