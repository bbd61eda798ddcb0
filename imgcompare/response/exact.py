"""Exact numbers: units, and percentages that are compared without being rounded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType

from imgcompare.errors import InputError

RESOLUTION = Decimal("0.000001")
"""Typed numbers are compared as typed; only the noise of binary fractions is rounded away.

Rounding to a tenth of a millimetre first would turn 4.95 mm into the 5 mm of progression.
"""

TOO_SMALL_MM = Decimal(5)
"""What a lesion counts that is visible but too small to measure (RECIST 1.1)."""

_LENGTH = MappingProxyType({"mm": Decimal(1), "cm": Decimal(10)})
_AREA = MappingProxyType({"mm2": Decimal(1), "cm2": Decimal(100)})
_VOLUME = MappingProxyType(
    {"mL": Decimal(1), "ml": Decimal(1), "cm3": Decimal(1), "mm3": Decimal("0.001")}
)

QUANTITY_UNITS: Mapping[str, Mapping[str, Decimal]] = MappingProxyType(
    {
        "longest_diameter": _LENGTH,
        "perpendicular_diameter": _LENGTH,
        "short_axis": _LENGTH,
        "diameter_3d": _LENGTH,
        "bidimensional_product": _AREA,
        "volume": _VOLUME,
    }
)
"""Sizes, each with its units and what they are worth in mm, mm2 or mL."""


def exact_value(
    value: float | Decimal, unit: str, *, what: str, quantity: str = "longest_diameter"
) -> Decimal:
    """Read a figure exactly; sizes in mm, mm2 or mL, any other quantity in its own unit.

    Raises
    ------
    InputError
        If it is not finite, is a negative size, or has a unit that does not fit.
    """
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    if not exact.is_finite():
        raise InputError(f"The {what} must be a number, not {value}.")
    units = QUANTITY_UNITS.get(quantity)
    if units is None:
        return exact.quantize(RESOLUTION, ROUND_HALF_UP)
    if unit not in units:
        known = ", ".join(units)
        given = f"in {unit!r}" if unit else "without a unit"
        raise InputError(f"The {what} is {given}; give it in one of: {known}.")
    if exact < 0:
        raise InputError(f"The {what} must be a number from 0 up, not {value}.")
    return (exact * units[unit]).quantize(RESOLUTION, ROUND_HALF_UP)


def too_small_value(quantity: str) -> Decimal:
    """Give what a lesion counts that is too small to measure: 5 mm, or its square or ball.

    RECIST 1.1 sets 5 mm for diameters; area and volume carry the same convention over.
    """
    units = QUANTITY_UNITS.get(quantity)
    if units is _AREA:
        return TOO_SMALL_MM**2
    if units is _VOLUME:
        ball = Decimal(repr(math.pi)) / 6 * TOO_SMALL_MM**3 / 1000
        return ball.quantize(RESOLUTION, ROUND_HALF_UP)
    return TOO_SMALL_MM


def has_grown(reference: Decimal, current: Decimal, percent: Decimal) -> bool:
    """Whether ``current`` is at least so many percent above ``reference``; above 0 if that is 0.

    An unchanged figure has not grown.
    """
    return current > reference and 100 * (current - reference) >= percent * reference


def has_shrunk(reference: Decimal, current: Decimal, percent: Decimal) -> bool:
    """Whether ``current`` is at least so many percent below ``reference``."""
    return current < reference and 100 * (reference - current) >= percent * reference


def grown_limit(reference: Decimal, percent: Decimal) -> Decimal:
    """Smallest figure that is so many percent above a reference."""
    return reference * (100 + percent) / 100


def shrunk_limit(reference: Decimal, percent: Decimal) -> Decimal:
    """Largest figure that is so many percent below a reference."""
    return reference * (100 - percent) / 100


def number_text(value: Decimal) -> str:
    """Write a figure with one decimal, or two (below 1, four) where one would hide something."""
    tenth = value.quantize(Decimal("0.1"), ROUND_HALF_UP)
    if value == tenth:
        return f"{tenth}"
    digits = Decimal("0.01") if abs(value) >= 1 else Decimal("0.0001")
    return f"{value.quantize(digits, ROUND_HALF_UP)}"


def percent_change(reference: Decimal, current: Decimal) -> float | None:
    """Change in percent for the eye; it is never used to decide."""
    return float(100 * (current - reference) / reference) if reference else None


def percent_text(reference: Decimal, current: Decimal) -> str:
    """Change in percent as text."""
    change = percent_change(reference, current)
    if change is None:
        return "not a percentage" if current else "unchanged"
    return f"{change:+.1f} %"
