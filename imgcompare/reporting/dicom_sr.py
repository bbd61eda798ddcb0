"""Figures of one timepoint as a DICOM structured report (Comprehensive 3D SR, TID 1500).

Volumes and intensities are volumetric groups (TID 1411) that refer to segments; diameters are
groups (TID 1501) whose figures carry their end points; a group per criterion holds its sum and
category. A lesion has one tracking UID at all timepoints, and so has each of its compartments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import highdicom
from highdicom import sr
from highdicom.base import SOPClass
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import UID

from imgcompare.model import Comparison, Series, SourceImage, TimepointResult
from imgcompare.reporting import dicom_codes as codes
from imgcompare.reporting.dicom_lesions import SegmentPlace, Visit, drawn_on, lesion_groups
from imgcompare.reporting.dicom_response import response_groups
from imgcompare.reporting.dicom_source import (
    SOFTWARE,
    Owner,
    equipment,
    image_reference,
    new_uid,
    series_reference,
    sign,
    slice_images,
    template,
)
from imgcompare.reporting.dicom_tracking import time_point_context

COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"
TITLE = Code("126001", "DCM", "Oncology Measurement Report")
PROCEDURE = Code("363679005", "SCT", "Imaging procedure")
OBSERVER_UID = UID("2.25.65051723922114802651588134113095640077")


def structured_report(
    comparison: Comparison,
    result: TimepointResult,
    *,
    series: Series,
    segments: Mapping[tuple[int, str], SegmentPlace],
    evidence: list[Any],
    owner: Owner,
    number: int,
) -> Any | None:
    """Make the report of one timepoint; None if there is no figure.

    Parameters
    ----------
    comparison : Comparison
        What was found.
    result : TimepointResult
        The timepoint.
    series : Series
        The series that was measured, of DICOM.
    segments : mapping of (lesion id, compartment) to SegmentPlace
        Compartments without one have no voxel.
    evidence : list of Dataset
        The segmentations.
    owner : Owner
        Whom it is about.
    number : int
        Series number.
    """
    grid = result.aligned.geometry
    when = time_point_context(comparison, result.index)
    visit = Visit(comparison, result, series, segments, slice_images(series, grid), when)
    groups = [g for lesion in comparison.lesions for g in lesion_groups(visit, lesion)]
    groups += response_groups(comparison, result.index, when)
    if not groups:
        return None
    used = drawn_on(visit)
    pictures = [template(series, i, grid) for _, i in sorted(used.items()) if i.frame is None]
    report = sr.MeasurementReport(
        observation_context=_observer(),
        procedure_reported=PROCEDURE,
        imaging_measurements=groups,
        title=TITLE,
        referenced_images=pictures or None,
    )
    referred = [series_reference(series, list(used.values()) or series.images[:1])]
    made = _document(report[0], series, [*referred, *map(_own_series, evidence)], number)
    sign(made, owner, description=f"{SOFTWARE} measurements")
    return made


def _document(content: Any, series: Series, evidence: list[Dataset], number: int) -> Any:
    """Put a content tree into a document (PS3.3 C.17.2).

    Highdicom's own document class copies and parses the whole tree again, which takes longer than
    everything else here together.
    """
    made = SOPClass(
        study_instance_uid=series.study_uid,
        series_instance_uid=new_uid(),
        series_number=number,
        sop_instance_uid=new_uid(),
        sop_class_uid=COMPREHENSIVE_3D_SR,
        instance_number=1,
        modality="SR",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        **equipment(),
    )
    for element in content:
        made[element.tag] = element
    made.CompletionFlag, made.VerificationFlag = "COMPLETE", "UNVERIFIED"
    made.PreliminaryFlag = "PRELIMINARY"
    study = Dataset()
    study.StudyInstanceUID = series.study_uid
    study.ReferencedSeriesSequence = [_as_evidence(item) for item in evidence]
    made.CurrentRequestedProcedureEvidenceSequence = [study]
    made.PerformedProcedureCodeSequence = []
    made.ReferencedPerformedProcedureStepSequence = []
    made.CodingSchemeIdentificationSequence = [
        highdicom.coding_schemes.CodingSchemeIdentificationItem(
            designator=codes.PRIVATE_SCHEME,
            name=codes.PRIVATE_SCHEME_NAME,
            responsible_organization=SOFTWARE,
        )
    ]
    return made


def _own_series(made: Any) -> Dataset:
    """Give the item that lists an object of this run."""
    item = Dataset()
    item.SeriesInstanceUID = made.SeriesInstanceUID
    image = SourceImage(made.SOPClassUID, made.SOPInstanceUID)
    item.ReferencedInstanceSequence = [image_reference(image)]
    return item


def _as_evidence(item: Dataset) -> Dataset:
    """Turn an item that lists images into that of evidence, whose sequence has another name."""
    made = Dataset()
    made.SeriesInstanceUID = item.SeriesInstanceUID
    made.ReferencedSOPSequence = item.ReferencedInstanceSequence
    return made


def _observer() -> sr.ObservationContext:
    return sr.ObservationContext(
        observer_device_context=sr.ObserverContext(
            observer_type=sr.CodedConcept("121007", "DCM", "Device"),
            observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
                uid=OBSERVER_UID, name=SOFTWARE, manufacturer_name=SOFTWARE, model_name=SOFTWARE
            ),
        )
    )
