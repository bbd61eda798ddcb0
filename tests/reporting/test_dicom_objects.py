"""Objects are written where the sources allow, name whom they may, and say why there are none."""

import io
import json
import logging
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.config import disable_value_validation

from imgcompare.geometry import Geometry
from imgcompare.model import Comparison, RegistrationQuality, Transform, finish
from imgcompare.reporting import write_comparison
from imgcompare.reporting.dicom_objects import DicomFiles, dicom_files
from tests.loading.dicom_builder import ACCESSION, BIRTH, IDENTIFIER, NAME
from tests.reporting.builders import CaseSpec, make_comparison
from tests.reporting.dicom_case import FRAMES, make_case, motion, write_visits

SECRETS = (*NAME.split("^"), IDENTIFIER, BIRTH, ACCESSION, "Hausarzt", "S77")


def test_each_visit_gets_its_objects(objects: DicomFiles) -> None:
    stems = ("timepoint-0_2024-01-10", "timepoint-1_2024-03-06")
    expected = {f"transforms/{stems[1]}_onto_{stems[0]}.reg.dcm"}
    for stem in stems:
        expected |= {f"labels/{stem}_lesions.seg.dcm", f"labels/{stem}_tissues.seg.dcm"}
        expected |= {f"sr/{stem}.sr.dcm"}
    assert set(objects.files) == expected
    assert objects.decisions == ()


def test_no_identity_without_being_asked(objects: DicomFiles) -> None:
    for content in objects.files.values():
        text = content.decode("latin-1").lower()
        assert not [s for s in SECRETS if s.lower() in text]
        made = pydicom.dcmread(io.BytesIO(content))
        assert made.PatientID == made.PatientName == "subject-01"
        assert made.PatientIdentityRemoved == "YES"
        assert made.DeidentificationMethod
        codes = [c.CodeValue for c in made.DeidentificationMethodCodeSequence]
        assert codes == ["113100", "113106", "113110"]
        assert made.StudyDate in ("20240110", "20240306")


