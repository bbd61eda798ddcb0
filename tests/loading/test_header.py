"""The quick tag walk gives what pydicom gives, and falls back to it where it must."""

import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from imgcompare.errors import UnreadableFileError
from imgcompare.loading import walking
from imgcompare.loading.header import find_data_set, read_header, read_values
from imgcompare.loading.tags import BINARY_TAGS, WANTED_TAGS, date, seconds, text
from imgcompare.loading.unknown import step_over
from imgcompare.loading.walking import BytesWindow, Pixels, Walker, Window
from tests.loading.dicom_builder import SeriesSpec, write_series

LITTLE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


def one_file(folder: Path, **spec: Any) -> Path:
    return write_series(folder, SeriesSpec(**spec))[0]


@pytest.mark.parametrize("syntax", LITTLE)
def test_walk_agrees_with_pydicom(tmp_path: Path, syntax: str) -> None:
    path = one_file(tmp_path, syntax=syntax, slope=2.5, intercept=-7.0)
    header = read_header(path)
    assert header is not None
    dataset = pydicom.dcmread(path)
    for tag in WANTED_TAGS:
        if tag in dataset and tag not in BINARY_TAGS:
            value = dataset[tag].value
            many = isinstance(value, pydicom.multival.MultiValue)
            expected = "\\".join(map(str, value)) if many else str(value)
            assert text(header.values[tag]) == expected
        elif tag not in dataset:
            assert tag not in header.values
    data = path.read_bytes()
    assert header.pixel_offset is not None
    start = header.pixel_offset
    assert data[start : start + header.pixel_length] == dataset.PixelData


@pytest.mark.parametrize("syntax", LITTLE)
@pytest.mark.parametrize("undefined", [True, False])
def test_sequences_are_stepped_over(tmp_path: Path, syntax: str, undefined: bool) -> None:
    inner = Dataset()
    inner.SeriesDescription = "inside a sequence"
    inner.is_undefined_length_sequence_item = undefined
    nested = Dataset()
    nested.ReferencedImageSequence = [inner]
    path = one_file(tmp_path, syntax=syntax, tags={"ReferencedStudySequence": [nested, inner]})
    if undefined:
        dataset = pydicom.dcmread(path)
        dataset["ReferencedStudySequence"].is_undefined_length = True
        dataset.save_as(path)
    header = read_header(path)
    assert header is not None
    assert header.values[0x0008103E].strip() == b"AX T1"
    assert header.pixel_offset is not None


