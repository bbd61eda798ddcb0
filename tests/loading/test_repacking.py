"""Tar archives, packed files and archives inside archives load like folders; bombs of them end."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import SimpleITK as sitk

from imgcompare.geometry import to_sitk
from imgcompare.loading import load_course, scan
from imgcompare.model import Role
from tests.builders import make_volume
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.scanned import only_series
from tests.loading.test_archives import pack, private_temporary_folder, refusal_of

__all__ = ["private_temporary_folder"]  # a fixture of every test here


def tarred(folder: Path, archive: Path, mode: Literal["w", "w:gz", "w:xz"]) -> Path:
    """Pack all files of a folder into a tar archive, and delete them."""
    with tarfile.open(archive, mode) as file:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            file.add(path, f"study/{path.relative_to(folder).as_posix()}")
            path.unlink()
    return archive


def packed(folder: Path, kind: str) -> Path:
    """Pack a folder of DICOM files in one of the ways in which exports come."""
    stage = folder.parent / "out"
    stage.mkdir()
    match kind:
        case "tar":
            return tarred(folder, stage / "visit.tar", "w")
        case "tgz":
            return tarred(folder, stage / "visit.tgz", "w:gz")
        case "tar.xz":
            return tarred(folder, stage / "visit.tar.xz", "w:xz")
        case "gz":
            for path in folder.iterdir():
                (stage / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
            return stage
        case "zip of gz":
            for path in list(folder.iterdir()):
                (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
                path.unlink()
            return pack(folder, stage / "visit.zip")
        case "tgz of zip":
            (folder.parent / "between").mkdir()
            pack(folder, folder.parent / "between" / "series.zip")
            return tarred(folder.parent / "between", stage / "visit.tgz", "w:gz")
    for level in range(int(kind)):  # zips inside zips
        (folder.parent / f"{level}").mkdir()
        pack(folder, folder.parent / f"{level}" / f"inner{level}.zip")
        folder = folder.parent / f"{level}"
    return pack(folder, stage / "visit.zip")


@pytest.mark.parametrize(
    "kind", ["tar", "tgz", "tar.xz", "gz", "zip of gz", "tgz of zip", "1", "2", "3"]
)
def test_archives_of_other_kinds_and_inside_archives(tmp_path: Path, kind: str) -> None:
    spec = SeriesSpec("AX T1")
    write_series(tmp_path / "in", spec)
    archive = packed(tmp_path / "in", kind)
    for _ in range(2):  # scanning again copies again
        series = only_series(archive)
        np.testing.assert_array_equal(series.load().array, spec.values())
        assert series.geometry == spec.geometry
        assert all(f.is_relative_to(archive) and f.is_file() for f in series.files)


def test_archives_too_deep_inside_are_named(tmp_path: Path) -> None:
    write_series(tmp_path / "in", SeriesSpec("T1"))
    said = refusal_of(packed(tmp_path / "in", "4"))
    assert "visit.zip/inner3.zip/inner2.zip/inner1.zip/inner0.zip is not opened: it lies" in said


def test_converted_files_in_inner_archives(tmp_path: Path) -> None:
    """An archive per visit in one archive is like a folder per visit; voxels may lie apart."""
    volume = make_volume()
    (tmp_path / "stage").mkdir()
    for visit in ("2024-01-10", "2024-03-01"):
        (tmp_path / "in").mkdir(exist_ok=True)
        sitk.WriteImage(to_sitk(volume.array, volume.geometry), tmp_path / "in" / "t1c.mhd")
        pack(tmp_path / "in", tmp_path / "stage" / f"{visit}.zip")
    pack(tmp_path / "stage", tmp_path / "case.zip")
    course = load_course(tmp_path / "case.zip")
    assert [t.name for t in course.timepoints] == ["2024-01-10", "2024-03-01"]
    np.testing.assert_array_equal(course.timepoints[1].series[Role.T1C].load().array, volume.array)


def test_bombs_of_other_kinds_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgcompare.loading.repacking.HARMLESS_BYTES", 2**18)
    (tmp_path / "x.tar.gz").write_bytes(b"")
    info = tarfile.TarInfo("a")
    info.size = 8 * 2**20
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as file:
        file.addfile(info, io.BytesIO(bytes(info.size)))
    start = bytes(128) + b"DICM"
    (tmp_path / "y.dcm.gz").write_bytes(gzip.compress(start + bytes(8 * 2**20)))
    said = refusal_of(tmp_path / "x.tar.gz")
    assert "archive x.tar.gz unpacks to more than" in said
    assert "archive y.dcm.gz unpacks to more than" in said


def test_an_archive_that_holds_itself_again_and_again_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgcompare.loading.repacking.MAX_INNER", 20)
    data = b""
    for _ in range(4):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as outer:
            for n in range(16):
                outer.writestr(f"{n}.zip", data)
        data = file.getvalue()
    (tmp_path / "42.zip").write_bytes(data)
    assert "42.zip" in refusal_of(tmp_path / "42.zip")
    said = scan_problems(tmp_path)
    assert sum("20 archives inside are the limit" in p for p in said) == 1
    assert len(said) < 30


def scan_problems(folder: Path) -> tuple[str, ...]:
    """Problems of a folder, with a series beside what it holds."""
    write_series(folder / "beside", SeriesSpec("T1"))
    return scan(folder).problems


def test_names_in_tar_archives_lead_nowhere(tmp_path: Path) -> None:
    spec = SeriesSpec("AX T1")
    (tmp_path / "out").mkdir()
    with tarfile.open(tmp_path / "out" / "visit.tar", "w") as file:
        for n, path in enumerate(write_series(tmp_path / "in", spec)):
            file.add(path, f"../../escape{n % 2}")  # names twice, too
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
    before = {p for p in tmp_path.rglob("*")}
    np.testing.assert_array_equal(only_series(tmp_path / "out").load().array, spec.values())
    assert {p for p in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("damage", ["cut", "junk", "long name"])
def test_damaged_tar_archives_are_named(tmp_path: Path, damage: str) -> None:
    write_series(tmp_path / "in", SeriesSpec("AX T1"))
    archive = tarred(tmp_path / "in", tmp_path / "visit.tgz", "w:gz")
    data = archive.read_bytes()
    if damage == "long name":
        info = tarfile.TarInfo("x")
        info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2**33
        data = gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(2**16))
    archive.write_bytes({"cut": data[:-200], "junk": b"junk" * 300}.get(damage, data))
    assert "archive visit.tgz cannot be unpacked (" in refusal_of(archive)
