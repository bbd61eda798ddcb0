"""Structured reports hold the figures, where they were measured, and on whom they follow."""

import io
from typing import Any

import numpy as np
import pydicom
import pytest

from imgcompare.model import WHOLE, Comparison
from imgcompare.reporting.dicom_objects import DicomFiles
from tests.reporting.dicom_case import TRACKING, reference

highdicom = pytest.importorskip("highdicom")

STEMS = ("timepoint-0_2024-01-10", "timepoint-1_2024-03-06")
MM, CM3 = "mm", "cm3"


@pytest.fixture(scope="module")
def reports(objects: DicomFiles) -> list[Any]:
    return [highdicom.sr.srread(io.BytesIO(objects.files[f"sr/{s}.sr.dcm"])) for s in STEMS]


def volumes(report: Any) -> dict[str, Any]:
    groups = report.content.get_volumetric_roi_measurement_groups()
    return {g.tracking_identifier: g for g in groups}


def others(report: Any) -> list[Any]:
    return list(report.content.get_image_measurement_groups())


def figure(group: Any, meaning: str) -> Any:
    (found,) = [m for m in group.get_measurements() if m.name.meaning == meaning]
    return found


def said(group: Any) -> dict[str, tuple[str, str]]:
    return {
        e.name.value: (e.value.value, e.value.scheme_designator)
        for e in group.get_qualitative_evaluations()
    }


def child(group: Any, value: str) -> Any:
    return next(
        i for i in group[0].ContentSequence if i.ConceptNameCodeSequence[0].CodeValue == value
    )


@pytest.mark.parametrize("visit", [0, 1])
def test_volumes_and_their_intervals_are_those_measured(
    visit: int, reports: list[Any], dicom_case: Comparison
) -> None:
    groups = volumes(reports[visit])
    checked = 0
    for m in dicom_case.measurements:
        if (m.timepoint_index, m.quantity) != (visit, "volume") or not m.value:
            continue
        name = f"lesion {m.lesion_id}" + ("" if m.compartment == WHOLE else f" {m.compartment}")
        found = figure(groups[name], "Volume")
        assert (found.value, found.unit.value) == (m.value, CM3)
        assert found.method.value == "VOXEL_FRACTIONS"
        reach = {
            i.ConceptNameCodeSequence[0].CodeValue: i.MeasuredValueSequence[0]
            for i in found[0].ContentSequence
            if i.ValueType == "NUM"
        }
        assert float(reach["371886008"].FloatingPointValue) == pytest.approx(m.ci_high - m.value)
        assert float(reach["371885007"].FloatingPointValue) == pytest.approx(m.value - m.ci_low)
        assert reach["371885007"].MeasurementUnitsCodeSequence[0].CodeValue == CM3
        checked += 1
    assert checked == len(groups) == (8, 4)[visit]


def test_volumes_refer_to_their_segments(reports: list[Any], objects: DicomFiles) -> None:
    made = [
        pydicom.dcmread(io.BytesIO(objects.files[f"labels/{STEMS[0]}_{n}.seg.dcm"]))
        for n in ("lesions", "tissues")
    ]
    labels = {
        (m.SOPInstanceUID, s.SegmentNumber): (s.SegmentLabel, s.TrackingUID)
        for m in made
        for s in m.SegmentSequence
    }
    for name, group in volumes(reports[0]).items():
        segment = child(group, "121191").ReferencedSOPSequence[0]
        key = segment.ReferencedSOPInstanceUID, segment.ReferencedSegmentNumber
        assert labels[key] == (name, str(group.tracking_uid))
    evidence = reports[0].CurrentRequestedProcedureEvidenceSequence[0]
    listed = {
        i.ReferencedSOPInstanceUID
        for s in evidence.ReferencedSeriesSequence
        for i in s.ReferencedSOPSequence
    }
    assert {m.SOPInstanceUID for m in made} <= listed


@pytest.mark.parametrize("visit", [0, 1])
def test_diameters_lie_on_their_image(
    visit: int, reports: list[Any], dicom_case: Comparison
) -> None:
    result = dicom_case.results[visit]
    headers = {h.SOPInstanceUID: h for h in map(pydicom.dcmread, reference(result).files)}
    group = next(g for g in others(reports[visit]) if str(g.tracking_uid) == TRACKING[0])
    wanted = {
        m.quantity: m
        for m in dicom_case.measurements
        if (m.lesion_id, m.timepoint_index) == (1, visit) and m.unit == MM
    }
    found = figure(group, "Long axis")
    assert found.value == wanted["longest_diameter"].value
    (line,) = found.referenced_coordinates
    image = headers[line.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID]
    along, down = np.reshape([float(x) for x in image.ImageOrientationPatient], (2, 3))
    row_mm, column_mm = (float(x) for x in image.PixelSpacing)
    corner = np.array([float(x) for x in image.ImagePositionPatient])
    columns, rows = (line.value - 0.5).T  # PS3.3 C.18.6.1.1: from the corner of the first pixel
    points = corner + np.outer(columns * column_mm, along) + np.outer(rows * row_mm, down)
    ends = np.array(wanted["longest_diameter"].endpoints_lps_mm)
    np.testing.assert_allclose(points, ends, atol=1e-3)
    space = figure(group, "Maximum 3D Diameter of a Mesh")
    (line,) = space.referenced_coordinates
    np.testing.assert_allclose(line.value, wanted["diameter_3d"].endpoints_lps_mm, atol=1e-4)
    assert line.frame_of_reference_uid == result.aligned.geometry.frame_of_reference_uid


