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
_MIN_SYLLABLES = 2
_SYLLABLES = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
"""Letters of Korean (in pieces and whole), Japanese and Chinese."""

_BETWEEN_NAMES = re.compile(r"[\^\s,.]+")
_WITHIN_NAMES = re.compile(r"[-'’]")
_JOINTS = ("", " ", "_", "^")
_SPELT_OUT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"}
)


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
    found = {n for n in (patient.id, *patient.secrets) if len(n) >= _MIN_NUMBER}
    for name in (patient.name, *patient.other_names):
        found |= {part for group in name.split("=") for part in _name_forms(group)}
    if patient.name:
        found.add(patient.name)
    found |= set(_date_forms(patient.birth_date.replace(".", "").replace("-", "")))
    return {f for f in found if len(f) >= _least(f)}


def _name_forms(name: str) -> set[str]:
    """Ways in which people and file names write one spelling of a name (PS3.5 6.2.1)."""
    parts = [part for part in _BETWEEN_NAMES.split(name) if part]
    found = {*parts, *(p for part in parts for p in _WITHIN_NAMES.split(part))}
    found |= {part.replace("-", "").replace("'", "").replace("’", "") for part in parts}
    if len(parts) > 1:
        one, other = parts[0], parts[1]
        found |= {joint.join(pair) for joint in _JOINTS for pair in ((one, other), (other, one))}
        found |= {one + other[0], other[0] + one, one[0] + other, other + one[0]}  # as log-ins do
    return found


def _least(text: str) -> int:
    """Letters that a part of a name needs; where a letter is a syllable or more, two are enough."""
    return _MIN_SYLLABLES if _SYLLABLES.search(text) else _MIN_NAME


def _spellings(text: str) -> tuple[str, ...]:
    """Ways in which computers write a word with accents: in one, in two, without, or spelt out."""
    apart = unicodedata.normalize("NFD", text)
    bare = "".join(c for c in apart if not unicodedata.combining(c))
    whole = unicodedata.normalize("NFC", text)
    spelt = whole.translate(_SPELT_OUT)
    sharp = bare.replace("ß", "ss")
    return tuple(dict.fromkeys((whole, apart, bare, sharp, spelt)))


def _bounded(text: str) -> str:
    """Pattern of a secret that is no piece of a longer word or number.

    A name ends where no letter follows, a number where no digit does: ``Doe2`` holds ``Doe``.
    Chinese, Japanese and Korean put no spaces between words.
    """
    before, after = (_bound(c) for c in (text[0], text[-1]))
    return rf"{before and f'(?<!{before})'}{re.escape(text)}{after and f'(?!{after})'}"


def _bound(letter: str) -> str:
    """Give what may not stand beside a secret that begins or ends with a letter."""
    if letter.isdigit():
        return r"\d"
    return "" if _SYLLABLES.match(letter) else r"[^\W\d_]"


def _date_forms(digits: str) -> tuple[str, ...]:
    """Ways in which a date of eight digits is written."""
    if len(digits) != 8:
        return ()
    year, month, day = digits[:4], digits[4:6], digits[6:]
    return digits, f"{year}-{month}-{day}", f"{year}_{month}_{day}", f"{day}.{month}.{year}"
