"""Frames are found in encapsulated pixels, whole or in fragments, with or without a table."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLSLossless

from imgcompare.errors import UnreadableFileError
from imgcompare.loading import load_course
from imgcompare.model import Role
from tests.loading.enhanced_builder import write_enhanced
from tests.loading.hard_cases import SYNTAXES, rewrite


def encode(path: Path, *, fragments: int, table: bool) -> None:
    """Compress a multi-frame file, each frame in several fragments."""
    dataset = pydicom.dcmread(path)
    code = SYNTAXES["JPEG-LS (.80)"][2]
    assert code is not None
    frames = [code(plane) for plane in dataset.pixel_array.astype(np.uint16)]
    dataset.PixelData = encapsulate(frames, fragments_per_frame=fragments, has_bot=table)
    dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    dataset.save_as(path)


@pytest.mark.parametrize("fragments", [1, 3])
@pytest.mark.parametrize("table", [False, True])
def test_frames_in_fragments(tmp_path: Path, fragments: int, table: bool) -> None:
    expected = write_enhanced(tmp_path / "file", order=[2, 0, 3, 1])
    encode(tmp_path / "file", fragments=fragments, table=table)
    series = load_course(tmp_path).timepoints[0].series[Role.T1]
    np.testing.assert_array_equal(series.load().array, expected)


def test_missing_end_of_fragments_is_truncation(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "file", order=[2, 0, 3, 1])
    encode(tmp_path / "file", fragments=1, table=False)
    series = load_course(tmp_path).timepoints[0].series[Role.T1]
    data = (tmp_path / "file").read_bytes()
    (tmp_path / "file").write_bytes(data[:-60])
    with pytest.raises(UnreadableFileError, match="file is truncated"):
        series.load()


def test_fewer_frames_than_claimed_are_named(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "file", order=[2, 0, 3, 1])
    encode(tmp_path / "file", fragments=1, table=False)
    dataset = pydicom.dcmread(tmp_path / "file")
    frames = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=4))[:2]
    dataset.PixelData = encapsulate(frames, has_bot=False)
    dataset.save_as(tmp_path / "file")
    series = load_course(tmp_path).timepoints[0].series[Role.T1]
    with pytest.raises(UnreadableFileError, match=r"2 compressed frames .* says 4"):
        series.load()


@pytest.mark.parametrize("name", ["big-endian", "deflated"])
def test_multi_frame_files_of_other_encodings(tmp_path: Path, name: str) -> None:
    expected = write_enhanced(tmp_path / "file", order=[1, 0, 2, 3])
    rewrite(tmp_path / "file", SYNTAXES[name][0], None)
    series = load_course(tmp_path).timepoints[0].series[Role.T1]
    np.testing.assert_array_equal(series.load().array, expected)