@pytest.mark.parametrize("syntax", [DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_deflated_and_big_endian_files_give_the_same_values(tmp_path: Path, syntax: str) -> None:
    path = one_file(tmp_path, tags={"DiffusionBValue": 800.0, "PixelPaddingValue": -2000})
    plain = read_header(path)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        words = dataset.pixel_array.astype(">i2")
        dataset.PixelData = words.tobytes()
        pydicom.dcmwrite(path, dataset, implicit_vr=False, little_endian=False)
    else:
        dataset.save_as(path)
    header = read_header(path)
    assert header is not None
    assert plain is not None
    assert header.values == plain.values
    assert header.pixel_length == plain.pixel_length
    data = path.read_bytes()
    if syntax == DeflatedExplicitVRLittleEndian:
        data = zlib.decompress(data[144 + int.from_bytes(data[140:144], "little") :], -15)
    assert header.pixel_offset is not None
    assert data[header.pixel_offset :][: header.pixel_length] == dataset.PixelData


@pytest.mark.parametrize("noise", [False, True])
def test_long_value_of_a_deflated_file_is_whole(tmp_path: Path, noise: bool) -> None:
    long = np.random.default_rng(0).bytes(200_000) if noise else bytes(200_000)
    path = one_file(tmp_path)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.private_block(0x0009, "MAKER", create=True).add_new(0x10, "OB", long)
    dataset.save_as(path)
    values, _ = read_values(path, frozenset({0x00091010, 0x00280010}))
    assert values[0x00091010] == long
    assert values[0x00280010] == dataset.Rows.to_bytes(2, "little")


def test_damaged_deflated_file_is_refused(tmp_path: Path) -> None:
    path = one_file(tmp_path)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    data = bytearray(path.read_bytes())
    start = 144 + int.from_bytes(data[140:144], "little")
    data[start : start + 8] = b"\xff" * 8
    path.write_bytes(bytes(data))
    with pytest.raises(UnreadableFileError, match="deflated"):
        read_header(path)


def test_bomb_of_a_deflated_header_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "MAX_INFLATED_HEADER", 1 << 20)
    path = one_file(tmp_path)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    data = path.read_bytes()
    start = 144 + int.from_bytes(data[140:144], "little")
    bomb = b"\x09\x00\x05\x10UN\0\0" + (1 << 30).to_bytes(4, "little") + bytes(1 << 24)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    path.write_bytes(data[:start] + packer.compress(bomb) + packer.flush())
    with pytest.raises(UnreadableFileError, match="enormous"):
        read_header(path)


def random_file(path: Path, rng: np.random.Generator, syntax: str) -> Path:
    """Write a file whose elements come, go, nest and change length at random."""
    tags: dict[str, Any] = {
        "ProtocolName": "p" * int(rng.integers(1, 9)),
        "InstanceNumber": int(rng.integers(1, 2000)),
        "ImageComments": "c" * int(rng.integers(0, 40)),
        "SliceLocation": float(rng.integers(0, 20_000)) / 8,
    }
    path = write_series(path, SeriesSpec(syntax=syntax, tags=tags))[0]
    dataset = pydicom.dcmread(path)
    for keyword in ("ProtocolName", "SeriesDescription", "ImageComments"):
        if rng.random() < 0.2:
            delattr(dataset, keyword)
    for number in rng.integers(1, 5, 2):
        dataset.add_new(0x00291000 + int(number), "OB", bytes(2 * int(rng.integers(0, 40))))
    if rng.random() < 0.5:
        inner = Dataset()
        inner.ProtocolName = "inside"
        inner.is_undefined_length_sequence_item = rng.random() < 0.5
        dataset.ReferencedImageSequence = [inner] * int(rng.integers(0, 3))
        dataset["ReferencedImageSequence"].is_undefined_length = rng.random() < 0.5
    dataset.save_as(path)
    return path


def walked(path: Path, walker: Walker) -> tuple[dict[int, bytes], Pixels | None]:
    with path.open("rb") as file:
        window = Window(file.fileno())
        start, _ = find_data_set(window)
        values: dict[int, bytes] = {}
        return values, walker.walk(window, start, values)


@pytest.mark.parametrize("syntax", LITTLE)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=6, deadline=None)
def test_remembered_layouts_change_nothing(syntax: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    wanted, explicit = frozenset(WANTED_TAGS), syntax == ExplicitVRLittleEndian
    experienced = Walker(wanted, explicit=explicit)
    with tempfile.TemporaryDirectory() as folder:
        for n in range(8):
            path = random_file(Path(folder) / str(n), rng, syntax)
            found = walked(path, experienced)
            assert found == walked(path, Walker(wanted, explicit=explicit))
            dataset = pydicom.dcmread(path)
            assert found[1] is not None
            assert path.read_bytes()[found[1].offset :] == dataset.PixelData
            for keyword in ("ProtocolName", "InstanceNumber", "SeriesDescription"):
                value = found[0].get(int(pydicom.datadict.tag_for_keyword(keyword) or 0))
                assert text(value) == str(dataset.get(keyword, ""))


def test_file_without_preamble(tmp_path: Path) -> None:
    path = one_file(tmp_path, syntax=ImplicitVRLittleEndian)
    data = path.read_bytes()
    # the group length element tells where the data set starts
    start = 144 + int.from_bytes(data[140:144], "little")
    bare = tmp_path / "bare"
    bare.write_bytes(data[start:])
    header = read_header(bare)
    assert header is not None
    assert text(header.values[0x0008103E]) == "AX T1"


@pytest.mark.parametrize("content", [b"", b"not an image", bytes(500), b"\x89PNG" + bytes(300)])
def test_other_files_are_no_dicom(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert read_header(path) is None


@pytest.mark.parametrize("length", [140, 200, 400, 520])
def test_file_cut_within_its_header_is_refused(tmp_path: Path, length: int) -> None:
    path = one_file(tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UnreadableFileError, match=r"cut off|damaged"):
        read_header(path)


def test_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="opened"):
        read_header(tmp_path / "absent")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("19591209", "1959-12-09"),
        ("1959.12.09", "1959-12-09"),
        ("19000101", "1900-01-01"),
        ("20240230", None),
        ("", None),
        ("2024", None),
    ],
)
def test_dates(value: str, expected: str | None) -> None:
    found = date(value)
    assert (found.isoformat() if found else None) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("101500", 36900.0),
        ("101500.25", 36900.25),
        ("10:15:00", 36900.0),
        ("1015", 36900.0),
        ("10", 36000.0),
        ("", None),
        ("noon", None),
    ],
)
def test_times(value: str, expected: float | None) -> None:
    assert seconds(value) == expected


def test_text_in_other_character_sets() -> None:
    assert text("Schädel".encode("latin-1"), b"ISO_IR 100") == "Schädel"
    assert text("頭部".encode(), b"ISO_IR 192") == "頭部"
    assert text(b"\xff\xfe", b"nonsense")  # unknown sets never fail


@pytest.mark.parametrize("cut", [0, 1, 9])
def test_sequences_within_un_are_stepped_over_or_cut_off(cut: int) -> None:
    undefined, nothing = b"\xff" * 4, bytes(4)
    inner = b"\x08\x00\x50\x11" + struct.pack("<I", 4) + b"1.2\0"
    nested = b"\x08\x00\x15\x11" + undefined + b"\xfe\xff\x00\xe0" + struct.pack("<I", 12) + inner
    items = b"\xfe\xff\x00\xe0" + undefined + inner + nested + b"\xfe\xff\xdd\xe0" + nothing
    items += b"\xfe\xff\x0d\xe0" + nothing
    data = b"head" + items + b"\xfe\xff\xdd\xe0" + nothing
    if cut:
        with pytest.raises(UnreadableFileError, match="cut off"):
            step_over(BytesWindow(data[:-cut]), 4, 100)
    else:
        assert step_over(BytesWindow(data + b"more"), 4, 100) == (len(data), len(items), 7)
        assert step_over(BytesWindow(data), 4, 3)[2] == 3