def test_identity_is_copied_when_asked(tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    case = make_case(write_visits(tmp_path), identified=True)
    for content in dicom_files(case).files.values():
        made = pydicom.dcmread(io.BytesIO(content))
        assert (made.PatientName, made.PatientID) == (NAME, IDENTIFIER)
        assert (made.PatientBirthDate, made.PatientSex) == (BIRTH, "F")
        assert (made.AccessionNumber, made.StudyID) == (ACCESSION, "S77")
        assert made.ReferringPhysicianName == "Hausarzt^Hans"
        assert "PatientIdentityRemoved" not in made


def test_scans_in_an_archive_get_objects_too(tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    source = write_visits(tmp_path / "plain")
    packed = tmp_path / "packed"
    packed.mkdir()
    with zipfile.ZipFile(packed / "visits.zip", "w") as archive:
        for path in source.rglob("*"):
            if path.is_file():
                archive.write(path, path.relative_to(source))
    files = dicom_files(make_case(packed)).files
    made = pydicom.dcmread(io.BytesIO(files["sr/timepoint-0_2024-01-10.sr.dcm"]))
    assert made.StudyDate == "20240110"
    assert len(files) == 7


def test_odd_uids_and_dates_of_the_source_are_kept(tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    folder = write_visits(tmp_path)
    for path in folder.rglob("*"):
        if path.is_file():
            with disable_value_validation():
                header = pydicom.dcmread(path)
                header.StudyTime, header.SeriesInstanceUID = (
                    "9 o'clock",
                    f"1.2.03.{path.parent.name[-1]}",
                )
                header.save_as(path)
    case = make_case(folder)
    for content in dicom_files(case).files.values():  # warnings are errors
        with disable_value_validation():
            assert pydicom.dcmread(io.BytesIO(content)).StudyTime == "9 o'clock"


def test_other_sources_are_told_once() -> None:
    found = dicom_files(make_comparison(CaseSpec(shape=(8, 20, 16), spacing_mm=(18, 10, 10))))
    assert found.files == {}
    (decision,) = found.decisions
    assert "no DICOM" in decision.reason
    assert "timepoint-0" in decision.reason
    assert "timepoint-1" in decision.reason


def test_one_foreign_visit_does_not_spoil_the_other(dicom_case: Comparison) -> None:
    pytest.importorskip("highdicom")
    first = dicom_case.results[0]
    timepoint = first.aligned.timepoint
    bare = {r: replace(s, images=()) for r, s in timepoint.series.items()}
    aligned = replace(first.aligned, timepoint=replace(timepoint, series=bare))
    case = replace(dicom_case, results=(replace(first, aligned=aligned), dicom_case.results[1]))
    found = dicom_files(case)
    assert not [name for name in found.files if name.split("/")[1].startswith("timepoint-0")]
    assert "sr/timepoint-1_2024-03-06.sr.dcm" in found.files
    assert not [name for name in found.files if "onto" in name]
    assert len(found.decisions) == 1


def test_without_highdicom_the_rest_is_written(
    dicom_case: Comparison,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    import importlib

    real = importlib.import_module

    def missing(name: str, *rest: Any) -> Any:
        if name == "highdicom":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", missing)
    with caplog.at_level(logging.WARNING):
        out = finish(write_comparison(dicom_case, tmp_path / "out"))
    assert not list(out.rglob("*.dcm"))
    assert (out / "report.html").is_file()
    decisions = json.loads((out / "provenance.json").read_text())["decisions"]
    told = [d["reason"] for d in decisions if d["choice"] == "no DICOM objects are written"]
    assert len(told) == 1
    assert "pip install 'imgcompare-dicom[dicom]'" in told[0]
    assert sum("highdicom" in r.getMessage() for r in caplog.records) == 1


def test_write_comparison_lists_the_objects(dicom_case: Comparison, tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    out = finish(write_comparison(dicom_case, tmp_path / "out"))
    listed = json.loads((out / "provenance.json").read_text())["files"]
    objects = {p.relative_to(out).as_posix() for p in out.rglob("*.dcm")}
    assert len(objects) == 7
    assert objects <= set(listed)
    fewer = replace(dicom_case, results=dicom_case.results[:1])
    finish(write_comparison(fewer, out))
    assert not list(out.rglob("timepoint-1*.dcm"))


@pytest.mark.parametrize("why", ["failed", "one frame"])
def test_no_registration_that_cannot_be_relied_on(why: str, dicom_case: Comparison) -> None:
    pytest.importorskip("highdicom")
    later = dicom_case.results[1]
    aligned = later.aligned
    if why == "failed":
        quality = RegistrationQuality(1.0, 1.0, None, 0.1, False, "no overlap")
        aligned = replace(aligned, to_baseline=Transform(motion(), *FRAMES, quality))
    else:
        (role, series) = next(iter(aligned.timepoint.series.items()))
        grid = Geometry(series.geometry.shape, series.geometry.affine, FRAMES[0])
        timepoint = replace(aligned.timepoint, series={role: replace(series, geometry=grid)})
        aligned = replace(aligned, timepoint=timepoint)
    case = replace(dicom_case, results=(dicom_case.results[0], replace(later, aligned=aligned)))
    assert not [name for name in dicom_files(case).files if name.endswith(".reg.dcm")]


def test_lesions_that_overlap_are_told_apart_as_in_the_label_maps(dicom_case: Comparison) -> None:
    pytest.importorskip("highdicom")
    first = dicom_case.results[0]
    both = replace(first, lesions={1: first.lesions[1], 2: first.lesions[1]})
    made = dicom_files(replace(dicom_case, results=(both,))).files
    seg = pydicom.dcmread(io.BytesIO(made["labels/timepoint-0_2024-01-10_lesions.seg.dcm"]))
    assert [s.SegmentLabel for s in seg.SegmentSequence] == ["lesion 1"]
    assert len(made) == 3
