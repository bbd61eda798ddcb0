"""What only people know: a reader's judgements, and what happened to the patient."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Response(StrEnum):
    """Categories of RECIST 1.1."""

    CR = "CR"
    PR = "PR"
    SD = "SD"
    NON_CR_NON_PD = "Non-CR/Non-PD"
    NED = "NED"
    NE = "NE"
    PD = "PD"


class LesionState(StrEnum):
    """What is known about a lesion at one timepoint; NE (not evaluated) is not zero."""

    MEASURED = "measured"
    TOO_SMALL = "too_small"
    ABSENT = "absent"
    NE = "not_evaluated"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class ReaderInput:
    """What only a reader can decide.

    Attributes
    ----------
    targets : collection of int, optional
        Lesion ids of the target lesions; proposed by rule when None.
    non_target : mapping of timepoint index to Response
        Status of all non-target lesions together (CR, NON_CR_NON_PD, PD or NE). PD means
        unequivocal progression.
    new_lesions : mapping of timepoint index to collection of int
        Lesions confirmed as new and malignant, at the timepoint they first appeared.
    """

    targets: Collection[int] | None = None
    non_target: Mapping[int, Response] = field(default_factory=dict)
    new_lesions: Mapping[int, Collection[int]] = field(default_factory=dict)


class ClinicalEventKind(StrEnum):
    """What a row of an events table is about."""

    THERAPY_START = "therapy_start"
    RADIOTHERAPY_END = "radiotherapy_end"
    IMMUNOTHERAPY_START = "immunotherapy_start"
    STEROID_DOSE = "steroid_dose"
    CLINICAL_STATUS = "clinical_status"
    TUMOUR_MARKER = "tumour_marker"
    SURGERY = "surgery"


@dataclass(frozen=True, slots=True)
class ClinicalEvent:
    """Something that happened to the patient on a date; ``value`` as the table gives it."""

    kind: ClinicalEventKind
    date: dt.date
    value: str = ""
