"""Identities and times that DICOM objects share: tracking identifiers, time point context."""

from __future__ import annotations

import uuid

from highdicom import sr

from imgcompare.model import WHOLE, Comparison, Lesion
from imgcompare.reporting import dicom_codes as codes
from imgcompare.reporting.transforms import file_stem
from imgcompare.reporting.wording import timepoint


def tracking_name(lesion: Lesion, compartment: str = WHOLE) -> str:
    """Name a lesion or its compartment, without words that people wrote."""
    return f"lesion {lesion.id}" + ("" if compartment == WHOLE else f" {compartment}")


def tracking_uid(lesion: Lesion, compartment: str = WHOLE) -> str:
    """Give the lesion's tracking UID; for a compartment one that follows from it."""
    return (
        lesion.tracking_uid if compartment == WHOLE else derived(lesion.tracking_uid, compartment)
    )


def derived(uid: str, name: str) -> str:
    """Give the UID that a name has beside another UID, the same every time (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'{uid}/{name}').int}"


def time_point_context(comparison: Comparison, index: int) -> sr.TimePointContext:
    """Give which of the subject's timepoints it is, and how long after baseline (TID 1502)."""
    base = comparison.course.baseline_index
    then, now = (timepoint(comparison, i).date for i in (base, index))
    offset = None
    if then is not None and now is not None:
        offset = sr.LongitudinalTemporalOffsetFromEvent(
            (now - then).days, codes.DAY, codes.BASELINE
        )
    return sr.TimePointContext(
        time_point=now.isoformat() if now else str(index),
        time_point_type=codes.BASELINE if index == base else None,
        time_point_order=index + 1,
        subject_time_point_identifier=file_stem(comparison, index),
        temporal_offset_from_event=offset,
    )
