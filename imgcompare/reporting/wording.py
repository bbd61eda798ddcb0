"""How numbers, dates and positions are written for people to read."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from imgcompare.model import WHOLE, Comparison, Lesion, LesionRole, Role, Timepoint, Tissue

COMPARTMENT_NAMES = {
    WHOLE: "whole lesion",
    Tissue.ENHANCING.value: "enhancing",
    Tissue.NECROTIC.value: "necrotic",
    Tissue.CYSTIC.value: "cystic",
    Tissue.NON_ENHANCING.value: "non-enhancing",
    Tissue.HAEMORRHAGE.value: "haemorrhage",
    Tissue.OEDEMA.value: "oedema",
}

ROLE_NAMES = {
    Role.T1C: "T1 + contrast",
    Role.CT_PRE: "CT before contrast",
    Role.CT_ARTERIAL: "CT arterial",
    Role.CT_PORTAL: "CT portal venous",
    Role.CT_DELAYED: "CT delayed",
}

LESION_ROLE_NAMES = {
    LesionRole.TARGET: "target",
    LesionRole.NON_TARGET: "non-target",
    LesionRole.NEW: "found at follow-up",
}

FOLD_FROM_PERCENT = 900.0
"""From here on a factor reads better than a percentage (house rule)."""

MISSING = "–"
ARROW = "→"


def role_name(role: Role) -> str:
    """Name of a series role for a caption."""
    return ROLE_NAMES.get(role, role.value)


def short_role_name(role: Role) -> str:
    """Name of a series role within a subtraction: T1C, portal, pre."""
    return role.value.removeprefix("CT_").lower() if role.value.startswith("CT_") else role.value


def signed(text: str, value: float) -> str:
    """Put a plus or a true minus before the text of an absolute value."""
    if value == 0:
        return text
    return ("+" if value > 0 else "−") + text


def significant(value: float) -> str:
    """Write an absolute size with the decimals a reader needs: 126, 14.6, 0.83, 0.042."""
    size = abs(value)
    if size == 0:
        return "0"
    decimals = 0 if size >= 100 else 1 if size >= 1 else 2 if size >= 0.1 else 3
    return f"{size:.{decimals}f}"


def number(value: float | None, unit: str = "") -> str:
    """Write a figure with its unit, or a dash when there is none."""
    if value is None or math.isnan(value):
        return MISSING
    text = ("−" if value < 0 else "") + significant(value)
    return f"{text} {unit_name(unit)}".rstrip()


def unit_name(unit: str) -> str:
    """Write a unit as people do."""
    return {"mm2": "mm²", "MR signal": ""}.get(unit, unit)


def percent(value: float) -> str:
    """Write a change in percent with its sign, as a factor from +900 % on; a dash if undefined."""
    if not math.isfinite(value):
        return MISSING
    size = abs(value)
    if value >= FOLD_FROM_PERCENT:
        return f"×{significant(1.0 + value / 100.0)}"
    text = f"{size:.0f}" if size >= 9.95 else f"{size:.1f}"
    return f"{signed(text, float(text) and value)} %"


def interval(low: float, high: float) -> str:
    """Write a 95 % interval as ``13.9–15.3``; empty when unknown."""
    if math.isnan(low) or math.isnan(high):
        return ""
    both = [("−" if v < 0 else "") + significant(v) for v in (low, high)]
    return "–".join(both)


def span(days: int | None) -> str:
    """Write an interval of time in the unit a reader thinks in."""
    if days is None:
        return "unknown interval"
    if days == 0:
        return "same day"
    if days < 14:
        return f"{days} day{'s' if days != 1 else ''}"
    if days < 365:
        return f"{days} days ({days / 7:.1f} weeks)".replace(".0 weeks", " weeks")
    return f"{days} days ({days / 365.25:.1f} years)"


def position(level_mm: float) -> str:
    """Write a height in the patient as radiology stations do: S 34.2 mm or I 12.0 mm."""
    return f"{'S' if level_mm >= 0 else 'I'} {abs(level_mm):.1f} mm"


def direction_letter(direction: npt.ArrayLike) -> str:
    """Patient side (R, L, A, P, I or S) that a vector in LPS points to."""
    vector = np.asarray(direction, dtype=np.float64)
    axis = int(np.argmax(np.abs(vector)))
    return ("RL", "AP", "IS")[axis][int(vector[axis] > 0)]


def lesion_name(lesion: Lesion) -> str:
    """Name of a lesion at the start of a sentence."""
    return f"Lesion {lesion.name or lesion.id}"


def joined(items: Sequence[str]) -> str:
    """Join with commas and a final *and*."""
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1]


def days_between(first: dt.date | None, last: dt.date | None) -> int | None:
    """Days from one date to another, None where either is unknown."""
    return (last - first).days if first and last else None


def timepoint_name(comparison: Comparison, index: int) -> str:
    """Date of a timepoint where known, else its label or position."""
    return timepoint(comparison, index).name


def timepoint(comparison: Comparison, index: int) -> Timepoint:
    """Timepoint of the course with this index."""
    return next(t for t in comparison.course.timepoints if t.index == index)
