"""Flags in words: what a reader should know about how a figure came about."""

from __future__ import annotations

from collections.abc import Iterable

from imgcompare.model import WHOLE, Comparison, Lesion
from imgcompare.reporting.wording import COMPARTMENT_NAMES, joined, timepoint

FLAG_TEXTS = {
    "LOW_RELIABILITY": "few slices or voxels, so the figures are of low reliability",
    "AT_IMAGE_EDGE": "reaches the edge of the image, so part of it may be missing",
    "PROPOSED": "proposed automatically, to be confirmed by a reader",
    "ARBITRARY_UNITS": "MR signal has no absolute scale",
    "TARGETS_PROPOSED": "target lesions were proposed by rule, to be confirmed by a reader",
    "NON_TARGET_STATUS_PROPOSED": "status of non-target lesions proposed from their sizes",
    "NON_TARGET_GROWTH_REVIEW": "a non-target lesion grew, to be judged by a reader",
    "NEW_LESION_PROPOSED": "a lesion was found at follow-up only, to be judged by a reader",
    "SITE_UNKNOWN": "organs not known: lesions without a site count as one (two targets)",
    "REVIEW_REAPPEARED_AFTER_CR": "back after complete response, to be judged by a reader",
    "REVIEW_NODE_NORMAL_AT_BASELINE": "a node of normal size grew, to be judged by a reader",
    "SLICE_THICKNESS_UNKNOWN": "slice thickness is not recorded",
    "REVIEW_NODE_AFTER_CR": "a node grew again after complete response, to be judged by a reader",
    "TOO_SMALL": "too small to measure reliably",
    "EDITED": "tissues redrawn in part by a person",
    "READER": "measured by a reader",
    "BASELINE_OLDER_THAN_4_WEEKS": "the baseline is more than 4 weeks older than the treatment",
    "DATES_UNKNOWN": "a date is not known",
    "TIME_ON_STUDY_UNKNOWN": "time on study not known, so stable disease cannot be counted",
    "CONFIRMATION_INTERVAL_UNKNOWN": "days to the confirming scan not known",
    "TOO_EARLY_TO_CONFIRM": "too early to confirm progression: repeat the scan",
    "LATE": "the confirming scan came later than asked for",
    "REVIEW_FURTHER_INCREASE": "any further increase would confirm: for a reader to say",
    "REVIEW_CR_THEN_LESS": "less than complete response after it: was it real? For a reader",
    "NEW_LESION_EQUIVOCAL": "a new lesion that this criterion takes as equivocal so far",
    "NEW_LESION_NOT_MEASURABLE": "a new lesion that is not measurable yet, to be followed",
    "NEW_LESION_SIZE_UNKNOWN": "a new lesion without a size, taken as measurable",
    "NEW_LESION_UNDER_IMMUNOTHERAPY": "new lesions alone are not progression on immunotherapy",
    "NON_TARGET_PD_NEEDS_THE_SUM": "non-targets are measured, so their sum decides",
    "REVIEW_NEW_ENHANCEMENT": "a little tissue enhances anew, to be judged by a reader",
    "ENHANCEMENT_UNKNOWN": "enhancement was not measured",
    "ARTERIAL_PHASE_ASSUMED": "the images after contrast are taken as arterial",
    "ENHANCEMENT_FROM_PORTAL_PHASE": "enhancement was told from the portal-venous phase",
    "PHASE_NOT_PORTAL": "attenuation is not from the portal-venous phase",
    "METRICS_DISAGREE": "products and volumes give different categories",
    "RADIOGRAPHIC_ONLY": "images only: steroids and clinical status are not known",
    "STEROIDS_INCREASED": "steroids were increased",
    "RECHECK": "may be due to treatment: recheck",
    "WINDOW_UNKNOWN": "no date of treatment, so its time window is not known",
    "WITHHELD": "no change is given, for the acquisitions differ too much",
    "ERROR_WIDENED": "the acquisitions differ, so the error is wider",
    "OUTSIDE_ITS_ORGAN": "the lesions lie outside the organ that this criterion is made for",
    "T2_FLAIR_FROM_OUTLINE": (
        "the outline of a lesion that does not enhance is taken for its extent on T2/FLAIR"
    ),
    "ORGAN_UNKNOWN": "where the lesions lie is not known, and this criterion is made for one organ",
    "BEFORE_BASELINE": "before the baseline of this criterion",
    "POST_RADIOTHERAPY_BASELINE": "the scan after radiotherapy is the baseline",
    "BASELINE_NOT_3_TO_5_WEEKS_AFTER_RADIOTHERAPY": (
        "no scan 3 to 5 weeks after radiotherapy: the first after it is the baseline"
    ),
}
"""Words for the flags that the stages set."""


def flag_text(flag: str) -> str:
    """Words for a flag; an unknown one is written as plain words."""
    if flag in FLAG_TEXTS:
        return FLAG_TEXTS[flag]
    return flag.replace("_", " ").lower() if flag.isupper() else flag


def flag_texts(flags: Iterable[str]) -> str:
    """Words for several flags in one line."""
    return "; ".join(dict.fromkeys(flag_text(f) for f in flags))


def lesion_notes(comparison: Comparison, lesion: Lesion) -> list[str]:
    """Say how a lesion was outlined and what its figures are flagged with, each note once."""
    notes: dict[str, list[str]] = {}
    for result in comparison.results:
        segmented = result.lesions.get(lesion.id)
        if segmented is None:
            continue
        flags = [*segmented.flags, *(["PROPOSED"] if segmented.proposed else [])]
        texts = [flag_text(f) for f in flags]
        if segmented.source:
            texts.insert(0, f"outline from {segmented.source}")
        own = [
            m
            for m in comparison.measurements
            if (m.lesion_id, m.timepoint_index) == (lesion.id, result.index)
        ]
        common = [f for m in own if m.compartment == WHOLE for f in m.flags]
        texts += [flag_text(f) for f in common]
        texts += [
            f"{COMPARTMENT_NAMES.get(m.compartment, m.compartment)}: {flag_text(f)}"
            for m in own
            for f in m.flags
            if f not in common and f not in flags
        ]
        for text in dict.fromkeys(texts):
            notes.setdefault(text, []).append(timepoint(comparison, result.index).name)
    return [f"{joined(when)}: {text}" for text, when in notes.items()]
