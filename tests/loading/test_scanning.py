"""Bad input ends in one clear sentence; good input among bad is still found."""

import contextlib
import os
import random
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import generate_uid

from imgcompare.errors import ImgCompareError, NothingFoundError, UnreadableFileError
from imgcompare.loading import load_course, scan, scan_as_dict, summary_rows
from imgcompare.model import Role
from tests.loading.dicom_builder import SeriesSpec, write_series


def test_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(NothingFoundError, match="empty"):
        scan(tmp_path)


def test_folder_without_images(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "data.csv").write_text("a,b")
    with pytest.raises(NothingFoundError, match="none of 2 files"):
        scan(tmp_path)


def test_path_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(NothingFoundError, match=r"no file or folder 'absent'"):
        scan(tmp_path / "absent")


def test_no_path() -> None:
    with pytest.raises(NothingFoundError, match="No folder was given"):
        scan([])


def test_single_file_is_a_series_of_one_slice(tmp_path: Path) -> None:
    path = write_series(tmp_path, SeriesSpec("T1"))[0]
    (course,) = scan(path).courses
    assert course.timepoints[0].series[Role.T1].geometry.shape[0] == 1


def test_only_damaged_files(tmp_path: Path) -> None:
    path = write_series(tmp_path, SeriesSpec("T1"))[0]
    data = path.read_bytes()
    for other in tmp_path.iterdir():
        other.unlink()
    (tmp_path / "cut.dcm").write_bytes(data[:300])
    with pytest.raises(NothingFoundError, match=r"No usable image.*cut\.dcm"):
        scan(tmp_path)


def test_damaged_file_among_good_ones_is_named_and_left_out(tmp_path: Path) -> None:
    paths = write_series(tmp_path, SeriesSpec("T1"))
    (tmp_path / "broken.dcm").write_bytes(paths[0].read_bytes()[:300])
    (tmp_path / "garbage.dcm").write_bytes(os.urandom(500))
    (tmp_path / "empty.dcm").write_bytes(b"")
    course = load_course(tmp_path)
    assert not course.timepoints[0].series[Role.T1].refusal
    for name in ("broken.dcm", "garbage.dcm", "empty.dcm"):
        assert any(name in p and "left out" in p for p in course.problems)


def test_notes_beside_images_are_no_problem(tmp_path: Path) -> None:
    write_series(tmp_path, SeriesSpec("T1"))
    (tmp_path / "LICENSE").write_text("free")
    (tmp_path / "readme.txt").write_text("hello")
    (tmp_path / ".hidden").write_bytes(b"\0")
    assert scan(tmp_path).problems == ()


def test_links_in_circles_end(tmp_path: Path) -> None:
    write_series(tmp_path / "scans", SeriesSpec("T1"))
    (tmp_path / "scans" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "scans" / "self").symlink_to("self")
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    (tmp_path / "again").symlink_to(tmp_path / "scans", target_is_directory=True)
    (course,) = scan(tmp_path).courses
    series = course.timepoints[0].series[Role.T1]
    assert not any("duplicate" in p for p in series.problems)


def test_other_objects_are_recognised_and_counted(tmp_path: Path) -> None:
    paths = write_series(tmp_path, SeriesSpec("T1"))
    for sop_class, modality in (
        ("1.2.840.10008.5.1.4.1.1.7", "OT"),
        ("1.2.840.10008.5.1.4.1.1.88.33", "SR"),
    ):
        dataset = pydicom.dcmread(paths[0])
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class
        dataset.SOPInstanceUID = generate_uid()
        dataset.Modality = modality
        dataset.save_as(tmp_path / f"other{modality}")
    result = scan(tmp_path)
    assert result.problems == ()
    assert {o.kind: o.count for o in result.objects} == {
        "secondary capture": 1,
        "structured report": 1,
    }
    assert {(o.subject, o.timepoint) for o in result.objects} == {("subject-01", "2024-01-10")}


def test_scan_reads_no_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_series(tmp_path, SeriesSpec("T1"))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("pixels were read")

    monkeypatch.setattr("imgcompare.loading.frames.FrameReader.read_into", refuse)
    (course,) = scan(tmp_path).courses
    with pytest.raises(UnreadableFileError, match="AssertionError"):
        course.timepoints[0].series[Role.T1].load()


def test_summary_tells_what_a_person_needs(tmp_path: Path) -> None:
    write_series(tmp_path, SeriesSpec("AX T1 POST GD", number=8))
    write_series(tmp_path, SeriesSpec("scout", number=1), seed=1)
    result = scan(tmp_path)
    chosen = summary_rows(result)[0]
    assert chosen.role == "T1C"
    assert chosen.chosen
    assert chosen.size == "11×17×23"
    assert chosen.spacing_mm == "3×0.9×0.7"
    assert chosen.plane == "axial"
    assert "post gd" in chosen.reason
    shown = scan_as_dict(result)["subjects"][0]["timepoints"][0]["series"]
    assert {s["role"]: s["chosen"] for s in shown} == {"T1C": True, "LOCALIZER": False}
    assert "files" not in shown[0]


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bytes_end_in_a_volume_or_an_error(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    paths = write_series(tmp_path, SeriesSpec("T1"))
    data = bytearray(paths[3].read_bytes())
    for _ in range(chance.randint(1, 12)):
        data[chance.randrange(132, 900)] = chance.randrange(256)
    paths[3].write_bytes(bytes(data[: chance.choice((None, 300, 700, 1200))]))
    with contextlib.suppress(ImgCompareError):
        for course in scan(tmp_path).courses:
            for timepoint in course.timepoints:
                for series in (*timepoint.series.values(), *timepoint.others):
                    series.load()


def test_archives_that_are_not_opened_are_named(tmp_path: Path) -> None:
    (tmp_path / "scans.7z").write_bytes(bytes(100))
    with pytest.raises(NothingFoundError, match=r"archive scans\.7z is not opened"):
        scan(tmp_path)


def test_dicomdir_is_ignored(tmp_path: Path) -> None:
    paths = write_series(tmp_path, SeriesSpec("T1"))
    directory = pydicom.dcmread(paths[0])
    del directory.SOPClassUID
    del directory.Rows
    directory.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    pydicom.dcmwrite(tmp_path / "DICOMDIR", directory)
    result = scan(tmp_path)
    assert result.problems == ()
    assert len(result.courses[0].timepoints[0].series) == 1
