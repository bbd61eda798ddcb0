"""A compressed frame that claims another size, or has no end, never reaches a decoder."""

import contextlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

from imgcompare.errors import SeriesError, UnreadableFileError
from imgcompare.loading import scan
from imgcompare.loading._kernels import unpack_bits
from imgcompare.loading.codestream import claimed_size, is_cut_off, is_lossy
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series

PLANE = np.random.default_rng(0).integers(0, 4000, (24, 31)).astype(np.uint16)
FRAMES: dict[str, Any] = {
    "lossless JPEG": imagecodecs.ljpeg_encode(PLANE),
    "JPEG-LS": imagecodecs.jpegls_encode(PLANE),
    "JPEG 2000": imagecodecs.jpeg2k_encode(PLANE, codecformat="j2k", level=0),
    "JPEG 2000 in boxes": imagecodecs.jpeg2k_encode(PLANE, codecformat="jp2", level=0),
    "JPEG": imagecodecs.jpeg8_encode((PLANE // 16).astype(np.uint8)),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_size_is_read_from_the_frame(kind: str) -> None:
    frame = bytes(FRAMES[kind])
    assert claimed_size(frame) == (24, 31, 1)
    assert not is_cut_off(frame)
    assert is_cut_off(frame[:-20])


@pytest.mark.parametrize("level", [0, 3])
def test_frames_say_that_they_changed_values(level: int) -> None:
    assert is_lossy(bytes(imagecodecs.jpegls_encode(PLANE, level=level))) is (level > 0)
    exact = imagecodecs.jpeg2k_encode(PLANE, codecformat="j2k", level=0)
    rounded = imagecodecs.jpeg2k_encode(PLANE, codecformat="j2k", level=40, reversible=False)
    assert is_lossy(bytes(rounded if level else exact)) is (level > 0)
    for frame in (b"", b"\xff\xf7\xff\xda", b"\xff\x4f\xff\x51", bytes(FRAMES["lossless JPEG"])):
        assert not is_lossy(frame)


@pytest.mark.parametrize("frame", [b"", b"\xff\xd8", b"\xff\x4f\xff\x51", b"GIF89a" + bytes(40)])
def test_no_frame_has_no_size(frame: bytes) -> None:
    assert claimed_size(frame) is None


def test_runs_are_unpacked() -> None:
    packed = np.array([2, 7, 8, 9, 254, 5, 128, 0, 1], np.uint8)
    out = np.zeros(7, np.uint8)
    assert unpack_bits(packed, 0, len(packed), out) == 7
    assert out.tolist() == [7, 8, 9, 5, 5, 5, 1]


@pytest.mark.parametrize("seed", range(30))
def test_damaged_runs_stay_inside_their_arrays(seed: int) -> None:
    rng = np.random.default_rng(seed)
    packed = rng.integers(0, 256, 50).astype(np.uint8)
    out = np.zeros(40, np.uint8)
    assert 0 <= unpack_bits(packed, 0, len(packed), out) <= 40
    assert unpack_bits(packed, 50, 50, out) == 0


@pytest.mark.parametrize("seed", range(20))
def test_damaged_rle_files_end_in_an_error_or_a_volume(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = make_geometry((3, 12, 9))
    paths = write_series(tmp_path, SeriesSpec(geometry=grid))
    for path in paths:
        dataset = pydicom.dcmread(path)
        dataset.compress(RLELossless)
        dataset.save_as(path)
    data = bytearray(paths[1].read_bytes())
    for at in rng.integers(len(data) - 250, len(data), 6):
        data[at] = rng.integers(256)
    paths[1].write_bytes(bytes(data))
    (course,) = scan(tmp_path).courses
    (series,) = (*course.timepoints[0].series.values(), *course.timepoints[0].others)
    with contextlib.suppress(UnreadableFileError, SeriesError):
        assert series.load().array.shape == grid.shape
