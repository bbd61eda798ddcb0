"""Keeps patients' names and numbers out of everything that is shown."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
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
        spelled = {form for text in found for form in _spellings(text)}
        parts = sorted(spelled, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_bounded, parts)), re.IGNORECASE) if parts else None

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
    if len(name_parts) > 1:  # file names join them
        found |= {name_parts[0] + name_parts[1], name_parts[1] + name_parts[0]}
    found |= set(_date_forms(patient.birth_date.replace(".", "").replace("-", "")))
    return {f for f in found if len(f) >= _MIN_NAME}


def _spellings(text: str) -> tuple[str, ...]:
    """Ways in which computers write a word with accents: in one, in two, or without."""
    apart = unicodedata.normalize("NFD", text)
    bare = "".join(c for c in apart if not unicodedata.combining(c))
    return tuple(dict.fromkeys((unicodedata.normalize("NFC", text), apart, bare)))


def _bounded(text: str) -> str:
    """Pattern of a secret that is no piece of a longer word or number.

    A name ends where no letter follows, a number where no digit does: ``Doe2`` holds ``Doe``.
    """
    first, last = (r"\d" if c.isdigit() else r"[^\W\d_]" for c in (text[0], text[-1]))
    return rf"(?<!{first}){re.escape(text)}(?!{last})"


def _date_forms(digits: str) -> tuple[str, ...]:
    """Ways in which a date of eight digits is written."""
    if len(digits) != 8:
        return ()
    year, month, day = digits[:4], digits[4:6], digits[6:]
    return digits, f"{year}-{month}-{day}", f"{year}_{month}_{day}", f"{day}.{month}.{year}"
