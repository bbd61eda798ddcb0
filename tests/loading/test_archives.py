"""Zip archives load like folders; bombs, locks, damage and names that climb out end clearly."""

import os
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, generate_uid

from imgcompare.errors import ImgCompareError, NothingFoundError, UnreadableFileError
from imgcompare.geometry import to_sitk
from imgcompare.loading import load_course, scan
from imgcompare.loading.archives import MemberPath, safe_parts
from imgcompare.model import Role, Series
from tests.builders import make_geometry, make_volume
from tests.loading.dicom_builder import NAME, SeriesSpec, write_series
from tests.loading.scanned import only_series


def pack(folder: Path, archive: Path, *, inside: str = "", level: int = 6) -> Path:
    """Zip all files of a folder below a path inside the archive, and delete them."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as file:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            file.write(path, f"{inside}{path.relative_to(folder).as_posix()}")
            path.unlink()
    return archive


@pytest.fixture(autouse=True)
def private_temporary_folder(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A temporary folder of its own, in which nothing may be left of DICOM members."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    lasting = (".mha", ".nii", ".mhd", ".raw", ".packed")  # until the program ends
    assert not [p for p in folder.rglob("*") if p.is_file() and p.suffix not in lasting]


def test_nested_folders_in_an_archive(tmp_path: Path) -> None:
    spec = SeriesSpec("AX T1")
    write_series(tmp_path / "in" / "a b" / "ä", spec)
    archive = pack(tmp_path / "in", tmp_path / "visit.ZIP", inside="PA000001/ST01/")
    for where in (tmp_path, archive):
        series = only_series(where)
        np.testing.assert_array_equal(series.load().array, spec.values())
        assert series.geometry == spec.geometry
        assert series.files == (archive,)


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_unusual_transfer_syntaxes_in_an_archive(tmp_path: Path, syntax: str) -> None:
    spec = SeriesSpec("AX T1")
    for path in write_series(tmp_path / "in", spec):
        dataset = pydicom.dcmread(path)
        words = dataset.pixel_array
        if syntax == ExplicitVRBigEndian:
            dataset.PixelData = words.byteswap().tobytes()
        dataset.file_meta.TransferSyntaxUID = syntax
        # the dataset remembers how it was read unless told otherwise
        pydicom.dcmwrite(
            path, dataset, implicit_vr=False, little_endian=syntax != ExplicitVRBigEndian
        )
    pack(tmp_path / "in", tmp_path / "visit.zip")
    np.testing.assert_array_equal(only_series(tmp_path).load().array, spec.values())


def test_headers_longer_than_the_first_piece(tmp_path: Path) -> None:
    spec = SeriesSpec("AX T1", tags={"TextValue": "x" * 120_000})
    write_series(tmp_path / "in", spec)
    pack(tmp_path / "in", tmp_path / "visit.zip")
    np.testing.assert_array_equal(only_series(tmp_path).load().array, spec.values())


def test_scanning_unpacks_no_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(1).integers(0, 999, (11, 17, 23)).astype(np.int16)
    big = np.tile(array, (1, 20, 20))
    write_series(tmp_path / "in", SeriesSpec(array=big, geometry=make_geometry(big.shape)))
    pack(tmp_path / "in", tmp_path / "visit.zip")
    unpacked = 0
    read = zipfile.ZipExtFile.read

    def counting(self: zipfile.ZipExtFile, n: int | None = -1) -> bytes:
        nonlocal unpacked
        piece = read(self, n)
        unpacked += len(piece)
        return piece

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counting)
    series = only_series(tmp_path)
    assert unpacked <= 11 * 2**14 < big.nbytes
    series.load()
    assert unpacked > big.nbytes


def test_dicom_and_archives_are_one_subject(tmp_path: Path) -> None:
    write_series(tmp_path / "now", SeriesSpec("AX T1", date="20240301"))
    write_series(tmp_path / "in", SeriesSpec("AX T1", date="20240110"), seed=1)
    pack(tmp_path / "in", tmp_path / "before.zip")
    assert [t.name for t in load_course(tmp_path).timepoints] == ["2024-01-10", "2024-03-01"]


def test_converted_files_in_an_archive(tmp_path: Path) -> None:
    volume = make_volume()
    for visit in ("2024-01-10", "2024-03-01"):
        (tmp_path / "in" / visit).mkdir(parents=True)
        sitk.WriteImage(to_sitk(volume.array, volume.geometry), tmp_path / "in" / visit / "t1c.mha")
    pack(tmp_path / "in", tmp_path / "case.zip")
    course = load_course(tmp_path)
    assert [t.name for t in course.timepoints] == ["2024-01-10", "2024-03-01"]
    np.testing.assert_array_equal(course.timepoints[1].series[Role.T1C].load().array, volume.array)


def test_an_archive_per_visit_is_one_subject(tmp_path: Path) -> None:
    volume = make_volume()
    for visit in ("2024-01-10", "2024-03-01"):
        (tmp_path / "in").mkdir(exist_ok=True)
        sitk.WriteImage(to_sitk(volume.array, volume.geometry), tmp_path / "in" / "t1c.mha")
        pack(tmp_path / "in", tmp_path / f"{visit}.zip")
    (tmp_path / "in").rmdir()
    for _ in range(2):  # scanning again unpacks again
        course = load_course(tmp_path)
        assert [t.name for t in course.timepoints] == ["2024-01-10", "2024-03-01"]
        course.timepoints[0].series[Role.T1C].load()


def test_converted_copies_beside_dicom_are_left_out(tmp_path: Path) -> None:
    write_series(tmp_path / "in" / "dicom", SeriesSpec("AX T1"))
    volume = make_volume()
    sitk.WriteImage(to_sitk(volume.array, volume.geometry), tmp_path / "in" / "t1.mha")
    pack(tmp_path / "in", tmp_path / "visit.zip")
    course = load_course(tmp_path)
    assert "1 NIfTI or NRRD file(s) in visit.zip left out: the DICOM images are used" in (
        course.problems
    )


def test_headers_without_end_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = SeriesSpec("AX T1", tags={"TextValue": "x" * 600_000})
    write_series(tmp_path / "in", spec)
    pack(tmp_path / "in", tmp_path / "visit.zip")
    monkeypatch.setattr("imgcompare.loading.unpacking.MAX_PEEKED", 500_000)
    assert "has a header too long to look for its end" in refusal_of(tmp_path / "visit.zip")


def test_objects_in_an_archive_are_listed(tmp_path: Path) -> None:
    path = write_series(tmp_path / "in", SeriesSpec("T1"))[0]
    dataset = pydicom.dcmread(path)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
    dataset.SOPInstanceUID, dataset.Modality = generate_uid(), "SR"
    del dataset.PixelData
    dataset.save_as(tmp_path / "in" / "report")
    archive = pack(tmp_path / "in", tmp_path / "visit.zip")
    (item,) = scan(tmp_path).objects
    assert (item.kind, item.files) == ("structured report", (archive,))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a/b", ("a", "b")),
        ("../../etc/passwd", ("etc", "passwd")),
        ("/etc/passwd", ("etc", "passwd")),
        ("..\\..\\windows\\x", ("windows", "x")),
        ("C:\\x", ("x",)),
        ("a/./../b\0c", ("a", "b")),
        ("..", ()),
    ],
)
def test_names_never_lead_out(name: str, parts: tuple[str, ...]) -> None:
    assert safe_parts(name) == parts
    assert MemberPath("/d/x.zip", zipfile.ZipInfo(name)).startswith("/d/x.zip")


def test_climbing_names_are_read_without_writing_outside(
    tmp_path: Path, private_temporary_folder: Path
) -> None:
    spec = SeriesSpec("AX T1")
    paths = write_series(tmp_path / "in", spec)
    volume = make_volume()
    sitk.WriteImage(to_sitk(volume.array, volume.geometry), tmp_path / "t2.mha")
    (tmp_path / "out").mkdir()
    with zipfile.ZipFile(tmp_path / "out" / "visit.zip", "w") as file:
        for n, path in enumerate(paths):
            file.writestr(f"../../../escape{n}", path.read_bytes())
        file.write(tmp_path / "t2.mha", "../../../escape/t2.mha")
    before = {p for p in tmp_path.rglob("*")}
    around = set(os.listdir(private_temporary_folder.parent))
    for course in scan(tmp_path / "out").courses:
        for series in course.timepoints[0].series.values():
            series.load()
    assert {p for p in tmp_path.rglob("*")} == before
    assert set(os.listdir(private_temporary_folder.parent)) == around


def refusal_of(archive: Path) -> str:
    with pytest.raises(NothingFoundError) as caught:
        scan(archive.parent)
    return str(caught.value)


def test_bombs_are_refused_before_anything_is_unpacked(tmp_path: Path) -> None:
    zeros = bytes(2**20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a", zeros)
    # claim 4 GiB less one for the one member, where it counts: in the list of members
    data = bytearray((tmp_path / "bomb.zip").read_bytes())
    at = data.rfind(b"PK\1\2")
    data[at + 24 : at + 28] = struct.pack("<I", 2**32 - 2)
    (tmp_path / "bomb.zip").write_bytes(data)
    text = refusal_of(tmp_path / "bomb.zip")
    assert "claims to unpack from" in text
    assert "4,294,967,294 bytes; the limits are 64 GiB, and 200 times above 1 GiB" in text


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgcompare.loading.archives.MAX_MEMBERS", 3)
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as file:
        for n in range(4):
            file.writestr(f"{n}", b"")
    assert "claims 4 members; the limit is 3" in refusal_of(tmp_path / "many.zip")
    monkeypatch.setattr("imgcompare.loading.archives.MAX_DIRECTORY_BYTES", 100)
    assert "claims more than 3 members" in refusal_of(tmp_path / "many.zip")


def test_a_member_longer_than_it_claims_ends(tmp_path: Path) -> None:
    path = write_series(tmp_path / "in", SeriesSpec())[0]
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a", path.read_bytes())
    data = bytearray((tmp_path / "x.zip").read_bytes())
    at = data.rfind(b"PK\1\2")
    data[at + 24 : at + 28] = struct.pack("<I", 300)
    (tmp_path / "in" / "x.zip").write_bytes(data)
    with pytest.raises(ImgCompareError):
        scan(tmp_path / "in" / "x.zip")


def test_locked_and_damaged_archives_are_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "locked.zip", "w") as file:
        file.writestr("a", b"secret")
    data = bytearray((tmp_path / "locked.zip").read_bytes())
    data[data.rfind(b"PK\1\2") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(data)
    assert "archive locked.zip is encrypted; unpack it" in refusal_of(tmp_path / "locked.zip")
    (tmp_path / "locked.zip").write_bytes(b"PK\3\4" + bytes(100))
    assert "archive locked.zip cannot be opened (BadZipFile)" in refusal_of(tmp_path / "locked.zip")


def test_a_damaged_member_among_good_ones(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "in", SeriesSpec("T1"))
    archive = tmp_path / "visit.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in paths:
            file.write(path, path.name)
    data = bytearray(archive.read_bytes())
    at = data.find(b"DICM")
    data[at + 900] ^= 255  # within the pixels: only the checksum tells
    archive.write_bytes(data)
    result = scan(archive)
    assert any("cannot be unpacked (BadZipFile)" in p for p in result.problems) or any(
        _fails(s) for c in result.courses for t in c.timepoints for s in (*t.series.values(),)
    )


def _fails(series: Series) -> bool:
    with pytest.raises(UnreadableFileError, match=r"cannot be unpacked from visit\.zip"):
        series.load()
    return True


def test_an_archive_that_vanishes_before_loading(tmp_path: Path) -> None:
    write_series(tmp_path / "in", SeriesSpec("T1"))
    archive = pack(tmp_path / "in", tmp_path / "visit.zip")
    series = only_series(tmp_path)
    archive.unlink()
    with pytest.raises(UnreadableFileError, match=r"cannot be unpacked from visit\.zip"):
        series.load()


def test_names_of_patients_in_archives_are_hidden(tmp_path: Path) -> None:
    write_series(tmp_path / "in", SeriesSpec("T1"))
    family = NAME.split("^")[0]
    (tmp_path / "in" / f"{family}.dcm").write_bytes(b"x" * 500)
    pack(tmp_path / "in", tmp_path / f"{family}.zip")
    problems = scan(tmp_path).problems
    assert problems
    assert not any(family in p for p in problems)