def test_a_lesion_keeps_its_tracking_uid(reports: list[Any]) -> None:
    first, second = (volumes(r) for r in reports)
    assert str(first["lesion 1"].tracking_uid) == TRACKING[0]
    assert {n: str(g.tracking_uid) for n, g in second.items()}.items() <= {
        n: str(g.tracking_uid) for n, g in first.items()
    }.items()
    assert len({str(g.tracking_uid) for g in first.values()}) == len(first)


def test_a_vanished_lesion_is_zero_without_a_segment(reports: list[Any]) -> None:
    assert "lesion 2" not in volumes(reports[1])
    gone = next(g for g in others(reports[1]) if str(g.tracking_uid) == TRACKING[1])
    assert figure(gone, "Volume").value == 0.0
    assert said(gone)["LESION_ROLE"] == ("112075", "DCM")


def test_sites_and_findings_are_coded(reports: list[Any]) -> None:
    groups = volumes(reports[0])
    assert [s.value.value for s in groups["lesion 1"].finding_sites] == ["12738006"]
    assert [s.value.value for s in groups["lesion 2"].finding_sites] == ["59441001"]
    assert groups["lesion 1"].finding_type.value == "52988006"
    assert groups["lesion 1 necrotic"].finding_type.value == "6574001"
    assert said(groups["lesion 1"])["LESION_ROLE"] == ("112074", "DCM")


def test_time_points_are_told_with_days_since_baseline(reports: list[Any]) -> None:
    first, second = (volumes(r)["lesion 1"] for r in reports)
    assert said(first)["126072"] == ("C1442488", "UMLS")
    assert "126072" not in said(second)
    assert child(second, "C2348792").TextValue == "2024-03-06"
    assert child(second, "126070").TextValue == STEMS[1]
    assert int(child(second, "126073").MeasuredValueSequence[0].NumericValue) == 2
    assert int(child(second, "128740").MeasuredValueSequence[0].NumericValue) == 56


def test_changes_are_private_and_each_pair_comes_once(reports: list[Any]) -> None:
    group = volumes(reports[1])["lesion 1"]
    change = figure(group, "Percent change of volume against baseline")
    assert (change.value, change.unit.value) == (-37.5, "%")
    assert (change.name.value, change.name.scheme_designator) == ("VOL_PCT_BASE", "99IMGCMP")
    assert said(group)["VOL_ERR_BASE"] == ("373066001", "SCT")
    names = {m.name.value for m in group.get_measurements()}
    assert "VOL_PCT_PREV" not in names  # previous is baseline
    schemes = reports[1].CodingSchemeIdentificationSequence
    assert [s.CodingSchemeDesignator for s in schemes] == ["99IMGCMP"]


def test_only_recist_gets_the_codes_of_dicom(reports: list[Any]) -> None:
    groups = {g.tracking_identifier: g for g in others(reports[1])}
    recist, immune, rano = (groups[n] for n in ("RECIST 1.1", "iRECIST 2017", "RANO-HGG 2010"))
    assert said(recist)["TARGET_RESPONSE"] == ("112042", "DCM")
    assert said(recist)["112048"] == ("PR", "99IMGCMP")
    assert said(immune)["112048"] == ("iPR", "99IMGCMP")
    assert "TARGET_RESPONSE" not in said(immune) | said(rano)
    assert recist.method.value == "126081"
    assert rano.method.value == "C114879"
    assert immune.method.scheme_designator == "99IMGCMP"
    total = figure(recist, "Sum that a criterion adds up")
    assert (total.value, total.unit.value) == (31.25, MM)


def test_the_algorithm_is_named(reports: list[Any]) -> None:
    group = volumes(reports[0])["lesion 1"]
    assert child(group, "111001").TextValue == "imgcompare"
    assert child(group, "111003").TextValue
    assert child(group, "111002").TextValue == "outline: proposal"


def test_the_document_is_a_comprehensive_3d_report(reports: list[Any]) -> None:
    report = reports[0]
    assert report.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.34"
    assert report.ConceptNameCodeSequence[0].CodeValue == "126001"
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert report.VerificationFlag == "UNVERIFIED"
    assert "111028" in {i.ConceptNameCodeSequence[0].CodeValue for i in report.ContentSequence}
