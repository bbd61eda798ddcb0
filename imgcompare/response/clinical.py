"""What the events table says about the patient at each timepoint."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from imgcompare.errors import InputError
from imgcompare.model import ClinicalEvent, ClinicalEventKind


class Steroids(StrEnum):
    """Steroid dose against the one at baseline; ``none`` includes physiological replacement."""

    NONE = "none"
    STABLE = "stable"
    INCREASED = "increased"


class ClinicalStatus(StrEnum):
    """Clinical status against the one at baseline; worse means attributable to the tumour."""

    BETTER = "better"
    STABLE = "stable"
    WORSE = "worse"


STEROID_WORDS = {
    "none": Steroids.NONE,
    "physiologic": Steroids.NONE,
    "stable": Steroids.STABLE,
    "decreased": Steroids.STABLE,
    "increased": Steroids.INCREASED,
}
"""Words for a steroid dose; a number of mg per day is understood as well."""

MARKER_WORDS = {"normal": True, "elevated": False}
"""Words for a tumour marker: whether it is normal."""


def require_known(event: ClinicalEvent) -> None:
    """Raise InputError if the value of an event means nothing for its kind."""
    value = event.value.strip().lower()
    is_dose = value in STEROID_WORDS or _dose(value) is not None
    if event.kind is ClinicalEventKind.STEROID_DOSE and not is_dose:
        words = ", ".join(STEROID_WORDS)
        raise InputError(f"A steroid_dose must be mg per day or one of {words}, not {value!r}.")
    if event.kind is ClinicalEventKind.CLINICAL_STATUS and value not in set(ClinicalStatus):
        words = ", ".join(ClinicalStatus)
        raise InputError(f"A clinical_status must be one of {words}, not {value!r}.")


def steroids_at(
    events: Sequence[ClinicalEvent], date: dt.date | None, *, baseline: dt.date | None
) -> Steroids | None:
    """Steroid dose at a date against the one at baseline; None if nothing is known.

    Doses in mg per day are compared with the last one up to the baseline.
    """
    value = last_value(events, ClinicalEventKind.STEROID_DOSE, date)
    if value is None:
        return None
    if value in STEROID_WORDS:
        return STEROID_WORDS[value]
    dose = _dose(value) or Decimal(0)
    if not dose:
        return Steroids.NONE
    before = last_value(events, ClinicalEventKind.STEROID_DOSE, baseline)
    if before is None:
        return None
    reference = Decimal(0) if STEROID_WORDS.get(before) is Steroids.NONE else _dose(before)
    if reference is None:
        return None
    return Steroids.INCREASED if dose > reference else Steroids.STABLE


def status_at(events: Sequence[ClinicalEvent], date: dt.date | None) -> ClinicalStatus | None:
    """Clinical status at a date; None if nothing is known."""
    value = last_value(events, ClinicalEventKind.CLINICAL_STATUS, date)
    return None if value is None else ClinicalStatus(value)


def markers_normal_at(events: Sequence[ClinicalEvent], date: dt.date | None) -> bool | None:
    """Whether the tumour marker is normal at a date; None if it is not followed or a number."""
    value = last_value(events, ClinicalEventKind.TUMOUR_MARKER, date)
    return None if value is None else MARKER_WORDS.get(value)


def last_value(
    events: Sequence[ClinicalEvent], kind: ClinicalEventKind, date: dt.date | None
) -> str | None:
    """Value of the last such event up to a date, in small letters; None if there is none."""
    if date is None:
        return None
    known = [(e.date, e.value.strip().lower()) for e in events if e.kind is kind]
    return max((k for k in known if k[0] <= date), default=(None, None))[1]


def _dose(value: str) -> Decimal | None:
    try:
        dose = Decimal(value)
    except InvalidOperation:
        return None
    return dose if dose.is_finite() and dose >= 0 else None
