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


class Category(StrEnum):
    """Categories of all criteria, best first within each family; NE is not evaluable.

    ``PRE_PD`` is progression that a later scan has yet to confirm (RANO family). MR is the minor
    response of tumours without enhancement. The others are those of RECIST and iRECIST.
    """

    BASELINE = "baseline"
    CR = "CR"
    PR = "PR"
    MR = "MR"
    SD = "SD"
    NON_CR_NON_PD = "Non-CR/Non-PD"
    NED = "NED"
    NE = "NE"
    PRE_PD = "prePD"
    PD = "PD"
    ICR = "iCR"
    IPR = "iPR"
    ISD = "iSD"
    INON_CR_NON_PD = "iNon-CR/Non-PD"
    IUPD = "iUPD"
    ICPD = "iCPD"


class ReaderFinding(StrEnum):
    """What a reader saw at a timepoint that no measurement can decide."""

    NON_TARGET_INCREASE = "non_target_increase"
    """Non-target disease that progressed before has increased further (iRECIST)."""
    NEW_NON_TARGET_INCREASE = "new_non_target_increase"
    """New lesions that are no targets have increased (iRECIST)."""
    SYMPTOMATIC_SCAN = "symptomatic_scan"
    """An unscheduled scan because of symptoms (iRECIST: may confirm before 4 weeks)."""
    CR_OVERCALLED = "cr_overcalled"
    """Complete response was called here, but in hindsight something remained (RECIST)."""
    INTRATUMOURAL_NODULE = "intratumoural_nodule"
    """A new or growing nodule inside a lesion (Choi)."""
    T2_FLAIR_INCREASE = "t2_flair_increase"
    """Significant increase of T2/FLAIR abnormality not explained otherwise (RANO)."""
    OUTSIDE_RADIATION_FIELD = "outside_radiation_field"
    """The growth or new enhancement lies outside the high-dose field (RANO)."""
    TUMOUR_IN_HISTOLOGY = "tumour_in_histology"
    """Tissue taken proved progression (RANO)."""
    NO_WASHOUT = "no_washout"
    """A new liver nodule has no washout: equivocal until it grows (mRECIST)."""
    POSITIVE_CYTOLOGY = "positive_cytology"
    """Effusion or ascites holds malignant cells (mRECIST)."""


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
    states : mapping of (lesion id, timepoint index) to LesionState
        States that were typed instead of, or beside, a measurement: ABSENT counts as zero,
        TOO_SMALL by convention, NE and MERGED as the criterion says.
    findings : mapping of timepoint index to collection of ReaderFinding
        Everything else that only a reader sees.
    small_parts : collection of (lesion id, timepoint index, compartment)
        Parts of lesions that are seen but too small to measure; they count by convention.
    statuses : mapping of (lesion id, timepoint index) to Response
        Status of each non-target where each has its own; ``non_target`` joins them.
    """

    targets: Collection[int] | None = None
    non_target: Mapping[int, Response] = field(default_factory=dict)
    new_lesions: Mapping[int, Collection[int]] = field(default_factory=dict)
    states: Mapping[tuple[int, int], LesionState] = field(default_factory=dict)
    findings: Mapping[int, Collection[ReaderFinding]] = field(default_factory=dict)
    small_parts: Collection[tuple[int, int, str]] = ()
    statuses: Mapping[tuple[int, int], Response] = field(default_factory=dict)


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
