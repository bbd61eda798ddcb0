"""Keeps patients' names and numbers out of everything that is shown."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Final

from imgcompare.loading.instances import Patient

HIDDEN: Final = "[hidden]"

_MIN_NAME = 3  # shorter parts of names (LI, NG) also are words of descriptions
_MIN_NUMBER = 4


class Scrubber:
    """Replaces known names, identifiers and birth dates in texts that people wrote.

    Series descriptions, file and folder names are written by people and do hold patient names.
    """

    def __init__(
        self,
        patients: Iterable[Patient] = (),
        *,
        keep: Iterable[dt.date] = (),
        identified: bool = False,
    ) -> None:
        found: set[str] = set()
        if not identified:
            for patient in patients:
                found |= _identifying(patient)
        for date in keep:  # de-identified birth dates are often the date of the study
            found -= set(_date_forms(f"{date:%Y%m%d}"))
        parts = sorted(map(re.escape, found), key=len, reverse=True)
        self._pattern = (
            re.compile(rf"(?<![^\W_])(?:{'|'.join(parts)})(?![^\W_])", re.IGNORECASE)
            if parts
            else None
        )

    def __call__(self, text: str) -> str:
        """Give the text without what identifies a patient."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text


def _identifying(patient: Patient) -> set[str]:
    """Strings that identify a patient and are long enough not to be ordinary words."""
    name_parts = re.split(r"[\^=\s,.]+", patient.name)
    found = {part for part in name_parts if len(part) >= _MIN_NAME}
    found |= {n for n in (patient.id, *patient.secrets) if len(n) >= _MIN_NUMBER}
    if patient.name:
        found |= {patient.name, patient.name.replace("^", "_"), patient.name.replace("^", " ")}
    found |= set(_date_forms(patient.birth_date.replace(".", "").replace("-", "")))
    return {f for f in found if len(f) >= _MIN_NAME}


def _date_forms(digits: str) -> tuple[str, ...]:
    """Ways in which a date of eight digits is written."""
    if len(digits) != 8:
        return ()
    year, month, day = digits[:4], digits[4:6], digits[6:]
    return digits, f"{year}-{month}-{day}", f"{year}_{month}_{day}", f"{day}.{month}.{year}"
