"""What is DICOM but no image is recognised by its SOP class and listed beside its study."""

from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from click.testing import CliRunner
from pydicom.uid import generate_uid

from imgcompare.cli.scan import command
from imgcompare.errors import NothingFoundError
from imgcompare.loading import scan, scan_as_dict, summary_rows
from imgcompare.loading.objects import kind_of
from tests.loading.dicom_builder import NAME, SeriesSpec, write_series
from tests.loading.instances import FACTS

STORAGE = "1.2.840.10008.5.1.4.1.1."


@pytest.mark.parametrize(
    ("sop_class", "kind"),
    [
        (STORAGE + "7", "secondary capture"),
        (STORAGE + "7.4", "secondary capture"),
        (STORAGE + "11.1", "presentation state"),
        (STORAGE + "88.11", "structured report"),
        (STORAGE + "88.59", "key object selection"),
        (STORAGE + "88.67", "dose report"),
        (STORAGE + "66", "raw data"),
        (STORAGE + "66.1", "registration"),
        (STORAGE + "66.4", "segmentation"),
        (STORAGE + "481.3", "RT structure set"),
        (STORAGE + "481.2", "RT dose"),
        (STORAGE + "104.1", "encapsulated document"),
        (STORAGE + "9.1.1", "waveform"),
        ("1.3.12.2.1107.5.9.1", "raw data"),
        (STORAGE + "6.1", "US object"),
        (STORAGE + "77.1.6", "US object"),
        ("1.9.8.7", "US object"),
    ],
)
def test_kinds(sop_class: str, kind: str) -> None:
    assert kind_of(replace(FACTS, sop_class=sop_class, modality="US")) == kind


def test_a_capture_of_a_dose_page_is_a_dose_report() -> None:
    capture = replace(FACTS, sop_class=STORAGE + "7", description="Dose Report")
    assert kind_of(capture) == "dose report"
    assert kind_of(replace(capture, description="Key images")) == "secondary capture"


def add_object(path: Path, target: Path, **values: str) -> None:
    dataset = pydicom.dcmread(path)
    dataset.SOPInstanceUID = generate_uid()
    del dataset.PixelData
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.save_as(target)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = write_series(tmp_path, SeriesSpec("AX T1"))[0]
    for n in range(2):
        add_object(
            path,
            tmp_path / f"o{n}",
            SOPClassUID=STORAGE + "88.33",
            Modality="SR",
            SeriesInstanceUID="1.2.88",
            SeriesDescription=f"Report {NAME.split('^')[0]}",
            SeriesNumber="900",
        )
    add_object(
        path,
        tmp_path / "seg",
        SOPClassUID=STORAGE + "66.4",
        Modality="SEG",
        SeriesInstanceUID="1.2.66",
        StudyInstanceUID="1.2.99",
        StudyDate="20240202",
    )
    return tmp_path


def test_objects_are_counted_by_series_beside_their_study(folder: Path) -> None:
    report, seg = scan(folder).objects
    assert (report.kind, report.count, report.number) == ("structured report", 2, 900)
    assert (report.subject, report.timepoint) == ("subject-01", "2024-01-10")
    assert report.description == "Report [hidden]"
    # a study without images belongs to its patient, with its own date
    assert (seg.kind, seg.subject, seg.timepoint) == ("segmentation", "subject-01", "2024-02-02")


def test_json_and_table_list_objects(folder: Path) -> None:
    result = scan(folder)
    shown = scan_as_dict(result)["objects"]
    assert [o["kind"] for o in shown] == ["structured report", "segmentation"]
    assert "files" not in shown[0]
    assert len(scan_as_dict(result, identified=True)["objects"][0]["files"]) == 2
    rows = summary_rows(result)
    assert [(r.role, r.listed) for r in rows] == [
        ("T1", False),
        ("structured report", True),
        ("segmentation", True),
    ]
    printed = CliRunner().invoke(command, [str(folder)]).output
    assert "structured report" in printed
    assert "2 files" in printed
    assert "Report [hidden]" in printed
    assert "in brackets" not in printed


def test_a_lone_object_of_another_study_belongs_to_its_patient(folder: Path) -> None:
    for name in ("o0", "o1"):
        (folder / name).unlink()
    (seg,) = scan(folder).objects
    assert (seg.subject, seg.timepoint) == ("subject-01", "2024-02-02")


def test_objects_of_another_patient_have_no_subject(folder: Path) -> None:
    seg = pydicom.dcmread(folder / "seg")
    seg.PatientID, seg.PatientName, seg.StudyInstanceUID = "other", "Some^One", "1.2.77"
    seg.save_as(folder / "stranger")
    stranger = scan(folder).objects[0]
    assert (stranger.subject, stranger.timepoint) == ("", "2024-02-02")


def test_objects_alone_are_no_images(tmp_path: Path) -> None:
    paths = write_series(tmp_path, SeriesSpec("AX T1"))
    add_object(paths[0], tmp_path / "report", SOPClassUID=STORAGE + "88.33", Modality="SR")
    for path in paths:
        path.unlink()
    with pytest.raises(NothingFoundError, match="1 structured report recognised, not stacked"):
        scan(tmp_path)
