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
