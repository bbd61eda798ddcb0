"""A DICOMDIR is a hint: what it lacks or gets wrong changes nothing, what it misses is said."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from imgcompare.loading import load_course, scan
from imgcompare.loading.dicomdir import absent_files, references
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.scanned import only_series

SPEC = SeriesSpec("AX T1", tags={"PatientID": "77", "StudyID": "1"})


def write_disc(folder: Path) -> list[Path]:
    """Write a series with its DICOMDIR, as discs have it; give the files."""
    place = folder / "PA000001" / "SE000001"
    place.mkdir(parents=True)
    paths = []
    for n, path in enumerate(write_series(folder.parent / "made", SPEC)):
        paths.append(path.rename(place / f"IM{n:06d}"))
    write_directory(folder / "DICOMDIR", [p.relative_to(folder).parts for p in paths])
    return paths


def write_directory(path: Path, names: list[tuple[str, ...]]) -> None:
    """Write a DICOMDIR with a record for each file (and one for a patient, without a file)."""
    directory = Dataset()
    directory.file_meta = FileMetaDataset()
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    directory.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    directory.FileSetID = "DISC"
    records = [Dataset()]
    records[0].DirectoryRecordType, records[0].PatientName = "PATIENT", "Other^One"
    for parts in names:
        record = Dataset()
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", list(parts)
        records.append(record)
    directory.DirectoryRecordSequence = records
    directory.save_as(path, enforce_file_format=True)


def test_a_disc_loads_like_its_files(tmp_path: Path) -> None:
    paths = write_disc(tmp_path / "disc")
    disc = tmp_path / "disc"
    assert len(references(str(disc / "DICOMDIR"))) == len(paths) == 11
    for where in (disc, disc / "DICOMDIR"):
        assert scan(where).problems == ()
        np.testing.assert_array_equal(only_series(where).load().array, SPEC.values())


def test_files_that_are_gone_are_named(tmp_path: Path) -> None:
    paths = write_disc(tmp_path / "disc")
    paths[0].unlink()
    paths[7].unlink()
    (problem,) = scan(tmp_path / "disc").problems
    assert problem.startswith("the DICOMDIR names 11 files, 2 of them not here (")
    assert paths[0].relative_to(tmp_path / "disc").as_posix() in problem
    assert "is incomplete" in only_series(tmp_path / "disc").refusal


def test_names_in_other_case_and_with_versions_are_the_same(tmp_path: Path) -> None:
    paths = write_disc(tmp_path / "disc")
    paths[3].rename(paths[3].with_name(paths[3].name.lower() + ";1"))
    assert scan(tmp_path / "disc").problems == ()


def test_a_directory_of_another_patient_changes_nothing(tmp_path: Path) -> None:
    paths = write_disc(tmp_path / "disc")
    write_directory(tmp_path / "disc" / "DICOMDIR", [("PA000009", "IM000001")])
    course = load_course(tmp_path / "disc")
    (series,) = course.timepoints[0].series.values()
    assert len(series.files) == len(paths)
    assert any(
        "names 1 files, 1 of them not here (PA000009/IM000001)" in p for p in course.problems
    )


@pytest.mark.parametrize("content", [b"", b"\0" * 200, b"\x04\x00\x00\x15CS\xff\xff"])
def test_a_damaged_directory_changes_nothing(tmp_path: Path, content: bytes) -> None:
    write_series(tmp_path, SPEC)
    (tmp_path / "DICOMDIR").write_bytes(content)
    np.testing.assert_array_equal(only_series(tmp_path).load().array, SPEC.values())


def test_an_image_named_like_a_directory_is_read(tmp_path: Path) -> None:
    paths = write_series(tmp_path, SPEC)
    paths[4].rename(tmp_path / "DICOMDIR")
    series = only_series(tmp_path)
    assert not series.refusal
    assert pydicom.dcmread(tmp_path / "DICOMDIR").Rows == 17


def test_absent_files_are_counted(tmp_path: Path) -> None:
    write_disc(tmp_path / "disc")
    count, absent = absent_files(str(tmp_path / "disc" / "DICOMDIR"), [])
    assert count == len(absent) == 11
